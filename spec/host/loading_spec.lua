-- A state comes from its records into memory: whatever was answered can be loaded again, and others have their turns
-- meanwhile.
local hosts = require "spec.support.hosts"
local troupe = require "troupe.test"

local MIB = 1024 * 1024

local hoard = hosts.class("Hoard", [[
  function Class:initialize_state() return { n = 0, items = {} } end
  function Class:add(_, count, size)
    local items = self.state.items
    for i = 1, count do items[#items + 1] = { text = ("x"):rep(size), place = i } end
    self.state.n = #items
    return #items
  end
  function Class:count() return #self.state.items end
  function Class:bump() self.state.n = self.state.n + 1; return self.state.n end
  function Class:sum()
    local sum = 0
    for _, item in ipairs(self.state.items) do sum = sum + #item.text end
    return sum
  end
  function Class:needs(_, size) return #("y"):rep(size) end
  function Class:ping() return "pong" end
]])

local function open(options)
  return hosts.open({ ["hoard.lua"] = hoard }, options)
end

-- A host that the spec closes itself.
local function open_own(settings)
  local host = troupe.host(settings)
  return setmetatable({}, { __index = host, __close = function() host:close() end })
end

-- A hoard of `count` tables with records of their own, asleep.
local function asleep(host, key, count)
  local actor = host:actor("Hoard", key)
  actor:add(count, 300)
  host:sleep("Hoard", key)
  return actor
end

-- Begins a call, which then is in the midst of loading its actor: what a call has done the committer answers.
local function start_loading(host, method)
  local call = host:start("Hoard", "h", method)
  assert.is_true(host:step(1))
  host:step "committer"
  assert.is_false(call:is_done())
  return call
end

describe("A state", function()
  after_each(hosts.close_all)

  it("that has grown over the memory of a call is loaded, and the call has all of its own", function()
    local host = open { limits = { call_bytes = 4 * MIB, vm_bytes = 256 * MIB } }
    local actor = host:actor("Hoard", "h")
    for _ = 1, 40 do actor:add(1, MIB) end
    for _, forget in ipairs { function() host:crash() end, function() host:sleep("Hoard", "h") end } do
      forget()
      assert.equal(40 * MIB, actor:sum())
      forget()
      assert.equal(3 * MIB, actor:needs(3 * MIB))
      forget()
      assert.equal(40, host:inspect("Hoard", "h").n)
    end
    assert.equal(41, actor:bump())
  end)

  it("is loaded however much time passes, and that of the call begins behind it", function()
    local host = open { pause_ms = 0, limits = { call_wall_ms = 5000 } }
    asleep(host, "h", 50)
    local call = start_loading(host, "bump")
    host:advance(3600)
    assert.equal(51, call:get())
  end)

  it("is loaded with more processor time than a call may take, which has all of its own", function()
    local host = open { look_us = 100000, limits = { call_cpu_ms = 5000 } }
    local actor = host:actor("Hoard", "h")
    for _ = 1, 30 do actor:add(100, 300) end      -- 9,000 records: 140 looks of 100 ms
    host:sleep("Hoard", "h")
    assert.equal(900000, actor:sum())
  end)

  it("is loaded while others have their turns, and its own calls wait", function()
    local host = open { pause_ms = 0 }
    asleep(host, "h", 50)
    local first, second = host:start("Hoard", "h", "bump"), host:start("Hoard", "h", "bump")
    local other = host:start("Hoard", "other", "ping")
    repeat
      assert.is_true(host:step(1))
      host:step "committer"
    until other:is_done()
    assert.is_false(first:is_done())
    assert.equal("pong", other:get())
    assert.equal(51, first:get())
    assert.equal(52, second:get())
  end)

  -- Each step of the worker reads one record, and between two of them others fill tables that go to the store.
  it("is loaded while its records go from memory to the store", function()
    local host = open { pause_ms = 0, checkpoint_bytes = 30000, portion_records = 7 }
    host:hold_checkpoints(true)
    asleep(host, "h", 100)
    local call, rounds = start_loading(host, "sum"), 0
    while not call:is_done() do
      rounds = rounds + 1
      if rounds == 20 then host:hold_checkpoints(false) end
      if rounds % 10 == 0 then host:start("Hoard", "other", "add", 20, 300) end
      host:step(1)
      host:step "committer"
      if rounds > 20 then host:step "checkpointer" end
    end
    assert.equal(30000, call:get())
    assert.is_true(rounds > 100)
  end)

  it("is lost to a call that was loading it when its epoch ended, and loaded by the next", function()
    local host = open { pause_ms = 0, errors = true }
    local actor = asleep(host, "h", 50)
    host:hold(true)
    local lost = host:start("Hoard", "h", "add", 50, 300)
    local sleep = host:start_sleep("Hoard", "h")
    host:run()
    local call = host:start("Hoard", "h", "count")
    host:step(1)
    assert.is_false(call:is_done())
    host:fail_next "write"
    host:hold(false)
    local failure = hosts.failure_of(call.get, call)
    assert.same({ "storage_error", "what the call had saved or seen could not be made durable" },
                { failure.code, failure.message })
    assert.equal("storage_error", hosts.failure_of(lost.get, lost).code)
    pcall(sleep.get, sleep)
    assert.equal(50, actor:count())
  end)

  it("is loaded to its end where the host stops, and not where it crashes", function()
    local folder = hosts.folder { ["hoard.lua"] = hoard }
    for _, stops in ipairs { true, false } do
      local settings = { actors = folder, data = folder .. "/" .. tostring(stops), pause_ms = 0 }
      local host <close> = open_own(settings)
      asleep(host, "h", 50)
      local call = start_loading(host, "bump")
      if stops then host:close() else host:crash() end
      if not stops then assert.equal("connection_lost", hosts.failure_of(call.get, call).code) end
      local again <close> = stops and open_own(settings) or nil
      assert.equal(stops and 51 or 50, (again or host):state("Hoard", "h").n)
    end
  end)

  it("takes the place of idle actors where memory is full, and is refused where it is larger than all", function()
    local folder = hosts.folder { ["hoard.lua"] = hoard }
    local function with(vm_bytes, use)
      local host <close> = open_own {
        actors = folder, data = folder .. "/data", limits = { vm_bytes = vm_bytes, call_bytes = 2 * MIB },
      }
      use(host)
    end
    with(48 * MIB, function(host)
      for key = 1, 4 do
        for _ = 1, 20 do host:actor("Hoard", key):add(1, MIB) end
      end
      for _ = 1, 3 do
        for key = 1, 4 do assert.equal(20 * MIB, host:actor("Hoard", key):sum()) end
      end
    end)
    with(MIB, function(host)
      local large = host:actor("Hoard", 1)
      for _ = 1, 2 do
        assert.equal("out_of_memory", hosts.failure_of(large.sum, large).code)
        assert.equal("pong", host:actor("Hoard", "other"):ping())
      end
    end)
    with(48 * MIB, function(host) assert.equal(20 * MIB, host:actor("Hoard", 1):sum()) end)
  end)
end)
