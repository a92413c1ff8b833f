-- self.kv: iterators by the hundred, each with its snapshot, over all that a record can lie in, while the call writes.
local hosts = require "spec.support.hosts"

local store = hosts.class("Store", [[
  function Class:initialize_state() return {} end
  function Class:fill(_, keys) for _, key in ipairs(keys) do self.kv:put(key, key) end end
  function Class:list() return self.kv:list() end

  -- Each does one operation. An iterator must give what a list of the same moment gave.
  local operations = {}
  function operations.begin(self, all, options)
    local expected = self.kv:list(options)
    all[#all + 1] = { next = self.kv:each(options), expected = expected, given = 0 }
  end
  function operations.step(_, all, which)
    local iterator = all[which % #all + 1]
    local key, value = iterator.next()
    local entry = iterator.expected[iterator.given + 1]
    if not entry then
      assert(key == nil, "an entry too many")
      return
    end
    iterator.given = iterator.given + 1
    assert(key and #key == 1 and key[1] == entry.key[1] and value == entry.value, "not the entry of the snapshot")
  end
  local puts = 0
  function operations.put(self, _, key)
    puts = puts + 1
    self.kv:put(key, puts)
  end
  function operations.delete(self, _, key) self.kv:delete(key) end
  function operations.delete_range(self, _, options) self.kv:delete_range(options) end
  function operations.delete_all(self) self.kv:delete_all() end
  function operations.save(self) self:save_state() end

  function Class:run(_, list)
    local all = {}
    for _, operation in ipairs(list) do
      local kind, argument = table.unpack(operation)
      operations[kind](self, all, argument)
    end
    for i = 1, #all // 2 do                -- and the others are left as they are
      for _ = all[i].given, #all[i].expected do operations.step(self, all, i - 1) end
    end
    return #all
  end
]])

local ITERATORS, KEYS = 150, 60       -- LMDB has 126 readers
local LONG = ("l"):rep(600)

local function random_key()
  local n = math.random(KEYS)
  return n % 5 == 0 and LONG .. n or n
end

local function random_options()
  local options = { reverse = math.random(2) == 1 }
  if math.random(2) == 1 then options.start = random_key() end
  if math.random(3) == 1 then options.stop = random_key() end
  if math.random(4) == 1 then options.limit = math.random(10) end
  return options
end

-- What a call does, with so many iterators at once.
local function random_operations()
  local kinds = {
    step = function() return math.random(ITERATORS) end, put = random_key, delete = random_key,
    delete_range = random_options, save = function() return nil end, delete_all = function() return nil end,
  }
  local weighted = { "step", "step", "step", "step", "put", "put", "put", "delete", "delete_range" }
  local list = {}
  for i = 1, ITERATORS do
    table.insert(list, { "begin", random_options() })
    for _ = 1, 4 do
      local kind = weighted[math.random(#weighted)]
      table.insert(list, { kind, kinds[kind]() })
    end
    if i % 40 == 0 then table.insert(list, { i % 80 == 0 and "delete_all" or "save" }) end
    if i % 10 == 0 then
      for _ = 1, 10 do table.insert(list, { "put", random_key() }) end
    end
  end
  return list
end

describe("kv:each, among many", function()
  after_each(hosts.close_all)

  for _, pause_ms in ipairs { 0, 10 } do
    it("skips nothing and repeats nothing, whatever is written, pausing after " .. pause_ms .. " ms", function()
      local seed = tonumber(os.getenv "TROUPE_SEED") or os.time()
      math.randomseed(seed)
      local settings = { pause_ms = pause_ms, checkpoint_bytes = 20000, slice_records = 10 }
      local host = hosts.open({ ["store.lua"] = store }, settings)
      local actor = host:actor("Store", "s")
      for round = 1, 4 do
        local keys = {}
        for i = 1, KEYS do keys[i] = random_key() end
        actor:fill(keys)
        if round > 1 then host:checkpoint() end
        for i = 1, KEYS do keys[i] = random_key() end
        actor:fill(keys)
        local other = host:start("Store", "other", "fill", { 1, 2, 3 })
        local where = "seed " .. seed
        local ok, result = pcall(actor.run, actor, random_operations())
        assert.is_true(ok, where .. ": " .. tostring(result))
        assert.equal(ITERATORS, result)
        other:get()
        local before = actor:list()
        if round % 2 == 0 then host:crash() end
        assert.same(before, actor:list(), where)
      end
    end)
  end
end)
