-- An actor that tells its connections things, to be measured.
local Actor = require "troupe.actor"

---@class Feed: Actor
local Feed = Actor:extend "Feed"

function Feed:initialize_state()
  return { told = 0 }
end

local function tell(self, bytes, times)
  local news = ("x"):rep(bytes)
  for _ = 1, times or 1 do self:broadcast("news", news) end
end

--- An event of so many bytes, so many times, when the change is durable.
function Feed:tell(_, bytes, times)
  self.state.told = self.state.told + 1
  tell(self, bytes, times)
end

--- The same, and changes nothing.
function Feed:whisper(_, bytes, times)
  tell(self, bytes, times)
end

--- So many bytes as the answer.
function Feed:fill(_, bytes)
  return ("x"):rep(bytes)
end

return Feed
