-- The rules of every text: how long, and what may not stand in it.

local files = require "spec.tidy.house"

local each_line, items_of = files.each_line, files.items_of
local LINES_MAX, FUNCTION_LINES_MAX = 600, 70

local rules = {}

function rules.length(file, complain)
  if not (file.is_c or file.is_lua) then return end
  local lines = select(2, file.text:gsub("\n", ""))
  if lines > LINES_MAX then
    complain(LINES_MAX, ("%d lines, at most %d: two nouns live here, split them"):format(lines, LINES_MAX))
  end
end

local function complain_of_length(complain, name, first, last)
  if last - first + 1 <= FUNCTION_LINES_MAX then return end
  complain(first, ("%s has %d lines, at most %d: it holds two thoughts"):format(name, last - first + 1,
    FUNCTION_LINES_MAX))
end

-- In Lua a function ends where an `end` stands below its beginning. Specs are functions of another kind.
function rules.functions(file, complain)
  for _, item in ipairs(file.is_c and items_of(file) or {}) do
    if item.is_function then complain_of_length(complain, item.name, item.line, item.last_line) end
  end
  if not file.is_lua or file.path:find "_spec%.lua$" then return end
  local open = {}
  for number, line in each_line(file.text) do
    local indent = line:match "^%s*"
    if line:find "^[^\"']*%f[%w]function[%s%w_.:]*%(" and not line:find "%f[%w]end%f[%W]" then
      open[indent] = { number, line:match "function%s+([%w_.:]+)" or "a function" }
    elseif open[indent] and line:find "^%s*end%f[%W]" then
      complain_of_length(complain, open[indent][2], open[indent][1], number)
      open[indent] = nil
    end
  end
end

-- Written in two halves, so that this file passes.
local WORDS = { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X" }
local FOLDERS = { "/wo" .. "rk", "/ho" .. "me", "/ro" .. "ot" }

function rules.text(file, complain)
  if file.text ~= "" and file.text:sub(-1) ~= "\n" then complain(1, "end the file with a newline") end
  for number, line in each_line(file.text) do
    if line:find "%s$" then complain(number, "white space at the end of the line: remove it") end
    if line:find "\t" and (file.is_c or file.is_lua or file.is_js) then
      complain(number, "a tab: indent with two spaces")
    end
    for _, word in ipairs(WORDS) do
      if line:find("%f[%w]" .. word .. "%f[%W]") then
        complain(number, word .. ": do it now, or write a sentence that begins with NEEDSWORK:")
      end
    end
    for _, folder in ipairs(FOLDERS) do
      if line:find("%f[%w_/]" .. folder .. "%f[^%w_-]") then
        complain(number, folder .. " is a path of one machine: name no path outside of the project")
      end
    end
  end
end

return {
  rules = rules, WORDS = WORDS, FOLDERS = FOLDERS, LINES_MAX = LINES_MAX, FUNCTION_LINES_MAX = FUNCTION_LINES_MAX,
}
