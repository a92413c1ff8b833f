-- Keeps books: every part of a call leaves its number in the state, in order, and changes fields of the state and
-- entries of the kv in a way that follows from the numbers alone. So who has the numbers knows what the rest must be.
local Actor = require "troupe.actor"

---@class Ledgerbook: Actor
local Ledgerbook = Actor:extend "Ledgerbook"

function Ledgerbook:initialize_state()
  return { parts = array {}, fields = {} }
end

local changes = {}

function changes.put(self, number, key, size)
  self.kv:put(key, { part = number, text = tostring(number):rep(size) })
end

function changes.delete(self, _, key) self.kv:delete(key) end

function changes.delete_range(self, _, from, to) self.kv:delete_range { start = from, stop = to } end

function changes.set(self, number, field, size)
  self.state.fields[field] = { part = number, text = tostring(number):rep(size) }
end

function changes.unset(self, _, field) self.state.fields[field] = nil end

--- parts: each { number = n, changes = { { name, ... }, ... } }; between two of them what was done is saved. It
--- destroys itself, or fails, in the end if it is told to. Answers how many parts there are by now.
function Ledgerbook:enter(_, parts, fails, destroys)
  for i, part in ipairs(parts) do
    if i > 1 then self:save_state() end
    table.insert(self.state.parts, part.number)
    for _, change in ipairs(part.changes) do
      changes[change[1]](self, part.number, table.unpack(change, 2))
    end
  end
  if destroys then self:destroy() end
  if fails then error(UserError "it was told to fail") end
  return #self.state.parts
end

function Ledgerbook:count() return #self.state.parts end

return Ledgerbook
