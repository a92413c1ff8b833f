-- A state of any size, to be measured: players with a name and a score.
local Actor = require "troupe.actor"

---@class Roster: Actor
local Roster = Actor:extend "Roster"

local function player(i)
  return { name = "player number " .. i, score = i }
end

function Roster:initialize_state()
  return { count = 0, players = {} }
end

--- Adds players up to so many; in several calls, where they are many.
function Roster:grow(_, count)
  for i = #self.state.players + 1, count do self.state.players[i] = player(i) end
end

--- Changes one field: of a player, or the count beside them.
function Roster:bump(_, i)
  local owner, field = self.state, "count"
  if i then owner, field = self.state.players[i], "score" end
  owner[field] = owner[field] + 1
end

--- Reads and writes a field so often: of the state, or of a plain table.
function Roster:loop(_, count, plain)
  local t = plain and { count = 0 } or self.state
  for _ = 1, count do t.count = t.count + 1 end
end

--- Goes over all players: of the state, or plain ones made for it beforehand.
function Roster:iterate(_, times, count)
  local players, sum = self.state.players, 0
  if count then
    players = {}
    for i = 1, count do players[i] = player(i) end
  end
  for _ = 1, times do
    for _, one in pairs(players) do sum = sum + one.score end
  end
  return sum
end

--- Keeps plain players in memory, to be weighed against those of a state.
function Roster:keep_plain(_, count)
  local players = {}
  for i = 1, count do players[i] = player(i) end
  self.players = players
end

return Roster
