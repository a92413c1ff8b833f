-- Checks calls and their arguments. A client that gets one wrong hears which, and what it should have been.
local check = {}

--- now() counts microseconds, and sums of fractions are a little off: less than this does not count.
check.TINY_S = 0.000001

--- Ends the call with an error that its client can understand.
function check.refuse(code, message, metadata)
  error(UserError(message, { code = code, metadata = metadata }))
end

--- How many of something.
function check.count(value, name, max)
  if math.type(value) ~= "integer" or value < 1 or value > max then
    check.refuse("invalid_value", ("%s must be a whole number from 1 to %d"):format(name, max), { name = name })
  end
end

return check
