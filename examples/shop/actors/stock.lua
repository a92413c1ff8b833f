-- The stock of one item: how many there are, and what one costs.
local Actor = require "troupe.actor"
local check = require "lib.check"

---@class Stock: Actor
local Stock = Actor:extend "Stock"

function Stock:initialize_state()
  return { count = 0 }
end

function Stock:_check_sold()
  if not self.state.price then check.refuse("not_sold", "The shop does not sell this", { item = self.key[1] }) end
end

--- So many more have arrived, and one costs so many cents from now on.
function Stock:receive(rpc, count, price)
  check.count(count, "count")
  check.cents(price, "price")
  self.state.count = self.state.count + count
  self.state.price = price
  return self:show(rpc)
end

--- { count, price }
function Stock:show()
  self:_check_sold()
  return { count = self.state.count, price = self.state.price }
end

--- Takes so many out of the stock, for a cart. Returns the price of one, or false if there are not enough.
function Stock:reserve(rpc, count)
  check.called_by_actor(rpc)
  self:_check_sold()
  if count > self.state.count then return false end
  self.state.count = self.state.count - count
  return self.state.price
end

--- Puts back what a cart had reserved and did not buy.
function Stock:give_back(rpc, count)
  check.called_by_actor(rpc)
  self.state.count = self.state.count + count
end

return Stock
