-- Money moves between two accounts on two workers, in chains of calls that pass the client's idempotency key on. The
-- program is killed again and again meanwhile, and whoever got no answer asks again. At each start the money is what
-- the calls allow: a clerk has noted a transfer only if the money has arrived, and money has arrived only if it has
-- left; nothing that was answered is missing, and nothing has happened twice.
--
-- TROUPE_ROUNDS: how often it is killed (10). TROUPE_SEED repeats what is asked, though not when the host dies.

local cjson = require "cjson"
local crowd = require "spec.support.crowd"
local hosts = require "spec.support.hosts"
local http = require "spec.support.http"
local program = require "spec.support.program"
local spread = require "spec.support.spread"

local ROUNDS = tonumber(os.getenv "TROUPE_ROUNDS" or 10)
local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local CLIENTS, WORKERS, MONEY = 32, 2, 1000000
local ROUND_S, START_S = 0.3, 0.03

-- What has left and what has arrived is counted by the client that asked.
local ACCOUNT = hosts.class("Account", [[
  function Class:initialize_state() return { balance = ]] .. MONEY .. [[ } end
  function Class:_count(way, client, amount)
    local count = self.kv:get({ way, client }) or { calls = 0, sum = 0 }
    self.kv:put({ way, client }, { calls = count.calls + 1, sum = count.sum + amount })
  end
  function Class:withdraw(_, client, amount)
    self.state.balance = self.state.balance - amount
    self:_count("left", client, amount)
    if self.state.balance < 0 then error(UserError("not enough", { code = "not_enough" })) end
  end
  function Class:deposit(_, client, amount)
    self.state.balance = self.state.balance + amount
    self:_count("arrived", client, amount)
  end
  function Class:content() return { balance = self.state.balance, counts = self.kv:list() } end
]])

-- Each client has a clerk.
local CLERK = hosts.class("Clerk", [[
  function Class:initialize_state() return { noted = 0 } end
  function Class:transfer(rpc, client, from, to, amount)
    local options = { idempotency_key = rpc.idempotency_key }
    self.state.noted = self.state.noted + 1
    self:actor("Account", from, options):withdraw(client, amount)
    self:actor("Account", to, options):deposit(client, amount)
    return self.state.noted
  end
  function Class:noted() return self.state.noted end
]])

-- What the host owes each client: how many transfers were answered, of how much, and the one without an answer.
local function new_books()
  local books = {}
  for client = 1, CLIENTS do books[client] = { calls = 0, sum = 0, asked = 0 } end
  return books
end

describe("Money that two accounts send each other while the host is killed", function()
  local folder, data, host, accounts

  before_each(function()
    folder, data = hosts.folder { ["account.lua"] = ACCOUNT, ["clerk.lua"] = CLERK }, program.folder()
    local key = spread.keys(WORKERS, "Account", "a")
    accounts = { key(), key() }
    host = program.serve(folder, data, "--workers", WORKERS)
  end)

  after_each(function()
    host:close()
    program.remove(data)
    hosts.close_all()
  end)

  -- One in ten wants more than there is.
  local function any_transfer(book, client)
    local from = math.random(2)
    local fails = math.random(10) == 1
    local amount = fails and 2 * MONEY + 1 or math.random(100)
    book.asked = book.asked + 1
    local text = http.text("POST", ("/actors/Clerk/%d/transfer"):format(client),
      cjson.encode { client, accounts[from], accounts[3 - from], amount },
      { ["Idempotency-Key"] = ("transfer-%d-%d"):format(client, book.asked) })
    return { text = text, amount = amount, fails = fails }
  end

  local function hear(book, asked, status, body)
    book.unheard = nil
    if asked.fails then
      assert(status == 400 and body:find('"not_enough"', 1, true), body)
      return
    end
    book.calls, book.sum = book.calls + 1, book.sum + asked.amount
    assert.same({ 200, ('{"result":%d}'):format(book.calls) }, { status, body })
  end

  -- Every client first repeats what it heard nothing of. `more`: then goes on, and the host is killed in the middle.
  local function run(books, more)
    local clients, heard = crowd.connect(host.address, CLIENTS), 0
    clients:run(function(client)
      local book = books[client]
      if not book.unheard and more then book.unheard = any_transfer(book, client) end
      return book.unheard
    end, function(client, asked, status, body)
      hear(books[client], asked, status, body)
      heard = heard + 1
      if more and heard == 1 then host:signal_after(math.random() * ROUND_S, "KILL") end
    end)
    if more then host:wait() end
  end

  local function result(class, key, method)
    return cjson.decode(http.request(host.address, "POST", ("/actors/%s/%s/%s"):format(class, key, method)).body).result
  end

  -- What is there, by client, and all the money.
  local function read_accounts()
    local money, counts = 0, { left = {}, arrived = {} }
    for _, key in ipairs(accounts) do
      local content = result("Account", key, "content")
      money = money + content.balance
      for _, entry in ipairs(content.counts) do
        local way, client = entry.key[1], entry.key[2]
        local count = counts[way][client] or { calls = 0, sum = 0 }
        counts[way][client] = { calls = count.calls + entry.value.calls, sum = count.sum + entry.value.sum }
      end
    end
    return money, counts
  end

  -- Whether a count is what was answered, or that and the transfer without an answer: how many of that one.
  local function excess(count, book, what)
    local more = count.calls - book.calls
    assert(more == 0 or more == 1 and book.unheard and not book.unheard.fails,
      ("%s: %d transfers, %d were answered"):format(what, count.calls, book.calls))
    assert.equal(book.sum + (more == 1 and book.unheard.amount or 0), count.sum, what)
    return more
  end

  -- Holds all that is there against the books. Returns how many transfers nobody has heard of, and how many of these
  -- are under way with their money.
  local function compare(books)
    local money, counts = read_accounts()
    local unheard, under_way, missing = 0, 0, 0
    for client, book in ipairs(books) do
      local nothing = { calls = 0, sum = 0 }
      local left = excess(counts.left[client] or nothing, book, "left")
      local arrived = excess(counts.arrived[client] or nothing, book, "arrived")
      local noted = result("Clerk", client, "noted") - book.calls
      assert(0 <= noted and noted <= arrived and arrived <= left,
        ("of a transfer %d was noted, %d arrived, %d left"):format(noted, arrived, left))
      if left > arrived then under_way, missing = under_way + 1, missing + book.unheard.amount end
      if book.unheard then unheard = unheard + 1 end
    end
    assert.equal(2 * MONEY - missing, money)
    return unheard, under_way
  end

  -- Sometimes it is killed as it starts, too.
  local function restart()
    host:close()
    if math.random(3) == 1 then program.serve_briefly(0.001 + math.random() * START_S, folder, data) end
    host = program.serve(folder, data, "--workers", WORKERS)
  end

  it("is all there at each start, but for what is on its way", function()
    math.randomseed(SEED)
    local books, unheard, under_way, calls = new_books(), 0, 0, 0
    for _ = 1, ROUNDS do
      run(books, true)
      restart()
      local more_unheard, more_under_way = compare(books)
      unheard, under_way = unheard + more_unheard, under_way + more_under_way
    end
    run(books, false)
    assert.same({ 0, 0 }, { compare(books) })
    for _, book in ipairs(books) do calls = calls + book.calls end
    print(("# killed %d times: %d transfers answered, none missing, none twice; %d without an answer, of %d of them " ..
      "the money was on its way, and arrived when they were asked again (TROUPE_SEED=%d)"):format(ROUNDS, calls,
      unheard, under_way, SEED))
    assert(calls > ROUNDS and unheard > 0)
  end)
end)
