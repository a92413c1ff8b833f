-- A sliding window: at most `limit` in any `seconds`, wherever one begins to count. It remembers when the last `limit`
-- were allowed, one record each: the next one is too early while the oldest of them is in the window.
local Limiter = require "limiter"
local check = require "lib.check"
local rules = require("lib.rules").windows

---@class Window: Limiter
local Window = Limiter:extend "Window"

function Window:initialize_state()
  self:_rule(rules)
  local state = Limiter.initialize_state(self)
  state.count = 0
  return state
end

-- After so long any window is empty.
function Window:_memory_s()
  return self:_rule(rules).seconds
end

--- Whether one more is allowed now: { allowed, retry_after }, with the seconds after which it would be.
function Window:take()
  local rule = self:_rule(rules)
  local state, time = self.state, self:_time()
  local number = state.count + 1
  local oldest = self.kv:get { "allowed", number - rule.limit }
  local wait = oldest and oldest + rule.seconds - time or 0
  if wait > check.TINY_S then return { allowed = false, retry_after = wait } end
  self.kv:put({ "allowed", number }, time)
  self.kv:delete { "allowed", number - rule.limit }
  state.count, state.last = number, time
  return { allowed = true }
end

return Window
