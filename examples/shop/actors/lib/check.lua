-- Checks the arguments of a call. A client that gets one wrong hears which, and what it should have been.
local check = {}

local COUNT_MAX = 1000000
local CENTS_MAX = 1000000000
local ORDER_MAX = 200

--- Ends the call with an error that its client can understand.
function check.refuse(code, message, metadata)
  error(UserError(message, { code = code, metadata = metadata }))
end

local function refuse_value(name, wanted)
  check.refuse("invalid_value", name .. " must be " .. wanted, { name = name })
end

local function is_whole(value, max)
  return math.type(value) == "integer" and value >= 1 and value <= max
end

--- A text that is not empty.
function check.text(value, name)
  if type(value) ~= "string" or value == "" or #value > 200 then refuse_value(name, "a text of 1 to 200 bytes") end
end

--- How many of something.
function check.count(value, name)
  if not is_whole(value, COUNT_MAX) then refuse_value(name, "a whole number from 1 to " .. COUNT_MAX) end
end

--- An amount of money in cents.
function check.cents(value, name)
  if not is_whole(value, CENTS_MAX) then refuse_value(name, "a whole number of cents from 1 to " .. CENTS_MAX) end
end

--- An idempotency key that names an order: there must be one, and room for the names of its steps behind it.
function check.order(key)
  if not key or #key > ORDER_MAX then
    check.refuse("invalid_order", "A checkout needs an idempotency key of at most " .. ORDER_MAX .. " characters")
  end
  return key
end

--- For methods that only other actors may call.
function check.called_by_actor(rpc)
  if rpc.caller ~= "actor" then check.refuse("not_for_clients", "Only other actors call this method") end
end

return check
