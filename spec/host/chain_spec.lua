-- Calls between actors: answers are early, what goes outside waits for everything below it, and a chain waits once.
local hosts = require "spec.support.hosts"
local troupe = require "troupe.test"

local link = hosts.class("Link", [[
  function Class:initialize_state() return { count = 0 } end
  function Class:add() self.state.count = self.state.count + 1; return self.state.count end
  function Class:get() return self.state.count end

  -- Adds one here and in each of the actors of the list.
  function Class:chain(_, keys, place)
    place = place or 1
    self.state.count = self.state.count + 1
    if keys[place] then self:actor("Link", keys[place]):chain(keys, place + 1) end
    return self.state.count
  end

  -- Hears of another what it has, and changes nothing on disk.
  function Class:hear(_, key) self.heard = self:actor("Link", key):add(); return self.heard end
  function Class:tell() return self.heard end

  function Class:fail_after(_, key) self.state.count = 100; self:actor("Link", key):add(); error(UserError("after")) end
  function Class:fail() self.state.count = 100
    error(UserError("Not enough", { code = "not_enough", metadata = { left = 3 } })) end
  function Class:catch(_, key, method)
    self.state.count = self.state.count + 1
    local handle = self:actor("Link", key)
    local ok, failure = pcall(handle[method], handle)
    return { ok = ok, code = not ok and failure.code, message = not ok and failure.message,
             left = not ok and failure.metadata and failure.metadata.left }
  end
  function Class:hear_then_ask(_, heard, asked)
    self.heard = self:actor("Link", heard):add()
    local handle = self:actor("Link", asked)
    local ok, failure = pcall(handle.add, handle)
    return ok or failure.code
  end
  function Class:fill(_, bytes) self.fills = (self.fills or 0) + 1; self.kv:put(self.fills, ("x"):rep(bytes)) end
  function Class:save() self.state.count = self.state.count + 1; self:save_state(); return self.state.count end
  function Class:try(_, key, timeout)
    local handle = self:actor("Link", key, { timeout = timeout })
    local ok, failure = pcall(handle.add, handle)
    return ok and "added" or failure.code .. ": " .. failure.message
  end
  function Class:ask_in_vain(_, key) self.state.count = 50; return self:actor("Link", key):add() end
]])

local function open(options)
  return hosts.open({ ["link.lua"] = link }, options)
end

-- A key whose actor lives on this worker.
local function key_on(worker, workers, prefix)
  local number = 0
  repeat number = number + 1 until troupe.worker_of("Link", prefix .. number, workers) == worker
  return prefix .. number
end

local function count_of(host, key)
  return host:actor("Link", key):get()
end

for workers = 1, 3 do
  describe("Calls between actors, on " .. workers .. " workers,", function()
    after_each(hosts.close_all)

    local function key(number, prefix)
      return key_on((number - 1) % workers + 1, workers, prefix or "link")
    end

    it("share one sync where all of ten change something", function()
      local host = open { workers = workers }
      local keys = {}
      for i = 1, 9 do keys[i] = key(i + 1, "of" .. i .. "-") end
      local before = host:stats()
      assert.equal(1, host:actor("Link", key(1)):chain(keys))
      local after = host:stats()
      assert.equal(before.commits + 10, after.commits)
      if workers == 1 then assert.equal(before.syncs + 1, after.syncs) end
      for i = 1, 9 do assert.equal(1, count_of(host, keys[i])) end
    end)

    it("answer one another early, and nothing goes outside before all of it is durable", function()
      local host = open { workers = workers }
      local a, b = key(1, "a"), key(2, "b")
      host:actor("Link", a):add()
      host:hold(true)
      local chain = host:start("Link", a, "chain", { b })
      local hears = host:start("Link", a, "hear", b)
      local fails = host:start("Link", a, "fail_after", b)
      local tells = host:start("Link", a, "tell")
      host:run()
      local reads = host:start("Link", b, "get")
      host:run()
      for name, call in pairs { chain = chain, hears = hears, fails = fails, tells = tells, reads = reads } do
        assert.is_false(call:is_done(), name)
      end
      host:hold(false)
      assert.equal(2, chain:get())
      assert.equal(2, hears:get())
      assert.equal("after", hosts.failure_of(fails.get, fails).message)
      assert.equal(2, tells:get())
      assert.equal(3, reads:get())
      assert.equal(2, count_of(host, a))
    end)

    it("let who has only heard of an undurable change tell of it only when that is durable", function()
      local host = open { workers = workers }
      local a, b = key(1, "a"), key(2, "b")
      host:actor("Link", a):get()
      host:hold(true)
      local hears = host:start("Link", a, "hear", b)
      host:run()
      local tells = host:start("Link", a, "tell")
      host:run()
      assert.is_false(hears:is_done())
      assert.is_false(tells:is_done())
      host:crash()
      host:hold(false)
      assert.is_nil(host:actor("Link", a):tell())
      assert.equal(0, count_of(host, b))
    end)

    it("bring errors as they were made, and the caller may go on", function()
      local host = open { workers = workers }
      local a, b = key(1, "a"), key(2, "b")
      local caught = host:actor("Link", a):catch(b, "fail")
      assert.same({ ok = false, code = "not_enough", message = "Not enough", left = 3 }, caught)
      assert.equal(1, count_of(host, a))
      assert.equal(0, count_of(host, b))
    end)

    it("leave what a callee did where its caller fails", function()
      local host = open { workers = workers }
      local a, b = key(1, "a"), key(2, "b")
      local failure = hosts.failure_of(host:actor("Link", a).fail_after, host:actor("Link", a), b)
      assert.equal("after", failure.message)
      assert.equal(0, count_of(host, a))
      assert.equal(1, count_of(host, b))
    end)

    it("fail as a whole where the disk fails, and happen as a whole when they are repeated", function()
      local host = open { workers = workers, errors = true }
      local a, b, c = key(1, "a"), key(2, "b"), key(3, "c")
      for _, name in ipairs { a, b, c } do host:actor("Link", name):get() end
      host:fail_next("write")
      local failure = hosts.failure_of(host:actor("Link", a).chain, host:actor("Link", a), { b, c })
      assert.equal("storage_error", failure.code)
      for _, name in ipairs { a, b, c } do assert.equal(0, count_of(host, name)) end
      assert.equal(1, host:actor("Link", a):chain { b, c })
      for _, name in ipairs { a, b, c } do assert.equal(1, count_of(host, name)) end
    end)

    it("wait for their own disk where a callee saves in the middle", function()
      local host = open { workers = workers }
      local a, b = key(1, "a"), key(2, "b")
      assert.is_true(host:actor("Link", a):catch(b, "save").ok)
      host:crash()
      assert.equal(1, count_of(host, a))
      assert.equal(1, count_of(host, b))
    end)

    it("that wait in a mailbox until their time is over never run", function()
      local host = open { workers = workers }
      local a, b = key(1, "a"), key(2, "b")
      host:actor("Link", b):get()
      host:hold(true)
      local saves = host:start("Link", b, "save")
      host:run()
      local tries = host:start("Link", a, "try", b, 5)
      host:run()
      host:advance(4.9)
      assert.is_false(tries:is_done())
      host:advance(0.1)
      host:hold(false)
      assert.matches("^timeout: Link/b%d+%.add: .*had not begun, and will not", tries:get())
      assert.equal(1, saves:get())
      assert.equal(1, count_of(host, b))
    end)

    it("end with their caller, whose time is over while it waits, and both are as they were", function()
      local host = open { workers = workers, limits = { call_wall_ms = 10000 } }
      local a, b = key(1, "a"), key(2, "b")
      host:hold(true)
      local saves = host:start("Link", b, "save")
      local asks = host:start("Link", a, "ask_in_vain", b)
      host:run()
      host:advance(10)
      host:hold(false)
      local failure = hosts.failure_of(asks.get, asks)
      assert.equal("timeout", failure.code)
      assert.matches("Link/b%d+%.add", failure.message)
      assert.equal(1, saves:get())
      assert.equal(0, count_of(host, a))
      assert.equal(1, count_of(host, b))
    end)

    it("are ended with the host, each of them that has begun", function()
      local host = open { workers = workers }
      local a, b, c = key(1, "a"), key(2, "b"), key(3, "c")
      host:hold(true)
      local saves = host:start("Link", c, "save")
      host:run()
      local chain = host:start("Link", a, "chain", { b, c })
      host:run()
      assert.is_false(chain:is_done())
      host:hold(false)
      host:stop()
      assert.equal(1, chain:result())
      assert.equal(1, saves:result())
      for _, name in ipairs { a, b } do assert.equal(1, count_of(host, name)) end
      assert.equal(2, count_of(host, c))
    end)
  end)
end

describe("Between two workers,", function()
  after_each(hosts.close_all)

  -- Two actors on two workers, and a third beside the second.
  local function open_two()
    local host = open { workers = 2, errors = true }
    local a, b, beside = key_on(1, 2, "a"), key_on(2, 2, "b"), key_on(2, 2, "c")
    for _, name in ipairs { a, b, beside } do host:actor("Link", name):get() end
    host:hold(true)
    return host, a, b, beside
  end

  it("an answer of an epoch that has ended, whose change has failed, is a storage_error of that call", function()
    local host, a, b = open_two()
    local catches = host:start("Link", a, "catch", b, "add")
    host:step(1)                              -- a asks
    host:step(2)                              -- b answers; its commit is under way, and the answer is in a's inbox
    host:fail_next("write")
    host:step("committer")
    host:hold(false)
    local caught = catches:get()
    assert.equal("storage_error", caught.code)
    assert.equal(1, count_of(host, a))
    assert.equal(0, count_of(host, b))
  end)

  it("an answer of an epoch that has ended, whose change is durable, is good", function()
    local host, a, b, beside = open_two()
    local catches = host:start("Link", a, "catch", b, "add")
    host:step(1)
    host:step(2)
    host:step("committer")                    -- b's change is durable
    local fails = host:start("Link", beside, "add")
    host:step(2)
    host:fail_next("write")
    host:step("committer")                    -- and the epoch ends
    host:hold(false)
    assert.is_true(catches:get().ok)
    assert.equal("storage_error", hosts.failure_of(fails.get, fails).code)
    assert.equal(1, count_of(host, a))
    assert.equal(1, count_of(host, b))
  end)

  it("a request of who has heard what has failed since does not run", function()
    local host, a, b, beside = open_two()
    local heard = key_on(1, 2, "h")
    local asks = host:start("Link", a, "hear_then_ask", heard, b)
    host:step(1)                              -- a hears of its neighbour's change, and asks b
    host:fail_next("write")
    host:step("committer")                    -- which is lost
    host:step(2)                              -- b's worker hears of that first
    host:hold(false)
    assert.equal("storage_error", hosts.failure_of(asks.get, asks).code)
    assert.equal(0, count_of(host, b))
    assert.equal(0, count_of(host, heard))
    assert.equal(0, count_of(host, beside))
  end)

  it("an answer is taken while the disk is so far behind that no turn begins", function()
    local host = open { workers = 2, checkpoint_bytes = 1000 }
    local a, b, full = key_on(1, 2, "a"), key_on(2, 2, "b"), key_on(1, 2, "f")
    for _, name in ipairs { a, b, full } do host:actor("Link", name):get() end
    host:hold_checkpoints(true)
    host:actor("Link", full):fill(3000)
    host:run()
    host:step("checkpointer")                 -- wants what there is,
    host:step(1)
    host:step(2)                              -- is given it, and keeps it
    local hears = host:start("Link", a, "hear", b)
    host:step(1)                              -- a asks
    host:start("Link", full, "fill", 3000)
    host:step(1)
    host:step("committer")
    local waits = host:start("Link", full, "get")
    host:step(1)
    assert.is_false(waits:is_done())
    host:step(2)                              -- b answers
    for _ = 1, 5 do
      host:step(1)
      host:step("committer")
    end
    assert.equal(1, hears:result())
    assert.is_false(waits:is_done())
    assert.is_false(host:step(1))             -- and the worker rests until the checkpoint is over
    host:hold_checkpoints(false)
    assert.equal(0, waits:get())
  end)

  it("a caller that has lost what it had heard is given up, and its callee's answer is dropped", function()
    local host, a, b = open_two()
    local heard = key_on(1, 2, "h")
    local asks = host:start("Link", a, "hear_then_ask", heard, b)
    host:step(1)
    host:step(2)                              -- b has answered upon what was heard
    host:fail_next("write")
    host:step("committer")
    host:hold(false)
    assert.equal("storage_error", hosts.failure_of(asks.get, asks).code)
    assert.equal(0, count_of(host, b))
    assert.equal(0, count_of(host, heard))
    assert.is_nil(host:actor("Link", a):tell())
  end)
end)
