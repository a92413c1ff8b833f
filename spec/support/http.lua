--- HTTP for specs of the real program: requests and answers and, for a closer look, the bytes of a connection.

local assert = require "luassert"
local cjson = require "cjson"
local socket = require "socket"

local http = {}

local TIMEOUT_S = 30      -- an answer takes milliseconds, but the machine may be busy

---@class Answer
---@field status integer
---@field headers table<string, string>  by lower-case name
---@field body string
local Answer = {}
Answer.__index = Answer

--- The body, as cjson reads it.
function Answer:json()
  return cjson.decode(self.body)
end

---@class Connection
local Connection = {}
Connection.__index = Connection

---@param address string  HOST:PORT
---@return Connection
function http.connect(address)
  local host, port = address:match "^(.*):(%d+)$"
  local connection = setmetatable({ socket = assert(socket.connect(host, port)) }, Connection)
  connection.socket:settimeout(TIMEOUT_S)
  connection.socket:setoption("tcp-nodelay", true)
  return connection
end

--- Sends bytes as they are. receive() will tell whether the server still took them.
function Connection:send(text)
  self.socket:send(text)
  return self
end

--- Tells the server that nothing more comes.
function Connection:finish()
  self.socket:shutdown "send"
  return self
end

--- Waits for one answer; nil if the server has closed the connection instead. Fails if nothing happens at all.
---@param bodiless boolean|nil  for an answer to HEAD: its length is that of a body that does not come
---@return Answer|nil
function Connection:receive(bodiless)
  local line, problem = self.socket:receive "*l"
  if problem == "timeout" then error("no answer within " .. TIMEOUT_S .. " seconds", 2) end
  if not line then return nil end
  local answer = setmetatable({ status = tonumber(line:match "^HTTP/1%.1 (%d%d%d) %a"), headers = {} }, Answer)
  assert(answer.status, "this is no HTTP: " .. line)
  for header in function() return assert(self.socket:receive "*l") end do
    if header == "" then break end
    local name, value = header:match "^([^:]+):%s*(.*)$"
    answer.headers[name:lower()] = value
  end
  bodiless = bodiless or answer.status < 200 or answer.status == 204
  local size = bodiless and 0 or tonumber(answer.headers["content-length"])
  assert(size, "an answer without its length")
  answer.body = size == 0 and "" or assert(self.socket:receive(size))
  return answer
end

function Connection:close()
  self.socket:close()
end

--- The bytes of a request.
---@param method string
---@param path string
---@param body string|nil
---@param headers table<string, string>|nil
---@return string
function http.text(method, path, body, headers)
  local lines = { ("%s %s HTTP/1.1"):format(method, path), "Host: 127.0.0.1" }
  for name, value in pairs(headers or {}) do
    table.insert(lines, name .. ": " .. value)
  end
  if body then table.insert(lines, "Content-Length: " .. #body) end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

--- Sends bytes of any kind, on a connection of their own, and returns the answer.
---@return Answer|nil
function http.exchange(address, text)
  local connection = http.connect(address)
  local answer = connection:send(text):receive()
  connection:close()
  return answer
end

--- Sends one request, on a connection of its own, and returns the answer.
---@return Answer
function http.request(address, method, path, body, headers)
  return assert(http.exchange(address, http.text(method, path, body, headers)), "no answer, but the end")
end

--- Fails unless the answer is this result, and nothing else.
---@param result string  in JSON, as the host prints it
function http.assert_result(result, answer)
  assert.same({ 200, ('{"result":%s}'):format(result) }, { answer.status, answer.body })
end

--- Fails unless the answer tells of an error, with this code, a message, and nothing else.
---@param status integer
---@param code string
---@param message string|nil  a pattern that the message matches
function http.assert_refused(status, code, message, answer)
  local said = ("%d %s"):format(answer.status, answer.body)
  assert.equal(status, answer.status, said)
  assert.equal("application/json", answer.headers["content-type"])
  local decoded = answer:json()
  assert.same({ error = { code = code, message = decoded.error.message } }, decoded)
  assert.matches(message or "", decoded.error.message)
end

return http
