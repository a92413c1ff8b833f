-- Who waits for whom on one worker: a step ends when it has lasted for some milliseconds, by the processor clock, which
-- here moves on with each look at it; so one actor with much to do keeps no other from its turn.
local hosts = require "spec.support.hosts"

local CALLS = 10

-- A look at the clock falls into each grinding.
local mill = hosts.class("Mill", [[
  local function grind() for _ = 1, 20000 do end end
  function Class:initialize_state() return { n = 0 } end
  function Class:grind() grind(); print "ground" end
  function Class:save_and_grind()
    self.state.n = self.state.n + 1
    self:save_state()
    grind()
    print "ground"
  end
  function Class:fill(_, count) for i = 1, count do self.kv:put(i, i) end end
  function Class:count() grind(); self.kv:count(); print "counted" end
  function Class:greet() print "hello" end
]])

describe("A step of a worker", function()
  after_each(hosts.close_all)

  local function open(look_us, pause_ms)
    return hosts.open({ ["mill.lua"] = mill }, { look_us = look_us, pause_ms = pause_ms })
  end

  local function step(host) host:step(1) end

  -- How often each of these was printed since the last look.
  local function counts(host, ...)
    local log, found = host:log(), {}
    for i, what in ipairs { ... } do found[i] = select(2, log:gsub(" " .. what .. " ", "")) end
    return table.unpack(found)
  end

  it("ends after the first turn that has lasted long", function()
    local host = open(5000)
    for _ = 1, CALLS do host:start("Mill", "busy", "grind") end
    for _ = 1, CALLS do
      step(host)
      assert.equal(1, counts(host, "ground"))
    end
  end)

  it("goes on as long as it has not lasted long", function()
    local host = open(0)
    for _ = 1, CALLS do host:start("Mill", "busy", "grind") end
    step(host)
    assert.equal(CALLS, counts(host, "ground"))
  end)

  it("lets a newcomer wait for no more than one call of each that came before", function()
    local host = open(5000)
    for _ = 1, CALLS do
      host:start("Mill", "one", "grind")
      host:start("Mill", "two", "grind")
    end
    step(host)
    host:log()
    host:start("Mill", "newcomer", "greet")
    for _ = 1, 3 do step(host) end
    assert.same({ 2, 1 }, { counts(host, "ground", "hello") })
  end)

  for look_us, at_once in pairs { [0] = 3, [5000] = 1 } do
    local title = (", goes on with %d of three that may, where a look takes %d microseconds"):format(at_once, look_us)

    it("after saves" .. title, function()
      local host = open(look_us)
      for number = 1, 3 do host:start("Mill", number, "save_and_grind") end
      for _ = 1, 3 do step(host) end
      assert.equal(0, counts(host, "ground"))
      host:step "committer"
      for _ = 1, 3 // at_once do
        step(host)
        assert.equal(at_once, counts(host, "ground"))
      end
    end)

    it("after pauses" .. title, function()
      local host = open(look_us, 0)
      for number = 1, 3 do host:actor("Mill", number):fill(3) end
      for number = 1, 3 do host:start("Mill", number, "count") end
      local left = 3
      while left > 0 do
        step(host)
        local counted = counts(host, "counted")
        assert.is_true(counted == 0 or counted == at_once)
        left = left - counted
      end
    end)
  end
end)
