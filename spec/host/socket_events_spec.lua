-- What the real program tells the connections of an actor: hooks, events and their order, ends; over WebSocket.

local cjson = require "cjson"

local program = require "spec.support.program"
local http = require "spec.support.http"
local websocket = require "spec.support.websocket"

local SOCKET_BYTES = 200000

local host
local names = 0
local key              -- of the room of the present spec

local function path(query) return websocket.path("Room", key, query) end

-- Opens a connection, and hears that it has come.
local function open(query, headers)
  local socket = websocket.open(host.address, path(query), headers)
  assert.equal("welcome", socket:receive_json().event)
  return socket
end

local function post(method, body)
  return http.request(host.address, "POST", ("/actors/Room/%s/%s"):format(key, method), body)
end

-- Waits until so many have come, have left, and are there.
local function await_counts(came, left, present)
  local wanted = ('{"result":[%d,%d,%d,'):format(came, left, present)
  program.eventually(wanted, function() return post("counts").body:sub(1, #wanted) == wanted end)
end

local function event(name, ...)
  local args = {}
  for i = 1, select("#", ...) do args[i] = select(i, ...) end
  return ('{"event":"%s","args":[%s]}'):format(name, table.concat(args, ","))
end

describe("A connection over WebSocket", function()
  setup(function()
    host = program.serve_copy("spec/support/actors", "--workers", "2", "--limit-call-cpu-ms", "600000",
      "--limit-call-wall-ms", "600000", "--limit-socket-bytes", tostring(SOCKET_BYTES))
  end)

  teardown(function() host:stop() end)

  before_each(function()
    names = names + 1
    key = "room" .. names
  end)

  it("passes the hooks, and what came with it is there in each of its calls", function()
    local socket = open({ params = '{"name":"ann","list":[1,2.5,null]}' }, { ["X-Test"] = "yes" })
    for id = 1, 2 do
      assert.same({
        id = id,
        result = {
          caller = "client", params = { name = "ann", list = { 1, 2.5, cjson.null } }, header = "yes",
          address = "127.0.0.1", state = { name = "ann" }, count = 1,
        },
      }, socket:ask(id, "about"):receive_json())
    end
    socket:close()
    await_counts(1, 1, 0)
  end)

  it("is refused by a hook, with its code, and leaves no actor behind", function()
    for params, code in pairs {
      ['{"refuse":"go_away"}'] = { 4401, "unauthorized" }, ['{"fail":"not_today"}'] = { 4400, "not_today" },
      ['{"fail":"break"}'] = { 4500, "internal_error" },
    } do
      websocket.open(host.address, path { params = params }):assert_closed(code[1], code[2])
    end
    assert.equal(404, post("counts?create=false").status)
  end)

  it("hears the events that it has subscribed to, as long as it has", function()
    local one, other = open(), open()
    one:send { subscribe = "news" }
    other:send { subscribe = "other" }:send { subscribe = "news" }:send { unsubscribe = "news" }
    assert.equal('{"id":1,"result":1}', other:call(1, "say", '["news",1,{"a":[null]}]'))
    assert.equal(event("news", 1, '{"a":[null]}'), one:receive())
    one:send { unsubscribe = "news" }
    assert.equal('{"id":1,"result":3}', one:call(1, "say", '["news",2]'))
    one:ask(2, "say", '["other",1]')
    assert.equal('{"id":2,"result":4}', one:receive())
    assert.equal(event("other", 1), other:receive())
    one:close()
    other:close()
  end)

  it("hears of one call its events in order, then the answer", function()
    local socket = open()
    socket:send { subscribe = "news" }
    for id = 1, 20 do socket:ask(id, "say", '["news",3]') end
    for id = 1, 20 do
      for number = 1, 3 do assert.equal(event("news", number), socket:receive()) end
      assert.equal(('{"id":%d,"result":%d}'):format(id, id * 3), socket:receive())
    end
    socket:ask(21, "whisper", '["news","quiet"]')
    assert.equal(event("news", '"quiet"'), socket:receive())
    assert.equal('{"id":21,"result":null}', socket:receive())
    socket:close()
  end)

  it("hears nothing of a call that failed, but for what it has saved", function()
    local socket = open()
    socket:send { subscribe = "news" }
    socket:ask(1, "fail"):ask(2, "save", "[true]"):ask(3, "save", "[false]")
    assert.equal(1, socket:receive_json().id)
    assert.equal(event("news", '"before"'), socket:receive())
    assert.equal(2, socket:receive_json().id)
    assert.equal(event("news", '"before"'), socket:receive())
    assert.equal(event("news", '"behind"'), socket:receive())
    assert.equal('{"id":3,"result":null}', socket:receive())
    socket:close()
  end)

  it("hears the others come and go, however they go", function()
    local socket = open()
    socket:send { subscribe = "came" }:send { subscribe = "left" }
    assert.equal(1, socket:ask(1, "counts"):receive_json().id)
    for number, leave in ipairs {
      function(other) other:close(1000) end, function(other) other:drop() end, function(other) other:drop(true) end,
      function(other) other:send_frame(3, ""):assert_closed(1002, "a frame is not as RFC 6455 wants it") end,
      function(other) other.connection:finish() other:assert_ended() end,
    } do
      local other = open { params = ('{"name":%d}'):format(number) }
      assert.equal(event("came", number), socket:receive())
      leave(other)
      assert.equal(event("left", number), socket:receive())
    end
    await_counts(6, 5, 1)
    socket:close()
    await_counts(6, 6, 0)
  end)

  it("is closed by its actor, behind the answer", function()
    local socket, other = open(), open()
    socket:send { subscribe = "left" }
    assert.equal('{"id":1,"result":"bye"}', socket:call(1, "leave", '["enough é"]'))
    socket:assert_closed(4000, "enough é")
    await_counts(2, 1, 1)
    assert.equal('{"id":"all","result":"bye"}', other:call("all", "leave", "[null,true]"))
    other:assert_closed(4000, "")
    await_counts(2, 2, 0)
  end)

  it("is closed when its actor is destroyed", function()
    local socket, other = open(), open()
    assert.equal('{"id":1,"result":null}', socket:call(1, "finish"))
    socket:assert_closed(4001, "destroyed")
    other:assert_closed(4001, "destroyed")
    await_counts(0, 0, 0)
  end)

  it("tells many one event at once, and lets nobody wait for who does not read", function()
    local many, slow = {}, open()
    slow:send { subscribe = "news" }
    for number = 1, 50 do many[number] = open():send { subscribe = "news" } end
    for _, socket in ipairs(many) do assert.equal(1, socket:ask(1, "counts"):receive_json().id) end
    local text = '"' .. ("x"):rep(SOCKET_BYTES // 2) .. '"'
    for round = 1, 1000 do
      http.assert_result(tostring(round), post("say", ('["news",1,%s]'):format(text)))
      for _, socket in ipairs(many) do assert.equal(event("news", 1, text), socket:receive()) end
      if round > 10 and post("counts").body:find "51,1,50" then break end
    end
    await_counts(51, 1, 50)
    for _, socket in ipairs(many) do socket:close() end
    slow:drop(true)
    await_counts(51, 51, 0)
  end)

  it("hears more at once than may wait for it, if the system takes that", function()
    local narrow = program.serve_copy("spec/support/actors", "--limit-socket-bytes", "10000")
    local socket = websocket.open(narrow.address, websocket.path("Room", "ann"))
    assert.equal("welcome", socket:receive_json().event)
    socket:send { subscribe = "news" }
    local text = '"' .. ("y"):rep(1000) .. '"'
    socket:ask(1, "say", ('["news",25,%s]'):format(text))
    for number = 1, 25 do assert.equal(event("news", number, text), socket:receive()) end
    assert.equal('{"id":1,"result":25}', socket:receive())
    socket:close()
    narrow:stop()
  end)

  it("hears its actor as long as the host does not stop, whatever that tells then", function()
    local stopping = program.serve_copy("spec/support/actors", "--workers", "2")
    local sockets = {}
    for number = 1, 20 do
      local socket = websocket.open(stopping.address, websocket.path("Room", "talker" .. number))
      assert.equal("welcome", socket:receive_json().event)
      assert.equal(number, socket:send({ subscribe = "tick" }):ask(number, "talk"):receive_json().id)
      sockets[number] = socket
    end
    for _, socket in ipairs(sockets) do
      for _ = 1, 3 do assert.equal(event "tick", socket:receive()) end
    end
    stopping:signal "TERM"
    for _, socket in ipairs(sockets) do
      local frame
      repeat frame = socket:receive_frame() until not frame or frame.opcode == websocket.CLOSE
      assert.equal(1001, frame.code)
      socket:assert_ended()
    end
    assert.equal(0, stopping:wait())
    stopping:stop()
  end)

  it("that is gone leaves no call behind that had not begun", function()
    for _, rudely in ipairs { false, true } do
      local socket, gate = open(), key .. tostring(rudely)
      socket:ask(1, "wait", ('["%s"]'):format(gate))
      program.eventually("the call", function() return host:log():find("begun " .. gate, 1, true) end)
      for id = 2, 20 do socket:ask(id, "say", '["news",1]') end
      local marks = http.request(host.address, "GET", "/health").status
      socket:drop(rudely)
      for _ = 1, 200 do marks = marks + http.request(host.address, "GET", "/health").status end
      program.open_gate(host.actors, gate)
    end
    await_counts(2, 2, 0)
    http.assert_result("[2,2,0,0]", post("counts"))
  end)

  it("that has gone before it is open leaves nothing but what its hooks did", function()
    local gate = key
    local holding = http.connect(host.address)
    holding:send(http.text("POST", ("/actors/Room/%s/wait"):format(key), ('["%s"]'):format(gate)))
    program.eventually("the call", function() return host:log():find("begun " .. gate, 1, true) end)
    for number = 1, 20 do
      local connection = http.connect(host.address):send(websocket.handshake(path()))
      if number % 2 == 0 then assert(connection.socket:setoption("linger", { on = true, timeout = 0 })) end
      connection:close()
    end
    for _ = 1, 100 do http.request(host.address, "GET", "/health") end
    program.open_gate(host.actors, gate)
    http.assert_result(('"%s"'):format(gate), holding:receive())
    program.eventually("an empty room", function()
      local came, left, present = post("counts").body:match '^{"result":%[(%d+),(%d+),(%d+),'
      return came == left and present == "0"
    end)
    holding:close()
  end)
end)
