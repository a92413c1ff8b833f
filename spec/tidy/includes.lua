-- The rule of includes: none without use. A header may include what it only hands on to those that include it.

local files = require "spec.tidy.house"

local includes_of, included_file, items_of, words_of =
  files.includes_of, files.included_file, files.items_of, files.words_of

local rules = {}

-- The names that a header gives: a set, and one of the fields of its structs.
local function names_of(header)
  if header.names then return header.names, header.own_fields end
  local names, fields = {}, {}
  header.names, header.own_fields = names, fields
  local function take(name) names[name] = true end
  for name in header.with_preprocessor:gmatch "#%s*define%s+([%a_][%w_]*)" do take(name) end
  for _, item in ipairs(items_of(header)) do
    for name, body in item.text:gmatch "%f[%w]struct%s*([%w_]*)%s*(%b{})" do
      take(name)
      for field in body:gmatch "([%a_][%w_]*)%s*[;,:%[)]" do fields[field] = true end
    end
    for name in item.text:gmatch "%f[%w]union%s+([%w_]+)%s*{" do take(name) end
    for name, body in item.text:gmatch "%f[%w]enum%s*([%w_]*)%s*(%b{})" do
      take(name)
      for member in body:gmatch "[%a_][%w_]*" do take(member) end
    end
    for name in item.text:gsub("%b{}", "{}"):gmatch "([%a_][%w_]*)%s*[%(%[;=]" do take(name) end
  end
  return names, fields
end

local function is_used(header, file)
  local names, own_fields = names_of(header)
  local words, fields = words_of(file)
  for name in pairs(names) do
    if words[name] then return true end
  end
  for name in pairs(own_fields) do
    if fields[name] then return true end
  end
  return false
end

function rules.includes(file, complain, house)
  if not file.room or file.is_header then return end
  for _, include in ipairs(includes_of(file)) do
    local header = included_file(house, include)
    local own = header and header.path == file.path:gsub("%.c$", ".h")
    if header and not own and not is_used(header, file) then
      complain(include.line, ("nothing of %s is used here: remove the include, or name the header that it hands on")
        :format(include.path))
    end
  end
end

return rules
