--- What crash simulations have in common: a host on a simulated disk that is started, lives, and is cut off, again and
--- again, with everything drawn from one seed.
---
--- A *world* is a data folder from its beginning on. A *life* is from one start of a host to its end.

local kit = require "spec.support.kit"
local disk = require "simulated_disk"
local folders = require "spec.crash.folders"

local LIVES = 12
local SOON = { 3, 12, 40, 100 }   -- so many operations or less
local HELD = { 5, 20, 60 }        -- so many steps or less
local SEGMENTS, CHECKPOINTS, PORTIONS = { 1024, 4096, 65536 }, { 500, 2000, 10000 }, { 1, 3, 20, 1000 }
local LOSSES = { "all", "none", "some", "sectors", "sectors", "last", "behind" }

---@class World
local World = {}
World.__index = World

---@param of integer
---@return boolean   true once in so many times
function World.chance(of) return math.random(of) == 1 end

---@param list any[]
function World.any(list) return list[math.random(#list)] end

local chance, any = World.chance, World.any

--- Returns a function that draws from { weight, value } pairs.
---@param weights { [1]: integer, [2]: any }[]
---@return fun(): any
function World.weighted(weights)
  local values = {}
  for _, pair in ipairs(weights) do
    for _ = 1, pair[1] do table.insert(values, pair[2]) end
  end
  return function() return any(values) end
end

--- A kind of world. It has the methods `check` (reads every actor after a start; false where the power was cut
--- meanwhile), `live` and `take_answer`.
---@return table
function World.extend()
  local Kind = setmetatable({}, World)
  Kind.__index = Kind
  return Kind
end

--- What a world of any kind has.
---@param seed integer
---@param folder string
---@param tally table
---@param lies boolean
---@param workers integer
---@return table
function World.new(seed, folder, tally, lies, workers)
  local small, relaxed = chance(10), chance(5)
  return {
    seed = seed,
    tally = tally,
    workers = workers,
    small = small,           -- so small a store that it becomes full
    lies = lies,             -- whether syncs are none while calls are made
    kit = nil,               -- from the first start that went well on
    has_started = false,     -- whether all that belongs to a folder is durable
    life = 0,
    number = 0,              -- of the last part
    under_way = {},          -- requests without an answer
    held = nil,              -- a worker that takes none of the next steps
    held_for = 0,            -- of so many
    may_fail = small,        -- whether storage_error is a fair answer
    relaxed = relaxed,       -- whether what was answered last may be lost with the power
    loose = false,           -- whether it may be so since the last check
    loss = nil,              -- how the last life ended
    log = "",                -- what its host logged
    options = {
      actors = "spec/crash/actors", data = folder .. "/data", workers = workers, pause_ms = chance(4) and 0 or nil,
      map_bytes = small and 128 * 1024 or 64 * 1024 * 1024, segment_bytes = any(SEGMENTS),
      checkpoint_bytes = any(CHECKPOINTS), portion_records = any(PORTIONS),
      durability = relaxed and "relaxed" or "commit",
    },
  }
end

--- Raises what is wrong, with all that is needed to see it again.
---@param what string
function World:fail(what)
  local log = self.log .. (self.kit and self.kit:log() or "")
  local form = "%s\n  world %d, life %d, operation %d, loss of the life before: %s\n%s"
    .. "  The same again: TROUPE_SEED=%d TROUPE_CRASHES=1"
  error(form:format(what, self.seed, self.life, disk.operations(), self.loss or "-", log, self.seed), 0)
end

--- Takes the answers that have come. `take_answer(asked)` of the kind of world says what is wrong with one, or nil.
function World:take_answers()
  if disk.is_cut() or not self.kit:is_open() then return end
  local rest = {}
  for _, asked in ipairs(self.under_way) do
    if asked.pending:is_done() then
      local wrong = self:take_answer(asked)
      if wrong then self:fail(wrong) end
    else
      table.insert(rest, asked)
    end
  end
  self.under_way = rest
end

--- Lets so many operations from now on pass, and then cuts, or fails.
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

--- Whether this kind of world leads to such an error in the log, even where no disk fails.
---@param line string
---@return boolean
function World.expects(_, line) return line == nil end

function World:crash()
  self.tally.crashes = self.tally.crashes + 1
  if disk.is_cut() then self.tally.cuts = self.tally.cuts + 1 end
  self.under_way = {}
  if self.kit and self.kit:is_open() then self.kit:crash() end
  self.log = self.kit and self.kit:log() or ""
  for trouble in self.log:gmatch "[^\n]* error [^\n]*" do
    if not self.may_fail and not self:expects(trouble) then self:fail("an error that nothing led to: " .. trouble) end
  end
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

--- Reads what all actors with these keys hold. nil where the power was cut meanwhile.
---@param class string
---@param keys string[]
---@return table|nil found   key -> { state, entries }; a key is not there where its actor is not
function World:read(class, keys)
  local found, asked = {}, {}
  for i, key in ipairs(keys) do
    asked[i] = { self.kit:submit("state", class, key), self.kit:submit("kv", class, key) }
  end
  self.kit:run()
  if disk.is_cut() or not self.kit:is_open() then return nil end
  for i, key in ipairs(keys) do
    local ok, state, message = asked[i][1]:answer()
    if not ok and state ~= "actor_not_found" then self:fail("cannot be read: " .. state .. ": " .. message) end
    local _, entries = asked[i][2]:answer()
    if ok then found[key] = { state = state, entries = entries } end
    self.tally.checks = self.tally.checks + 1
  end
  return found
end

--- Sends a request, whose answer take_answers() takes.
---@param kind string
---@param class string
---@param key any
---@return { pending: table, kind: string } asked
function World:submit(kind, class, key, ...)
  local asked = { pending = self.kit:submit(kind, class, key, ...), kind = kind }
  table.insert(self.under_way, asked)
  return asked
end

--- Lets a worker take a step, unless it is held back.
function World:step()
  local worker = math.random(self.workers)
  if self.held_for > 0 then
    self.held_for = self.held_for - 1
    if worker == self.held then return end
  end
  self.kit:step(worker)
end

--- Holds a worker back: then letters wait for it while the others go on.
function World:hold() self.held, self.held_for = math.random(self.workers), math.random(any(HELD)) end

--- Lets the next write fail.
function World:fail_write()
  self.may_fail = true
  self.kit:fail_next "write"
  self.tally.failed_writes = self.tally.failed_writes + 1
end

--- A life with so many things that happen: from now on the power may be cut.
---@param steps integer
---@param happening fun(): fun(world: table)   draws what happens
function World:live_for(steps, happening)
  self.held_for = 0
  disk.lie(self.lies)
  if not chance(10) then self:plan_cut() end
  if chance(3) then self:plan_fault() end
  for _ = 1, steps do
    happening()(self)
    self:take_answers()
    if disk.is_cut() or not self.kit:is_open() then break end
  end
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
---@param make fun(seed: integer, folder: string, tally: table, lies: boolean): table
---@param seed integer
---@param crashes integer
---@param options { lies: boolean|nil, tells: boolean|nil, progress: fun(tally: table)|nil }
---@return table tally    worlds; crashes, of them cuts in the middle of what the disk did, and starts that did not end;
---                       calls, of them answers; checks of actors; folders verified; failed_writes, by fail_write()
function World.run_all(make, seed, crashes, options)
  local tally = {
    worlds = 0, crashes = 0, cuts = 0, starts = 0, calls = 0, answers = 0, checks = 0, verified = 0, failed_writes = 0,
  }
  disk.tell(options.tells or false)
  while tally.crashes < crashes do
    local folder = folders.new()
    math.randomseed(seed + tally.worlds)
    disk.watch(folder, seed + tally.worlds)
    local world = make(seed + tally.worlds, folder, tally, options.lies or false)
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

return World
