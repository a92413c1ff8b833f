-- A call waits for the host at any depth of the script's coroutines: it saves there, and pauses for others. A coroutine
-- that waits is the host's to go on with, and nobody else's.
local hosts = require "spec.support.hosts"

-- Ways to run a function: in the method itself, in coroutines, and in functions that C calls.
local ways = [[
  local ways = {}
  function ways.method(f) return f() end
  function ways.resumed(f)
    local results = table.pack(coroutine.resume(coroutine.create(f)))
    if not results[1] then error(results[2], 0) end
    return table.unpack(results, 2, results.n)
  end
  function ways.wrapped(f) return coroutine.wrap(f)() end
  function ways.nested(f)
    return ways.resumed(function() return ways.wrapped(function() return ways.resumed(f) end) end)
  end
  function ways.bare(f)
    local resume, inner = coroutine.wrap(coroutine.resume), coroutine.create(coroutine.wrap(pcall))
    local _, resumed, wrapped, result = pcall(resume, inner, f)
    if not wrapped then error(result, 0) end
    return resumed and result
  end
  function ways.iterated(f)
    local results
    for value in coroutine.wrap(function() coroutine.yield(f()) end) do results = results or value end
    return results
  end
  function ways.caught(f)
    local ok, result = pcall(ways.wrapped, function() return (select(2, assert(pcall(f)))) end)
    return ok and result or error(result, 0)
  end
  function ways.closed(f)
    local result
    ways.wrapped(function() local _ <close> = setmetatable({}, { __close = function() result = f() end }) end)
    return result
  end
  function ways.closed_by_error(f)
    local result
    ways.wrapped(function()
      pcall(function()
        local _ <close> = setmetatable({}, { __close = function() result = f() end })
        error "on purpose"
      end)
    end)
    return result
  end
  function ways.index(f)
    local t = setmetatable({}, { __index = function() return f() end })
    return ways.wrapped(function() return t.x end)
  end
  function ways.sorted(f)
    local result
    table.sort({ 2, 1 }, function(a, b) result = result or f() return a < b end)
    return result
  end
  function ways.sorted_by_metamethod(f)
    local result
    local meta = { __lt = function() result = result or f() return false end }
    table.sort { setmetatable({}, meta), setmetatable({}, meta) }
    return result
  end
  function ways.replaced(f) return (("x"):gsub("x", function() return tostring(f()) end)) end
  function ways.printed(f)
    local result
    tostring(setmetatable({}, { __tostring = function() result = f() return "x" end }))
    return result
  end
  function ways.sorted_outside(f) return ways.sorted(function() return ways.wrapped(f) end) end
  function ways.sorted_inside(f) return ways.nested(function() return ways.sorted(f) end) end
  function ways.sorted_far_outside(f) return ways.wrapped(function() return ways.sorted_outside(f) end) end
  function ways.closed_by_death(f)
    local result
    local _, failure = pcall(ways.wrapped, function()
      local _ <close> = setmetatable({}, { __close = function() result = f() end })
      error "on purpose"
    end)
    return result or error(failure, 0)
  end
  function ways.closing(f)
    local result, failure
    local co = coroutine.create(function()
      local _ <close> = setmetatable({}, { __close = function() result = f() end })
      coroutine.yield()
    end)
    coroutine.resume(co)
    local ok
    ok, failure = coroutine.close(co)
    return ok and result or error(failure, 0)
  end
  return ways]]

local open_ways = { "method", "resumed", "wrapped", "nested", "bare", "iterated", "caught", "closed",
                    "closed_by_error", "index" }
local shut_ways = { "sorted", "sorted_by_metamethod", "replaced", "printed", "sorted_outside", "sorted_inside",
                    "sorted_far_outside", "closed_by_death", "closing" }

local actors = {
  ["lib/kept.lua"] = "return {}",
  ["lib/ways.lua"] = ways,
  ["waiter.lua"] = hosts.class("Waiter", [[
    local kept, ways = require "lib.kept", require "lib.ways"
    local function saves(self, count)
      for i = 1, count or 1 do
        self.state.n = i
        self.kv:put("n", i)
        self:save_state()
      end
      return count or 1
    end
    function Class:initialize_state() return { n = 0 } end
    function Class:get() return { self.state.n, self.kv:get "n" } end
    function Class:fill(_, count) for i = 1, count do self.kv:put(i, i) end end
    function Class:saves(_, way, count) return ways[way](function() return saves(self, count) end) end
    function Class:saves_and_fails(_, way)
      return ways[way](function()
        saves(self)
        self.state.n = 2
        error(UserError("after the save", { code = "late" }))
      end)
    end
    function Class:saves_and_loops(_, way) return ways[way](function() saves(self) while true do end end) end
    function Class:saves_and_loops_below(_, way)
      ways[way](function() return saves(self) end)
      while true do end
    end
    function Class:tries(_, way)
      return ways[way](function() return (select(2, pcall(self.save_state, self))) end)
    end
    function Class:pauses(_, way)
      local count = ways[way](function() return self.kv:count() end)
      self:note "paused"
      return count
    end
    function Class:entries(_, way, how)
      return ways[way](function()
        local kv, found = self.kv, array {}
        if how == "list" then return kv:list() end
        if how == "get_batch" then
          local got = kv:get_batch { 1, 5, 20 }
          return array { got[1], got[5], got[20] }
        end
        if how == "delete_range" then return kv:delete_range { start = 5 } end
        if how == "delete_all" then return kv:delete_all() end
        for key, value in kv:each() do
          found[#found + 1] = { key, value }
          if how == "each_and_save" then kv:put({ "again", value }, value); self:save_state() end
        end
        return found
      end)
    end
    function Class:note(what) kept.order = kept.order or {}; table.insert(kept.order, what) end
    function Class:notes() self:note "other" end
    function Class:order() local order = kept.order; kept.order = nil; return order end
    function Class:in_turns()
      local order = {}
      local function task(name)
        return coroutine.wrap(function(first)
          local told = first
          for i = 1, 3 do
            order[#order + 1] = name .. i .. told
            self.state.n = self.state.n + 1
            self:save_state()
            told = coroutine.yield(i)
          end
          return "done"
        end)
      end
      local a, b = task "a", task "b"
      for i = 1, 3 do assert(a("x") == i and b("y") == i) end
      return { order, a(), b() }
    end
    function Class:passes()
      local co = coroutine.create(function(...)
        self:save_state()
        local more = table.pack(coroutine.yield(select("#", ...), ...))
        self:save_state()
        return more.n, nil, nil
      end)
      return { table.pack(coroutine.resume(co, nil, 2, nil)), table.pack(coroutine.resume(co, nil, nil)),
               coroutine.status(co), (select(2, coroutine.resume(co))) }
    end
    function Class:many(_, count)
      local made = {}
      for i = 1, count do
        made[i] = coroutine.wrap(function() self.state.n = i; self:save_state(); coroutine.yield() end)
        made[i]()
      end
      return self.state.n
    end
    function Class:deep(_, depth)
      local function go(left)
        if left > 0 then return coroutine.wrap(go)(left - 1) end
        self.state.n = 1
        self:save_state()
        return "deep"
      end
      return go(depth)
    end]]),
}

describe("A call that waits in a coroutine", function()
  after_each(hosts.close_all)

  for _, way in ipairs(open_ways) do
    it("saves, " .. way, function()
      local host = hosts.open(actors, { errors = true })
      local actor = host:actor("Waiter", "w")
      actor:get()
      host:hold(true)
      local saving, other = host:start("Waiter", "w", "saves", way, 3), host:start("Waiter", "o", "order")
      host:run()
      assert.is_false(saving:is_done())
      host:hold(false)
      other:get()
      assert.equal(3, saving:get())
      assert.same({ 3, 3 }, actor:get())
      host:crash()
      assert.same({ 3, 3 }, actor:get())
    end)

    it("fails after what it saved, " .. way, function()
      local host = hosts.open(actors, { errors = true, limits = { call_cpu_ms = 100 } })
      if way ~= "closed_by_error" then        -- where pcall takes the error, and all of it stays
        local actor = host:actor("Waiter", "w")
        assert.equal("late", hosts.failure_of(actor.saves_and_fails, actor, way).code)
        assert.same({ 1, 1 }, actor:get())
      end
      for _, method in ipairs { "saves_and_loops", "saves_and_loops_below" } do
        local actor = host:actor("Waiter", method)
        assert.equal("timeout", hosts.failure_of(actor[method], actor, way).code)
        assert.same({ 1, 1 }, actor:get())
      end
    end)

    it("ends with storage_error where the save cannot be kept, " .. way, function()
      local host = hosts.open(actors, { errors = true })
      local actor = host:actor("Waiter", "w")
      actor:get()
      host:fail_next "write"
      assert.equal("storage_error", hosts.failure_of(actor.saves, actor, way).code)
      assert.same({ 0 }, actor:get())
      assert.equal(1, actor:saves(way))
    end)

    it("pauses for others, " .. way, function()
      local host = hosts.open(actors, { pause_ms = 0 })
      local actor = host:actor("Waiter", "w")
      actor:fill(20)
      host:actor("Waiter", "o"):get()
      local pausing, other = host:start("Waiter", "w", "pauses", way), host:start("Waiter", "o", "notes")
      assert.equal(20, pausing:get())
      other:get()
      assert.same({ "other", "paused" }, actor:order())
    end)
  end

  it("goes over entries there as it does in its method", function()
    local host = hosts.open(actors, { pause_ms = 0 })
    for _, how in ipairs { "list", "get_batch", "each", "each_and_save", "delete_range", "delete_all" } do
      local results = {}
      for i, way in ipairs { "method", "wrapped", "nested", "iterated" } do
        local actor = host:actor("Waiter", how .. i)
        actor:fill(20)
        results[i] = { actor:entries(way, how), host:kv("Waiter", how .. i) }
        assert.same(results[1], results[i], how .. " " .. way)
      end
    end
  end)

  for _, way in ipairs(shut_ways) do
    it("is told that it cannot wait, " .. way, function()
      local host = hosts.open(actors, { pause_ms = 0, errors = true })
      local actor = host:actor("Waiter", "w")
      local failure = hosts.failure_of(actor.saves, actor, way)
      assert.matches("save_state: a call cannot wait within a sort or a gsub", failure.message)
      assert.same({ 0 }, actor:get())
      if way ~= "replaced" then assert.matches("cannot wait", actor:tries(way)) end
    end)

    it("does not pause where it cannot wait, " .. way, function()
      local host = hosts.open(actors, { pause_ms = 0 })
      local actor = host:actor("Waiter", "w")
      actor:fill(20)
      host:actor("Waiter", "o"):get()
      local pausing, other = host:start("Waiter", "w", "pauses", way), host:start("Waiter", "o", "notes")
      assert.equal(20, tonumber(pausing:get()))
      other:get()
      assert.same({ "paused", "other" }, actor:order())
    end)
  end

  it("can yield in between, and hears what it is resumed with", function()
    local host = hosts.open(actors)
    local actor = host:actor("Waiter", "w")
    assert.same({ { "a1x", "b1y", "a2x", "b2y", "a3x", "b3y" }, "done", "done" }, actor:in_turns())
    assert.same({ 6 }, actor:get())
    local first, second, status, refusal = table.unpack(actor:passes())
    assert.same({ true, 3, [4] = 2, n = 5 }, first)
    assert.same({ true, 2, n = 4 }, second)
    assert.same({ "dead", "cannot resume dead coroutine" }, { status, refusal })
  end)

  it("does so in many coroutines, and deep in them", function()
    local host = hosts.open(actors, { errors = true })
    local actor = host:actor("Waiter", "w")
    assert.equal(300, actor:many(300))
    assert.same({ 300 }, actor:get())
    assert.equal("deep", actor:deep(150))
    assert.same({ 1 }, actor:get())
    assert.equal("internal_error", hosts.failure_of(actor.deep, actor, 1000).code)
    assert.same({ 1 }, actor:get())
  end)
end)

local victims = {
  ["lib/kept.lua"] = "return {}",
  ["lib/ways.lua"] = ways,
  ["lib/thefts.lua"] = [[
    local thefts = {}
    function thefts.resume(kept) return select(2, coroutine.resume(kept.thread, "forged")) end
    function thefts.wrap(kept) return select(2, pcall(kept.wrapped, "forged")) end
    function thefts.close(kept) return select(2, pcall(coroutine.close, kept.thread)) end
    function thefts.close_outer(kept) return select(2, pcall(coroutine.close, kept.outer)) end
    function thefts.resume_outer(kept) return select(2, coroutine.resume(kept.outer, "forged")) end
    function thefts.resume_within(kept) return coroutine.wrap(function() return thefts.resume(kept) end)() end
    function thefts.close_within(kept) return coroutine.wrap(function() return thefts.close(kept) end)() end
    return thefts]],
  ["victim.lua"] = hosts.class("Victim", [[
    local kept, thefts = require "lib.kept", require "lib.thefts"
    local function keep(self, wait)
      kept.wrapped = coroutine.wrap(function()
        kept.outer = coroutine.running()
        local co = coroutine.create(function()
          kept.thread = coroutine.running()
          local function close() self.state.closed = (self.state.closed or 0) + 1 end
          local _ <close> = setmetatable({}, { __close = close })
          self.state.n = 1
          local waited = wait(self)
          self.state.n = 2
          return waited
        end)
        local ok, waited = coroutine.resume(co)
        assert(ok, waited)
        return waited
      end)
      return kept.wrapped("mine")
    end
    function Class:initialize_state() return { n = 0 } end
    function Class:get() return { self.state.n, self.state.closed } end
    function Class:fill(_, count) for i = 1, count do self.kv:put(i, i) end end
    function Class:saves() return keep(self, function() return self:save_state() or "saved" end) end
    function Class:pauses() return keep(self, function() return self.kv:count() end) end
    function Class:fails() return keep(self, function() self:save_state(); error "on purpose" end) end
    function Class:try(_, how) return thefts[how](kept) end
    function Class:statuses() return array { coroutine.status(kept.thread), coroutine.status(kept.outer) } end]]),
  ["thief.lua"] = hosts.class("Thief", [[
    local kept, thefts = require "lib.kept", require "lib.thefts"
    function Class:try(_, how) return thefts[how](kept) end
    function Class:statuses() return array { coroutine.status(kept.thread), coroutine.status(kept.outer) } end]]),
}

describe("A coroutine that waits for the host", function()
  after_each(hosts.close_all)

  for _, how in ipairs { "resume", "wrap", "close", "close_outer", "resume_outer", "resume_within", "close_within" } do
    local refusal = how:match "close" and "cannot close a coroutine that waits for the host"
                    or "cannot resume a coroutine that waits for the host"

    it("is refused to others while its call saves: " .. how, function()
      local host = hosts.open(victims)
      local victim = host:actor("Victim", "v")
      victim:get()
      for _, class in ipairs { "Thief", "Victim" } do
        host:hold(true)
        local saving, trying = host:start("Victim", "v", "saves"), host:start(class, "t", "try", how)
        host:run()
        assert.is_false(saving:is_done())
        host:hold(false)
        assert.matches(refusal, trying:get(), nil, nil, class)
        assert.equal("saved", saving:get())
      end
      assert.same({ 2, 2 }, victim:get())
      host:crash()
      assert.same({ 2, 2 }, victim:get())
    end)

    it("is refused to others while its call pauses: " .. how, function()
      local host = hosts.open(victims, { pause_ms = 0 })
      local victim = host:actor("Victim", "v")
      victim:fill(50)
      for _, class in ipairs { "Thief", "Victim" } do
        local pausing, trying = host:start("Victim", "v", "pauses"), host:start(class, "t", "try", how)
        assert.matches(refusal, trying:get(), nil, nil, class)
        assert.equal(50, pausing:get())
      end
      assert.same({ 2, 2 }, victim:get())
    end)

    it("is refused for good when its call was given up: " .. how, function()
      local host = hosts.open(victims, { errors = true })
      local victim = host:actor("Victim", "v")
      victim:get()
      host:fail_next "write"
      assert.equal("storage_error", hosts.failure_of(victim.saves, victim).code)
      assert.matches(refusal, victim:try(how))
      assert.matches(refusal, host:actor("Thief", "t"):try(how))
      assert.same({ 0 }, victim:get())
      assert.equal("saved", victim:saves())
      assert.same({ 2, 1 }, victim:get())
    end)
  end

  it("is normal for coroutine.status, and what it is after its end", function()
    local host = hosts.open(victims, { errors = true })
    host:actor("Victim", "v"):get()
    host:hold(true)
    local saving, looking = host:start("Victim", "v", "saves"), host:start("Thief", "t", "statuses")
    host:run()
    host:hold(false)
    assert.same({ "normal", "normal" }, looking:get())
    saving:get()
    local thief, victim = host:actor("Thief", "t"), host:actor("Victim", "v")
    assert.same({ "dead", "dead" }, thief:statuses())
    assert.equal("cannot resume dead coroutine", thief:try "resume")
    assert.matches("on purpose", hosts.failure_of(victim.fails, victim).message)
    assert.same({ "dead", "dead" }, thief:statuses())
    assert.equal("cannot resume dead coroutine", thief:try "resume")
    assert.same({ 1, 1 }, victim:get())
  end)
end)
