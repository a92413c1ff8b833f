-- The end of an actor: self:destroy(), on_destroy, what an operator destroys, and what is left, which is nothing.
local hosts = require "spec.support.hosts"
local spread = require "spec.support.spread"
local room = require "spec.support.room"

local function open(options)
  return hosts.open({ ["room.lua"] = room }, options)
end

local code_of = hosts.code_of

describe("An actor that is destroyed", function()
  after_each(hosts.close_all)

  it("leaves nothing on disk, in one commit of the same few bytes, however much there was", function()
    local host = open()
    host:actor("Room", "a"):life()
    host:checkpoint()
    local before, bytes = host:entries(), {}
    for i, count in ipairs { 1, 2000 } do
      local name = "r" .. i
      host:actor("Room", name, { idempotency_key = "fill" }):fill(count)
      host:checkpoint()
      assert(host:entries() > before + count)
      local stats = host:stats()
      assert.equal("gone", host:actor("Room", name, { idempotency_key = "go" }):go "gone")
      bytes[i] = host:stats().bytes - stats.bytes
      assert.equal(stats.commits + 1, host:stats().commits)
      assert.is_nil(host:state("Room", name))
      host:checkpoint()
      assert.equal(before, host:entries())
    end
    assert.equal(bytes[1], bytes[2])
    assert(bytes[1] < 200, bytes[1])
  end)

  it("is gone after a crash too, and stays until the call has ended well", function()
    local host = open()
    local a = host:actor("Room", "a")
    local life = a:fill(10)
    assert.equal("user_error", code_of(a.fail, a))
    assert.equal(life, a:life())
    assert.equal(10, a:count())
    a:go()
    host:crash()
    assert.is_nil(host:state("Room", "a"))
    local without = host:actor("Room", "a", { create = false })
    assert.equal("actor_not_found", code_of(without.life, without))
    assert.equal(0, a:count())
  end)

  it("begins anew with the next call, with its input, and nothing of before is seen", function()
    local host = open()
    host:actor("Room", "a"):fill(3)
    host:actor("Room", "a"):go()
    assert.equal(0, host:actor("Room", "a", { input = "new" }):count())
    assert.equal("new", host:state("Room", "a").input)
    host:checkpoint()
    host:crash()
    assert.equal(0, host:actor("Room", "a"):count())
    assert.equal("new", host:state("Room", "a").input)
  end)

  it("works on until its call ends, and what it does is thrown away", function()
    local host = open { errors = true }
    host:actor("Room", "a"):life()
    host:checkpoint()
    local before = host:entries()
    local b = host:actor("Room", "b")
    b:fill(5)
    assert.same({ 3, 1, 1 }, b:works_on())
    b:fill(5)
    assert.is_nil(b:leaves_rubbish())
    b:fill(5)
    assert.equal(5, b:in_a_loop())
    assert.matches("another call", hosts.failure_of(b.goes_on_with_it, b).message)
    b:go()
    host:checkpoint()
    assert.equal(before, host:entries())
  end)

  it("answers what its method returned, even if on_destroy changes that", function()
    local host = hosts.open({ ["box.lua"] = hosts.class("Box", [[
      function Class:initialize_state() return { words = { "a" } } end
      function Class:on_destroy() self.state.words[1] = "changed"; return "not this" end
      function Class:go() self:destroy(); return self.state.words end
      function Class:bad() self:destroy(); return print end
    ]]) }, { errors = true })
    assert.same({ "a" }, host:actor("Box", "a"):go())
    local b = host:actor("Box", "b")
    assert.matches("result", hosts.failure_of(b.bad, b).message)
    assert.is_nil(host:state("Box", "b"))
  end)

  it("is destroyed once, however often it says so, and in coroutines and pcall too", function()
    local host = open()
    for _, method in ipairs { "twice", "caught", "in_a_coroutine" } do
      local a = host:actor("Room", "a")
      a:life()
      host:log()
      a[method](a)
      local _, times = host:log():gsub("is destroyed", "")
      assert.equal(1, times, method)
      assert.is_nil(host:state("Room", "a"), method)
    end
  end)

  it("leaves nothing if the call that destroys it has made it", function()
    local host = open()
    host:actor("Room", "a"):life()
    host:checkpoint()
    local before, stats = host:entries(), host:stats()
    assert.equal("r", host:actor("Room", "b", { idempotency_key = "k" }):go "r")
    assert.equal(stats.commits, host:stats().commits)
    assert.is_nil(host:state("Room", "b"))
    assert.is_nil(host:state("Room", "c"))
    assert.equal(3, host:actor("Room", "c"):saves_first() + 1)
    assert.is_nil(host:state("Room", "c"))
    host:checkpoint()
    assert.equal(before, host:entries())
  end)

  it("takes its idempotency keys along: a repeat finds the next one", function()
    local host = open()
    host:actor("Room", "a"):life()
    local first = host:actor("Room", "a", { idempotency_key = "k" })
    assert.equal("once", first:go "once")
    local careful = host:actor("Room", "a", { idempotency_key = "k", create = false })
    assert.equal("actor_not_found", code_of(careful.go, careful, "once"))
    assert.equal("once", first:go "once")
    assert.is_nil(host:state("Room", "a"))
  end)

  it("stays as it saved itself, if the call then fails", function()
    local host = open()
    local a = host:actor("Room", "a")
    assert.equal("user_error", code_of(a.saves_and_fails, a))
    assert.equal(1, a:count())
    assert.equal(2, a:saves_first())
    assert.is_nil(host:state("Room", "a"))
  end)

  it("does not run on_stop, and what others kept of it is dead", function()
    local host = open { errors = true }
    local a, b = host:actor("Room", "a"), host:actor("Room", "b")
    a:keep()
    a:go()
    assert.is_nil(host:log():find "stops")
    for _, method in ipairs { "of_others", "words_of_others" } do
      assert.equal("internal_error", code_of(b[method], b))
      assert.equal("internal_error", code_of(a[method], a))
    end
  end)
end)

describe("self:destroy()", function()
  after_each(hosts.close_all)

  it("is of methods alone, wants its colon, and nothing can be saved behind it", function()
    local host = open { errors = true }
    local a = host:actor("Room", "a")
    a:keep()
    for how, what in pairs { dot = "self", nothing = "self", other = "colon" } do
      local ok, failure = pcall(host.actor(host, "Room", how == "other" and "b" or "a").by_another, nil, how)
      assert.is_false(ok, how)
      assert(failure.message:find(what, 1, true), failure.message)
      assert.is_table(host:state("Room", "a"))
    end
    assert.matches("save_state: this call destroys", hosts.failure_of(a.destroy_and, a, "save").message)
    assert.is_table(host:state("Room", "a"))
    assert.equal("method_not_found", code_of(a.destroy, a))
    assert.equal("method_not_found", code_of(a.on_destroy, a))
  end)

  for _, hook in ipairs { "initialize_state", "on_start", "on_before_connect", "migrate_state" } do
    it("is an error in " .. hook, function()
      local body = [[
        %s
        function Class:initialize_state() return {} end
        function Class:%s(...) if self.key[1] == "bad" then self:destroy() end; return {} end
        function Class:get() return 1 end]]
      local host = hosts.open({ ["hook.lua"] = hosts.class("Hook", body:format("", hook)) }, { errors = true })
      if hook == "migrate_state" then
        host:actor("Hook", "bad"):get()
        host:crash()
        local text = hosts.class("Hook", body:format("Class.state_version = 2", hook))
        require("spec.support.files").write(host.folder .. "/hook.lua", text)
      end
      assert.equal(1, host:actor("Hook", "good"):get())
      local bad = host:actor("Hook", "bad")
      assert.matches("not a hook", hosts.failure_of(bad.get, bad).message)
    end)
  end

  it("is an error in on_stop, on_destroy and inspect_state", function()
    local host = hosts.open({ ["hook.lua"] = hosts.class("Hook", [[
      function Class:initialize_state() return {} end
      function Class:on_stop() self:destroy() end
      function Class:on_destroy() self:destroy() end
      function Class:inspect_state() self:destroy() end
      function Class:get() return 1 end
      function Class:go() self:destroy() end
    ]]) }, { errors = true })
    local a = host:actor("Hook", "a")
    a:get()
    assert.matches("not a hook", hosts.failure_of(host.inspect, host, "Hook", "a").message)
    assert.matches("not a hook", hosts.failure_of(a.go, a).message)
    host:sleep("Hook", "a")
    assert.matches("on_stop.*not a hook", host:log())
    assert.is_table(host:state("Hook", "a"))
  end)
end)

describe("on_destroy", function()
  after_each(hosts.close_all)

  it("keeps the actor by an error, as it was before the call", function()
    local host = open { errors = true }
    local a = host:actor("Room", "a")
    local life = a:fill(3)
    local codes = { error = "not_now", fault = "internal_error", save = "internal_error", destroy = "internal_error" }
    for farewell, code in pairs(codes) do
      a:with(farewell)
      assert.equal(code, code_of(a.works_on, a), farewell)
      assert.equal(life, a:life())
      assert.equal(4, a:count())
      assert.same({ "a", "b" }, host:state("Room", "a").words)
    end
    a:with(false)
    assert.is_nil(a:go())
    assert.is_nil(host:state("Room", "a"))
  end)

  for workers = 1, 2 do
    it(("may call others, on %d workers, and what those did leaves with the answer"):format(workers), function()
      local next_key = spread.keys(2, "Room", "r")
      local one, two = next_key(), next_key()
      local host = open { workers = workers }
      local a, b = host:actor("Room", one), host:actor("Room", two)
      a:with { two, "farewell" }
      b:life()
      assert.equal("gone", a:go "gone")
      assert.equal("farewell", b:noted())
      assert.is_nil(host:state("Room", one))
    end)
  end

  it("is bounded as its call is", function()
    local host = hosts.open({ ["endless.lua"] = hosts.class("Endless", [[
      function Class:initialize_state() return {} end
      function Class:on_destroy() while true do end end
      function Class:go() self:destroy() end
      function Class:get() return 1 end
    ]]) }, { limits = { call_cpu_ms = 20 }, errors = true })
    local a = host:actor("Endless", "a")
    a:get()
    assert.equal("timeout", code_of(a.go, a))
    assert.equal(1, a:get())
    assert.equal("timeout", code_of(host.destroy, host, "Endless", "a"))
    assert.is_table(host:state("Endless", "a"))
  end)
end)

describe("An operator", function()
  after_each(hosts.close_all)

  it("destroys an actor, whose on_destroy runs; the log says so; one that does not exist is not made", function()
    local host = open()
    host:actor("Room", "b"):life()
    host:checkpoint()
    local before = host:entries()
    host:actor("Room", "a"):fill(5)
    host:log()
    assert.is_nil(host:destroy("Room", "a"))
    local log = host:log()
    assert.matches("is destroyed", log)
    assert.matches('destroyed by an operator class=Room key="\\"a\\""', log)
    assert.equal("actor_not_found", code_of(host.destroy, host, "Room", "a"))
    assert.equal("class_not_found", code_of(host.destroy, host, "Nothing", "a"))
    host:checkpoint()
    assert.equal(before, host:entries())
  end)

  it("destroys one that is asleep, and waits for the calls before", function()
    local host = open()
    host:actor("Room", "a"):fill(5)
    host:crash()
    host:destroy("Room", "a")
    assert.is_nil(host:state("Room", "a"))
    local filled = host:start("Room", "a", "fill", 2)
    local destroyed = host:start_destroy("Room", "a")
    local count = host:start("Room", "a", "count")
    assert.is_number(filled:get())
    assert.is_nil(destroyed:get())
    assert.equal(0, count:get())
  end)

  it("is told in full why on_destroy failed", function()
    local host = open { dev = false, errors = true }
    local a = host:actor("Room", "a")
    a:with "fault"
    assert.matches("cannot go", hosts.failure_of(host.destroy, host, "Room", "a").message)
    assert.equal(1, a:count())
    a:with "error"
    assert.equal("not_now", code_of(host.destroy, host, "Room", "a"))
    assert.is_nil(host:log():find "destroyed by an operator")
  end)
end)
