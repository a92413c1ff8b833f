-- Memory runs out at every place where something becomes due and runs: it runs once all the same, some time.
local hosts = require "spec.support.hosts"
local kit = require "spec.support.kit"

local clerk = hosts.class("Clerk", [[
  function Class:initialize_state() return { runs = array {} } end
  function Class:set(_, when, method, number) self.schedule:at(when, method, number) end
  function Class:runs() return self.state.runs end
  function Class:list() return self.schedule:list() end
  function Class:note(_, number) table.insert(self.state.runs, number) end
  function Class:save(_, number) self:note(nil, number); self:save_state() end
  function Class:last() self:destroy() end

  -- Each of them goes on, whatever has failed.
  function Class:caught(_, what)
    local schedule = self.schedule
    if what == "set" then return (pcall(schedule.after, schedule, 5, "note", 1)) end
    return (pcall(schedule.cancel, schedule, schedule:list()[1].id))
  end
]])

local clock = hosts.class("Clock", "function Class:read() return now() end")

local START = 1700000000

describe("Where memory runs out,", function()
  after_each(hosts.close_all)

  -- What is listed runs, and nothing else does: no schedule is half there.
  for _, what in ipairs { "set", "cancel" } do
    it("a schedule is whole or not there, also for a script that catches the error: " .. what, function()
      for _, count in ipairs(kit.FAILURES_IN_A_ROW) do
        local host = hosts.open({ ["clerk.lua"] = clerk }, { errors = true, time = START })
        local k = 0
        repeat
          k = k + 1
          assert(k < 1000, "no end of allocations")
          local place = ("k=%d, %d in a row"):format(k, count)
          local ann = host:actor("Clerk", k)
          if what == "cancel" then ann:caught "set" end
          ann:list()
          kit.fail_allocation(host, k, count)
          local answered, done = pcall(ann.caught, ann, what)
          local failed = kit.fail_allocation(host, 0)
          local pending = (answered and done) == (what == "set") and 1 or 0
          assert.equal(pending, #ann:list(), place)
          host:advance(5)
          assert.equal(pending, #ann:runs(), place)
          assert.equal(0, #ann:list(), place)
        until not failed
        host:close()
      end
    end)
  end

  -- Lets `method` be due while the k-th allocation of each step fails, of an actor that is in memory or not. Returns
  -- whether one has failed, what has run, and what is listed then.
  local function run(host, method, sleeps, k, count)
    local ann = host:actor("Clerk", k)
    ann:set(START + 1000 * k, method, 1)
    ann:set(START + 1000 * k, "note", 2)
    if sleeps then host:sleep("Clerk", k) end
    host:advance(START + 1000 * k - 1 - host:actor("Clock", 1):read())
    kit.fail_allocation(host, k, count)
    host:advance(1)
    local failed = kit.fail_allocation(host, 0)
    host:advance(1)
    host:advance(4)
    return failed, ann:runs(), ann:list()
  end

  for _, case in ipairs { "note asleep", "note awake", "save asleep", "save awake", "last asleep" } do
    local method, sleeps = case:match "%l+", case:find "asleep" ~= nil
    it("a schedule runs once: " .. case, function()
      for _, count in ipairs(kit.FAILURES_IN_A_ROW) do
        local host = hosts.open({ ["clerk.lua"] = clerk, ["clock.lua"] = clock }, { errors = true, time = START })
        local k = 0
        repeat
          k = k + 1
          assert(k < 1000, "no end of allocations")
          local place = ("k=%d, %d in a row"):format(k, count)
          local failed, runs, list = run(host, method, sleeps, k, count)
          table.sort(runs)
          assert.same(method == "last" and {} or { 1, 2 }, runs, place)
          if #list > 0 then                              -- it saved, and had no memory for its end
            assert.equal("save", method, place)
            assert.is_true(#list == 1 and list[1].failed and #list[1].error > 0, place)
          end
        until not failed
        host:close()
      end
    end)
  end
end)
