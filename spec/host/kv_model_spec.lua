-- self.kv against a sorted array: list, each, count, get_batch and the deletes, with random data and random options.
local hosts = require "spec.support.hosts"
local Sorted = require "spec.support.sorted"

local store = hosts.store [[
  function Class:run(_, operations)             -- all in one call; what each gave
    local results = array {}
    for i, operation in ipairs(operations) do
      local method, argument = operation[1], operation[2]
      if method == "each" then
        results[i] = self:each(nil, argument)
      elseif method == "put" then
        self.kv:put(argument.key, argument.value)
        results[i] = true
      else
        local result = self.kv[method](self.kv, argument)
        if result == nil then result = true end
        results[i] = result
      end
    end
    return results
  end
]]

-- -- random data --

local random = math.random

local function pick(list) return list[random(#list)] end

local long = ("p"):rep(500)
local longest = ("p"):rep(2040)
-- Long strings share long beginnings, some end in ff, some differ in their last byte only.
local parts = { "a", "b", "", "a\0", "a\0\xff", "\xff", "\xff\xff", "a\xff", "a\xff\xff", long, long .. "q",
                long .. "\xff", long .. "\xff\xff", long .. long, long .. long .. "\0",
                0, 1, -1, 1.5, 2 ^ 53, (1 << 53) + 1, 42, 60, 88, 100, 128, 1000, math.huge, -math.huge,
                math.mininteger, math.maxinteger, true, false, { "n" }, { "n", 1 }, {}, { {} } }
local giants = { longest, longest .. "\xff", longest .. "\xff\xff", longest .. "a", longest .. "ab", longest .. "\0" }

local function tuple()
  if random(8) == 1 then return { pick(giants) } end
  local made, size = {}, 0
  for i = 1, random(3) do
    local part = pick(parts)
    size = size + (type(part) == "string" and #part + 8 or 20)
    if size < 1900 then made[i] = part else break end
  end
  return made[1] ~= nil and made or { "short" }
end

--- A key that is there, as a rule, or any.
local function key_of(data)
  return #data > 0 and random(3) > 1 and pick(data).key or tuple()
end

local function options_of(data)
  local options = { reverse = pick { true, false, nil }, limit = random(3) == 1 and random(6) or nil }
  if random(3) == 1 then
    local key = key_of(data)
    options.prefix = { table.unpack(key, 1, random(#key)) }
  end
  if random(2) == 1 then options[pick { "start", "start_after" }] = key_of(data) end
  if random(2) == 1 then options[pick { "stop", "end" }] = key_of(data) end
  return options
end

local function keys_of(data)
  local keys = {}
  for i = 1, random(0, 6) do keys[i] = key_of(data) end
  return keys
end

local arguments = {
  put = function() return { key = tuple(), value = random(1000) } end,
  delete = key_of,
  list = options_of, each = options_of, count = options_of, delete_range = options_of,
  get_batch = keys_of, delete_batch = keys_of,
  put_batch = function()
    local entries = {}
    for i = 1, random(0, 8) do entries[i] = { key = tuple(), value = random(1000) } end
    return entries
  end,
  delete_all = function() return nil end,
}
local often = { "put", "put", "put", "put_batch", "put_batch", "put_batch", "delete", "list", "list", "each", "each",
                "count", "count", "get_batch", "delete_batch", "delete_range" }

--- A call of some operations, and what they give by the model, which they change.
local function call_of(data)
  local operations, expected = {}, {}
  for i = 1, random(8) do
    local method = random(60) == 1 and "delete_all" or pick(often)
    local argument = arguments[method](data)
    if method == "delete_range" and random(3) > 1 then argument.limit = random(3) end
    operations[i] = { method, argument }
    expected[i] = data[method](data, argument or {})
  end
  return operations, expected
end

local function same(expected, result, where)
  for i = 1, math.max(#expected, #result) do assert.same(expected[i], result[i], where .. ", operation " .. i) end
end

describe("self.kv, by a model", function()
  after_each(hosts.close_all)

  for _, pause_ms in ipairs { 0, 10 } do
    it("is a sorted array, through held commits, sleeps, crashes and restarts, pauses of " .. pause_ms, function()
      local seed = tonumber(os.getenv "TROUPE_SEED") or os.time()
      print(("kv_model: TROUPE_SEED=%d"):format(seed))
      math.randomseed(seed)
      local host = hosts.open({ ["store.lua"] = store }, { pause_ms = pause_ms })
      local data = { s = Sorted.new(), t = Sorted.new() }    -- of two neighbours
      for round = 1, 70 do
        local where = ("seed %d, round %d"):format(seed, round)
        local calls, durable = {}, { s = data.s:copy(), t = data.t:copy() }
        host:hold(random(3) == 1)
        for i = 1, random(5) do
          local name = pick { "s", "s", "t" }
          local operations, expected = call_of(data[name])
          calls[i] = { expected = expected, where = ("%s, call %d of %s"):format(where, i, name), methods = operations,
                       pending = host:start("Store", name, "run", operations) }
        end
        host:run()
        if random(6) == 1 then                  -- what was not answered may be gone, wholly
          local all = true
          for _, call in ipairs(calls) do all = all and call.pending:is_done() end
          host:crash()
          if not all then data = durable end
          -- A host that is held answers what changes nothing and saw nothing new; all else is gone.
          for _, call in ipairs(calls) do
            if call.pending:is_done() and all then same(call.expected, call.pending:get(), call.where) end
          end
        else
          host:hold(false)
          for _, call in ipairs(calls) do same(call.expected, call.pending:get(), call.where) end
        end
        if random(4) == 1 then host:sleep("Store", "s") end
        if random(5) == 1 then host:crash() end
        for name, expected in pairs(data) do
          assert.same(expected:entries(), host:kv("Store", name) or {}, where .. " of " .. name)
        end
      end
    end)
  end
end)
