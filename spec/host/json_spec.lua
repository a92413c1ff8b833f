-- What a table is in JSON does not depend on how it was filled.
local hosts = require "spec.support.hosts"

local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()

local writer = hosts.class("Writer", [[
  local json = require "troupe.json"
  -- Fills a table with 1..n in the order of `keys`, then drops what is beyond n.
  local function fill(keys, n, wrap)
    local t = {}
    for _, key in ipairs(keys) do t[key] = wrap and wrap(key) or key end
    for _, key in ipairs(keys) do if key > n then t[key] = nil end end
    return t
  end
  function Class:filled(_, keys, n)
    local deep = function(key) return { fill(keys, n), key } end
    return { json.encode(fill(keys, n)), json.encode(fill(keys, n, deep)) }
  end
  local odd = {
    hole = function() return { 1, 2, [4] = 4 } end,
    high = function() return { [2] = 2, [3] = 3 } end,
    zero = function() return { [0] = 0, 1 } end,
    named = function() return { 1, 2, name = 3 } end,
    float = function() return { [1.5] = 1 } end,
    truth = function() return { [true] = 1 } end,
    marked_hole = function() return array { 1, 2, [4] = 4 } end,
    marked_name = function() return array { 1, name = 3 } end,
    inside = function() return { a = { { 1, [3] = 3 } } } end,
  }
  function Class:odd(_, which) return json.encode(odd[which]()) end
]])

describe("JSON", function()
  local actor

  before_each(function()
    actor = hosts.open({ ["writer.lua"] = writer }, { errors = true, dev = true }):actor("Writer", "w")
  end)
  after_each(hosts.close_all)

  it("has an array for 1..n in whatever order it was filled", function()
    print("json_spec: TROUPE_SEED=" .. SEED)
    math.randomseed(SEED)
    for _ = 1, 100 do
      local n, keys, whole, deep = math.random(1, 20), {}, {}, {}
      for i = 1, n + math.random(0, 5) do table.insert(keys, math.random(1, i), i) end
      for i = 1, n do whole[i] = i end
      local inner = "[" .. table.concat(whole, ",") .. "]"
      for i = 1, n do deep[i] = ("[%s,%d]"):format(inner, i) end
      assert.same({ inner, "[" .. table.concat(deep, ",") .. "]" }, actor:filled(keys, n))
    end
  end)

  for which, why in pairs {
    hole = "is not a sequence", high = "is not a sequence", zero = "is not a sequence", named = "is not a sequence",
    float = "is not a sequence", truth = "is not a sequence", marked_hole = "marked as a sequence",
    marked_name = "marked as a sequence", inside = "a%[1%]: a table with numbers as keys that is not a sequence",
  } do
    it("refuses a table that is neither array nor object: " .. which, function()
      assert.matches(why, hosts.failure_of(function() actor:odd(which) end).message)
    end)
  end
end)
