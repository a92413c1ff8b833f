-- The wall clock is set, the host ends and starts: what is kept for a time is kept for that time, and scripts read the
-- clock.
local hosts = require "spec.support.hosts"

local HOUR_S = 60 * 60
local DAY_S = 24 * HOUR_S
local YEAR_S = 365 * DAY_S
local START_S = 1767225600               -- where the kit's clock begins

local class = hosts.class("Clock", [[
  function Class:initialize_state() return { n = 0 } end
  function Class:add() self.state.n = self.state.n + 1; return self.state.n end
  function Class:now() return now() end
  function Class:read() return { now = now(), time = os.time(), clock = os.clock(), date = os.date("!%Y-%m-%d") } end
  function Class:type() return math.type(now()) end
  function Class:stop_at(_, name) self.state.name = name end
  function Class:on_stop() self.kv:put("stopped", now()) end
]])

local function open(options)
  return hosts.open({ ["clock.lua"] = class }, options)
end

local function keyed(host, key) return host:actor("Clock", "a", { idempotency_key = key or "k" }) end
local function plain(host) return host:actor("Clock", "a") end

describe("A repeat does not run because the clock was set", function()
  after_each(hosts.close_all)

  local function check(host, seconds)
    host:jump(seconds)
    assert.equal(1, keyed(host):add())
    host:advance(HOUR_S)
    assert.equal(1, keyed(host):add())
    host:crash()
    assert.equal(1, keyed(host):add())
    host:stop()
    assert.equal(1, keyed(host):add())
  end

  for name, seconds in pairs {
    ["back by a day"] = -DAY_S, ["back by two days"] = -2 * DAY_S, ["forward by a day"] = DAY_S,
    ["forward by a year"] = YEAR_S, ["back to 1970"] = -START_S,
  } do
    it(name, function()
      local host = open()
      assert.equal(1, keyed(host):add())
      check(host, seconds)
    end)

    it(name .. ", while no host runs", function()
      local host = open()
      assert.equal(1, keyed(host):add())
      host:crash(10)
      check(host, seconds)
    end)
  end

  it("right a second after a start in 1970", function()
    local host = open { time = 0 }
    assert.equal(1, keyed(host):add())
    host:advance(1)
    check(host, START_S)
    host:crash()
    host:jump(-START_S - HOUR_S)
    check(host, 0)
    check(host, START_S + DAY_S)
  end)

  it("to and fro, each time", function()
    local host = open()
    assert.equal(1, keyed(host):add())
    for _ = 1, 11 do                                         -- an hour passes in each check
      check(host, YEAR_S)
      check(host, -YEAR_S - DAY_S)
    end
  end)
end)

describe("A key is kept", function()
  after_each(hosts.close_all)

  it("for 24 hours in which the host ran, whatever the clock says", function()
    local host = open()
    assert.equal(1, keyed(host):add())
    for hour = 1, 23 do
      host:advance(HOUR_S)
      host:jump((hour % 3 - 1) * YEAR_S)
      if hour % 4 == 0 then host:stop() end
      if hour % 5 == 0 then host:crash(DAY_S) end
      assert.equal(1, keyed(host):add(), hour)
    end
    host:advance(HOUR_S)
    assert.equal(2, keyed(host):add())
  end)

  it("for an hour more, at most, where the host was killed in between", function()
    local host = open()
    assert.equal(1, keyed(host):add())
    host:advance(DAY_S - 1)
    host:crash(1)
    host:reopen()
    host:advance(1)
    assert.equal(1, keyed(host):add())
    host:advance(HOUR_S)
    assert.equal(2, keyed(host):add())
  end)

  it("also where the record of the clocks failed at first", function()
    local host = open { errors = true }
    assert.equal(1, keyed(host):add())
    host:fail_next "write"
    host:jump(-DAY_S)                                         -- which is to be saved
    host:advance(5)
    host:crash()
    host:jump(YEAR_S)
    assert.equal(1, keyed(host):add())
  end)

  it("where the host ends between a jump and the commit that tells of it", function()
    for _, seconds in ipairs { -DAY_S, YEAR_S } do
      local host = open()
      assert.equal(1, keyed(host):add())
      host:hold(true)
      host:jump(seconds)
      host:crash()
      assert.equal(1, keyed(host):add())
      host:advance(DAY_S + HOUR_S)
      assert.equal(2, keyed(host):add())
    end
  end)
end)

describe("How the clocks stand", function()
  after_each(hosts.close_all)

  local function commits(host, f)
    local before = host:stats().commits
    f()
    return host:stats().commits - before
  end

  it("is saved each hour, and when the clock is set back or right again, by more than a second", function()
    local host = open()
    assert.equal(0, commits(host, function() host:advance(HOUR_S - 1) end))
    assert.equal(1, commits(host, function() host:advance(1) end))
    assert.equal(24, commits(host, function() host:advance(DAY_S) end))
    assert.equal(0, commits(host, function() host:jump(-1) end))
    assert.equal(1, commits(host, function() host:jump(-1) end))
    assert.equal(1, commits(host, function() host:jump(2) end))
    assert.equal(0, commits(host, function() host:jump(YEAR_S) end))
    assert.equal(1, commits(host, function() host:jump(-YEAR_S) end))
    assert.equal(0, commits(host, function() host:advance(10) end))
  end)

  it("is saved again after a pause where that failed", function()
    local host = open { errors = true }
    plain(host):add()
    host:fail_next "write"
    assert.equal(0, commits(host, function() host:jump(-DAY_S) end))
    assert.equal(0, commits(host, function() host:advance(0.5) end))
    assert.equal(1, commits(host, function() host:advance(0.5) end))
    assert.equal(0, commits(host, function() host:advance(10) end))
  end)

  it("is saved by one worker, whichever notices", function()
    local host = open { workers = 3 }
    assert.equal(1, commits(host, function() host:jump(-DAY_S) end))
    host:step(2)
    host:step(3)
    assert.equal(1, commits(host, function() host:advance(HOUR_S) end))
  end)
end)

describe("now()", function()
  after_each(hosts.close_all)

  it("is seconds since 1970, a float with microseconds in it", function()
    local host = open()
    assert.equal("float", plain(host):type())
    assert.equal(START_S, plain(host):now())
    host:elapse(0.25)
    assert.equal(START_S + 0.25, plain(host):now())
    host:elapse(0.000001)
    assert.equal(1, math.floor((plain(host):now() - START_S - 0.25) * 1e6 + 0.5))
  end)

  it("reads the clock that Lua's own functions read, which can be set; what measures goes on", function()
    local host = open()
    local before = plain(host):read()
    assert.equal(before.now, before.time)
    host:jump(-DAY_S)
    local after = plain(host):read()
    assert.same({ START_S - DAY_S, START_S - DAY_S, before.clock, "2025-12-31" },
      { after.now, after.time, after.clock, after.date })
    host:advance(1)
    assert.equal(before.clock + 1, plain(host):read().clock)
    assert.equal(START_S - DAY_S + 1, plain(host):now())
  end)
end)

describe("The kit's clock", function()
  after_each(hosts.close_all)

  it("goes from due to due: what is due runs when it is, and not when all the time has passed", function()
    local host = open()
    plain(host):add()
    host:advance(HOUR_S)
    assert.equal(START_S + 60, host:kv("Clock", "a")[1].value)
    assert.equal(START_S + HOUR_S, plain(host):now())
  end)

  it("lets time pass before an ended host starts", function()
    local host = open()
    plain(host):add()
    host:crash()
    host:advance(100)
    assert.is_true(host:is_open())
    assert.equal(START_S + 100, plain(host):now())
    host:crash(10)
    assert.is_false(host:is_open())
    assert.equal(START_S + 110, plain(host):now())
    host:crash()
    assert.equal(START_S + 110, plain(host):now())
  end)

  it("jumps while the host runs, or has ended; no time passes", function()
    local host = open()
    plain(host):add()
    host:jump(YEAR_S)
    assert.equal(START_S + YEAR_S, plain(host):now())
    host:crash()
    host:jump(-2 * YEAR_S)
    assert.is_false(host:is_open())
    assert.equal(START_S - YEAR_S, plain(host):now())
    assert.is_nil(host:kv("Clock", "a")[1])                 -- it was never idle for a minute
  end)

  it("cannot be set to before 1970, nor go back otherwise", function()
    local host = open()
    for _, seconds in ipairs { -START_S - 1, 1e12, 0 / 0, math.huge, -math.huge, "x" } do
      assert.is_false(pcall(host.jump, host, seconds), tostring(seconds))
    end
    assert.is_false(pcall(host.advance, host, -1))
    assert.is_false(pcall(host.crash, host, -1))
    assert.equal(START_S, plain(host):now())
  end)

  it("does not move deadlines of calls with the wall clock", function()
    local host = open()
    host:hold(true)
    local call = host:start("Clock", "a", "add")
    host:jump(YEAR_S)
    host:jump(-2 * YEAR_S)
    assert.is_false(call:is_done())
    host:hold(false)
    assert.equal(1, call:get())
  end)
end)
