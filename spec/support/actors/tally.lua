-- Counts. It tells whose count it is, so that who asks for many at once can tell them apart.
local Actor = require "troupe.actor"

---@class Tally: Actor
local Tally = Actor:extend "Tally"

function Tally:initialize_state() return { count = 0 } end

function Tally:increment()
  self.state.count = self.state.count + 1
  return array { self.key[1], self.state.count }
end

function Tally:get() return self.state.count end

return Tally
