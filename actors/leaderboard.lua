-- Players in the order of their scores: one actor a board. Each player has two records: one that stands in order, and
-- one that tells where.
local Actor = require "troupe.actor"

---@class Leaderboard: Actor
local Leaderboard = Actor:extend "Leaderboard"

local COUNT_MAX = 1000

-- Numbers in a key sort by value, 42 < 100 < 1000, so the order of the records is the order of the board. With equal
-- scores the names decide.
local function rank_key(score, player)
  return { "rank", score, player }
end

local function score_key(player)
  return { "score", player }
end

local function check_count(count)
  if math.type(count) ~= "integer" or count < 1 or count > COUNT_MAX then
    error(UserError("A count or a rank is a whole number from 1 to " .. COUNT_MAX, { code = "invalid_count" }))
  end
end

local function check_score(score)
  if type(score) ~= "number" or score ~= score or math.abs(score) == math.huge then
    error(UserError("A score is a finite number", { code = "invalid_score" }))
  end
end

--- Sets the score of a player, higher or lower than before, and returns the one before or nil.
function Leaderboard:submit(_, player, score)
  check_score(score)
  local before = self.kv:get(score_key(player))
  if before then self.kv:delete(rank_key(before, player)) end
  self.kv:put(rank_key(score, player), true)
  self.kv:put(score_key(player), score)
  return before
end

--- The score of a player, or nil.
function Leaderboard:score(_, player)
  return self.kv:get(score_key(player))
end

--- Takes a player off the board; whether there was one.
function Leaderboard:remove(_, player)
  local score = self.kv:get(score_key(player))
  if not score then return false end
  self.kv:delete(rank_key(score, player))
  return self.kv:delete(score_key(player))
end

--- The ranks from `first` to `last`, the best is 1: an array of { rank, player, score }.
function Leaderboard:ranks(_, first, last)
  check_count(first)
  check_count(last)
  local ranks = array {}
  local entries = self.kv:list { prefix = { "rank" }, reverse = true, limit = last }
  for rank = first, #entries do
    local key = entries[rank].key
    table.insert(ranks, { rank = rank, player = key[3], score = key[2] })
  end
  return ranks
end

--- The best players, 10 if no count is given.
function Leaderboard:top(rpc, count)
  return self:ranks(rpc, 1, count or 10)
end

--- Who has at least `low` and less than `high`, the lowest first: an array of { player, score }.
function Leaderboard:between(_, low, high)
  check_score(low)
  check_score(high)
  local found = array {}
  for _, entry in ipairs(self.kv:list { start = { "rank", low }, stop = { "rank", high } }) do
    table.insert(found, { player = entry.key[3], score = entry.key[2] })
  end
  return found
end

return Leaderboard
