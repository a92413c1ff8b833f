-- A call that bears an idempotency key runs at most once: its repeat gets what it answered.
local hosts = require "spec.support.hosts"
local kit = require "spec.support.kit"
local records = require "spec.support.records"
local troupe = require "troupe.test"

local HOUR_S = 60 * 60
local DAY_S = 24 * HOUR_S
local YEAR_S = 365 * DAY_S

local till = hosts.class("Till", [[
  local runs, broken = 0, false                    -- of the worker: no failed call undoes them
  function Class:initialize_state(input)
    if input == "refuse" then error(UserError "refused") end
    return { n = 0 }
  end
  function Class:get() return self.state.n end
  function Class:add(_, by)
    self.state.n = self.state.n + (by or 1)
    if broken then error(UserError "broken") end
    return self.state.n
  end
  function Class:set_broken(_, is_broken) broken = is_broken end
  function Class:count() runs = runs + 1; return runs end
  function Class:echo(_, ...) return ... end
  function Class:bears(rpc) return rpc.idempotency_key end
  function Class:save(_, how, times)
    for _ = 1, times or 1 do
      self.state.n = self.state.n + 1
      self:save_state()
    end
    self.state.n = self.state.n + 10
    if how == "fail" then error(UserError "after the save") end
    return self.state.n
  end
  function Class:save_nothing()
    runs = runs + 1
    self:save_state()
    error(UserError("run " .. runs))
  end
  function Class:empty() self.kv:put("k", 1); self.kv:delete_all(); self.kv:delete_range {}; return "emptied" end
]])

-- A client is known by its params; everything else about it is the key's.
local guarded = hosts.class("Guarded", [[
  function Class:initialize_state() return { n = 0, seen = 0 } end
  function Class:on_before_connect(params)
    self.state.seen = self.state.seen + 1
    if params ~= "ann" then error(UserError "not you") end
  end
  function Class:add() self.state.n = self.state.n + 1; return self.state.n end
]])

local function open(options)
  return hosts.open({ ["till.lua"] = till, ["guarded.lua"] = guarded }, options)
end

local function keyed(host, key, name)
  return host:actor("Till", name or "a", { idempotency_key = key })
end

local function start(host, key, method, ...)
  return host:start_with({ idempotency_key = key }, "Till", "a", method, ...)
end

-- How many keys are kept, of a host that had so many entries without any.
local function keys_beyond(host, entries) return (host:entries() - entries) / records.IDEMPOTENCY_KEY end

local function n_of(host) return host:state("Till", "a").n end

-- The same value, of the same kind of number; -0.0 and NaN too.
local function assert_exactly(expected, got)
  assert.equal(math.type(expected) or type(expected), math.type(got) or type(got))
  if math.type(expected) == "float" then
    assert.equal(string.pack("d", expected), string.pack("d", got))
  else
    assert.same(expected, got)
  end
end

describe("An idempotency key", function()
  after_each(hosts.close_all)

  it("makes a call run once, in memory, asleep and across a crash", function()
    local host = open()
    local once = keyed(host, "k")
    for _ = 1, 3 do assert.equal(5, once:add(5)) end
    host:sleep("Till", "a")
    assert.equal(5, once:add(5))
    host:crash()
    assert.equal(5, once:add(5))
    assert.equal(5, n_of(host))
    assert.equal(6, keyed(host, "other"):add(1))
    assert.equal(7, host:actor("Till", "a"):add(1))
    assert.equal(5, once:add(5))
  end)

  it("is of one actor", function()
    local host = open()
    assert.equal(5, keyed(host, "k"):add(5))
    assert.equal(7, keyed(host, "k", "b"):add(7))
    assert.equal(5, keyed(host, "k"):add(5))
    assert.equal(7, keyed(host, "k", "b"):add(7))
  end)

  it("keeps the result of a call that changed nothing, by a commit of its own", function()
    local host = open()
    host:actor("Till", "a"):count()
    local before = host:stats().commits
    assert.equal(2, keyed(host, "k"):count())
    assert.equal(before + 1, host:stats().commits)
    assert.equal(2, keyed(host, "k"):count())
    assert.equal(before + 1, host:stats().commits)
    host:crash()
    assert.equal(2, keyed(host, "k"):count())
    assert.equal(1, host:actor("Till", "a"):count())
  end)

  it("gives the result exactly", function()
    local host = open()
    local results = {
      1, 1.0, -0.0, 0.1, 2 ^ 53 + 1, math.mininteger, math.maxinteger, math.huge, 0 / 0, true, false, "", "\0\xff",
      ("x"):rep(1000000), {}, troupe.array {}, { 1, 2, { a = { troupe.null, 1.5 } } }, { [1.5] = true, x = {} },
    }
    for i, result in ipairs(results) do
      assert_exactly(result, keyed(host, "k" .. i):echo(result))
    end
    assert.is_nil(keyed(host, "nil"):echo())
    host:crash()
    for i, result in ipairs(results) do
      assert_exactly(result, keyed(host, "k" .. i):echo(result))
    end
    assert.is_nil(keyed(host, "nil"):echo())
  end)

  it("belongs to a method and its arguments", function()
    local host = open()
    local once = keyed(host, "k")
    once:add(5)
    local others = { { "add", 6 }, { "add" }, { "add", 5.0 }, { "add", 5, 5 }, { "get", 5 }, { "nowhere", 5 } }
    for _, other in ipairs(others) do
      local failure = hosts.failure_of(once[other[1]], once, table.unpack(other, 2))
      assert.equal("invalid_request", failure.code)
      assert.matches("its method or its arguments", failure.message)
    end
    assert.equal(5, once:add(5))
    assert.equal(5, n_of(host))
  end)

  it("of a call that failed is free: the repeat runs", function()
    local host = open()
    local plain, once = host:actor("Till", "a"), keyed(host, "k")
    plain:set_broken(true)
    for _ = 1, 2 do assert.equal("user_error", hosts.failure_of(once.add, once, 1).code) end
    local entries = host:entries()
    assert.equal("method_not_found", hosts.failure_of(once.nowhere, once).code)
    assert.equal(entries, host:entries())
    plain:set_broken(false)
    assert.equal(3, once:add(3))
    assert.equal(3, once:add(3))
  end)

  it("comes with the call that creates the actor, or not at all", function()
    local host = open()
    local function options(more)
      more.idempotency_key = "k"
      return host:actor("Till", "a", more)
    end
    local failure = hosts.failure_of(options { create = false }.add, nil, 1)
    assert.equal("actor_not_found", failure.code)
    assert.equal("refused", hosts.failure_of(options { input = "refuse" }.add, nil, 1).message)
    assert.equal(records.CLOCKS, host:entries())
    assert.equal(1, keyed(host, "k"):add(1))
    host:crash()
    assert.equal(1, options { create = false }:add(1))
    assert.equal(1, n_of(host))
  end)

  it("is seen by the call", function()
    local host = open()
    assert.equal("k!~", keyed(host, "k!~"):bears())
    assert.is_nil(host:actor("Till", "a"):bears())
  end)

  it("is 1 to 255 visible characters", function()
    local host = open()
    local refused = {
      [""] = "empty", [("x"):rep(256)] = "256 bytes; the most is 255", ["a b"] = "byte 0x20 at position 2",
      ["a\n"] = "byte 0x0a at position 2", ["\xc3\xa4"] = "byte 0xc3 at position 1",
      ["a\127"] = "byte 0x7f at position 2",
    }
    for key, message in pairs(refused) do
      local ok, problem = pcall(keyed(host, key).add)
      assert.is_false(ok)
      assert.matches(message, problem)
    end
    local longest = ("x"):rep(255)
    assert.equal(1, keyed(host, longest):add())
    assert.equal(1, keyed(host, longest):add())
  end)

  it("survives what empties the kv", function()
    local host = open()
    assert.equal(5, keyed(host, "k"):add(5))
    assert.equal("emptied", keyed(host, "empty"):empty())
    host:crash()
    assert.equal(5, keyed(host, "k"):add(5))
    assert.equal("emptied", keyed(host, "empty"):empty())
  end)

  it("does not count towards what a call may change", function()
    local host = open { limits = { commit_bytes = 200 } }
    local text = ("x"):rep(1000)
    assert.equal(text, keyed(host, "k"):echo(text))
    assert.equal(text, keyed(host, "k"):echo(text))
  end)

  it("lets nobody past on_before_connect", function()
    local host = open()
    local function call(who) return host:actor("Guarded", "g", { params = who, idempotency_key = "k" }) end
    assert.equal(1, call "ann":add())
    assert.equal(1, call "ann":add())
    local bob = call "bob"
    assert.equal("unauthorized", hosts.failure_of(bob.add, bob).code)
    assert.equal("unauthorized", hosts.failure_of(bob.add, bob, "other").code)
    assert.equal("invalid_request", hosts.failure_of(call "ann".add, nil, "other").code)
    assert.same({ n = 1, seen = 2 }, host:state("Guarded", "g"))
    host:crash()
    assert.equal("unauthorized", hosts.failure_of(bob.add, bob).code)
    assert.equal(1, call "ann":add())
    assert.same({ n = 1, seen = 3 }, host:state("Guarded", "g"))
  end)
end)

describe("A repeat", function()
  after_each(hosts.close_all)

  it("that comes before the call ends waits for it", function()
    local host = open()
    host:hold(true)
    local calls = { start(host, "k", "add", 1), start(host, "k", "add", 1) }
    host:run()
    assert.is_false(calls[1]:is_done() or calls[2]:is_done())
    calls[3] = start(host, "k", "add", 1)
    host:run()
    assert.is_false(calls[3]:is_done())
    host:hold(false)
    for i = 1, 3 do assert.equal(1, calls[i]:get()) end
    assert.equal(1, n_of(host))
  end)

  it("waits behind a call that saves", function()
    local host = open()
    host:actor("Till", "a"):get()
    host:hold(true)
    local first = start(host, "k", "save")
    host:run()
    local second, other = start(host, "k", "save"), start(host, "k", "save", "fail")
    host:run()
    assert.is_false(first:is_done() or second:is_done() or other:is_done())
    host:hold(false)
    assert.equal(11, first:get())
    assert.equal(11, second:get())
    assert.equal("invalid_request", hosts.failure_of(other.get, other).code)
    assert.equal(11, n_of(host))
  end)

  it("fails with the write that the call fails with, and then runs", function()
    local host = open { errors = true }
    host:actor("Till", "a"):get()
    local entries = host:entries()
    host:hold(true)
    local calls = { start(host, "k", "add", 1), start(host, "k", "add", 1) }
    host:run()
    host:fail_next "write"
    host:hold(false)
    for i = 1, 2 do assert.equal("storage_error", hosts.failure_of(calls[i].get, calls[i]).code) end
    assert.equal(entries, host:entries())
    assert.equal(2, keyed(host, "k"):add(2))
    assert.equal(2, keyed(host, "k"):add(2))
  end)

  it("of a call that was lost with the host gets its result, or runs", function()
    local host = open { errors = true }
    host:actor("Till", "a"):get()
    host:hold(true)
    local call = start(host, "k", "add", 1)
    host:run()
    host:crash()
    assert.equal("connection_lost", hosts.failure_of(call.get, call).code)
    assert.equal(1, keyed(host, "k"):add(1))
    host:fail_next "sync"
    call = start(host, "l", "add", 1)
    assert.equal("connection_lost", hosts.failure_of(call.get, call).code)
    assert.equal(2, keyed(host, "l"):add(1))
    assert.equal(2, n_of(host))
  end)

  it("gets the result of a call that saved and came to its end", function()
    local host = open()
    assert.equal(13, keyed(host, "k"):save("", 3))
    assert.equal(13, keyed(host, "k"):save("", 3))
    host:crash()
    assert.equal(13, keyed(host, "k"):save("", 3))
    assert.equal(13, n_of(host))
  end)

  it("costs a call that saves often no more than one that saves once", function()
    local host = open()
    local function bytes_of(actor, times)
      local before = host:stats().bytes
      actor:save("", times)
      return host:stats().bytes - before
    end
    local function more(times)
      return bytes_of(keyed(host, "k" .. times), times) - bytes_of(host:actor("Till", "a"), times)
    end
    host:actor("Till", "a"):get()
    assert.equal(more(3), more(7))
  end)

  it("of a call that failed after a save is told so, and does not run", function()
    local host = open()
    local once = keyed(host, "k")
    assert.equal("after the save", hosts.failure_of(once.save, once, "fail", 2).message)
    for _ = 1, 2 do
      local failure = hosts.failure_of(once.save, once, "fail", 2)
      assert.equal("interrupted", failure.code)
      assert.matches("failed after a save_state; what it saved stays", failure.message)
      assert.equal("invalid_request", hosts.failure_of(once.save, once, "fail", 3).code)
      assert.equal(2, n_of(host))
      host:crash()
    end
    host:reopen()
    host:advance(DAY_S)
    assert.equal("after the save", hosts.failure_of(once.save, once, "fail", 2).message)
    assert.equal(4, n_of(host))
  end)

  it("runs where the save was not durable, or had nothing to keep", function()
    local host = open { errors = true }
    local plain, once = host:actor("Till", "a"), keyed(host, "k")
    plain:get()
    host:fail_next "write"
    assert.equal("storage_error", hosts.failure_of(once.save, once).code)
    host:hold(true)
    local lost = start(host, "k", "save")
    host:run()
    host:crash()
    assert.equal("connection_lost", hosts.failure_of(lost.get, lost).code)
    assert.equal(11, once:save())
    for run = 1, 2 do
      local failure = hosts.failure_of(keyed(host, "nothing").save_nothing)
      assert.equal("run " .. run, failure.message)
    end
    assert.equal(11, once:save())
  end)

  it("of a call that made the actor with a save is told that it was interrupted", function()
    local host = open()
    local once = keyed(host, "k")
    hosts.failure_of(once.save_nothing, once)
    host:crash()
    assert.equal("interrupted", hosts.failure_of(once.save_nothing, once).code)
  end)
end)

describe("A key expires", function()
  after_each(hosts.close_all)

  it("after 24 hours in which the host ran, in which it is not renewed", function()
    local host = open()
    local once = keyed(host, "k")
    assert.equal(1, once:add(1))
    host:advance(DAY_S / 2)
    assert.equal(1, once:add(1))
    host:advance(DAY_S / 2 - 1)
    assert.equal(1, once:add(1))
    host:stop()
    host:advance(DAY_S)
    assert.equal(1, once:add(1))
    host:advance(1)
    assert.equal(2, once:add(1))
    assert.equal(2, once:add(1))
    host:advance(DAY_S)
    assert.equal(4, once:add(2))
  end)

  it("and its records go with later calls that have keys, a few at a time", function()
    local host = open()
    host:actor("Till", "a"):get()
    local empty = host:entries()
    for i = 1, 10 do keyed(host, "old" .. i):count() end
    assert.equal(10, keys_beyond(host, empty))
    host:advance(DAY_S - 1)
    keyed(host, "new"):count()
    assert.equal(11, keys_beyond(host, empty))
    host:advance(1)
    host:actor("Till", "a"):count()
    assert.equal(11, keys_beyond(host, empty))
    for i, left in ipairs { 8, 5, 4, 5 } do
      keyed(host, "later" .. i):count()
      assert.equal(left, keys_beyond(host, empty))
    end
  end)

  it("24 hours after the call's end, however long it saved", function()
    local host = open()
    host:actor("Till", "a"):get()
    local empty = host:entries()
    host:hold(true)
    local call = start(host, "k", "save")
    host:advance(30)
    assert.is_false(call:is_done())
    host:hold(false)
    assert.equal(11, call:get())
    assert.equal(1, keys_beyond(host, empty))
    host:advance(DAY_S - 1)
    keyed(host, "other"):count()
    assert.equal(11, keyed(host, "k"):save())
  end)

  it("and is as new where others that expired before it are still there", function()
    local host = open()
    host:actor("Till", "a"):get()
    local empty = host:entries()
    for i = 1, 6 do keyed(host, "k" .. i):add() end
    host:advance(DAY_S)
    assert.equal(7, keyed(host, "k6"):add())
    assert.equal(2, keys_beyond(host, empty))
    keyed(host, "other"):count()
    assert.equal(7, keyed(host, "k6"):add())
  end)

  it("and leaves nothing behind where it is used again", function()
    local host = open()
    host:actor("Till", "a"):get()
    local empty = host:entries()
    for _ = 1, 3 do
      for i = 1, 7 do keyed(host, "k" .. i):add() end
      keyed(host, "saved"):save("", 2)
      hosts.failure_of(keyed(host, "failed").save, nil, "fail")
      assert.equal(9, keys_beyond(host, empty))
      host:advance(DAY_S)
    end
    assert.equal(3 * (7 + 12 + 1), n_of(host))
    for i = 1, 3 do keyed(host, "last" .. i):count() end
    assert.equal(3, keys_beyond(host, empty))
  end)
end)

-- What a till and its keys should be after any calls. Its time is that in which a host ran. That is saved each hour of
-- it, and when the clock was set back, or right again; a crash takes the rest away.
local function model_of_till()
  local model = { n = 0, kept = {}, time = 0, saved = 0, ahead = 0 }

  function model:pass(seconds)
    self.time = self.time + seconds
    self.saved = self.saved + (self.time - self.saved) // HOUR_S * HOUR_S
  end

  function model:jump(seconds)
    local ahead = math.max(self.ahead - seconds, 0)
    if ahead ~= self.ahead then self.saved = self.time end
    self.ahead = ahead
  end

  function model:stop() self.saved = self.time end
  function model:crash() self.time = self.saved end

  -- Whether a crash would bring a key back that has expired, and whose records may be gone.
  function model:has_just_expired()
    for _, record in pairs(self.kept) do
      if record.expires > self.saved and record.expires <= self.time then return true end
    end
    return false
  end

  -- The answer of a call: its result, or the code of its failure.
  function model:call(key, method, argument, stored)
    local record = self.kept[key]
    if record and record.expires > self.time then
      if record.method ~= method or record.argument ~= argument then return "invalid_request" end
      return record.result
    end
    if not stored then return "storage_error" end
    local result
    if method == "add" then
      self.n = self.n + argument
      result = self.n
    else
      self.n = self.n + 1
      result = argument == "fail" and "interrupted" or self.n + 10
      if argument ~= "fail" then self.n = result end
    end
    self.kept[key] = { method = method, argument = argument, result = result, expires = self.time + DAY_S }
    return result == "interrupted" and "user_error" or result
  end
  return model
end

describe("Random calls with keys", function()
  local seed = tonumber(os.getenv "TROUPE_SEED") or os.time()

  after_each(hosts.close_all)

  it("answer what a simple model answers (TROUPE_SEED=" .. seed .. ")", function()
    math.randomseed(seed)
    local host = open { errors = true }
    local model = model_of_till()
    host:actor("Till", "a"):get()
    local empty = host:entries()
    local calls = { { "add", 1 }, { "add", 2 }, { "save", "fail" }, { "save", "well" } }
    for step = 1, 1500 do
      local chance = math.random(100)
      if chance <= 3 then
        local how = model:has_just_expired() and "stop" or "crash"
        host[how](host, math.random(0, DAY_S))
        model[how](model)
      elseif chance <= 6 then
        local seconds = math.random(10, YEAR_S) * (math.random(2) * 2 - 3)
        host:jump(seconds)
        model:jump(seconds)
      elseif chance >= 90 then
        local seconds = math.random(DAY_S // 4)
        host:advance(seconds)
        model:pass(seconds)
      end
      local key, call = "k" .. math.random(8), calls[math.random(4)]
      local stored = not (chance > 80 and chance < 90)
      local before = model.n
      local expected = model:call(key, call[1], call[2], stored)
      if expected == "storage_error" then host:fail_next "write" end
      local ok, result = pcall(keyed(host, key)[call[1]], nil, call[2])
      local where = ("TROUPE_SEED=%d step %d: %s %s(%s)"):format(seed, step, key, call[1], call[2])
      assert.equal(expected, ok and result or result.code, where)
      if expected == "storage_error" then assert.equal(before, n_of(host), where) end
    end
    assert.equal(model.n, n_of(host))
    host:advance(DAY_S + HOUR_S)
    for i = 1, 3 do keyed(host, "last" .. i):count() end
    assert.equal(3, keys_beyond(host, empty), "TROUPE_SEED=" .. seed)
  end)

  it("leave all or nothing where memory runs out", function()
    for _, count in ipairs(kit.FAILURES_IN_A_ROW) do
      local host = open { errors = true }
      local key, expected, k = 0, 0, 0
      repeat
        k = k + 1
        host:actor("Till", "a"):get()
        host:actor("Till", "a"):get()
        kit.fail_allocation(host, k, count)
        local ok, result = pcall(keyed(host, "k" .. key).add, nil, 1)
        local failed = kit.fail_allocation(host, 0)
        assert.is_true(ok or result.code == "out_of_memory", tostring(result))
        if ok then
          expected = expected + 1
          assert.equal(expected, keyed(host, "k" .. key):add(1), k)
          kit.fail_allocation(host, k, count)
          ok, result = pcall(keyed(host, "k" .. key).add, nil, 1)
          kit.fail_allocation(host, 0)
          assert.is_true((ok and result == expected) or result.code == "out_of_memory", tostring(result))
          key = key + 1
        end
        assert.equal(expected, n_of(host), k)
      until not failed
      assert.is_true(k > 10)
    end
  end)
end)
