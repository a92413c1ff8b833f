-- Events: what self:broadcast, connection:send and connection:disconnect tell, to whom, when, and in which order.
local hall = require "spec.support.hall"
local hosts = require "spec.support.hosts"

local failure_of, code_of = hosts.failure_of, hosts.code_of

local function refuses(message, call, ...)
  local text = tostring(failure_of(call, ...).message)
  if not text:find(message, 1, true) then error(("%q is not in %q"):format(message, text), 2) end
end

local function run(host, text, ...)
  return hall.run(host, "h", text, ...)
end

-- A host, and connections to its hall, each with its number as params.
local function open(count, hooks, options)
  local host = hall.open(hooks, options)
  local all = {}
  for i = 1, count do all[i] = host:connect("Hall", "h", { params = i }) end
  return host, table.unpack(all)
end

-- The events of a connection, as { name, arguments... }.
local function heard(c)
  local events = c:events()
  for i, event in ipairs(events) do
    assert(event.args.n == nil)
    events[i] = { event.event, table.unpack(event.args) }
  end
  return events
end

describe("An event", function()
  after_each(hosts.close_all)

  it("is told to all that have subscribed to it, and to no other actor's", function()
    local host, one, two, three = open(3)
    local far = host:connect("Hall", "far")
    one:subscribe "a"
    two:subscribe "a"
    two:subscribe "b"
    far:subscribe "a"
    three:subscribe "A"
    run(host, "self:broadcast('a', 1) self:broadcast('b', 2) self:broadcast('c')")
    assert.same({ { "a", 1 } }, heard(one))
    assert.same({ { "a", 1 }, { "b", 2 } }, heard(two))
    assert.same({}, heard(three))
    assert.same({}, heard(far))
    two:unsubscribe "a"
    two:call("run", "self:broadcast('a') self:broadcast('b')")
    assert.same({ { "b" } }, heard(two))
    assert.same({ { "a" } }, heard(one))
  end)

  it("may be for one, whatever that has subscribed to", function()
    local _, one, two = open(2)
    two:subscribe "a"
    one:call("run", "c:send('a', 'for one') self.connections[1]:send('b')")
    assert.same({ { "a", "for one" }, { "b" } }, heard(one))
    assert.same({}, heard(two))
  end)

  it("has its arguments as a result is written", function()
    local _, one = open(1, { initialize_state = "return { list = { 1, { x = 2 } } }" })
    one:call("run", [[c:send("a", nil, true, 1, 1.0, 0.1, "t\0\"", null, {}, array {}, { 1, { y = null } }, self.state,
                           math.maxinteger, nil)]])
    local frame = one:frames()[1]
    local args = frame.args
    assert.equal(13, #args)
    local null = require("troupe.test").null
    assert.same({ null, true, 1, 1.0, 0.1, 't\0"', null, {}, {}, { 1, { y = null } }, { list = { 1, { x = 2 } } },
                  math.maxinteger, null }, { table.unpack(args) })
    assert.equal("float", math.type(args[4]))
    assert.equal("integer", math.type(args[3]))
    one:call("run", "c:send('none')")
    assert.same({ { event = "none", args = {} } }, one:events())
  end)

  it("is copied when it is told", function()
    local _, one = open(1)
    one:call("run", "local t = { 1 } c:send('a', t) t[1] = 2 c:send('a', t)")
    assert.same({ { "a", { 1 } }, { "a", { 2 } } }, heard(one))
  end)

  it("has a name of 1 to 256 bytes, which is UTF-8", function()
    local _, one = open(1, {}, { errors = true })
    for _, name in ipairs { "x", ("x"):rep(256), "\0", 'a "quoted" \\ name\n', "größe ✓" } do
      one:subscribe(name)
      one:call("run", "self:broadcast(..., 1) c:send(...)", name)
      assert.same({ { name, 1 }, { name } }, heard(one))
    end
    for text, expected in pairs {
      ["nil"] = "event: the name of an event, a string, not a nil",
      ["5"] = "event: the name of an event, a string, not a number",
      ["{}"] = "event: the name of an event, a string, not a table",
      ["''"] = "event: a name of 0 bytes; it has 1 to 256",
      ["('x'):rep(257)"] = "event: a name of 257 bytes; it has 1 to 256",
      ["'\\xff'"] = "event: a name that is not UTF-8",
      ["('ä'):rep(127) .. '\\xc3'"] = "event: a name that is not UTF-8",
    } do
      refuses("run:1: " .. expected, one.call, one, "run", ("self:broadcast(%s)"):format(text))
      refuses("run:1: " .. expected, one.call, one, "run", ("c:send(%s)"):format(text))
    end
    refuses("event: the name of an event, a string, not a nil", one.call, one, "run", "c:send()")
    refuses("call broadcast with a colon: self:broadcast(event, ...)", one.call, one, "run", "self.broadcast('a')")
    refuses("call broadcast with a colon: self:broadcast(event, ...)", one.call, one, "run", "self.broadcast()")
    assert.same({}, heard(one))
  end)

  it("with arguments that have no form in JSON is an error, also if nobody listens", function()
    local host, one = open(1, {}, { errors = true, limits = { value_bytes = 2000 } })
    run(host, "run.gone = self.connections[1]")
    for round = 1, 2 do
      for text, expected in pairs {
        ["print"] = "args[1]: a function cannot be saved or sent",
        ["1, { x = { print } }"] = "args[2].x[1]: a function cannot be saved or sent",
        ["0/0"] = "args[1]: NaN has no form here", ["{ 1/0 }"] = "args[1][1]: an infinite number has no form here",
        ["{ [3] = 1 }"] = "args[1]: a table with numbers as keys that is not a sequence has no form in JSON",
        ["{ x = 1, 2 }"] = "has no form in JSON", ["'\\xff'"] = "args[1]: a string that is not UTF-8",
        ["self:actor('Hall', 'x')"] = "args[1]: the handle of an actor has no form in JSON",
        ["(function() local t = {} t.t = t return t end)()"] = "tables are nested more than 100 deep",
      } do
        refuses("run:1: ", run, host, ("self:broadcast('a', %s)"):format(text))
        refuses(expected, run, host, ("self:broadcast('a', %s)"):format(text))
        refuses(expected, run, host, ("run.gone:send('a', %s)"):format(text))
      end
      local failure = failure_of(run, host, "self:broadcast('a', ('x'):rep(2000))")
      assert.equal("payload_too_large", failure.code)
      refuses("args: more than 2000 bytes, the limit of a value (--limit-value-bytes)", run, host,
              "run.gone:send('a', ('x'):rep(2000))")
      refuses("201 arguments; an event has at most 200", run, host, "self:broadcast('a', table.unpack({}, 1, 201))")
      run(host, "self:broadcast('a', table.unpack({}, 1, 200))")
      if round == 1 then one:close() end
    end
  end)

  it("of a call that fails is none, and one that was caught is one", function()
    local host, one = open(1, {}, { errors = true })
    one:subscribe "a"
    local text = "self:broadcast('a') c:send('b') c:disconnect() error(UserError 'no')"
    assert.equal("user_error", code_of(one.call, one, "run", text))
    assert.equal("internal_error", code_of(one.call, one, "run", "self:broadcast('a') return print"))
    assert.same({}, heard(one))
    one:call("run", "pcall(function() self:broadcast('a', 1) error 'no' end) self:broadcast('a', 2)")
    assert.same({ { "a", 1 }, { "a", 2 } }, heard(one))
    host:fail_next "write"
    assert.equal("storage_error", code_of(one.call, one, "run", "self:broadcast('a') self.kv:put(1, 1)"))
    assert.same({}, heard(one))
    assert.is_nil((one:closed()))
  end)

  it("leaves when its call is durable, before the answer, in the order in which it was told", function()
    local host, one = open(1)
    one:subscribe "a"
    host:hold(true)
    local calls = {}
    for i = 1, 3 do
      calls[i] = one:start("run", [[
        self.kv:put(1, ...)
        self:broadcast("a", ...)
        c:send("b", ...)
        self:broadcast("a")
        return ...]], i)
    end
    calls[4] = one:start("run", "self:broadcast('a', 'read') return 'read'")
    host:run()
    assert.same({}, one:frames())
    host:hold(false)
    host:run()
    local expected = {}
    for i = 1, 3 do
      for _, event in ipairs { { "a", { i } }, { "b", { i } }, { "a", {} } } do
        expected[#expected + 1] = { event = event[1], args = event[2] }
      end
      expected[#expected + 1] = { id = calls[i].id, result = i }
    end
    expected[#expected + 1] = { event = "a", args = { "read" } }
    expected[#expected + 1] = { id = calls[4].id, result = "read" }
    assert.same(expected, one:frames())
  end)

  it("of a call that saves leaves with the save that follows it", function()
    local host, one = open(1)
    one:subscribe "a"
    local text = "self:broadcast('a', 1) self:save_state() self:broadcast('a', 2) if ... then error(UserError 'no') end"
    one:call("run", text)
    assert.same({ { "a", 1 }, { "a", 2 } }, heard(one))
    assert.equal("user_error", code_of(one.call, one, "run", text, true))
    assert.same({ { "a", 1 } }, heard(one))
    assert.equal("connection_lost", code_of(one.call, one, "run",
      "c:disconnect('saved') self:save_state() self:broadcast('a', 3) error(UserError 'no')"))
    host:run()
    assert.same({ 4000, "saved" }, { one:closed() })
  end)

  it("may come from any hook", function()
    local tell = "self:broadcast('from', '%s')"
    local hooks = {}
    for _, name in ipairs { "on_start", "on_stop", "on_destroy", "on_before_connect", "on_connect", "on_disconnect",
                            "initialize_state" } do
      hooks[name] = tell:format(name)
    end
    hooks.initialize_state = hooks.initialize_state .. " return {}"
    local host, one = open(1, hooks)
    one:subscribe "from"
    host:connect("Hall", "h"):close()
    host:sleep("Hall", "h")
    run(host, "")
    run(host, "self:destroy()")
    local names = {}
    for i, event in ipairs(heard(one)) do names[i] = event[2] end
    assert.same({ "on_before_connect", "on_connect", "on_disconnect", "on_stop", "on_start", "on_before_connect",
                  "on_before_connect", "on_destroy" }, names)
  end)

  it("of on_connect comes to the new connection too, which has heard nothing before", function()
    local host, one = open(1, { on_connect = "c:send('hello', c.params) self:broadcast('joined', c.params)" })
    one:subscribe "joined"
    local two = host:connect("Hall", "h", { params = 2 })
    assert.same({ { "hello", 1 }, { "joined", 2 } }, heard(one))
    assert.same({ { "hello", 2 } }, heard(two))
  end)

  it("reaches connections of an actor that slept, and is not kept for those that come later", function()
    local host, one = open(1)
    one:subscribe "a"
    host:sleep("Hall", "h")
    run(host, "self:broadcast('a', 1)")
    local two = host:connect("Hall", "h")
    two:subscribe "a"
    assert.same({ { "a", 1 } }, heard(one))
    assert.same({}, heard(two))
  end)

  it("may be one of 10,000 of a call, which count for its commit", function()
    local host, one, two = open(2, {}, { errors = true })
    one:subscribe "a"
    two:subscribe "a"
    run(host, "for i = 1, 10000 do self:broadcast('a', i) end")
    for _, c in ipairs { one, two } do
      local events = heard(c)
      assert.equal(10000, #events)
      for i, event in ipairs(events) do assert.equal(i, event[2]) end
    end
    local small = hall.open({}, { limits = { commit_bytes = 10000 } })
    local c = small:connect("Hall", "h")
    for text, size in pairs { ["self:broadcast('a', ('x'):rep(100))"] = 100, ["c:send('a', ('x'):rep(100))"] = 100,
                              ["run.other:send('a', ('x'):rep(100))"] = 100 } do
      c:call("run", "run.other = self.connections[1]")
      local code = code_of(c.call, c, "run", ("for i = 1, %d do %s end"):format(10000 / size, text))
      assert.equal("payload_too_large", code)
      refuses("--limit-commit-bytes", c.call, c, "run", ("self.kv:put(1, ('x'):rep(9950)) %s"):format(text))
    end
    c:call("run", "for i = 1, 10 do self:broadcast('a', ('x'):rep(100)) end")
    assert.same({}, heard(c))
    assert.is_nil(c:call("run", "return self.kv:get(1)"))
  end)

  it("of a call that changes nothing costs no write", function()
    local host, one = open(1)
    one:subscribe "a"
    local syncs = host:stats().syncs
    one:call("run", "self:broadcast('a')")
    assert.same({ { "a" } }, heard(one))
    assert.equal(syncs, host:stats().syncs)
  end)
end)

describe("A connection that is disconnected", function()
  after_each(hosts.close_all)

  it("hears the events before it and the answer, and then its end, with the reason", function()
    local host, one, two = open(2)
    one:subscribe "a"
    local text = "c:disconnect('enough') self:broadcast('a') c:send('b') c:disconnect('again') return 1"
    local call = one:start("run", text)
    host:run()
    assert.same({ { event = "a", args = {} }, { id = call.id, result = 1 }, { code = 4000, reason = "enough" } },
                one:frames())
    two:call("run", "c:disconnect()")
    assert.same({ 4000, "" }, { two:closed() })
    assert.equal(0, run(host, "return #self.connections"))
  end)

  it("has a reason that a frame can carry: text of at most 123 bytes, cut between characters", function()
    local _, one, two, three = open(3, {}, { errors = true })
    for text, expected in pairs { ["5"] = "reason: a string, or nil, not a number",
                                  ["{}"] = "reason: a string, or nil, not a table",
                                  ["'\\xff'"] = "reason: a string that is not UTF-8",
                                  ["('x'):rep(200) .. '\\xff'"] = "reason: a string that is not UTF-8" } do
      refuses("run:1: " .. expected, one.call, one, "run", ("c:disconnect(%s)"):format(text))
    end
    one:call("run", "c:disconnect(('x'):rep(123))")
    two:call("run", "c:disconnect(('x'):rep(1000))")
    three:call("run", "c:disconnect('x' .. ('ä'):rep(62))")
    for c, expected in pairs { [one] = ("x"):rep(123), [two] = ("x"):rep(123), [three] = "x" .. ("ä"):rep(61) } do
      assert.same({ 4000, expected }, { c:closed() })
    end
  end)
end)
