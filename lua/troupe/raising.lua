--- How troupe.test and troupe.client raise: at the line of who calls them, and not at one of their own.

local raising = {}

local own = {}   -- the sources at whose lines nothing is raised

--- The file that calls this is one of them.
function raising.enrol()
  own[debug.getinfo(2, "S").source] = true
end

raising.enrol()

--- The error that a failed call raises.
---@class troupe.Error
---@field code string         as over HTTP: "storage_error", ...; or one of troupe.test's or troupe.client's own
---@field message string
---@field metadata any        of a UserError
---@field status integer|nil  of troupe.client: that of HTTP, or 0 for a code of its own
---@field place string|nil    the line that has called: "spec/counter_spec.lua:12"
local Error = { __name = "troupe.Error" }
Error.__index = Error

function Error:__tostring()
  return ("%s%s: %s"):format(self.place and self.place .. ": " or "", self.code, self.message)
end

-- The line that has called, as file:line.
local function place()
  local level = 2
  while true do
    local info = debug.getinfo(level, "Sl")
    if not info then return nil end
    if info.currentline > 0 and not own[info.source] then return info.short_src .. ":" .. info.currentline end
    level = level + 1
  end
end

--- Raises an error with this code at the line that has called.
function raising.fail(code, message, metadata, status)
  local failure = { code = code, message = message, metadata = metadata, status = status, place = place() }
  error(setmetatable(failure, Error), 0)
end

--- Raises at the line that has called what was misused there.
function raising.misuse(message)
  local where = place()
  error(where and where .. ": " .. message or message, 0)
end

-- The results of pcall(), or what it raised, at the line that has called. Lua does not know the name of what pcall()
-- calls; `hidden` of its arguments stand in front of those that are counted.
local function pass(name, hidden, ok, ...)
  if ok then return ... end
  local problem = ...
  if type(problem) == "table" then raising.fail(problem.code, problem.message) end
  raising.misuse((tostring(problem):gsub("^bad argument #(%d+) to '[^']*'", function(number)
    return ("bad argument #%d to '%s'"):format(number - hidden, name)
  end)))
end

--- Calls a method of an object that knows no lines, and raises at the line that has called what it raises.
function raising.ask(object, name, ...)
  return pass(name, 1, pcall(object[name], object, ...))
end

--- Calls a function of a module in the same way.
function raising.call(module, name, ...)
  return pass(name, 0, pcall(module[name], ...))
end

return raising
