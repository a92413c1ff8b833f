--- Lua values as text on one line: the same text for the same value. load() reads it; a sequence is one again, with its
--- elements in order.

local text = {}

local put

local function put_table(value, parts)
  local keys, count = {}, #value
  for key in pairs(value) do
    if not (math.type(key) == "integer" and key >= 1 and key <= count) then table.insert(keys, key) end
  end
  table.sort(keys, function(a, b)
    if math.type(a) and math.type(b) then return a < b end
    return tostring(a) < tostring(b)
  end)
  table.insert(parts, "{")
  for i = 1, count do
    put(value[i], parts)
    table.insert(parts, ",")
  end
  for _, key in ipairs(keys) do
    table.insert(parts, "[")
    put(key, parts)
    table.insert(parts, "]=")
    put(value[key], parts)
    table.insert(parts, ",")
  end
  table.insert(parts, "}")
end

function put(value, parts)
  if type(value) == "table" then return put_table(value, parts) end
  if type(value) == "userdata" then return table.insert(parts, '"(null)"') end
  table.insert(parts, (("%q"):format(value):gsub("\\\n", "\\n")))
end

---@param value any
---@return string
function text.of(value)
  local parts = {}
  put(value, parts)
  return table.concat(parts)
end

---@param line string
---@return any
function text.read(line) return assert(load("return " .. line, "=text", "t", {}))() end

return text
