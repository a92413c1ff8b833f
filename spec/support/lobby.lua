--- The class Lobby, whose actors note in their state who comes and who goes, and tell it: for the specs of connections.

local hosts = require "spec.support.hosts"

local lobby = {}

local body = [[
  function Class:initialize_state() return { came = array {}, went = array {}, count = 0, starts = 0 } end
  function Class:on_start() self.state.starts = self.state.starts + 1 end
  function Class:on_before_connect(params)
    if not params then return end
    if params.refuse then error(UserError("refused", { code = "refused" })) end
    return { name = params.name }
  end
  function Class:on_connect(connection)
    local name = connection.state and connection.state.name
    table.insert(self.state.came, name)
    connection:send("welcome", name)
    self:broadcast("came", name)
    if name == "unwanted" then connection:disconnect("unwanted") end
    if name == "failing" then error "on_connect" end
  end
  function Class:names()
    local names = array {}
    for i, connection in ipairs(self.connections) do names[i] = connection.state.name end
    return names
  end
  function Class:rename(rpc, name) rpc.connection.state.name = name end
  function Class:say(_, text) self:broadcast("said", text); return text end
  function Class:add()
    self.state.count = self.state.count + 1
    self:broadcast("count", self.state.count)
    return self.state.count
  end
  function Class:get() return self.state.count end
  function Class:save() self:add(); self:save_state(); return self:names() end
  function Class:kick(_, name)
    for _, connection in ipairs(self.connections) do
      if connection.state.name == name then connection:disconnect("kicked") end
    end
  end
  function Class:finish() self:broadcast("finished"); self:destroy() end
  function Class:fail() self:broadcast("said", "never"); error(UserError("no", { code = "no" })) end
]]

local hook = [[
  function Class:on_disconnect(connection)
    local name = connection.state and connection.state.name
    table.insert(self.state.went, name)
    self:broadcast("went", name)
    if name == "crying" then error "on_disconnect" end
    if name == "asking" then self:actor("Lobby", "nobody", { create = false }):get() end
    if name == "saving" then self:actor("Lobby", "other"):add() end
  end
]]

--- With on_disconnect, and without.
lobby.source = hosts.class("Lobby", body .. hook)
lobby.source_without_hook = hosts.class("Lobby", body)

--- A host with it. The options are those of hosts.open().
---@param options table|nil
---@param source string|nil
function lobby.open(options, source)
  return hosts.open({ ["lobby.lua"] = source or lobby.source }, options)
end

--- Opens a connection of this name, which hears everything.
---@param host troupe.Host
---@param name string
---@param key any
---@return troupe.Connection
function lobby.join(host, name, key)
  local connection = host:connect("Lobby", key or "a", { params = { name = name } })
  for _, event in ipairs { "came", "went", "said", "count", "finished" } do connection:subscribe(event) end
  return connection
end

--- The events that have come, each as `name argument`.
---@param connection troupe.Connection
---@return string[]
function lobby.heard(connection)
  local heard = {}
  for i, event in ipairs(connection:events()) do heard[i] = ("%s %s"):format(event.event, tostring(event.args[1])) end
  return heard
end

return lobby
