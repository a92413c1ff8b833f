-- Checks the arguments of a call. A client that gets one wrong hears which, and what it should have been.
local check = {}

local PRICE_MAX = 1000000000000

local function refuse(name, wanted)
  error(UserError(name .. " must be " .. wanted, { code = "invalid_value", metadata = { name = name } }))
end

--- A text that is not empty.
function check.text(value, name)
  if type(value) ~= "string" or value == "" or #value > 200 then refuse(name, "a text of 1 to 200 bytes") end
end

--- An amount of money in cents: whole numbers, since fractions of a cent would be lost somewhere.
function check.cents(value, name)
  if math.type(value) ~= "integer" or value < 1 or value > PRICE_MAX then
    refuse(name, "a whole number of cents from 1 to " .. PRICE_MAX)
  end
end

--- A span of time in seconds.
function check.seconds(value, name)
  if math.type(value) ~= "integer" or value < 1 then refuse(name, "a whole number of seconds, 1 or more") end
end

return check
