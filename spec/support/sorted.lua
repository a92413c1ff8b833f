--- A model of a kv: an array of { key, value }, sorted by key. Its methods are those of a kv, but keys, prefixes and
--- bounds must be tuples.

local rank = { string = 1, table = 2, number = 3, boolean = 4 }

local compare

local function compare_parts(a, b)
  local ra, rb = rank[type(a)], rank[type(b)]
  if ra ~= rb then return ra < rb and -1 or 1 end
  if type(a) == "table" then return compare(a, b) end
  if type(a) == "boolean" then a, b = a and 1 or 0, b and 1 or 0 end
  return a < b and -1 or a > b and 1 or 0
end

function compare(a, b)
  for i = 1, math.max(#a, #b) do
    if a[i] == nil then return -1 end
    if b[i] == nil then return 1 end
    local order = compare_parts(a[i], b[i])
    if order ~= 0 then return order end
  end
  return 0
end

local function begins(key, prefix)
  for i = 1, #prefix do
    if key[i] == nil or compare_parts(key[i], prefix[i]) ~= 0 then return false end
  end
  return true
end

---@class Sorted
local Sorted = {}
Sorted.__index = Sorted

--- Makes an empty one.
---@return Sorted
function Sorted.new()
  return setmetatable({}, Sorted)
end

--- Where the entry with this key is, or would be, and whether there is one.
function Sorted:place(key)
  local low, high = 1, #self + 1
  while low < high do
    local middle = (low + high) // 2
    if compare(self[middle].key, key) < 0 then low = middle + 1 else high = middle end
  end
  return low, self[low] ~= nil and compare(self[low].key, key) == 0
end

function Sorted:put(entry)
  local place, there = self:place(entry.key)
  if there then table.remove(self, place) end
  table.insert(self, place, { key = entry.key, value = entry.value })
  return true
end

function Sorted:delete(key)
  local place, there = self:place(key)
  if there then table.remove(self, place) end
  return there
end

function Sorted:list(options)
  local found = {}
  for _, entry in ipairs(self) do
    local key = entry.key
    local stop = options.stop or options["end"]
    if (not options.prefix or begins(key, options.prefix)) and
      (not options.start or compare(key, options.start) >= 0) and
      (not options.start_after or compare(key, options.start_after) > 0) and
      (not stop or compare(key, stop) < 0) then
      found[#found + 1] = { key = key, value = entry.value }
    end
  end
  if options.reverse then
    for i = 1, #found // 2 do found[i], found[#found + 1 - i] = found[#found + 1 - i], found[i] end
  end
  for i = #found, (options.limit or math.huge) + 1, -1 do found[i] = nil end
  return found
end

Sorted.each = Sorted.list

function Sorted:count(options) return #self:list(options) end

function Sorted:get_batch(keys)
  local found = { n = #keys }
  for i, key in ipairs(keys) do
    local place, there = self:place(key)
    if there then found[i] = self[place].value end
  end
  return found
end

function Sorted:put_batch(entries)
  for _, entry in ipairs(entries) do self:put(entry) end
  return true
end

function Sorted:delete_batch(keys)
  local count = 0
  for _, key in ipairs(keys) do if self:delete(key) then count = count + 1 end end
  return count
end

function Sorted:delete_range(options)
  local found = self:list(options)
  for _, entry in ipairs(found) do self:delete(entry.key) end
  return #found
end

function Sorted:delete_all()
  for i = #self, 1, -1 do self[i] = nil end
  return true
end

--- The entries alone, as a host returns them.
function Sorted:entries()
  local entries = {}
  for i, entry in ipairs(self) do entries[i] = entry end
  return entries
end

function Sorted:copy()
  local copy = Sorted.new()
  for i, entry in ipairs(self) do copy[i] = { key = entry.key, value = entry.value } end
  return copy
end

return Sorted
