-- examples/auction: its rules, in this process with a clock that the spec holds; its client, against the real program.
local hosts = require "spec.support.hosts"
local served = require "spec.examples.served"
local troupe = require "troupe.test"

local ACTORS = "examples/auction/actors"
local OFFER = { title = "A brass lamp", start = 1000, step = 100, seconds = 600 }

local function code_of(...)
  return hosts.failure_of(...).code
end

describe("The auction", function()
  local host, lamp

  before_each(function()
    host = troupe.host { actors = ACTORS }
    lamp = host:actor("Auction", "lamp")
  end)
  after_each(function()
    local log = host:log()
    host:close()
    assert.is_nil(log:match "[^\n]* error [^\n]*")
  end)

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
    assert.equal(1, #host:kv("Auction", "lamp"))
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

describe("The client of the auction", function()
  local server

  before_each(function() server = served.start(ACTORS) end)
  after_each(function() server:stop() end)

  -- What the answer to each step holds; JSON objects come in any order.
  local STEPS = {
    { "Ann offers a lamp", '"minimum":1000', '"over":false' },
    { "Bob bids 10.00", '"minimum":1100', '"bidder":"bob"' },
    { "Cleo bids 10.50", '"code":"too_low"', '"metadata":{"minimum":1100}' },
    { "Cleo bids 12.00", '"minimum":1300', '"bidder":"cleo"' },
    { "Ann may not bid", '"code":"own_auction"' },
    { "The bids, newest first", '"amount":1200.*"amount":1000' },
    { "Bob cannot close", '"code":"not_yours"' },
    { "Ann closes it", '"winner":"cleo"', '"over":true' },
    { "Bob comes too late", '"code":"over"' },
  }

  it("prints what happens, each time it runs", function()
    for _ = 1, 2 do server:expect_client("examples/auction/client.sh", STEPS) end
  end)
end)
