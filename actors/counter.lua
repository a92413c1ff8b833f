-- A counter that survives everything: the smallest useful actor.
local Actor = require "troupe.actor"

---@class Counter: Actor
local Counter = Actor:extend "Counter"

--- input, if given, is where the count begins.
function Counter:initialize_state(input)
  return { count = input or 0 }
end

--- Adds an amount (1 if none is given) and returns the new count.
function Counter:increment(_, amount)
  self.state.count = self.state.count + (amount or 1)
  return self.state.count
end

--- The count as it is.
function Counter:get()
  return self.state.count
end

return Counter
