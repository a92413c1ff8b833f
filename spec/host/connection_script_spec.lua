-- Connections, as actors see them: the hooks, rpc, self.connections, and what a connection has. Its state:
-- spec/host/connection_state_spec.lua. What it is told: spec/host/event_spec.lua.
local hall = require "spec.support.hall"
local hosts = require "spec.support.hosts"

local failure_of, code_of = hosts.failure_of, hosts.code_of

-- Hooks that note what they hear.
local noting = {
  on_connect = "self:note(nil, 'joined ' .. tostring(c.params))",
  on_disconnect = "self:note(nil, 'left ' .. tostring(c.params))",
}

local function refuses(message, call, ...)
  local failure = failure_of(call, ...)
  local text = tostring(failure.message or failure)
  if not text:find(message, 1, true) then error(("%q is not in %q"):format(message, text), 2) end
end

local function connect(host, key, params)
  return host:connect("Hall", key, { params = params })
end

describe("A connection that is opened", function()
  after_each(hosts.close_all)

  it("creates its actor, runs both hooks and is one commit", function()
    local host = hall.open {
      initialize_state = "return { made = input }",
      on_start = "self:note(nil, 'started')",
      on_before_connect = [[
        self:note(nil, { params, rpc.params, rpc.caller, rpc.headers, rpc.address, tostring(rpc.connection),
                         #self.connections })
        return { user = params.user }]],
      on_connect = "self:note(nil, { c.state.user, c.params.user, #self.connections, self.connections[1] == c })",
    }
    local c = host:connect("Hall", "h", { params = { user = "ann" }, headers = { ["X-Who"] = "me" },
                                          address = "10.0.0.7",
                                          input = 5 })
    assert.equal(1, host:stats().commits)
    assert.same({
      "started", { { user = "ann" }, { user = "ann" }, "client", { ["x-who"] = "me" }, "10.0.0.7", "nil", 0 },
      { "ann", "ann", 1, true },
    }, c:call "notes")
    assert.equal(5, c:call("run", "return self.state.made"))
  end)

  it("needs no hook, and has no state then", function()
    local host = hall.open()
    local c = host:connect("Hall", "h")
    assert.same({ true, true, 1 }, c:call("run", "return array { c.state == nil, c.params == nil, #self.connections }"))
    c:close()
    assert.equal(0, hall.run(host, "h", "return #self.connections"))
  end)

  it("is refused as a call over HTTP is, and then nothing has happened", function()
    local host = hall.open({ on_before_connect = [[
      self.kv:put("tried", true)
      self:broadcast "tried"
      if params == "fault" then error "a fault" end
      if params == "limit" then self.kv:put("a", ("x"):rep(1000)) end
      if params == "refuse" then error(UserError("not you", { code = "go_away", metadata = { 1 } })) end]] },
      { dev = false, errors = true, limits = { value_bytes = 1000 } })
    local witness = connect(host, "full")
    witness:subscribe "tried"
    local before = host:entries()
    for params, expected in pairs {
      refuse = { 4401, "unauthorized", "not you" }, fault = { 4401, "unauthorized", "refused by on_before_connect" },
      limit = { 4413, "payload_too_large", "value: more than 1000 bytes, the limit of a value (--limit-value-bytes)" },
    } do
      for _, key in ipairs { "empty", "full" } do
        local pending, refused = host:start_connect("Hall", key, { params = params })
        local failure = failure_of(pending.get, pending)
        local code, reason = refused:closed()
        assert.same(expected, { code, reason, failure.message })
        assert.equal(expected[2], failure.code)
        local called = failure_of(host:actor("Hall", key, { params = params }).notes)
        assert.same({ called.code, called.message }, { failure.code, failure.message })
      end
      assert.is_nil(host:kv("Hall", "empty"))
    end
    assert.same({}, witness:events())
    host:checkpoint()
    assert.equal(before, host:entries())
    assert.equal(1, hall.run(host, "full", "return #self.connections"))
  end)

  it("fails with what on_connect raises, and then nothing has happened", function()
    local host = hall.open({
      on_before_connect = "self:note(nil, 'admitted') return { n = 1 }",
      on_connect = [[
        self:broadcast("joined", c.params)
        self:note(nil, "joined")
        if c.params == "error" then error(UserError("full", { code = "room_full", metadata = { max = 1 } })) end
        if c.params == "fault" then error "a fault" end]],
      on_disconnect = "self:note(nil, 'left')",
    }, { errors = true, dev = false })
    local witness = connect(host, "h", 1)
    witness:subscribe "joined"
    for params, expected in pairs { error = { "room_full", "full", { max = 1 } },
                                    fault = { "internal_error", "the actor failed; the host's log says how" } } do
      local failure = failure_of(connect, host, "h", params)
      assert.same(expected, { failure.code, failure.message, failure.metadata })
      assert.equal(expected[1], code_of(connect, host, "new", params))
      assert.is_nil(host:kv("Hall", "new"))
    end
    assert.same({}, witness:events())
    assert.same({ "admitted", "joined", "admitted" }, host:actor("Hall", "h"):notes())
    assert.equal(1, hall.run(host, "h", "return #self.connections"))
  end)

  it("needs a class, and an actor if it must not create one", function()
    local host = hall.open(noting)
    assert.equal("class_not_found", code_of(host.connect, host, "None", "h"))
    assert.equal("actor_not_found", code_of(host.connect, host, "Hall", "h", { create = false }))
    assert.is_nil(host:kv("Hall", "h"))
    connect(host, "h", 1)
    host:connect("Hall", "h", { create = false, params = 2 })
    assert.same({ "joined 1", "joined 2" }, host:actor("Hall", "h"):notes())
  end)

  it("may call others on its way, and send, and plan, but neither save nor destroy", function()
    local host = hall.open({
      on_before_connect = [[
        if self.key[1] == "h" then return self:actor("Hall", "users"):run "return self.kv:count()" end]],
      on_connect = [[
        if c.params then self[c.params](self) end
        self:actor("Hall", "users"):note("called for " .. c.state)
        self:send(self:actor("Hall", "users"), "note", "sent")
        self.schedule:after(5, "note", "later")]],
    }, { errors = true })
    local c = connect(host, "h")
    assert.same({ "called for 0", "sent" }, host:actor("Hall", "users"):notes())
    host:advance(10)
    assert.same({ "later" }, c:call "notes")
    refuses("save_state: only a method can save in its middle, not a hook", connect, host, "h", "save_state")
    refuses("destroy: only a method can destroy its actor, not a hook", connect, host, "h", "destroy")
  end)

  it("with a hook that returns what cannot be a state fails, also over HTTP", function()
    local host = hall.open({ on_before_connect = "if params == 1 then return { user = { print } } end "
                                                 .. "return params and ('x'):rep(20000) or UserError 'no'" },
                           { errors = true })
    for params, expected in pairs { [1] = "connection.state.user[1]: a function cannot be saved or sent",
                                    [2] = "--limit-connection-state-bytes" } do
      refuses(expected, connect, host, "h", params)
      local actor = host:actor("Hall", "h", { params = params })
      refuses(expected, actor.notes)
    end
    refuses("connection.state: a table with a metatable cannot be saved", connect, host, "h")
    assert.is_nil(host:kv("Hall", "h"))
  end)
end)

describe("A call through a connection", function()
  after_each(hosts.close_all)

  it("is a client's, which the hook has admitted, with what came with the connection", function()
    local host = hall.open { on_before_connect = "self.admitted = (self.admitted or 0) + 1 return { n = params }" }
    local options = { params = 7, headers = { Cookie = "a=b" }, address = "::1" }
    local c = host:connect("Hall", "h", options)
    local text = [[return array {
                   rpc.caller, rpc.params, rpc.headers.cookie, rpc.address, rpc.connection.state.n,
                   rpc.connection.params,
                   rpc.connection == c, self.connections[1] == c, rpc.idempotency_key or "none", self.admitted }]]
    assert.same({ "client", 7, "a=b", "::1", 7, 7, true, true, "none", 1 }, c:call("run", text))
    assert.same({ "client", 7, "a=b", "::1", 7, 7, true, true, "k", 1 },
                c:start_with({ idempotency_key = "k" }, "run", text):get())
    hall.run(host, "h", "")
    assert.equal(2, c:call("run", "return self.admitted"))
  end)

  it("is repeated without the hook, too", function()
    local host = hall.open { on_before_connect = "if params ~= 'in' then error(UserError 'no') end" }
    local c = connect(host, "h", "in")
    local function add()
      return c:start_with({ idempotency_key = "k" }, "run", "self.n = (self.n or 0) + 1 return self.n"):get()
    end
    assert.equal(1, add())
    assert.equal(1, add())
  end)

  it("is not that of an actor, a message or a schedule, which have no connection", function()
    local host = hall.open { on_before_connect = "return 1" }
    local c = connect(host, "h", 1)
    local look = "self:note(nil, { tostring(rpc.connection), tostring(rpc.params), tostring(rpc.address), "
                 .. "#self.connections })"
    c:call("run", [[
      self:actor("Hall", "other"):run(...)
      self:send(self:actor("Hall", "other"), "run", ...)
      self:send(self:actor("Hall", "h"), "run", ...)
      self.schedule:after(0, "run", ...)]], look)
    host:run()
    assert.same({ { "nil", "nil", "nil", 0 }, { "nil", "nil", "nil", 0 } }, host:actor("Hall", "other"):notes())
    assert.same({ { "nil", "nil", "nil", 1 }, { "nil", "nil", "nil", 1 } }, c:call "notes")
  end)
end)

describe("A connection that has ended", function()
  after_each(hosts.close_all)

  it("is told to the actor once, whoever ended it", function()
    local host = hall.open(noting)
    for i = 1, 3 do
      local c = connect(host, "h", i)
      if i == 1 then c:close() end
      if i == 2 then c:call("run", "c:disconnect('enough')") end
      if i == 3 then hall.run(host, "h", "self.connections[1]:disconnect()") end
      host:run()
      assert.is_truthy(c:closed())
    end
    assert.same({ "joined 1", "left 1", "joined 2", "left 2", "joined 3", "left 3" }, host:actor("Hall", "h"):notes())
  end)

  it("can be seen in on_disconnect as it was, but hears nothing any more and is not in the list", function()
    local host = hall.open { on_before_connect = "return { n = params }", on_disconnect = [[
      c:send("farewell")
      c:disconnect()
      self:note(nil, { c.state.n, c.params, #c.id, #self.connections, self.connections[1] == c,
                       select(2, pcall(function() c.state = 5 end)):find "state: this connection has ended$" ~= nil })
      self:broadcast("left", c.state.n)]] }
    local stays, goes = connect(host, "h", 1), connect(host, "h", 2)
    stays:subscribe "left"
    goes:call("run", "c.state.n = 3")
    goes:close()
    assert.same({ { 3, 2, 16, 1, false, true } }, stays:call "notes")
    assert.same({ { event = "left", args = { 3 } } }, stays:events())
    assert.same({}, goes:events())
  end)

  it("has its calls behind it that had begun; the others do not run", function()
    local host = hall.open(noting)
    local c = connect(host, "h", 1)
    local begun = c:start("run", "self:note(nil, 'before') self:save_state() self:note(nil, 'after')")
    host:hold(true)
    host:run()
    c:start("run", "self:note(nil, 'never')")
    c:start_close()
    host:hold(false)
    host:run()
    assert.same({ "joined 1", "before", "after", "left 1" }, host:actor("Hall", "h"):notes())
    assert.equal("connection_lost", code_of(begun.get, begun))
  end)

  it("is logged if the hook fails, which does not run again and has changed nothing", function()
    local host = hall.open({ on_disconnect = "self:note(nil, 'left') self:broadcast 'left' error 'a fault'" },
                           { errors = true })
    local witness, c = connect(host, "h"), connect(host, "h")
    witness:subscribe "left"
    c:call("run", "c.state = 1")
    c:close()
    host:advance(10000)
    assert.same({}, witness:call "notes")
    assert.same({}, witness:events())
    assert.equal(1, select(2, host:log():gsub("a fault", "")))
  end)

  it("is not told when the host ends, or when the actor is destroyed", function()
    local host = hall.open(noting)
    connect(host, "h", 1)
    host:stop()
    assert.same({ "joined 1" }, host:actor("Hall", "h"):notes())
    connect(host, "h", 2)
    host:crash()
    assert.same({ "joined 1", "joined 2" }, host:actor("Hall", "h"):notes())
    assert.equal(0, hall.run(host, "h", "return #self.connections"))
    local c = connect(host, "h", 3)
    host:destroy("Hall", "h")
    assert.equal(4001, (c:closed()))
    assert.is_nil(host:kv("Hall", "h"))
    assert.same({}, host:actor("Hall", "h"):notes())
  end)

  it("wakes no actor whose class has no on_disconnect", function()
    local host = hall.open { on_start = "self:note(nil, 'started')" }
    local c = connect(host, "h")
    c:call("run", "c.state = 1")
    host:sleep("Hall", "h")
    c:close()
    assert.same({ "started", "started" }, host:actor("Hall", "h"):notes())
  end)
end)

describe("A connection in hand", function()
  after_each(hosts.close_all)

  it("has these fields, and says so of others", function()
    local host = hall.open({}, { errors = true })
    local c = connect(host, "h", { 1 })
    assert.same({ "userdata", "connection", true, true, true, "connection" }, c:call("run", [[
      return array { type(c), tostring(c):match "^(%a+) %x+$", c.params ~= c.params, c.params[1] == 1, c.send == c.send,
                     getmetatable(c) or tostring(c):match "^%a+" }]]))
    local fields = "it has id, state, params, send and disconnect"
    for text, expected in pairs {
      ["return c.user"] = 'a connection has no field "user"; ' .. fields,
      ["c.user = 1"] = 'a connection has no field "user"; ' .. fields,
      ["return c[1]"] = 'a connection has no field "number"; ' .. fields,
      ["c[{}] = 1"] = 'a connection has no field "table"; ' .. fields,
      ["c.id = 1"] = "connection.id is the host's and cannot be set",
      ["c.params = nil"] = "connection.params is the host's and cannot be set",
      ["c.send = nil"] = "connection.send is the host's and cannot be set",
      ["self.connections = nil"] = "self.connections is the host's and cannot be set",
      ["c.send 'a'"] = "call send with a colon: connection:send(...)",
      ["c.disconnect(self)"] = "call disconnect with a colon: connection:disconnect(...)",
    } do
      refuses(expected, c.call, c, "run", text)
    end
  end)

  it("has an id that differs, also after a restart", function()
    local host = hall.open()
    local ids, count = {}, 0
    for round = 1, 3 do
      for i = 1, 5 do
        local id = connect(host, "h" .. i):call("run", "return c.id")
        assert.matches("^%x+$", id)
        count = count + (ids[id] and 0 or 1)
        ids[id] = true
      end
      if round == 2 then host:stop() else host:crash() end
      host:elapse(1)
    end
    assert.equal(15, count)
  end)

  it("is equal to itself, wherever it was found, and may be kept", function()
    local host = hall.open { on_connect = "self.last = c" }
    local one, two = connect(host, "h", 1), connect(host, "h", 2)
    assert.same({ true, false, false, 2 }, one:call("run", [[
      return array { self.connections[1] == c, self.connections[2] == c, c == c.id, self.last.params }]]))
    one:call("run", "self.last:send('a', 1)")
    assert.same({ { event = "a", args = { 1 } } }, two:events())
    two:close()
    assert.same({ true, true }, one:call("run", [[
      self.last:send("a", 2) self.last:disconnect("x")
      return array { self.last.state == nil, self.last.params == nil }]]))
    assert.equal(2, #one:call("run", "return { c.id, self.last.id }"))
  end)

  it("is a name that lives on while its actor sleeps, and is dead in another's call", function()
    local host = hall.open({}, { errors = true })
    local c = connect(host, "h", 5)
    c:call("run", "c.state = 'known' run.kept = c")
    host:sleep("Hall", "h")
    assert.same({ 5, "known", true }, c:call("run", "return array { run.kept.params, run.kept.state, run.kept == c }"))
    for _, text in ipairs { "return run.kept.id", "return run.kept.state", "run.kept.state = 1", "run.kept:send 'a'",
                            "run.kept:disconnect()" } do
      refuses("this connection belongs to another actor", hall.run, host, "other", text)
    end
  end)

  it("can neither be saved nor sent", function()
    local host = hall.open({ initialize_state = "return {}" }, { errors = true })
    local c = connect(host, "h")
    for _, text in ipairs { "self.kv:put('a', { c })", "return { c }", "self:actor('Hall', 'x'):note(c)",
                            "c:send('a', c)",
                            "self:send(self:actor('Hall', 'x'), 'note', c)", "self.schedule:after(1, 'note', c)",
                            "c.state = { c }" } do
      refuses("a connection cannot be saved", c.call, c, "run", text)
    end
    refuses("state.c: a connection cannot be saved", c.call, c, "run", "self.state.c = c")
    refuses("state.t.c: a connection cannot be saved", c.call, c, "run", "local t = {} self.state.t = t t.c = c")
    refuses("a userdata cannot be part of a key", c.call, c, "run", "self.kv:put(c, 1)")
  end)
end)

describe("self.connections", function()
  after_each(hosts.close_all)
  local list = "local all = array {} for i, c in ipairs(self.connections) do all[i] = c.params end return all"

  it("are those that are open, in the order in which they were opened", function()
    local note = "self:note(nil, #self.connections)"
    local host = hall.open { on_connect = note, on_disconnect = note }
    local all = {}
    assert.same({}, hall.run(host, "h", list))
    for i = 1, 30 do all[i] = connect(host, "h", i) end
    for i = 2, 30, 2 do all[i]:close() end
    connect(host, "h", 31)
    local expected = {}
    for i = 1, 31, 2 do expected[#expected + 1] = i end
    assert.same(expected, hall.run(host, "h", list))
    assert.same(expected, all[1]:call("run", list))
    host:sleep("Hall", "h")
    assert.same(expected, hall.run(host, "h", list))
    assert.equal(46, #host:actor("Hall", "h"):notes())
    assert.is_true(hall.run(host, "h", "return self.connections ~= self.connections"))
  end)

  it("are an array, each time a new one", function()
    local host = hall.open()
    assert.same("[]", hall.run(host, "h", "return require('troupe.json').encode(self.connections)"))
    connect(host, "h", 1)
    assert.equal(1, hall.run(host, "h", "table.remove(self.connections) return #self.connections"))
  end)

  it("are without one that was disconnected, from that moment on, unless the call fails", function()
    local host = hall.open()
    local one = connect(host, "h", 1)
    connect(host, "h", 2)
    local text = "self.connections[2]:disconnect() local all = #self.connections "
                 .. "if ... then error(UserError 'no') end return all"
    assert.equal("user_error", code_of(one.call, one, "run", text, true))
    assert.same({ 1, 2 }, one:call("run", list))
    host:hold(true)
    local counted, listed = one:start("run", text), one:start("run", list)
    host:run()
    host:hold(false)
    host:run()
    assert.same({ 1, { 1 } }, { counted:get(), listed:get() })
  end)

  it("are there for each hook, but for the new one until on_connect", function()
    local note = "self:note(nil, #self.connections)"
    local host = hall.open { on_start = note, on_before_connect = note, on_connect = note, on_stop = note }
    connect(host, "h")
    connect(host, "h")
    host:sleep("Hall", "h")
    assert.same({ 0, 0, 1, 1, 2, 2, 2, 2 }, host:actor("Hall", "h"):notes())
  end)
end)

describe("A call over HTTP", function()
  after_each(hosts.close_all)

  it("has a connection of its own if the class has on_before_connect", function()
    local host = hall.open({ on_before_connect = "if params then return { user = params } end" }, { errors = true })
    local actor = host:actor("Hall", "h", { params = "ann" })
    assert.same({ "ann", "ann", true, 0, "ann2" }, actor:run [[
      local found = array { c.state.user, c.params, c.id == rpc.id, #self.connections }
      c.state.user = "ann2"
      found[5] = rpc.connection.state.user
      run.kept = c
      return found]])
    assert.same({ true, true }, actor:run("return array { run.kept.state == nil, run.kept ~= c }"))
    assert.equal("none", hall.run(host, "h", "return c.state or 'none'"))
    assert.equal(5, actor:run("c.state = 5 return c.state"))
    local is_call = "this is the connection of an HTTP call, which hears its answer and nothing else"
    for text, expected in pairs {
      ["c:send('a')"] = "send: " .. is_call, ["c:disconnect()"] = "disconnect: " .. is_call,
      ["c.state.x = print"] = "connection.state.x: a function cannot be saved or sent",
      ["c.state = print"] = "connection.state: a function cannot be saved or sent",
      ["run.kept.state = 1"] = "connection.state: this connection has ended",
      ["run.kept:send('a')"] = "send: " .. is_call,
    } do
      refuses(expected, actor.run, actor, text)
    end
    assert.equal(0, hall.run(host, "h", "return self.kv:count()"))
    host:checkpoint()
    assert.equal("ann", actor:run "return c.state.user")
  end)

  it("has none without the hook", function()
    local host = hall.open()
    assert.is_true(hall.run(host, "h", "return rpc.connection == nil"))
  end)
end)

describe("A class", function()
  after_each(hosts.close_all)

  for _, name in ipairs { "broadcast", "connections" } do
    it("cannot have a method named " .. name, function()
      local folder = hosts.folder { ["a.lua"] = hosts.class("A", ("function Class:%s() end"):format(name)) }
      refuses(('a method cannot be named "%s", which is the host\'s'):format(name), hosts.open_folder, folder)
    end)
  end

  it("that is loaded anew has the connections of the old one", function()
    local host = hall.open()
    local c = connect(host, "h", 1)
    c:call("run", "c.state = 'known'")
    local source = hall.source { on_disconnect = "self:note(nil, c.state)" }
    require("spec.support.files").write(host.folder .. "/hall.lua", source)
    host:reload()
    assert.same({ "known", 1 }, c:call("run", "return array { c.state, #self.connections }"))
    c:close()
    assert.same({ "known" }, host:actor("Hall", "h"):notes())
  end)
end)
