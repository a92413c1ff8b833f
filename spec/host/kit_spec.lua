-- troupe.test: what it cannot take is an error, and the faults that it makes hit what they are meant for.
local hosts = require "spec.support.hosts"
local troupe = require "troupe.test"

local store = hosts.store [[
  function Class:count_and_put(_, key, value) self.kv:count(); self.kv:put(key, value) end
  function Class:save_and_put(_, key, value) self:save_state(); self.kv:put(key, value) end
  function Class:spin(_, rounds) for _ = 1, rounds do end end
  function Class:walk()
    walking = true
    for _ in self.kv:each() do end
    walking = false
  end
  function Class:sees_a_walk() return walking == true end
]]

describe("troupe.worker_of", function()
  after_each(hosts.close_all)

  it("names the worker that runs an actor's calls", function()
    local WORKERS, seen = 3, {}
    local teller = hosts.class("Teller", 'function Class:tell(_, number) print("runs " .. number) end')
    local host = hosts.open({ ["teller.lua"] = teller }, { workers = WORKERS })
    for number = 1, 30 do
      local key = number % 2 == 0 and { "n", number } or "n" .. number
      local home = troupe.worker_of("Teller", key, WORKERS)
      host:start("Teller", key, "tell", number)
      for worker = 1, WORKERS do
        if worker ~= home then host:step(worker) end
      end
      assert.equal("", host:log())
      host:step(home)
      assert.matches("runs " .. number .. " ", host:log())
      seen[home] = true
    end
    assert.equal(WORKERS, #seen)
  end)

  it("takes only keys, and numbers of workers", function()
    assert.matches("a number of workers", select(2, pcall(troupe.worker_of, "Teller", "a", 0)))
    assert.equal("invalid_key", hosts.failure_of(troupe.worker_of, "Teller", {}, 2).code)
  end)
end)

describe("troupe.host", function()
  after_each(hosts.close_all)

  local bad = {
    ['there is no option "wrokers"'] = { wrokers = 1 },
    ['there is no limit "key_byte"'] = { limits = { key_byte = 10 } },
    ["limits.key_bytes: an integer from 1 to 2048"] = { limits = { key_bytes = 2049 } },
    ["limits.depth: an integer from 1 to 100"] = { limits = { depth = 101 } },
    ["limits.call_cpu_ms: an integer from 1 to"] = { limits = { call_cpu_ms = -1 } },
    ["limits.idle_ms: an integer from 1 to"] = { limits = { idle_ms = 1.5 } },
    ["limits.commit_bytes: an integer from 1 to"] = { limits = { commit_bytes = "1" } },
    ["workers: an integer from 1 to 64"] = { workers = 0 },
    ["pause_ms: an integer from 0"] = { pause_ms = -1 },
    ["look_us: an integer from 0"] = { look_us = 0.5 },
    ['durability: "commit" or "relaxed"'] = { durability = "fast" },
  }
  for message, options in pairs(bad) do
    it("refuses options with a word: " .. message, function()
      local ok, problem = pcall(hosts.open, { ["store.lua"] = store }, options)
      assert.is_false(ok)
      assert.truthy(tostring(problem):find(message, 1, true), problem)
    end)
  end

  it("counts processor time: so many looks use up a limit, on every machine", function()
    local function spin(look_us, rounds)
      local host = hosts.open({ ["store.lua"] = store },
        { errors = true, limits = { call_cpu_ms = 100 }, look_us = look_us })
      local actor = host:actor("Store", "s")
      return pcall(actor.spin, actor, rounds)
    end
    assert.is_true(spin(1000, 1000000))                             -- 62 looks
    assert.equal("timeout", select(2, spin(1000, 2000000)).code)    -- 125
    assert.equal("timeout", select(2, spin(50000, 100000)).code)    -- 6
    assert.is_true(spin(0, 20000000))
  end)

  for look_us, pauses in pairs { [0] = false, [5000] = true } do
    it(("pauses by processor time, %d microseconds a look"):format(look_us), function()
      local host = hosts.open({ ["store.lua"] = store }, { pause_ms = 10, look_us = look_us })
      local actor = host:actor("Store", "s")
      for i = 1, 300 do actor:put(i, i) end
      local walking, looking = host:start("Store", "s", "walk"), host:start("Store", "other", "sees_a_walk")
      walking:get()
      assert.equal(pauses, looking:get())
    end)
  end

  it("says that a host never comes to rest", function()
    local clerk = hosts.class("Clerk", 'function Class:again() self.schedule:after(0, "again") end')
    local host = hosts.open({ ["clerk.lua"] = clerk }, { durability = "relaxed" })
    host:start("Clerk", "ann", "again")
    local ok, message = pcall(host.run, host)
    assert.is_false(ok)
    assert.matches("does not come to rest, after 20000 commits at one moment", message)
  end)

  it("takes the host's steps one by one, and runs nothing by itself meanwhile", function()
    local host = hosts.open { ["store.lua"] = store }
    host:run()                                        -- a start looks for what is due, a few shards a step
    local put = host:start_with({ params = { any = "thing" } }, "Store", "s", "put", 1, "one")
    assert.matches("no answer", hosts.failure_of(put.result, put))
    assert.is_true(host:step(1))
    assert.is_false(host:step(1))
    assert.is_false(put:is_done())
    assert.is_true(host:step "committer")
    assert.is_true(put:is_done())
    assert.is_nil(put:result())
    local sleep = host:start_sleep("Store", "s")
    assert.is_false(sleep:is_done())
    host:step(1)
    assert.is_nil(sleep:get())
    assert.matches("no such worker", hosts.failure_of(host.step, host, 2))
  end)

  it("ends a worker's step after so many turns, and lets time pass while nothing runs", function()
    for turns, answered in pairs { [1] = 1, [2] = 2, [256] = 3 } do
      local host = hosts.open({ ["store.lua"] = store }, { turns_a_step = turns, limits = { idle_ms = 1000 } })
      local counts = {}
      for i = 1, 3 do counts[i] = host:start("Store", i, "count") end
      host:step(1)
      host:step "committer"
      for i = 1, 3 do assert.equal(i <= answered, counts[i]:is_done()) end
      host:run()
      host:log()
      host:elapse(2)
      assert.equal("", host:log())
      assert.is_true(host:step(1))                                  -- idle actors leave
      assert.is_false(host:step(1))
    end
    assert.matches("turns_a_step", hosts.failure_of(hosts.open, { ["store.lua"] = store }, { turns_a_step = 0 }))
  end)

  it("brings to the store what is durable when it is told to, and starts a host again at once", function()
    local host = hosts.open({ ["store.lua"] = store }, { checkpoint_bytes = 1000 })
    local actor = host:actor("Store", "s")
    host:hold_checkpoints(true)
    actor:put(1, ("x"):rep(2000))
    assert.not_matches("checkpoint", host:log())
    host:hold_checkpoints(false)
    host:run()
    assert.matches("checkpoint done", host:log())
    actor:put(2, "two")
    host:checkpoint()
    assert.matches("checkpoint done", host:log())
    host:crash()
    assert.is_false(host:is_open())
    host:reopen()
    assert.is_true(host:is_open())
    assert.equal("two", actor:get(2))
  end)

  for _, pause_ms in ipairs { 0, 10 } do
    for _, method in ipairs { "put", "count_and_put", "save_and_put" } do
      local function open()
        local host = hosts.open({ ["store.lua"] = store }, { pause_ms = pause_ms, errors = true })
        local actor = host:actor("Store", "s")
        for i = 1, 5 do actor:put(i, i) end
        host:crash()
        return host, actor
      end

      it(("fails the write of a call after a crash: %s, pausing after %d ms"):format(method, pause_ms), function()
        local host, actor = open()
        host:fail_next "write"
        assert.equal("storage_error", hosts.failure_of(actor[method], actor, 1, "new").code)
        assert.equal(1, actor:get(1))
      end)

      it(("fails the sync of a call after a crash: %s, pausing after %d ms"):format(method, pause_ms), function()
        local host, actor = open()
        host:fail_next "sync"
        assert.equal("connection_lost", hosts.failure_of(actor[method], actor, 1, "new").code)
        assert.is_false(host:is_open())
      end)
    end
  end
end)
