-- connection.state: what it may be, when it is saved and undone, and how long it lasts.
local hall = require "spec.support.hall"
local hosts = require "spec.support.hosts"

local failure_of, code_of = hosts.failure_of, hosts.code_of

local function refuses(message, call, ...)
  local text = tostring(failure_of(call, ...).message)
  if not text:find(message, 1, true) then error(("%q is not in %q"):format(message, text), 2) end
end

-- A host with one connection, whose state is { n = 1 }, and how a text runs through that.
local function open(options, hooks)
  local host = hall.open(hooks or { on_before_connect = "return { n = 1 }" }, options)
  local c = host:connect("Hall", "h")
  return host, function(text, ...) return c:call("run", text, ...) end, c
end

describe("The state of a connection", function()
  after_each(hosts.close_all)

  it("is nil at first, or what on_before_connect returned, and each has its own", function()
    local host = hall.open { on_before_connect = "return params" }
    local all = {}
    for i, params in ipairs { { 1, { "x" } }, "text", 5, false } do
      all[i] = host:connect("Hall", "h", { params = params })
      assert.same(params, all[i]:call("run", "return c.state"))
    end
    local none = host:connect("Hall", "h")
    assert.is_true(none:call("run", "return c.state == nil"))
    all[2]:call("run", "c.state = { of = 2 }")
    assert.same({ 1, { "x" } }, all[1]:call("run", "return c.state"))
    assert.same({ of = 2 }, all[1]:call("run", "return self.connections[2].state"))
  end)

  it("may be any value of a kv, as it was", function()
    local _, run = open()
    for text, check in pairs {
      ["{ 1, 2.5, 'text', true, false, null }"] = "return #s == 6 and math.type(s[1]) == 'integer' and s[6] == null",
      ["array {}"] = "return require('troupe.json').encode(s) == '[]'",
      ["{}"] = "return require('troupe.json').encode(s) == '{}'",
      ["{ [true] = 1, [2.5] = 2, [-1] = 3 }"] = "return s[true] == 1 and s[2.5] == 2 and s[-1] == 3",
      ["{ x = 0/0, y = 1/0 }"] = "return s.x ~= s.x and s.y == math.huge",
      ["{ h = self:actor('Hall', { 'a', 1 }) }"] =
        "return tostring(s.h) == 'Hall/[\"a\",1]' and s.h:run('return 7') == 7",
      ["null"] = "return s == null", ["false"] = "return s == false",
      ["''"] = "return s == ''", ["7"] = "return s == 7",
      ["self:actor('Hall', 'h')"] = "return s == self:actor('Hall', 'h')",
      ["(function() local t = {} t.me = t t[1] = { t } return t end)()"] = "return s.me == s and s[1][1] == s",
      ["string.char(0, 255)"] = "return s == '\\0\\xff'",
    } do
      run("c.state = " .. text)
      assert.is_true(run("local s = c.state " .. check), text)
    end
  end)

  it("is saved when the call ends, and is there after its actor has slept", function()
    local host, run = open()
    run "c.state.n = c.state.n + 1 c.state.list = { { x = 1 } }"
    run "c.state.list[1].x = 2 table.insert(c.state.list, 'more')"
    for _ = 1, 2 do
      assert.same({ n = 2, list = { { x = 2 }, "more" } }, run "return c.state")
      host:sleep("Hall", "h")
      host:checkpoint()
    end
    run "c.state = nil"
    assert.is_true(run "return c.state == nil")
  end)

  it("is one table during a call, and another in each", function()
    local _, run = open()
    assert.same({ true, true }, run [[
      local t = { n = 2 }
      c.state = t
      t.late = 3
      run.kept = t
      return array { c.state == t, self.connections[1].state == t }]])
    assert.same({ n = 2, late = 3 }, run "run.kept.n = 10 return c.state")
    assert.is_true(run "return c.state ~= run.kept and c.state == c.state")
    assert.same({ n = 2, late = 3 }, run "return c.state")
  end)

  it("takes a copy of a part of the actor's state", function()
    local _, run = open({}, { initialize_state = "return { part = { n = 1 } }" })
    run "c.state = self.state.part c.state.n = 2 self.state.part.n = 3"
    assert.same({ 2, 3 }, run "return array { c.state.n, self.state.part.n }")
    run "c.state = { inner = self.state.part }"
    run "self.state.part.n = 4"
    assert.same({ 3, 4 }, run "return array { c.state.inner.n, self.state.part.n }")
    run "self.state.part = c.state.inner"
    run "self.state.part.n = 5"
    assert.same({ 3, 5 }, run "return array { c.state.inner.n, self.state.part.n }")
  end)

  it("is undone with a call that fails, and by nothing else", function()
    local _, run = open({ errors = true })
    assert.equal("user_error", hosts.code_of(run, "c.state.n = 2 error(UserError 'no')"))
    assert.equal("internal_error", hosts.code_of(run, "c.state = { n = 3 } error 'fault'"))
    assert.equal("internal_error", hosts.code_of(run, "c.state = nil error 'fault'"))
    assert.equal("internal_error", hosts.code_of(run, "c.state.n = 5 return print"))
    assert.same({ n = 1 }, run "return c.state")
    assert.same({ n = 7 }, run "pcall(function() c.state.n = 7 error 'fault' end) return c.state")
    assert.same({ n = 7 }, run "return c.state")
  end)

  it("goes with save_state, and only what follows that is undone", function()
    local _, run = open()
    local text = [[
      local s = c.state
      s.n = 2
      self:save_state()
      s.n, s.more = 3, 1
      if ... then error(UserError "no") end
      return c.state == s]]
    assert.equal("user_error", code_of(run, text, true))
    assert.same({ n = 2 }, run "return c.state")
    assert.is_true(run(text))
    assert.same({ n = 3, more = 1 }, run "return c.state")
    run "c.state = { new = 1 } self:save_state() c.state = nil self:save_state() c.state = 5"
    assert.equal(5, run "return c.state")
    assert.equal("user_error", code_of(run, "c.state = 6 self:save_state() c.state = nil error(UserError 'no')"))
    assert.equal(6, run "return c.state")
  end)

  it("is undone with a commit that fails, also where it was saved in the middle", function()
    local host, run, c = open({ errors = true })
    host:fail_next "write"
    assert.equal("storage_error", code_of(run, "c.state.n = 2"))
    assert.same({ n = 1 }, run "return c.state")
    host:fail_next "write"
    assert.equal("storage_error", code_of(run, "c.state.n = 2 self:save_state() c.state.n = 3"))
    assert.same({ n = 1 }, run "return c.state")
    assert.is_nil((c:closed()))
  end)

  it("of others can be looked at and set by any call of the actor", function()
    local host, run = open()
    local other = host:connect("Hall", "h")
    hall.run(host, "h", "for i, c in ipairs(self.connections) do c.state.seat = i end")
    assert.same({ n = 1, seat = 2 }, other:call("run", "return c.state"))
    assert.same({ n = 1, seat = 1 }, run "return c.state")
    host:actor("Hall", "far"):run([[self:actor("Hall", "h"):run("self.connections[2].state = 'far'")]])
    assert.equal("far", other:call("run", "return c.state"))
  end)

  it("costs a commit only where it has changed", function()
    local host, run = open()
    run "c.state = { n = 1, list = { 1, 2, 3 }, name = 'ann', x = {}, y = { z = 1 } }"
    -- in these the order of a walk varies
    run "for i = 1, 40 do c.state['k' .. i * i] = { i, [-i] = i, [i .. 'x'] = i } end"
    local before = host:stats().commits
    run "local n = 0 for _ in pairs(c.state) do n = n + 1 end return n"
    run "c.state.n = 1"
    run "c.state = c.state"
    run "c.state.n = 2 c.state.n = 1"
    hall.run(host, "h", "return #self.connections")
    assert.equal(before, host:stats().commits)
    run "c.state = 5"
    run "c.state = 5"
    run "c.state = nil"
    run "c.state = nil"
    assert.equal(before + 2, host:stats().commits)
  end)

  it("is bounded, at the assignment and when the call ends", function()
    local _, run = open({ errors = true })
    local limit = "connection.state: more than 16384 bytes, the limit of a connection's state "
                  .. "(--limit-connection-state-bytes)"
    local largest = 16384 - 3                                        -- and the head of a string
    run("c.state = ('x'):rep(...)", largest)
    assert.equal(largest, run "return #c.state")
    local failure = failure_of(run, "c.state = ('x'):rep(...)", largest + 1)
    assert.same({ "payload_too_large", "run:1: " .. limit }, { failure.code, failure.message })
    assert.same({ "payload_too_large", limit, largest }, run([[
      local _, e = pcall(function(size) c.state = { ("x"):rep(size) } end, ...)
      return array { e.code, e.message, #c.state }]], largest + 1))
    run "c.state = {}"
    failure = failure_of(run, "self.kv:put('a', 1) c.state.x = ('x'):rep(20000)")
    assert.same({ "payload_too_large", limit }, { failure.code, failure.message })
    assert.same({}, run "return c.state")
    assert.equal(0, run "return self.kv:count()")
    assert.equal("payload_too_large", run [[
      c.state.x = ("x"):rep(20000)
      local _, e = pcall(self.save_state, self)
      c.state.x = 1
      return e.code]])
    assert.same({ x = 1 }, run "return c.state")
  end)

  it("is bounded by its flag", function()
    local _, run = open({ limits = { connection_state_bytes = 100 } })
    run "c.state = ('x'):rep(98)"
    refuses("more than 100 bytes", run, "c.state = ('x'):rep(99)")
  end)

  it("counts for the commit of its call", function()
    local _, run = open({ limits = { commit_bytes = 1000 } })
    refuses("--limit-commit-bytes", run, "c.state = ('x'):rep(1000)")
    refuses("--limit-commit-bytes", run, "self.kv:put(1, ('x'):rep(500)) c.state = ('x'):rep(500)")
    refuses("--limit-commit-bytes", run, "self.kv:put(1, ('x'):rep(500)) c.state.x = ('x'):rep(500)")
    run "for i = 1, 100 do c.state = ('x'):rep(900) c.state = ('y'):rep(900) end"
    assert.equal(("y"):rep(900), run "return c.state")
  end)

  it("that cannot be saved is an error with its place, and leaves what was", function()
    local _, run = open({ errors = true })
    for text, expected in pairs {
      ["c.state = print"] = "run:1: connection.state: a function cannot be saved or sent",
      ["c.state = { a = { [5] = coroutine.create(print) } }"] =
        "run:1: connection.state.a[5]: a thread cannot be saved or sent",
      ["c.state = self"] = "run:1: connection.state: a userdata cannot be saved or sent",
      ["c.state = c"] = "run:1: connection.state: a connection cannot be saved or sent",
      ["c.state = setmetatable({}, {})"] = "run:1: connection.state: a table with a metatable cannot be saved",
      ["c.state = { x = rpc }"] = "run:1: connection.state.x: a userdata cannot be saved or sent",
      ["c.state = { [{}] = 1 }"] = "run:1: connection.state: a key cannot be a table",
      ["local t = {} for i = 1, 101 do t = { t } end c.state = t"] = "tables are nested more than 100 deep",
      ["c.state.x = { print }"] = "connection.state.x[1]: a function cannot be saved or sent",
      ["setmetatable(c.state, {})"] = "connection.state: a table with a metatable cannot be saved",
    } do
      refuses(expected, run, text)
      assert.same({ n = 1 }, run "return c.state", text)
    end
    assert.same({ n = 1 }, run "pcall(function() c.state = print end) return c.state")
  end)

  for _, hooks in ipairs { { on_before_connect = "return { n = 1 }" },
                           { on_before_connect = "return { n = 1 }", on_disconnect = "assert(c.state.n == 2)" } } do
    local heard = hooks.on_disconnect and ", which on_disconnect hears," or ""
    it("is gone with its connection" .. heard .. " and setting it then is an error", function()
      local host, run, c = open({ errors = true }, hooks)
      hall.run(host, "h", "run.kept = self.connections[1] run.table = run.kept.state")
      run "c.state.n = 2"
      host:checkpoint()
      local with = host:entries()
      c:close()
      host:checkpoint()
      assert.equal(with - 1, host:entries())
      assert.is_true(hall.run(host, "h", "run.table.n = 5 return run.kept.state == nil"))
      refuses("run:1: connection.state: this connection has ended", hall.run, host, "h", "run.kept.state = 1")
      host:checkpoint()
      assert.equal(with - 1, host:entries())
    end)
  end

  it("can be set after the connection was disconnected, until that has ended", function()
    local host, run = open({}, { on_disconnect = "self:note(nil, c.state)" })
    run "c:disconnect() c.state = { why = 'kicked' }"
    host:run()
    assert.same({ { why = "kicked" } }, host:actor("Hall", "h"):notes())
  end)

  it("does not outlive the host, nor does what a crash has left of it", function()
    local host = open()
    host:checkpoint()
    host:crash()
    host:reopen()
    local c = host:connect("Hall", "h", { params = 1 })
    assert.same({ n = 1 }, c:call("run", "return c.state"))
    c:close()
    host:checkpoint()
    local bare = hall.open()
    bare:actor("Hall", "h"):notes()
    bare:checkpoint()
    assert.equal(bare:entries(), host:entries())
  end)

  it("goes with its actor", function()
    local bare = hall.open()
    for _, text in ipairs { "", "self:destroy()" } do hall.run(bare, "h", text) end
    bare:checkpoint()
    local host, run, c = open()
    run "self:destroy() c.state = { n = 2 }"
    assert.equal(4001, (c:closed()))
    host:checkpoint()
    assert.equal(bare:entries(), host:entries())
  end)
end)
