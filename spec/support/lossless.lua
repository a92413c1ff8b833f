--- Reads the lossless form of lua/README.md back, into the description that spec/support/random_value.lua makes of a
--- value. It is a reader of its own: if it reads the same value, nothing was lost.

local troupe = require "troupe.test"
local random_value = require "spec.support.random_value"

random_value.null, random_value.array = troupe.null, troupe.array

local lossless = {}

local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function unescape(text)
  return (text:gsub("\\(.)(%x?%x?%x?%x?)", function(kind, digits)
    if kind == "u" then return utf8.char(tonumber(digits, 16)) end
    return (escapes[kind] or kind) .. digits
  end))
end

-- JSON as { kind, ... }: the fields of an object in order, with their names.
local read

local function read_list(text, at, close, read_one)
  local list = {}
  at = at + 1
  while text:sub(at, at) ~= close do
    list[#list + 1], at = read_one(text, at)
    if text:sub(at, at) == "," then at = at + 1 end
  end
  return list, at + 1
end

local function read_string(text, at)
  local to = at + 1
  while text:sub(to, to) ~= '"' do to = to + (text:sub(to, to) == "\\" and 2 or 1) end
  return unescape(text:sub(at + 1, to - 1)), to + 1
end

local function read_field(text, at)
  local name, value
  name, at = read_string(text, at)
  assert(text:sub(at, at) == ":")
  value, at = read(text, at + 1)
  return { name, value }, at
end

function read(text, at)
  local first = text:sub(at, at)
  local content
  if first == "{" then
    content, at = read_list(text, at, "}", read_field)
    return { "object", content }, at
  elseif first == "[" then
    content, at = read_list(text, at, "]", read)
    return { "array", content }, at
  elseif first == '"' then
    content, at = read_string(text, at)
    return { "scalar", content }, at
  end
  local word = text:match("^[%w%.%+%-]+", at)
  local value = ({ ["true"] = true, ["false"] = false, null = troupe.null })[word]
  if value == nil then
    value = assert(tonumber(word))
    assert((math.type(value) == "float") == (word:find "[%.eE]" ~= nil))
  end
  return { "scalar", value }, at + #word
end

local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function unbase64(text)
  local bytes, bits, count = {}, 0, 0
  assert(#text % 4 == 0)
  for letter in text:gmatch "[^=]" do
    bits, count = bits << 6 | assert(letters:find(letter, 1, true)) - 1, count + 6
    if count >= 8 then
      count = count - 8
      bytes[#bytes + 1] = string.char(bits >> count & 255)
    end
  end
  return table.concat(bytes)
end

local numbers = { nan = 0 / 0, inf = 1 / 0, ["-inf"] = -1 / 0 }

-- The scalar that a form stands for, or nil if that is a table.
local function scalar_of(node)
  if node[1] == "scalar" then return node[2] end
  local field = node[1] == "object" and #node[2] == 1 and node[2][1] or {}
  if field[1] == "$bytes" then return unbase64(field[2][2]) end
  if field[1] == "$number" then return assert(numbers[field[2][2]]) end
end

local describe

-- The description of a handle, by its class and key; nil for any other object.
local function describe_handle(content)
  if #content ~= 1 or content[1][1] ~= "$actor" then return end
  local address = content[1][2][2]
  assert(#address == 2 and scalar_of(address[1]) == "Maker")
  return "handle of " .. describe(address[2])
end

function describe(node)
  local value = scalar_of(node)
  if value ~= nil then return random_value.scalar(value) end
  local described, content = {}, node[2]
  local handle = node[1] == "object" and describe_handle(content)
  if handle then return handle end
  if node[1] == "array" then
    for i, element in ipairs(content) do described[i] = describe(element) end
  elseif #content == 1 and content[1][1] == "$map" then
    for _, pair in ipairs(content[1][2][2]) do described[scalar_of(pair[2][1])] = describe(pair[2][2]) end
  else
    for _, field in ipairs(content) do
      assert(field[1]:sub(1, 1) ~= "$", "a form that is not known")
      described[field[1]] = describe(field[2])
    end
  end
  return random_value.table(described, node[1] == "array")
end

--- The description of the value that the text stands for.
function lossless.describe(text)
  local node, at = read(text, 1)
  assert(at == #text + 1, "more than one value")
  return describe(node)
end

return lossless
