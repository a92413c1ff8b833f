-- self.kv: deleted entries stand in memory until a checkpoint has cleared them away. Walks pass them under the limits
-- of the call, let others have their turns, and have them cleared away in time.
local hosts = require "spec.support.hosts"

local store = hosts.class("Store", [[
  function Class:fill_and_empty(_, count)
    for i = 1, count do self.kv:put(i, i) end
    for i = 1, count do self.kv:delete(i) end
  end
  local walks = {}
  function walks.list(kv) return #kv:list { limit = 1 } end
  function walks.count(kv) return kv:count() end
  function walks.delete_range(kv) return kv:delete_range() end
  function walks.each(kv)
    local count = 0
    for _ in kv:each() do count = count + 1 end
    return count
  end
  function Class:walk(_, how, times)
    local sum = 0
    begun, ended = true, false
    for _ = 1, times do sum = sum + walks[how](self.kv) end
    ended = true
    return sum
  end
  function Class:look() return { begun == true, ended == true } end
]])

describe("Deleted entries of a kv", function()
  after_each(hosts.close_all)

  local function open(options, count)
    local host = hosts.open({ ["store.lua"] = store }, options)
    local actor = host:actor("Store", "s")
    actor:fill_and_empty(count)
    return host, actor
  end

  for _, how in ipairs { "list", "count", "each", "delete_range" } do
    it("are passed under the time limit of a call: " .. how, function()
      local _, actor = open({ errors = true, limits = { call_cpu_ms = 500 }, look_us = 1000 }, 5000)
      assert.equal(0, actor:walk(how, 1))
      assert.equal("timeout", hosts.failure_of(actor.walk, actor, how, 100).code)
    end)

    it("let others have their turns: " .. how, function()
      local host = open({ pause_ms = 0 }, 20)
      local walking = host:start("Store", "s", "walk", how, 1)
      local looking = host:start("Store", "other", "look")
      assert.equal(0, walking:get())
      assert.same({ true, false }, looking:get())
    end)
  end

  it("are cleared away when walks have passed them very often", function()
    local host, actor = open({ checkpoint_bytes = 64 << 20, look_us = 0 }, 5000)
    actor:walk("count", 800)
    assert.not_matches("checkpoint", host:log())
    actor:walk("count", 100)
    host:run()
    assert.matches("checkpoint done", host:log())
    assert.equal(0, actor:walk("count", 1))
  end)
end)
