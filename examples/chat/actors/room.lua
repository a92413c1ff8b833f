-- A room of the chat: one actor each. What was said is in the kv, a record for each message; who is there follows from
-- the connections.
local Actor = require "troupe.actor"
local check = require "lib.check"

---@class Room: Actor
local Room = Actor:extend "Room"

local NAME_MAX, TEXT_MAX = 30, 1000
local PAGE = 50

function Room:initialize_state()
  return { last = 0 }           -- the number of the last message
end

--- Nobody comes in without a name: { name }. What this returns is the state of the connection, and of a call over HTTP.
function Room:on_before_connect(params)
  local name = type(params) == "table" and params.name
  check.text(name, "name", NAME_MAX)
  return { name = name }
end

--- The names of those who are there, sorted; who is there with two pages is there once.
function Room:people()
  local people, seen = array {}, {}
  for _, connection in ipairs(self.connections) do
    local name = connection.state.name
    if not seen[name] then table.insert(people, name) end
    seen[name] = true
  end
  table.sort(people)
  return people
end

function Room:on_connect()
  self:broadcast("people", self:people())
end

function Room:on_disconnect()
  self:broadcast("people", self:people())
end

local function shown(number, message)
  return { number = number, name = message.name, text = message.text, at = message.at }
end

--- Says something to all who are there, and returns the number of the message. They hear it when it is on disk.
function Room:say(rpc, text)
  check.text(text, "text", TEXT_MAX)
  local number = self.state.last + 1
  local message = { name = rpc.connection.state.name, text = text, at = os.time() }
  self.state.last = number
  self.kv:put({ "message", number }, message)
  self:broadcast("message", shown(number, message))
  return number
end

--- What was said after the message of this number, the oldest first, at most 50 messages; without a number the last 50:
--- an array of { number, name, text, at }.
function Room:messages_after(_, number)
  number = number or math.max(0, self.state.last - PAGE)
  check.whole(number, "number")
  local messages = array {}
  for i, entry in ipairs(self.kv:list { prefix = "message", start_after = { "message", number }, limit = PAGE }) do
    messages[i] = shown(entry.key[2], entry.value)
  end
  return messages
end

return Room
