-- self.kv: batches are checked as a whole before the first of them is written.
local hosts = require "spec.support.hosts"

local store = hosts.class("Store", [[
  function Class:initialize_state() return { list = { 1, 2 } } end
  function Class:put(_, entries, opts) self.kv:put_batch(entries, opts) end
  function Class:get(_, keys, opts) return self.kv:get_batch(keys, opts) end
  function Class:delete(_, keys) return self.kv:delete_batch(keys) end
  function Class:list() return self.kv:list() end
  function Class:one(_, key, opts) return self.kv:get(key, opts) end
  function Class:from_state()                -- parts of a state are tables like any other
    self.state.entries = { { key = { "a", 1 }, value = { x = 1 } }, { key = "b", value = 2 } }
    self.state.keys = { { "a", 1 }, "b" }
    self.kv:put_batch(self.state.entries)
    local found = self.kv:get_batch(self.state.keys)
    return { found[1].x, found[2], self.kv:delete_batch(self.state.keys) }
  end
  local function thousand() local t = {}; for i = 1, 1000 do t[i] = { key = { "k", i }, value = i } end return t end
  function Class:thousand() self.kv:put_batch(thousand()) return self.kv:count() end
  local spoil = {}
  function spoil.key(t) t[37].key = { "k", print } end
  function spoil.no_key(t) t[37].key = nil end
  function spoil.long_key(t) t[37].key = ("x"):rep(2047) end
  function spoil.value(t) t[37].value = { x = print } end
  function spoil.no_value(t) t[37].value = nil end
  function spoil.big_value(t) t[37].value = ("x"):rep(1001) end
  function spoil.field(t) t[37].ttl = 5 end
  function spoil.position(t) t[37][1] = 5 end
  function spoil.entry(t) t[37] = "k" end
  function spoil.gap(t) t[37] = nil end
  function spoil.name(t) t.x = {} end
  function Class:spoilt(_, how, last)
    local t = thousand()
    spoil[how](t)
    if last then t[1000], t[37] = t[37], t[1000] end
    local ok, err = pcall(self.kv.put_batch, self.kv, t)
    assert(not ok)
    return { tostring(err), self.kv:count() }
  end
  function Class:spoilt_keys(_, method, bad)
    local keys = {}
    for i = 1, 1000 do keys[i] = { "k", i } end
    keys[5] = bad == "function" and print or bad == "nan" and 0 / 0 or bad == "long" and ("x"):rep(2047) or bad
    local ok, err = pcall(self.kv[method], self.kv, keys)
    assert(not ok)
    return { tostring(err), self.kv:count() }
  end
  function Class:twice(_, entries)           -- the second batch takes the place of the first
    self.kv:put_batch(entries)
    self.kv:put_batch(entries)
    return self.kv:count()
  end
  --- Puts one batch after the other; how many entries there are after each, whether it was taken or not.
  function Class:each_in_turn(_, batches)
    local counts = {}
    for i, entries in ipairs(batches) do
      local ok = pcall(self.kv.put_batch, self.kv, entries)
      counts[i] = ok and self.kv:count() or -self.kv:count()
    end
    return counts
  end
  function Class:misuse(_, method, ...) return self.kv[method](self.kv, ...) end
]])

local function open(options)
  local host = hosts.open({ ["store.lua"] = store }, options)
  return host, host:actor("Store", "s")
end

describe("a batch", function()
  after_each(hosts.close_all)

  it("is put, read and deleted", function()
    local host, actor = open()
    actor:put { { key = { "a", 1 }, value = { x = { 1 } } }, { key = "b", value = false },
                { key = 3, value = "three" } }
    assert.same({ { x = { 1 } }, false, nil, "three", n = 4 }, actor:get { { "a", 1 }, "b", "none", 3.0 })
    assert.same({ n = 2 }, actor:get { "x", "y" })
    assert.same({ n = 0 }, actor:get {})
    host:crash()
    assert.equal(3, #actor:list())
    assert.equal(2, actor:delete { "b", "none", { "a", 1 } })
    assert.equal(0, actor:delete { "b" })
    assert.equal(0, actor:delete {})
    actor:put {}
    host:crash()
    assert.same({ { key = { 3 }, value = "three" } }, actor:list())
    assert.same({ 1, 2, 2 }, actor:from_state())
  end)

  it("with one key twice: the last value wins; a delete counts it once", function()
    local _, actor = open()
    actor:put { { key = 1, value = "first" }, { key = 2, value = "two" }, { key = 1.0, value = "last" } }
    assert.same({ "last", "last", "two", n = 3 }, actor:get { 1, 1, 2 })
    assert.equal(2, actor:delete { 1, 2, 1, 1.0, { 2 } })
    assert.same({}, actor:list())
  end)

  it("knows the format", function()
    local _, actor = open { errors = true }
    actor:put({ { key = "a", value = "\0\xc1" }, { key = "b", value = "" } }, { format = "bytes" })
    assert.same({ "\0\xc1", "", n = 2 }, actor:get({ "a", "b" }, { format = "bytes" }))
    assert.same({ "\0\xc1", "", n = 2 }, actor:get { "a", "b" })
    actor:put({ { key = "t", value = {} } }, { format = "value" })
    assert.matches('options%.format: "bytes", but the value is a table',
                   hosts.failure_of(actor.get, actor, { "t" }, { format = "bytes" }).message)
    assert.matches('entries%[2%]%.value: with format "bytes" a string, not a number',
                   hosts.failure_of(actor.put, actor, { { key = 1, value = "x" }, { key = 2, value = 2 } },
                                    { format = "bytes" }).message)
    assert.is_nil(actor:one(1))
  end)

  local problems = {
    key = "entries%[@%]%.key: a function cannot be part of a key",
    no_key = "entries%[@%]%.key: nil cannot be a key",
    long_key = "entries%[@%]%.key: 2049 bytes encoded; the limit of a key is 2048",
    value = "entries%[@%]%.value%.x: a function cannot be saved",
    no_value = "entries%[@%]%.value: nil is not a value",
    big_value = "entries%[@%]%.value: more than 1000 bytes, the limit of a value",
    field = 'entries%[@%]: unknown field "ttl"',
    position = 'entries%[@%]: unknown field "number"',
    entry = "entries%[@%]: a table { key = k, value = v }, not a string",
    gap = "entries: an array of entries, without gaps or names",
    name = "entries: an array of entries, without gaps or names",
  }
  for how, message in pairs(problems) do
    it("with one bad entry among a thousand changes nothing: " .. how, function()
      local host, actor = open { limits = { value_bytes = 1000 } }
      actor:put { { key = "kept", value = 1 } }
      for _, last in ipairs { false, true } do
        local result = actor:spoilt(how, last)
        if not (last and how == "gap") then       -- a gap at the end is an end
          assert.matches((message:gsub("@", last and "1000" or "37")), result[1])
          assert.equal(1, result[2])
        end
        if how == "gap" then break end
      end
      host:crash()
      assert.same({ { key = { "kept" }, value = 1 } }, actor:list())
      assert.equal(1001, actor:thousand())
    end)
  end

  for _, method in ipairs { "get_batch", "delete_batch" } do
    it("names the bad key among a thousand: " .. method, function()
      local _, actor = open()
      actor:thousand()
      for bad, message in pairs { ["function"] = "keys%[5%]: a function cannot be part of a key",
                                  nan = "keys%[5%]: NaN cannot be a key",
                                  long = "keys%[5%]: 2049 bytes encoded" } do
        local result = actor:spoilt_keys(method, bad)
        assert.matches(message, result[1])
        assert.equal(1000, result[2])
      end
      assert.matches("keys%[5%]: an empty tuple cannot be a key", actor:spoilt_keys(method, {})[1])
    end)
  end

  it("that is no array is refused", function()
    local _, actor = open { errors = true }
    for method, message in pairs { put_batch = "entries: an array of entries", get_batch = "keys: an array of keys",
                                   delete_batch = "keys: an array of keys" } do
      for _, bad in ipairs { "x", 1, true, { x = 1 }, { [2] = "a" } } do
        assert.matches(message, hosts.failure_of(actor.misuse, actor, method, bad).message)
      end
      assert.matches(message .. ", not a nil", hosts.failure_of(actor.misuse, actor, method).message)
    end
    assert.matches('options: unknown option "limit"',
                   hosts.failure_of(actor.misuse, actor, "get_batch", { 1 }, { limit = 1 }).message)
    assert.matches('options: unknown option "reverse"',
                   hosts.failure_of(actor.misuse, actor, "put_batch", {}, { reverse = true }).message)
  end)

  it("over the limit of a commit changes nothing; a key counts once, and what it replaces does not count", function()
    local host, actor = open { limits = { commit_bytes = 10000 } }
    local function some(count, size)
      local t = {}
      for i = 1, count do t[i] = { key = i, value = ("x"):rep(size) } end
      return t
    end
    local failure = hosts.failure_of(actor.put, actor, some(11, 1000))
    assert.equal("payload_too_large", failure.code)
    assert.matches("%-%-limit%-commit%-bytes", failure.message)
    assert.same({}, actor:list())
    local more, same = some(6, 1000), some(5, 1000)
    for i, entry in ipairs(more) do entry.key = 6 + i end
    for _, entry in ipairs(same) do entry.key = 7 end
    assert.same({ 6, -6, 7 }, actor:each_in_turn { some(6, 1000), more, same })
    assert.equal(7, actor:twice(some(6, 1000)))
    host:crash()
    assert.equal(7, #actor:list())
    local keys = {}
    for i = 1, 600 do keys[i] = { "none", i } end
    assert.equal("payload_too_large", hosts.failure_of(actor.delete, actor, keys).code)
    for i = 1, 300 do keys[i], keys[i + 300] = 1 + i % 6, nil end
    assert.equal(6, actor:delete(keys))
  end)
end)
