--- What a spec holds of its calls and connections. troupe.test makes them.

local null = require("troupe_host").null
local raising = require "troupe.raising"

raising.enrol()

--- A call under way.
---@class troupe.Pending
---@field id integer|nil     of a call through a connection: the how manieth of it, from 1 on
---@field _pending userdata  the kit's
---@field _host troupe.Host
---@field _connection troupe.Connection|nil  which its answer opens
local Pending = { __name = "troupe.Pending" }
Pending.__index = Pending

--- Whether its answer has come. Runs nothing.
---@return boolean
function Pending:is_done()
  return self._pending:is_done()
end

--- Runs the host until it is at rest. Returns the call's result, or raises its error.
---@return any
function Pending:get()
  self._host:run()
  return self:result()
end

--- Like get(), but runs nothing: for a spec that takes the host's steps one by one.
---@return any
function Pending:result()
  local ok, result, message, metadata = raising.ask(self._pending, "answer")
  if ok == nil then raising.misuse "the call has no answer: the host is held, or waits for time to pass" end
  if not ok then raising.fail(result, message, metadata) end
  if self._connection then return self._connection end
  if result == null then return nil end
  return result
end

---@class troupe.ConnectOptions
---@field params any             for on_before_connect, and connection.params
---@field headers table<string, string>|nil  of the handshake; names may have any case
---@field address string|nil     of the client, as text
---@field create boolean|nil     whether it may create the actor (true)
---@field input any              for initialize_state

---@class troupe.Event
---@field event string           its name
---@field args table             what came with it, an array

--- A connection of the spec: what a client of a WebSocket is, without the socket. Arguments and results of calls are
--- copied as those of all calls of the kit, what comes with events has been through JSON.
---@class troupe.Connection
---@field _spectator userdata    the kit's
---@field _host troupe.Host
---@field _calls table<integer, troupe.Pending>  those whose answers frames() has not told yet
local Connection = { __name = "troupe.Connection" }
Connection.__index = Connection

--- Calls a method through the connection. Returns its result, or raises its error.
---@param method string
---@return any
function Connection:call(method, ...)
  return self:start(method, ...):get()
end

--- Begins a call through the connection, without waiting for its answer.
---@param method string
---@return troupe.Pending
function Connection:start(method, ...)
  return self:start_with(nil, method, ...)
end

--- The same with options.
---@param options { idempotency_key: string|nil }|nil
---@param method string
---@return troupe.Pending
function Connection:start_with(options, method, ...)
  if self:closed() then raising.fail("connection_lost", "this connection is closed; the call was not sent") end
  local pending, id = raising.ask(self._spectator, "submit", method, { ... }, select("#", ...), options)
  self._calls[id] = setmetatable({ _pending = pending, _host = self._host, id = id }, Pending)
  return self._calls[id]
end

--- From now on broadcasts of this event come in events(). It waits for nothing.
---@param event string
function Connection:subscribe(event)
  if self:closed() then raising.fail("connection_lost", "this connection is closed") end
  raising.ask(self._spectator, "subscribe", event)
end

--- They come no more.
---@param event string
function Connection:unsubscribe(event)
  raising.ask(self._spectator, "unsubscribe", event)
end

--- The events that have come since the last look, the oldest first. Runs nothing.
---@return troupe.Event[]
function Connection:events()
  return raising.ask(self._spectator, "take", false)
end

--- All that has come and was looked at neither by this nor by events(), in the order in which it came: events, answers
--- as `{ id, result }` or `{ id, error }`, by the id of the call, where no result is null, and at the end
--- `{ code, reason }`. Runs nothing.
---@return table[]
function Connection:frames()
  local frames = raising.ask(self._spectator, "take", true)
  for i, frame in ipairs(frames) do
    local pending = self._calls[frame]
    if pending then
      local ok, result = pcall(pending.result, pending)
      if ok and result == nil then result = null end
      frames[i] = { id = frame, [ok and "result" or "error"] = result }
      self._calls[frame] = nil
    elseif frame == true then
      local code, reason = self:closed()
      frames[i] = { code = code, reason = reason }
    end
  end
  return frames
end

--- Closes it from this side, and runs the host: on_disconnect runs. Calls of it that have not begun do not begin.
function Connection:close()
  self:start_close()
  self._host:run()
end

--- The same, but runs nothing.
function Connection:start_close()
  raising.ask(self._spectator, "close")
end

--- How it has ended: the code and the reason of a WebSocket's end; nil as long as it has not. 1000: closed by the spec,
--- 1001: the host has stopped, 1006: it has crashed, 4000: the actor has disconnected it, 4001: that was destroyed,
--- others from 4400 on: it was refused, with the status and the code of that error.
---@return integer|nil code
---@return string|nil reason
function Connection:closed()
  return raising.ask(self._spectator, "closed")
end

return { Connection = Connection, Pending = Pending }
