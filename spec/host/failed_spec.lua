-- What a host has given up, messages and schedules: operators see it, in pages, let it begin anew, or drop it.
local hosts = require "spec.support.hosts"
local troupe = require "troupe.test"

local worker = hosts.class("Worker", [==[
  local broken = {}                                   -- of the worker: no failed call undoes it
  function Class:initialize_state() return { done = array {} } end
  function Class:set(_, how, when, method, ...) return self.schedule[how](self.schedule, when, method, ...) end
  function Class:send_to(_, key, method, ...) self:send(self:actor("Worker", key), method, ...) end
  function Class:work(_, what)
    if broken[self.key[1]] then error(UserError("broken: " .. tostring(what))) end
    table.insert(self.state.done, what)
  end
  function Class:work_half(_, what)
    table.insert(self.state.done, what)
    self:save_state()
    error(UserError "after the save")
  end
  function Class:rest() end
  function Class:set_broken(_, is_broken) broken[self.key[1]] = is_broken end
  function Class:done() return self.state.done end
  function Class:list() return self.schedule:list() end
  function Class:leave() self:destroy() end
  function Class:hold_on()
    self:save_state()
    return self.state.done
  end
]==])

local HOURS = 4                                        -- in which ten tries are over

local function open(workers, options)
  options = options or {}
  options.workers, options.errors = workers, true     -- what is given up is a line of level error
  return hosts.open({ ["worker.lua"] = worker }, options)
end

-- Time passes in steps that are shorter than any pause of consequence, whatever the kit's clock does with long ones.
local function wait(host, hours)
  for _ = 1, hours * 60 do host:advance(60) end
end

local function give_up_schedule(host, key, ...)
  local actor = host:actor("Worker", key)
  actor:set_broken(true)
  return actor:set("after", 1, "work", ...)
end

-- A schedule of "a" and a message to it are given up. Returns both as the host shows them.
local function give_up_both(host)
  give_up_schedule(host, "a", "schedule")
  host:actor("Worker", "from"):send_to("a", "work", "message")
  wait(host, HOURS)
  local found = host:failed()
  assert.equal(2, #found)
  return found
end

for _, workers in ipairs { 1, 3 } do
  describe(("What was given up, with %d workers,"):format(workers), function()
    after_each(hosts.close_all)

    it("is nothing at first", function()
      local host = open(workers)
      host:actor("Worker", "a"):work(1)
      assert.same({}, host:failed())
    end)

    it("shows a schedule after its last try, whose it is, and with what", function()
      local host = open(workers)
      local id = give_up_schedule(host, { "eu", 1 }, "x", { y = troupe.array {} })
      assert.same({}, host:failed())
      wait(host, HOURS)
      local found = host:failed()
      assert.equal(1, #found)
      local one = found[1]
      assert.matches("^s%-%d+%-%d+%-" .. id .. "$", one.id)
      assert.same({ "schedule", "Worker", "work" }, { one.kind, one.class, one.method })
      assert.same({ "eu", 1 }, { table.unpack(one.key) })
      assert.same({ { "x", { y = {} } }, 10 }, { one.args, one.tries })
      assert.matches("broken: x", one.error)
      assert.is_nil(one.sender)
      assert.equal("number", type(one.due))
    end)

    it("shows a message after its last try, and who has sent it", function()
      local host = open(workers)
      host:actor("Worker", "to"):set_broken(true)
      host:actor("Worker", "from"):send_to("to", "work", 7)
      host:actor("Worker", "from"):send_to("to", "work", 8)
      wait(host, HOURS)
      local found = host:failed()
      assert.equal(1, #found)                            -- the other one has had its turn behind it
      local one = found[1]
      assert.matches("^m%-%d+%-%d+%-%d+%-%d+$", one.id)
      assert.same({ "message", "Worker", "to", "work" }, { one.kind, one.class, one.key, one.method })
      assert.same({ { 7 }, 10, { class = "Worker", key = "from" } }, { one.args, one.tries, one.sender })
      assert.matches("broken: 7", one.error)
      wait(host, HOURS)
      assert.equal(2, #host:failed())
    end)

    it("begins anew when an operator says so, and is not there any more", function()
      local host = open(workers)
      local found = give_up_both(host)
      host:actor("Worker", "a"):set_broken(false)
      for _, one in ipairs(found) do host:retry(one.id) end
      host:run()
      assert.same({}, host:failed())
      local done = host:actor("Worker", "a"):done()
      table.sort(done)
      assert.same({ "message", "schedule" }, { table.unpack(done) })
      assert.same({}, { table.unpack(host:actor("Worker", "a"):list()) })
      local log = host:log()
      assert.matches("begun anew by an operator[^\n]*class=Worker[^\n]*failed=" .. found[1].id:gsub("%-", "%%-"), log)
      host:crash()
      assert.equal(2, #host:actor("Worker", "a"):done())
      assert.same({}, host:failed())
    end)

    it("has all its tries again where it begins anew", function()
      local host = open(workers)
      for _, one in ipairs(give_up_both(host)) do host:retry(one.id) end
      host:run()
      assert.same({}, host:failed())
      local listed = host:actor("Worker", "a"):list()[1]
      assert.same({ 1, false }, { listed.tries, listed.failed })
      wait(host, HOURS)
      local found = host:failed()
      assert.same({ 10, 10 }, { found[1].tries, found[2].tries })
    end)

    it("goes where an operator drops it", function()
      local host = open(workers)
      local found = give_up_both(host)
      host:drop(found[1].id)
      assert.same({ found[2].id }, { host:failed()[1].id })
      host:drop(found[2].id)
      assert.same({}, host:failed())
      host:actor("Worker", "a"):set_broken(false)
      host:crash()
      wait(host, HOURS)
      assert.same({}, host:failed())
      assert.same({}, { table.unpack(host:actor("Worker", "a"):done()) })
      assert.same({}, { table.unpack(host:actor("Worker", "a"):list()) })
    end)

    it("is not found by an id that nothing has, or has any more", function()
      local host = open(workers)
      give_up_schedule(host, "a", "x")
      wait(host, HOURS)
      local id = host:failed()[1].id
      host:drop(id)
      for _, gone in ipairs { id, "s-0-1-1", "s-1023-281474976710655-9223372036854775807", "m-5-1-2-3" } do
        for _, what in ipairs { "retry", "drop" } do
          local ok, err = pcall(host[what], host, gone)
          assert.same({ false, "failed_not_found" }, { ok, err.code }, gone)
          assert.matches(gone, err.message, 1, true)
        end
      end
    end)

    it("goes with its actor", function()
      local host = open(workers)
      give_up_schedule(host, "a", "x")
      wait(host, HOURS)
      assert.equal(1, #host:failed())
      host:actor("Worker", "a"):leave()
      assert.same({}, host:failed())
    end)

    it("comes in pages, each thing once, in whatever size", function()
      local host = open(workers)
      local wanted = {}
      for number = 1, 23 do
        local key = "k" .. number
        host:actor("Worker", key):set_broken(true)
        host:actor("Worker", key):set("after", 1, "work", number)
        if number % 3 == 0 then host:actor("Worker", key):set("after", 1, "work", number) end
        if number % 2 == 0 then host:actor("Worker", "from"):send_to(key, "work", number) end
      end
      wait(host, HOURS)
      local all = host:failed()
      assert.equal(23 + 7 + 11, #all)
      for _, one in ipairs(all) do wanted[#wanted + 1] = one.id end
      for _, size in ipairs { 1, 2, 5, 40, 41, 42 } do
        local found = {}
        for _, one in ipairs(host:failed(size)) do found[#found + 1] = one.id end
        assert.same(wanted, found)
      end
      host:checkpoint()
      for i, one in ipairs(all) do if i % 2 == 0 then host:drop(one.id) end end
      local left = {}
      for _, one in ipairs(host:failed(3)) do left[#left + 1] = one.id end
      for i = #wanted, 1, -1 do if i % 2 == 0 then table.remove(wanted, i) end end
      assert.same(wanted, left)
    end)

    it("is told only once it is durable", function()
      local host = open(workers)
      give_up_schedule(host, "a", "x")
      wait(host, HOURS)
      local id = host:failed()[1].id
      host:hold(true)
      local dropped = host:start_drop(id)
      host:run()
      local listed = host:start_failed()
      host:run()
      assert.same({ false, false }, { dropped:is_done(), listed:is_done() })
      host:hold(false)
      assert.is_nil(dropped:get())
      assert.same({}, listed:get().failed)
    end)

    it("waits for the run that is under way", function()
      local host = open(workers)
      host:actor("Worker", "a"):set("after", 1, "work_half", "half")
      host:advance(2)
      local found = host:failed()
      assert.equal(1, #found)
      assert.matches("after the save", found[1].error)
      host:hold(true)
      local call = host:start("Worker", "a", "hold_on")
      host:run()
      local dropped = host:start_drop(found[1].id)
      host:run()
      host:hold(false)
      assert.is_nil(dropped:get())
      assert.same({ "half" }, { table.unpack(call:get()) })
      assert.same({}, host:failed())
    end)

    it("is refused while nothing can be written, and stays", function()
      local host = open(workers)
      give_up_schedule(host, "a", "x")
      wait(host, HOURS)
      local id = host:failed()[1].id
      host:fail_next("write")
      local ok, err = pcall(host.drop, host, id)
      assert.same({ false, "storage_error" }, { ok, err.code })
      assert.equal(id, host:failed()[1].id)
      host:drop(id)
      assert.same({}, host:failed())
    end)
  end)
end

describe("A message that begins anew", function()
  after_each(hosts.close_all)

  it("comes behind a later one of its sender that waits for another try", function()
    local host = open(1)
    host:actor("Worker", "to"):set_broken(true)
    host:actor("Worker", "from"):send_to("to", "work", 1)
    host:actor("Worker", "from"):send_to("to", "work", 2)
    wait(host, HOURS)
    local found = host:failed()
    assert.same({ 1, { 1 } }, { #found, found[1].args })
    host:actor("Worker", "to"):set_broken(false)
    host:retry(found[1].id)
    wait(host, HOURS)
    assert.same({ 2, 1 }, { table.unpack(host:actor("Worker", "to"):done()) })
    assert.same({}, host:failed())
  end)

  it("does not count for its sender, which may have been destroyed", function()
    local host = open(1, { limits = { waiting_sends = 1 } })
    host:actor("Worker", "to"):set_broken(true)
    host:actor("Worker", "from"):send_to("to", "work", 1)
    wait(host, HOURS)
    local id = host:failed()[1].id
    host:retry(id)
    host:actor("Worker", "from"):send_to("other", "work", 2)
    host:actor("Worker", "from"):leave()
    host:actor("Worker", "to"):set_broken(false)
    wait(host, HOURS)
    assert.same({ 1 }, { table.unpack(host:actor("Worker", "to"):done()) })
  end)

  it("is there again after a crash, whenever that comes", function()
    local host = open(3)
    host:actor("Worker", "to"):set_broken(true)
    host:actor("Worker", "from"):send_to("to", "work", 1)
    wait(host, HOURS)
    local id = host:failed()[1].id
    host:hold(true)
    host:start_retry(id)
    host:run()
    host:crash()
    assert.equal(id, host:failed()[1].id)               -- it was not durable
    host:actor("Worker", "to"):set_broken(true)
    host:retry(id)
    host:crash()
    host:actor("Worker", "to"):set_broken(false)
    wait(host, HOURS)
    assert.same({ 1 }, { table.unpack(host:actor("Worker", "to"):done()) })
    assert.same({}, host:failed())
  end)
end)
