-- examples/shop: its rules; an order that is cut short at each step and repeated; its client, against the real program.
local hosts = require "spec.support.hosts"
local served = require "spec.examples.served"

local ACTORS = "examples/shop/actors"
local PRICE = 2500

-- A cart with two lamps and a rug, of which there are five each; 100.00 on the card, unless another amount is given. Of
-- three workers, the cart, the lamps and the rugs each have their own, and the card is not on the cart's.
local function filled(options, money)
  local host = hosts.open_folder(ACTORS, options)
  for _, item in ipairs { "lamp", "rug" } do host:actor("Stock", item):receive(5, PRICE) end
  host:actor("Payment", "card"):deposit(money or 10000)
  host:actor("Cart", "ann"):add("lamp", 2)
  host:actor("Cart", "ann"):add("rug", 1)
  return host
end

local function checkout(host, order)
  return host:actor("Cart", "ann", { idempotency_key = order }):checkout "card"
end

-- Everything that an order changes.
local function books(host)
  return {
    lamps = host:state("Stock", "lamp").count, rugs = host:state("Stock", "rug").count,
    money = host:state("Payment", "card").balance, wanted = host:state("Cart", "ann").items,
  }
end

local UNTOUCHED = { lamps = 5, rugs = 5, money = 10000, wanted = { lamp = 2, rug = 1 } }
local BOUGHT = { lamps = 3, rugs = 4, money = 2500, wanted = {} }

describe("The shop", function()
  local host

  after_each(hosts.close_all)

  it("sells what is in the cart, and empties it", function()
    host = filled()
    assert.same({ order = "o1", total = 3 * PRICE }, checkout(host, "o1"))
    assert.same(BOUGHT, books(host))
    host:crash()
    assert.same(BOUGHT, books(host))
    assert.equal("empty_cart", hosts.failure_of(checkout, host, "o2").code)
  end)

  it("does an order once, however often it is asked for", function()
    host = filled()
    for _ = 1, 3 do
      assert.same({ order = "o1", total = 3 * PRICE }, checkout(host, "o1"))
      host:crash()
    end
    assert.same(BOUGHT, books(host))
  end)

  it("waits for the disk once", function()
    host = filled()
    local before = host:stats()
    checkout(host, "o1")
    local after = host:stats()
    assert.equal(1, after.syncs - before.syncs)
    assert.equal(4, after.commits - before.commits)
  end)

  it("gives back what it had reserved when the card is declined", function()
    host = filled(nil, 7499)
    local before = books(host)
    local failure = hosts.failure_of(checkout, host, "o1")
    assert.equal("card_declined", failure.code)
    assert.same({ card = "card", total = 3 * PRICE }, failure.metadata)
    assert.same(before, books(host))
    host:actor("Payment", "card"):deposit(2501)
    assert.equal("card_declined", hosts.failure_of(checkout, host, "o1").code)
    assert.same(UNTOUCHED, books(host))
    checkout(host, "o2")
    assert.same(BOUGHT, books(host))
  end)

  it("gives back what it had reserved when something else is sold out", function()
    host = filled()
    for _, item in ipairs { "lamp", "rug" } do
      local cart = host:actor("Cart", "bob-" .. item)
      cart:add("lamp", item == "lamp" and 6 or 1)
      cart:add("rug", item == "rug" and 6 or 1)
      local order = host:actor("Cart", "bob-" .. item, { idempotency_key = item })
      local failure = hosts.failure_of(order.checkout, order, "card")
      assert.equal("sold_out", failure.code)
      assert.same({ item = item, count = 6 }, failure.metadata)
      assert.same(UNTOUCHED, books(host))
    end
  end)

  it("hears from a stock what it does not sell, as the stock said it", function()
    host = filled()
    local cart = host:actor("Cart", "bob")
    local failure = hosts.failure_of(cart.add, cart, "moon", 1)
    assert.equal("not_sold", failure.code)
    assert.equal("The shop does not sell this", failure.message)
    assert.same({ item = "moon" }, failure.metadata)
    assert.is_nil(host:state("Stock", "moon"))
    assert.is_nil(host:state("Cart", "bob"))
  end)

  it("names the argument that is wrong", function()
    host = filled()
    local function wrong(class, method, ...)
      local actor = host:actor(class, "x", { idempotency_key = "o" })
      local failure = hosts.failure_of(actor[method], actor, ...)
      assert.equal("invalid_value", failure.code)
      return failure.metadata.name
    end
    assert.equal("item", wrong("Cart", "add", "", 1))
    assert.equal("count", wrong("Cart", "add", "lamp", 0))
    assert.equal("card", wrong("Cart", "checkout"))
    assert.equal("count", wrong("Stock", "receive", 1.5, 1))
    assert.equal("price", wrong("Stock", "receive", 1, -1))
    assert.equal("amount", wrong("Payment", "deposit", "1"))
  end)

  it("wants a name for an order, and calls its inner methods itself", function()
    host = filled()
    local function code_of(class, key, method, ...)
      local actor = host:actor(class, key)
      return hosts.failure_of(actor[method], actor, ...).code
    end
    assert.equal("invalid_order", code_of("Cart", "ann", "checkout", "card"))
    assert.equal("invalid_order", hosts.failure_of(checkout, host, ("o"):rep(201)).code)
    assert.equal("not_for_clients", code_of("Stock", "lamp", "reserve", 1))
    assert.equal("not_for_clients", code_of("Stock", "lamp", "give_back", 1))
    assert.equal("not_for_clients", code_of("Payment", "card", "charge", 1))
    assert.equal("method_not_found", code_of("Cart", "ann", "_give_back", "o", {}))
    assert.same(UNTOUCHED, books(host))
    assert.equal(3 * PRICE, checkout(host, ("o"):rep(200)).total)
  end)

  it("empties a cart that is not wanted any more", function()
    host = filled()
    assert.same({ items = {} }, host:actor("Cart", "ann"):clear())
    assert.same({ items = {} }, host:actor("Cart", "ann"):show())
  end)
end)

-- Begins the checkout and lets the host take so many steps of its parts in turn; then it is cut short. Returns whether
-- the answer had come.
local function cut_short(host, order, steps, workers)
  local pending = host:start_with({ idempotency_key = order }, "Cart", "ann", "checkout", "card")
  hosts.take_steps(host, steps, workers)
  local done = pending:is_done()
  host:crash()
  return done
end

describe("An order of the shop that is cut short", function()
  after_each(hosts.close_all)
  local STEPS = 40         -- more than an order takes

  for workers = 1, 3 do
    it("is paid once when it is repeated, with " .. workers .. " workers", function()
      for steps = 0, STEPS do
        local host = filled { workers = workers }
        if cut_short(host, "o1", steps, workers) then assert.same(BOUGHT, books(host)) end
        assert.same({ order = "o1", total = 3 * PRICE }, checkout(host, "o1"))
        assert.same(BOUGHT, books(host))
        hosts.close_all()
      end
    end)

    it("comes to one end, whatever happens to the card meanwhile, with " .. workers .. " workers", function()
      for steps = 0, STEPS do
        local host = filled({ workers = workers }, 7499)
        local done = cut_short(host, "o1", steps, workers)
        host:actor("Payment", "card"):deposit(2501)
        local ok, failure = pcall(checkout, host, "o1")
        if done then assert.is_false(ok) end
        if not ok then assert.equal("card_declined", failure.code) end
        assert.same(ok and BOUGHT or UNTOUCHED, books(host))
        hosts.close_all()
      end
    end)
  end

  it("has been stopped between any two of its steps", function()
    local between = {}
    for steps = 0, STEPS do
      local host = filled { workers = 3 }
      cut_short(host, "o1", steps, 3)
      local found = books(host)
      local reserved = 10 - found.lamps - found.rugs
      between[("%s, %s"):format(reserved == 0 and "none reserved" or reserved == 3 and "all reserved" or "one reserved",
                                found.money == 2500 and "charged" or "not charged")] = true
      hosts.close_all()
    end
    assert.same({
      ["none reserved, not charged"] = true, ["one reserved, not charged"] = true, ["all reserved, not charged"] = true,
      ["all reserved, charged"] = true,
    }, between)
  end)
end)

describe("The client of the shop", function()
  local PAID = '"total":5000'
  it("prints what happens, each time it runs", function()
    served.expect_client("shop", {
      { "Five lamps arrive", '"count":5', '"price":2500' },
      { "Ann wants two", '"lamp%-[%d%-]+":2' },
      { "A moon is not sold", '"code":"not_sold"', '"item":"moon%-' },
      { "She puts 30.00", '"balance":3000' },
      { "That is not enough", '"code":"card_declined"', PAID, '"card":"card%-' },
      { "The lamps were given back", '"count":5' },
      { "She puts 30.00 more", '"balance":6000' },
      { "Another order is paid", '"order":"second%-', PAID },
      { "The same order again", '"order":"second%-', PAID },
      { "It was paid once", '"balance":1000' },
      { "And three lamps", '"count":3' },
    })
  end)
end)
