--- Many clients of the real program in one thread: each sends a request, waits for its answer, and sends the next.

local socket = require "socket"

local crowd = {}

local SILENCE_S = 30      -- an answer takes milliseconds, but the machine may be busy
local CHUNK_BYTES = 65536

---@class Crowd
---@field sockets table[]   the connection of each client; also from connection to client
---@field open table[]      the connections that a client still uses
local Crowd = {}
Crowd.__index = Crowd

--- Connects `size` clients, numbered from 1 to `size`.
---@param address string  HOST:PORT
---@param size integer
---@return Crowd
function crowd.connect(address, size)
  local host, port = address:match "^(.*):(%d+)$"
  local self = setmetatable({ sockets = {}, open = {} }, Crowd)
  for client = 1, size do
    local connection = assert(socket.connect(host, port))
    connection:setoption("tcp-nodelay", true)
    connection:settimeout(0)
    self.sockets[client], self.sockets[connection], self.open[client] = connection, client, connection
  end
  return self
end

-- The status and body of an answer, once all of it has come.
local function parse(text)
  local _, head_end = text:find("\r\n\r\n", 1, true)
  if not head_end then return nil end
  local head = text:sub(1, head_end):lower()
  local size = assert(tonumber(head:match "\r\ncontent%-length: (%d+)"), "an answer without its length")
  if #text < head_end + size then return nil end
  assert(#text == head_end + size, "more than one answer to one request")
  return tonumber(head:match "^http/1%.1 (%d%d%d) "), text:sub(head_end + 1)
end

--- Runs until no client has anything more to ask, or the server is gone, and closes the connections.
---
--- `ask(client)` returns the client's next request, a table whose `text` is sent; nil: there are no more. `hear(client,
--- request, status, body)` gets the answer. Returns, by client, the requests whose answers never came.
---@param ask fun(client: integer): table|nil
---@param hear fun(client: integer, request: table, status: integer, body: string)
---@return table<integer, table> unheard
function Crowd:run(ask, hear)
  local waiting, received = {}, {}
  local function leave(connection)
    for i, other in ipairs(self.open) do
      if other == connection then table.remove(self.open, i) end
    end
    connection:close()
  end
  local function send_next(client)
    local connection = self.sockets[client]
    waiting[client], received[client] = ask(client), ""
    if not waiting[client] or not connection:send(waiting[client].text) then leave(connection) end
  end
  local function receive(client)
    local connection = self.sockets[client]
    local whole, problem, part = connection:receive(CHUNK_BYTES)
    received[client] = received[client] .. (whole or part)
    local status, body = parse(received[client])
    if status then
      local request = waiting[client]
      waiting[client] = nil
      hear(client, request, status, body)
      send_next(client)
    elseif problem == "closed" then
      leave(connection)
    end
  end

  for client = 1, #self.sockets do send_next(client) end
  while #self.open > 0 do
    local ready = socket.select(self.open, nil, SILENCE_S)
    assert(#ready > 0, "no answer for too long")
    for _, connection in ipairs(ready) do receive(self.sockets[connection]) end
  end
  return waiting
end

return crowd
