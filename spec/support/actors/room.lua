-- Tells its connections what they want to hear.
local Actor = require "troupe.actor"

---@class Room: Actor
local Room = Actor:extend "Room"

function Room:initialize_state() return { came = 0, left = 0, said = 0 } end

--- params: `name`; `refuse`: by this hook, with a code; `fail`: by the next, with one, or `break` it.
function Room:on_before_connect(params)
  if params and params.refuse then error(UserError("not you", { code = params.refuse })) end
  return { name = params and params.name, fail = params and params.fail }
end

function Room:on_connect(connection)
  local fail = connection.state.fail
  self.state.came = self.state.came + 1
  connection:send("welcome", self.state.came, #self.connections)
  self:broadcast("came", connection.state.name)
  if fail == "break" then error "broken on purpose" end
  if fail then error(UserError("not today", { code = fail })) end
end

function Room:on_disconnect(connection)
  self.state.left = self.state.left + 1
  self:broadcast("left", connection.state.name)
end

function Room:counts() return { self.state.came, self.state.left, #self.connections, self.state.said } end

--- Tells `event` so many times, to all; then answers.
function Room:say(_, event, times, ...)
  for number = 1, times do
    self.state.said = self.state.said + 1
    self:broadcast(event, number, ...)
  end
  return self.state.said
end

--- The same without a change of anything.
function Room:whisper(_, event, ...) self:broadcast(event, ...) end

--- An event before and one behind what is saved; then it fails, if it is to.
function Room:save(_, fails)
  self:broadcast("news", "before")
  self.state.said = self.state.said + 1
  self:save_state()
  self:broadcast("news", "behind")
  if fails then error(UserError "failed") end
end

function Room:fail()
  self:broadcast("news", "never")
  error(UserError "failed")
end

function Room:about(rpc)
  local connection = rpc.connection
  return { caller = rpc.caller, params = rpc.params, header = rpc.headers["x-test"], address = rpc.address,
    state = connection and connection.state, count = #self.connections }
end

function Room:wait(_, gate)
  print("begun " .. gate)
  while not pcall(require, "lib." .. gate) do end
  return gate
end

--- Ends the connection of the call; or all.
function Room:leave(rpc, reason, all)
  for _, connection in ipairs(all and self.connections or { rpc.connection }) do connection:disconnect(reason) end
  return "bye"
end

function Room:finish() self:destroy() end

--- Tells events by itself, until it sleeps for good.
function Room:talk()
  self.schedule:every(0.1, "_tell")
  self.talks = true
end

function Room:_tell() self:broadcast("tick") end

function Room:on_stop()
  if self.talks then
    for _ = 1, 100 do self:broadcast "tick" end
  end
end

return Room
