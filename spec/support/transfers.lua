--- Money that moves between two accounts on two workers of the real program, while that is killed again and again.
--- Whoever got no answer asks again. What was answered is in books, of which each client has one.
---
--- TROUPE_ROUNDS: how often it is killed (10). TROUPE_SEED repeats what is asked, though not when the host dies.

local cjson = require "cjson"
local crowd = require "spec.support.crowd"
local hosts = require "spec.support.hosts"
local http = require "spec.support.http"
local program = require "spec.support.program"
local spread = require "spec.support.spread"

local transfers = {
  MONEY = 1000000,      -- of each of the two accounts at first
  ROUNDS = tonumber(os.getenv "TROUPE_ROUNDS" or 10),
  SEED = tonumber(os.getenv "TROUPE_SEED") or os.time(),
}

local CLIENTS, WORKERS, START_S = 32, 2, 0.03

--- How money moves. `request(transfer)` returns the path and the arguments of the call; `result(book, transfer)` what
--- it answers, once that is in the book. `is_put_off(status, body)`: whether the call is made again after this answer.
---@class TransferKind
---@field files table<string, string>   the classes: one is Account
---@field round_s number                for how long clients are heard, at the most, before the host is killed
---@field request fun(transfer: Transfer): string, table
---@field result fun(book: TransferBook, transfer: Transfer): integer
---@field is_put_off fun(status: integer, body: string): boolean

---@class Transfer
---@field client integer
---@field number integer   counts from 1 per client
---@field from string
---@field to string
---@field amount integer
---@field fails boolean    it is of more money than there is

--- What the host owes a client.
---@class TransferBook
---@field calls integer          how many transfers were answered
---@field sum integer            of how much
---@field asked integer          how many were asked for
---@field unheard Transfer|nil   the one without an answer

---@class Transfers
---@field accounts string[]      the keys of both
---@field books TransferBook[]   by client
local Transfers = {}
Transfers.__index = Transfers

--- Starts the program. It is to be ended with close(), after a failed spec too.
---@param kind TransferKind
---@return Transfers
function transfers.start(kind)
  math.randomseed(transfers.SEED)
  local self = setmetatable({ kind = kind, books = {} }, Transfers)
  self.folder, self.data = hosts.folder(kind.files), program.folder()
  local key = spread.keys(WORKERS, "Account", "a")
  self.accounts = { key(), key() }
  for client = 1, CLIENTS do self.books[client] = { calls = 0, sum = 0, asked = 0 } end
  self:_serve()
  return self
end

function Transfers:_serve() self.host = program.serve(self.folder, self.data, "--workers", WORKERS) end

--- Ends it, and removes its data.
function Transfers:close()
  self.host:close()
  program.remove(self.data)
  hosts.close_all()
end

-- One in ten wants more than there is.
function Transfers:_any_transfer(client)
  local book, from, fails = self.books[client], math.random(2), math.random(10) == 1
  book.asked = book.asked + 1
  local transfer = {
    client = client, number = book.asked, from = self.accounts[from], to = self.accounts[3 - from], fails = fails,
    amount = fails and 2 * transfers.MONEY + 1 or math.random(100),
  }
  local path, arguments = self.kind.request(transfer)
  transfer.text = http.text("POST", path, cjson.encode(arguments),
    { ["Idempotency-Key"] = ("transfer-%d-%d"):format(client, book.asked) })
  return transfer
end

function Transfers:_hear(transfer, status, body)
  local book = self.books[transfer.client]
  if self.kind.is_put_off(status, body) then return end
  book.unheard = nil
  if transfer.fails then
    assert(status == 400 and body:find('"not_enough"', 1, true), body)
    return
  end
  book.calls, book.sum = book.calls + 1, book.sum + transfer.amount
  assert(status == 200 and body == ('{"result":%d}'):format(self.kind.result(book, transfer)), body)
end

-- Every client first repeats what it heard nothing of. `more`: then goes on, and the host is killed in the middle.
function Transfers:_run(more)
  local clients, heard = crowd.connect(self.host.address, CLIENTS), 0
  clients:run(function(client)
    local book = self.books[client]
    if not book.unheard and more then book.unheard = self:_any_transfer(client) end
    return book.unheard
  end, function(_, transfer, status, body)
    self:_hear(transfer, status, body)
    heard = heard + 1
    if more and heard == 1 then self.host:signal_after(math.random() * self.kind.round_s, "KILL") end
  end)
  if more then self.host:wait() end
end

--- Every client repeats what it heard nothing of, and goes on until the host is killed. Then it is started again;
--- sometimes it is killed as it starts, too.
function Transfers:run_until_killed()
  self:_run(true)
  self.host:close()
  if math.random(3) == 1 then program.serve_briefly(0.001 + math.random() * START_S, self.folder, self.data) end
  self:_serve()
end

--- Every client repeats what it heard nothing of, and hears of it.
function Transfers:repeat_unheard() self:_run(false) end

--- What a method answers that has no arguments.
---@param class string
---@param key string|integer
---@param method string
---@return any
function Transfers:result(class, key, method)
  local path = ("/actors/%s/%s/%s"):format(class, key, method)
  return cjson.decode(http.request(self.host.address, "POST", path).body).result
end

return transfers
