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

function Shelf:count() return self.kv:count() end

--- The sum of all keys, one entry after the other.
function Shelf:walk()
  local sum = 0
  for key in self.kv:each() do sum = sum + key[1] end
  return sum
end

function Shelf:delete_range() return self.kv:delete_range { start = 0 } end
function Shelf:delete_all() self.kv:delete_all() end
function Shelf:go() self:destroy() end

--- Puts so many from a number on, of so many bytes each.
function Shelf:put_large(_, first, count, size)
  local entries = {}
  for i = 1, count do entries[i] = { key = first + i - 1, value = ("%07d"):format(first + i - 1):rep(size // 7) } end
  self.kv:put_batch(entries)
end

return Shelf
