-- self:save_state() splits a call in two commits; migrate_state brings old states up.
local files = require "spec.support.files"
local hosts = require "spec.support.hosts"

local saver = hosts.class("Saver", [[
  function Class:initialize_state() return { n = 0 } end
  function Class:get() return { self.state.n, self.kv:get("k"), self.field } end
  function Class:run(_, how)
    self.state.n, self.field = 1, "one"
    self.kv:put("k", 1)
    self:save_state()
    self.state.n, self.field = 2, "two"
    self.kv:put("k", 2)
    if how == "again" then self:save_state() end
    if how == "fail" or how == "again" then error(UserError("after the save")) end
    return self.state.n
  end
  function Class:many() for i = 1, 20 do self.state.n = i; self:save_state() end return self.state.n end
  function Class:nothing() self:save_state(); return "saved nothing" end
  function Class:bad(_, how)
    if how == "sort" then table.sort({ 3, 2, 1 }, function(a, b) self:save_state(); return a < b end) end
    if how == "dot" then self.save_state() end
    if how == "twice" then self.state.a = {}; self.state.b = self.state.a; self:save_state() end
    if how == "caught" then
      self.state.a = {}
      self.state.b = self.state.a
      pcall(self.save_state, self)
      self.state.b = nil
    end
    if how == "loop" then self:save_state(); while true do end end
  end
  function Class:on_stop() if self.state.save_on_stop then self:save_state() end end
]])

local function open(options)
  local host = hosts.open({ ["saver.lua"] = saver }, options)
  return host, host:actor("Saver", "s")
end

describe("save_state", function()
  after_each(hosts.close_all)

  it("keeps what was saved when the rest fails, in memory and on disk", function()
    local host, actor = open()
    assert.equal(2, actor:run())
    assert.same({ 2, 2, "two" }, actor:get())
    assert.equal("after the save", hosts.failure_of(actor.run, actor, "fail").message)
    assert.same({ 1, 1, "one" }, actor:get())
    host:crash()
    assert.same({ 1, 1 }, actor:get())
    assert.equal("after the save", hosts.failure_of(actor.run, actor, "again").message)
    assert.same({ 2, 2, "two" }, actor:get())
    host:crash()
    assert.same({ 2, 2 }, actor:get())
  end)

  it("is for methods: a hook cannot save, and leaves nothing half made", function()
    for _, hook in ipairs { "initialize_state", "on_start", "migrate_state", "on_before_connect", "inspect_state" } do
      local host = hosts.open({ ["hook.lua"] = hosts.class("Hook", "function Class:initialize_state() return {} end " ..
        "function Class:get() return 1 end function Class:" .. hook .. "() self:save_state(); return {} end") },
        { errors = true })
      local actor = host:actor("Hook", "h")
      if hook == "migrate_state" then
        assert.equal(1, actor:get())
        local source = hosts.class("Hook", "Class.state_version = 2 function Class:initialize_state() return {} end " ..
          "function Class:get() return 1 end function Class:migrate_state() self:save_state() end")
        files.write(host.folder .. "/hook.lua", source)
        host:reload()
      end
      local look = hook == "inspect_state" and function() actor:get(); return host:inspect("Hook", "h") end or actor.get
      assert.matches("only a method can save", hosts.failure_of(look, actor).message)
    end
  end)

  it("creates the actor with its first commit", function()
    local host, actor = open()
    hosts.failure_of(actor.run, actor, "fail")
    host:crash()
    assert.same({ 1, 1 }, actor:get())
  end)

  it("returns when it is durable, and lets other actors go on meanwhile", function()
    local host, actor = open()
    actor:nothing()
    local other = host:actor("Saver", "other")
    other:nothing()
    host:hold(true)
    local run, get = host:start("Saver", "s", "run"), host:start("Saver", "s", "get")
    local free = host:start("Saver", "other", "get")
    host:run()
    assert.is_true(free:is_done())
    assert.is_false(run:is_done() or get:is_done())
    host:hold(false)
    assert.equal(2, run:get())
    assert.same({ 2, 2, "two" }, get:get())
    assert.equal(20, actor:many())
    assert.equal("saved nothing", actor:nothing())
  end)

  it("fails with its batch; the actor is as it was before", function()
    local host, actor = open { errors = true }
    actor:nothing()
    host:fail_next "write"
    local run, get = host:start("Saver", "s", "run"), host:start("Saver", "s", "get")
    assert.equal("storage_error", hosts.failure_of(run.get, run).code)
    assert.same({ 0 }, get:get())
    assert.equal(2, actor:run())
    host:fail_next "sync"
    local lost = host:start("Saver", "s", "many")
    assert.equal("connection_lost", hosts.failure_of(lost.get, lost).code)
    local found = actor:get()
    assert.is_true(found[1] == 2 or found[1] == 1, "its first part may have happened or not, the others have not")
    assert.equal(2, found[2])
  end)

  it("in the call that creates the actor leaves the state what it is", function()
    local host = hosts.open { ["first.lua"] = hosts.class("First", [[
      function Class:initialize_state() return { n = 0 } end
      function Class:run()
        local state = self.state
        state.n = 1
        self:save_state()
        state.n = 2
      end]]) }
    host:actor("First", "f"):run()
    assert.equal(2, host:state("First", "f").n)
    host:crash()
    assert.equal(2, host:state("First", "f").n)
  end)

  it("of nothing returns after a failed write too", function()
    local host, actor = open { errors = true }
    actor:nothing()
    host:fail_next "write"
    hosts.failure_of(actor.run, actor)
    assert.equal("saved nothing", actor:nothing())
    assert.equal("saved nothing", host:actor("Saver", "new"):nothing())
  end)

  it("is refused where it cannot be kept, and a limit still ends the call after it", function()
    local host, actor = open { errors = true, limits = { call_cpu_ms = 100 } }
    local messages = { sort = "sort", dot = "colon", twice = "twice" }
    for how, message in pairs(messages) do
      assert.matches(message, hosts.failure_of(actor.bad, actor, how).message)
      assert.is_nil(host:state("Saver", "s"))
    end
    actor:bad "caught"
    assert.same({ n = 0, a = {} }, host:state("Saver", "s"))
    assert.equal("timeout", hosts.failure_of(actor.bad, actor, "loop").code)
    assert.same({ 0 }, actor:get())
  end)
end)

describe("migrate_state", function()
  after_each(hosts.close_all)

  local function version(body)
    return hosts.class("Old", "function Class:initialize_state() return { name = 'ann smith' } end " ..
      "function Class:get() return self.state end " .. body)
  end

  it("brings a state up with the call that wakes it, or not at all", function()
    local host = hosts.open({ ["old.lua"] = version "" }, { errors = true })
    local actor = host:actor("Old", "o")
    local function change(source)
      files.write(host.folder .. "/old.lua", version(source))
      host:reload()
    end
    assert.same({ name = "ann smith" }, actor:get())
    change [[
      Class.state_version = 3
      function Class:migrate_state(state, from)
        state.first = state.name:match "%a+"
        state.from = from
        error "not today"
      end]]
    assert.matches("not today", hosts.failure_of(actor.get, actor).message)
    change [[
      Class.state_version = 3
      function Class:migrate_state(state, from)
        state.first, state.from, state.name = state.name:match "%a+", from, nil
      end]]
    assert.same({ first = "ann", from = 1 }, actor:get())
    host:crash()
    assert.same({ first = "ann", from = 1 }, actor:get())
    change [[
      Class.state_version = 4
      function Class:migrate_state(state, from) return { whole = state, from = from } end]]
    assert.same({ whole = { first = "ann", from = 1 }, from = 3 }, actor:get())
    change "Class.state_version = 2"
    assert.matches("is of version 4; its class is of version 2", hosts.failure_of(actor.get, actor).message)
    change "Class.state_version = 'x'"
    assert.matches("a positive integer", hosts.failure_of(actor.get, actor).message)
    change "Class.state_version = 4"
    assert.equal(3, actor:get().from)
    local new = host:actor("Old", "new")
    assert.same({ name = "ann smith" }, new:get())
    host:crash()
    assert.same({ name = "ann smith" }, new:get())
  end)

  it("leaves the state of a class that is gone where it is", function()
    local host = hosts.open({ ["old.lua"] = version "", ["other.lua"] = hosts.class("Other", "") }, { errors = true })
    local actor = host:actor("Old", "o")
    actor:get()
    os.rename(host.folder .. "/old.lua", host.folder .. "/old.gone")
    host:reload()
    assert.equal("class_not_found", hosts.failure_of(actor.get, actor).code)
    os.rename(host.folder .. "/old.gone", host.folder .. "/old.lua")
    host:reload()
    assert.same({ name = "ann smith" }, actor:get())
  end)
end)
