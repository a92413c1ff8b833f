--- One scenario of a host on a simulated disk, the same each time, with a fault at a chosen operation of the disk. When
--- it is over, what the host answers and what is on the disk are held against each other and against the model.

local kit = require "spec.support.kit"
local disk = require "simulated_disk"
local Book = require "spec.crash.book_model"
local folders = require "spec.crash.folders"

local SEED = 1                    -- of what the disk loses; the scenario has nothing random
local RETRY_S = 1.1               -- after which a checkpoint that failed is tried again
local LONG = ("l"):rep(600)

---@class FaultRun
local Run = {}
Run.__index = Run

function Run:fail(form, ...)
  local fault = self.fault
  local where = ("%d operations from %d on are %s%s; step: %s"):format(fault.count, fault.at, fault.error,
    fault.odd and ", odd" or "", self.step)
  error(("%s\n  %s\n%s"):format(form:format(...), where, self:log()), 0)
end

-- Whether a text names the fault. LMDB calls a write that was cut short by either name.
local function says_why(text)
  return text:find("No space left on device", 1, true) or text:find("Input/output error", 1, true)
end

function Run:has_begun() return disk.operations() >= self.fault.at end

-- All that its hosts have logged so far.
function Run:log()
  if self.kit then self.logged = self.logged .. self.kit:log() end
  return self.logged
end

-- --- What is called ------------------------------------------------------------------------------------------------

function Run:part(...)
  self.number = self.number + 1
  return { number = self.number, changes = { ... } }
end

-- Begins a call of these parts.
function Run:enter(name, parts, options)
  options = options or {}
  local call = { parts = parts, fails = options.fails or false }
  table.insert(self.books[name].calls, call)
  local asked = { call = call }
  asked.pending = self.kit:submit("call", "Ledgerbook", name, "enter", { parts, call.fails }, 2,
                                   { idempotency_key = options.idempotency_key })
  table.insert(self.under_way, asked)
  return call
end

-- Runs the host, and takes all answers. What was under way when a host ended has none.
function Run:answers()
  if self.kit:is_open() then self.kit:run() end
  for _, asked in ipairs(self.under_way) do
    local ok, result, message = asked.pending:answer()
    if ok == nil then self:fail "a call has no answer, and the host is at rest" end
    local failed = asked.call.fails and result == "user_error" or self:has_begun() and result == "storage_error"
    local lost = result == "connection_lost" and not self.kit:is_open()
    if not (ok or failed or lost) then self:fail("answered with %s: %s", result, message) end
    if not lost then
      asked.call.answer, asked.call.result = ok and "ok" or result, ok and result or nil
      self.refused = self.refused or result == "storage_error"
    end
  end
  self.under_way = {}
end

-- --- The scenario --------------------------------------------------------------------------------------------------

-- Starts a host on the folder. False where it does not open, which must be the fault's doing, and said.
function Run:open()
  local ok, why
  if self.kit then ok, why = pcall(self.kit.reopen, self.kit) else ok, why = pcall(kit.open, self.options) end
  if ok and not self.kit then self.kit = why end
  if ok then return true end
  if not (self:has_begun() and why:find(self.options.data, 1, true) and says_why(why)) then
    self:fail("the host does not open: %s", why)
  end
  self.unopened = true
  return false
end

local steps = {
  { "a host opens on an empty folder", Run.open },
  { "an actor is created", function(run)
    run:enter("ann", { run:part({ "put", { "k", 1 }, 40 }, { "set", "f1", 20 }) })
  end },
  { "a call has an idempotency key", function(run)
    run.once = run:enter("bob", { run:part { "put", { "k", 2 }, 5 } }, { idempotency_key = "once" })
  end },
  { "calls come together, and one fails by itself", function(run)
    run:enter("ann", { run:part({ "put", { "k", 2 }, 60 }, { "put", { "long", LONG, 3 }, 5 }) })
    run:enter("ann", { run:part({ "put", { "k", 4 }, 1 }, { "unset", "f1" }) }, { fails = true })
    run:enter("bob", { run:part({ "put", { "k", 9 }, 5 }) })
    run:enter("ann", { run:part({ "set", "f2", 5 }, { "delete", { "k", 1 } }) })
  end },
  { "a call saves, and a call saves and fails", function(run)
    run:enter("ann", { run:part { "put", { "k", 5 }, 300 }, run:part { "set", "f3", 5 } })
    run:enter("bob", { run:part { "put", { "k", 5 }, 5 }, run:part { "put", { "k", 6 }, 5 } }, { fails = true })
  end },
  { "a range is deleted, and what is put into it after", function(run)
    run:enter("ann", { run:part({ "delete_range", { "k", 1 }, { "k", 6 } }, { "put", { "k", 3 }, 20 }) })
    run:enter("ann", { run:part { "put", { "k", 7 }, 20 } })
  end },
  { "an actor sleeps and wakes", function(run)
    run.kit:submit("sleep", "Ledgerbook", "ann")
    run.kit:run()
    if run.kit:is_open() then run:enter("ann", { run:part { "set", "f1", 300 } }) end
  end },
  { "all goes to the store", function(run) run.kit:checkpoint() end },
  { "the log goes on behind a checkpoint", function(run)
    run:enter("ann", { run:part({ "put", { "k", 1 }, 5 }, { "delete", { "long", LONG, 3 } }) })
    run:enter("bob", { run:part { "delete_range", { "k", 2 }, { "k", 3 } } })
  end },
  { "the power is cut, and the host starts again", function(run)
    run:crash()
    disk.fail_at(run.fault.at, run.fault.count, run.fault.error)
    run:open()
  end },
  { "calls after that", function(run)
    run:enter("ann", { run:part { "put", { "k", 8 }, 300 } })
    run:enter("bob", { run:part { "set", "f1", 5 } })
  end },
  { "the host stops", function(run) run:close() end },
  { "and starts once more", Run.open },
}

function Run:close()
  self:log()
  self.kit:close()
  self.kit = nil
end

-- The power is cut: of what was not synced nothing is left.
function Run:crash()
  if self.kit then
    self:log()
    self.kit:crash()
  end
  disk.audit()
  disk.lose "all"          -- and no fault is due any more
end

-- --- What is there -------------------------------------------------------------------------------------------------

-- All that the host answers, held against the model.
function Run:look()
  local seen = {}
  for name, book in pairs(self.books) do
    local state = self.kit:submit("state", "Ledgerbook", name)
    local entries = self.kit:submit("kv", "Ledgerbook", name)
    self.kit:run()
    local found, content, message = state:answer()
    local listed, list = entries:answer()
    if not found and content ~= "actor_not_found" then self:fail("cannot be read: %s: %s", content, message) end
    local wrong = book:check(found and content or nil, listed and list or nil, false, false)
    if wrong then self:fail("actor %s: %s", name, wrong) end
    seen[name] = { state = found and content or nil, entries = listed and list or nil }
  end
  return seen
end

-- Every actor takes a call, and the one with an idempotency key is not made twice.
function Run:serve()
  local calls = {}
  for name in pairs(self.books) do
    table.insert(calls, self:enter(name, { self:part({ "put", { "k", 11 }, 5 }, { "set", "f4", 5 }) }))
  end
  self:answers()
  for _, call in ipairs(calls) do
    if call.answer ~= "ok" then self:fail("the fault is over, and a call is answered with %s", call.answer) end
  end
end

function Run:repeat_once()
  if not self.once then return end
  local book, number = self.books.bob, self.once.parts[1].number
  local place
  for i, settled in ipairs(book.settled) do place = settled == number and i or place end
  local again = self:enter("bob", self.once.parts, { idempotency_key = "once" })
  self:answers()
  if again.answer ~= "ok" then self:fail("the repeat is answered with %s", again.answer) end
  if place then
    table.remove(book.calls)
    if again.result ~= place then self:fail("the repeat is answered with %d, and it was %d", again.result, place) end
  end
end

-- What became of the host, which has a reason to name.
function Run:outcome()
  local log = self:log()
  if self.unopened then return "unopened" end
  if self.kit and not self.kit:is_open() then
    if not log:find " error [^\n]*\n$" then self:fail "the host ended without a word" end
    return "ended"
  end
  if not self.refused then return "unharmed" end
  if not says_why(log) then self:fail "calls failed, and the log does not say why" end
  return "failed"
end

-- What the host answers while the disk fails, or where it must serve on, what it answers when it has; nil where it need
-- not and is none.
function Run:look_at_once()
  local before = self.kit and self.kit:is_open() and self:look() or nil
  disk.fail_at(0, 1, "full")
  if not self.fault.serves then return before end
  if not before then               -- what it ended with is there to be read, be it on the disk or not
    if not self:open() then self:fail "the fault is over" end
    self:look()
  end
  self.kit:advance(RETRY_S)
  self:serve()
  return self:look()
end

-- The fault has begun, and the host is at rest, or has ended, or did not open. Answers which of them.
function Run:aftermath()
  local outcome = self:outcome()
  local before = self:look_at_once()
  self:crash()
  if not self:open() then self:fail "the fault is over" end
  local after = self:look()
  if before then self.same(before, after) end
  self:repeat_once()
  self:serve()
  self:look()
  self:close()
  if not self:open() then self:fail "the fault is over" end
  self:look()
  return outcome
end

function Run:go()
  disk.fail_at(self.fault.at, self.fault.count, self.fault.error)
  for _, step in ipairs(steps) do
    self.step = step[1]
    step[2](self)
    if self.kit then self:answers() end
    if self:has_begun() then return self:aftermath() end
  end
  self:look()
  self.segments = folders.names(self.options.data .. "/log")
  return nil
end

local runs = {}

---@class Fault
---@field at integer        which operation of the disk fails, from 1 on
---@field count integer     and how many from there on, if it lasts as long as the step of the scenario
---@field error "full"|"broken"
---@field serves boolean    the host must take calls before the power is cut
---@field odd boolean       of writes that fail another half comes to the disk: see watched_calls.c

--- Runs the scenario. Raises what is wrong.
---@param fault Fault
---@param same fun(expected: any, given: any)   of luassert
---@return string|nil outcome    "unharmed", "failed" (calls got storage_error, and it serves on), "ended", "unopened";
---  nil where the scenario came to its end first
---@return string log            of all its hosts
---@return string[]|nil segments  files of the log at the end of the scenario
function runs.run(fault, same)
  local folder = folders.new()
  disk.watch(folder, SEED)
  if fault.odd then folders.make(folder .. "/other") end
  local run = setmetatable({
    fault = fault,
    same = same,
    kit = nil,              -- where a host has opened
    books = { ann = Book.new "ann", bob = Book.new "bob" },
    under_way = {},         -- calls without an answer: { pending, call }
    once = nil,             -- the call with an idempotency key, as soon as it was made
    number = 0,             -- of the last part
    unopened = false,       -- whether a host did not open
    refused = false,        -- whether a call was answered with storage_error
    step = "",
    logged = "",
    segments = nil,
    options = {
      actors = "spec/crash/actors", data = folder .. "/data", map_bytes = 1 << 20, segment_bytes = 700,
      checkpoint_bytes = 2000, portion_records = 4,
    },
  }, Run)
  local ok, outcome = pcall(run.go, run)
  if run.kit and run.kit:is_open() then run.kit:crash() end
  if run.kit then run:close() end
  disk.unwatch()
  folders.remove(folder)
  if not ok then error(outcome, 0) end
  return outcome, run.logged, run.segments
end

return runs
