--- The crash simulation of calls between actors: chains over links on several workers, whose steps, failing writes and
--- power cuts come in any order. After each crash no change of a caller is there without those of its callees, every
--- answered chain is there as a whole, and nobody remembers what did not happen.

local disk = require "simulated_disk"
local Model = require "spec.crash.chain_model"
local World = require "spec.crash.world"
local spread = require "spec.support.spread"

local STEPS, TURNS = { 40, 150, 150, 500 }, { 1, 1, 2, 256 }
local LINKS = { "link1", "link2", "link3", "link4", "link5", "link6", "link7", "link8" }
local WORKERS_MAX, DEPTH_MAX, VISITS_MAX, UNDER_WAY_MAX = 3, 4, 10, 12
local PAUSES = { 0.2, 1.5 }      -- seconds: calls may take one

local chance, any = World.chance, World.any

local Chains = World.extend()

-- --- What is called ------------------------------------------------------------------------------------------------

function Chains:next_number()
  self.number = self.number + 1
  return self.number
end

local draw_step = World.weighted { { 5, "change" }, { 6, "call" }, { 1, "save" } }

-- A call of another link, or rarely of any: it may close a circle. `chain`: { once, left = so many visits, on = keys }.
function Chains:random_call(chain, depth)
  local number, key = self:next_number(), any(LINKS)
  while chain.on[key] and not chance(10) do key = any(LINKS) end
  local once = chain.once and chain.once .. "/" .. number or false
  local was_on = chain.on[key]
  chain.on[key] = true
  local plan = self:random_plan(chain, depth + 1)
  chain.on[key] = was_on
  return { "call", number, key, not chance(3), once, plan, chance(5) and 1 or false }
end

function Chains:random_plan(chain, depth)
  local plan, reads = {}, chance(3)          -- one that reads only relays and hears
  chain.left = chain.left - 1
  for _ = 1, math.random(0, 4) do
    local step = draw_step()
    if step == "call" and depth < DEPTH_MAX and chain.left > 0 then
      table.insert(plan, self:random_call(chain, depth))
    elseif step == "change" and not reads then
      table.insert(plan, { "change", self:next_number(), chance(2) })
    elseif step == "save" and not reads then
      table.insert(plan, { "save" })
    end
  end
  if chance(10) then table.insert(plan, { "fail" }) end
  return plan
end

function Chains:send(chain)
  local options = chain.once and { idempotency_key = chain.once } or nil
  self:submit("call", "Link", chain.key, "visit", { chain.plan, {} }, 2, options).chain = chain
  self.tally.calls = self.tally.calls + 1
end

function Chains:begin_chain()
  if #self.under_way >= UNDER_WAY_MAX then return end
  local number, key = self:next_number(), any(LINKS)
  local once = chance(4) and "chain" .. number or nil
  local chain = { number = number, key = key, once = once, left = VISITS_MAX, on = { [key] = true } }
  chain.plan = self:random_plan(chain, 1)
  self.model:expect(key, chain.plan, once ~= nil, number)
  if once then table.insert(self.repeatable, chain) end
  self:send(chain)
end

-- A client that has heard nothing, or no more knows what, sends a chain again.
function Chains:repeat_chain()
  if #self.repeatable > 0 and #self.under_way < UNDER_WAY_MAX then self:send(any(self.repeatable)) end
end

-- --- What is answered ----------------------------------------------------------------------------------------------

local INTERRUPTED = "the call with this idempotency key failed after a save_state"

-- Whether a chain may fail in this way. A repeat may find that it, or a call which it makes, was interrupted.
local function may_end_with(world, chain, code, message)
  if code == "storage_error" then return world.may_fail end
  if message:find(INTERRUPTED, 1, true) then return chain.once end
  return code == "told" or code == "deadlock" or code == "timeout"
end

function Chains.expects(_, line) return line:find(INTERRUPTED, 1, true) ~= nil end

-- Takes an answer that left the host before the cut. Answers what is wrong with it, or nil.
function Chains.take_answer(world, asked)
  local ok, result, message, metadata = asked.pending:answer()
  if asked.kind ~= "call" then return nil end
  local chain = asked.chain
  world.tally.answers = world.tally.answers + 1
  if ok then
    world.model:hear(result.news)
    return chain and world.model:succeed(chain.plan, result.done)
  end
  world.tally.codes[result] = (world.tally.codes[result] or 0) + 1
  if result == "told" then world.model:hear(metadata) end
  if chain then world.model:refuse(chain.number, result) end
  if may_end_with(world, chain or {}, result, message) then return nil end
  return ("answered with %s: %s"):format(result, message)
end

-- --- What happens --------------------------------------------------------------------------------------------------

-- Nobody is left waiting. Where relaxed, each save in a chain may have to wait for the next sync, half a second.
function Chains:rest()
  self.kit:run()
  self:take_answers()
  for _ = 1, self.relaxed and 4 * VISITS_MAX or 0 do
    if #self.under_way == 0 or disk.is_cut() or not self.kit:is_open() then break end
    self.kit:advance(0.6)
    self:take_answers()
  end
  if disk.is_cut() or not self.kit:is_open() then return end
  local left = #self.under_way + #self.kit:calls().calls
  if left > 0 then self:fail(("%d calls are left, and the host is at rest"):format(left)) end
  self.tally.rests = self.tally.rests + 1
end

local happening = World.weighted {
  { 12, Chains.begin_chain },
  { 4, function(world) world:submit("call", "Link", any(LINKS), "look", {}, 0) end },
  { 2, Chains.repeat_chain },
  { 1, function(world) world:submit("sleep", "Link", any(LINKS)) end },
  { 60, Chains.step },
  { 12, function(world) world.kit:step "committer" end },
  { 6, function(world) world.kit:step "checkpointer" end },
  { 2, Chains.hold },
  { 2, Chains.fail_write },
  { 1, Chains.rest },
  { 1, function(world) world.kit:calls() end },
  { 1, function(world) world.kit:advance(0.3) end },
  { 2, function(world) world.kit:elapse(any(PAUSES)) end },
}

function Chains:live() self:live_for(math.random(any(STEPS)), happening) end

-- Holds all links after a crash against the model. False where the power was cut meanwhile.
function Chains:check()
  local found = self:read("Link", LINKS)
  if not found then return false end
  local wrong = self.model:check(found, self.loose)
  if wrong then self:fail(wrong) end
  self.loose = false
  return true
end

-- --- Worlds --------------------------------------------------------------------------------------------------------

local simulation = {}

local function new_world(seed, folder, tally, lies)
  local workers = math.random(WORKERS_MAX)
  spread.check(workers, "Link", LINKS)
  local world = World.new(seed, folder, tally, lies, workers)
  world.options.turns_a_step = any(TURNS)
  world.model = Model.new(LINKS)
  world.repeatable = {}      -- chains with an idempotency key
  tally.codes = tally.codes or {}
  tally.rests = tally.rests or 0
  return setmetatable(world, Chains)
end

--- As World.run_all(). The tally has in addition: rests, at which nobody was left waiting; codes of
--- answers.
---@param seed integer
---@param crashes integer
---@param options table
---@return table tally
function simulation.run(seed, crashes, options) return World.run_all(new_world, seed, crashes, options) end

return simulation
