-- Checks calls and their arguments. A client that gets one wrong hears which, and what it should have been.
local check = {}

local PRICE_MAX = 1000000000000
local YEAR_S = 366 * 24 * 3600

--- Ends the call with an error that its client can understand.
function check.refuse(code, message, metadata)
  error(UserError(message, { code = code, metadata = metadata }))
end

local function refuse_value(name, wanted)
  check.refuse("invalid_value", name .. " must be " .. wanted, { name = name })
end

--- A text that is not empty.
function check.text(value, name)
  if type(value) ~= "string" or value == "" or #value > 200 then refuse_value(name, "a text of 1 to 200 bytes") end
end

--- An amount of money in cents: whole numbers, since fractions of a cent would be lost somewhere.
function check.cents(value, name)
  if math.type(value) ~= "integer" or value < 1 or value > PRICE_MAX then
    refuse_value(name, "a whole number of cents from 1 to " .. PRICE_MAX)
  end
end

--- A span of time in seconds.
function check.seconds(value, name)
  if math.type(value) ~= "integer" or value < 1 or value > YEAR_S then
    refuse_value(name, "a whole number of seconds from 1 to " .. YEAR_S)
  end
end

--- For methods that only other actors may call.
function check.called_by_actor(rpc)
  if rpc.caller ~= "actor" then check.refuse("not_for_clients", "Only other actors call this method") end
end

return check
