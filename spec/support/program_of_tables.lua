--- Random programs on a tree of tables: the same program runs on a state and on plain tables, and must see and leave
--- the same.
---
--- run(holder, seed, count) does `count` operations on holder.state, which follow from the seed and from what it finds
--- there, and returns a text of everything that it has seen. Nothing in it depends on the order of pairs().

local program = {}

local function random_of(seed)
  local state = seed * 2654435761 % 4294967296
  return function(n)
    state = (state * 1664525 + 1013904223) % 4294967296
    return (state >> 8) % n + 1
  end
end

local function order(a, b)
  local ta, tb = type(a), type(b)
  if ta ~= tb then return ta < tb end
  return a < b
end

local function keys_of(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys, order)
  return keys
end

-- The n of a table with keys 1..n and no other positive integers as keys. Otherwise nil: its length is Lua's choice.
local function length_of(t)
  local n, integers = 0, 0
  while t[n + 1] ~= nil do n = n + 1 end
  for key in pairs(t) do
    if math.type(key) == "integer" and key > 0 then integers = integers + 1 end
  end
  return integers == n and n or nil
end

-- A sequence of scalars, which can be sorted and joined.
local function is_sequence(t)
  local keys = keys_of(t)
  for _, key in ipairs(keys) do
    if type(t[key]) == "table" then return false end
  end
  return #keys > 0 and #keys == length_of(t)
end

local function is_list(t, least)
  return (length_of(t) or -1) >= least
end

-- Functions that make scalars, names and small tables.
local function makers(random)
  local scalars = { 1, 2, -7, 1.5, 1.0, 0.0, math.maxinteger, math.mininteger, "a", "", "long text \0 with a zero",
                    true, false }
  local function scalar() return scalars[random(#scalars)] end
  local names = { "a", "b", "c", "d e", 1, 2, 3, 7, -1, 2.5 }
  local function name() return names[random(#names)] end
  local function fresh(depth)
    local t = {}
    for _ = 1, random(4) - 1 do
      t[name()] = depth > 0 and random(4) == 1 and fresh(depth - 1) or scalar()
    end
    return t
  end
  return scalar, name, fresh
end

function program.run(holder, seed, count)
  local random, seen = random_of(seed), {}
  local function note(...) seen[#seen + 1] = table.concat({ ... }, " ") end
  local scalar, name, fresh = makers(random)
  local function somewhere()
    local t = holder.state
    for _ = 1, random(5) do
      local inner = {}
      for _, key in ipairs(keys_of(t)) do
        if type(t[key]) == "table" then inner[#inner + 1] = key end
      end
      if #inner == 0 then break end
      t = t[inner[random(#inner)]]
    end
    return t
  end
  local function key_in(t)
    local keys = keys_of(t)
    return keys[random(math.max(#keys, 1))] or "a"
  end

  local operations = {
    function(t) t[name()] = scalar() end,
    function(t) t[name()] = fresh(2) end,
    function(t) t[key_in(t)] = nil end,
    function(t) t[key_in(t)] = scalar() end,
    function(t) local plain = fresh(1); t[name()] = plain; plain.later = scalar() end,
    function(t) local a, b = key_in(t), key_in(t); t[a], t[b] = t[b], t[a] end,
    function(t) local from, to = key_in(t), name(); local part = t[from]; t[from] = nil; t[to] = part end,
    function(t) if is_list(t, 0) then table.insert(t, scalar()) end end,
    function(t) if is_list(t, 1) then table.insert(t, random(#t), fresh(1)) end end,
    function(t) if is_list(t, 1) then local out = table.remove(t, random(#t)); note("removed", type(out)) end end,
    function(t) if is_sequence(t) then table.sort(t, function(a, b) return tostring(a) < tostring(b) end) end end,
    function(t) if is_list(t, 2) then local first = table.remove(t, 1); t[#t + 1] = first end end,
    function(t) for key, value in pairs(t) do if type(value) == "number" then t[key] = value // 2 end end end,
    function(t)
      for key in next, t do if type(t[key]) == "boolean" then t[key] = nil end end
      note("keys", #keys_of(t))
    end,
    function(t) local n = 0; for _ in ipairs(t) do n = n + 1 end note("ipairs", n, is_list(t, 0) and #t or "") end,
    function(t) if is_sequence(t) then note("unpack", select("#", table.unpack(t))) end end,
    function(t)
      rawset(t, name(), scalar())
      note("raw", is_list(t, 0) and rawlen(t) or "", tostring(rawget(t, "a")):sub(1, 5))
    end,
    function(t) local part = t[key_in(t)]; note(type(part), tostring(part == t[key_in(t)])) end,
    function(t)
      local list = {}
      for i = 1, random(6) do list[i] = i * 1.5 end
      t.list = list
      table.move(t.list, 1, #t.list, 2)
      note("list", table.concat(t.list, ","))
    end,
    function() if random(20) == 1 then holder.state = fresh(3) end end,
    function() if random(10) == 1 then holder.state = { kept = holder.state } end end,
  }
  for _ = 1, count do
    local which = random(#operations)
    operations[which](somewhere())
  end
  return table.concat(seen, "; ")
end

--- A text that is the same for equal trees, and differs between integers and floats.
function program.describe(value)
  if type(value) ~= "table" then
    local text = type(value) == "string" and ("%q"):format(value) or tostring(value)
    return (math.type(value) or type(value)) .. ":" .. text
  end
  local parts = {}
  for _, key in ipairs(keys_of(value)) do
    parts[#parts + 1] = "[" .. program.describe(key) .. "]=" .. program.describe(value[key])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

return program
