-- Connections over WebSocket, of the real program: how one is opened or refused, calls and their answers, frames as
-- RFC 6455 has them and as it does not, limits, and how one ends.

local cjson = require "cjson"
local program = require "spec.support.program"
local http = require "spec.support.http"
local websocket = require "spec.support.websocket"

local TEXT, BINARY, CONTINUATION = websocket.TEXT, websocket.BINARY, websocket.CONTINUATION
local PING, PONG, CLOSE = websocket.PING, websocket.PONG, websocket.CLOSE

local BODY_BYTES, SOCKET_BYTES, CALLS, SUBSCRIPTIONS = 100000, 300000, 8, 5
local BIG = ("y"):rep(BODY_BYTES // 2)

local host
local names = 0

-- A key that no other spec uses.
local function new_key()
  names = names + 1
  return "key" .. names
end

local function open(key, query, headers)
  return websocket.open(host.address, websocket.path("Box", key or new_key(), query), headers)
end

local function try(path, headers)
  local connection, answer = websocket.try(host.address, path, headers)
  connection:close()
  return answer
end

local function post(key, method, body)
  return http.request(host.address, "POST", ("/actors/Box/%s/%s"):format(key, method), body)
end

local function is_served()
  local socket = open()
  assert.equal('{"id":1,"result":[1]}', socket:call(1, "echo", "[[1]]"))
  socket:close(1000)
end

describe("A socket", function()
  setup(function()
    host = program.serve_copy("spec/support/actors", "--workers", "1", "--limit-call-cpu-ms", "600000",
      "--limit-call-wall-ms", "600000", "--limit-body-bytes", tostring(BODY_BYTES), "--limit-socket-bytes",
      tostring(SOCKET_BYTES), "--limit-connection-calls", tostring(CALLS), "--limit-waiting-calls", "50",
      "--limit-subscriptions", tostring(SUBSCRIPTIONS))
  end)

  teardown(function() host:stop() end)

  after_each(is_served)

  describe("is opened", function()
    it("by a handshake, on a connection that was HTTP before, and calls go through it", function()
      local key = new_key()
      local connection = http.connect(host.address)
      connection:send(http.text("GET", "/health")):receive()
      connection:send(http.text("GET", "/health") .. websocket.handshake(websocket.path("Box", key)))
      assert.equal(200, connection:receive().status)
      assert.equal(101, connection:receive().status)
      local socket = websocket.over(connection)
      assert.equal('{"id":1,"result":null}', socket:call(1, "put", '["kept"]'))
      assert.equal('{"id":2,"result":"kept"}', socket:call(2, "get"))
      socket:close(1000, "done")
      http.assert_result('"kept"', post(key, "get"))
    end)

    it("with frames that come right behind the handshake", function()
      local frames = {}
      for number = 1, 3 do
        table.insert(frames, websocket.frame(TEXT, ('{"id":%d,"method":"echo","args":[%d]}'):format(number, number)))
      end
      local bytes = websocket.handshake(websocket.path("Box", new_key())) .. table.concat(frames)
      for _, cut in ipairs { #bytes, 100, 1 } do
        local connection = http.connect(host.address)
        for from = 1, #bytes, cut do connection:send(bytes:sub(from, from + cut - 1)) end
        assert.equal(101, connection:receive().status)
        local socket = websocket.over(connection)
        for number = 1, 3 do assert.equal(('{"id":%d,"result":%d}'):format(number, number), socket:receive()) end
        socket:close()
      end
    end)

    it("with what came along in params and headers, and the client's address, which its calls know", function()
      local socket = open(nil, { params = '{"a":[1]}' }, { ["X-Color"] = "red" })
      assert.same({ caller = "client", params = { a = { 1 } }, header = "red", address = "127.0.0.1" },
                  cjson.decode(socket:call(1, "about", '["x-color"]')).result)
      socket:close(1000)
    end)

    it("however the headers are written", function()
      open(nil, nil, { Connection = "keep-alive, upgrade", Upgrade = "h2c, WebSocket" }):close()
      open(nil, nil, { ["Sec-WebSocket-Protocol"] = "chat", ["Sec-WebSocket-Extensions"] = "permessage-deflate" })
        :close()
      open(nil, { params = '{"a":1}', input = "5", create = "true" }):close()
      websocket.open(host.address, websocket.path("Box", '["eu",42]')):close()
    end)
  end)

  describe("is not opened, and the answer is HTTP,", function()
    local path = "/connect/Box/nobody"

    it("where the handshake is none", function()
      for _, headers in ipairs { { Upgrade = false }, { Upgrade = "h2c" }, { Connection = false },
        { Connection = "close" } } do
        http.assert_refused(426, "upgrade_required", "does not ask for one", try(path, headers))
      end
      for _, version in ipairs { "12", "8", "13, 8", "" } do
        local answer = try(path, { ["Sec-WebSocket-Version"] = version })
        http.assert_refused(426, "upgrade_required", "must be 13", answer)
        assert.same({ "websocket", "13", "close" },
          { answer.headers.upgrade, answer.headers["sec-websocket-version"], answer.headers.connection })
      end
      local key = "Sec-WebSocket-Key"
      local letters = ("A"):rep(22)
      for _, value in ipairs { "", "AAAA", letters .. "AA", letters .. "A=", letters .. "=", letters .. "==A",
        letters:sub(2) .. "-==" } do
        http.assert_refused(400, "invalid_request", "16 bytes in base64", try(path, { [key] = value }))
      end
      http.assert_refused(400, "invalid_request", "16 bytes in base64", try(path, { [key] = false }))
      http.assert_refused(426, "upgrade_required", "must be 13", try(path, { ["Sec-WebSocket-Version"] = false }))
      http.assert_refused(426, "upgrade_required", nil, http.request(host.address, "GET", path))
    end)

    it("at another path, and by another method", function()
      for _, other in ipairs { "/connect/Box", "/connect/Box/a/b", "/connect", "/nowhere" } do
        http.assert_refused(404, "path_not_found", nil, try(other))
      end
      http.assert_refused(405, "method_not_allowed", nil, http.request(host.address, "POST", path, "[]"))
      assert.equal("GET, OPTIONS", http.request(host.address, "OPTIONS", path).headers.allow)
    end)

    it("and what comes behind it is not read as HTTP", function()
      local key = new_key()
      local call = http.text("POST", ("/actors/Box/%s/put"):format(key), "[1]")
      for _, target in ipairs { "/health", "/connect/Box" } do
        local connection = http.connect(host.address):send(websocket.handshake(target) .. call)
        local answer = connection:receive()
        assert.equal("close", answer.headers.connection)
        assert.is_nil(connection:receive())
        connection:close()
      end
      assert.equal(404, post(key, "get?create=false").status)
    end)
  end)

  describe("is opened and closed at once", function()
    local function assert_refused(code, reason, path, headers)
      websocket.open(host.address, path, headers):assert_closed(code, reason)
    end

    it("where the class is none, or the address or the query are not right", function()
      assert_refused(4404, "class_not_found", websocket.path("Nobody", "ann"))
      assert_refused(4404, "actor_not_found", websocket.path("Box", new_key(), { create = "false" }))
      assert_refused(4400, "invalid_key", "/connect/Box/[]")
      assert_refused(4400, "invalid_key", "/connect/Box/")
      assert_refused(4400, "invalid_request", "/connect/Box/%zz")
      assert_refused(4400, "invalid_request", "/connect/Box/a?create=maybe")
      assert_refused(4400, "invalid_request", "/connect/Box/a?method=get")
      assert_refused(4400, "invalid_request", "/connect/Box/a?params=[")
    end)

    it("where the page is another's", function()
      assert_refused(4403, "forbidden_origin", websocket.path("Box", new_key()), { Origin = "https://evil.example" })
      open(nil, nil, { Origin = "http://" .. host.address }):close()
    end)
  end)

  describe("takes calls", function()
    it("and answers each with its id, as that came", function()
      local socket = open()
      for _, id in ipairs { "0", "-1", "9007199254740993", '"a"', '""', '"\\u0061"', '"' .. ("i"):rep(128) .. '"' } do
        socket:send(('{"id":%s,"method":"echo","args":[2]}'):format(id))
        assert.equal(('{"id":%s,"result":2}'):format(id), socket:receive())
      end
      socket:close()
    end)

    it("whose errors are those of HTTP", function()
      local socket = open()
      local key = new_key()
      for _, case in ipairs { { "nothing" }, { "_private" }, { "fail", '["user"]' }, { "fail", '["string"]' },
        { "echo", "[nul]" }, { "echo", '["\\ud800"]' }, { "on_start" } } do
        local said = post(key, case[1], case[2]).body
        assert.truthy(said:find('"error"', 1, true), said)
        assert.equal('{"id":1,' .. said:sub(2), socket:call(1, case[1], case[2]))
      end
      socket:close()
    end)

    it("in the order in which they were sent", function()
      local socket = open()
      for number = 1, 200 do socket:ask(number, "put", ("[%d]"):format(number)):ask(-number, "get") end
      for number = 1, 200 do
        assert.equal(('{"id":%d,"result":null}'):format(number), socket:receive())
        assert.equal(('{"id":-%d,"result":%d}'):format(number, number), socket:receive())
      end
      socket:close()
    end)

    it("once for each idempotency key", function()
      local key = new_key()
      local socket, again = open(key), open(key)
      assert.equal('{"id":1,"result":1}', socket:call(1, "work", "[1]", "order-7"))
      assert.equal('{"id":2,"result":1}', again:call(2, "work", "[1]", "order-7"))
      assert.equal('{"id":3,"result":2}', again:call(3, "work", "[1]", "order-8"))
      assert.truthy(again:call(4, "work", "[2]", "order-8"):find "^{\"id\":4,\"error\":{\"code\":\"invalid_request\"")
      socket:close()
      again:close()
    end)

    it("not two with one id at a time", function()
      local key, other = new_key(), new_key()
      local socket = open(key)
      socket:ask(1, "wait", ('["%s"]'):format(key)):ask(1, "get"):ask("1", "get"):ask(1, "get")
      for _ = 1, 2 do
        local said = socket:receive_json()
        assert.same({ 1, "invalid_request" }, { said.id, said.error.code })
        assert.truthy(said.error.message:find("still under way", 1, true))
      end
      program.open_gate(host.actors, key)
      assert.equal('{"id":1,"result":1}', socket:receive())
      assert.equal('{"id":"1","result":null}', socket:receive())
      assert.equal('{"id":1,"result":null}', socket:call(1, "get"))
      socket:close()
      http.assert_result("null", post(other, "get"))
    end)

    it("and those of others are answered meanwhile", function()
      local key = new_key()
      local many = {}
      for number = 1, 30 do many[number] = open(key):ask(number, "put", ("[%d]"):format(number)) end
      for number = 30, 1, -1 do
        assert.equal(('{"id":%d,"result":null}'):format(number), many[number]:receive())
        many[number]:close()
      end
      http.assert_result("30", post(key, "puts"))
    end)

    it("of any size that a body may have, and gives results that are larger", function()
      local socket = open()
      local around = #'{"id":1,"method":"echo","args":[""]}'
      local text = ("é"):rep((BODY_BYTES - around) // 2)
      assert.equal(('{"id":1,"result":"%s"}'):format(text), socket:call(1, "echo", ('["%s"]'):format(text)))
      local size = SOCKET_BYTES * 2
      assert.equal(('{"id":2,"result":"%s"}'):format(("x"):rep(size)), socket:call(2, "big", ("[%d]"):format(size)))
      socket:close()
    end)
  end)

  describe("says what is wrong with a message, and goes on,", function()
    local function refused(socket, message, code, named)
      socket:send(message)
      local said = socket:receive_json()
      assert.equal(code, said.error.code)
      assert.truthy(said.error.message:find(named, 1, true), said.error.message)
      said.error = nil
      return said
    end

    it("with its id, if it has one", function()
      local socket = open()
      assert.same({}, refused(socket, "", "invalid_request", "not an object"))
      assert.same({}, refused(socket, "[1]", "invalid_request", "not an object"))
      assert.same({}, refused(socket, '{"method":"get"}', "invalid_request", "no id"))
      assert.same({}, refused(socket, '{"id":[],"method":"get"}', "invalid_request", "id is []"))
      assert.same({ id = 7 }, refused(socket, '{"id":7,"methot":"get"}', "invalid_request", "unknown field"))
      assert.same({ id = 7 }, refused(socket, '{"id":7,"method":"get"', "invalid_request", "not valid JSON at byte"))
      assert.same({ id = "x" }, refused(socket, '{"id":"x","method":"get","key":"a b"}', "invalid_request", "0x20"))
      assert.equal('{"id":7,"result":null}', socket:call(7, "get"))
      socket:close()
    end)

    it("with the name of a subscription that is refused", function()
      local socket = open()
      local long = ("n"):rep(257)
      assert.same({ subscribe = "" }, refused(socket, { subscribe = "" }, "invalid_request", "0 bytes"))
      assert.same({ subscribe = long }, refused(socket, { subscribe = long }, "invalid_request", "257 bytes"))
      assert.same({ unsubscribe = long }, refused(socket, { unsubscribe = long }, "invalid_request", "257 bytes"))
      for number = 1, SUBSCRIPTIONS do socket:send { subscribe = ("n"):rep(250) .. number } end
      socket:send { subscribe = ("n"):rep(250) .. 1 }
      assert.same({ subscribe = "more" },
        refused(socket, { subscribe = "more" }, "payload_too_large", "--limit-subscriptions"))
      socket:send { unsubscribe = ("n"):rep(250) .. 2 }
      socket:send { unsubscribe = "never had" }
      socket:send { subscribe = "more" }
      assert.equal('{"id":1,"result":null}', socket:call(1, "get"))
      socket:close()
    end)
  end)

  describe("reads frames", function()
    it("in fragments, with pings between, byte by byte", function()
      local key = new_key()
      local message = '{"id":1,"method":"put","args":["é€😀"]}'
      local bytes = {}
      for at = 1, #message do
        local first, last = at == 1, at == #message
        table.insert(bytes, websocket.frame(first and TEXT or CONTINUATION, message:sub(at, at), { fin = last }))
        if at % 9 == 0 then table.insert(bytes, websocket.frame(PING, "p" .. at)) end
        if at % 11 == 0 then table.insert(bytes, websocket.frame(PONG, "unasked")) end
      end
      local text = table.concat(bytes)
      for _, cut in ipairs { #text, 1 } do
        local socket = open(key)
        for from = 1, #text, cut do socket:send_bytes(text:sub(from, from + cut - 1)) end
        for at = 9, #message, 9 do
          local frame = socket:receive_frame()
          assert.same({ PONG, "p" .. at }, { frame.opcode, frame.payload })
        end
        assert.equal('{"id":1,"result":null}', socket:receive())
        assert.equal('{"id":2,"result":"é€😀"}', socket:call(2, "get"))
        socket:close()
      end
    end)

    it("and closes with 1002 where they are not as the RFC wants them", function()
      for _, frame in ipairs {
        websocket.frame(TEXT, "{}", { mask = false }), websocket.frame(TEXT, "{}", { rsv = 4 }),
        websocket.frame(TEXT, "{}", { rsv = 1 }), websocket.frame(3, "{}"), websocket.frame(CONTINUATION, "{}"),
        websocket.frame(TEXT, "{", { fin = false }) .. websocket.frame(TEXT, "}"),
        websocket.frame(PING, "", { fin = false }), websocket.frame(PING, ("p"):rep(126)),
        websocket.frame(TEXT, "{}", { wide = 2 }), websocket.frame(TEXT, "{}", { wide = 8 }),
        websocket.frame(TEXT, "{}", { length = math.mininteger, wide = 8 }),
        websocket.frame(CLOSE, "\3"), websocket.frame(CLOSE, (">I2"):pack(1005)),
      } do
        open():send_bytes(frame):assert_closed(1002, "a frame is not as RFC 6455 wants it")
      end
    end)

    it("with 1003 where they are binary, 1007 where they are not UTF-8", function()
      open():send_frame(BINARY, "{}"):assert_closed(1003, "messages are text, in JSON")
      for _, text in ipairs { "\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80" } do
        open():send_frame(TEXT, text):assert_closed(1007, "a message is not UTF-8")
      end
      open():send_frame(TEXT, "\xc3", { fin = false }):send_frame(CONTINUATION, "x")
        :assert_closed(1007, "a message is not UTF-8")
    end)

    it("with 1009 where they are too large, as soon as they say so", function()
      local reason = ("a message is larger than the limit of %d bytes (--limit-body-bytes)"):format(BODY_BYTES)
      open():send_frame(TEXT, "x", { length = BODY_BYTES + 1 }):assert_closed(1009, reason)
      open():send_frame(TEXT, "x", { length = math.maxinteger }):assert_closed(1009, reason)
      local socket = open()
      socket:send_frame(TEXT, BIG, { fin = false }):send_frame(CONTINUATION, BIG, { fin = false })
      socket:send_frame(CONTINUATION, "x"):assert_closed(1009, reason)
    end)
  end)

  describe("is closed", function()
    it("as the client says", function()
      open():close()
      open():close(1000)
      open():close(4999, "tschüss")
    end)

    it("and what follows is not read", function()
      local key = new_key()
      local socket = open(key)
      socket:send_bytes(websocket.frame(CLOSE, "") .. websocket.frame(TEXT, '{"id":1,"method":"put","args":[1]}'))
      socket:assert_closed()
      http.assert_result("0", post(key, "puts"))
    end)

    it("with 1013 where the client does not take what it gets", function()
      local key = new_key()
      local socket, other = open(key), open(key)
      local asked = 0
      program.eventually("the end", function()
        asked = asked + 1
        return not socket.socket:send(websocket.frame(TEXT,
          ('{"id":%d,"method":"big","args":[%d]}'):format(asked, SOCKET_BYTES // 2)))
      end)
      assert.equal('{"id":1,"result":null}', other:call(1, "get"))
      socket:drop(true)
      other:close()
    end)
  end)

  describe("does not begin more calls than it may:", function()
    it("the others wait, and are served", function()
      local key = new_key()
      local socket = open(key)
      local count = CALLS * 50
      socket:ask(0, "wait", ('["%s"]'):format(key))
      for number = 1, count do socket:ask(number, "put", ("[%d]"):format(number)) end
      program.eventually("the call", function() return host:log():find("begun " .. key, 1, true) end)
      program.open_gate(host.actors, key)
      assert.equal('{"id":0,"result":1}', socket:receive())
      for number = 1, count do assert.equal(('{"id":%d,"result":null}'):format(number), socket:receive()) end
      assert.equal(('{"id":1,"result":%d}'):format(count + 1), socket:call(1, "puts"))
      socket:close()
    end)
  end)
end)

describe("A host that stops", function()
  it("answers the calls that are under way, and closes with 1001", function()
    local stopping = program.serve_copy("spec/support/actors", "--limit-call-cpu-ms", "600000")
    local function open_there(key) return websocket.open(stopping.address, websocket.path("Box", key)) end
    local idle, busy, connection = open_there "idle", open_there "busy", http.connect(stopping.address)
    busy:ask(1, "wait", '["gate"]')
    program.eventually("the call", function() return stopping:log():find("begun gate", 1, true) end)
    stopping:signal "TERM"
    idle:assert_closed(1001, "the host stops")
    busy:ask(2, "put", "[1]")
    program.open_gate(stopping.actors, "gate")
    assert.equal('{"id":1,"result":1}', busy:receive())
    busy:assert_closed(1001, "the host stops")
    connection:close()
    assert.equal(0, stopping:wait())
    stopping:stop()
  end)

  it("does not wait for a client that takes nothing", function()
    local stopping = program.serve_copy("spec/support/actors")
    local socket = websocket.open(stopping.address, websocket.path("Box", "ann"))
    socket:ask(1, "big", "[16000000]"):ask(2, "get"):ask(3, "big", "[16000000]")
    stopping:stop()
    socket:drop()
  end)
end)
