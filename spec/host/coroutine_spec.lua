-- Coroutines: that of a call is the host's, those of a script go on in the turn that resumes them, and what was stopped
-- stays stopped.
local hosts = require "spec.support.hosts"

local actors = {
  ["lib/kept.lua"] = "return {}",
  ["victim.lua"] = hosts.class("Victim", [[
    local kept, ways = require "lib.kept", require "lib.ways"
    function Class:initialize_state() return { n = 0, part = { x = 1 } } end
    function Class:fill(_, count) for i = 1, count do self.kv:put(i, i) end end
    function Class:keep() kept.thread = coroutine.running() end
    function Class:saves()
      kept.thread = coroutine.running()
      self.state.n = 1
      self:save_state()
      self.state.n = 2
      return "saved"
    end
    function Class:pauses()
      kept.thread = coroutine.running()
      return self.kv:delete_range()
    end
    function Class:fails() kept.thread = coroutine.running() error "on purpose" end
    function Class:loops() kept.thread = coroutine.running() while true do end end
    function Class:try(_, how) return ways[how](kept.thread) end
  ]]),
  ["thief.lua"] = hosts.class("Thief", [[
    local kept, ways = require "lib.kept", require "lib.ways"
    function Class:try(_, how) return (ways[how](kept.thread)) end
  ]]),
  ["lib/ways.lua"] = [[
    local ways = {}
    function ways.resume(thread) return select(2, coroutine.resume(thread, "forged")) end
    function ways.close(thread) return select(2, pcall(coroutine.close, thread)) end
    function ways.wrap(thread)
      return select(2, pcall(coroutine.wrap(function() return select(2, coroutine.resume(thread)) end)))
    end
    function ways.close_within(thread) return coroutine.wrap(function() return ways.close(thread) end)() end
    return ways]],
}

local refusals = {
  resume = "cannot resume non%-suspended coroutine", wrap = "cannot resume non%-suspended coroutine",
  close = "cannot close a running coroutine", close_within = "cannot close a running coroutine",
}

describe("The coroutine of a call", function()
  after_each(hosts.close_all)

  for how, refusal in pairs(refusals) do
    it("cannot be taken over while it saves, by " .. how, function()
      local host = hosts.open(actors)
      local victim, thief = host:actor("Victim", "v"), host:actor("Thief", "t")
      victim:keep()
      thief:try "resume"
      host:hold(true)
      local saving, trying = host:start("Victim", "v", "saves"), host:start("Thief", "t", "try", how)
      host:run()
      host:hold(false)
      assert.matches(refusal, trying:get())
      assert.equal("saved", saving:get())
      assert.equal(2, host:state("Victim", "v").n)
      assert.matches(refusal, victim:try(how))
    end)

    it("cannot be taken over while it pauses, by " .. how, function()
      local host = hosts.open(actors, { pause_ms = 0 })
      local victim = host:actor("Victim", "v")
      victim:fill(50)
      local deleting = host:start("Victim", "v", "pauses")
      local trying, neighbour = host:start("Thief", "t", "try", how), host:start("Victim", "w", "try", how)
      assert.matches(refusal, trying:get())
      assert.matches(refusal, neighbour:get())
      assert.equal(50, deleting:get())
      assert.equal(0, #host:kv("Victim", "v"))
    end)

    it("cannot be taken over when its call has failed, by " .. how, function()
      local host = hosts.open(actors, { errors = true, limits = { call_cpu_ms = 100 } })
      for _, failing in ipairs { "fails", "loops" } do
        local victim = host:actor("Victim", failing)
        pcall(victim[failing], victim)
        assert.matches(refusal, host:actor("Thief", "t"):try(how))
        assert.matches(refusal, victim:try(how))
      end
    end)
  end

  it("is for scripts what the main thread is in a program", function()
    local host = hosts.open { ["a.lua"] = hosts.class("A", [[
      local loading, is_main = coroutine.running()
      function Class:look()
        local found = {}
        local thread, main = coroutine.running()
        found.same = thread == coroutine.running() and thread == loading
        found.main, found.type, found.loading = main, type(thread), is_main
        found.yieldable, found.status = coroutine.isyieldable(), coroutine.status(thread)
        local inner = coroutine.create(function()
          local own, own_main = coroutine.running()
          found.inner = own ~= thread and not own_main and coroutine.isyieldable() and coroutine.status(own)
          found.outer, found.outer_yieldable = coroutine.status(thread), coroutine.isyieldable(thread)
          coroutine.yield(1)
        end)
        coroutine.resume(inner)
        found.suspended = coroutine.status(inner)
        coroutine.close(inner)
        found.dead = coroutine.status(inner)
        return found
      end
      function Class:run_tasks()
        local home, order, tasks = coroutine.running(), {}, {}
        local function sleep()
          assert(coroutine.running() ~= home, "not at the top")
          coroutine.yield()
        end
        for name = 1, 3 do
          tasks[name] = coroutine.wrap(function() for i = 1, 2 do order[#order + 1] = name * 10 + i; sleep() end end)
        end
        for _ = 1, 2 do for name = 1, 3 do tasks[name]() end end
        return { order, select(2, pcall(sleep)) }
      end]]) }
    local actor = host:actor("A", "a")
    assert.same({
      same = true, main = true, type = "thread", loading = true, yieldable = false, status = "running",
      inner = "running", outer = "normal", outer_yieldable = false, suspended = "suspended", dead = "dead",
    }, actor:look())
    local order, refusal = table.unpack(actor:run_tasks())
    assert.same({ 11, 21, 31, 12, 22, 32 }, order)
    assert.matches("not at the top", refusal)
  end)
end)

describe("A coroutine that a script keeps", function()
  after_each(hosts.close_all)

  it("goes on in the turn that resumes it, where what belongs to another is dead", function()
    local host = hosts.open({
      ["lib/kept.lua"] = "return {}",
      ["box.lua"] = hosts.class("Box", [[
        local kept = require "lib.kept"
        local uses = {}
        function uses.state(self) return self.state.n end
        function uses.set_state(self) self.state = {} end
        function uses.field(self) self.field = 1 end
        function uses.pairs(self) for _ in pairs(self) do error "went over it" end end
        function uses.method(self) return self:count() end
        function uses.class_method(self) return Class.count(self) end
        function uses.save(self) self:save_state() end
        function uses.part(_, part) return part.x end
        function uses.set_part(_, part) part.x = 5 end
        function uses.mark(_, part) return array(part) end
        function uses.encode(_, part) return require("troupe.json").encode(part) end
        function uses.next(_, part) return next(part) end
        function uses.raw(_, part) return rawget(part, "x") end
        function uses.insert(_, part) table.insert(part, 1) end
        function uses.get(_, _, kv) return kv:get "x" end
        function uses.put(_, _, kv) kv:put("x", "stolen") end
        function uses.delete(_, _, kv) kv:delete_all() end
        function uses.each(_, _, kv) for _ in kv:each() do error "went over it" end end
        function uses.rpc(_, _, _, rpc) return rpc.id end
        function uses.iterator(_, _, _, _, iterator) return iterator() end

        function Class:initialize_state() return { n = 0, part = { x = 1 } } end
        function Class:count() return self.kv:count() end
        function Class:keep(rpc)
          self.kv:put("x", "mine")
          local part, kv, iterator = self.state.part, self.kv, self.kv:each()
          for name, use in pairs(uses) do
            kept[name] = coroutine.create(function()
              coroutine.yield()
              return use(self, part, kv, rpc, iterator)
            end)
            coroutine.resume(kept[name])
          end
          self:save_state()
        end
        function Class:try()
          local told = {}
          for name in pairs(uses) do
            local ok, message = coroutine.resume(kept[name])
            told[name] = ok and "it could" or message
          end
          return told
        end]]),
      ["other.lua"] = [[return require("box"):extend "Other"]],
    })
    local function tries(class, key, waiting)
      if waiting then host:hold(true) end
      local keeping, trying = host:start("Box", "b", "keep"), host:start(class, key, "try")
      host:run()
      host:hold(false)
      keeping:get()
      return trying:get()
    end
    for _, class in ipairs { "Box", "Other" } do
      for _, waiting in ipairs { true, false } do
        local count = 0
        for name, message in pairs(tries(class, "thief", waiting)) do
          local own_call = name == "rpc" or name == "iterator"
          assert.matches(own_call and "belongs to another call" or "whose turn this is not", message, nil, nil, name)
          count = count + 1
        end
        assert.equal(20, count)
      end
    end
    assert.same({ n = 0, part = { x = 1 } }, host:state("Box", "b"))
    assert.equal("mine", host:kv("Box", "b")[1].value)
    assert.same({}, host:kv("Box", "thief"))
    local own = tries("Box", "b", false)
    assert.matches("belongs to another call", own.rpc)
    assert.matches("belongs to another call", own.iterator)
    assert.equal("it could", own.field)
  end)

  it("stays as it was stopped", function()
    local host = hosts.open({ ["a.lua"] = hosts.class("A", [[
      local kept = {}
      local function run(what)
        local handler <close> = setmetatable({}, { __close = function() kept.ran = true end })
        if what == "loop" then while true do end end
        local t = {}
        while true do t[#t + 1] = ("x"):rep(1e6) .. #t end
      end
      function Class:stop(_, what)
        kept.thread, kept.wrapped = coroutine.create(run), coroutine.wrap(run)
        if what:find "wrapped" then kept.wrapped(what:match "%a+") else coroutine.resume(kept.thread, what) end
      end
      function Class:resume() return array { coroutine.resume(kept.thread) } end
      function Class:close() return array { coroutine.close(kept.thread) } end
      function Class:wrapped() return array { pcall(kept.wrapped) } end
      function Class:ran() return kept.ran end]]) },
      { errors = true, limits = { call_cpu_ms = 100, call_bytes = 16 << 20 } })
    local actor = host:actor("A", "a")
    for what, code in pairs { loop = "timeout", fill = "out_of_memory" } do
      assert.equal(code, hosts.failure_of(actor.stop, actor, what).code)
      assert.same({ false, "cannot resume dead coroutine" }, actor:resume())
      assert.same({ false, "this coroutine was stopped with its call" }, actor:close())
      assert.equal(code, hosts.failure_of(actor.stop, actor, what .. " wrapped").code)
      assert.matches("cannot resume dead coroutine", actor:wrapped()[2])
      assert.is_nil(actor:ran(), what)
    end
  end)
end)
