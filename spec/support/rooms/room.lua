-- The actor of spec/host/connection_world_spec.lua. Each part of its turns, one a commit, says by the event "turn" what
-- it is and what it sees, and then does what the spec has planned: spec/support/room_life.lua tells what is in it.

local Actor = require "troupe.actor"
local Room = Actor:extend "Room"

local runs = {}      -- how often on_disconnect has run, by tag; nothing undoes that

function Room:initialize_state()
  return { n = 0, life = now() }
end

function Room:on_before_connect(params)
  if params and params.refused then error(UserError("told", { code = "told" })) end
  return params and { v = params.state } or nil
end

local function do_effect(self, effect, connection, counts, ...)
  local kind, target, value = table.unpack(effect)
  if kind == "broadcast" then self:broadcast(target, ...) end
  if kind == "send" and connection then connection:send("whisper", ...) end
  if kind == "disconnect" and connection then connection:disconnect((...)) end
  if kind == "set" and counts and value % 2 == 0 then connection.state.v = value end
  if kind == "set" and counts and value % 2 == 1 then connection.state = { v = value } end
end

function Room:_part(op, part, plan)
  local present, states, counts, found, gone = array {}, {}, array {}, {}, {}
  for i, connection in ipairs(self.connections) do
    local tag = connection.params.tag
    present[i], states[tag], found[tag] = tag, connection.state.v, connection
  end
  for k, effect in ipairs(plan.effects) do
    local kind, target = effect[1], effect[2]
    counts[k] = kind == "broadcast" or found[target] ~= nil and not gone[target]
    if kind == "disconnect" and counts[k] then gone[target] = true end
  end
  if plan.changes then
    self.state.n = self.state.n + 1
    self.kv:put({ "turn", self.state.n }, { op = op, part = part, life = self.state.life })
  end
  self:broadcast("turn", {
    op = op, part = part, n = self.state.n, life = self.state.life, changes = plan.changes, present = present,
    states = states, counts = counts,
  })
  for k, effect in ipairs(plan.effects) do do_effect(self, effect, found[effect[2]], counts[k], op, part, k) end
end

local function ask(self, asked)
  local ok, answer = pcall(function() return self:actor("Room", asked.room):act(asked.op, asked.act) end)
  return ok and answer or nil
end

function Room:act(_, op, act)
  local n, result = self.state.n, { op = op, asked = act.ask and ask(self, act.ask) }
  for part, plan in ipairs(act.parts) do
    if part > 1 then
      self:save_state()
      n = self.state.n
    end
    self:_part(op, part, plan)
  end
  if act.fails then error(UserError("told", { code = "told", metadata = { n = n } })) end
  if act.destroys then
    self.ending = { op, #act.parts + 1 }
    self:destroy()
  end
  result.n, result.life = self.state.n, self.state.life
  return result
end

function Room:on_connect(connection)
  local params = connection.params
  self:_part("connect " .. params.tag, 1, params.plan)
  if params.fails then error(UserError("told", { code = "told" })) end
end

function Room:on_disconnect(connection)
  local params = connection.params
  runs[params.tag] = (runs[params.tag] or 0) + 1
  self:_part("disconnect " .. params.tag, 1, params.farewell)
  if params.grumbles then error "grumbles" end
end

function Room:on_stop()
  if self.state.n % 3 > 0 then return end
  self:_part("stop " .. self.key[1], 1, { changes = true, effects = {} })
end

function Room:on_destroy()
  local op, part = table.unpack(self.ending or { "operator " .. self.key[1], 1 })
  self:_part(op, part, { changes = true, effects = {} })
end

function Room:runs()
  return runs
end

return Room
