--- Random values, each with a full description: two values have the same one only if a script cannot tell them apart.
--- Actors and specs both run this file: each sets `null` and `array`, which it gets from a place of its own.

local random_value = {}

--- A source of random numbers, from `least` to `most`.
function random_value.source(seed)
  local state = seed
  return function(least, most)
    state = state * 6364136223846793005 + 1442695040888963407
    return least + (state >> 33) % (most - least + 1)
  end
end

--- A text that tells a scalar from all others.
function random_value.scalar(value)
  if value == random_value.null then return "null" end
  if math.type(value) == "float" then
    if value ~= value then return "nan" end
    return (1 / value < 0 and value == 0) and "-0.0" or ("%a"):format(value)
  end
  if type(value) ~= "string" then return tostring(value) end
  return '"' .. value:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end) .. '"'
end

--- The same for a table, given the descriptions of its values by key; an empty one may be an array.
function random_value.table(described, is_array)
  local pairs_of = {}
  for key, value in pairs(described) do
    pairs_of[#pairs_of + 1] = random_value.scalar(key) .. "=" .. value
  end
  if #pairs_of == 0 then return is_array and "[]" or "{}" end
  table.sort(pairs_of)
  return "{" .. table.concat(pairs_of, ",") .. "}"
end

local scalars = {
  true, false, 0, 1, -1, math.maxinteger, math.mininteger, 2 ^ 53, 1.0, -0.0, 0.1, 1e300, 5e-324, 1e15, -2.5,
  "", "a", "$map", "$", "$bytes", "two words", "\0", "\xff", "\xc3\xa9", "\xed\xa0\x80", "a\xffb", "\"\\\n",
  ("long"):rep(100),
}

local keys = { "ann", "", "[", "a/b", "\xff", { "eu", 42 }, { 1.5, true, { "x", {} } }, { 7 }, { 1 / 0 } }

--- What tells the handle of an actor, by its key: a string, or a tuple that is no string alone.
function random_value.handle(key)
  local function describe(part)
    if type(part) ~= "table" then return random_value.scalar(part) end
    local described = {}
    for i, inner in ipairs(part) do described[i] = describe(inner) end
    return random_value.table(described, true)
  end
  return "handle of " .. describe(key)
end

local wild = { 0 / 0, 1 / 0, -1 / 0 }

local function pick(list, random) return list[random(1, #list)] end

local function scalar(options)
  return pick(options.wild and options.random(1, 4) == 1 and wild or scalars, options.random)
end

local function key(options)
  while true do
    local made = scalar(options)
    if made == made and (options.wild or type(made) ~= "boolean") then return made end
  end
end

--- A value and its description, at most `depth` tables deep. Options: `random`, a source; `wild`: what a state cannot
--- hold too, NaN, infinities and boolean keys; `handle`, which makes the handle of an actor of its key.
function random_value.make(options, depth)
  local random = options.random
  if depth == 0 or random(1, 3) == 1 then
    if options.handle and random(1, 6) == 1 then
      local own = pick(keys, random)
      return options.handle(own), random_value.handle(own)
    end
    local made = random(1, 8) == 1 and random_value.null or scalar(options)
    return made, random_value.scalar(made)
  end
  local made, described, shape = {}, {}, random(1, 4)
  for i = 1, random(0, 4) do
    local at = shape <= 2 and i or shape == 3 and "name" .. i or key(options)
    made[at], described[at] = random_value.make(options, depth - 1)
  end
  return shape == 1 and random_value.array(made) or made, random_value.table(described, shape == 1)
end

return random_value
