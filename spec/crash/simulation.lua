--- The crash simulation: hosts on a simulated disk, actors, clients and faults from one seed. The power is cut at any
--- operation of the disk, be it in the middle of a batch or of a recovery; what comes back is held against a model.
---
--- A *world* is a data folder from its beginning on. A *life* is from one start of a host to its end.

local kit = require "spec.support.kit"
local disk = require "simulated_disk"
local Book = require "spec.crash.book_model"
local folders = require "spec.crash.folders"
local spread = require "spec.support.spread"

local LIVES, STEPS = 12, { 20, 60, 60, 200 }
local BOOKS, WORKERS_MAX = { "book1", "book2", "book3", "book6" }, 2
local KEYS, FIELDS, SIZES = 12, 6, { 1, 5, 5, 20, 50, 300, 1500 }
local LONG = ("l"):rep(600)
local SOON = { 3, 12, 40, 100 }   -- so many operations or less
local SEGMENTS, CHECKPOINTS, PORTIONS = { 1024, 4096, 65536 }, { 500, 2000, 10000 }, { 1, 3, 20, 1000 }
local LOSSES = { "all", "none", "some", "sectors", "sectors", "last", "behind" }

local World = {}
World.__index = World

local function chance(of) return math.random(of) == 1 end
local function any(list) return list[math.random(#list)] end

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

function World:random_part()
  self.number = self.number + 1
  local part = { number = self.number, changes = {} }
  for i = 1, math.random(0, 3) do part.changes[i] = any(random_change)() end
  return part
end

function World:submit(kind, book, ...)
  local pending = self.kit:submit(kind, "Ledgerbook", book.key, ...)
  table.insert(self.under_way, { pending = pending, book = book })
  return self.under_way[#self.under_way]
end

function World:enter()
  local book = any(self.books)
  local call = { parts = { self:random_part() }, fails = chance(6) }
  if chance(4) then table.insert(call.parts, self:random_part()) end
  table.insert(book.calls, call)
  self:submit("call", book, "enter", { call.parts, call.fails }, 2).call = call
  self.tally.calls = self.tally.calls + 1
end

-- --- What is answered ----------------------------------------------------------------------------------------------

-- Takes an answer that left the host before the cut. Answers what is wrong with it, or nil.
local function take_answer(world, asked)
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

function World:take_answers()
  if disk.is_cut() or not self.kit:is_open() then return end
  local rest = {}
  for _, asked in ipairs(self.under_way) do
    if asked.pending:is_done() then
      local wrong = take_answer(self, asked)
      if wrong then self:fail(wrong) end
    else
      table.insert(rest, asked)
    end
  end
  self.under_way = rest
end

-- --- What happens --------------------------------------------------------------------------------------------------

local happenings = {
  { 8, World.enter },
  { 2, function(world) world:submit("call", any(world.books), "count", {}, 0).is_count = true end },
  { 1, function(world) world:submit("sleep", any(world.books)) end },
  { 8, function(world) world.kit:step(math.random(world.workers)) end },
  { 5, function(world) world.kit:step "committer" end },
  { 6, function(world) world.kit:step "checkpointer" end },
  { 1, function(world) world.kit:run() end },
  { 1, function(world) world.kit:advance(0.3) end },
}

local weighted = {}
for _, happening in ipairs(happenings) do
  for _ = 1, happening[1] do table.insert(weighted, happening[2]) end
end

function World:fail(what)
  local log = self.log .. (self.kit and self.kit:log() or "")
  local form = "%s\n  world %d, life %d, operation %d, loss of the life before: %s\n%s"
    .. "  The same again: TROUPE_SEED=%d TROUPE_CRASHES=1"
  error(form:format(what, self.seed, self.life, disk.operations(), self.loss or "-", log, self.seed), 0)
end

-- Lets so many operations from now on pass, and then cuts, or fails.
function World:plan_cut() disk.cut_at(disk.operations() + math.random(any(SOON))) end

function World:plan_fault()
  self.may_fail = true
  disk.fail_at(disk.operations() + math.random(any(SOON)), math.random(3), any { "full", "broken" })
end

-- Starts the host again until it is open; it may be cut in the middle of that, again and again.
function World:start()
  local failing = chance(10)
  self.may_fail = self.small
  if chance(4) then disk.cut_at(disk.operations() + math.random(10)) end
  if failing then self:plan_fault() end
  local ok, why
  if self.kit then
    ok, why = pcall(self.kit.reopen, self.kit)
  else
    ok, why = pcall(kit.open, self.options)
    if ok then self.kit = why end
  end
  self.has_started = self.has_started or (ok and not disk.is_cut())
  if ok and not disk.is_cut() then return true end
  if not ok and not failing then self:fail("the host does not open: " .. tostring(why)) end
  self.tally.starts = self.tally.starts + 1
  self:crash()
  return false
end

function World:crash()
  self.tally.crashes = self.tally.crashes + 1
  if disk.is_cut() then self.tally.cuts = self.tally.cuts + 1 end
  self.under_way = {}
  if self.kit and self.kit:is_open() then self.kit:crash() end
  self.log = self.kit and self.kit:log() or ""
  local trouble = self.log:match "[^\n]* error [^\n]*"
  if trouble and not self.may_fail then self:fail("an error that nothing led to: " .. trouble) end
  disk.audit()
  disk.lie(false)
  if self.lies then
    self.loss = "all"
    disk.lose "all"
  elseif chance(4) then
    self.loss = "killed"
    disk.kill()
  else
    self.loss = any(LOSSES)
    self.loose = self.relaxed
    disk.lose(self.loss)
  end
  if self.has_started then self:verify() end
end

-- What a crash leaves is no damage: before any host has seen to it, store and log together make sense.
function World:verify()
  local count, findings = kit.verify(self.options.data)
  if count ~= 0 then self:fail("verify finds damage: " .. findings) end
  self.tally.verified = self.tally.verified + 1
end

-- Reads every actor after a crash. False where the power was cut meanwhile.
function World:check()
  for _, book in ipairs(self.books) do
    local state = self.kit:submit("state", "Ledgerbook", book.key)
    local entries = self.kit:submit("kv", "Ledgerbook", book.key)
    self.kit:run()
    if disk.is_cut() or not self.kit:is_open() then return false end
    local found, content, message = state:answer()
    if not found and content ~= "actor_not_found" then self:fail("cannot be read: " .. content .. ": " .. message) end
    local _, list = entries:answer()
    local wrong = book:check(found and content or nil, found and list or nil, self.gaps, self.loose)
    if wrong then self:fail(("actor %s: %s"):format(book.key, wrong)) end
    self.tally.checks = self.tally.checks + 1
  end
  self.loose = false
  return true
end

function World:live()
  self.gaps = self.may_fail
  disk.lie(self.lies)
  if not chance(10) then self:plan_cut() end
  if chance(3) then self:plan_fault() end
  for _ = 1, math.random(any(STEPS)) do
    any(weighted)(self)
    self:take_answers()
    self.gaps = self.may_fail
    if disk.is_cut() or not self.kit:is_open() then break end
  end
end

-- --- Worlds --------------------------------------------------------------------------------------------------------

local simulation = {}

local function new_world(seed, folder, tally, lies)
  local small, relaxed, workers = chance(10), chance(5), math.random(WORKERS_MAX)
  spread.check(workers, "Ledgerbook", BOOKS)
  local world = {
    seed = seed,
    tally = tally,
    workers = workers,
    small = small,           -- so small a store that it becomes full
    lies = lies,             -- whether syncs are none while calls are made
    kit = nil,               -- from the first start that went well on
    has_started = false,     -- whether all that belongs to a folder is durable
    life = 0,
    number = 0,              -- of the last part
    books = {},
    under_way = {},          -- requests without an answer: { pending, book, call, is_count }
    may_fail = small,        -- whether storage_error is a fair answer
    relaxed = relaxed,       -- whether what was answered last may be lost with the power
    loose = false,           -- whether it may be so since the last check
    gaps = false,            -- whether calls may have failed since the last check of which nobody heard
    loss = nil,              -- how the last life ended
    log = "",                -- what its host logged
    options = {
      actors = "spec/crash/actors", data = folder .. "/data", workers = workers, pause_ms = chance(4) and 0 or nil,
      map_bytes = small and 128 * 1024 or 64 * 1024 * 1024, segment_bytes = any(SEGMENTS),
      checkpoint_bytes = any(CHECKPOINTS), portion_records = any(PORTIONS),
      durability = relaxed and "relaxed" or "commit",
    },
  }
  for i, key in ipairs(BOOKS) do world.books[i] = Book.new(key) end
  return setmetatable(world, World)
end

function World:run()
  while self.life < LIVES do
    self.life = self.life + 1
    if self:start() then
      if self:check() then self:live() end
      self:crash()
    end
  end
end

--- Worlds from a seed on, until so many crashes were survived. Raises the first failure, with its seed. `lies`: the
--- disk only pretends to sync. `tells`: what the disk does is printed.
---@param seed integer
---@param crashes integer
---@param options { lies: boolean|nil, tells: boolean|nil, progress: fun(tally: table)|nil }
---@return table tally    worlds; crashes, of them cuts in the middle of what the disk did, and starts that did not end;
---                       calls, of them answers; checks of actors; folders verified
function simulation.run(seed, crashes, options)
  local tally = { worlds = 0, crashes = 0, cuts = 0, starts = 0, calls = 0, answers = 0, checks = 0, verified = 0 }
  disk.tell(options.tells or false)
  while tally.crashes < crashes do
    local folder = folders.new()
    math.randomseed(seed + tally.worlds)
    disk.watch(folder, seed + tally.worlds)
    local world = new_world(seed + tally.worlds, folder, tally, options.lies or false)
    local ok, why = pcall(world.run, world)
    if world.kit and world.kit:is_open() then world.kit:crash() end
    if world.kit then world.kit:close() end
    disk.unwatch()
    folders.remove(folder)
    if not ok then error(why, 0) end
    tally.worlds = tally.worlds + 1
    if options.progress then options.progress(tally) end
  end
  return tally
end

return simulation
