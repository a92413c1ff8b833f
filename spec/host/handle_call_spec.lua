-- What a script hears of a call that it makes through a handle: results, and errors as they were made.
local hosts = require "spec.support.hosts"

local env = [[
  local env = { tostring = tostring, pcall = pcall, error = error, UserError = UserError, null = null, array = array,
    type = type, select = select, math = math, assert = assert }
  function Class:run(rpc, text, ...) return load(text, "=run", "t", env)(self, rpc, ...) end
]]

local function open(options, more)
  local files = { ["caller.lua"] = hosts.class("Caller", env), ["other.lua"] = hosts.class("Other", env) }
  for name, text in pairs(more or {}) do files[name] = text end
  options = options or {}
  options.errors = true
  if options.dev == nil then options.dev = false end
  local host = hosts.open(files, options)
  local actor = host:actor("Caller", "c")
  local head = "local self, rpc = ... local other = self:actor('Other', 'o') "
  return host, function(text, ...) return actor:run(head .. text, ...) end
end

describe("A call through a handle", function()
  after_each(hosts.close_all)

  it("gives back the first result, as a kv could hold it", function()
    local _, run = open()
    for result, expected in pairs {
      ["1"] = "1", ["1.0"] = "1.0", ["'a\\0b'"] = "a\0b", ["true, 2"] = "true", [""] = "nil", ["nil"] = "nil",
      ["null"] = "nil", ["0/0 ~= 0/0"] = "true", ["self:actor('Other', 'x')"] = "Other/x", ["rpc.caller"] = "actor",
      ["rpc.actor"] = "Caller/c", ["rpc.actor == self:actor('Caller', 'c')"] = "true", ["rpc.idempotency_key"] = "nil",
    } do
      assert.equal(expected, run(([[
        return tostring((other:run("local self, rpc = ... return %s")))
      ]]):format(result)))
    end
    assert.equal(1, run [[
      local t = other:run [=[
        local shared = { 0 }
        return { shared, shared, [true] = array {}, n = 1 / 0, o = null }
      ]=]
      assert(t[1] == t[2] and t[1][1] == 0 and t.n == math.huge and t.o == null and #t[true] == 0)
      return select("#", other:run "return 1, 2, 3")
    ]])
  end)

  it("hands over copies of its arguments, which may hold nil and one table twice", function()
    local _, run = open()
    assert.equal("5 nil x nil true", run [[
      local t = { 1 }
      local text = other:run([=[
        local _, _, a, b, c, d, t, u = ...
        u[1] = 2
        return ("%s %s %s %s %s"):format(a, b, c, d, t == u)
      ]=], 5, nil, "x", null, t, t)
      return t[1] == 1 and text
    ]])
    assert.equal(5, run "return other:run('return select(\"#\", ...)', nil, nil, nil)")      -- self and rpc too
    assert.equal("Other/z", run [[
      return tostring(other:run("return (select(3, ...))", self:actor("Other", "z", { timeout = 1 })))
    ]])
  end)

  it("raises a UserError as it was made", function()
    local _, run = open()
    local made = [[
      error(UserError("Not enough money", { code = "insufficient_funds", metadata = { balance = 3, of = { 1 } } }))
    ]]
    local text = ([[
      local ok, e = pcall(other.run, other, %q)
      assert(not ok and type(e) == "table" and tostring(e) == "Not enough money")
      return { e.message, e.code, e.metadata }
    ]]):format(made)
    assert.same({ "Not enough money", "insufficient_funds", { balance = 3, of = { 1 } } }, run(text))
    local failure = hosts.failure_of(run, ("other:run %q"):format(made))
    assert.same({ "Not enough money", "insufficient_funds", { balance = 3, of = { 1 } } },
                { failure.message, failure.code, failure.metadata })
    failure = hosts.failure_of(run, [[
      other:run("(...):actor('Other', 'deep'):run(select(3, ...))", "error(UserError 'no')")
    ]])
    assert.same({ "no", "user_error" }, { failure.message, failure.code })
  end)

  it("raises an error of the host with its code, and with at most three of those that it came through", function()
    local _, run = open { limits = { value_bytes = 2000 } }
    local cause = "value: more than 2000 bytes, the limit of a value (--limit-value-bytes)"
    local text, expected = [[ local self = ... self.kv:put("k", ("x"):rep(3000)) ]], cause
    for hop = 1, 5 do
      if hop <= 3 then expected = ("Other/h%d.run: %s"):format(hop, expected) end
      text = ("local self = ... self:actor('Other', 'h%d'):run(%q)"):format(hop, text)
      local found = run(([[
        local ok, e = pcall(function() %s end)
        return { e.code, e.message, e.hops, e.place }
      ]]):format((text:gsub("^local self = %.%.%. ", ""))))
      assert.same({ "payload_too_large", expected, math.min(hop, 3), "run:1: " }, found)
    end
    local failure = hosts.failure_of(run, text)
    assert.same({ "payload_too_large", expected }, { failure.code, failure.message })
  end)

  it("tells of an error of the other's script no more than that there was one", function()
    local host, run = open()
    local found = run [[ local ok, e = pcall(other.run, other, "error 'secret'") return { e.code, e.message } ]]
    assert.same({ "internal_error", "Other/o.run: the actor failed; the host's log says how" }, found)
    assert.matches("class=Other.*secret", host:log())
    local failure = hosts.failure_of(run, [[ other:run "error 'secret'" ]])
    assert.same({ "internal_error", "the actor failed; the host's log says how" }, { failure.code, failure.message })
    local _, dev_run = open { dev = true }
    assert.matches("Other/o%.run: run:1: secret", hosts.failure_of(dev_run, [[ other:run "error 'secret'" ]]).message)
  end)

  it("that asks for what is not there is caught with its code, and is internal_error to a client", function()
    local _, run = open()
    local asks = {
      actor_not_found = "self:actor('Other', 'nobody', { create = false }):run 'return 1'",
      method_not_found = "other:nothing()",
      class_not_found = "self:actor('Nobody', 'x')",
    }
    for code, text in pairs(asks) do
      assert.equal(code, run(("local _, e = pcall(function() %s end) return e.code"):format(text)), code)
      assert.equal("internal_error", hosts.failure_of(run, text).code)
    end
    assert.equal("Other/nobody.run: this actor does not exist",
                 run("local _, e = pcall(function() " .. asks.actor_not_found .. " end) return e.message"))
  end)

  it("gives its options along: input, and a key by which it runs once", function()
    local tally = hosts.class("Tally", [[
      function Class:initialize_state(input) return { n = input and input.n or 0 } end
      function Class:add(rpc, n)
        self.state.n = self.state.n + n
        return self.state.n .. " " .. tostring(rpc.idempotency_key)
      end
    ]])
    local _, run = open(nil, { ["tally.lua"] = tally })
    assert.equal("11 nil", run "return self:actor('Tally', 't', { input = { n = 10 } }):add(1)")
    assert.equal("12 nil", run "return self:actor('Tally', 't', { input = { n = 50 } }):add(1)")
    assert.equal("13 k-1", run "return self:actor('Tally', 't', { idempotency_key = 'k-1' }):add(1)")
    assert.equal("13 k-1", run "return self:actor('Tally', 't', { idempotency_key = 'k-1' }):add(1)")
    assert.equal("14 nil", run "return self:actor('Tally', 't'):add(1)")
  end)

  it("may be made by hooks and in coroutines; a stored handle has no options any more", function()
    local hooked = hosts.class("Hooked", [[
      function Class:initialize_state() return { first = self:actor("Other", "o"):run "return 1" } end
      function Class:on_start() self.started = self:actor("Other", "o"):run "return 2" end
      function Class:on_before_connect() self.admitted = self:actor("Other", "o"):run "return 3" end
      function Class:inspect_state() return self:actor("Other", "o"):run "return 4" end
      function Class:get()
        self.state.handle = self:actor("Other", "absent", { create = false })
        self.handle = self:actor("Other", "absent", { create = false })
        local in_coroutine = coroutine.wrap(function() return self:actor("Other", "o"):run "return 5" end)()
        local ok = pcall(self.handle.run, self.handle, "return 6")
        return { self.state.first, self.started, self.admitted, in_coroutine, ok, self.state.handle:run "return 6" }
      end
    ]])
    local host = open(nil, { ["hooked.lua"] = hooked })
    assert.same({ 1, 2, 3, 5, false, 6 }, host:actor("Hooked", "h"):get())
  end)
end)
