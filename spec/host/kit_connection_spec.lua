-- troupe.test: connections of a spec, and what becomes of them when a host ends.
local hosts = require "spec.support.hosts"
local troupe = require "troupe.test"

local room = hosts.class("Room", [[
  function Class:initialize_state() return { said = 0 } end
  function Class:on_connect(connection)
    local params = connection.params or {}
    if params.greet then
      connection:send("welcome", params.greet, null, {})
      self:broadcast("joined", params.greet)
    end
    if params.leave then connection:disconnect(params.leave) end
  end
  function Class:on_disconnect(connection)
    self:broadcast("left", (connection.params or {}).greet)
    self.state.left = (self.state.left or 0) + 1
  end
  function Class:say(_, text) self.state.said = self.state.said + 1; return { text, self.state.said } end
  function Class:tell(_, event, ...) self:broadcast(event, ...); return "told" end
  function Class:answer(rpc, event, ...) rpc.connection:send(event, ...); self.state.said = 0 end
  function Class:fail(_, event) self:broadcast(event); error(UserError "no") end
  function Class:turn_out(rpc, reason) rpc.connection:disconnect(reason); self:broadcast("out"); return "out" end
  function Class:know(rpc)
    return { rpc.connection.params, rpc.headers, rpc.address, rpc.params, rpc.caller, #self.connections }
  end
]])

local function open(options)
  return hosts.open({ ["room.lua"] = room }, options)
end

describe("A connection of the kit", function()
  after_each(hosts.close_all)

  it("calls the actor that it was opened to, and copies values as all calls do", function()
    local host = open()
    local connection = host:connect("Room", { "eu", 1 })
    assert.same({ { nan = 1, [7] = "seven" }, 1 }, connection:call("say", { nan = 1, [7] = "seven" }))
    assert.same({ "b", 2 }, host:actor("Room", { "eu", 1 }):say "b")
    local third, fourth = connection:start("say", "c"), connection:start("say", "d")
    assert.same({ 2, 3 }, { third.id, fourth.id })
    assert.is_false(third:is_done())
    assert.same({ "d", 4 }, fourth:get())
    assert.same({ "c", 3 }, third:result())
    assert.is_nil(connection:closed())
  end)

  it("tells of its answers in the order in which they came", function()
    local host = open()
    local connection = host:connect("Room", "a")
    host:hold(true)
    connection:start("say", 1)
    connection:start("say")
    connection:start("missing")
    host:run()
    assert.same({}, connection:frames())
    host:hold(false)
    host:run()
    local frames = connection:frames()
    assert.equal("method_not_found", frames[3].error.code)
    assert.same({ { id = 1, result = { 1, 1 } }, { id = 2, result = { nil, 2 } } }, { frames[1], frames[2] })
    assert.same({}, connection:frames())
    assert.same({}, connection:events())
  end)

  it("hears events that it has subscribed to, and those for itself alone, in order with answers", function()
    local host = open()
    local ann, bob = host:connect("Room", "a", { params = { greet = "Ann" } }), host:connect("Room", "a")
    local elsewhere = host:connect("Room", "b")
    for _, connection in ipairs { ann, elsewhere } do
      connection:subscribe "said"
      connection:subscribe "said"
      connection:subscribe "left"
    end
    assert.same({ { event = "welcome", args = { "Ann", troupe.null, {} } } }, ann:events())
    bob:call("tell", "said", 1, { a = troupe.null })
    bob:call("tell", "unheard", 1)
    ann:call("answer", "yes", "you")
    assert.equal("user_error", hosts.code_of(ann.call, ann, "fail", "said"))
    host:actor("Room", "a"):tell "said"
    assert.same({ { event = "said", args = { 1, { a = troupe.null } } }, { event = "yes", args = { "you" } },
                  { event = "said", args = {} } }, ann:events())
    assert.same({}, ann:events())
    local frames = ann:frames()
    assert.same({ 1, 2, "user_error" }, { frames[1].id, frames[2].id, frames[2].error.code })
    ann:unsubscribe "said"
    ann:unsubscribe "said"
    ann:unsubscribe "never"
    bob:call("tell", "said", 2)
    bob:close()
    assert.same({ { event = "left", args = { troupe.null } } }, ann:frames())
    assert.same({}, bob:events())
    assert.same({}, elsewhere:events())
    assert.same({ { id = 1, result = "told" }, { id = 2, result = "told" }, { id = 3, result = "told" },
                  { code = 1000, reason = "" } }, bob:frames())
    for _, name in ipairs { "", ("x"):rep(257), "\xff", 5 } do
      for _, method in ipairs { "subscribe", "unsubscribe" } do
        local failure = hosts.failure_of(ann[method], ann, name)
        assert.equal("invalid_request", failure.code)
        assert.matches("event: a string of 1 to 256 bytes", failure.message)
      end
    end
    ann:subscribe(("x"):rep(256))
  end)

  it("has as many subscriptions as the limit says", function()
    local connection = open({ limits = { subscriptions = 2 } }):connect("Room", "a")
    for _, event in ipairs { "one", "two", "one" } do connection:subscribe(event) end
    local failure = hosts.failure_of(connection.subscribe, connection, "three")
    assert.equal("payload_too_large", failure.code)
    assert.matches("has 2 subscriptions; the limit is 2 %(%-%-limit%-subscriptions%)", failure.message)
    connection:unsubscribe "one"
    connection:subscribe "three"
  end)

  it("tells the actor what came along when it was opened", function()
    local host = open()
    local options = { params = { nan = { 1 } }, headers = { ["X-User"] = "Ann" }, address = "10.0.0.1:5" }
    local connection = host:connect("Room", "a", options)
    assert.same({ { nan = { 1 } }, { ["x-user"] = "Ann" }, "10.0.0.1:5", { nan = { 1 } }, "client", 1 },
      connection:call "know")
    assert.same({ nil, nil, nil, nil, "client", 2 }, host:connect("Room", "a"):call "know")
  end)

  it("is closed by its actor, behind the answer of that call", function()
    local host = open()
    local connection, other = host:connect("Room", "a"), host:connect("Room", "a")
    connection:subscribe "out"
    other:subscribe "left"
    assert.equal("out", connection:call("turn_out", "go away"))
    assert.same({ 4000, "go away" }, { connection:closed() })
    assert.same({ { event = "out", args = {} }, { id = 1, result = "out" }, { code = 4000, reason = "go away" } },
      connection:frames())
    assert.equal(1, #other:events())
    local short = host:connect("Room", "a", { params = { greet = "Eve", leave = "bye" } })
    assert.same({ 4000, "bye" }, { short:closed() })
    assert.same({ { event = "welcome", args = { "Eve", troupe.null, {} } }, { code = 4000, reason = "bye" } },
      short:frames())
    host:destroy("Room", "a")
    assert.equal(4001, (other:closed()))
    assert.same({ 4000, "bye" }, { short:closed() })
  end)

  it("repeats a call by its idempotency key", function()
    local connection = open():connect("Room", "a")
    local once = connection:start_with({ idempotency_key = "k" }, "say", "x"):get()
    assert.same(once, connection:start_with({ idempotency_key = "k" }, "say", "x"):get())
    assert.same({ "x", 2 }, connection:call("say", "x"))
  end)

  it("is lost when the host crashes, with its calls, and stays so", function()
    local host = open()
    local connection = host:connect("Room", "a")
    host:hold(true)
    local call = connection:start("say", "x")
    local opening, other = host:start_connect("Room", "b")
    host:run()
    host:crash()
    assert.same({ 1006, "" }, { connection:closed() })
    assert.same({ 1006, "" }, { other:closed() })
    assert.equal("connection_lost", hosts.code_of(call.result, call))
    assert.equal("connection_lost", hosts.code_of(opening.get, opening))
    for _ = 1, 2 do
      local failure = hosts.failure_of(function() connection:call("say", "y") end)
      assert.equal("connection_lost", failure.code)
      assert.matches("closed; the call was not sent", failure.message)
      host:reopen()
    end
    assert.equal("connection_lost", hosts.code_of(connection.subscribe, connection, "said"))
    assert.same({ { code = 1006, reason = "" } }, connection:frames())
    assert.is_nil(host:connect("Room", "a"):closed())
  end)

  it("is lost when a sync fails, since that ends the host", function()
    local host = open { errors = true }
    local connection = host:connect("Room", "a")
    host:fail_next "sync"
    assert.equal("connection_lost", hosts.code_of(connection.call, connection, "say", "x"))
    assert.same({ 1006, "" }, { connection:closed() })
  end)

  it("gets its answers before a host that stops ends it", function()
    for _, way in ipairs { "stop", "close" } do
      local host = troupe.host { actors = hosts.folder { ["room.lua"] = room } }
      local connection = host:connect("Room", "a")
      host:hold(true)
      local call = connection:start("say", "x")
      host:run()
      host:hold(false)
      host[way](host)
      assert.is_true(call:is_done())
      assert.same({ 1001, "the host stops" }, { connection:closed() })
      if way == "stop" then assert.same({ "x", 1 }, call:result()) end
      assert.equal("connection_lost", hosts.code_of(connection.call, connection, "say", "x"))
      host:close()
    end
  end)

  it("can be closed: what it has not begun does not begin, what it has begun runs to its end", function()
    local host = open()
    local connection = host:connect("Room", "a")
    local unbegun = connection:start("say", "x")
    connection:close()
    assert.same({ 1000, "" }, { connection:closed() })
    assert.equal("connection_lost", hosts.code_of(unbegun.get, unbegun))
    assert.equal(0, host:state("Room", "a").said)
    connection = host:connect("Room", "a")
    host:hold(true)
    local begun = connection:start("say", "x")
    host:run()
    connection:start_close()
    connection:start_close()
    host:hold(false)
    assert.equal("connection_lost", hosts.code_of(begun.get, begun))
    assert.equal(1, host:state("Room", "a").said)
    assert.same({ { code = 1000, reason = "" } }, connection:frames())
  end)

  it("tells the host of its end in a step of the door, once", function()
    local host = open()
    local connection = host:connect("Room", "a")
    assert.is_false(host:step "door")
    connection:start_close()
    assert.is_true(host:step "door")
    assert.is_false(host:step "door")
  end)

  it("can be closed before it is open", function()
    local host = open()
    local opening, connection = host:start_connect("Room", "a")
    assert.matches("not open", hosts.failure_of(connection.start, connection, "say"))
    connection:close()
    assert.equal("connection_lost", hosts.code_of(opening.get, opening))
    assert.same({ 1000, "" }, { connection:closed() })
    assert.is_nil(host:state("Room", "a"))
  end)

  it("may be forgotten, at any moment of its life", function()
    local host = open()
    local function forget(connection) return connection and nil end
    for round = 1, 3 do
      forget(host:connect("Room", "a"))
      forget(select(2, host:start_connect("Room", "a")))
      forget(host:connect("Room", "a"):start("say", round))
      local closed = host:connect("Room", "a")
      closed:start_close()
      forget(closed)
      closed = nil                                                  -- luacheck: ignore
      collectgarbage()
      if round == 2 then host:crash() end
      host:run()
    end
    assert.equal(3, host:state("Room", "a").said)
  end)

  it("is refused with the error of the call that opens it", function()
    local host = open()
    assert.equal("class_not_found", hosts.code_of(host.connect, host, "Room1", "a"))
    assert.equal("actor_not_found", hosts.code_of(host.connect, host, "Room", "a", { create = false }))
    local opening, connection = host:start_connect("Room1", "a")
    assert.equal("class_not_found", hosts.code_of(opening.get, opening))
    assert.same({ 4404, "class_not_found" }, { connection:closed() })
  end)

  it("takes no other options than it knows", function()
    local host = open()
    local function problem(options) return hosts.failure_of(host.connect, host, "Room", "a", options) end
    assert.matches("spec/support/hosts.lua:%d+: there is no option \"parms\" here", problem { parms = 1 })
    assert.matches("there is no option \"idempotency_key\" here", problem { idempotency_key = "k" })
    assert.matches("params.f: a function cannot be saved or sent", problem { params = { f = print } })
    assert.matches("headers: a table expected, got string", problem { headers = "a: b" })
    assert.matches("headers: a table from names to strings expected, got string to number",
      problem { headers = { a = 1 } })
    assert.matches("address: a string expected, got number", problem { address = 1 })
    assert.equal("invalid_key", hosts.code_of(host.connect, host, "Room", {}))
    local connection = host:connect("Room", "a")
    assert.matches("there is no option \"params\" here",
      hosts.failure_of(connection.start_with, connection, { params = 1 }, "say"))
  end)
end)
