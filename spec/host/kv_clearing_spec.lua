-- self.kv: what becomes of what is deleted. A delete of very many entries is one commit, which goes to the store in
-- portions, between which others have their turns. Deleted entries stand in memory until a checkpoint has cleared them
-- away; walks pass them under the limits of the call, let others have their turns, and have them cleared away in time.
local hosts = require "spec.support.hosts"

local store = hosts.store [[
  function Class:fill(_, first, last) for i = first, last do self.kv:put(i, i) end end
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
]]

local ENTRIES, PORTION = 400, 20

-- Ways to delete all but what the last of them leaves.
local ways = {
  delete_all = { "delete_all", nil, 0 },
  delete_range = { "delete_range", {}, 0 },
  ["delete_range with a limit"] = { "delete_range", { limit = ENTRIES - 10, reverse = true }, 10 },
}

describe("A delete of many entries", function()
  after_each(hosts.close_all)

  local CHECKPOINT_BYTES = 5000

  -- A host whose actor "many" has them in the store.
  local function open()
    local settings = { portion_records = PORTION, checkpoint_bytes = CHECKPOINT_BYTES, pause_ms = 0 }
    local host = hosts.open({ ["store.lua"] = store }, settings)
    host:actor("Store", "many"):fill(1, ENTRIES)
    host:actor("Store", "other"):put("kept", 1)
    host:checkpoint()
    host:log()
    return host
  end

  -- Steps all but the checkpointer, until a call has its answer.
  local function call(host, name, method, ...)
    local pending = host:start("Store", name, method, ...)
    for _ = 1, 10 * ENTRIES do
      if pending:is_done() then break end
      host:step(1)
      host:step "committer"
    end
    return pending:result()
  end

  -- Deletes, and makes a checkpoint due.
  local function delete(host, method, options)
    call(host, "many", method, options)
    call(host, "other", "put", "large", ("x"):rep(CHECKPOINT_BYTES))
  end

  -- Steps the checkpointer, and the worker as far as it takes part, until a portion is written; false where it rests.
  local function write_portion(host)
    repeat
      host:step "checkpointer"
      host:step(1)
      local log = host:log()
      if log:find "checkpoint done" then return false end
    until not log:find "checkpoint begun"
    return true
  end

  for name, way in pairs(ways) do
    local method, options, left = table.unpack(way, 1, 3)

    it("lets others be answered between its portions: " .. name, function()
      local host = open()
      delete(host, method, options)
      local answered = 0
      while write_portion(host) do
        answered = answered + 1
        call(host, "other", "put", "n", answered)
        assert.equal(answered, call(host, "other", "get", "n"))
        assert.equal(left, call(host, "many", "count"))
        assert.is_true(answered < ENTRIES)
      end
      assert.is_true(answered >= (ENTRIES - left) / PORTION)
      assert.equal(left, call(host, "many", "count"))
    end)

    it("is whole after a crash behind any of its portions, and nothing before it is durable: " .. name, function()
      local host = open()
      host:hold(true)
      local pending = host:start("Store", "many", method, options)
      host:run()
      assert.is_false(pending:is_done())
      host:crash()
      host:hold(false)
      local many = host:actor("Store", "many")
      assert.equal(ENTRIES, many:count())
      local portions = 0
      repeat
        many:fill(1, ENTRIES)
        host:checkpoint()
        host:log()
        delete(host, method, options)
        local more = true
        for _ = 1, portions do more = more and write_portion(host) end
        host:crash()
        assert.equal(left, many:count())
        assert.equal(left, many:count { reverse = true })
        assert.equal(1, host:actor("Store", "other"):get "kept")
        portions = portions + 3
      until not more
      assert.is_true(portions > (ENTRIES - left) / PORTION)
    end)
  end

  it("counts with its two bounds, however much it deletes", function()
    local host = hosts.open({ ["store.lua"] = store }, { limits = { commit_bytes = 5000 } })
    local many = host:actor("Store", "many")
    for i = 0, 9 do many:fill(i * 100 + 1, i * 100 + 100) end
    local before = host:stats()
    assert.equal(1000, many:delete_range { start = 0 })
    local after = host:stats()
    assert.equal(1, after.commits - before.commits)
    assert.is_true(after.bytes - before.bytes < 200)
    host:crash()
    assert.equal(0, many:count())
  end)
end)

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
