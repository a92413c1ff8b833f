-- A kv of any size, to be measured: numbered entries.
local Actor = require "troupe.actor"

---@class Shelf: Actor
local Shelf = Actor:extend "Shelf"

function Shelf:put(_, number, value)
  self.kv:put(number, value)
end

function Shelf:get(_, number)
  return self.kv:get(number)
end

--- The last so many, the last first.
function Shelf:top(_, count)
  return self.kv:list { limit = count, reverse = true }
end

--- Puts so many from a number on, in one call.
function Shelf:put_many(_, first, count, version)
  local entries = {}
  for i = 1, count do
    local number = first + i - 1
    entries[i] = { key = number, value = ("value of entry %d, version %s"):format(number, version) }
  end
  self.kv:put_batch(entries)
end

--- Reads so many into a table, and returns how many there were.
function Shelf:scan(_, count)
  return #self.kv:list { limit = count }
end

return Shelf
