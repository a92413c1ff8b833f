-- Checks what clients send. One that gets something wrong hears what, and what it should have been.
local check = {}

local function refuse_value(name, wanted)
  error(UserError(name .. " must be " .. wanted, { code = "invalid_value", metadata = { name = name } }))
end

--- A text of 1 to `max` characters.
function check.text(value, name, max)
  local length = type(value) == "string" and utf8.len(value)
  if not length or length < 1 or length > max then refuse_value(name, ("a text of 1 to %d characters"):format(max)) end
end

--- A whole number.
function check.whole(value, name)
  if math.type(value) ~= "integer" then refuse_value(name, "a whole number") end
end

return check
