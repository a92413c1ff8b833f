-- Payments with one card. The bank behind it is made up: there is as much money on a card as was put there.
local Actor = require "troupe.actor"
local check = require "lib.check"

---@class Payment: Actor
local Payment = Actor:extend "Payment"

function Payment:initialize_state()
  return { balance = 0 }
end

--- Puts money on the card, in cents.
function Payment:deposit(rpc, amount)
  check.cents(amount, "amount")
  self.state.balance = self.state.balance + amount
  return self:show(rpc)
end

--- { balance }
function Payment:show()
  return { balance = self.state.balance }
end

--- Takes money from the card, for a cart. Returns whether there was enough.
function Payment:charge(rpc, amount)
  check.called_by_actor(rpc)
  if amount > self.state.balance then return false end
  self.state.balance = self.state.balance - amount
  return true
end

return Payment
