-- examples/reminders: months pass, the clock is set, the host is down when something is due; its client, against the
-- real program.
local hosts = require "spec.support.hosts"
local served = require "spec.examples.served"

local ACTORS = "examples/reminders/actors"
local MINUTE_S = 60
local HOUR_S = 3600
local DAY_S = 24 * HOUR_S
local START = 1767225600          -- 2026-01-01, a Thursday

local code_of = hosts.code_of

-- The texts of a list of reminders or rings, in its order.
local function texts_of(list)
  local texts = {}
  for i, entry in ipairs(list) do texts[i] = entry.text end
  return texts
end

-- When they were due, as days since the start.
local function days_of(rings)
  local days = {}
  for i, ring in ipairs(rings) do days[i] = (ring.due - START) / DAY_S end
  return days
end

describe("Reminders", function()
  local host, ann

  before_each(function()
    host = hosts.open_folder(ACTORS, { time = START })
    ann = host:actor("Reminders", "ann")
  end)
  after_each(hosts.close_all)

  it("ring once, after a while or at a moment", function()
    local tea = ann:remind("tea", { after = 3 * MINUTE_S })
    assert.same({ id = tea.id, text = "tea", due = START + 180 }, tea)
    local party = ann:remind("party", { at = START + 30 * DAY_S })
    assert.same({ tea, party }, ann:list())
    host:advance(3 * MINUTE_S - 1)
    assert.same({}, ann:inbox())
    host:advance(1)
    local rang = { ring = 1, id = tea.id, text = "tea", due = START + 180, rang = START + 180, missed = 0 }
    assert.same({ rang }, ann:inbox())
    assert.same({ party }, ann:list())
    host:advance(365 * DAY_S)
    assert.same({ "tea", "party" }, texts_of(ann:inbox()))
    assert.equal(START + 30 * DAY_S, ann:inbox()[2].rang)
    assert.same({}, ann:list())
    assert.same({ 1, 2 }, { ann:inbox()[1].ring, ann:inbox()[2].ring })
  end)

  it("ring at once if their moment has passed", function()
    local past = ann:remind("birthday of the epoch", { at = 0 })
    host:run()
    assert.same({ "birthday of the epoch" }, texts_of(ann:inbox()))
    assert.same({}, ann:list())
    assert.is_false(ann:cancel(past.id))
  end)

  it("ring again and again for months, through crashes, each time once", function()
    ann:remind("cactus", { every = 7 * DAY_S })
    ann:remind("get up", { cron = "30 6 * * mon-fri" })
    ann:remind("rent", { cron = "0 12 1 * *" })
    ann:remind("dentist", { after = 40 * DAY_S })
    local expected = { cactus = {}, ["get up"] = {}, rent = {}, dentist = { START + 40 * DAY_S } }
    for day = 0, 179 do
      local midnight = START + day * DAY_S
      local date = os.date("!*t", midnight)
      if day > 0 and day % 7 == 0 then table.insert(expected.cactus, midnight) end
      if date.wday >= 2 and date.wday <= 6 then table.insert(expected["get up"], midnight + 6 * HOUR_S + 1800) end
      if date.day == 1 then table.insert(expected.rent, midnight + 12 * HOUR_S) end
    end
    local found = { cactus = {}, ["get up"] = {}, rent = {}, dentist = {} }
    for part = 1, 36 do
      host:advance(5 * DAY_S - (part == 36 and 1 or 0))
      if part % 3 == 0 then host:crash() end
      for _, ring in ipairs(ann:inbox()) do
        assert.equal(ring.due, ring.rang)
        assert.equal(0, ring.missed)
        table.insert(found[ring.text], ring.due)
        assert.is_true(ann:dismiss(ring.ring))
      end
    end
    assert.same(expected, found)
    assert.same({ "get up", "rent", "cactus" }, texts_of(ann:list()))
  end)

  it("that were due while the host was down ring at its start, each once", function()
    ann:remind("tea", { after = HOUR_S })
    ann:remind("party", { at = START + 2 * HOUR_S })
    ann:remind("walk", { every = DAY_S })
    ann:remind("get up", { cron = "30 6 * * *" })
    host:crash(3 * DAY_S + HOUR_S)
    host:reopen()
    host:run()
    local inbox = ann:inbox()
    local texts = texts_of(inbox)
    table.sort(texts)
    assert.same({ "get up", "party", "tea", "walk" }, texts)
    for _, ring in ipairs(inbox) do
      local missed = (ring.text == "walk" or ring.text == "get up") and 2 or 0
      assert.equal(missed, ring.missed)
      assert.equal(START + 3 * DAY_S + HOUR_S, ring.rang)
    end
    host:crash()
    host:reopen()
    host:advance(DAY_S)
    assert.equal(6, #ann:inbox())
    local days = days_of(ann:inbox())
    assert.same({ 3 + 6.5 / 24, 4 }, { days[5], days[6] })
  end)

  it("go by the clock on the wall, or by a span of time, when the clock is set back", function()
    ann:remind("tea", { after = HOUR_S })
    ann:remind("walk", { every = HOUR_S })
    ann:remind("party", { at = START + HOUR_S })
    ann:remind("noon", { cron = "0 12 * * *" })
    host:jump(-DAY_S)
    host:advance(HOUR_S)
    assert.same({ "tea", "walk" }, texts_of(ann:inbox()))
    assert.same({ START - 23 * HOUR_S, START - 23 * HOUR_S }, { ann:inbox()[1].rang, ann:inbox()[2].rang })
    host:crash()
    host:reopen()
    host:advance(12 * HOUR_S)
    local others = {}
    for _, text in ipairs(texts_of(ann:inbox())) do others[text] = (others[text] or 0) + 1 end
    assert.same({ tea = 1, walk = 13, noon = 1 }, others)
    host:jump(DAY_S)
    host:advance(0)
    others = {}
    for _, text in ipairs(texts_of(ann:inbox())) do others[text] = (others[text] or 0) + 1 end
    assert.same({ tea = 1, walk = 13, party = 1, noon = 2 }, others)
  end)

  it("ring when the clock is set forward over their moment, once for all that was passed over", function()
    ann:remind("party", { at = START + 10 * DAY_S })
    ann:remind("noon", { cron = "0 12 * * *" })
    host:jump(30 * DAY_S)
    host:advance(0)
    local inbox = ann:inbox()
    table.sort(inbox, function(a, b) return a.text < b.text end)
    assert.same({ "noon", "party" }, texts_of(inbox))
    assert.equal(29, inbox[1].missed)
    assert.equal(START + 30 * DAY_S, inbox[2].rang)
  end)

  it("can be snoozed, as often as one likes", function()
    ann:remind("get up", { cron = "30 6 * * *" })
    host:advance(6 * HOUR_S + 1800)
    for i = 1, 5 do
      local inbox = ann:inbox()
      assert.equal(1, #inbox)
      assert.equal(START + 6 * HOUR_S + 1800 + (i - 1) * 600, inbox[1].rang)
      local again = ann:snooze(inbox[1].ring, 600)
      assert.equal("get up", again.text)
      assert.equal("no_such_ring", code_of(ann.snooze, ann, inbox[1].ring, 600))
      assert.same({}, ann:inbox())
      if i % 2 == 0 then host:crash() end
      host:advance(600)
    end
    assert.equal(1, #ann:inbox())
    host:advance(DAY_S)
    assert.equal(2, #ann:inbox())
    assert.same({ "get up" }, texts_of(ann:list()))
  end)

  it("are cancelled for good", function()
    local tea = ann:remind("tea", { after = HOUR_S })
    local noon = ann:remind("noon", { cron = "0 12 * * *" })
    assert.is_true(ann:cancel(tea.id))
    assert.is_false(ann:cancel(tea.id))
    host:crash()
    assert.is_false(ann:cancel(tea.id))
    host:advance(DAY_S)
    assert.same({ "noon" }, texts_of(ann:inbox()))
    assert.is_true(ann:cancel(noon.id))
    host:advance(30 * DAY_S)
    assert.same({ "noon" }, texts_of(ann:inbox()))
    assert.is_false(ann:cancel(noon.id))
    assert.is_false(ann:cancel(12345))
    assert.same({}, ann:list())
  end)

  it("are set once, however often they are asked for", function()
    local asking = host:actor("Reminders", "ann", { idempotency_key = "k" })
    local tea = asking:remind("tea", { after = HOUR_S })
    host:crash()
    assert.same(tea, asking:remind("tea", { after = HOUR_S }))
    assert.same({ tea }, ann:list())
  end)

  it("are not set by a call that could not be saved", function()
    ann:remind("tea", { after = HOUR_S })
    host:fail_next("write")
    assert.equal("storage_error", code_of(ann.remind, ann, "coffee", { after = HOUR_S }))
    assert.is_truthy(host:log():find("a batch was not written", 1, true))
    host:advance(DAY_S)
    assert.same({ "tea" }, texts_of(ann:inbox()))
  end)

  it("ring later when the disk is full, and once", function()
    ann:remind("tea", { after = HOUR_S })
    host:advance(HOUR_S - 1)
    host:fail_next("write")
    host:advance(1)
    assert.is_truthy(host:log():find("a batch was not written", 1, true))
    host:advance(DAY_S)
    assert.same({ "tea" }, texts_of(ann:inbox()))
  end)

  it("of one person are a hundred at most, and so is the inbox", function()
    for i = 1, 100 do ann:remind("r" .. i, { after = i }) end
    local failure = hosts.failure_of(ann.remind, ann, "one more", { after = 1 })
    assert.equal("too_many", failure.code)
    assert.same({ limit = 100 }, failure.metadata)
    assert.equal(100, #ann:list())
    host:advance(50)
    ann:remind("often", { every = 1 })
    host:advance(200)
    local inbox = ann:inbox()
    assert.equal(100, #inbox)
    assert.equal(300, inbox[100].ring)
    assert.equal(201, inbox[1].ring)
  end)

  it("go with who leaves, and nobody else's", function()
    local bob = host:actor("Reminders", "bob")
    ann:remind("tea", { after = HOUR_S })
    ann:remind("noon", { cron = "0 12 * * *" })
    bob:remind("noon", { cron = "0 12 * * *" })
    ann:remind("past", { at = 0 })
    host:run()
    ann:forget_me()
    assert.is_nil(host:state("Reminders", "ann"))
    host:crash()
    host:reopen()
    host:advance(30 * DAY_S)
    assert.is_nil(host:state("Reminders", "ann"))
    assert.equal(30, #bob:inbox())
    assert.same({}, ann:inbox())
    assert.same({}, ann:list())
    assert.is_not_nil(ann:remind("tea", { after = 1 }))
    host:advance(1)
    assert.same({ "tea" }, texts_of(ann:inbox()))
  end)

  it("name the argument that is wrong", function()
    local function wrong(method, ...)
      local failure = hosts.failure_of(ann[method], ann, ...)
      assert.equal("invalid_value", failure.code)
      return failure.metadata.name, failure.message
    end
    assert.equal("text", wrong("remind", "", { after = 1 }))
    for _, when in ipairs { false, 5, {}, { in_a_while = 1 }, { after = 1, every = 1 }, { 60 } } do
      assert.equal("when", wrong("remind", "x", when))
    end
    for _, how in ipairs { "after", "every" } do
      for _, value in ipairs { 0, -1, 1.5, 1 / 0, 0 / 0, "1", 367 * DAY_S } do
        assert.equal(how, wrong("remind", "x", { [how] = value }))
      end
    end
    for _, value in ipairs { -1, 0.5, 1 / 0, 253402300800, START * 1000 } do
      assert.equal("at", wrong("remind", "x", { at = value }))
    end
    for _, value in ipairs { "", 5, "* * * *", "61 * * * *", "0 0 30 2 *", "@never", ("1,"):rep(400) .. "1 * * * *" } do
      assert.equal("cron", wrong("remind", "x", { cron = value }))
    end
    assert.is_truthy(select(2, wrong("remind", "x", { cron = "61 * * * *" })):find("61", 1, true))
    assert.equal("id", wrong("cancel", "1"))
    assert.equal("ring", wrong("dismiss"))
    assert.equal("ring", wrong("snooze", 1.5, 60))
    assert.equal("seconds", wrong("snooze", 1, 0))
    assert.is_nil(host:state("Reminders", "ann"))
  end)

  it("ring by themselves only", function()
    assert.equal("method_not_found", code_of(ann._ring, ann))
    assert.equal("method_not_found", code_of(ann._set, ann, "x", "after", 1))
  end)
end)

describe("A reminder that is cut short", function()
  after_each(hosts.close_all)
  local STEPS = 24         -- more than a ring takes

  it("rings once, wherever the host is ended", function()
    for steps = 0, STEPS do
      local host = hosts.open_folder(ACTORS, { time = START })
      local ann = host:actor("Reminders", "ann")
      ann:remind("tea", { after = HOUR_S })
      ann:remind("walk", { every = HOUR_S })
      host:elapse(HOUR_S)
      hosts.take_steps(host, steps, 1)
      host:crash()
      host:reopen()
      host:run()
      local texts = texts_of(ann:inbox())
      table.sort(texts)
      assert.same({ "tea", "walk" }, texts)
      host:advance(HOUR_S)
      assert.equal(3, #ann:inbox())
      hosts.close_all()
    end
  end)
end)

describe("The client of the reminders", function()
  it("prints what happens, each time it runs", function()
    served.expect_client("reminders", {
      { "In a second, the tea", '"id":1', '"text":"Take out the tea"' },
      { "On weekdays at half past six", '"id":2', '"cron":"30 6 %* %* mon%-fri"' },
      { "Each week", '"id":3', '"every":604800' },
      { "That is no time", '"code":"invalid_value"', '"name":"cron"' },
      { "On second thoughts", '"result":true' },
      { "It rang:", '"ring":1', '"text":"Take out the tea"', '"missed":0' },
      { "In a second once more", '"id":4', '"text":"Take out the tea"' },
      { "It rang again", '"ring":2', '"id":4' },
      { "The tea is ready", '"result":true' },
      { "What is to come", '^  {"result":%[{[^{]*"text":"Get up"[^{]*%]}$' },
      { "Ann leaves", '"result":null' },
      { "Nothing is left", '"result":%[%]' },
    })
  end)
end)
