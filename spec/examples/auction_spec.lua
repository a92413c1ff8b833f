-- examples/auction: its rules, in this process with a clock that the spec holds; how it ends, in the night, late, and
-- between any two steps of the host; its client, against the real program.
local hosts = require "spec.support.hosts"
local served = require "spec.examples.served"

local ACTORS = "examples/auction/actors"
local OFFER = { title = "A brass lamp", start = 1000, step = 100, seconds = 600 }
local HOUR_S = 3600
local DAY_S = 24 * HOUR_S

local code_of = hosts.code_of

local function keys_of(entries)
  local keys = {}
  for i, entry in ipairs(entries) do keys[i] = entry.key end
  return keys
end

-- What a member has heard, the oldest first: an array of texts like "outbid 1200".
local function heard(host, name)
  local texts = {}
  for i, entry in ipairs(host:kv("Member", name) or {}) do
    assert.same({ "lamp" }, entry.value.auction)
    assert.equal(OFFER.title, entry.value.title)
    texts[i] = entry.value.what .. (entry.value.amount and " " .. entry.value.amount or "")
  end
  return texts
end

-- Four bids, and what all have heard when the auction has ended as it ought to.
local function bid_by_three(lamp)
  lamp:bid("bob", 1000)
  lamp:bid("cleo", 1200)
  lamp:bid("bob", 1500)
  lamp:bid("dan", 2000)
end

local ENDED = {
  ann = { "sold 2000" }, bob = { "outbid 1200", "outbid 2000", "lost 2000" }, cleo = { "outbid 1500", "lost 2000" },
  dan = { "won 2000" },
}

local function all_heard(host)
  local found = {}
  for name in pairs(ENDED) do found[name] = heard(host, name) end
  return found
end

describe("The auction", function()
  local host, lamp

  before_each(function()
    host = hosts.open_folder(ACTORS)
    lamp = host:actor("Auction", "lamp")
  end)
  after_each(hosts.close_all)

  it("takes higher and higher bids, and remembers them all", function()
    assert.equal(1000, lamp:open("ann", OFFER).minimum)
    assert.equal(1100, lamp:bid("bob", 1000).minimum)
    host:advance(5)
    assert.equal(1300, lamp:bid("cleo", 1200).minimum)
    host:crash()
    assert.same({ bidder = "cleo", amount = 1200 }, lamp:show().best)
    local bids = lamp:history()
    assert.equal(2, #bids)
    assert.equal("cleo", bids[1].bidder)
    assert.equal(5, bids[1].at - bids[2].at)
    assert.equal(1, #lamp:history(1))
  end)

  it("keeps the order of more than nine bids", function()
    lamp:open("ann", OFFER)
    for i = 1, 12 do lamp:bid("bob", 1000 + 100 * i) end
    local bids = lamp:history(12)
    for i, bid in ipairs(bids) do assert.equal(1000 + 100 * (13 - i), bid.amount) end
    assert.equal(12, #bids)
  end)

  it("refuses what breaks its rules, and is as before then", function()
    lamp:open("ann", OFFER)
    lamp:bid("bob", 1000)
    local before = host:state("Auction", "lamp")
    local failure = hosts.failure_of(lamp.bid, lamp, "cleo", 1099)
    assert.equal("too_low", failure.code)
    assert.same({ minimum = 1100 }, failure.metadata)
    assert.equal("own_auction", code_of(lamp.bid, lamp, "ann", 5000))
    assert.equal("already_opened", code_of(lamp.open, lamp, "dan", OFFER))
    assert.equal("not_yours", code_of(lamp.close, lamp, "bob"))
    assert.same(before, host:state("Auction", "lamp"))
    assert.same({ { "bid", 1 }, { "bidder", "bob" } }, keys_of(host:kv("Auction", "lamp")))
  end)

  it("names the argument that is wrong", function()
    local function wrong(...)
      local failure = hosts.failure_of(...)
      assert.equal("invalid_value", failure.code)
      return failure.metadata.name
    end
    assert.equal("seller", wrong(lamp.open, lamp, "", OFFER))
    assert.equal("title", wrong(lamp.open, lamp, "ann"))
    assert.equal("start", wrong(lamp.open, lamp, "ann", { title = "x", start = 0.5, step = 1 }))
    assert.equal("step", wrong(lamp.open, lamp, "ann", { title = "x", start = 1 }))
    assert.equal("seconds", wrong(lamp.open, lamp, "ann", { title = "x", start = 1, step = 1, seconds = 0 }))
    assert.equal("extension", wrong(lamp.open, lamp, "ann", { title = "x", start = 1, step = 1, extension = 1 / 0 }))
    lamp:open("ann", OFFER)
    assert.equal("bidder", wrong(lamp.bid, lamp, nil, 1000))
    assert.equal("amount", wrong(lamp.bid, lamp, "bob", "1000"))
  end)

  it("is over when its time is", function()
    lamp:open("ann", OFFER)
    lamp:bid("bob", 1000)
    host:advance(599)
    assert.is_false(lamp:show().over)
    host:advance(1)
    local shown = lamp:show()
    assert.is_true(shown.over)
    assert.equal("bob", shown.winner)
    assert.is_nil(shown.minimum)
    assert.equal("over", code_of(lamp.bid, lamp, "cleo", 5000))
  end)

  it("is over when its seller says so, with or without a winner", function()
    lamp:open("ann", OFFER)
    local closed = lamp:close("ann")
    assert.is_true(closed.over)
    assert.is_nil(closed.winner)
    assert.equal("over", code_of(lamp.bid, lamp, "bob", 1000))
    assert.same(closed, lamp:close("ann"))
  end)

  it("closes itself, and tells everybody once", function()
    lamp:open("ann", OFFER)
    bid_by_three(lamp)
    host:advance(599)
    assert.same({}, heard(host, "ann"))
    host:advance(1)
    assert.same(ENDED, all_heard(host))
    assert.is_true(host:state("Auction", "lamp").closed)
    host:advance(30 * DAY_S)
    host:crash()
    host:advance(30 * DAY_S)
    assert.same(ENDED, all_heard(host))
  end)

  it("has no winner when nobody has made a bid", function()
    lamp:open("ann", OFFER)
    host:advance(600)
    assert.same({ "unsold" }, heard(host, "ann"))
    assert.is_nil(lamp:show().winner)
  end)

  it("does not tell bidders that they have outbid themselves", function()
    lamp:open("ann", OFFER)
    lamp:bid("bob", 1000)
    lamp:bid("bob", 1200)
    host:advance(600)
    assert.same({ "won 1200" }, heard(host, "bob"))
  end)

  it("ends later after a late bid, and once", function()
    lamp:open("ann", OFFER)
    local planned = lamp:show().ends_at
    host:advance(479)
    assert.equal(planned, lamp:bid("bob", 1000).ends_at)
    for i = 1, 5 do                                           -- each of these comes a minute after the one before it
      host:advance(i == 1 and 2 or 60)
      assert.equal(planned + 60 * (i - 1) + 1, lamp:bid(i % 2 == 0 and "bob" or "cleo", 1000 + 100 * i).ends_at)
    end
    host:advance(119)
    assert.is_false(lamp:show().over)
    assert.same({}, heard(host, "ann"))
    host:advance(1)
    assert.same({ "sold 1500" }, heard(host, "ann"))
    assert.same({ "outbid 1100", "outbid 1300", "outbid 1500", "lost 1500" }, heard(host, "bob"))
    host:advance(DAY_S)
    assert.same({ "sold 1500" }, heard(host, "ann"))
  end)

  it("is not put off by a late bid that is refused, or not saved", function()
    lamp:open("ann", OFFER)
    lamp:bid("bob", 1000)
    host:advance(599)
    assert.equal("too_low", code_of(lamp.bid, lamp, "cleo", 1000))
    host:fail_next("write")
    assert.equal("storage_error", code_of(lamp.bid, lamp, "cleo", 1200))
    assert.is_truthy(host:log():find("a batch was not written", 1, true))
    host:advance(1)
    assert.same({ "sold 1000" }, heard(host, "ann"))
    assert.same({ "won 1000" }, heard(host, "bob"))
    assert.is_nil(host:state("Member", "cleo"))
  end)

  it("closes while nobody looks: the host is down when its time is up", function()
    lamp:open("ann", OFFER)
    bid_by_three(lamp)
    host:crash(8 * HOUR_S)
    host:reopen()
    host:run()
    assert.same(ENDED, all_heard(host))
    host:crash(8 * HOUR_S)
    assert.same(ENDED, all_heard(host))
  end)

  it("refuses a bid that comes before the host has closed what is over", function()
    lamp:open("ann", OFFER)
    bid_by_three(lamp)
    host:elapse(600)
    assert.equal("over", code_of(lamp.bid, lamp, "cleo", 5000))
    assert.same(ENDED, all_heard(host))
  end)

  it("is closed early once, and not again when its time would have come", function()
    lamp:open("ann", OFFER)
    bid_by_three(lamp)
    lamp:close("ann")
    assert.same(ENDED, all_heard(host))
    lamp:close("ann")
    host:advance(DAY_S)
    assert.same(ENDED, all_heard(host))
  end)

  it("keeps its hour when the clock is set", function()
    lamp:open("ann", OFFER)
    bid_by_three(lamp)
    host:jump(-DAY_S)
    host:advance(600)
    assert.same({}, heard(host, "ann"))
    assert.is_false(lamp:show().over)
    host:jump(DAY_S)
    host:advance(0)
    assert.same(ENDED, all_heard(host))
  end)

  it("tells more bidders than a call may write to", function()
    lamp:open("ann", OFFER)
    local count = 1230
    for i = 1, count do lamp:bid(("b%04d"):format(i), 1000 + 100 * i) end
    host:advance(600)
    for i = 1, count - 1 do
      local told = heard(host, ("b%04d"):format(i))
      assert.same({ "outbid " .. 1100 + 100 * i, "lost 124000" }, told)
    end
    assert.same({ "won 124000" }, heard(host, "b1230"))
  end)

  it("is not made by who only asks", function()
    assert.equal("not_opened", code_of(lamp.bid, lamp, "bob", 1000))
    assert.equal("not_opened", code_of(lamp.show, lamp))
    assert.equal("not_opened", code_of(lamp.history, lamp))
    assert.equal("not_opened", code_of(lamp.close, lamp, "ann"))
    assert.is_nil(host:state("Auction", "lamp"))
  end)

  it("keeps a bid that could not be saved out of memory too", function()
    lamp:open("ann", OFFER)
    host:fail_next("write")
    assert.equal("storage_error", code_of(lamp.bid, lamp, "bob", 1000))
    assert.is_truthy(host:log():find("a batch was not written", 1, true))
    assert.equal(0, lamp:show().bids)
    assert.equal(1, lamp:bid("cleo", 1000).bids)
  end)
end)

describe("A member of the auction house", function()
  local host

  before_each(function() host = hosts.open_folder(ACTORS) end)
  after_each(hosts.close_all)

  it("tells the last news, newest first, and keeps a hundred", function()
    local bob = host:actor("Member", "bob")
    assert.same({}, bob:news())
    for i = 1, 105 do
      local thing = host:actor("Auction", { "eu", i })
      thing:open("ann", OFFER)
      thing:bid("bob", 1000)
      thing:close("ann")
    end
    local news = bob:news()
    assert.equal(10, #news)
    assert.same({ "eu", 105 }, news[1].auction)
    assert.same({ "eu", 96 }, news[10].auction)
    assert.equal("won", news[1].what)
    assert.equal(100, #bob:news(200))
    assert.equal("sold", host:actor("Member", "ann"):news(1)[1].what)
  end)

  it("hears from auctions only", function()
    local bob = host:actor("Member", "bob")
    assert.equal("not_for_clients", code_of(bob.hear, bob, { what = "won" }))
    assert.is_nil(host:state("Member", "bob"))
  end)
end)

describe("An auction that is cut short while it ends", function()
  after_each(hosts.close_all)
  local STEPS = 40         -- more than its end takes

  -- Lets the host take so many steps of its parts in turn, then crashes it.
  local function cut_short(host, steps, workers)
    hosts.take_steps(host, steps, workers)
    host:crash()
  end

  for workers = 1, 3 do
    it("has told everybody once in the end, with " .. workers .. " workers", function()
      for steps = 0, STEPS do
        local host = hosts.open_folder(ACTORS, { workers = workers })
        local lamp = host:actor("Auction", "lamp")
        lamp:open("ann", OFFER)
        bid_by_three(lamp)
        host:elapse(600)
        cut_short(host, steps, workers)
        host:reopen()
        cut_short(host, steps, workers)
        host:reopen()
        host:run()
        assert.same(ENDED, all_heard(host))
        hosts.close_all()
      end
    end)
  end
end)

describe("The client of the auction", function()
  it("prints what happens, each time it runs", function()
    served.expect_client("auction", {
      { "Ann offers a lamp", '"minimum":1000', '"over":false' },
      { "Bob bids 10.00", '"minimum":1100', '"bidder":"bob%-' },
      { "Cleo bids 10.50", '"code":"too_low"', '"metadata":{"minimum":1100}' },
      { "Cleo bids 12.00", '"minimum":1300', '"bidder":"cleo%-' },
      { "Ann may not bid", '"code":"own_auction"' },
      { "The bids, newest first", '"amount":1200.*"amount":1000' },
      { "Bob cannot close", '"code":"not_yours"' },
      { "Ann closes it", '"winner":"cleo%-', '"over":true' },
      { "Bob comes too late", '"code":"over"' },
      { "Ann offers a rug, for five seconds", '"minimum":500', '"over":false' },
      { "Bob bids 5.00, and the auction ends later", '"minimum":600', '"over":false' },
      { "It has closed itself", '"winner":"bob%-', '"over":true' },
      { "Bob has heard of all this", '"won".*"lost".*"outbid"' },
      { "And Ann has sold both", '"sold".*"sold"' },
    })
  end)
end)
