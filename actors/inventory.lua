-- What the players of a realm own: one actor a realm, one record for each item of each player. A realm may hold more
-- than fits in memory, since a call reads the records that it asks for and no others.
local Actor = require "troupe.actor"

---@class Inventory: Actor
local Inventory = Actor:extend "Inventory"

local AMOUNT_MAX = 1000000000

-- All items of one player begin with the same two parts, so they stand side by side, sorted by item. An owner need not
-- be a name: {"chest", 7} is a part of a key like any other.
local function key_of(player, item)
  if player == nil or item == nil then
    error(UserError("A player and an item are wanted", { code = "incomplete" }))
  end
  return { player, "items", item }
end

local function check_amount(amount)
  if math.type(amount) ~= "integer" or amount < 1 or amount > AMOUNT_MAX then
    error(UserError("An amount is a whole number from 1 to " .. AMOUNT_MAX, { code = "invalid_amount" }))
  end
end

--- How many of an item a player owns.
function Inventory:count(_, player, item)
  return self.kv:get(key_of(player, item)) or 0
end

--- Adds some of an item (1 if no amount is given) and returns how many the player owns now.
function Inventory:give(rpc, player, item, amount)
  amount = amount or 1
  check_amount(amount)
  local owned = self:count(rpc, player, item) + amount
  self.kv:put(key_of(player, item), owned)
  return owned
end

--- Takes some of an item away (1 if no amount is given) and returns how many are left. What is used up leaves no
--- record.
function Inventory:take(rpc, player, item, amount)
  amount = amount or 1
  check_amount(amount)
  local owned = self:count(rpc, player, item)
  if owned < amount then
    error(UserError("Not enough of this item", {
      code = "not_enough",
      metadata = { item = item, owned = owned, wanted = amount },
    }))
  end
  if owned == amount then
    self.kv:delete(key_of(player, item))
  else
    self.kv:put(key_of(player, item), owned - amount)
  end
  return owned - amount
end

--- Hands some of an item from one player to another: both records change, or neither.
function Inventory:move(rpc, from, to, item, amount)
  return {
    from = self:take(rpc, from, item, amount),
    to = self:give(rpc, to, item, amount),
  }
end

--- All items of a player, sorted by name: an array of { item, amount }.
function Inventory:list(_, player)
  local items = array {}
  for i, entry in ipairs(self.kv:list { prefix = { player, "items" } }) do
    items[i] = { item = entry.key[3], amount = entry.value }
  end
  return items
end

return Inventory
