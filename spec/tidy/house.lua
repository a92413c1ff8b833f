-- The files of the house, as the rules see them.

-- C without comments and texts, and the same without preprocessor lines; each line where it was.
local function strip(text)
  local kept, at = {}, 1
  while true do
    local from = text:find("[/\"']", at)
    if not from then break end
    table.insert(kept, text:sub(at, from - 1))
    local first, two, to = text:sub(from, from), text:sub(from, from + 1), from
    if two == "/*" then
      to = select(2, text:find("*/", from + 2, true)) or #text
    elseif two == "//" then
      to = (text:find("\n", from, true) or #text + 1) - 1
    elseif first ~= "/" then
      to = from + 1
      while to <= #text and text:sub(to, to) ~= first do
        to = to + (text:sub(to, to) == "\\" and 2 or 1)
      end
    end
    local gone = text:sub(from, to)
    table.insert(kept, gone == "/" and gone or (gone:gsub("[^\n]", " ")))
    at = to + 1
  end
  table.insert(kept, text:sub(at))
  local all, code, preprocessor = table.concat(kept), {}, false
  for line in all:gmatch "[^\n]*" do
    preprocessor = preprocessor or line:find "^%s*#" ~= nil
    table.insert(code, preprocessor and "" or line)
    preprocessor = preprocessor and line:find "\\%s*$" ~= nil
  end
  return all, table.concat(code, "\n")
end

local function new_file(path, text)
  local file = { path = path, text = text, name = path:match "[^/]+$" }
  file.is_c = path:find "%.[ch]$" ~= nil
  file.is_header = path:find "%.h$" ~= nil
  file.is_lua = path:find "%.lua$" ~= nil
  file.is_js = path:find "%.m?[jt]s$" ~= nil
  if path:find "^host/.*%.[ch]$" then
    file.room = path:match "^host/([^/]+)/" or "main"
  end
  if file.is_c then file.with_preprocessor, file.code = strip(text) end
  return file
end

local function line_of(text, at)
  return select(2, text:sub(1, at - 1):gsub("\n", "")) + 1
end

local function each_line(text)
  local number = 0
  return coroutine.wrap(function()
    for line in (text:gsub("\n$", "") .. "\n"):gmatch "(.-)\n" do
      number = number + 1
      coroutine.yield(number, line)
    end
  end)
end

-- What a C file includes: { line, path, quoted }.
local function includes_of(file)
  if file.includes then return file.includes end
  local found = {}
  file.includes = found
  for number, line in each_line(file.is_c and file.text or "") do
    local open, path = line:match '^%s*#%s*include%s*(["<])([^">]+)[">]'
    if path then table.insert(found, { line = number, path = path, quoted = open == '"' }) end
  end
  return found
end

-- The file of the house that an include names, or nil.
local function included_file(house, include)
  return include.quoted and house["host/" .. include.path] or nil
end

local function in_any(path, places)
  for _, place in ipairs(places) do
    if path == place or (place:sub(-1) == "/" and path:sub(1, #place) == place) then return true end
  end
  return false
end

-- The functions and declarations of a C file: { text, line, last_line, is_function, name }.
local function items_of(file)
  local items, code = {}, file.code
  local depth, head, in_function, at = 0, 1, false, 1
  local function add(last)
    local begin = code:find("%S", head)
    local text = code:sub(begin, last)
    table.insert(items, {
      text = text, line = line_of(code, begin), last_line = line_of(code, last), is_function = in_function,
      name = text:match "([%w_]+)%s*%(" or "?",
    })
    head, in_function = last + 1, false
  end
  while true do
    local found = code:find("[{};]", at)
    if not found then return items end
    local char = code:sub(found, found)
    if char == "{" then
      local before = code:sub(head, found - 1)
      if depth == 0 and before:find "%)%s*$" and not before:find "=" then in_function = true end
      depth = depth + 1
    elseif char == "}" then
      depth = depth - 1
      if depth == 0 and in_function then add(found) end
    elseif depth == 0 then
      add(found)
    end
    at = found + 1
  end
end

-- The functions that a C file defines: { name, line, is_static }.
local function functions_of(file)
  if file.functions then return file.functions end
  local found = {}
  file.functions = found
  for _, item in ipairs(file.is_c and items_of(file) or {}) do
    local head = item.text:match("^[^{]*"):gsub("__attribute__%s*%b()", "")
    if item.is_function then
      table.insert(found, { name = head:match "([%w_]+)%s*%(", line = item.line,
        is_static = head:find "%f[%w_]static%f[^%w_]" ~= nil })
    end
  end
  return found
end

-- What a C file names: a set of words, and a set of fields, behind a point or an arrow.
local function words_of(file)
  if file.words then return file.words, file.fields end
  local words, fields = {}, {}
  file.words, file.fields = words, fields
  local function take_field(name)
    fields[name] = true
    return " "
  end
  local text = file.with_preprocessor:gsub("%->%s*([%a_][%w_]*)", take_field):gsub("%.%s*([%a_][%w_]*)", take_field)
  for word in text:gmatch "[%a_][%w_]*" do words[word] = true end
  return words, fields
end

local function capture(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

-- What git tracks or would; without git, all but what is built.
local function list_paths()
  local paths = capture "git ls-files --cached --others --exclude-standard 2>/dev/null"
  if paths ~= "" then return paths end
  return capture "find . -type f -not -path './.git/*' -not -path './build/*' -not -path './data/*' -printf '%P\\n'"
end

local function read_house()
  local house = {}
  for path in list_paths():gmatch "[^\n]+" do
    local file = io.open(path, "rb")
    local text = file and file:read "a"
    if file then file:close() end
    if text and not text:find "\0" then house[path] = new_file(path, text) end
  end
  return house
end

local function sample_house(files)
  local house = {}
  for path, text in pairs(files) do
    house[path] = new_file(path, text)
  end
  return house
end

return {
  line_of = line_of, each_line = each_line, includes_of = includes_of, included_file = included_file,
  in_any = in_any, items_of = items_of, functions_of = functions_of, words_of = words_of,
  read_house = read_house, sample_house = sample_house,
}
