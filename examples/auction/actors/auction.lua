-- An auction: one actor for each thing for sale. The present facts are in the state; every bid ever made, and who has
-- made one, is in the kv. It closes itself when its time is up, and tells everybody who has to do with it.
--
-- A call that fails leaves nothing behind: no bid, no schedule, no message. So a method may simply raise what is wrong:
-- there is no half-made bid to undo, and a bid on a thing that was never offered does not even make an actor.
local Actor = require "troupe.actor"
local check = require "lib.check"

---@class Auction: Actor
local Auction = Actor:extend "Auction"

local HOUR_S = 3600
local EXTENSION_S = 120
local TOLD_AT_ONCE = 100          -- a portion; the host lets a sender have 1,000 messages under way

function Auction:initialize_state()
  return { bids = 0 }
end

function Auction:_check_opened()
  if not self.state.seller then check.refuse("not_opened", "Nothing is for sale here") end
end

-- The clock decides, and not whether the auction has already been able to close itself: a bid may come first, for
-- instance when the host has just been started.
function Auction:_is_over()
  return self.state.closed or os.time() >= self.state.ends_at
end

function Auction:_minimum()
  local best = self.state.best
  return best and best.amount + self.state.step or self.state.start
end

-- From now on the auction ends at this moment. It was told to people as a time of day, so it is one for the host too.
function Auction:_end_at(moment)
  local state = self.state
  if state.closing then self.schedule:cancel(state.closing) end
  state.ends_at = moment
  state.closing = self.schedule:at(moment, "_close")
end

-- The message leaves with what this call changes, or not at all. A member who was never heard of is made by it.
function Auction:_tell(name, what, amount)
  self:send(self:actor("Member", name), "hear", {
    what = what,
    auction = self.key,
    title = self.state.title,
    amount = amount,
  })
end

-- Its time is up.
function Auction:_close(rpc)
  local state = self.state
  local best = state.best
  state.closed, state.closing = true, nil
  self:_tell(state.seller, best and "sold" or "unsold", best and best.amount)
  self:_tell_bidders(rpc)
end

-- Tells the bidders how it ended, from behind `last` on, a portion in a commit. The rest is scheduled for at once: that
-- is due again after a crash, and later if those who were told have not yet had time to listen.
function Auction:_tell_bidders(_, last)
  local best = self.state.best
  local bidders = self.kv:list { prefix = "bidder", start_after = last, limit = TOLD_AT_ONCE }
  for _, entry in ipairs(bidders) do
    local name = entry.key[2]
    self:_tell(name, name == best.bidder and "won" or "lost", best.amount)
  end
  if #bidders == TOLD_AT_ONCE then self.schedule:after(0, "_tell_bidders", bidders[#bidders].key) end
end

--- Offers a thing: { title, start, step, seconds, extension }. `start`, the lowest first bid, and `step`, the least
--- raise, are in cents. The auction is open for `seconds`, or else for an hour. After each bid it stays open for at
--- least `extension` seconds, or else for two minutes.
function Auction:open(rpc, seller, offer)
  if self.state.seller then check.refuse("already_opened", "This auction was opened before") end
  offer = type(offer) == "table" and offer or {}
  local seconds = offer.seconds or HOUR_S
  local extension = offer.extension or EXTENSION_S
  check.text(seller, "seller")
  check.text(offer.title, "title")
  check.cents(offer.start, "start")
  check.cents(offer.step, "step")
  check.seconds(seconds, "seconds")
  check.seconds(extension, "extension")
  self.state = {
    seller = seller,
    title = offer.title,
    start = offer.start,
    step = offer.step,
    extension = extension,
    bids = 0,
  }
  self:_end_at(os.time() + seconds)
  return self:show(rpc)
end

--- Makes a bid in cents.
function Auction:bid(rpc, bidder, amount)
  self:_check_opened()
  check.text(bidder, "bidder")
  check.cents(amount, "amount")
  local state = self.state
  local best = state.best
  if self:_is_over() then check.refuse("over", "This auction is over") end
  if bidder == state.seller then check.refuse("own_auction", "Sellers do not bid on what they sell") end
  if amount < self:_minimum() then check.refuse("too_low", "This bid is too low", { minimum = self:_minimum() }) end

  if best and best.bidder ~= bidder then self:_tell(best.bidder, "outbid", amount) end
  state.bids = state.bids + 1
  state.best = { bidder = bidder, amount = amount }
  self.kv:put({ "bid", state.bids }, { bidder = bidder, amount = amount, at = os.time() })
  self.kv:put({ "bidder", bidder }, true)
  local open_until = os.time() + state.extension
  if state.ends_at < open_until then self:_end_at(open_until) end
  return self:show(rpc)
end

--- Ends the auction early. Only the seller may.
function Auction:close(rpc, who)
  self:_check_opened()
  local state = self.state
  if who ~= state.seller then check.refuse("not_yours", "Only the seller closes an auction") end
  if not state.closed then
    self.schedule:cancel(state.closing)
    state.ends_at = math.min(state.ends_at, os.time())
    self:_close(rpc)
  end
  return self:show(rpc)
end

--- How the auction stands. Once it is over, there is a winner, if anybody made a bid.
function Auction:show()
  self:_check_opened()
  local state = self.state
  local over = self:_is_over()
  return {
    title = state.title,
    seller = state.seller,
    bids = state.bids,
    best = state.best,
    ends_at = state.ends_at,
    over = over,
    minimum = not over and self:_minimum() or nil,
    winner = over and state.best and state.best.bidder or nil,
  }
end

--- The last bids, newest first, or the last 10 if no count is given: an array of { bidder, amount, at }.
function Auction:history(_, count)
  self:_check_opened()
  local bids = array {}
  for i, entry in ipairs(self.kv:list { prefix = { "bid" }, reverse = true, limit = count or 10 }) do
    bids[i] = entry.value
  end
  return bids
end

return Auction
