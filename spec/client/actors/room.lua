-- A room that clients of the specs enter, talk in, and are thrown out of.
local Actor = require "troupe.actor"

---@class Room: Actor
local Room = Actor:extend "Room"

function Room:initialize_state(input) return { count = 0, input = input or null } end

--- params: `name`, and `refuse`, to be refused.
function Room:on_before_connect(params)
  params = params or {}
  if params.refuse then error(UserError "not you") end
  return { name = params.name }
end

function Room:address() return self.key end

function Room:input() return self.state.input end

function Room:about(rpc) return { params = rpc.params, key = rpc.idempotency_key, header = rpc.headers["x-spec"] } end

function Room:echo(_, ...)
  local values = array {}
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    values[i] = value == nil and null or value
  end
  return values
end

function Room:add(_, amount)
  self.state.count = self.state.count + (amount or 1)
  return self.state.count
end

function Room:fail(_, code, metadata) error(UserError("as asked", { code = code, metadata = metadata })) end

function Room:say(rpc, text)
  self:broadcast("said", rpc.connection.state.name or null, text)
  return #self.connections
end

function Room:whisper(rpc, text) rpc.connection:send("whispered", text) end

--- The connection's state: how often this was called through it.
function Room:again(rpc)
  local state = rpc.connection.state
  state.calls = (state.calls or 0) + 1
  return state.calls
end

function Room:leave(rpc, reason)
  rpc.connection:disconnect(reason)
  return "left"
end

function Room:finish() self:destroy() end

return Room
