-- self.kv is an ordered store: what it lists is held against a sorted array.
local hosts = require "spec.support.hosts"

local store = hosts.class("Store", [[
  function Class:put(_, key, value, opts) self.kv:put(key, value, opts) end
  function Class:get(_, key, opts) return self.kv:get(key, opts) end
  function Class:delete(_, key) return self.kv:delete(key) end
  function Class:list(_, opts) return self.kv:list(opts) end
  function Class:count(_, opts) return self.kv:count(opts) end
  function Class:delete_range(_, opts) return self.kv:delete_range(opts) end
  function Class:delete_all() return self.kv:delete_all() end
  function Class:many(_, entries)
    for _, entry in ipairs(entries) do
      if entry.value == nil then self.kv:delete(entry.key) else self.kv:put(entry.key, entry.value) end
    end
    return self.kv:list()
  end
  function Class:types()
    self.kv:put("values", { 1, 1.0, "s", true, null, array {}, {}, [10] = { x = 0.1 } })
    local v = self.kv:get("values")
    v[1] = "a copy"
    v = self.kv:get("values")
    return { math.type(v[1]), math.type(v[2]), v[5] == null, v[10].x, require("troupe.json").encode { v[6], v[7] } }
  end
  function Class:shapes()
    local shared = { 1 }
    local cyclic = { shared, shared }
    cyclic.me = cyclic
    self.kv:put("shape", cyclic)
    local v = self.kv:get("shape")
    return v[1] == v[2] and v.me == v and v[1][1] == 1 and v ~= cyclic
  end
  function Class:steal(_, key)
    stolen = stolen or self.kv
    return stolen:get(key)
  end
  function Class:code_of(_, what)
    local _, e = pcall(self.fail, self, nil, what)
    return type(e) == "table" and e.code or "internal_error"
  end
  function Class:fail(_, what)
    local kv = self.kv
    if what == "nil key" then return kv:get(nil) end
    if what == "no key" then return kv:get() end
    if what == "nan" then return kv:put(0 / 0, 1) end
    if what == "nan part" then return kv:put({ "a", 0 / 0 }, 1) end
    if what == "empty" then return kv:get({}) end
    if what == "gap" then return kv:get({ 1, nil, 3 }) end
    if what == "named" then return kv:get({ 1, name = 2 }) end
    if what == "function part" then return kv:get({ print }) end
    if what == "null part" then return kv:get({ null }) end
    if what == "long" then return kv:get(("x"):rep(2047)) end
    if what == "nil value" then return kv:put("a", nil) end
    if what == "function" then return kv:put("a", { b = { print } }) end
    if what == "metatable" then return kv:put("a", setmetatable({}, {})) end
    if what == "big" then return kv:put("a", ("x"):rep(1001)) end
    if what == "option" then return kv:list({ limits = 1 }) end
    if what == "get option" then return kv:get("a", { prefix = "x" }) end
    if what == "limit" then return kv:list({ limit = 0 }) end
    if what == "both starts" then return kv:list({ start = 1, start_after = 1 }) end
    if what == "both stops" then return kv:list({ stop = 1, ["end"] = 1 }) end
    if what == "reverse" then return kv:list({ reverse = 1 }) end
    if what == "format" then return kv:put("a", "b", { format = "raw" }) end
    if what == "bytes" then return kv:put("a", 1, { format = "bytes" }) end
    if what == "bytes of a table" then kv:put("t", {}); return kv:get("t", { format = "bytes" }) end
    if what == "dot" then return kv.get("a") end
    if what == "deep" then local t = {}; local k = t; for _ = 1, 200 do t[1] = {}; t = t[1] end; return kv:get(k) end
  end
]])

local function open(options)
  local host = hosts.open({ ["store.lua"] = store }, options)
  return host, host:actor("Store", "s")
end

-- -- a model of order --

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
    local c = compare_parts(a[i], b[i])
    if c ~= 0 then return c end
  end
  return 0
end

local function tuple(key)
  return type(key) == "table" and key or { key }
end

local function begins(key, prefix)
  for i = 1, #prefix do
    if key[i] == nil or compare_parts(key[i], prefix[i]) ~= 0 then return false end
  end
  return true
end

local function listed(model, options)
  local found = {}
  for _, entry in ipairs(model) do
    local key = entry.key
    local within = (not options.prefix or begins(key, tuple(options.prefix))) and
      (not options.start or compare(key, tuple(options.start)) >= 0) and
      (not options.start_after or compare(key, tuple(options.start_after)) > 0) and
      (not options.stop or compare(key, tuple(options.stop)) < 0)
    if within then found[#found + 1] = entry end
  end
  if options.reverse then
    for i = 1, #found // 2 do found[i], found[#found + 1 - i] = found[#found + 1 - i], found[i] end
  end
  for i = #found, (options.limit or math.huge) + 1, -1 do found[i] = nil end
  return found
end

local function put(model, key, value)
  for i, entry in ipairs(model) do
    local c = compare(entry.key, key)
    if c == 0 then
      if value == nil then table.remove(model, i) else entry.value = value end
      return
    end
    if c > 0 then
      if value ~= nil then table.insert(model, i, { key = key, value = value }) end
      return
    end
  end
  if value ~= nil then model[#model + 1] = { key = key, value = value } end
end

describe("self.kv", function()
  after_each(hosts.close_all)

  it("lists like a sorted array, through random operations, held commits, sleeps and crashes", function()
    local seed = tonumber(os.getenv "TROUPE_SEED") or 1
    math.randomseed(seed)
    local random = math.random
    local long = ("p"):rep(600)
    local parts = { "a", "b", "", "a\0", "a\0\xff", "\xff", long, long .. "q", long .. long .. "r",
                    0, 1, -1, 1.5, 2 ^ 53, 2 ^ 53 + 1,
                    42, 60, 88, 100, 128, 1000, math.huge, -math.huge, true, false, { "n" }, { "n", 1 }, {} }
    local function part() return parts[random(#parts)] end
    local function key()
      local made = { part() }
      for _ = 2, random(3) do made[#made + 1] = random(3) == 1 and "x" or part() end
      local size = 0
      for _, p in ipairs(made) do size = size + (type(p) == "string" and #p or 20) end
      return size < 1900 and made or { "short" }
    end
    local host = open()
    local model = {}
    for round = 1, 60 do
      local where = ("seed %d, round %d"):format(seed, round)
      host:hold(random(3) == 1)
      local calls = {}
      for _ = 1, random(4) do
        local entries = {}
        for i = 1, random(8) do
          local deleted = random(3) == 1 and #model > 0
          local entry = deleted and { key = model[random(#model)].key } or { key = key(), value = random(1000) }
          entries[i] = entry
          put(model, entry.key, entry.value)
        end
        calls[#calls + 1] = host:start("Store", "s", "many", entries)
      end
      for _ = 1, 6 do
        local options = { reverse = random(2) == 1, limit = random(3) == 1 and random(5) or nil }
        if random(2) == 1 then options.prefix = { part() } end
        if random(2) == 1 then
          local bound = random(2) == 1 and "start" or "start_after"
          options[bound] = random(2) == 1 and #model > 0 and model[random(#model)].key or key()
        end
        if random(2) == 1 then options.stop = random(2) == 1 and #model > 0 and model[random(#model)].key or key() end
        calls[#calls + 1] = host:start("Store", "s", "list", options)
        calls[#calls].options = options
        calls[#calls].expected = listed(model, options)
      end
      host:run()
      host:hold(false)
      for _, call in ipairs(calls) do
        local result = call:get()
        if call.expected then assert.same(call.expected, result, where) end
      end
      if random(4) == 1 then host:sleep("Store", "s") end
      if random(4) == 1 then host:crash() end
      assert.same(model, host:kv("Store", "s"), where)
    end
  end)

  it("keeps values what they are, and gives copies", function()
    local _, actor = open()
    assert.same({ "integer", "float", true, 0.1, "[[],{}]" }, actor:types())
    assert.is_true(actor:shapes())
    actor:put("x", false)
    assert.is_false(actor:get("x"))
    assert.is_nil(actor:get("nothing"))
  end)

  it("stores bytes without a type mark", function()
    local host, actor = open()
    actor:put("b", "\0\xff\xc1", { format = "bytes" })
    assert.equal("\0\xff\xc1", actor:get("b", { format = "bytes" }))
    assert.equal("\0\xff\xc1", actor:get("b"))
    actor:put("s", "text")
    assert.equal("text", actor:get("s", { format = "bytes" }))
    host:crash()
    assert.equal("\0\xff\xc1", actor:get("b"))
  end)

  it("knows one number in two forms as one key, and a number from its text", function()
    local _, actor = open()
    actor:put(1, "integer")
    actor:put(1.0, "float")
    actor:put("1", "text")
    actor:put(-0.0, "zero")
    assert.equal("float", actor:get(1))
    assert.equal("text", actor:get { "1" })
    assert.equal("zero", actor:get(0))
    assert.equal("integer", math.type(actor:list()[2].key[1]))
    assert.is_true(actor:delete(1.0))
    assert.is_false(actor:delete(1))
  end)

  it("is no other actor's", function()
    local host, actor = open { errors = true }
    actor:put("secret", 1)
    local other = host:actor("Store", "t")
    assert.is_nil(other:get("secret"))
    assert.equal(1, actor:steal("secret"))
    assert.matches("belongs to an actor whose turn this is not", hosts.failure_of(other.steal, other, "secret").message)
  end)

  local problems = {
    ["nil key"] = "invalid_key", ["no key"] = "invalid_key", nan = "invalid_key", ["nan part"] = "invalid_key",
    empty = "invalid_key", gap = "invalid_key", named = "invalid_key", ["function part"] = "invalid_key",
    ["null part"] = "invalid_key", long = "invalid_key", ["nil value"] = "internal_error",
    ["function"] = "internal_error",
    metatable = "internal_error", big = "payload_too_large", option = "internal_error",
    ["get option"] = "internal_error",
    limit = "internal_error", ["both starts"] = "internal_error", ["both stops"] = "internal_error",
    reverse = "internal_error", format = "internal_error", bytes = "internal_error",
    ["bytes of a table"] = "internal_error", dot = "internal_error", deep = "invalid_key",
  }
  for what, code in pairs(problems) do
    it("refuses with a clear error: " .. what, function()
      local host, actor = open { errors = true, limits = { value_bytes = 1000 } }
      actor:put("kept", 1)
      local failure = hosts.failure_of(actor.fail, actor, what)
      assert.equal(code == "payload_too_large" and code or "internal_error", failure.code)
      assert.matches("store%.lua:%d+: ", failure.message)
      assert.same({ { key = { "kept" }, value = 1 } }, host:kv("Store", "s"))
      assert.equal(code, actor:code_of(what))
    end)
  end

  local function keys_of(list)
    local keys = {}
    for i, entry in ipairs(list) do keys[i] = #entry.key == 1 and entry.key[1] or entry.key end
    return keys
  end

  it("orders a leaderboard by number, not by text", function()
    local _, actor = open()
    for _, score in ipairs { 128, 42, 1000, 88, 100, 60 } do actor:put({ "rank", score }, "player " .. score) end
    local function scores(options)
      local found = {}
      for i, entry in ipairs(actor:list(options)) do found[i] = entry.key[2] end
      return found
    end
    assert.same({ 1000, 128, 100, 88, 60, 42 }, scores { prefix = "rank", reverse = true })
    assert.same({ 1000, 128 }, scores { prefix = "rank", reverse = true, limit = 2 })
    assert.same({ 60, 88, 100 }, scores { start = { "rank", 60 }, stop = { "rank", 128 } })
    assert.same({ 100, 88, 60 }, scores { start = { "rank", 60 }, stop = { "rank", 128 }, reverse = true })
  end)

  it("lists k up to t, without t", function()
    local _, actor = open()
    for _, name in ipairs { "a", "j", "k", "kk", "m", "s", "szzz", "t", "ta", "z" } do actor:put(name, 1) end
    assert.same({ "k", "kk", "m", "s", "szzz" }, keys_of(actor:list { start = "k", stop = "t" }))
    assert.same({ "k", "kk", "m", "s", "szzz" }, keys_of(actor:list { start = "k", ["end"] = "t" }))
    assert.same({ "kk", "m" }, keys_of(actor:list { start_after = "k", stop = "t", limit = 2 }))
  end)

  it("tells keys apart whatever separators are in them", function()
    local _, actor = open()
    local keys = { { "a", "b:c" }, { "a:b", "c" }, { "a:b:c" }, { "a\0b", "c" }, { "a", "b\0c" }, { "a", "b", "c" },
                   { "a", { "b", "c" } } }
    for i, key in ipairs(keys) do actor:put(key, i) end
    for i, key in ipairs(keys) do assert.equal(i, actor:get(key)) end
    local users = { "ann", "ann:admin", "ann/x", "ann\0", "ann\0\xff", "ann\xff" }
    for _, user in ipairs(users) do actor:put({ "user", user, "mail" }, user) end
    for _, user in ipairs(users) do
      assert.same({ { key = { "user", user, "mail" }, value = user } }, actor:list { prefix = { "user", user } })
    end
  end)

  it("keeps an inventory of each owner together, and apart from the next", function()
    local _, actor = open()
    actor:put({ "ann", "items", "sword" }, 1)
    actor:put({ "ann", "items", "shield" }, 2)
    actor:put({ "ann", "name" }, "Ann")
    actor:put({ "anna", "items", "bow" }, 3)
    actor:put({ "ann" }, "the key that is the prefix")
    assert.same({ { "ann", "items", "shield" }, { "ann", "items", "sword" } },
                keys_of(actor:list { prefix = { "ann", "items" } }))
    assert.equal(4, actor:count { prefix = "ann" })
    assert.equal(2, actor:delete_range { prefix = { "ann", "items" } })
    assert.same({ "ann", { "ann", "name" }, { "anna", "items", "bow" } }, keys_of(actor:list()))
  end)

  it("deletes exactly the first ones of an order, or everything", function()
    local host, actor = open()
    for i = 1, 10 do actor:put(i, i) end
    assert.equal(3, actor:delete_range { limit = 3 })
    assert.equal(2, actor:delete_range { limit = 2, reverse = true })
    assert.equal(1, actor:delete_range { start = 5, stop = 8, limit = 1, reverse = true })
    assert.same({ 4, 5, 6, 8 }, keys_of(actor:list()))
    assert.equal(0, actor:delete_range { prefix = "none" })
    host:crash()
    assert.same({ 4, 5, 6, 8 }, keys_of(actor:list()))
    assert.equal(4, actor:delete_range())
    actor:put("again", 1)
    assert.is_nil(actor:delete_all())
    host:crash()
    assert.equal(0, actor:count())
  end)

  it("never touches the state, and is one commit with it", function()
    local both = hosts.class("Both", [[
      function Class:initialize_state() return { n = 0 } end
      function Class:set(_, n, bad)
        self.state.n = n
        self.kv:put("n", n)
        if bad then error(bad) end
      end
      function Class:clear(_, bad) self.kv:delete_all(); self.state.n = self.state.n + 1; if bad then error(bad) end end
      function Class:look() return { self.state.n, self.kv:get("n") or 0 } end
    ]])
    local host = hosts.open({ ["both.lua"] = both }, { errors = true })
    local actor = host:actor("Both", "b")
    actor:set(1)
    hosts.failure_of(actor.set, actor, 2, "no")
    assert.same({ 1, 1 }, actor:look())
    host:fail_next "write"
    assert.equal("storage_error", hosts.failure_of(actor.set, actor, 3).code)
    assert.same({ 1, 1 }, actor:look())
    host:crash()
    assert.same({ 1, 1 }, actor:look())
    hosts.failure_of(actor.clear, actor, "no")
    assert.same({ 1, 1 }, actor:look())
    actor:clear()
    assert.same({ 2, 0 }, actor:look())
    host:crash()
    assert.same({ 2, 0 }, actor:look())
  end)

  it("shows no key of one actor to another, whatever their addresses have in common", function()
    local host = open()
    local names = { "s", "s\0", "", "ss", 1, 2, 255, 256, { "s", "s" }, { "s", 1 } }
    local actors = {}
    for i, name in ipairs(names) do
      actors[i] = host:actor("Store", name)
      for _, key in ipairs { "", "\xff", 0, true, { {} } } do actors[i]:put(key, i) end
    end
    for i, actor in ipairs(actors) do
      for _, entry in ipairs(actor:list()) do assert.equal(i, entry.value) end
      assert.equal(5, actor:count { reverse = true })
    end
    for i = 1, #actors, 2 do actors[i]:delete_all() end
    host:crash()
    for i, actor in ipairs(actors) do assert.equal(i % 2 == 1 and 0 or 5, actor:count()) end
  end)

  it("takes keys of 2,048 bytes and not of 2,049; a call's changes up to the limit", function()
    local host, actor = open { errors = true, limits = { commit_bytes = 10000 } }
    local longest = ("x"):rep(2046)
    actor:put(longest, 1)
    assert.equal(1, actor:get(longest))
    local failure = hosts.failure_of(actor.put, actor, longest .. "x", 1)
    assert.equal("internal_error", failure.code)
    assert.matches("2049 bytes encoded; the limit of a key is 2048", failure.message)
    failure = hosts.failure_of(actor.put, actor, "v", ("x"):rep(10001))
    assert.equal("payload_too_large", failure.code)
    assert.is_nil(actor:get("v"))
    host:crash()
    assert.equal(1, actor:get(longest))
  end)
end)
