--- HTTP for specs of the real program: requests and answers, and for who looks closer, the bytes of a connection.

local assert = require "luassert"
local cjson = require "cjson"
local socket = require "socket"

local http = {}

local TIMEOUT_S = 30      -- for what takes milliseconds, on a machine that does much else

---@class Answer
---@field status integer
---@field headers table<string, string>  by lower-case name
---@field body string
local Answer = {}
Answer.__index = Answer

--- What its body says, as cjson reads it.
function Answer:json()
  return cjson.decode(self.body)
end

---@class Connection
local Connection = {}
Connection.__index = Connection

--- @param address string  HOST:PORT
---@return Connection
function http.connect(address)
  local host, port = address:match "^(.*):(%d+)$"
  local connection = setmetatable({ socket = assert(socket.connect(host, port)) }, Connection)
  connection.socket:settimeout(TIMEOUT_S)
  connection.socket:setoption("tcp-nodelay", true)
  return connection
end

--- Sends bytes as they are. Whether the server still takes them is for receive() to tell.
function Connection:send(text)
  self.socket:send(text)
  return self
end

--- Tells the server that nothing more comes.
function Connection:finish()
  self.socket:shutdown "send"
  return self
end

--- Waits for one answer; nil where the server has closed the connection instead. Fails where nothing happens at all.
---@param bodiless boolean|nil  of an answer to HEAD: its length is that of a body which does not come
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
  bodiless = bodiless or answer.status == 100 or answer.status == 204
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

--- Bytes of any kind, on a connection of their own, and the answer.
---@return Answer|nil
function http.exchange(address, text)
  local connection = http.connect(address)
  local answer = connection:send(text):receive()
  connection:close()
  return answer
end

--- One request on a connection of its own.
---@return Answer
function http.request(address, method, path, body, headers)
  return assert(http.exchange(address, http.text(method, path, body, headers)), "no answer, but the end")
end

--- An answer with a result, and nothing else.
---@param result string  in JSON, as the host prints it
function http.assert_result(result, answer)
  assert.same({ 200, ('{"result":%s}'):format(result) }, { answer.status, answer.body })
end

--- An answer that tells of an error, in nothing but its code and a message.
---@param status integer
---@param code string
---@param message string|nil  a pattern of what is in it
function http.assert_refused(status, code, message, answer)
  local said = ("%d %s"):format(answer.status, answer.body)
  assert.equal(status, answer.status, said)
  assert.equal("application/json", answer.headers["content-type"])
  local decoded = answer:json()
  assert.same({ error = { code = code, message = decoded.error.message } }, decoded)
  assert.matches(message or "", decoded.error.message)
end

return http
