--- A client of a running host, over HTTP:
---
---     local troupe = require "troupe.client"
---     local client = troupe.connect "http://127.0.0.1:7420"
---     print(client.Counter("ann"):increment(5))
---
--- It needs LuaSocket, and runs on every Lua from 5.1 on. A call waits for its answer, and keeps its connection for the
--- next one.

local http = require "troupe.client_http"
local json = require "troupe.client_json"
local raising = require "troupe.raising"

raising.enrol()

local TIMEOUT_S = 75             -- more than the host gives a call, so that it has the first word
local PAUSE_MIN_S, PAUSE_MAX_S = 0.1, 10
local IDLE_MAX_S = 20            -- less than the host keeps a connection that is idle
local IDLE_COUNT_MAX = 8
local SHOWN_BYTES = 200

local troupe = { null = json.null, array = json.array }

-- What belongs to a client or a handle: they themselves have no fields, but methods only.
local inside = setmetatable({}, { __mode = "k" })

---@class troupe.ClientOptions
---@field params any                 rpc.params, and what on_before_connect gets; a function is called for each call
---@field create boolean|nil         whether a call may create the actor (true)
---@field input any                  for initialize_state
---@field headers table<string, string>|nil
---@field timeout number|nil         seconds until a call fails as `timeout` (75); 0: never
---@field idempotent boolean|nil     whether each call gets a key of its own, and is repeated if its answer is lost
---@field idempotency_key string|nil the key of one call
---@field dial function|nil          of connect(): dial(host, port, seconds) makes connections in place of LuaSocket

-- --- Options ---------------------------------------------------------------------------------------------------------

local function is_header(name, value)
  return type(name) == "string" and name:find "^[%w!#$%%&'*+.^_`|~-]+$" and type(value) == "string" and
    not value:find "[%z\r\n]"
end

local function are_headers(value)
  if type(value) ~= "table" then return false end
  for name, text in pairs(value) do
    if not is_header(name, text) then return false end
  end
  return true
end

local function of_type(name)
  return function(value) return type(value) == name end
end

-- What each option must be.
local CHECKS = {
  params = { function() return true end },
  input = { function() return true end },
  create = { of_type "boolean", "true or false" },
  idempotent = { of_type "boolean", "true or false" },
  headers = { are_headers, "a table from names of headers to strings, each of one line" },
  timeout = { function(value) return type(value) == "number" and value >= 0 end, "a number of seconds" },
  idempotency_key = {
    function(value) return type(value) == "string" and #value <= 255 and value:find "^[\33-\126]+$" end,
    "1 to 255 visible ASCII characters without spaces",
  },
  dial = { of_type "function", "a function" },
}

-- The options with those of `given` in front.
local function merge(options, given, whose)
  if given ~= nil and type(given) ~= "table" then raising.misuse(whose .. ": options are a table") end
  local merged = {}
  for name, value in pairs(options) do merged[name] = value end
  for name, value in pairs(given or {}) do
    local check = CHECKS[name]
    if not check or name == "dial" and whose ~= "connect" then
      raising.misuse(("%s: there is no option %q"):format(whose, tostring(name)))
    end
    if not check[1](value) then raising.misuse(("%s: %s is %s"):format(whose, name, check[2])) end
    merged[name] = value
  end
  return merged
end

-- --- Requests --------------------------------------------------------------------------------------------------------

local function encoded(text, problem)
  if not text then raising.misuse(problem) end
  return text
end

-- A key as it stands in a path. A string stands as it is, if nobody could read it as a tuple or as a folder.
local function key_segment(key)
  if type(key) == "string" and key ~= "" and key ~= "." and key ~= ".." and key:sub(1, 1) ~= "[" then
    return http.escape(key)
  end
  local parts = type(key) == "table" and key or { key }
  if next(parts) == nil then raising.misuse "a key is a string, a number, a boolean, or a tuple of those" end
  return http.escape(encoded(json.encode_list(parts, #parts, "key")))
end

local function query_of(options)
  local pieces = {}
  local params = options.params
  if type(params) == "function" then params = params() end
  for _, pair in ipairs { { "params", params }, { "input", options.input } } do
    if pair[2] ~= nil then
      pieces[#pieces + 1] = pair[1] .. "=" .. http.escape(encoded(json.encode(pair[2], pair[1])))
    end
  end
  if options.create == false then pieces[#pieces + 1] = "create=false" end
  return #pieces > 0 and "?" .. table.concat(pieces, "&") or ""
end

-- The bytes of a call.
local function request_of(own, path, body, key, options)
  local lines = {
    ("POST %s%s%s HTTP/1.1"):format(own.path, path, query_of(options)),
    "Host: " .. own.authority, "Content-Type: application/json", "Content-Length: " .. #body,
  }
  for name, value in pairs(options.headers or {}) do lines[#lines + 1] = name .. ": " .. value end
  if key then lines[#lines + 1] = "Idempotency-Key: " .. key end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

-- --- Connections -----------------------------------------------------------------------------------------------------

-- A connection that was kept and is still there, or nil.
local function kept_connection(own)
  while #own.idle > 0 do
    local kept = table.remove(own.idle)
    if kept.since > http.now() - IDLE_MAX_S and http.is_quiet(kept.connection) then return kept.connection end
    kept.connection:close()
  end
end

local function keep(own, connection)
  if own.is_closed or #own.idle >= IDLE_COUNT_MAX then return connection:close() end
  table.insert(own.idle, { connection = connection, since = http.now() })
end

local function exchange(own, connection, request, deadline)
  local answer, problem, is_sent = http.exchange(connection, request, deadline)
  if answer and answer.keeps then keep(own, connection) else connection:close() end
  return answer, problem, is_sent
end

-- Sends a request on a connection that was kept, or on a new one. Returns as http.exchange() does.
local function send(own, request, deadline)
  local connection = kept_connection(own)
  if connection then
    local answer, problem, is_sent = exchange(own, connection, request, deadline)
    if answer or is_sent then return answer, problem, is_sent end
  end
  local left = deadline and deadline - http.now()
  if left and left <= 0 then return nil, "timeout", false end
  local problem
  connection, problem = own.dial(own.host, own.port, left)
  if not connection and problem == "timeout" then return nil, problem, false end
  if not connection then return nil, ("cannot connect to %s: %s"):format(own.authority, tostring(problem)), false end
  return exchange(own, connection, request, deadline)
end

-- --- Calls -----------------------------------------------------------------------------------------------------------

-- 128 bits that no other client draws.
local function draw_name()
  local file = io.open("/dev/urandom", "rb")
  local bytes = file and file:read(16)
  if file then file:close() end
  if bytes and #bytes == 16 then return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)) end
  local words = {}
  for i = 1, 4 do words[i] = ("%08x"):format(math.random(0, 2 ^ 31 - 1)) end
  return ("%s-%.0f-%s"):format(table.concat(words), http.now() * 1e6, tostring(words):match "%x+$")
end

local function next_key(own)
  own.name, own.keys = own.name or draw_name(), own.keys + 1
  return own.name .. "-" .. own.keys
end

-- Takes an answer apart. Returns true and the result, or false, the error and the status; or nil and why it is none of
-- a host.
local function read(answer)
  local decoded, problem = json.decode(answer.body)
  if type(decoded) == "table" then
    local failure = decoded.error
    if answer.status == 200 and decoded.result ~= nil then return true, decoded.result end
    if type(failure) == "table" and type(failure.code) == "string" then return false, failure, answer.status end
  end
  return nil, ("what came with status %d is not an answer of a host%s: %s"):format(answer.status,
    problem and " (" .. problem .. ")" or "", answer.body:sub(1, SHOWN_BYTES))
end

-- A pause of any length up to one that doubles, so that clients who lost one host do not all come back at once. It is
-- drawn from the clock, since math.random() may draw the same in all of them.
local function pause_of(failures)
  return http.now() * 1e4 % 1 * math.min(PAUSE_MAX_S, PAUSE_MIN_S * 2 ^ math.min(failures, 20))
end

local function late(timeout, problem)
  local said = ("no answer came within %g s"):format(timeout)
  return problem == "timeout" and said or said .. ": " .. problem
end

-- Sends a request until it is answered, as often as may be. Returns as read() does with an answer of a host; or nil,
-- the code of the error, why, and whether the call may have happened.
local function ask(own, make_request, may_repeat, timeout)
  local deadline = timeout > 0 and http.now() + timeout or nil
  local may_have_happened, failures = false, 0
  while true do
    local answer, problem, is_sent = send(own, make_request(), deadline)
    local ok, result, status, stays
    if answer then
      ok, result, status = read(answer)
      if ok ~= nil then return ok, result, status end
      problem, stays = result, answer.status < 500
      is_sent = answer.status < 400 or answer.status == 408 or not stays       -- others say that nothing was done
    end
    may_have_happened = may_have_happened or is_sent
    local pause = pause_of(failures)
    local is_over = problem == "timeout" or may_repeat and not stays and deadline and http.now() + pause >= deadline
    if is_over then return nil, "timeout", late(timeout, problem), may_have_happened end
    if not may_repeat or stays then return nil, "connection_lost", problem, may_have_happened end
    failures = failures + 1
    http.sleep(pause)
  end
end

local function call(handle, method, ...)
  local of_handle = inside[handle] or raising.misuse(("call a method with a colon: handle:%s(...)"):format(method))
  local own, options, where = of_handle.own, of_handle.options, of_handle.name .. "." .. method
  if own.is_closed then raising.fail("closed", where .. ": a call after close()", nil, 0) end
  local body = encoded(json.encode_list({ ... }, select("#", ...), "arguments"))
  local key = options.idempotency_key or options.idempotent and next_key(own) or nil
  local path = of_handle.path .. "/" .. http.escape(method)
  local function make_request() return request_of(own, path, body, key, options) end
  local ok, result, status, may_have_happened = ask(own, make_request, key ~= nil, options.timeout or TIMEOUT_S)
  if ok == nil then
    local code, problem = result, status
    local known = may_have_happened and "it may have happened or not" or "it did not happen"
    raising.fail(code, ("%s: %s; %s"):format(where, problem, known), nil, 0)
  end
  if not ok then raising.fail(result.code, result.message, result.metadata, status) end
  if result == json.null then return nil end
  return result
end

-- --- Handles and clients ---------------------------------------------------------------------------------------------

local function refuse_field(_, name)
  raising.misuse(("%s cannot be set: there are methods only"):format(tostring(name)))
end

-- An object with these methods, and others that are made by `make` when they are asked for.
local function named(own, methods, text, make)
  local object = setmetatable({}, {
    __name = "troupe", __newindex = refuse_field, __tostring = function() return text end,
    __index = function(object, name)
      local method = methods[name]
      if method == nil and type(name) == "string" then
        method = make(object, name)
        rawset(object, name, method)
      end
      return method
    end,
  })
  inside[object] = own
  return object
end

local handle_of

local handle_methods = {
  --- Calls a method of any name.
  call = function(handle, method, ...)
    if type(method) ~= "string" or method == "" then raising.misuse "a method has a name" end
    return call(handle, method, ...)
  end,

  --- The same handle with other options.
  with = function(handle, options)
    local own = inside[handle] or raising.misuse "call a method with a colon: handle:with{...}"
    return handle_of(own.own, own.name, own.path, merge(own.options, options, "with"))
  end,
}

function handle_of(own, name, path, options)
  return named({ own = own, name = name, path = path, options = options }, handle_methods, name, function(_, method)
    return function(handle, ...) return call(handle, method, ...) end
  end)
end

local function actor(client, class, key, options)
  local own = inside[client] or raising.misuse "call a method with a colon: client:actor(class, key)"
  if type(class) ~= "string" or class == "" then raising.misuse "a class has a name" end
  local segment = key_segment(key)
  local name = class .. "/" .. (type(key) == "string" and key or encoded(json.encode(key, "key")))
  return handle_of(own, name, ("/actors/%s/%s"):format(http.escape(class), segment), merge(own.options, options, class))
end

local client_methods = {
  --- An actor of a class of any name.
  actor = actor,

  --- Closes the connections. A call from then on fails as `closed`.
  close = function(client)
    local own = inside[client] or raising.misuse "call a method with a colon: client:close()"
    own.is_closed = true
    for _, kept in ipairs(own.idle) do kept.connection:close() end
    own.idle = {}
  end,
}

---@class troupe.Client
---@field actor fun(self: troupe.Client, class: string, key: any, options: troupe.ClientOptions|nil): table
---@field close fun(self: troupe.Client)

--- A client of the host at this URL, with options for all its actors. Connects when something is called. Each other
--- field of a client, as in `client.Counter("ann")`, gives actors of the class of that name.
---@param url string
---@param options troupe.ClientOptions|nil
---@return troupe.Client
function troupe.connect(url, options)
  local host, port, path, authority = http.split(tostring(url))
  if not host then raising.misuse(("%s is not the URL of a host: expected http://HOST:PORT"):format(tostring(url))) end
  local own = { host = host, port = port, path = path, authority = authority, idle = {}, keys = 0 }
  own.options = merge({}, options, "connect")
  own.dial, own.options.dial = own.options.dial or http.dial, nil
  return named(own, client_methods, "troupe client of " .. url, function(client, class)
    return function(key, of_actor) return actor(client, class, key, of_actor) end
  end)
end

return troupe
