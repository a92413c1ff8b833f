-- Memory runs out at every place where it is asked for: the k-th allocation of a worker's step fails, for each k until
-- none is left to fail.
local kit = require "spec.support.kit"
local troupe = require "troupe.test"

-- Calls that fail on their own, and how.
local failing = {
  user_error = "refused", script_error = "internal_error", state_refused = "internal_error",
  asks_in_vain = "internal_error", schedules_refused = "internal_error",
}

local methods = {
  "state_write", "state_assign", "state_read", "state_tables", "state_refused", "fields", "kv_put", "kv_get",
  "kv_delete", "kv_list", "kv_get_batch", "kv_each", "kv_count", "kv_put_batch", "kv_delete_batch", "kv_delete_range",
  "kv_delete_all", "kv_each_again", "log_lines", "json", "cjson", "user_error", "script_error", "requires", "marks",
  "rpc_fields", "events", "handles", "asks", "asks_in_vain", "coroutines", "coroutines_wait", "strings", "schedules",
  "schedules_refused",
}

-- Those that go over entries, and pause on the way if they are told to.
local pausing = {
  "kv_list", "kv_get_batch", "kv_each", "kv_each_again", "kv_count", "kv_delete_range", "kv_delete_all",
  "coroutines_wait", "schedules",
}

describe("memory", function()
  local host
  local stored = false    -- whether what a call finds is in the store already
  local large = false     -- whether the state has many records

  after_each(function()
    stored, large = false, false
    host:close()        -- ends the process where anything of the VM was not given back
  end)

  local function open(key)
    local actor = host:actor("Memory", key)
    actor:seed()
    if large then actor:grow() end
    if stored then host:checkpoint() end
    return actor
  end

  -- All that a call may change. What on_stop writes is left out: whether it ran is not the call's affair.
  local function content(key)
    local state = host:state("Memory", key)
    state.stopped = nil
    return { state = state, kv = host:kv("Memory", key) }
  end

  -- Calls with the k-th allocation failing; answers whether one did, and what came of it.
  local function call_short_of_memory(k, count, call, ...)
    kit.fail_allocation(host, k, count)
    local ok, failure = pcall(call, ...)
    return kit.fail_allocation(host, 0), ok, failure
  end

  -- Whether a failure is one that the want of memory, or the method itself, may cause.
  local function is_expected(failure, method)
    return failure.code == "out_of_memory" or failure.code == failing[method]
  end

  -- For each k: what fails leaves nothing behind, what comes through is the whole, and the next k has an actor of its
  -- own.
  local function try_each(method, count, asleep)
    local name = ("%s/%d/%s/%s"):format(method, count, asleep, stored)
    local expected = open(name)
    local before = content(name)
    pcall(expected[method], expected)
    local after = content(name)
    local k, key, actor = 0, nil, nil
    repeat
      k = k + 1
      assert(k < 400, "no end of allocations: " .. name)
      local where = ("%s k=%d"):format(name, k)
      if not actor then
        key = name .. "/" .. k
        actor = open(key)
      end
      if asleep then host:sleep("Memory", key) else actor:ping() end
      local failed, ok, failure = call_short_of_memory(k, count, actor[method], actor)
      if not ok then assert.is_true(is_expected(failure, method), where .. ": " .. tostring(failure)) end
      assert.same(ok and after or before, content(key), where)
      assert.equal("pong", actor:ping(), where)
      if ok then actor = nil end
    until not failed
  end

  for _, method in ipairs(methods) do
    it("runs out in " .. method .. ", and the actor is as before or wholly after", function()
      host = troupe.host { actors = "spec/support/actors_attack" }
      for _, count in ipairs(kit.FAILURES_IN_A_ROW) do
        try_each(method, count, false)
        try_each(method, count, true)
      end
    end)
  end

  for _, method in ipairs(pausing) do
    it("runs out in " .. method .. ", which pauses at each entry of the store", function()
      host = troupe.host { actors = "spec/support/actors_attack", pause_ms = 0 }
      stored = true
      for _, count in ipairs(kit.FAILURES_IN_A_ROW) do try_each(method, count, false) end
    end)
  end

  it("runs out while a state is loaded, which pauses at each record", function()
    host = troupe.host { actors = "spec/support/actors_attack", pause_ms = 0 }
    large = true
    for _, in_store in ipairs { false, true } do
      stored = in_store
      for _, count in ipairs(kit.FAILURES_IN_A_ROW) do
        try_each("state_read", count, true)
        try_each("state_write", count, true)
      end
    end
  end)

  for _, count in ipairs(kit.FAILURES_IN_A_ROW) do
    for method, saved in pairs { state_write_and_count = 0, state_write_and_save = 1, coroutines_save = 1 } do
      local what = "runs out while another call is in the midst of %s, %d in a row, and neither is half done"
      it(what:format(method, count), function()
        host = troupe.host { actors = "spec/support/actors_attack", pause_ms = 0 }
        local k = 0
        repeat
          k = k + 1
          local one, other = open("one" .. k), open("other" .. k)
          other:ping()
          host:checkpoint()
          local waits = host:start("Memory", "one" .. k, method)
          host:step(1)
          local comes = host:start("Memory", "other" .. k, "state_write")
          local failed, ok = call_short_of_memory(k, count, host.run, host)
          assert.is_true(ok)
          ok = pcall(waits.get, waits)
          assert.equal(ok and 1 + saved or saved, host:state("Memory", "one" .. k).n, k)
          ok = pcall(comes.get, comes)
          assert.equal(ok and 1 or 0, host:state("Memory", "other" .. k).n, k)
          one:ping()
          local before = { content("one" .. k), content("other" .. k) }
          host:crash()
          assert.same(before, { content("one" .. k), content("other" .. k) })
        until not failed
      end)
    end

    it(("runs out while an actor is created, %d in a row, and there is an actor or none"):format(count), function()
      host = troupe.host { actors = "spec/support/actors_attack" }
      local k = 0
      repeat
        k = k + 1
        local actor = host:actor("Memory", k)
        local failed, ok, failure = call_short_of_memory(k, count, actor.state_write, actor)
        assert.is_true(ok or is_expected(failure, "state_write"), k .. ": " .. tostring(failure))
        local state = host:state("Memory", k)
        assert.equal(ok and 1 or nil, state and state.n)
        host:crash()
        assert.same(state, host:state("Memory", k))
        actor:state_write()
        assert.equal(ok and 2 or 1, host:state("Memory", k).n)
      until not failed
    end)

    for _, way in ipairs { "destroys", "destroys_after_save", "an operator" } do
      local name = "runs out while %s destroys an actor, %d in a row, and it is gone or as it was"
      it(name:format(way, count), function()
        host = troupe.host { actors = "spec/support/actors_attack" }
        local k = 0
        repeat
          k = k + 1
          local actor = open(k)
          actor:ping()
          local before = content(k)
          local destroy = way == "an operator" and function() host:destroy("Memory", k) end or actor[way]
          local failed, ok, failure = call_short_of_memory(k, count, destroy, actor)
          assert.is_true(ok or is_expected(failure, way), k .. ": " .. tostring(failure))
          assert.is_true(ok == (host:state("Memory", k) == nil), k)
          if not ok and way ~= "destroys_after_save" then assert.same(before, content(k), k) end
          host:crash()
          assert.is_true(ok == (host:state("Memory", k) == nil), k)
          assert.equal("pong", actor:ping())
        until not failed
      end)
    end

    it(("runs out while a class is looked for, %d in a row, and is not said to be missing"):format(count), function()
      host = troupe.host { actors = "spec/support/actors_attack" }
      local class = "ActorWithANameOfMoreThanFortyCharactersInAll"
      local k = 0
      repeat
        k = k + 1
        local actor = host:actor(class, "a")
        actor:ping()
        host:sleep(class, "a")
        local failed, ok, failure = call_short_of_memory(k, count, actor.ping, actor)
        assert.is_true(ok or is_expected(failure, "ping"), k .. ": " .. tostring(failure))
      until not failed
    end)

    it(("runs out while an actor is looked at, %d in a row, and it is as before"):format(count), function()
      host = troupe.host { actors = "spec/support/actors_attack" }
      open "a"
      local before = content "a"
      for _, look in ipairs { host.inspect, host.state, host.kv } do
        local k = 0
        repeat
          k = k + 1
          local failed, ok, failure = call_short_of_memory(k, count, look, host, "Memory", "a")
          assert.is_true(ok or is_expected(failure, "inspect"), k .. ": " .. tostring(failure))
          assert.same(before, content "a")
        until not failed
      end
    end)

    it(("runs out while an actor goes to sleep, %d in a row, and on_stop happens or not"):format(count), function()
      host = troupe.host { actors = "spec/support/actors_attack" }
      local k = 0
      repeat
        k = k + 1
        open(k):state_write()
        local failed = call_short_of_memory(k, count, host.sleep, host, "Memory", k)
        local state = host:state("Memory", k)
        assert.equal(1, state.n)
        if state.stopped then assert.same({ 1 }, state.stopped) end
        assert.is_true(failed or state.stopped ~= nil)
      until not failed
    end)
  end
end)
