--- The crash simulation: hosts on a simulated disk, actors, clients and faults from one seed. The power is cut at any
--- operation of the disk, be it in the middle of a batch or of a recovery; what comes back is held against a model.

local Book = require "spec.crash.book_model"
local World = require "spec.crash.world"
local spread = require "spec.support.spread"

local STEPS = { 20, 60, 60, 200 }
local BOOKS, WORKERS_MAX = { "book1", "book2", "book3", "book6" }, 2
local KEYS, FIELDS, SIZES = 12, 6, { 1, 5, 5, 20, 50, 300, 1500 }
local LONG = ("l"):rep(600)

local chance, any = World.chance, World.any

local Books = World.extend()

-- --- What is called ------------------------------------------------------------------------------------------------

local function random_key()
  local n = math.random(KEYS)
  return chance(6) and { "long", LONG, n } or { "k", n }
end

local random_change = {
  function() return { "put", random_key(), any(SIZES) } end,
  function() return { "put", random_key(), any(SIZES) } end,
  function() return { "delete", random_key() } end,
  function()
    local from = math.random(KEYS)
    return { "delete_range", { "k", from }, { "k", from + math.random(5) } }
  end,
  function() return { "set", "f" .. math.random(FIELDS), any(SIZES) } end,
  function() return { "unset", "f" .. math.random(FIELDS) } end,
}

function Books:random_part()
  self.number = self.number + 1
  local part = { number = self.number, changes = {} }
  for i = 1, math.random(0, 3) do part.changes[i] = any(random_change)() end
  return part
end

function Books:ask(kind, book, ...)
  local asked = self:submit(kind, "Ledgerbook", book.key, ...)
  asked.book = book
  return asked
end

function Books:enter()
  local book = any(self.books)
  local call = { parts = { self:random_part() }, fails = chance(6), destroys = chance(8) }
  if chance(4) then table.insert(call.parts, self:random_part()) end
  table.insert(book.calls, call)
  self:ask("call", book, "enter", { call.parts, call.fails, call.destroys }, 3).call = call
  self.tally.calls = self.tally.calls + 1
end

-- --- What is answered ----------------------------------------------------------------------------------------------

-- Takes an answer that left the host before the cut. Answers what is wrong with it, or nil.
function Books.take_answer(world, asked)
  local ok, result, message = asked.pending:answer()
  if not (asked.call or asked.is_count) then return nil end
  if ok and asked.is_count then
    asked.book.count_read = math.max(asked.book.count_read, result)
  elseif asked.call then
    asked.call.answer = ok and "ok" or result
    asked.call.result = ok and result or nil
    world.tally.answers = world.tally.answers + 1
  end
  if ok or (result == "user_error" and asked.call and asked.call.fails) then return nil end
  if result == "storage_error" and world.may_fail then return nil end
  return ("answered with %s: %s"):format(result, message)
end

-- --- What happens --------------------------------------------------------------------------------------------------

local happening = World.weighted {
  { 8, Books.enter },
  { 2, function(world) world:ask("call", any(world.books), "count", {}, 0).is_count = true end },
  { 1, function(world) world:ask("sleep", any(world.books)) end },
  { 8, Books.step },
  { 5, function(world) world.kit:step "committer" end },
  { 6, function(world) world.kit:step "checkpointer" end },
  { 1, function(world) world.kit:run() end },
  { 1, function(world) world.kit:advance(0.3) end },
}

-- Holds every actor after a crash against its model. False where the power was cut meanwhile.
function Books:check()
  local found = self:read("Ledgerbook", BOOKS)
  if not found then return false end
  for _, book in ipairs(self.books) do
    local held = found[book.key] or {}
    local wrong = book:check(held.state, held.entries, self.gaps, self.loose)
    if wrong then self:fail(("actor %s: %s"):format(book.key, wrong)) end
  end
  self.loose = false
  return true
end

function Books:live()
  self:live_for(math.random(any(STEPS)), happening)
  self.gaps = self.may_fail
end

-- --- Worlds --------------------------------------------------------------------------------------------------------

local simulation = {}

local function new_world(seed, folder, tally, lies)
  local workers = math.random(WORKERS_MAX)
  spread.check(workers, "Ledgerbook", BOOKS)
  local world = World.new(seed, folder, tally, lies, workers)
  world.books = {}
  world.gaps = false         -- whether calls may have failed since the last check of which nobody heard
  for i, key in ipairs(BOOKS) do world.books[i] = Book.new(key) end
  return setmetatable(world, Books)
end

--- As World.run_all().
---@param seed integer
---@param crashes integer
---@param options table
---@return table tally
function simulation.run(seed, crashes, options) return World.run_all(new_world, seed, crashes, options) end

return simulation
