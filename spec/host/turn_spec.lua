-- A call happens wholly or not at all.
local hosts = require "spec.support.hosts"

local box = hosts.class("Box", [[
  function Class:initialize_state(input)
    if input == "bad" then error "no such box" end
    return { a = 1, list = { 1, 2 }, deep = { x = { y = "old" } } }
  end
  function Class:on_start()
    if self.fail_start then error "never" end
    self.started = (self.started or 0) + 1
  end
  local function change(self)
    self.state.a = 2
    table.insert(self.state.list, 3)
    self.state.deep.x.y = "new"
    self.state.deep.z = { plain = true }
    self.kv:put({ "k", 1 }, "one")
    self.kv:put("other", { 1, 2, 3 })
    self.kv:delete("kept")
    self.note = "set"
    self.started = 100
  end
  function Class:prepare() self.kv:put("kept", "value") end
  function Class:change() change(self) end
  function Class:change_and_fail(_, how)
    change(self)
    if how == "user" then error(UserError("no", { code = "refused", metadata = { why = 1 } })) end
    if how == "loop" then while true do end end
    if how == "memory" then local t = {}; for i = 1, 1e9 do t[i] = ("x"):rep(1000) .. i end end
    if how == "result" then return function() end end
    if how == "state" then self.state.bad = { self.state.deep } end
    if how == "coroutine" then coroutine.wrap(function() error "inside" end)() end
    if how == "yield" then coroutine.yield() end
    error "broken"
  end
  function Class:fields() return { self.note, self.started } end
  function Class:caught()
    pcall(function() change(self); error "caught" end)
  end
]])

local before = { a = 1, list = { 1, 2 }, deep = { x = { y = "old" } } }

describe("A turn", function()
  after_each(hosts.close_all)

  local function assert_untouched(host)
    assert.same(before, host:state("Box", "b"))
    assert.same({ { key = { "kept" }, value = "value" } }, host:kv("Box", "b"))
  end

  for how, code in pairs {
    user = "refused", loop = "timeout", memory = "out_of_memory", result = "internal_error", state = "internal_error",
    coroutine = "internal_error", yield = "internal_error", other = "internal_error",
  } do
    it("that fails leaves nothing behind: " .. how, function()
      local host = hosts.open({ ["box.lua"] = box },
        { errors = true, limits = { call_cpu_ms = how == "loop" and 100 or 30000, call_bytes = 16 * 1024 * 1024 } })
      local actor, neighbour = host:actor("Box", "b"), host:actor("Box", "n")
      actor:prepare()
      local failure = hosts.failure_of(actor.change_and_fail, actor, how)
      assert.equal(code, failure.code)
      assert_untouched(host)
      assert.same({ [2] = 1 }, actor:fields())
      host:crash()
      assert_untouched(host)
      neighbour:prepare()
      actor:change()
      assert.equal("new", host:state("Box", "b").deep.x.y)
    end)
  end

  it("that catches its error keeps what it did", function()
    local host = hosts.open { ["box.lua"] = box }
    host:actor("Box", "b"):caught()
    assert.equal("new", host:state("Box", "b").deep.x.y)
    assert.equal("one", host:kv("Box", "b")[1].value)
  end)

  it("that fails in initialize_state or before the method creates nothing", function()
    local host = hosts.open({ ["box.lua"] = box }, { errors = true })
    local bad = host:actor("Box", "b", { input = "bad" })
    assert.equal("internal_error", hosts.failure_of(bad.change, bad).code)
    assert.is_nil(host:state("Box", "b"))
    local good = host:actor("Box", "b")
    assert.equal("method_not_found", hosts.failure_of(good.nothing, good).code)
    assert.is_nil(host:state("Box", "b"))
    good:prepare()
    assert.same(before, host:state("Box", "b"))
  end)

  it("with create = false does not create", function()
    local host = hosts.open { ["box.lua"] = box }
    local actor = host:actor("Box", "b", { create = false })
    assert.equal("actor_not_found", hosts.failure_of(actor.prepare, actor).code)
    host:actor("Box", "b"):prepare()
    actor:prepare()
  end)

  it("keeps keys apart that look alike", function()
    local host = hosts.open { ["box.lua"] = box }
    for _, key in ipairs { "1", { "1", "1" }, { "1\0" .. "1" }, { { "1" } } } do host:actor("Box", key):change() end
    host:actor("Box", 1):prepare()
    assert.same(before, host:state("Box", 1.0))
    assert.equal(2, host:state("Box", "1").a)
  end)
end)
