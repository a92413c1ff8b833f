-- examples/limiter: both kinds against the rule itself, by the millisecond; the end of those that are idle; clocks that
-- are set; its client, against the real program.
local hosts = require "spec.support.hosts"
local served = require "spec.examples.served"

local ACTORS = "examples/limiter/actors"
local DAY_S = 24 * 3600
local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()

-- As of actors/lib/rules.lua.
local API = { burst = 20, per_second = 10 }
local KEYS = { limit = 5, seconds = 0.25 }

local function near(expected, found)
  assert.is_true(math.abs(expected - found) < 0.00001, ("%s is not %s"):format(found, expected))
end

-- How many are allowed one after the other, until one is refused. Also returns that answer.
local function take_all(limiter)
  local count = 0
  while true do
    local answer = limiter:take()
    if not answer.allowed then return count, answer end
    count = count + 1
    assert.is_true(count < 1000)
  end
end

describe("A limiter", function()
  local host

  before_each(function()
    math.randomseed(SEED)
    host = hosts.open_folder(ACTORS)
  end)
  after_each(hosts.close_all)

  local function bucket(rule) return host:actor("Bucket", { rule or "api", "ann" }) end
  local function window(rule) return host:actor("Window", { rule or "keys", "ann" }) end

  describe("with a bucket", function()
    it("allows a burst, and then so many a second", function()
      local ann = bucket()
      assert.same({ allowed = true, left = 19 }, ann:take())
      assert.same({ allowed = true, left = 9 }, ann:take(10))
      local count, refused = take_all(ann)
      assert.equal(9, count)
      assert.equal(0, refused.left)
      near(0.1, refused.retry_after)
      for _ = 1, 20 do
        host:advance(0.05)
        near(0.05, ann:take().retry_after)
        host:advance(0.05)
        assert.is_true(ann:take().allowed)
      end
      host:advance(1000)
      assert.equal(20, (take_all(ann)))
    end)

    it("tells how long to wait, exactly", function()
      local ann = bucket "login"
      take_all(ann)
      local refused = ann:take(3)
      near(180, refused.retry_after)
      host:advance(refused.retry_after - 0.001)
      assert.is_false(ann:take(3).allowed)
      host:advance(0.001)
      assert.is_true(ann:take(3).allowed)
      assert.is_false(ann:take().allowed)
    end)

    it("is one for each rule and for each person", function()
      take_all(bucket())
      assert.is_true(bucket("login"):take().allowed)
      assert.is_true(host:actor("Bucket", { "api", "bob" }):take().allowed)
      assert.is_false(bucket():take().allowed)
    end)

    it("never allows more than its burst and its rate, in any span", function()
      local ann, times = bucket(), {}
      local time = 0
      for _ = 1, 1500 do
        local pause = math.random(0, 3) == 0 and math.random(0, 500) / 1000 or math.random(0, 40) / 1000
        host:advance(pause)
        time = time + pause
        if math.random(200) == 1 then host:crash() end
        if ann:take().allowed then table.insert(times, time) end
      end
      assert.is_true(#times > 100)
      for first = 1, #times do
        for last = first, #times do
          local most = API.burst + (times[last] - times[first]) * API.per_second
          if last - first + 1 > most + 0.001 then error(("%d of %d to %d"):format(last - first + 1, first, last)) end
        end
      end
    end)
  end)

  describe("with a window", function()
    it("allows so many in any quarter of a second", function()
      local ann = window()
      for _ = 1, 5 do
        assert.same({ allowed = true }, ann:take())
        host:advance(0.04)
      end
      near(0.05, ann:take().retry_after)
      host:advance(0.05)
      assert.is_true(ann:take().allowed)
      near(0.04, ann:take().retry_after)
      host:crash()
      near(0.04, ann:take().retry_after)
      host:advance(0.25)
      assert.equal(5, (take_all(ann)))
    end)

    it("allows exactly what the rule says", function()
      local ann, times = window(), {}
      local now_ms = 0
      for _ = 1, 1500 do
        local pause_ms = math.random(0, 120)
        host:advance(pause_ms / 1000)
        now_ms = now_ms + pause_ms
        if math.random(200) == 1 then host:crash() end
        local within = 0
        for i = #times, 1, -1 do
          if times[i] + KEYS.seconds * 1000 <= now_ms then break end
          within = within + 1
        end
        local answer = ann:take()
        assert.equal(within < KEYS.limit, answer.allowed)
        if answer.allowed then table.insert(times, now_ms) end
      end
      assert.is_true(#host:kv("Window", { "keys", "ann" }) <= KEYS.limit)
    end)
  end)

  it("that refuses writes nothing", function()
    for _, ann in ipairs { bucket(), window() } do
      take_all(ann)
      local before = host:stats().commits
      for _ = 1, 100 do assert.is_false(ann:take().allowed) end
      assert.equal(before, host:stats().commits)
    end
  end)

  it("that is idle ends, and nothing of it is left", function()
    bucket():take()
    host:advance(61)
    host:checkpoint()
    local empty = host:entries()
    for i = 1, 200 do
      host:actor("Bucket", { "api", "b" .. i }):take()
      host:actor("Window", { "keys", "w" .. i }):take()
    end
    host:advance(61)
    host:checkpoint()
    for i = 1, 200 do
      assert.is_nil(host:state("Bucket", { "api", "b" .. i }))
      assert.is_nil(host:state("Window", { "keys", "w" .. i }))
    end
    assert.equal(empty, host:entries())
  end)

  it("that is idle ends also when the host was down meanwhile", function()
    bucket():take()
    host:crash(DAY_S)
    host:reopen()
    host:run()
    assert.is_nil(host:state("Bucket", { "api", "ann" }))
    assert.equal(20, (take_all(bucket())))
  end)

  it("stays while it is used", function()
    local ann = window()
    for i = 1, 100 do
      assert.is_true(ann:take().allowed)
      assert.equal(i, host:state("Window", { "keys", "ann" }).count)
      host:advance(59)
    end
    host:advance(61)
    assert.is_nil(host:state("Window", { "keys", "ann" }))
  end)

  it("stays until it has nothing to remember any more", function()
    local login, mail = bucket "login", window "mail"
    take_all(login)
    take_all(mail)
    host:advance(299)
    assert.equal(4, (take_all(login)))
    host:advance(299)
    assert.is_not_nil(host:state("Bucket", { "login", "ann" }))
    host:advance(3)
    assert.is_nil(host:state("Bucket", { "login", "ann" }))
    assert.equal(5, (take_all(login)))
    assert.is_false(mail:take().allowed)
    host:advance(3600 - 602)
    assert.is_not_nil(host:state("Window", { "mail", "ann" }))
    host:advance(60)
    assert.is_nil(host:state("Window", { "mail", "ann" }))
  end)

  it("makes no difference to who comes when it ends", function()
    for _, workers in ipairs { 1, 3 } do
      local other = hosts.open_folder(ACTORS, { workers = workers })
      local ann = other:actor("Window", { "keys", "ann" })
      take_all(ann)
      other:elapse(60)
      local pending = {}
      for i = 1, 6 do pending[i] = other:start("Window", { "keys", "ann" }, "take") end
      for i = 1, 6 do assert.equal(i <= 5, pending[i]:get().allowed) end
      assert.is_false(ann:take().allowed)
    end
  end)

  it("is not shut when the clock is set back, and gives nothing away", function()
    for _, ann in ipairs { bucket(), window() } do
      local burst = take_all(ann)
      host:jump(-DAY_S)
      assert.is_false(ann:take().allowed)
      host:crash()
      assert.is_false(ann:take().allowed)
      host:advance(2)
      assert.equal(burst, (take_all(ann)))
      host:jump(-DAY_S)
      assert.is_false(ann:take().allowed)
      host:jump(2 * DAY_S)
      assert.equal(burst, (take_all(ann)))
      host:advance(180)
    end
    assert.is_nil(host:state("Bucket", { "api", "ann" }))
    assert.is_nil(host:state("Window", { "keys", "ann" }))
  end)

  it("has a rule", function()
    local function code_of(class, key)
      local limiter = host:actor(class, key)
      return hosts.failure_of(limiter.take, limiter).code
    end
    assert.equal("no_such_rule", code_of("Bucket", { "keys", "ann" }))
    assert.equal("no_such_rule", code_of("Window", { "api", "ann" }))
    assert.equal("no_such_rule", code_of("Bucket", "api"))
    assert.equal("no_such_rule", code_of("Bucket", { "api", "ann", 1 }))
    assert.is_nil(host:state("Bucket", "api"))
    assert.equal("method_not_found", code_of("Limiter", { "api", "ann" }))
  end)

  it("names the argument that is wrong", function()
    local ann = bucket()
    for _, count in ipairs { 0, -1, 21, 1.5, "1", 1 / 0 } do
      local failure = hosts.failure_of(ann.take, ann, count)
      assert.equal("invalid_value", failure.code)
      assert.same({ name = "count" }, failure.metadata)
    end
    assert.is_nil(host:state("Bucket", { "api", "ann" }))
  end)
end)

describe("The client of the limiter", function()
  it("prints what happens, each time it runs", function()
    served.expect_client("limiter", {
      { "A password", '"allowed":true', '"left":4' },
      { "Four at once", '"allowed":true', '"left":0' },
      { "That was the last", '"allowed":false', '"retry_after":[%d.]+' },
      { "Ann sends a mail", '"allowed":true' },
      { "A second one", '"allowed":true' },
      { "A third one", '"allowed":true' },
      { "A fourth one", '"allowed":false', '"retry_after":35%d%d%.' },
      { "She presses a key", '"allowed":true' },
      { "A quarter of a second later", '"allowed":true' },
      { "There is no rule", '"code":"no_such_rule"' },
    })
  end)
end)
