-- self.kv: an ordered store of an actor, what it keeps and in which order, for itself and together with the state.
local hosts = require "spec.support.hosts"

local store = hosts.store [[
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
]]

local function open(options)
  local host = hosts.open({ ["store.lua"] = store }, options)
  return host, host:actor("Store", "s")
end

describe("self.kv", function()
  after_each(hosts.close_all)

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
end)
