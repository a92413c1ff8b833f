-- Answered means durable: nothing leaves before what it stands on is on disk.
local hosts = require "spec.support.hosts"

local register = hosts.class("Register", [[
  function Class:initialize_state() return { value = 0 } end
  function Class:set(_, value) self.state.value = value end
  function Class:get() return self.state.value end
  function Class:put(_, value) self.kv:put("value", value) end
  function Class:look() return self.kv:get("value") end
  function Class:fail() error(UserError("no")) end
]])

local function open(options)
  return hosts.open({ ["register.lua"] = register }, options)
end

describe("The gate", function()
  after_each(hosts.close_all)

  it("holds back writes, reads of what is held, and errors; and lets all go in order", function()
    local host = open()
    host:actor("Register", "a"):set(1)
    host:actor("Register", "quiet"):set(1)
    host:hold(true)
    local calls = {
      host:start("Register", "a", "set", 2), host:start("Register", "a", "get"), host:start("Register", "a", "fail"),
      host:start("Register", "a", "put", "v"), host:start("Register", "a", "look"),
      host:start("Register", "new", "get"),
    }
    local quiet = host:start("Register", "quiet", "get")
    local nobody = host:start_with({ create = false }, "Register", "nobody", "get")
    host:run()
    for i, call in ipairs(calls) do assert.is_false(call:is_done(), "call " .. i) end
    assert.is_true(quiet:is_done(), "who saw nothing that is held does not wait")
    assert.equal("actor_not_found", hosts.failure_of(nobody.result, nobody).code)
    host:hold(false)
    assert.is_nil(calls[1]:get())
    assert.equal(2, calls[2]:get())
    assert.equal("user_error", hosts.failure_of(calls[3].get, calls[3]).code)
    assert.is_nil(calls[4]:get())
    assert.equal("v", calls[5]:get())
    assert.equal(0, calls[6]:get())
  end)

  it("makes many calls durable with one sync", function()
    local host = open()
    host:hold(true)
    local calls = {}
    for i = 1, 100 do calls[i] = host:start("Register", i, "set", i) end
    host:run()
    local before = host:stats()
    host:hold(false)
    for i = 1, 100 do calls[i]:get() end
    assert.equal(before.syncs + 1, host:stats().syncs)
    assert.equal(before.commits + 100, host:stats().commits)
  end)

  it("fails every turn that is not durable when a write fails, and goes on", function()
    local host = open { errors = true }
    local a = host:actor("Register", "a")
    a:set(1)
    host:actor("Register", "quiet"):set(7)
    host:hold(true)
    local calls = {}
    for i = 1, 5 do calls[#calls + 1] = host:start("Register", "a", "set", 10 + i) end
    calls[#calls + 1] = host:start("Register", "a", "get")
    calls[#calls + 1] = host:start("Register", "a", "fail")
    calls[#calls + 1] = host:start("Register", "born", "put", 1)
    host:run()
    host:fail_next "write"
    host:hold(false)
    host:run()
    for i, call in ipairs(calls) do
      assert.equal("storage_error", hosts.failure_of(call.get, call).code, "call " .. i)
    end
    assert.equal(1, a:get())
    assert.is_nil(host:state("Register", "born"))
    assert.equal(7, host:actor("Register", "quiet"):get())
    a:set(2)
    host:crash()
    assert.equal(2, a:get())
    assert.is_nil(host:state("Register", "born"))
  end)

  it("fails what runs on top of a failed write, batch after batch", function()
    local host = open { errors = true }
    local a = host:actor("Register", "a")
    a:set(0)
    for round = 1, 20 do
      host:fail_next "write"
      local calls = {}
      for i = 1, 10 do calls[i] = host:start("Register", "a", "set", round * 100 + i) end
      host:run()
      for i = 1, 10 do assert.equal("storage_error", hosts.failure_of(calls[i].get, calls[i]).code) end
      assert.equal(round - 1, a:get())
      a:set(round)
    end
  end)

  it("has segments freed where there is no room for another one", function()
    local host = open { errors = true, segment_bytes = 400 }
    local a = host:actor("Register", "a")
    for i = 1, 8 do a:put(("x"):rep(100 + i)) end
    host:log()
    host:fail_next "write"
    local failures = 0
    while failures == 0 do
      local ok, failure = pcall(a.put, a, ("y"):rep(200))
      if not ok then assert.equal("storage_error", failure.code) end
      failures = failures + (ok and 0 or 1)
    end
    local log = host:log()
    assert.matches("the log failed to begin a segment", log)
    assert.matches("checkpoint done", log)
    for _ = 1, 5 do
      host:fail_next "write"
      assert.equal("storage_error", hosts.failure_of(a.put, a, ("y"):rep(380)).code)
    end
    a:put(("z"):rep(200))
    host:crash()
    assert.equal(("z"):rep(200), a:look())
  end)

  it("ends the host when a sync fails; the next start has what was durable", function()
    local host = open { errors = true }
    local a = host:actor("Register", "a")
    a:set(1)
    host:fail_next "sync"
    local call = host:start("Register", "a", "set", 2)
    assert.equal("connection_lost", hosts.failure_of(call.get, call).code)
    assert.is_false(host:is_open())
    local found = a:get()
    assert.is_true(found == 1 or found == 2, "it may have happened or not")
    a:set(3)
    assert.equal(3, a:get())
  end)

  it("does not hold or fail who comes back into memory, and of whom nothing is under way", function()
    local host = open { errors = true }
    local quiet, a = host:actor("Register", "quiet"), host:actor("Register", "a")
    quiet:set(7)
    a:set(1)
    host:sleep("Register", "quiet")
    host:hold(true)
    local failing = host:start("Register", "a", "set", 2)
    host:run()
    local reading = host:start("Register", "quiet", "get")
    host:run()
    assert.is_true(reading:is_done())
    host:sleep("Register", "quiet")
    host:fail_next "write"
    local again = host:start("Register", "quiet", "get")
    host:hold(false)
    assert.equal("storage_error", hosts.failure_of(failing.get, failing).code)
    assert.equal(7, again:get())
  end)

  it("loses nothing that was answered in a crash, and nothing else is half there", function()
    local host = open()
    local a = host:actor("Register", "a")
    a:set(1)
    host:hold(true)
    local call = host:start("Register", "a", "set", 2)
    host:run()
    host:crash()
    assert.equal("connection_lost", hosts.failure_of(call.get, call).code)
    assert.equal(1, a:get())
  end)

  it("gates what is read anew after the actor slept on something held", function()
    local host = open()
    local a = host:actor("Register", "a")
    a:set(1)
    host:hold(true)
    host:start("Register", "a", "set", 2)
    host:start_sleep("Register", "a")
    local get = host:start("Register", "a", "get")
    host:run()
    assert.is_false(get:is_done())
    host:hold(false)
    assert.equal(2, get:get())
  end)
end)
