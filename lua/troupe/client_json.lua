--- JSON for troupe.client, exact: integers in full, floats in as many digits as read back, empty arrays as arrays. It
--- runs on every Lua from 5.1 on. Where that has no integers of 64 bits (5.1, 5.2, LuaJIT), an integer beyond 2^53 is
--- read as the nearest float.

local json = {}

local DEPTH_MAX = 1000

--- The null within arrays and objects.
json.null = setmetatable({}, { __tostring = function() return "null" end })

-- The metatable of what is an array, be it empty.
local Array = { __name = "troupe.array" }

--- Marks a table as an array, so that an empty one is `[]`.
---@param t table|nil
---@return table
function json.array(t)
  return setmetatable(t or {}, Array)
end

-- --- Writing ---------------------------------------------------------------------------------------------------------

local has_integers = rawget(math, "type") ~= nil
local math_type = rawget(math, "type") or function() return "float" end

local ESCAPES = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
}

local function escape(char)
  return ESCAPES[char] or ("\\u%04x"):format(char:byte())
end

local function string_text(text)
  return '"' .. text:gsub('[%z\1-\31"\\]', escape) .. '"'
end

-- The fewest digits that read back as the same float.
local function float_text(number)
  if not has_integers and number % 1 == 0 and math.abs(number) < 2 ^ 63 then return ("%.0f"):format(number) end
  local text
  for digits = 15, 17 do
    text = ("%." .. digits .. "g"):format(number)
    if tonumber(text) == number then break end
  end
  text = text:gsub(",", ".")                       -- of a locale
  return text:find "[.e]" and text or text .. ".0"
end

local function path_of(path, depth)
  local text = path[0]
  for i = 1, depth do
    local key = path[i]
    if type(key) == "number" then
      text = ("%s[%d]"):format(text, key)
    else
      text = key:find "^[%a_][%w_]*$" and text .. "." .. key or ("%s[%q]"):format(text, key)
    end
  end
  return text
end

local function refuse(path, depth, problem)
  error({ problem = path_of(path, depth) .. ": " .. problem }, 0)
end

-- What JSON makes of a table: the length of an array, or the sorted names of an object.
local function shape_of(t, path, depth)
  local mark, count, most, names = getmetatable(t), 0, 0, {}
  if mark ~= nil and mark ~= Array then refuse(path, depth, "a table with a metatable has no form in JSON") end
  for key in pairs(t) do
    if type(key) == "string" then
      names[#names + 1] = key
    elseif type(key) == "number" and key >= 1 and key % 1 == 0 then
      count, most = count + 1, math.max(most, key)
    else
      refuse(path, depth, ("the key %s has no form in JSON"):format(tostring(key)))
    end
  end
  if count > 0 and #names > 0 then refuse(path, depth, "a table with both strings and numbers as keys") end
  if count ~= most then refuse(path, depth, "an array with gaps has no form in JSON") end
  if mark == Array and #names > 0 then refuse(path, depth, "a table that is marked as an array has a string as key") end
  if mark == Array or count > 0 then return count end
  table.sort(names)
  return nil, names
end

local write

local function write_table(t, out, path, depth)
  if depth >= DEPTH_MAX then refuse(path, 3, "... tables are nested too deep, or within themselves") end
  local count, names = shape_of(t, path, depth)
  out[#out + 1] = count and "[" or "{"
  for i = 1, count or #names do
    local key = count and i or names[i]
    if i > 1 then out[#out + 1] = "," end
    if names then out[#out + 1] = string_text(key) .. ":" end
    path[depth + 1] = key
    write(t[key], out, path, depth + 1)
  end
  out[#out + 1] = count and "]" or "}"
end

function write(value, out, path, depth)
  local kind, cjson = type(value), package.loaded.cjson
  if value == nil or value == json.null or (cjson and value == cjson.null) then
    out[#out + 1] = "null"
  elseif kind == "boolean" then
    out[#out + 1] = tostring(value)
  elseif math_type(value) == "integer" then
    out[#out + 1] = ("%d"):format(value)
  elseif kind == "number" then
    if value ~= value or value == math.huge or value == -math.huge then
      refuse(path, depth, ("%s has no form in JSON"):format(tostring(value)))
    end
    out[#out + 1] = float_text(value)
  elseif kind == "string" then
    out[#out + 1] = string_text(value)
  elseif kind == "table" then
    write_table(value, out, path, depth)
  else
    refuse(path, depth, ("a %s has no form in JSON"):format(kind))
  end
end

local function problem_of(caught)
  return type(caught) == "table" and caught.problem or error(caught, 0)
end

--- The text of a value, in which names stand in order, so that one value has one text; or nil and why it has none, in
--- which `name` is what the value is called.
---@param value any
---@param name string
---@return string|nil
---@return string|nil problem
function json.encode(value, name)
  local out = {}
  local ok, caught = pcall(write, value, out, { [0] = name }, 0)
  if ok then return table.concat(out) end
  return nil, problem_of(caught)
end

--- The text of an array of `count` values, some of which may be nil.
function json.encode_list(values, count, name)
  local out = { "[" }
  for i = 1, count do
    if i > 1 then out[#out + 1] = "," end
    local ok, caught = pcall(write, values[i], out, { [0] = name, i }, 1)
    if not ok then return nil, problem_of(caught) end
  end
  out[#out + 1] = "]"
  return table.concat(out)
end

-- --- Reading ---------------------------------------------------------------------------------------------------------

local function give_up(at, problem)
  error({ problem = ("at byte %d: %s"):format(at, problem) }, 0)
end

local UNESCAPED = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

-- A character as UTF-8.
local function utf8_of(code)
  local floor = math.floor
  if code < 0x80 then return string.char(code) end
  local tail = string.char(0x80 + code % 64)
  code = floor(code / 64)
  if code < 0x20 then return string.char(0xc0 + code) .. tail end
  tail = string.char(0x80 + code % 64) .. tail
  code = floor(code / 64)
  if code < 0x10 then return string.char(0xe0 + code) .. tail end
  return string.char(0xf0 + floor(code / 64), 0x80 + code % 64) .. tail
end

local function code_at(text, at)
  return tonumber(text:match("^\\u(%x%x%x%x)", at) or give_up(at, "not an escape"), 16)
end

-- What the escape at `at` means, and where it ends.
local function read_escape(text, at)
  local plain = UNESCAPED[text:sub(at + 1, at + 1)]
  if plain then return plain, at + 2 end
  local code = code_at(text, at)
  if code < 0xd800 or code > 0xdfff then return utf8_of(code), at + 6 end
  local low = code < 0xdc00 and code_at(text, at + 6) or 0
  if low < 0xdc00 or low > 0xdfff then give_up(at, "half of a character") end
  return utf8_of(0x10000 + (code - 0xd800) * 0x400 + low - 0xdc00), at + 12
end

-- Returns the string whose text begins behind the quote before `at`, and where that ends.
local function read_string(text, at)
  local pieces = {}
  while true do
    local stop = text:find('[%z\1-\31"\\]', at) or give_up(at, "a string without an end")
    pieces[#pieces + 1] = text:sub(at, stop - 1)
    local char = text:sub(stop, stop)
    if char == '"' then return table.concat(pieces), stop + 1 end
    if char ~= "\\" then give_up(stop, "a control character in a string") end
    pieces[#pieces + 1], at = read_escape(text, stop)
  end
end

local function read_number(text, at)
  local digits = text:match("^-?%d+[%d.eE+-]*", at)
  local number = digits and tonumber(digits)
  if not number or digits:find "^-?0%d" then give_up(at, "not a value") end
  return number, at + #digits
end

local function skip(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

local read

local function read_array(text, at, depth)
  local array, count = json.array(), 0
  at = skip(text, at)
  if text:sub(at, at) == "]" then return array, at + 1 end
  while true do
    count = count + 1
    array[count], at = read(text, at, depth)
    at = skip(text, at)
    local char = text:sub(at, at)
    if char == "]" then return array, at + 1 end
    if char ~= "," then give_up(at, "expected , or ]") end
    at = at + 1
  end
end

local function read_object(text, at, depth)
  local object = {}
  at = skip(text, at)
  if text:sub(at, at) == "}" then return object, at + 1 end
  while true do
    local name
    at = skip(text, at)
    if text:sub(at, at) ~= '"' then give_up(at, "expected a name") end
    name, at = read_string(text, at + 1)
    at = skip(text, at)
    if text:sub(at, at) ~= ":" then give_up(at, "expected :") end
    object[name], at = read(text, at + 1, depth)
    at = skip(text, at)
    local char = text:sub(at, at)
    if char == "}" then return object, at + 1 end
    if char ~= "," then give_up(at, "expected , or }") end
    at = at + 1
  end
end

local WORDS = { t = { "true", true }, f = { "false", false }, n = { "null", json.null } }

function read(text, at, depth)
  if depth > DEPTH_MAX then give_up(at, "nested too deep") end
  at = skip(text, at)
  local char = text:sub(at, at)
  if char == '"' then return read_string(text, at + 1) end
  if char == "[" then return read_array(text, at + 1, depth + 1) end
  if char == "{" then return read_object(text, at + 1, depth + 1) end
  local word = WORDS[char]
  if not word then return read_number(text, at) end
  if text:sub(at, at + #word[1] - 1) ~= word[1] then give_up(at, "not a value") end
  return word[2], at + #word[1]
end

--- The value of a text; or nil and why it is not JSON.
---@param text string
---@return any
---@return string|nil problem
function json.decode(text)
  local ok, value, at = pcall(read, text, 1, 0)
  if not ok then return nil, problem_of(value) end
  at = skip(text, at)
  if at <= #text then return nil, ("at byte %d: more than one value"):format(at) end
  return value
end

return json
