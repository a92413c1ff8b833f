-- A member of the auction house, who bids or sells: one actor for each name. It keeps what auctions have told it.
local Actor = require "troupe.actor"
local check = require "lib.check"

---@class Member: Actor
local Member = Actor:extend "Member"

local KEPT = 100

function Member:initialize_state()
  return { heard = 0 }
end

--- For auctions: they send what has happened, { what, auction, title, amount }, and go on. The last hundred are kept.
function Member:hear(rpc, news)
  check.called_by_actor(rpc)
  local state = self.state
  state.heard = state.heard + 1
  news.at = os.time()
  self.kv:put({ "news", state.heard }, news)
  self.kv:delete { "news", state.heard - KEPT }
end

--- The last news, newest first, or the last 10 if no count is given: an array of { what, auction, title, amount, at }.
--- `what` is outbid, won or lost for who bids, sold or unsold for who sells.
function Member:news(_, count)
  local news = array {}
  for i, entry in ipairs(self.kv:list { prefix = "news", reverse = true, limit = count or 10 }) do
    news[i] = entry.value
  end
  return news
end

return Member
