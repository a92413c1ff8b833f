-- What both kinds of limiters have in common: the rule that they keep, a time that does not go back, and an end. Nobody
-- calls an actor of this class; Bucket and Window extend it.
local Actor = require "troupe.actor"
local check = require "lib.check"

---@class Limiter: Actor
local Limiter = Actor:extend "Limiter"

local IDLE_S = 60

function Limiter:initialize_state()
  self.schedule:after(IDLE_S, "_rest")
  return { last = now(), ahead = 0 }
end

-- The key of a limiter is a tuple, { rule, who }: its first part says which of these rules it keeps.
function Limiter:_rule(rules)
  local rule = #self.key == 2 and rules[self.key[1]]
  if not rule then check.refuse("no_such_rule", "A limiter has a key of two parts: a rule, and whom it is for") end
  return rule
end

-- now(), but if the clock is set back, time goes on from `last`: or else a limiter would be shut until the clock has
-- caught up. `last` is when something was allowed for the last time.
function Limiter:_time()
  local state = self.state
  local time = now() + state.ahead
  if time < state.last then
    state.ahead = state.ahead + state.last - time
    time = state.last
  end
  return time
end

-- One schedule for each limiter, and not for each call: it looks whether anything was allowed lately. A limiter that
-- has been idle for long enough does what a new one would do. So it may as well not be there.
function Limiter:_rest()
  local left = self.state.last + math.max(IDLE_S, self:_memory_s()) - self:_time()
  if left > 0 then
    self.schedule:after(math.ceil(left), "_rest")
  else
    self:destroy()
  end
end

return Limiter
