-- A counter that calls other counters, to be measured: a link of a chain.
local Actor = require "troupe.actor"

local FIRST, COUNT = 1000000, 1000

---@class Link: Actor
local Link = Actor:extend "Link"

function Link:initialize_state()
  return { count = 0 }
end

function Link:get() return self.state.count end

function Link:increment()
  self.state.count = self.state.count + 1
  return self.state.count
end

-- The link behind the one with this number; the first is behind the last.
local function next_link(self, number)
  number = FIRST + (number - FIRST + 1) % COUNT
  return self:actor("Link", tostring(number)), number
end

--- Increments this link and those behind it, each of which is called by the one before it; so many in all.
function Link:chain(_, number, length)
  if length > 1 then
    local link, its_number = next_link(self, number)
    link:chain(its_number, length - 1)
  end
  return self:increment()
end

--- Increments the link behind this one, and changes nothing here.
function Link:relay(_, number)
  local link = next_link(self, number)
  return link:increment()
end

--- Increments so many links, one call after the other.
function Link:increment_others(_, count)
  for i = 1, count do self:actor("Link", tostring(FIRST + (i - 1) % COUNT)):increment() end
end

--- Sends so many messages to links: to that with this number, and to those behind it. Changes nothing here.
function Link:post(_, number, count)
  for _ = 1, count do
    self:send(self:actor("Link", tostring(number)), "increment")
    number = FIRST + (number - FIRST + 1) % COUNT
  end
end

--- How often all links were incremented.
function Link:sum()
  local sum = 0
  for i = 1, COUNT do sum = sum + self:actor("Link", tostring(FIRST + i - 1)):get() end
  return sum
end

return Link
