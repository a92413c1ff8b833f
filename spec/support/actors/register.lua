-- Holds one number, in the kv; it is 0 at first.
local Actor = require "troupe.actor"

---@class Register: Actor
local Register = Actor:extend "Register"

function Register:read() return self.kv:get "number" or 0 end

function Register:write(_, number) self.kv:put("number", number) end

function Register:compare_and_set(_, from, to)
  if self:read() ~= from then return false end
  self.kv:put("number", to)
  return true
end

--- Writes, then fails: nothing of it may stay. The error tells the number from before.
function Register:spoil()
  local number = self:read()
  self.kv:put("number", -1)
  error(UserError("spoiled", { metadata = number }))
end

return Register
