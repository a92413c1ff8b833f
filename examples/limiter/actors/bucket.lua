-- A token bucket: it holds up to `burst` tokens, and `per_second` new ones drop into it. Who wants to do something
-- takes one out. So short bursts are fine, and in the long run there are not more than `per_second`.
local Limiter = require "limiter"
local check = require "lib.check"
local rules = require("lib.rules").buckets

---@class Bucket: Limiter
local Bucket = Limiter:extend "Bucket"

function Bucket:initialize_state()
  local state = Limiter.initialize_state(self)
  state.tokens = self:_rule(rules).burst
  return state
end

-- After so long any bucket is full.
function Bucket:_memory_s()
  local rule = self:_rule(rules)
  return rule.burst / rule.per_second
end

--- Takes some tokens (1 if no count is given), or none if there are not enough: { allowed, left, retry_after }, with
--- the seconds after which there would be enough.
function Bucket:take(_, count)
  local rule = self:_rule(rules)
  count = count or 1
  check.count(count, "count", rule.burst)
  local state, time = self.state, self:_time()
  local tokens = math.min(rule.burst, state.tokens + (time - state.last) * rule.per_second)
  local wait = (count - tokens) / rule.per_second
  if wait > check.TINY_S then return { allowed = false, left = math.floor(tokens), retry_after = wait } end
  state.tokens, state.last = tokens - count, time
  return { allowed = true, left = math.max(0, math.floor(state.tokens)) }
end

return Bucket
