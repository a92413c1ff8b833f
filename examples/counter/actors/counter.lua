-- The counter of actors/counter.lua, which tells everybody who listens.
local Actor = require "troupe.actor"

---@class Counter: Actor
local Counter = Actor:extend "Counter"

function Counter:initialize_state(input)
  return { count = input or 0 }
end

--- Adds an amount (1 if none is given), tells the new count to all who listen, and returns it.
function Counter:increment(_, amount)
  self.state.count = self.state.count + (amount or 1)
  self:broadcast("count", self.state.count)
  return self.state.count
end

--- The count as it is.
function Counter:get()
  return self.state.count
end

return Counter
