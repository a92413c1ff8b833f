-- A state of two fields, to be weighed.
local Actor = require "troupe.actor"

---@class Pair: Actor
local Pair = Actor:extend "Pair"

function Pair:initialize_state()
  return { count = 0, name = "a name" }
end

function Pair:get() return self.state.count end

return Pair
