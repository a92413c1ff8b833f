-- A cart: what one customer is about to buy. It asks the other actors: a Stock for each item, a Payment for each card.
local Actor = require "troupe.actor"
local check = require "lib.check"

---@class Cart: Actor
local Cart = Actor:extend "Cart"

function Cart:initialize_state()
  return { items = {} }
end

--- Puts so many of an item into the cart, as far as the shop sells it.
function Cart:add(rpc, item, count)
  check.text(item, "item")
  check.count(count, "count")
  self:actor("Stock", item):show()          -- raises an error if the shop does not sell it, and that ends this call too
  self.state.items[item] = (self.state.items[item] or 0) + count
  return self:show(rpc)
end

--- Empties the cart.
function Cart:clear(rpc)
  self.state.items = {}
  return self:show(rpc)
end

--- What is in the cart: { items = { [item] = count } }.
function Cart:show()
  return { items = self.state.items }
end

-- Each step of an order is a call that happens once. Whoever repeats the order repeats its steps, and a step that was
-- done before tells again what it answered then.
function Cart:_step(order, step, class, key)
  return self:actor(class, key, { idempotency_key = order .. ":" .. step })
end

function Cart:_give_back(order, reserved)
  for item, count in pairs(reserved) do
    self:_step(order, "give_back", "Stock", item):give_back(count)
  end
end

--- Buys everything in the cart and empties it: { order, total }. The client's idempotency key is the name of the order.
--- If no answer comes, the client repeats the call with the same key. After `sold_out` or `card_declined` this order is
--- over, and another try is another order.
function Cart:checkout(rpc, card)
  local order = check.order(rpc.idempotency_key)
  check.text(card, "card")
  if not next(self.state.items) then check.refuse("empty_cart", "There is nothing in this cart") end

  local total, reserved = 0, {}
  for item, count in pairs(self.state.items) do
    local price = self:_step(order, "reserve", "Stock", item):reserve(count)
    if not price then
      self:_give_back(order, reserved)
      check.refuse("sold_out", "There are not enough of " .. item, { item = item, count = count })
    end
    reserved[item] = count
    total = total + count * price
  end

  if not self:_step(order, "charge", "Payment", card):charge(total) then
    self:_give_back(order, reserved)
    check.refuse("card_declined", "The card was declined", { card = card, total = total })
  end

  self.state.items = {}
  return { order = order, total = total }
end

return Cart
