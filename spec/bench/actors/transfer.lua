-- The transfers from one account, to be measured: each takes from that account, puts to another, and is noted here.
local Actor = require "troupe.actor"

---@class Transfer: Actor
local Transfer = Actor:extend "Transfer"

function Transfer:initialize_state()
  return { count = 0, sum = 0 }
end

function Transfer:move(_, from, to, amount)
  self:actor("Account", from):take(amount)
  self:actor("Account", to):put(amount)
  self.state.count = self.state.count + 1
  self.state.sum = self.state.sum + amount
  return self.state.count
end

return Transfer
