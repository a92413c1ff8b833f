-- An account, to be paid from and into by transfers.
local Actor = require "troupe.actor"

---@class Account: Actor
local Account = Actor:extend "Account"

function Account:initialize_state()
  return { balance = 1000000 }
end

function Account:take(_, amount)
  local balance = self.state.balance
  if balance < amount then error(UserError("there is not enough", { code = "not_enough" })) end
  self.state.balance = balance - amount
  return balance - amount
end

function Account:put(_, amount)
  self.state.balance = self.state.balance + amount
  return self.state.balance
end

return Account
