-- Counts, and keeps the last number that each of its writers put.
local Actor = require "troupe.actor"

---@class Tally: Actor
local Tally = Actor:extend "Tally"

function Tally:initialize_state() return { count = 0 } end

function Tally:increment()
  self.state.count = self.state.count + 1
  return self.state.count
end

function Tally:get() return self.state.count end

-- Most are short and some are long, so that batches of all sizes are under way.
local function text_of(number) return number .. ("."):rep(number % 16 == 0 and 20000 or 0) end

function Tally:put(_, writer, number) self.kv:put(writer, text_of(number)) end

--- Writes all over state and kv, then fails: nothing of it may stay. The error tells the count from before.
function Tally:spoil()
  local count = self.state.count
  self.state.count, self.state.spoiled = -1, true
  self.kv:delete_all()
  self.kv:put("spoiled", true)
  error(UserError("spoiled", { metadata = count }))
end

function Tally:content()
  local entries = array {}
  for key, text in self.kv:each() do
    local number = math.tointeger(tostring(text):match "^%d+" or 0)
    if text ~= text_of(number) then error(UserError("an entry that is not what a put has put")) end
    entries[#entries + 1] = { writer = key[1], number = number }
  end
  return { count = self.state.count, spoiled = self.state.spoiled or false, entries = entries }
end

return Tally
