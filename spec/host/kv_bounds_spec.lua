-- self.kv: what it takes and what it does not. Bad input is an error that names the argument, and changes nothing.
local hosts = require "spec.support.hosts"

local store = hosts.class("Store", [[
  function Class:keep() self.kv:put("kept", 1) end
  function Class:list() return self.kv:list() end
  function Class:put(_, key, value) self.kv:put(key, value) end
  function Class:put_two(_, length)
    self.kv:put("first", 1)
    self.kv:put("second", length > 0 and ("x"):rep(length) or print)
  end
  function Class:get(_, key) return self.kv:get(key) end
  local environment = {
    print = print, array = array, null = null, string = string, table = table, coroutine = coroutine, math = math,
    setmetatable = setmetatable,
  }
  function environment.nested(depth)
    local key = "innermost"
    for _ = 1, depth do key = { key } end
    return key
  end
  --- Runs a line over kv; an error is caught, so that what it wrote would stay.
  function Class:try(_, line)
    environment.kv = self.kv
    local run = load("return " .. line, "line", "t", environment) or assert(load(line, "line", "t", environment))
    local ok, result = pcall(run)
    if ok and type(result) == "function" then result = true end
    if ok then return { result } end
    local told = type(result) == "table"
    return { nil, told and result.message or result, code = told and result.code or nil }
  end
]])

local function open(options)
  local host = hosts.open({ ["store.lua"] = store }, options)
  local actor = host:actor("Store", "s")
  actor:keep()
  return host, actor
end

local keys = {
  ["nil"] = "nil cannot be a key", ["0/0"] = "NaN cannot be a key", ["{}"] = "an empty tuple cannot be a key",
  ["{ 0/0 }"] = "NaN cannot be a key",
  ["{ 1, nil, 3 }"] = "a tuple is a sequence", ["{ 1, x = 2 }"] = "a tuple is a sequence",
  ["{ [2] = 1 }"] = "a tuple is a sequence",
  ["{ x = 1 }"] = "a tuple is a sequence", ["print"] = "a function cannot be part of a key",
  ["{ print }"] = "a function cannot be part",
  ["null"] = "null cannot be part of a key", ["{ 1, null }"] = "null cannot be part of a key",
  ["kv"] = "a userdata cannot be part of a key",
  ["{ 1, { 1, { print } } }"] = "a function cannot be part", ["coroutine.create(print)"] = "a thread cannot be part",
  ["('x'):rep(2047)"] = "2049 bytes encoded; the limit of a key is 2048",
  ["{ ('x'):rep(2000), ('x'):rep(45) }"] = "2049 bytes encoded",
  ["nested(200)"] = "tuples are nested more than 100 deep",
}

-- Where a key stands, and by which name errors call it.
local places = {
  ["kv:get(@)"] = "key", ["kv:put(@, 1)"] = "key", ["kv:delete(@)"] = "key",
  ["kv:get_batch { 1, @ }"] = "keys[2]", ["kv:delete_batch { 'kept', @ }"] = "keys[2]",
  ["kv:put_batch { { key = 1, value = 1 }, { key = @, value = 2 } }"] = "entries[2].key",
}
for _, method in ipairs { "list", "each", "count", "delete_range" } do
  for _, option in ipairs { "prefix", "start", "start_after", "stop", "['end']" } do
    places["kv:" .. method .. " { " .. option .. " = @ }"] = "options." .. option:match "[%a_]+"
  end
end

describe("self.kv, given what it cannot take", function()
  after_each(hosts.close_all)

  for place, name in pairs(places) do
    it("names the key: " .. place, function()
      local _, actor = open()
      for key, message in pairs(keys) do
        local optional = key == "nil" and (name:match "^options" or name:match "^keys")
        if not optional then
          local result = actor:try((place:gsub("@", function() return key end)))
          assert.is_string(result[2], place .. " of " .. key)
          assert.truthy(result[2]:find(name .. ": " .. message, 1, true), place .. " of " .. key .. ": " .. result[2])
          assert.equal("invalid_key", result.code)
        end
      end
      assert.same({ { key = { "kept" }, value = 1 } }, actor:list())
    end)

    it("takes a key of 2,048 bytes: " .. place, function()
      local _, actor = open()
      assert.is_nil(actor:try((place:gsub("@", "('x'):rep(2046)")))[2])
    end)
  end

  local lines = {
    ["kv:get()"] = "key: nil cannot be a key",
    ["kv:put('a')"] = "value: nil is not a value", ["kv:put('a', nil)"] = "value: nil is not a value",
    ["kv:put('a', print)"] = "value: a function cannot be saved",
    ["kv:put('a', { x = { 1, print } })"] = "value.x[2]: a function cannot be saved",
    ["kv:put('a', { ['a b'] = kv })"] = 'value["a b"]: a userdata cannot be saved',
    ["kv:put('a', coroutine.create(print))"] = "value: a thread cannot be saved",
    ["kv:put('a', setmetatable({}, {}))"] = "value: a table with a metatable cannot be saved",
    ["kv:put('a', 1, { format = 'raw' })"] = 'options.format: "value" or "bytes"',
    ["kv:put('a', 1, { format = 'bytes' })"] = 'value: with format "bytes" a string, not a number',
    ["kv:put('a', 1, 'bytes')"] = "options: a table, not a string",
    ["kv:put('a', 1, { formats = 'bytes' })"] = 'options: unknown option "formats"',
    ["kv:get('a', { limit = 1 })"] = 'options: unknown option "limit"',
    ["kv:get('kept', { format = 'bytes' })"] = 'options.format: "bytes", but the value is a number',
    ["kv:list('users')"] = "options: a table, not a string",
    ["kv:list { 'users' }"] = "options: the name of an option is a string, not a number",
    ["kv:list { after = 1 }"] = 'options: unknown option "after"',
    ["kv:list { format = 1 }"] = 'options.format: "value" or "bytes"',
    ["kv:list { reverse = 1 }"] = "options.reverse: true or false, not a number",
    ["kv:list { reverse = 'yes' }"] = "options.reverse: true or false, not a string",
    ["kv:list { limit = 0 }"] = "options.limit: a positive integer, not 0",
    ["kv:list { limit = -1 }"] = "options.limit: a positive integer, not -1",
    ["kv:list { limit = 1.5 }"] = "options.limit: a positive integer, not 1.5",
    ["kv:list { limit = 0/0 }"] = "options.limit: a positive integer, not",
    ["kv:list { limit = math.huge }"] = "options.limit: a positive integer, not inf",
    ["kv:list { limit = '1' }"] = "options.limit: a positive integer, not a string",
    ["kv:list { limit = math.mininteger }"] = "options.limit: a positive integer, not -9223372036854775808",
    ["kv:list { limit = true }"] = "options.limit: a positive integer, not a boolean",
    ["kv:list { reverse = null }"] = "options.reverse: true or false, not a userdata",
    ["kv:get_batch({ 'kept' }, 'bytes')"] = "options: a table, not a string",
    ["kv:get_batch({ 'kept' }, { format = true })"] = 'options.format: "value" or "bytes"',
    ["kv:put_batch({ { key = 'kept', value = 2 } }, { format = 1 })"] = 'options.format: "value" or "bytes"',
    ["kv:put_batch({ { key = 'kept', value = 2 } }, 1)"] = "options: a table, not a number",
    ["kv:put_batch({ { key = 'kept', value = 2 } }, { limit = 1 })"] = 'options: unknown option "limit"',
    ["kv:list { start = 1, start_after = 1 }"] = "options: start and start_after exclude each other",
    ["kv:list { stop = 1, ['end'] = 1 }"] = "options: stop and end are the same; give one",
    ["kv:delete_all { prefix = 'users' }"] = "delete_all takes no options",
    ["kv:list { ['limit\\0'] = 1 }"] = 'options: unknown option "limit',
    ["kv:list { format = 'bytes\\0' }"] = 'options.format: "value" or "bytes"',
    ["kv:put_batch { { ['key\\0'] = 1, value = 2 } }"] = 'entries[1]: unknown field "key',
    ["kv:list(setmetatable({}, { __index = { prefix = 1 } }))"] = "options: a table, not a table with a metatable",
    ["kv:put(setmetatable({ 1 }, {}), 1)"] = "key: a table with a metatable cannot be part of a key",
    ["kv:put({ 1, setmetatable({ 1 }, {}) }, 1)"] = "key: a table with a metatable cannot be part of a key",
    ["kv:get_batch(setmetatable({ 1 }, {}))"] = "keys: an array of keys, not a table with a metatable",
    ["kv:put_batch { setmetatable({ key = 1, value = 2 }, {}) }"] = "not a table with a metatable",
    ["kv.get('a')"] = "call methods of kv with a colon",
    ["kv.list()"] = "call methods of kv with a colon",
    ["kv.delete_all({})"] = "call methods of kv with a colon",
  }
  for line, message in pairs(lines) do
    it("says so: " .. line, function()
      local _, actor = open()
      local methods = line:match "^kv:list" and { "list", "each", "count", "delete_range" } or { "list" }
      for _, method in ipairs(methods) do
        local result = actor:try((line:gsub("^kv:list", "kv:" .. method)))
        assert.is_string(result[2])
        assert.truthy(result[2]:find(message, 1, true), result[2])
      end
      assert.same({ { key = { "kept" }, value = 1 } }, actor:list())
    end)
  end

  it("ends a call that does not catch the error, which names the line of the script, and undoes the call", function()
    local host, actor = open { errors = true, limits = { value_bytes = 1000 } }
    for code, length in pairs { internal_error = 0, payload_too_large = 1001 } do
      local failure = hosts.failure_of(actor.put_two, actor, length)
      assert.equal(code, failure.code)
      assert.matches("^[%w_/]*store%.lua:%d+: value: ", failure.message)
      assert.same({ { key = { "kept" }, value = 1 } }, host:kv("Store", "s"))
    end
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

  it("takes values up to 16 MiB", function()
    local _, actor = open()
    assert.is_nil(actor:try("kv:put('a', ('x'):rep(16 << 20), { format = 'bytes' })")[2])
    assert.equal(16 << 20, actor:try("#kv:get('a')")[1])
    assert.is_nil(actor:try("kv:put('b', ('x'):rep((16 << 20) - 5))")[2])
    for _, line in ipairs { "kv:put('c', ('x'):rep((16 << 20) + 1), { format = 'bytes' })",
                            "kv:put('c', ('x'):rep(16 << 20))",
                            "kv:put('c', { ('x'):rep(8 << 20), ('x'):rep(8 << 20) })" } do
      local result = actor:try(line)
      assert.equal("payload_too_large", result.code)
      local message = "value: more than 16777216 bytes, the limit of a value (--limit-value-bytes)"
      assert.truthy(result[2]:find(message, 1, true))
    end
    assert.equal(3, actor:try("kv:count()")[1])
  end)

  it("gives nothing where the start is not before the stop", function()
    local _, actor = open()
    for _, options in ipairs { "start = 2, stop = 1", "start = 'kept', stop = 'kept'",
                               "start_after = 'kept', stop = 'kept'",
                               "prefix = 'a', start = 'b'", "prefix = 'z', stop = 'b'" } do
      for _, reverse in ipairs { "true", "false" } do
        local all = ("{ %s, reverse = %s }"):format(options, reverse)
        assert.same({}, actor:try("kv:list" .. all)[1])
        assert.equal(0, actor:try("kv:count" .. all)[1])
        assert.equal(0, actor:try("kv:delete_range" .. all)[1])
        assert.is_nil(actor:try("kv:each(" .. all .. ")()")[1])
      end
    end
    assert.equal(1, actor:try("kv:count()")[1])
  end)
end)
