-- The rule that no spec bets on the machine.

local files = require "spec.tidy.house"

local line_of, each_line, in_any = files.line_of, files.each_line, files.in_any

local rules = {}

-- What makes a spec bet on the machine, where it may be nevertheless, and what to do instead.
local BETS = {
  { "%f[%w]os%.clock%f[%W] %f[%w]monotime%f[%W] %f[%w]gettime%f[%W]",
    "no spec measures time: in the kit it is the spec's, and for the program wait with program.eventually",
    { "spec/support/program.lua", "spec/fuzz/door.lua", "spec/fuzz/sockets.lua", "spec/fuzz/damaged_folder.lua",
      "spec/crash/run.lua" } },
  { "%f[%w]system%.sleep%f[%W] %f[%w]socket%.sleep%f[%W] execute%s*%(?[\"']sleep%f[%W]",
    "nobody sleeps: wait with program.eventually until it is true",
    { "spec/support/program.lua", "spec/fuzz/door.lua" } },
  { "%f[%w]sleep%s*%( %f[%w]usleep%s*%( %f[%w]nanosleep%s*%( %f[%w]clock_nanosleep%s*%(",
    "nobody sleeps: let the threads meet at a barrier, a condition or a queue", {}, c = true },
  { "%f[%w]os%.time%f[%W]", "what time it is may only choose a seed, on a line with TROUPE_SEED",
    {}, unless = "TROUPE_SEED" },
}
local CPU_MS_MIN = 5000

-- The smallest number above 0 in an expression, or behind the names in it; nil where there is none.
local function smallest_number(file, expression)
  local smallest
  local function take(number)
    number = tonumber(number)
    if number and number > 0 then smallest = math.min(smallest or number, number) end
  end
  for number in expression:gmatch "%f[%w_-]%-?%d+%f[^%w_]" do take(number) end
  for name in expression:gmatch "%f[%w_][%a_][%w_]*" do
    take(file.text:match("%f[%w_]" .. name .. "%s*=%s*(%d+)"))
  end
  return smallest
end

-- The table around the table that a place is in: of a limit, the options of a host.
local function options_around(text, at)
  local depth = 0
  for i = at, 1, -1 do
    local char = text:sub(i, i)
    depth = depth + (char == "{" and 1 or char == "}" and -1 or 0)
    if depth == 2 then return text:match("^%b{}", i) or "" end
  end
  return ""
end

local LOOP = "while true do"

-- Whether a spec has a script that loops for ever: in a text of its own, or in a folder of actors that it names.
local function loops_for_ever(file, house)
  for text in file.text:gmatch "%[%[.-%]%]" do
    if text:find(LOOP, 1, true) then return true end
  end
  if file.text:find("[\"'][^\n]*" .. LOOP) then return true end
  for folder in file.text:gmatch "[\"'](spec/[%w_/]+)[\"']" do
    for path, other in pairs(house) do
      if in_any(path, { folder .. "/" }) and other.text:find(LOOP, 1, true) then return true end
    end
  end
  return false
end

-- A small limit of processor time stops work that has an end on one machine and not on another. A loop without an end
-- it stops on each; and where the spec says how long the work takes, it holds the clock.
local function complain_of_limits(file, complain, house)
  local function check(at, expression, held)
    local limit = smallest_number(file, expression)
    if not limit then
      complain(line_of(file.text, at), "a limit of processor time: write the number, or a name that stands for one")
    elseif limit < CPU_MS_MIN and not held and not loops_for_ever(file, house) then
      complain(line_of(file.text, at), ("%d ms of processor time, and no script that loops for ever (%s): hold the "
        .. "clock with look_us beside the limits, or grant %d"):format(limit, LOOP, CPU_MS_MIN))
    end
  end
  for at, expression in file.text:gmatch "()call_cpu_ms%s*=%s*([^,}\n]+)" do
    if expression:find "^%-" == nil then
      check(at, expression, options_around(file.text, at):find "look_us" ~= nil)
    end
  end
  for at, expression in file.text:gmatch "()limit%-call%-cpu%-ms[\"']?%s*[,= ]%s*([^,\n]+)" do
    check(at, expression, false)
  end
end

function rules.bets(file, complain, house)
  if not file.path:find "^spec/" or file.path:find "^spec/bench/" or file.path:find "^spec/tidy" then return end
  local text = file.text:gsub("%[%[.-%]%]", function(inner) return (inner:gsub("[^\n]", " ")) end)   -- actors in specs
  for number, line in each_line(text) do
    for _, bet in ipairs(BETS) do
      for pattern in bet[1]:gmatch "%S+" do
        local fine = in_any(file.path, bet[3]) or (bet.unless and line:find(bet.unless)) or file.is_c ~= (bet.c == true)
        if not fine and line:find(pattern) then complain(number, bet[2]) end
      end
    end
  end
  if file.is_lua then complain_of_limits(file, complain, house) end
end

return rules
