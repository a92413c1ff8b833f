--- HTTP/1.1 for troupe.client: one request and its answer on a connection that is kept. It reads what hosts and
--- proxies send, and nothing behind it. A connection is what LuaSocket makes, or anything with its `send`, `receive`,
--- `settimeout` and `close`.

local socket = require "socket"

local http = {}

http.now, http.sleep = socket.gettime, socket.sleep

--- The parts of a URL: host, port and path; or nil if it is not one.
---@param url string  "http://HOST:PORT", perhaps with a path behind it
---@return string|nil host
---@return integer|nil port
---@return string|nil path  without a slash at its end
---@return string|nil authority  as it stands in the header Host
function http.split(url)
  local authority, path = url:match "^http://([^/?#@]+)([^?#%s]*)$"
  if not authority then return nil end
  local host, port = authority:match "^%[([%x:.]+)%]:?(%d*)$"
  if not host then host, port = authority:match "^([^:%[%]%s]+):?(%d*)$" end
  if not host then return nil end
  return host, tonumber(port) or 80, (path:gsub("/+$", "")), authority
end

--- Text as a part of a path or of a query.
function http.escape(text)
  return (text:gsub("[^%w._~-]", function(char) return ("%%%02X"):format(char:byte()) end))
end

--- Connects to a host within so many seconds (nil: any). Returns the connection, or nil and why there is none.
function http.dial(host, port, seconds)
  local connection = socket.tcp()
  connection:settimeout(seconds)
  local ok, problem = connection:connect(host, port)
  if not ok then
    connection:close()
    return nil, problem
  end
  connection:setoption("tcp-nodelay", true)
  return connection
end

--- Whether nothing has come on a connection that is idle: else the other side has closed it, or speaks out of turn.
function http.is_quiet(connection)
  connection:settimeout(0)
  local byte, problem, rest = connection:receive(1)
  return not byte and problem == "timeout" and (rest or "") == ""
end

-- Gives the connection the time that is left. False if none is.
local function allow(connection, deadline)
  local left = deadline and deadline - http.now()
  if left and left <= 0 then return false end
  connection:settimeout(nil)
  connection:settimeout(left, "t")
  return true
end

-- The results of connection:receive(), within the deadline.
local function receive(connection, pattern, deadline)
  if not allow(connection, deadline) then return nil, "timeout" end
  return connection:receive(pattern)
end

-- The lines of a head up to the empty one, as headers by lower-case name; or nil and a problem.
local function read_headers(connection, deadline)
  local headers = {}
  while true do
    local line, problem = receive(connection, "*l", deadline)
    if not line then return nil, problem end
    if line == "" then return headers end
    local name, value = line:match "^([^:%s]+):%s*(.-)%s*$"
    if not name then return nil, "a header that is none" end
    headers[name:lower()] = value
  end
end

local function read_chunks(connection, deadline)
  local pieces = {}
  while true do
    local line, problem = receive(connection, "*l", deadline)
    if not line then return nil, problem end
    local size = tonumber(line:match "^%x+" or "", 16)
    if not size then return nil, "a chunk without a size" end
    if size == 0 then break end
    pieces[#pieces + 1], problem = receive(connection, size, deadline)
    if problem then return nil, problem end
    line, problem = receive(connection, "*l", deadline)
    if line ~= "" then return nil, problem or "a chunk without an end" end
  end
  local trailers, problem = read_headers(connection, deadline)
  return trailers and table.concat(pieces), problem
end

-- The body, or nil and a problem. Also returns whether the connection can be used on.
local function read_body(connection, answer, deadline)
  local headers = answer.headers
  local keeps = (headers.connection or ""):lower()
  keeps = answer.version == "1.1" and not keeps:find "close" or keeps:find "keep%-alive" ~= nil
  if answer.status == 204 or answer.status == 304 then return "", nil, keeps end
  if (headers["transfer-encoding"] or ""):lower():find "chunked" then
    local body, problem = read_chunks(connection, deadline)
    return body, problem, keeps
  end
  local size = tonumber(headers["content-length"])
  if size == 0 then return "", nil, keeps end
  local body, problem = receive(connection, size or "*a", deadline)
  return body, problem, keeps and size ~= nil
end

---@class troupe.Answer
---@field status integer
---@field headers table<string, string>  by lower-case name
---@field body string
---@field keeps boolean  whether the connection can be used on

-- The answer to the request that was sent; or nil and a problem.
local function read_answer(connection, deadline)
  local answer
  repeat                                             -- what comes before the answer, 100 to 199, is not looked at
    local line, problem = receive(connection, "*l", deadline)
    if not line then return nil, problem end
    local version, status = line:match "^HTTP/(1%.[01]) (%d%d%d)"
    if not version then return nil, "an answer that is not HTTP" end
    answer = { version = version, status = tonumber(status) }
    answer.headers, problem = read_headers(connection, deadline)
    if not answer.headers then return nil, problem end
  until answer.status >= 200
  local problem
  answer.body, problem, answer.keeps = read_body(connection, answer, deadline)
  return answer.body and answer, problem
end

--- Sends a request and waits for its answer, until the deadline, by http.now() (nil: for ever). Returns the answer; or
--- nil, a problem ("timeout", "closed", ...), and whether the other side may have got all of the request.
---@return troupe.Answer|nil
---@return string|nil problem
---@return boolean|nil is_sent
function http.exchange(connection, request, deadline)
  if not allow(connection, deadline) then return nil, "timeout", false end
  local sent, problem = connection:send(request)
  if not sent and problem == "timeout" then return nil, problem, false end
  local answer, trouble = read_answer(connection, deadline)     -- it may have said why it does not read on
  if answer then return answer end
  return nil, sent and trouble or problem, sent ~= nil
end

return http
