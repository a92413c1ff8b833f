--- The crash simulation of messages, schedules and ends: members on several workers that send, wait, call, save and are
--- destroyed, in acts that lead to acts. Steps, failing writes and power cuts come in any order. After each crash every
--- message was applied once or waits, no schedule is lost or has run twice, nothing of what was destroyed goes on, and
--- the sum of what members send one another is nothing.

local disk = require "simulated_disk"
local Model = require "spec.crash.mail_model"
local World = require "spec.crash.world"
local spread = require "spec.support.spread"

local STEPS, TURNS = { 40, 150, 150, 400 }, { 1, 1, 2, 256 }
local MEMBERS = { "member1", "member2", "member4", "member5", "member9", "member10" }
local WORKERS_MAX, DEPTH_MAX, ACTS_MAX, UNDER_WAY_MAX = 3, 4, 8, 8
local AFTER, EVERY = { 0, 0, 0.3, 1, 5, 100, 3000 }, { 300, 3600, 20000 }      -- seconds
local FALTERS, PAUSES, TIMES = { 1, 2, 4 }, { 0.2, 1.5 }, { 1, 5, 70, 500, 4000 }
local LONG = 15000        -- seconds: all tries of what fails
local PAGES = { 1, 3, 1000 }

local chance, any = World.chance, World.any

local Society = World.extend()

-- --- What is called ------------------------------------------------------------------------------------------------

local draw_step = World.weighted {
  { 8, "send" }, { 5, "set" }, { 2, "cancel" }, { 3, "call" }, { 2, "save" }, { 2, "destroy" }, { 1, "falter" },
  { 1, "fail" },
}

local random_plan

local step_of = {
  send = function(left, depth) return { "send", any(MEMBERS), math.random(100), random_plan(left, depth) } end,
  call = function(left, depth) return { "call", any(MEMBERS), random_plan(left, depth) } end,
  set = function(left, depth)
    if chance(6) then return { "set", "every", any(EVERY), random_plan(left, DEPTH_MAX - 1) } end
    return { "set", chance(2) and "after" or "at", any(AFTER), random_plan(left, depth) }
  end,
  cancel = function() return { "cancel", math.random(20) } end,
  falter = function() return { "falter", any(FALTERS) } end,
}

-- `left`: { acts } that may still come of the same call.
function random_plan(left, depth)
  local plan, has_ended = {}, false
  left.acts = left.acts - 1
  for _ = 1, math.random(0, 4) do
    local step = draw_step()
    local make = step_of[step]
    if step == "call" or step == "send" or step == "set" then
      if depth < DEPTH_MAX and left.acts > 0 then table.insert(plan, make(left, depth + 1)) end
    elseif step == "save" or step == "destroy" then
      if not has_ended then table.insert(plan, { step }) end
      has_ended = has_ended or step == "destroy"
    else
      table.insert(plan, make and make() or { step })
    end
  end
  return plan
end

function Society:begin_act()
  if #self.under_way >= UNDER_WAY_MAX then return end
  self.number = self.number + 1
  local name, key, plan = tostring(self.number), any(MEMBERS), random_plan({ acts = ACTS_MAX }, 1)
  self.model:expect(name, key, plan)
  self:submit("call", "Member", key, "visit", { name, plan }, 2).name = name
  self.tally.calls = self.tally.calls + 1
end

-- --- What is answered ----------------------------------------------------------------------------------------------

-- Takes an answer that left the host before the cut. Answers what is wrong with it, or nil.
function Society.take_answer(world, asked)
  local ok, code, message = asked.pending:answer()
  if not asked.name then return nil end
  world.tally.answers = world.tally.answers + 1
  world.model:hear(asked.name, not ok and code or nil)
  if ok or code == "told" or (code == "storage_error" and world.may_fail) then return nil end
  return ("answered with %s: %s"):format(code, message)
end

function Society.expects(_, line) return line:find("given up", 1, true) ~= nil end

-- --- What happens --------------------------------------------------------------------------------------------------

function Society:pass_time()
  self.kit:run()
  if not disk.is_cut() and self.kit:is_open() then self.kit:advance(any(TIMES)) end
end

local happening = World.weighted {
  { 12, Society.begin_act },
  { 1, function(world) world:submit("sleep", "Member", any(MEMBERS)) end },
  { 60, Society.step },
  { 12, function(world) world.kit:step "committer" end },
  { 8, function(world) world.kit:step "checkpointer" end },
  { 2, Society.hold },
  { 2, Society.fail_write },
  { 1, function(world) world.kit:run() end },
  { 1, function(world) world.kit:advance(0.3) end },
  { 1, function(world) world.kit:elapse(any(PAUSES)) end },
  { 1, Society.pass_time },
}

function Society:live() self:live_for(math.random(any(STEPS)), happening) end

-- --- What is there -------------------------------------------------------------------------------------------------

-- What all members have to do yet. nil where the power was cut meanwhile.
function Society:look()
  local looks, asked = {}, {}
  for i, key in ipairs(MEMBERS) do
    asked[i] = self.kit:submit("call", "Member", key, "look", {}, 0, { create = false })
  end
  self.kit:run()
  if disk.is_cut() or not self.kit:is_open() then return nil end
  for i, key in ipairs(MEMBERS) do
    local ok, found, message = asked[i]:answer()
    if not ok and found ~= "actor_not_found" then self:fail("cannot be asked: " .. found .. ": " .. message) end
    local schedules = {}
    for _, schedule in ipairs(ok and found.schedules or {}) do schedules[schedule.id] = schedule end
    if ok then looks[key] = { schedules = schedules, now = found.now } end
  end
  return looks
end

-- Names of the messages that were given up. nil where the power was cut meanwhile.
function Society:failed()
  local names, after = {}, ""
  repeat
    local asked = self.kit:submit("failed", after, "", nil, nil, nil, { limit = any(PAGES) })
    self.kit:run()
    if disk.is_cut() or not self.kit:is_open() then return nil end
    local ok, page, message = asked:answer()
    if not ok then self:fail("what was given up cannot be read: " .. page .. ": " .. message) end
    for _, entry in ipairs(page.failed) do
      if entry.kind == "message" then names[entry.args[1]] = true end
    end
    after = page.next
  until type(after) ~= "string"
  return names
end

-- Holds all members after a crash against the model, once they are at rest. False where the power was cut meanwhile.
function Society:check()
  local is_last = chance(8)
  disk.fail_at(1 << 60, 1, "full")
  self.kit:elapse(0.002)
  self.kit:run()
  if disk.is_cut() or not self.kit:is_open() then return false end
  self.kit:advance(is_last and LONG or 2)
  if disk.is_cut() or not self.kit:is_open() then return false end
  local looks = self:look()
  local found = looks and self:read("Member", MEMBERS)
  local archive = found and self:read("Archive", { "archive" })
  local failed = archive and self:failed()
  if not failed then return false end
  local wrong, tally = self.model:check(found, archive.archive, looks, failed, self.loose, is_last)
  if wrong then self:fail(wrong) end
  self.loose, self.last = false, tally
  self.tally.rests = self.tally.rests + 1
  return true
end

-- --- Worlds --------------------------------------------------------------------------------------------------------

local simulation = {}

local function new_world(seed, folder, tally, lies)
  local workers = math.random(WORKERS_MAX)
  spread.check(workers, "Member", MEMBERS)
  local world = World.new(seed, folder, tally, lies, workers)
  world.small, world.may_fail, world.options.map_bytes = false, false, 64 * 1024 * 1024
  world.options.turns_a_step = any(TURNS)
  world.model = Model.new()
  world.last = { ends = 0, applied = 0, runs = 0 }
  for _, name in ipairs { "rests", "ends", "applied", "runs" } do tally[name] = tally[name] or 0 end
  return setmetatable(world, Society)
end

function Society:run()
  World.run(self)
  for name, count in pairs(self.last) do self.tally[name] = self.tally[name] + count end
end

--- As World.run_all(). The tally has in addition: rests, at which all was held against the model; and in these,
--- ends of members, messages applied, runs of schedules.
---@param seed integer
---@param crashes integer
---@param options table
---@return table tally
function simulation.run(seed, crashes, options) return World.run_all(new_world, seed, crashes, options) end

return simulation
