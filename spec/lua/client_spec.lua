-- troupe.client: against the real program, and against connections that say and do what the spec wants.

local client_http = require "troupe.client_http"
local hosts = require "spec.support.hosts"
local program = require "spec.support.program"
local troupe = require "troupe.client"

local null, array = troupe.null, troupe.array
local seed = tonumber(os.getenv "TROUPE_SEED") or os.time()

local echo = hosts.class("Echo", [[
  function Class:initialize_state(input) return { count = 0, input = input } end
  function Class:give(_, value) return value end
  function Class:tell(rpc, ...)
    return { key = self.key, params = rpc.params, input = self.state.input, repeats = rpc.idempotency_key,
             user = rpc.headers["x-user"], count = select("#", ...), first_is_nil = (...) == nil }
  end
  function Class:count() self.state.count = self.state.count + 1; return self.state.count end
  function Class:refuse(_, metadata) error(UserError("no", { code = "nope", metadata = metadata })) end
  function Class:with(_) return "with" end
  function Class:close(_) return "close" end
]])

-- --- Connections that a spec has written ---------------------------------------------------------------------------

local Script = {}
Script.__index = Script

local ALL = 1 << 30

-- A connection that gives these bytes for each request, and then has this problem. `takes`: how many bytes of a request
-- it takes.
local function script(bytes, problem, takes)
  local replies = type(bytes) == "table" and bytes or { bytes }
  return setmetatable({ replies = replies, rest = "", problem = problem or "timeout", takes = takes or ALL, sent = "" },
    Script)
end

function Script:settimeout(seconds, mode)
  if mode == nil then self.is_polled = seconds == 0 end
end

function Script:close() self.is_closed = true end

function Script:send(text)
  assert.is_nil(self.is_closed)
  self.sent = self.sent .. text:sub(1, self.takes)
  self.rest = self.rest .. (table.remove(self.replies, 1) or "")
  if #text > self.takes then return nil, self.problem, self.takes end
  return #text
end

function Script:receive(pattern)
  assert.is_nil(self.is_closed)
  local size, stop = nil, nil
  if pattern == "*l" then
    stop = self.rest:find "\n"
    size = stop and stop - 1
  elseif pattern == "*a" then
    size = self.problem == "closed" and #self.rest or nil
  elseif #self.rest >= pattern then
    size = pattern
  end
  if not size then return nil, self.is_polled and (self.idle_problem or "timeout") or self.problem, "" end
  local taken = self.rest:sub(1, size)
  self.rest = self.rest:sub((stop or size) + 1)
  return (taken:gsub("\r$", ""))
end

-- A client whose connections are these, one after the other. What is called then finds nothing to connect to.
local function client_on(connections, options)
  local dialled = 0
  options = options or {}
  options.dial = function(host, port)
    assert.same({ "host.example", 7420 }, { host, port })
    dialled = dialled + 1
    if not connections[dialled] then return nil, "connection refused" end
    return connections[dialled]
  end
  return troupe.connect("http://host.example:7420", options), function() return dialled end
end

local function answer(status, body, headers)
  return ("HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s"):format(status, headers or "", #body, body)
end

local CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
local ONE = answer("200 OK", '{"result":1}')

-- --- The specs -------------------------------------------------------------------------------------------------------

describe("The Lua client", function()
  local host, address, client

  setup(function()
    host = program.serve_copy(hosts.folder { ["echo.lua"] = echo })
    address = "http://" .. host.address
  end)

  before_each(function() client = troupe.connect(address) end)
  after_each(function() client:close() end)

  teardown(function()
    host:stop()
    hosts.close_all()
  end)

  local keys = {
    ["ann"] = { "ann" }, ["a/b?c%d e+"] = { "a/b?c%d e+" }, ["[x"] = { "[x" }, [""] = { "" }, ["."] = { "." },
    [".."] = { ".." }, ["42"] = { "42" }, [42] = { 42 }, [true] = { true }, [1.5] = { 1.5 },
    ["\xc3\xa4"] = { "\xc3\xa4" },
    [{ "eu", 42 }] = { "eu", 42 }, [{ "a", { "b", false } }] = { "a", { "b", false } },
    [{ math.maxinteger }] = { math.maxinteger },
  }
  for key, tuple in pairs(keys) do
    it(("finds the actor of a key: %s %s"):format(type(key), type(key) == "table" and #key or key), function()
      assert.same(tuple, client.Echo(key):tell().key)
      assert.same(tuple, client:actor("Echo", tuple):tell().key)
    end)
  end

  it("names a handle by its actor, and calls methods of any name", function()
    local handle = client.Echo "ann"
    assert.equal("Echo/ann", tostring(handle))
    assert.equal('Echo/["eu",1]', tostring(client.Echo { "eu", 1 }))
    assert.equal("with", handle:call "with")
    assert.equal("close", client.Echo("ann"):close())
    assert.equal(handle.give, handle.give)
  end)

  it("passes arguments and results on, nil too", function()
    local handle = client.Echo "ann"
    assert.is_nil(handle:give())
    assert.is_nil(handle:give(null))
    assert.same({ 3, true }, { handle:tell(nil, 2, nil).count, handle:tell(nil, 2, nil).first_is_nil })
    assert.same({ 1, null, 3 }, handle:give { 1, null, 3 })
    assert.same({ a = null }, handle:give { a = null })
    assert.same({ a = null }, handle:give { a = require("cjson").null })
  end)

  it("loses nothing of random values", function()
    math.randomseed(seed)
    local numbers = { 0, -1, math.maxinteger, math.mininteger, 2 ^ 53, 2 ^ 53 + 2, 1.0, -0.0, 0.1, 1 / 3, 1e300, 5e-324,
                      1e15, 123456789012345678, 2 ^ 63, -1e-7 }
    local texts = { "", "a", "\0\1\31\127", "\"\\/\b\f\n\r\t", "\u{e4}\u{20ac}\u{1f600}\u{10ffff}", "\\u0041",
                    ("x"):rep(3000) }
    local function draw(depth)
      local kind = math.random(depth > 4 and 6 or 10)
      if kind == 1 then return math.random() < 0.5 end
      if kind == 2 then return null end
      if kind == 3 then return numbers[math.random(#numbers)] end
      if kind == 4 then return math.random(0) end
      if kind == 5 then return (math.random() - 0.5) * 10 ^ math.random(-300, 300) end
      if kind == 6 then return texts[math.random(#texts)] end
      local value = kind <= 8 and array() or {}
      for i = 1, math.random(0, 4) do
        value[kind <= 8 and i or texts[math.random(#texts)] .. i] = draw(depth + 1)
      end
      return value
    end
    local function describe_value(value)
      if math.type(value) == "float" then return ("%a"):format(value) end
      if type(value) ~= "table" or value == null then return math.type(value) or type(value), value end
      local copy = {}
      for key, inner in pairs(value) do copy[key] = { describe_value(inner) } end
      return #value > 0 and "sequence" or getmetatable(value) and "array" or "object", copy
    end
    local handle = client.Echo "ann"
    for _ = 1, 50 do
      local value = array { draw(0), draw(0), draw(0) }
      assert.same({ describe_value(value) }, { describe_value(handle:give(value)) }, "seed " .. seed)
    end
  end)

  local formless = {
    ["arguments[1]: a function"] = print, ["arguments[1].a[2]: nan"] = { a = { 1, 0 / 0 } },
    ["arguments[1]: inf"] = math.huge, ["arguments[1]: an array with gaps"] = { 1, nil, 3 },
    ["arguments[1]: a table with both"] = { 1, a = 1 }, ["arguments[1]: the key 1.5"] = { [1.5] = 1 },
    ["arguments[1]: the key true"] = { [true] = 1 }, ["arguments[1][\"a b\"]: a table with a metatable"] =
      { ["a b"] = setmetatable({}, {}) },
    ["arguments[1]: a table that is marked"] = array { a = 1 },
  }
  for expected, value in pairs(formless) do
    it("sends nothing that JSON cannot express, and says where it is: " .. expected, function()
      local line = debug.getinfo(1, "l").currentline + 1
      local ok, problem = pcall(function() client.Echo("ann"):give(value) end)
      assert.is_false(ok)
      problem = problem:gsub("%-nan", "nan")
      local said = ("spec/lua/client_spec.lua:%d: %s"):format(line, expected)
      assert.equal(said, problem:sub(1, #said))
    end)
  end

  it("says that a table is within itself", function()
    local value = {}
    value.value = { value }
    local problem = hosts.failure_of(function() client.Echo("a"):give(value) end)
    assert.matches("nested too deep, or within themselves", problem)
  end)

  it("raises errors with code, message, metadata, status, and the line of the call", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local failure = hosts.failure_of(function() client.Echo("ann"):refuse { at = { 1, 2.5 } } end)
    assert.same({ "nope", "no", { at = { 1, 2.5 } }, 400 },
      { failure.code, failure.message, failure.metadata, failure.status })
    assert.equal("float", math.type(failure.metadata.at[2]))
    assert.equal(("spec/lua/client_spec.lua:%d: nope: no"):format(line), tostring(failure))
    failure = hosts.failure_of(function() client.Echo("ann"):missing() end)
    assert.same({ "method_not_found", 404 }, { failure.code, failure.status })
    assert.is_nil(failure.metadata)
    assert.equal("class_not_found", hosts.code_of(function() client.None("ann"):give() end))
    assert.equal("invalid_key", hosts.code_of(function() client.Echo(("x"):rep(3000)):give() end))
    assert.equal("payload_too_large", hosts.code_of(function() client.Echo("x"):give(("x"):rep(2 ^ 20)) end))
    assert.equal(1, client.Echo("ann"):give(1))
  end)

  it("takes options for all actors, for one, and for one call", function()
    local calls = 0
    local function params() calls = calls + 1; return { n = calls } end
    local all = troupe.connect(address .. "/", { headers = { ["X-User"] = "Ann" }, params = "all" })
    assert.same({ "Ann", "all" }, { all.Echo("o"):tell().user, all.Echo("o"):tell().params })
    local one = all.Echo("o", { params = params, headers = { ["x-user"] = "Bob" } })
    assert.same({ "Bob", { n = 1 } }, { one:tell().user, one:tell().params and { n = 1 } })
    assert.equal(2, calls)
    assert.equal("k-1", one:with({ idempotency_key = "k-1" }):tell().repeats)
    assert.is_nil(one:tell().repeats)
    assert.equal("actor_not_found", hosts.code_of(function() all.Echo("new", { create = false }):tell() end))
    assert.same({ a = 1 }, all.Echo("new", { input = { a = 1 } }):tell().input)
    assert.same({ a = 1 }, all.Echo("new", { create = false }):tell().input)
    all:close()
  end)

  it("gives each call a key of its own, if it is asked to", function()
    local seen, handle = {}, client.Echo("ann", { idempotent = true })
    local other = troupe.connect(address, { idempotent = true }).Echo "ann"
    for _ = 1, 10 do
      seen[handle:tell().repeats] = true
      seen[other:tell().repeats] = true
    end
    local count = 0
    for _ in pairs(seen) do count = count + 1 end
    assert.equal(20, count)
    assert.equal(1, handle:with({ idempotency_key = "once" }):count())
    assert.equal(1, handle:with({ idempotency_key = "once" }):count())
    assert.equal(2, handle:count())
  end)

  it("keeps its connection, and opens another one when that was closed", function()
    local dialled, last = 0, nil
    local keeping = troupe.connect(address, { dial = function(...)
      dialled = dialled + 1
      last = client_http.dial(...)
      return last
    end })
    for i = 1, 20 do assert.equal(i, keeping.Echo("ann"):give(i)) end
    assert.equal(1, dialled)
    pcall(function() keeping.Echo("ann"):refuse() end)
    assert.equal(1, dialled)
    last:shutdown "send"                    -- the host closes its side for it
    program.eventually("the end of the connection", function() return not client_http.is_quiet(last) end)
    assert.equal(1, keeping.Echo("ann"):give(1))
    assert.equal(2, dialled)
    keeping:close()
  end)

  it("survives an end of the host: by a new connection, and by a repeat if the call has a key", function()
    local folder, data = hosts.folder { ["echo.lua"] = echo }, program.folder()
    local serving = program.serve(folder, data)
    local kills = 0
    local function dial(_, _, seconds)
      local ip, port = serving.address:match "^(.*):(%d+)$"
      local connection = assert(client_http.dial(ip, tonumber(port), seconds))
      return setmetatable({}, { __index = function(_, name)
        return function(_, ...)
          if name == "receive" and kills > 0 and ... == "*l" then     -- the request is on its way
            connection:receive "*l"                                   -- and answered
            kills = kills - 1
            serving:signal "KILL"
            serving:wait()
            serving:close()
            serving = program.serve(folder, data)
            return nil, "closed"
          end
          return connection[name](connection, ...)
        end
      end })
    end
    local calling = troupe.connect("http://127.0.0.1:1", { dial = dial })
    assert.equal(1, calling.Echo("ann"):count())
    serving:signal "KILL"
    serving:wait()
    serving:close()
    serving = program.serve(folder, data)
    assert.equal(2, calling.Echo("ann"):count())
    kills = 1
    assert.equal(3, calling.Echo("ann", { idempotency_key = "k" }):count())
    assert.equal(0, kills)
    kills = 1
    local failure = hosts.failure_of(function() calling.Echo("ann"):count() end)
    assert.equal("connection_lost", failure.code)
    assert.equal(0, failure.status)
    assert.matches("Echo/ann%.count: closed; it may have happened or not$", failure.message)
    assert.equal(5, calling.Echo("ann"):count())
    calling:close()
    serving:stop()
    program.remove(data)
  end)

  it("ends a call that nobody answers, and one that cannot connect", function()
    local socket = require "socket"
    local deaf = assert(socket.bind("127.0.0.1", 0))
    local _, port = deaf:getsockname()
    local calling = troupe.connect(("http://127.0.0.1:%d"):format(port), { timeout = 0.05 })
    for _, options in ipairs { {}, { idempotent = true } } do
      local failure = hosts.failure_of(function() calling.Echo("ann", options):give() end)
      assert.same({ "timeout", 0 }, { failure.code, failure.status })
      assert.matches("no answer came within 0.05 s; it may have happened or not$", failure.message)
    end
    deaf:close()
    local failure = hosts.failure_of(function() calling.Echo("ann"):give() end)
    assert.equal("connection_lost", failure.code)
    assert.matches("cannot connect to 127.0.0.1:%d+: connection refused; it did not happen$", failure.message)
    failure = hosts.failure_of(function() calling.Echo("ann", { idempotent = true }):give() end)
    assert.equal("timeout", failure.code)
    assert.matches("no answer came within 0.05 s: cannot connect to .*; it did not happen$", failure.message)
  end)

  for _, lua in ipairs { "lua5.1", "luajit" } do
    it("runs on other Luas: " .. lua, function()
      local pipe = io.popen(("LUA_PATH='lua/?.lua;;' %s spec/lua/client_on.lua %s %s 2>&1"):format(lua, address, lua))
      local said = pipe:read "a"
      pipe:close()
      assert.equal("fine\n", said)
    end)
  end
end)

describe("The Lua client, of an answer,", function()
  local good = {
    ["with a length"] = ONE,
    ["with bare line feeds"] = (ONE:gsub("\r", "")),
    ["in chunks"] = CHUNKED .. "5\r\n{\"res\r\n7;x=y\r\nult\":1}\r\n0\r\nA: b\r\n\r\n",
    ["behind one that is only for now"] =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" .. ONE,
  }
  local last = {
    ["up to the end"] = "HTTP/1.1 200 OK\r\n\r\n{\"result\":1}",
    ["that is the last one"] = answer("200 OK", '{"result":1}', "Connection: close\r\n"),
    ["of HTTP/1.0"] = (ONE:gsub("1%.1", "1.0")),
  }
  for what, bytes in pairs(good) do
    it("reads one " .. what .. ", and keeps the connection", function()
      local connection = script { bytes, bytes }
      local client, dialled = client_on { connection }
      assert.equal(1, client.Echo("ann"):give())
      assert.equal("POST /actors/Echo/ann/give HTTP/1.1\r\nHost: host.example:7420\r\n"
        .. "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]", connection.sent)
      assert.equal(1, client.Echo("ann"):give())
      assert.equal(1, dialled())
      client:close()
      assert.is_true(connection.is_closed)
    end)
  end
  for what, bytes in pairs(last) do
    it("reads one " .. what .. ", and closes the connection", function()
      local first, second = script(bytes, "closed"), script(bytes, "closed")
      local client = client_on { first, second }
      assert.equal(1, client.Echo("ann"):give())
      assert.is_true(first.is_closed)
      assert.equal(1, client.Echo("ann"):give())
      assert.is_true(second.is_closed)
    end)
  end

  local unsure = {
    ["a proxy's 502"] = { answer("502 Bad Gateway", "<html>"),
                          "status 502 is not an answer of a host %(at byte 1: not a value%): <html>" },
    ["another's answer"] = { answer("200 OK", '{"ok":true}'), 'status 200 is not an answer of a host: {"ok":true}' },
    ["an error without a code"] = { answer("500 X", '{"error":"x"}'), "status 500 is not" },
    ["no HTTP"] = { "SSH-2.0\r\n", "an answer that is not HTTP" },
    ["a header that is none"] = { "HTTP/1.1 200 OK\r\nrubbish\r\n\r\n", "a header that is none" },
    ["half a line"] = { "HTTP/1.1 20", "closed" },
    ["half a head"] = { "HTTP/1.1 200 OK\r\nA: b\r\n", "closed" },
    ["half a body"] = { ONE:sub(1, -2), "closed" },
    ["a chunk without a size"] = { CHUNKED .. "x\r\n", "a chunk without a size" },
    ["a chunk without an end"] = { CHUNKED .. "1\r\nab\r\n", "a chunk without an end" },
    ["half of the chunks"] = { CHUNKED .. "1\r\na\r\n", "closed" },
    ["nothing"] = { "", "closed" },
  }
  for what, case in pairs(unsure) do
    it("does not know whether the call happened, and repeats it if it has a key: " .. what, function()
      local connection = script(case[1], "closed")
      local failure = hosts.failure_of(function() client_on({ connection }).Echo("ann"):give() end)
      assert.equal("connection_lost", failure.code)
      assert.matches(case[2], failure.message)
      assert.matches("; it may have happened or not$", failure.message)
      assert.is_true(connection.is_closed or connection.rest == "")
      local again = script(ONE)
      local client = client_on({ script(case[1], "closed"), script(case[1], "closed"), again }, { idempotent = true })
      if what == "another's answer" then
        assert.equal("connection_lost", hosts.code_of(function() client.Echo("ann"):give() end))
      else
        assert.equal(1, client.Echo("ann"):give())
        assert.matches("\r\nIdempotency%-Key: %x+%-1\r\n", again.sent)
      end
    end)
  end

  it("knows that a call did not happen which another server refuses", function()
    local client = client_on({ script(answer("404 Not Found", "<html>")) }, { idempotent = true })
    local failure = hosts.failure_of(function() client.Echo("ann"):give() end)
    assert.equal("connection_lost", failure.code)
    assert.matches("status 404 .*<html>; it did not happen$", failure.message)
  end)

  it("knows that a call did not happen of which the connection did not take all", function()
    local client = client_on { script("", "closed", 10) }
    local failure = hosts.failure_of(function() client.Echo("ann"):give() end)
    assert.equal("connection_lost", failure.code)
    assert.matches("closed; it did not happen$", failure.message)
  end)

  it("reads the answer of a host that does not read on", function()
    local bytes = answer("413 Payload Too Large", '{"error":{"code":"payload_too_large","message":"no"}}')
    local client = client_on { script(bytes, "closed", 10) }
    local failure = hosts.failure_of(function() client.Echo("ann"):give() end)
    assert.same({ "payload_too_large", 413 }, { failure.code, failure.status })
  end)

  it("sends once more where a kept connection has not taken the call, and not where it has", function()
    for _, case in ipairs { { takes = 10, result = 2 }, { takes = ALL } } do
      local kept = script(ONE, "closed")
      local client, dialled = client_on { kept, script(answer("200 OK", '{"result":2}')) }
      assert.equal(1, client.Echo("ann"):give())
      kept.takes = case.takes
      local ok, result = pcall(function() return client.Echo("ann"):give() end)
      assert.equal(case.result ~= nil, ok)
      assert.equal(case.result or "connection_lost", ok and result or result.code)
      assert.equal(case.result or 1, dialled())
    end
  end)

  it("does not use a kept connection that is closed, or has spoken out of turn", function()
    for _, rest in ipairs { "", "HTTP/1.1 408 Request Timeout\r\n\r\n" } do
      local kept = script(ONE .. rest, "closed")
      local client, dialled = client_on { kept, script(ONE) }
      assert.equal(1, client.Echo("ann"):give())
      kept.idle_problem = rest == "" and "closed" or nil
      assert.equal(1, client.Echo("ann"):give())
      assert.equal(2, dialled())
      assert.is_true(kept.is_closed)
    end
  end)

  it("takes any number of calls at a time, each on a connection of its own", function()
    local connections = {}
    for i = 1, 10 do
      connections[i] = script(ONE)
      local receive = connections[i].receive
      connections[i].receive = function(self, ...)
        if not self.is_polled then coroutine.yield() end
        return receive(self, ...)
      end
    end
    local client, dialled = client_on(connections)
    local calls, results = {}, 0
    for i = 1, 10 do
      calls[i] = coroutine.wrap(function()
        assert.equal(1, client.Echo("ann"):give())
        results = results + 1
        return true
      end)
    end
    local done = 0
    while done < 10 do
      for i = 1, 10 do
        if calls[i] and calls[i]() then calls[i], done = nil, done + 1 end
      end
    end
    assert.same({ 10, 10 }, { results, dialled() })
    local closed = 0
    for _, connection in ipairs(connections) do closed = closed + (connection.is_closed and 1 or 0) end
    assert.equal(2, closed)                          -- it keeps eight
  end)
end)

describe("The Lua client raises at the line of its user", function()
  local client = troupe.connect "http://127.0.0.1:1"

  local cases = {
    ["is not the URL of a host: expected http://HOST:PORT"] = {
      function() troupe.connect "localhost:80" end, function() troupe.connect "https://localhost" end,
      function() troupe.connect "http://" end, function() troupe.connect "http://a:b" end,
      function() troupe.connect "http://u:p@a" end, function() troupe.connect "http://a/?x" end,
      function() troupe.connect() end,
    },
    ["options are a table"] = {
      function() troupe.connect("http://a", 5) end, function() client.Echo("a", "b") end,
      function() client.Echo("a"):with(true) end,
    },
    ["there is no option"] = {
      function() troupe.connect("http://a", { timout = 5 }) end, function() client.Echo("a", { parms = 1 }) end,
      function() client.Echo("a"):with { dial = print } end, function() client.Echo("a", { [1] = 1 }) end,
    },
    ["timeout is a number of seconds"] = {
      function() troupe.connect("http://a", { timeout = "5" }) end, function() client.Echo("a", { timeout = -1 }) end,
    },
    ["headers is a table from names of headers to strings, each of one line"] = {
      function() client.Echo("a", { headers = "x" }) end, function() client.Echo("a", { headers = { 1 } }) end,
      function() client.Echo("a", { headers = { ["a b"] = "x" } }) end,
      function() client.Echo("a", { headers = { a = "x\r\nb: y" } }) end,
    },
    ["idempotency_key is 1 to 255 visible ASCII characters without spaces"] = {
      function() client.Echo("a", { idempotency_key = "a b" }) end,
      function() client.Echo("a", { idempotency_key = "" }) end,
      function() client.Echo("a", { idempotency_key = ("x"):rep(256) }) end,
    },
    ["create is true or false"] = { function() client.Echo("a", { create = 1 }) end },
    ["idempotent is true or false"] = { function() client.Echo("a", { idempotent = "yes" }) end },
    ["dial is a function"] = { function() troupe.connect("http://a", { dial = {} }) end },
    ["a key is a string, a number, a boolean, or a tuple of those"] = {
      function() client.Echo() end, function() client.Echo {} end,
    },
    ["key[1]: a function has no form in JSON"] = { function() client.Echo(print) end },
    ["params: a function"] = { function() client.Echo("a", { params = function() return print end }):give() end },
    ["a class has a name"] = { function() client:actor() end, function() client:actor("", "a") end },
    ["a method has a name"] = { function() client.Echo("a"):call() end, function() client.Echo("a"):call "" end },
    ["call a method with a colon: handle:give(...)"] = {
      function() client.Echo("a").give() end, function() client.Echo("a").give(5) end,
    },
    ["call a method with a colon: handle:with{...}"] = { function() client.Echo("a").with {} end },
    ["call a method with a colon: client:actor(class, key)"] = { function() client.actor("Echo", "a") end },
    ["call a method with a colon: client:close()"] = { function() client.close() end },
    ["x cannot be set"] = { function() client.x = 1 end, function() client.Echo("a").x = 1 end },
  }
  for expected, calls in pairs(cases) do
    it("what it cannot take: " .. expected, function()
      for _, call in ipairs(calls) do
        local ok, problem = pcall(call)
        assert.is_false(ok)
        local place = ("spec/lua/client_spec.lua:%d: "):format(debug.getinfo(call, "S").linedefined)
        assert.equal(place, problem:sub(1, #place))
        assert.truthy(problem:find(expected, 1, true), problem)
      end
    end)
  end

  it("what is called after its end", function()
    local closed = client_on {}
    closed:close()
    closed:close()
    local failure = hosts.failure_of(function() closed.Echo("a"):give() end)
    assert.same({ "closed", 0 }, { failure.code, failure.status })
    assert.matches("Echo/a%.give: a call after close%(%)", failure.message)
  end)
end)
