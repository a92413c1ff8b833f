-- What clients of WebSockets do wrong, by mistake or to do harm, against the real program: messages that are none,
-- names and ids, clients that read nothing, that vanish, that come and go without end. Each hears what was wrong, and
-- nobody else hears anything of it. How frames themselves are read: spec/c/peer_test.c.

local cjson = require "cjson"
local lfs = require "lfs"
local files = require "spec.support.files"
local hall = require "spec.support.hall"
local hosts = require "spec.support.hosts"
local http = require "spec.support.http"
local program = require "spec.support.program"
local websocket = require "spec.support.websocket"

local TEXT, CLOSE = websocket.TEXT, websocket.CLOSE
local KIB = 1024

-- How many clients come and go, and how many read nothing.
local COMERS = tonumber(os.getenv "TROUPE_CONNECTS") or 1000
local DEAF = 1000

-- Sanitizers keep what is freed, and count what is lost at the end.
local is_sanitized = program.path:find "asan" or program.path:find "tsan"

local HOOKS = {
  on_before_connect = [[
    local wanted = params or {}
    if wanted.refuse then error(UserError("not you", { code = wanted.refuse })) end
    if wanted.fail then error "a mistake" end
    return { name = wanted.name or "nobody" }
  ]],
  on_connect = [[ self.kv:put("came", (self.kv:get "came" or 0) + 1) ]],
  on_disconnect = [[ self.kv:put("left", (self.kv:get "left" or 0) + 1) ]],
}

-- What clients call in both classes. Of a connection to a Street nothing is ever written.
local METHODS = [[
  function Class:present() return #self.connections end
  function Class:go(rpc) rpc.connection:disconnect "go" end
]]

local folder, host
local names = 0

-- A key that no other spec uses.
local function new_key()
  names = names + 1
  return "key" .. names
end

local function path_of(key, params)
  return websocket.path("Hall", key, params and { params = cjson.encode(params) })
end

local function open(key, params)
  return websocket.open(host.address, path_of(key, params))
end

-- Runs a text in a hall as a call over HTTP, and returns its result.
local function run(key, text)
  local path = ("/actors/Hall/%s/run"):format(key)
  local answer = http.request(host.address, "POST", path, cjson.encode { text })
  assert.equal(200, answer.status, answer.body)
  return answer:json().result
end

local function is_there(key)
  return http.request(host.address, "POST", ("/actors/Hall/%s/notes?create=false"):format(key)).status == 200
end

-- Waits until the hall has so many connections.
local function await_present(key, count)
  program.eventually(count .. " connections", function() return run(key, "return #self.connections") == count end)
end

-- That the connection goes on and is in order: what comes next is the answer to this call.
local function assert_goes_on(socket)
  assert.equal('{"id":"on","result":[1]}', socket:call("on", "run", '["return array { 1 }"]'))
end

local function pid() return (files.read(host.folder .. "/pid"):match "%d+") end

local function open_files()
  local count = 0
  for _ in lfs.dir("/proc/" .. pid() .. "/fd") do count = count + 1 end
  return count
end

-- Bytes of memory that are the host's own.
local function memory()
  return tonumber(files.read("/proc/" .. pid() .. "/status"):match "RssAnon:%s*(%d+) kB") * KIB
end

describe("A socket", function()
  setup(function()
    folder = program.folder()
    lfs.mkdir(folder .. "/actors")
    lfs.mkdir(folder .. "/actors/lib")
    files.write(folder .. "/actors/hall.lua", (hall.source(HOOKS):gsub("return Class$", METHODS .. "return Class")))
    files.write(folder .. "/actors/street.lua", hosts.class("Street", METHODS))
    host = program.serve(folder .. "/actors", folder .. "/data", "--workers", "2", "--durability", "relaxed",
      "--limit-call-cpu-ms", "600000", "--limit-call-wall-ms", "600000")
  end)

  teardown(function()
    host:signal "TERM"
    assert.equal(0, host:wait())
    local log = host:log()
    log = log:gsub("[^\n]+ on_before_connect failed, and so refused: hall.lua:%d+: a mistake\n", "")
    assert.is_nil(log:find " error " or log:find "Sanitizer", log)
    assert.equal(0, (program.run("verify", folder .. "/data")))
    host:close()
    program.remove(folder)
  end)

  describe("says what is wrong with a message, and goes on, where that", function()
    local function try_all(what, messages)
      it(what, function()
        local socket = open(new_key())
        for message, id in pairs(messages) do
          local said = socket:send(message):receive_json()
          assert.equal("invalid_request", said.error.code, message)
          assert.is_true(#said.error.message > 0 and #said.error.message < KIB)
          said.error.message, said.error.code = nil, nil
          assert.same({ id = id or nil, error = {} }, said, message)
        end
        assert_goes_on(socket)
        socket:close(1000)
      end)
    end

    try_all("is no object of JSON", {
      [""] = false, [" "] = false, ["null"] = false, ["true"] = false, ["1"] = false, ['"text"'] = false,
      ["[]"] = false, ["{"] = false, ["}"] = false, ["{}"] = false, ["{}{}"] = false, ["x"] = false, ["\0"] = false,
      ["{\0}"] = false,
      ["\xef\xbb\xbf{}"] = false, ["GET / HTTP/1.1\r\n\r\n"] = false, ["{'id':1}"] = false,
      ['{id:1,"method":"run"}'] = false,
      [("["):rep(100 * KIB)] = false, [('{"id":'):rep(10000)] = false, [("{"):rep(1000) .. ("}"):rep(1000)] = false,
      ["/* */{}"] = false, ["NaN"] = false,
    })

    try_all("ends too early, or too late", {
      ['{"id":1,"method":"run"'] = 1, ['{"id":1,"method":"run",'] = 1, ['{"id":1,"method":"run",}'] = 1,
      ['{"id":1,"method":"run"}x'] = 1, ['{"id":1,"method":"run"}}'] = 1, ['{"id":1,"method":"run","args":['] = 1,
      ['{"id":1 "method":"run"}'] = 1, ['{"id":1,"method"}'] = 1,
    })

    try_all("has no id, or one that is none", {
      ['{"method":"run"}'] = false, ['{"id":null,"method":"run"}'] = false, ['{"id":1.5,"method":"run"}'] = false,
      ['{"id":1e3,"method":"run"}'] = false, ['{"id":true,"method":"run"}'] = false,
      ['{"id":{},"method":"run"}'] = false, ['{"id":[1],"method":"run"}'] = false, ['{"id":01,"method":"run"}'] = false,
      ['{"id":-,"method":"run"}'] = false,
      ['{"id":"\\x","method":"run"}'] = false, ['{"id":"\\ud800","method":"run"}'] = false,
      ['{"id":"a\tb","method":"run"}'] = false, ['{"id":"' .. ("i"):rep(129) .. '","method":"run"}'] = false,
      ['{"id":' .. ("9"):rep(129) .. ',"method":"run"}'] = false, ['{"id":1,"id":2,"method":"run"}'] = false,
    })

    try_all("says nothing to do, or several things, or something that there is not", {
      ['{"id":1}'] = 1, ['{"id":1,"args":[]}'] = 1, ['{"id":1,"methods":"run"}'] = 1,
      ['{"id":1,"method":"run","x":1}'] = 1,
      ['{"id":1,"method":"run","method":"run"}'] = 1, ['{"id":1,"method":"run","subscribe":"a"}'] = 1,
      ['{"id":"é","method":5}'] = "é", ['{"id":1,"method":null}'] = 1, ['{"id":1,"method":""}'] = 1,
      ['{"id":1,"method":"run","args":{}}'] = 1, ['{"id":1,"method":"run","args":"[]"}'] = 1,
      ['{"id":1,"method":"run","args":null}'] = 1, ['{"id":1,"method":"run","key":5}'] = 1,
      ['{"id":1,"method":"run","key":""}'] = 1, ['{"id":1,"method":"run","key":"a b"}'] = 1,
      ['{"id":1,"method":"run","key":"' .. ("k"):rep(256) .. '"}'] = 1,
    })

    it("asks for arguments that are none, or that go too deep", function()
      local socket = open(new_key())
      for _, args in ipairs {
        "[nul]", "[1,]", "[1", '["\\ud800"]', "[1][2]", ("["):rep(1000) .. ("]"):rep(1000), "[1e999]", "[NaN]",
      } do
        socket:send('{"id":1,"method":"run","args":' .. args .. "}")
        local said = socket:receive_json()
        local code = said.error and said.error.code
        assert.is_true(code == "invalid_arguments" or code == "invalid_request", args .. ": " .. cjson.encode(said))
        assert.equal(1, said.id)
      end
      assert_goes_on(socket)
      socket:close()
    end)

    it("calls what cannot be called", function()
      local socket = open(new_key())
      for _, method in ipairs {
        "none", "on_connect", "on_disconnect", "on_before_connect", "initialize_state", "broadcast", "extend", "_run",
        "__index", "class", "connections", ("m"):rep(10 * KIB),
      } do
        local said = cjson.decode(socket:call(1, method))
        assert.same({ 1, "method_not_found" }, { said.id, said.error.code }, method)
      end
      assert_goes_on(socket)
      socket:close()
    end)
  end)

  it("answers each of its calls once, whatever their ids", function()
    local key = new_key()
    local socket = open(key)
    for _ = 1, 100 do socket:ask(7, "run", '["return self.kv:count()"]') end
    local answers, refusals = 0, 0
    repeat
      local said = socket:receive_json()
      assert.equal(7, said.id)
      if said.error then
        assert.matches("still under way", said.error.message)
        refusals = refusals + 1
      else
        answers = answers + 1
      end
    until answers + refusals == 100
    assert.is_true(answers >= 1)
    assert_goes_on(socket)
    socket:close()
  end)

  describe("with names of events", function()
    it("that are none says so", function()
      local socket = open(new_key())
      for _, name in ipairs {
        '""', "1", "null", "true", "[]", "{}", '["a"]', '"' .. ("n"):rep(257) .. '"', '"\\ud800"', '"\\x"', '"a',
      } do
        for _, word in ipairs { "subscribe", "unsubscribe" } do
          local said = socket:send(('{"%s":%s}'):format(word, name)):receive_json()
          assert.equal("invalid_request", said.error.code, name)
          assert.is_nil(said.id)
        end
      end
      assert_goes_on(socket)
      socket:close()
    end)

    it("that nobody tells, or in other words, hears none of it", function()
      local key = new_key()
      local socket = open(key)
      for _, name in ipairs { "said\0", "Said", "said ", "sai", "saidd", "é" } do socket:send { subscribe = name } end
      socket:send '{"unsubscribe":"said"}'
      assert_goes_on(socket)
      run(key, 'self:broadcast("said", 1) self:broadcast("é", 2)')
      assert.equal('{"event":"é","args":[2]}', socket:receive())
      socket:send '{"subscribe":"\\u0073aid"}'
      assert_goes_on(socket)
      run(key, 'self:broadcast("said", 3)')
      assert.equal('{"event":"said","args":[3]}', socket:receive())
      socket:close()
    end)

    it("in ten thousands gets as many as it may, and loses none of these", function()
      local key = new_key()
      local socket = open(key)
      local function subscribe(first)
        for number = first, first + 999 do socket:send(('{"subscribe":"event %d"}'):format(number)) end
      end
      subscribe(1)
      for first = 1001, 9001, 1000 do
        subscribe(first)
        for number = first, first + 999 do
          local said = socket:receive_json()
          assert.same({ "payload_too_large", "event " .. number }, { said.error.code, said.subscribe })
        end
      end
      subscribe(1)                                                       -- once more is no more
      run(key, 'for n = 1, 2000 do self:broadcast("event " .. n, n) end')
      for number = 1, 1000 do
        assert.equal(('{"event":"event %d","args":[%d]}'):format(number, number), socket:receive())
      end
      socket:send '{"unsubscribe":"event 1"}'
      socket:send '{"subscribe":"event 1001"}'
      assert_goes_on(socket)
      run(key, 'for n = 1, 2000 do self:broadcast("event " .. n, n) end')
      assert.equal('{"event":"event 2","args":[2]}', socket:receive())
      for _ = 3, 1000 do socket:receive() end
      assert.equal('{"event":"event 1001","args":[1001]}', socket:receive())
      socket:drop()
      await_present(key, 0)
      run(key, 'for n = 1, 2000 do self:broadcast("event " .. n, n) end')
    end)
  end)

  describe("that is refused leaves nothing behind:", function()
    local function assert_refused(code, reason, key, params, headers)
      websocket.open(host.address, path_of(key, params), headers):assert_closed(code, reason)
      assert.is_false(is_there(key))
    end

    it("by the hook", function()
      assert_refused(4401, "unauthorized", new_key(), { refuse = "banned" })
      assert_refused(4401, "unauthorized", new_key(), { fail = true })
    end)

    it("for its page", function()
      for _, origin in ipairs { "https://evil.example", "null", "http://" .. host.address .. ".evil.example", "" } do
        assert_refused(4403, "forbidden_origin", new_key(), nil, { Origin = origin })
      end
    end)

    it("for its class, its key or its query", function()
      websocket.open(host.address, websocket.path("Hal", "x")):assert_closed(4404, "class_not_found")
      websocket.open(host.address, websocket.path("hall", "x")):assert_closed(4404, "class_not_found")
      websocket.open(host.address, websocket.path("Hall", ("k"):rep(3000))):assert_closed(4400, "invalid_key")
      local key = new_key()
      for _, query in ipairs { "params=[", "params=%zz", "token=x", "create=1", "params=1&params=2", "input={" } do
        websocket.open(host.address, path_of(key) .. "?" .. query):assert_closed(4400, "invalid_request")
      end
      websocket.open(host.address, path_of(key) .. "?create=false"):assert_closed(4404, "actor_not_found")
      assert.is_false(is_there(key))
    end)

    it("for its handshake, and hears that over HTTP", function()
      local key = new_key()
      for _, headers in ipairs {
        { ["Sec-WebSocket-Version"] = "12" }, { ["Sec-WebSocket-Version"] = "13, 13" },
        { ["Sec-WebSocket-Version"] = false }, { ["Sec-WebSocket-Key"] = "short" }, { ["Sec-WebSocket-Key"] = false },
        { Upgrade = false },
        { Upgrade = "h2c" }, { Connection = "keep-alive" },
        { ["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==" },
      } do
        local connection, answer = websocket.try(host.address, path_of(key), headers)
        assert.is_true(answer.status == 400 or answer.status == 426, answer.status)
        assert.is_truthy(answer:json().error.code)
        connection:close()
      end
      for _, path in ipairs {
        "/connect", "/connect/", "/connect/Hall", "/connect/Hall/" .. key .. "/run", "/Connect/Hall/" .. key,
      } do
        local connection, answer = websocket.try(host.address, path)
        assert.equal(404, answer.status)
        connection:close()
      end
      assert.is_false(is_there(key))
    end)
  end)

  describe("whose client vanishes", function()
    it("in mid-call ends the call that runs, and begins none that waits", function()
      for _, rudely in ipairs { true, false } do
        local key = new_key()
        local socket = open(key, { name = "ann" })
        socket:ask(1, "run", cjson.encode { [[
          self.kv:put("begun", rpc.connection.state.name)
          print("begun ]] .. key .. [[")
          while not pcall(require, "lib.]] .. key .. [[") do end
          self.kv:put("ended", rpc.connection.state.name)
        ]] })
        for number = 2, 50 do socket:ask(number, "run", [=["self.kv:put('waited', true)"]=]) end
        host:logged("begun " .. key, 0, true)
        socket:drop(rudely)
        program.open_gate(folder .. "/actors", key)
        program.eventually("on_disconnect", function() return run(key, 'return self.kv:get "left"') == 1 end)
        assert.same({ "ann", "ann", 0 }, run(key,
          'return array { self.kv:get "begun", self.kv:get "ended", self.kv:get "waited" and 1 or 0 }'))
      end
    end)

    it("in the middle of a frame, a text or a handshake is forgotten", function()
      local key = new_key()
      local frame = websocket.frame(TEXT, '{"id":1,"method":"run","args":["self.kv:put(\'ran\', true)"]}')
      for size = 0, #frame - 1, 3 do
        open(key):send_bytes(frame:sub(1, size)):drop(size % 2 == 0)
      end
      for _ = 1, 20 do open(key):send_frame(TEXT, ("x"):rep(10000), { fin = false }):drop(true) end
      local handshake = websocket.handshake(path_of(key))
      for size = 1, #handshake, 10 do
        local connection = http.connect(host.address)
        connection:send(handshake:sub(1, size)):close()
      end
      await_present(key, 0)
      assert.is_false(run(key, 'return self.kv:get "ran" or false'))
    end)

    it("behind a message that is wrong is forgotten too", function()
      local key = new_key()
      for _ = 1, 30 do open(key):send_frame(2, "x"):drop(true) end
      for _ = 1, 30 do open(key):send_frame(CLOSE, "\3\232"):drop(false) end
      await_present(key, 0)
      program.eventually("the last on_disconnect", function()
        return run(key, 'return self.kv:get "came" == 60 and self.kv:get "left" == 60')
      end)
    end)
  end)

  describe("that reads nothing", function()
    local FLOOD = ([[for _ = 1, %d do self:broadcast("flood", ("f"):rep(%d)) end]])

    it("is closed with 1013 when too much waits for it, and the others miss nothing", function()
      local key = new_key()
      local deaf, other = open(key), open(key)
      deaf:send { subscribe = "flood" }
      other:send { subscribe = "flood" }
      assert_goes_on(deaf)
      assert_goes_on(other)
      local told = 0
      program.eventually("the end of the deaf one", function()
        run(key, FLOOD:format(4, 256 * KIB))
        for _ = 1, 4 do assert.equal('{"event":"flood","args":["', other:receive():sub(1, 26)) end
        told = told + 4
        return run(key, "return #self.connections") == 1
      end)
      local heard, frame = 0, deaf:receive_frame()                -- what the system had taken by then
      while frame and frame.opcode == TEXT do
        heard, frame = heard + 1, deaf:receive_frame()
      end
      assert.same({ CLOSE, 1013 }, { frame and frame.opcode, frame and frame.code })
      assert.matches("%-%-limit%-socket%-bytes", frame.reason)
      assert.is_true(heard * 256 * KIB <= 2 * KIB * KIB and heard < told, heard)
      deaf:assert_ended()
      assert_goes_on(other)
      other:close()
    end)

    it("gets one event of any size if nothing else waits for it", function()
      local key = new_key()
      local socket = open(key)
      socket:send { subscribe = "flood" }
      assert_goes_on(socket)
      run(key, FLOOD:format(1, 8 * KIB * KIB))
      assert.equal(8 * KIB * KIB + #'{"event":"flood","args":[""]}', #socket:receive())
      assert_goes_on(socket)
      socket:close()
    end)

    it("in hundreds costs little, and holds up nobody", function()
      local soft = tonumber(files.read "/proc/self/limits":match "Max open files%s+(%d+)") or 1024
      local count = math.min(DEAF, soft - 200)
      local key, quiet = new_key(), new_key()
      local deaf, other = {}, open(quiet)
      for i = 1, count do
        deaf[i] = open(key)
        deaf[i]:send { subscribe = "flood" }
      end
      for i = 1, count do assert_goes_on(deaf[i]) end
      local before, most = memory(), 0
      program.eventually("the end of them", function()
        run(key, FLOOD:format(1, 64 * KIB))
        assert_goes_on(other)
        most = math.max(most, memory() - before)
        return run(key, "return #self.connections") == 0
      end)
      if not is_sanitized then assert.is_true(most < 16 * KIB * KIB, most) end
      assert_goes_on(other)
      for i = 1, count do deaf[i]:drop(true) end
      other:close()
    end)

    it("nor takes its answers waits with its calls, and is closed in the end", function()
      local key = new_key()
      local socket, other = open(key), open(new_key())
      local before, most, sent = memory(), 0, 0
      program.eventually("the end of it", function()
        sent = sent + 1
        most = math.max(most, memory() - before)
        return not socket.socket:send(websocket.frame(TEXT,
          ([=[{"id":%d,"method":"run","args":["return ('x'):rep(%d)"]}]=]):format(sent, 256 * KIB)))
      end)
      assert_goes_on(other)
      if not is_sanitized then assert.is_true(most < 16 * KIB * KIB, most) end
      socket:drop(true)
      await_present(key, 0)
      other:close()
    end)
  end)

  describe("may come and go without end:", function()
    -- Each goes in its own way.
    local function come_and_go(class, key, number)
      local socket = websocket.open(host.address, websocket.path(class, key))
      local way = number % 6
      if way == 0 then
        socket:close(1000)
      elseif way == 1 then
        socket:drop(true)
      elseif way == 2 then
        socket:send { subscribe = "x" }:drop()
      elseif way == 3 then
        socket:ask(1, "present"):drop(true)
      elseif way == 4 then
        socket:send_frame(TEXT, "{", { fin = false }):drop()
      else
        assert.equal('{"id":1,"result":null}', socket:call(1, "go"))
        socket:assert_closed(4000, "go")
      end
    end

    local function await_nobody(class)
      program.eventually("the last to leave", function()
        return http.request(host.address, "POST", ("/actors/%s/x/present"):format(class)).body == '{"result":0}'
      end)
    end

    it(COMERS .. " of them leave no file open and no memory in use", function()
      for number = 1, 200 do come_and_go("Street", "x", number) end
      await_nobody "Street"
      local opened, used = open_files(), memory()
      for number = 1, COMERS do come_and_go("Street", "x", number) end
      await_nobody "Street"
      program.eventually("as few open files", function() return open_files() <= opened end)
      if not is_sanitized then assert.is_true(memory() - used < 2 * KIB * KIB, memory() - used) end
    end)

    it("each of them is heard of twice, and its state is gone", function()
      for number = 1, 200 do come_and_go("Hall", "x", number) end
      program.eventually("the last on_disconnect", function() return run("x", 'return self.kv:get "left"') == 200 end)
      await_nobody "Hall"
      assert.equal(200, run("x", 'return self.kv:get "came"'))
    end)
  end)
end)
