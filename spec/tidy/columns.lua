-- The rule of columns: a line of C or of JavaScript fits where two files stand side by side. luacheck sees to Lua.

local COLUMNS_MAX = 128

local rules = {}

function rules.columns(file, complain)
  if not file.room and not file.is_js then return end
  local number = 0
  for line in file.text:gmatch "([^\n]*)\n" do
    number = number + 1
    local columns = utf8.len(line) or #line
    if columns > COLUMNS_MAX then complain(number, ("%d columns, at most %d: wrap it"):format(columns, COLUMNS_MAX)) end
  end
end

return rules
