-- An auction: one actor for each thing for sale. The present facts are in the state, every bid ever made is in the kv.
--
-- A call that fails leaves nothing behind. So a method may simply raise what is wrong: there is no half-made bid to
-- undo, and a bid on a thing that was never offered does not even make an actor.
local Actor = require "troupe.actor"
local check = require "lib.check"

---@class Auction: Actor
local Auction = Actor:extend "Auction"

local HOUR_S = 3600

function Auction:initialize_state()
  return { bids = 0 }
end

local function refuse(code, message, metadata)
  error(UserError(message, { code = code, metadata = metadata }))
end

function Auction:_check_opened()
  if not self.state.seller then refuse("not_opened", "Nothing is for sale here") end
end

-- Nothing has to happen at the end: the auction is over when the clock says so.
function Auction:_is_over()
  return os.time() >= self.state.ends_at
end

function Auction:_minimum()
  local best = self.state.best
  return best and best.amount + self.state.step or self.state.start
end

--- Offers a thing: { title, start, step, seconds }. `start`, the lowest first bid, and `step`, the least raise, are in
--- cents. The auction is open for `seconds`, or else for an hour.
function Auction:open(rpc, seller, offer)
  if self.state.seller then refuse("already_opened", "This auction was opened before") end
  offer = type(offer) == "table" and offer or {}
  local seconds = offer.seconds or HOUR_S
  check.text(seller, "seller")
  check.text(offer.title, "title")
  check.cents(offer.start, "start")
  check.cents(offer.step, "step")
  check.seconds(seconds, "seconds")
  self.state = {
    seller = seller,
    title = offer.title,
    start = offer.start,
    step = offer.step,
    ends_at = os.time() + seconds,
    bids = 0,
  }
  return self:show(rpc)
end

--- Makes a bid in cents.
function Auction:bid(rpc, bidder, amount)
  self:_check_opened()
  check.text(bidder, "bidder")
  check.cents(amount, "amount")
  local state = self.state
  if self:_is_over() then refuse("over", "This auction is over") end
  if bidder == state.seller then refuse("own_auction", "Sellers do not bid on what they sell") end
  if amount < self:_minimum() then refuse("too_low", "This bid is too low", { minimum = self:_minimum() }) end

  state.bids = state.bids + 1
  state.best = { bidder = bidder, amount = amount }
  self.kv:put({ "bid", state.bids }, { bidder = bidder, amount = amount, at = os.time() })
  return self:show(rpc)
end

--- Ends the auction early. Only the seller may.
function Auction:close(rpc, who)
  self:_check_opened()
  if who ~= self.state.seller then refuse("not_yours", "Only the seller closes an auction") end
  if not self:_is_over() then self.state.ends_at = os.time() end
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
