-- Runs hostile scripts, which a spec sends it as text.
local Actor = require "troupe.actor"

---@class Target: Actor
local Target = Actor:extend "Target"

local kept = {}       -- what one call leaves for a later one, even of another actor

function Target:initialize_state()
  local list = array { { v = 1 }, { v = 2 }, { v = 3 } }
  return { n = 0, zero = 0.0, list = list, deep = { x = { y = "old" } }, plain = {} }
end

local function load_attack(text)
  return assert(load(text, "=attack", "t", setmetatable({ require = require, kept = kept }, { __index = _ENV })))
end

--- Changes the state, the kv and a field, then runs the attack: if that fails, all of this must be taken back.
function Target:attack(rpc, text, ...)
  self.state.n = self.state.n + 1
  self.state.plain.fresh = { 1, { 2 } }
  table.insert(self.state.list, 1, { v = 0 })
  self.kv:put("touched", { true })
  self.touched = true
  return load_attack(text)(self, rpc, ...)
end

--- Runs a text and nothing else.
function Target:run(rpc, text, ...)
  return load_attack(text)(self, rpc, ...)
end

function Target:was_touched() return self.touched or false end

function Target:ping() return "pong" end

return Target
