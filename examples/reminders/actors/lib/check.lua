-- Checks the arguments of a call. A client that gets one wrong hears which, and what it should have been.
local check = {}

local YEAR_S = 366 * 24 * 3600
local LAST_S = 253402300799            -- the end of the year 9999

--- Ends the call with an error that its client can understand.
function check.refuse(code, message, metadata)
  error(UserError(message, { code = code, metadata = metadata }))
end

local function refuse_value(name, wanted)
  check.refuse("invalid_value", name .. " must be " .. wanted, { name = name })
end

local function check_whole(value, name, first, last)
  if math.type(value) ~= "integer" or value < first or value > last then
    refuse_value(name, ("a whole number from %d to %d"):format(first, last))
  end
end

--- A text that is not empty.
function check.text(value, name)
  if type(value) ~= "string" or value == "" or #value > 1000 then refuse_value(name, "a text of 1 to 1000 bytes") end
end

--- The number of something.
function check.whole(value, name)
  check_whole(value, name, 1, math.maxinteger)
end

--- A span of time in seconds, up to a year.
function check.span(value, name)
  check_whole(value, name, 1, YEAR_S)
end

--- When a reminder is due: a table with one field. Returns its name and its value.
function check.when(when)
  local kinds = "a table with one of after, at, every, cron"
  if type(when) ~= "table" then refuse_value("when", kinds) end
  local how, value = next(when)
  if next(when, how) ~= nil then refuse_value("when", kinds) end
  if how == "after" or how == "every" then
    check.span(value, how)
  elseif how == "at" then
    check_whole(value, how, 0, LAST_S)
  elseif how == "cron" then
    check.text(value, how)
  else
    refuse_value("when", kinds)
  end
  return how, value
end

--- For a schedule that the host did not set, and why not.
function check.not_set(how, problem)
  local is_refused = type(problem) == "table" and problem.code == "invalid_arguments"
  if not is_refused then error(problem, 0) end
  check.refuse("invalid_value", "cron must be five fields, as of crontab: " .. problem.message, { name = how })
end

return check
