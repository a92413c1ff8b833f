--- WebSockets for specs of the real program (RFC 6455): conversations, and any bytes that somebody may send instead.

local assert = require "luassert"
local cjson = require "cjson"

local http = require "spec.support.http"

local websocket = {}

-- The example of RFC 6455, section 1.3: a server that answers it so has read it.
local KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

websocket.CONTINUATION, websocket.TEXT, websocket.BINARY = 0, 1, 2
websocket.CLOSE, websocket.PING, websocket.PONG = 8, 9, 10

---@class Frame
---@field fin boolean
---@field opcode integer
---@field payload string
---@field code integer|nil  of a close that has one
---@field reason string|nil  with it

---@class Socket
local Socket = { __name = "websocket" }
Socket.__index = Socket

local function percent(text)
  return (text:gsub("[^%w%-._~/]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

--- The path of a connection to an actor.
---@param class string
---@param key string
---@param query table<string, string>|nil  values as text, which this function encodes
function websocket.path(class, key, query)
  local pairs_of = {}
  for name, value in pairs(query or {}) do table.insert(pairs_of, name .. "=" .. percent(value)) end
  table.sort(pairs_of)
  local path = ("/connect/%s/%s"):format(percent(class), percent(key))
  return #pairs_of == 0 and path or path .. "?" .. table.concat(pairs_of, "&")
end

--- The bytes of a handshake.
---@param path string
---@param headers table<string, string|false>|nil  more, or others than usual; false: none of this name
function websocket.handshake(path, headers)
  local all = {
    Host = "127.0.0.1", Upgrade = "websocket", Connection = "Upgrade", ["Sec-WebSocket-Version"] = "13",
    ["Sec-WebSocket-Key"] = KEY,
  }
  for name, value in pairs(headers or {}) do all[name] = value end
  local lines = { ("GET %s HTTP/1.1"):format(path) }
  for name, value in pairs(all) do
    if value then table.insert(lines, ("%s: %s"):format(name, value)) end
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

--- The bytes of a frame, as a client sends it.
---@param opcode integer
---@param payload string
---@param how { fin: boolean|nil, rsv: integer|nil, mask: string|false|nil, length: integer|nil, wide: integer|nil }|nil
---  `fin`: true; `rsv`: 0 to 7; `mask`: four bytes, or false for none; `length`: another one than that of the payload;
---  `wide`: in so many bytes (1, 2 or 8), whether that is the shortest form or not
function websocket.frame(opcode, payload, how)
  how = how or {}
  local length, mask = how.length or #payload, how.mask
  if mask == nil then mask = "\1\xf2\3\x84" end
  local first = (how.fin == false and 0 or 0x80) | (how.rsv or 0) << 4 | opcode
  local wide = how.wide or (length < 126 and 1 or length < 65536 and 2 or 8)
  local size = wide == 1 and length or wide == 2 and 126 or 127
  local head = string.char(first, (mask and 0x80 or 0) | size)
  if wide == 2 then head = head .. (">I2"):pack(length) end
  if wide == 8 then head = head .. (">I8"):pack(length) end
  if not mask then return head .. payload end
  local masked = {}
  for from = 1, #payload, 4096 do
    local bytes = { payload:byte(from, from + 4095) }
    for i = 1, #bytes do bytes[i] = bytes[i] ~ mask:byte((i - 1) % 4 + 1) end
    table.insert(masked, string.char(table.unpack(bytes)))
  end
  return head .. mask .. table.concat(masked)
end

--- Sends a handshake, on a connection of its own, and returns that connection and the answer, whatever it is.
---@return Connection
---@return Answer
function websocket.try(address, path, headers)
  local connection = http.connect(address):send(websocket.handshake(path, headers))
  return connection, assert(connection:receive(), "no answer to the handshake")
end

--- Opens a connection; fails if that is refused over HTTP.
---@return Socket
function websocket.open(address, path, headers)
  local connection, answer = websocket.try(address, path, headers)
  assert.equal(101, answer.status, answer.body)
  assert.same({ "websocket", "upgrade", ACCEPT },
    { answer.headers.upgrade, answer.headers.connection, answer.headers["sec-websocket-accept"] })
  assert.is_nil(answer.headers["sec-websocket-protocol"])
  assert.is_nil(answer.headers["sec-websocket-extensions"])
  return websocket.over(connection)
end

--- A connection whose handshake is over.
---@param connection Connection
function websocket.over(connection)
  return setmetatable({ connection = connection, socket = connection.socket }, Socket)
end

--- Sends bytes as they are.
function Socket:send_bytes(bytes)
  self.connection:send(bytes)
  return self
end

--- Sends a frame; the arguments are those of websocket.frame().
function Socket:send_frame(opcode, payload, how)
  return self:send_bytes(websocket.frame(opcode, payload, how))
end

--- Sends a message: a text, or a table as JSON.
function Socket:send(message)
  return self:send_frame(websocket.TEXT, type(message) == "table" and cjson.encode(message) or message)
end

--- Sends a call. Its answer comes by receive().
---@param id integer|string
---@param method string
---@param args string|nil  in JSON, an array
---@param key string|nil  its idempotency key
function Socket:ask(id, method, args, key)
  local fields = { ('"id":%s'):format(cjson.encode(id)), ('"method":%s'):format(cjson.encode(method)) }
  if args then table.insert(fields, '"args":' .. args) end
  if key then table.insert(fields, ('"key":%s'):format(cjson.encode(key))) end
  return self:send("{" .. table.concat(fields, ",") .. "}")
end

local function take(socket, size)
  if size == 0 then return "" end
  local bytes, problem = socket:receive(size)
  if problem == "timeout" then error("nothing came", 3) end
  return bytes
end

-- The next frame, whatever it is; nil if the connection ends instead.
local function receive_any(self)
  local head = take(self.socket, 2)
  if not head then return nil end
  local first, second = head:byte(1, 2)
  assert.equal(0, first & 0x70, "reserved bits")
  assert.equal(0, second & 0x80, "a server does not mask")
  local size = second
  if size == 126 then size = (">I2"):unpack(assert(take(self.socket, 2))) end
  if size == 127 then size = (">I8"):unpack(assert(take(self.socket, 8))) end
  local least = second == 126 and 126 or second == 127 and 65536 or 0
  assert.is_true(size >= least, "not the shortest form")
  local frame = { fin = first & 0x80 ~= 0, opcode = first & 15, payload = assert(take(self.socket, size)) }
  if frame.opcode == websocket.CLOSE and size >= 2 then
    frame.code, frame.reason = (">I2"):unpack(frame.payload), frame.payload:sub(3)
  end
  return frame
end

--- Waits for the next frame, and answers pings, which come where all is slow; nil if the connection ends instead. Fails
--- if nothing happens at all.
---@return Frame|nil
function Socket:receive_frame()
  local frame = receive_any(self)
  while frame and frame.opcode == websocket.PING do
    self:send_frame(websocket.PONG, frame.payload)
    frame = receive_any(self)
  end
  return frame
end

--- Waits for the next message, and returns its text. Fails if something else comes.
function Socket:receive()
  local frame = self:receive_frame() or error("the connection has ended", 2)
  if frame.opcode == websocket.CLOSE then
    error(("closed: %s %s"):format(frame.code, frame.reason), 2)
  end
  assert.same({ websocket.TEXT, true }, { frame.opcode, frame.fin })
  return frame.payload
end

--- The same, as cjson reads it.
function Socket:receive_json()
  return cjson.decode(self:receive())
end

--- Sends a call and waits for its answer, which must be the next message. Returns the answer's text.
function Socket:call(id, method, args, key)
  return self:ask(id, method, args, key):receive()
end

--- Fails unless the next frame closes the connection, with this code, and the connection then ends.
---@param code integer|nil  nil: none
---@param reason string|nil
function Socket:assert_closed(code, reason)
  local frame = self:receive_frame() or error("the connection has ended without a close", 2)
  local said = { frame.opcode, frame.code or "none", frame.reason or "" }
  assert.same({ websocket.CLOSE, code or "none", reason or "" }, said, frame.payload)
  self:assert_ended()
end

--- Fails unless the connection ends.
function Socket:assert_ended()
  local frame = self:receive_frame()
  if frame then error("the connection goes on with " .. frame.payload, 2) end
  self.socket:close()
end

--- Ends the connection in good order.
---@param code integer|nil
---@param reason string|nil
function Socket:close(code, reason)
  self:send_frame(websocket.CLOSE, code and (">I2"):pack(code) .. (reason or "") or "")
  self:assert_closed(code, reason)
end

--- Ends it without a word: in order of TCP, or as a program that crashes.
function Socket:drop(rudely)
  if rudely then assert(self.socket:setoption("linger", { on = true, timeout = 0 })) end
  self.socket:close()
end

return websocket
