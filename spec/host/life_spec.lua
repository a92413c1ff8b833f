-- An actor's life in memory: it starts when it is called, sleeps when it is idle, and comes back as it was.
local hosts = require "spec.support.hosts"

local source = hosts.class("Sleeper", [[
  function Class:initialize_state() return { starts = 0, stops = 0, payload = ("x"):rep(self.key[2] or 0) } end
  function Class:on_start() self.state.starts = self.state.starts + 1; self.memory = 0 end
  function Class:on_stop()
    self.state.stops = self.state.stops + 1
    if self.state.fail then error "cannot stop" end
  end
  function Class:look() self.memory = self.memory + 1; return { self.state.starts, self.state.stops, self.memory } end
  function Class:fail_to_stop() self.state.fail = true end
  function Class:inspect_state() return { shown = self.state.starts } end
  function Class:time() return os.time() end
]])

describe("An actor", function()
  after_each(hosts.close_all)

  it("leaves memory when idle, and its fields with it; the state stays", function()
    local host = hosts.open { ["sleeper.lua"] = source }
    local actor = host:actor("Sleeper", "s")
    assert.same({ 1, 0, 1 }, actor:look())
    host:advance(30)
    assert.same({ 1, 0, 2 }, actor:look())
    host:advance(59)
    assert.same({ 1, 0, 3 }, actor:look())
    host:advance(61)
    assert.same({ 2, 1, 1 }, actor:look())
    host:sleep("Sleeper", "s")
    assert.same({ 3, 2, 1 }, actor:look())
    host:crash()
    assert.same({ 4, 2, 1 }, actor:look())
  end)

  it("takes no more than 512 bytes of the VM while it is idle, with a state of two fields", function()
    local ACTORS, BYTES_MAX = 2000, 512
    local host = hosts.open { ["pair.lua"] = hosts.class("Pair", [[
      function Class:initialize_state() return { count = 0, name = "a name" } end
      function Class:get() return self.state.count end
      function Class:add() self.state.count = self.state.count + 1 end
    ]]) }
    local function bytes_after(method)
      local before = host:memory()
      for number = 1, ACTORS do host:start("Pair", number, method) end
      host:run()
      return (host:memory() - before) / ACTORS
    end
    host:actor("Pair", 1):get()
    local added = bytes_after "add"
    assert(added <= BYTES_MAX, added)
    host:crash()
    host:actor("Pair", 1):get()
    local read = bytes_after "get"
    assert(read <= BYTES_MAX, read)
    assert(bytes_after "add" < 1)
  end)

  it("sleeps although on_stop fails; nothing of that stays", function()
    local host = hosts.open({ ["sleeper.lua"] = source }, { errors = true })
    local actor = host:actor("Sleeper", "s")
    actor:fail_to_stop()
    host:sleep("Sleeper", "s")
    assert.matches("cannot stop", host:log())
    assert.same({ 2, 0, 1 }, actor:look())
  end)

  it("leaves memory sooner when the VM is full", function()
    local host = hosts.open({ ["sleeper.lua"] = source },
                            { limits = { vm_bytes = 32 * 1024 * 1024, call_bytes = 16 * 1024 * 1024 } })
    for i = 1, 100 do
      assert.same({ 1, 0, 1 }, host:actor("Sleeper", { i, 1024 * 1024 }):look())
    end
    assert.same({ 2, 1, 1 }, host:actor("Sleeper", { 1, 1024 * 1024 }):look())
  end)

  -- More of them come in one step of the worker than would fit, were those who leave not faster.
  it("leaves memory sooner when the VM is full of small ones, and those that were used last stay", function()
    local host = hosts.open({ ["sleeper.lua"] = source },
                            { limits = { vm_bytes = 8 * 1024 * 1024, call_bytes = 16 * 1024 * 1024 } })
    local waves, wave = 12, 1024
    for w = 1, waves do
      local calls = {}
      for i = 1, wave do calls[i] = host:start("Sleeper", { w * wave + i }, "look") end
      host:run()
      for i = 1, wave do assert.same({ 1, 0, 1 }, calls[i]:get()) end
    end
    assert.is_true(host:memory() < 6 * 1024 * 1024)
    assert.same({ 1, 0, 2 }, host:actor("Sleeper", { waves * wave + wave }):look())
    assert.same({ 2, 1, 1 }, host:actor("Sleeper", { wave + 1 }):look())
  end)

  it("stays when the VM is full of it alone; the host comes to rest all the same", function()
    local host = hosts.open({ ["sleeper.lua"] = source },
                            { limits = { vm_bytes = 8 * 1024 * 1024, call_bytes = 16 * 1024 * 1024 } })
    local actor = host:actor("Sleeper", { 1, 7 * 1024 * 1024 })
    for i = 1, 3 do assert.same({ 1, 0, i }, actor:look()) end
  end)

  it("shows what inspect_state gives", function()
    local host = hosts.open { ["sleeper.lua"] = source }
    assert.is_nil(host:inspect("Sleeper", "s"))
    host:actor("Sleeper", "s"):look()
    assert.same({ shown = 1 }, host:inspect("Sleeper", "s"))
  end)

  it("reads the host's clock", function()
    local host = hosts.open({ ["sleeper.lua"] = source }, { time = 1000000 })
    local actor = host:actor("Sleeper", "s")
    assert.equal(1000000, actor:time())
    host:advance(3600)
    assert.equal(1003600, actor:time())
  end)

  it("has room for so many waiting calls and no more", function()
    local host = hosts.open({ ["sleeper.lua"] = source }, { limits = { waiting_calls = 10 } })
    local calls = {}
    for i = 1, 12 do calls[i] = host:start("Sleeper", "s", "look") end
    host:run()
    for i = 1, 10 do assert.equal(i, calls[i]:get()[3]) end
    for i = 11, 12 do assert.equal("overloaded", hosts.failure_of(calls[i].get, calls[i]).code) end
    assert.equal(11, host:actor("Sleeper", "s"):look()[3])
  end)
end)
