-- Keeps things in its state and in its kv, each with the number of the call that put it there.
local Actor = require "troupe.actor"

---@class Hoard: Actor
local Hoard = Actor:extend "Hoard"

function Hoard:initialize_state() return { calls = array {}, fields = {} } end

local changes = {}

local function thing(number, size) return { number = number, text = tostring(number):rep(size) } end

function changes.put(self, number, key, size) self.kv:put(key, thing(number, size)) end
function changes.delete(self, _, key) self.kv:delete(key) end
function changes.delete_range(self, _, from, to) self.kv:delete_range { start = from, stop = to } end
function changes.set(self, number, field, size) self.state.fields[field] = thing(number, size) end
function changes.unset(self, _, field) self.state.fields[field] = nil end

--- list: { name, ... } of each change. Answers how many calls there were by now.
function Hoard:keep(_, number, list)
  table.insert(self.state.calls, number)
  for _, change in ipairs(list) do
    changes[change[1]](self, number, table.unpack(change, 2))
  end
  return #self.state.calls
end

--- What is kept under each of these keys, looked up one by one.
function Hoard:look(_, keys)
  local found = {}
  for i, key in ipairs(keys) do found[i] = self.kv:get(key) or false end
  return found
end

return Hoard
