-- A record of the store that is damaged on the disk: it is named in the log and never served, and nobody else notices.
local hosts = require "spec.support.hosts"
local spread = require "spec.support.spread"
local troupe = require "troupe.test"

local store = hosts.class("Store", [[
  function Class:initialize_state(input) return { note = input } end
  function Class:note() return self.state.note end
  function Class:fill(_, first, last, of)
    for i = first, last do self.kv:put({ "item", i }, ("value %d of %s"):format(i, of)) end
  end
  function Class:put(_, key, value) self.kv:put(key, value) end
  function Class:run(_, method, ...) return self.kv[method](self.kv, ...) end
  function Class:each(_, options)
    local values = array {}
    for _, value in self.kv:each(options) do values[#values + 1] = value end
    return values
  end
  function Class:caught(_, method, ...)
    self.kv:put("before", 1)
    local ok, failure = pcall(self.kv[method], self.kv, ...)
    return { ok, ok or failure.code }
  end
  function Class:step_again(_, options)
    local next_entry, found = self.kv:each(options), array {}
    for i = 1, 4 do
      local ok, key = pcall(next_entry)
      found[i] = ok and key[2] or key.code
    end
    return found
  end
]])

local bare = hosts.class("Bare", [[
  function Class:put(_, key, value) self.kv:put(key, value) end
  function Class:count() return self.kv:count() end
  function Class:run(_, method, ...) return self.kv[method](self.kv, ...) end
]])

describe("A damaged record", function()
  local data

  before_each(function() data = hosts.folder {} .. "/data" end)
  after_each(hosts.close_all)

  local function open(options)
    options = options or {}
    options.data, options.errors = data, true
    return hosts.open({ ["store.lua"] = store, ["bare.lua"] = bare }, options)
  end

  -- A host that has three actors in its store, made in this order.
  local function filled()
    local host = open()
    for _, name in ipairs { "ann", "bob", "cay" } do
      host:actor("Store", name, { input = "the note of " .. name }):fill(1, 9, name)
    end
    return host
  end

  -- Closes the host, flips a bit in the last byte of each such text in the store's file, or so many bytes behind, and
  -- opens it again.
  local function damage(host, text, options, behind)
    host:close()
    local file <close> = assert(io.open(data .. "/store/data.mdb", "r+b"))
    local content = file:read "a"
    local at, found = 1, 0
    while true do
      local from, to = content:find(text, at, true)
      if not from then break end
      local place = to + (behind or 0)
      file:seek("set", place - 1)
      file:write(string.char(content:byte(place) ~ 1))
      at, found = to + 1, found + 1
    end
    assert.is_true(found > 0)
    file:close()
    return open(options)
  end

  local function assert_damaged(host, name, ...)
    local actor = host:actor("Store", name)
    host:log()
    local failure = hosts.failure_of(actor[...], actor, select(2, ...))
    assert.equal("storage_error", failure.code)
    local log = host:log()
    assert.matches("error a damaged record in the store is not served record=\"actor %d+/%d+, %l", log)
    return log
  end

  local function values(list)
    local found = {}
    for i, entry in ipairs(list) do found[i] = entry.value end
    return found
  end

  for _, pause_ms in ipairs { 0, 10 } do
    it("is not served by any function that comes to it, pausing after " .. pause_ms .. " ms", function()
      local host = damage(filled(), "value 5 of bob", { pause_ms = pause_ms })
      local log = assert_damaged(host, "bob", "run", "get", { "item", 5 })
      assert.is_truthy(log:find([[, kv [\"item\",5]"]], 1, true), log)
      assert_damaged(host, "bob", "run", "get_batch", { { "item", 4 }, { "item", 5 } })
      for _, options in ipairs { {}, { reverse = true }, { prefix = "item" }, { start = { "item", 5 }, limit = 1 } } do
        for _, method in ipairs { "list", "count", "delete_range" } do
          assert_damaged(host, "bob", "run", method, options)
        end
        assert_damaged(host, "bob", "each", options)
      end
      assert_damaged(host, "bob", "run", "delete", { "item", 5 })
      assert_damaged(host, "bob", "run", "delete_batch", { { "item", 4 }, { "item", 5 } })
      local bob = host:actor("Store", "bob")
      assert.equal("value 4 of bob", bob:run("get", { "item", 4 }))
      assert.equal(4, bob:run("count", { stop = { "item", 5 } }))
      assert.equal(4, bob:run("count", { stop = { "item", 5 }, reverse = true }))
      assert.equal(4, bob:run("count", { start_after = { "item", 5 } }))
      assert.equal(4, bob:run("count", { start_after = { "item", 5 }, reverse = true }))
      assert.equal("the note of bob", bob:note())
    end)
  end

  it("is an error that a script may catch, but for a batch of deletes; an iterator stays before it", function()
    local host = damage(filled(), "value 5 of bob")
    local bob = host:actor("Store", "bob")
    for _, method in ipairs { "get", "delete" } do
      assert.same({ false, "storage_error" }, bob:caught(method, { "item", 5 }))
    end
    for _, method in ipairs { "list", "count", "delete_range" } do
      assert.same({ false, "storage_error" }, bob:caught(method))
    end
    assert.same({ 3, 4, "storage_error", "storage_error" }, bob:step_again { start = { "item", 3 } })
    assert.same({ 7, 6, "storage_error", "storage_error" }, bob:step_again { stop = { "item", 8 }, reverse = true })
    assert.equal(1, bob:run("get", "before"))
    bob:run("delete", "before")
    local keys = { { "item", 4 }, { "item", 5 } }
    assert.equal("storage_error", hosts.failure_of(bob.caught, bob, "delete_batch", keys).code)
    assert.is_nil(bob:run("get", "before"))
    assert.equal("value 4 of bob", bob:run("get", { "item", 4 }))
  end)

  for _, text in ipairs { "value 1 of bob", "value 9 of bob", "the note of bob" } do
    it("disturbs none of the actors beside it: " .. text, function()
      local host = damage(filled(), text)
      for _, name in ipairs { "ann", "cay" } do
        local actor = host:actor("Store", name)
        assert.equal("the note of " .. name, actor:note())
        for _, reverse in ipairs { true, false } do
          assert.equal(9, actor:run("count", { reverse = reverse }))
          assert.equal(9, #actor:run("list", { reverse = reverse }))
          assert.equal(9, #actor:each { reverse = reverse })
        end
        assert.equal(9, actor:run("delete_range", {}))
      end
      assert.is_nil(host:log():find(" error "))
    end)
  end

  it("keeps nobody from being made, be it the last of a shard", function()
    local host = damage(filled(), "the note of cay")
    assert.is_nil(host:log():find(" error "))
    local fellow = spread.fellows("Store", "cay", "fellow of cay ")
    local first, second = fellow(), fellow()
    for _, name in ipairs { "ann", "bob", "dan", first, second } do
      local actor = host:actor("Store", name, { input = "the note of " .. name })
      assert.equal("the note of " .. name, actor:note())
      actor:put("own", name)
    end
    assert.matches("error a damaged record in the store is not served", host:log())
    assert_damaged(host, "cay", "note")
    host:crash()
    assert.equal(1, host:actor("Store", first):run "count")
    assert.equal(second, host:actor("Store", second):run("get", "own"))
    assert_damaged(host, "cay", "note")
  end)

  -- Without a state or entries, the record that says who it is is all that stands under an actor's id.
  local function check_ids(name, where)
    local host = open()
    host:actor("Bare", name):count()
    local fellow = spread.fellows("Bare", name, "fellow ")
    local shard = troupe.worker_of("Bare", name, 1024) - 1
    local head = "r" .. string.pack(">I8", shard << 48 | 1) .. "m"
    host = damage(host, where == "value" and "key" .. string.char(0xa1 + #name + 1) .. "\1" .. name or head, nil,
      where == "value" and 0 or -8)
    local old, new = host:actor("Bare", name), host:actor("Bare", fellow())
    new:put("whose", "the new one's")
    host:checkpoint()
    local ok, count = pcall(old.count, old)
    assert.equal(ok and 0 or "storage_error", ok and count or count.code)
    assert.equal("the new one's", new:run("get", "whose"))
    assert.matches("error a damaged record in the store is not served", host:log())
  end

  it("that is all that an actor has, the last of its shard, gives nobody else its id", function()
    check_ids("cay", "value")
  end)

  it("whose own key is damaged, so that it stands in another shard, gives nobody else its id", function()
    local is_tried, number = {}, 0
    while not (is_tried[0] and is_tried[1]) do       -- the flipped bit makes the shard a greater one, and a smaller one
      number = number + 1
      local name = "name " .. number
      local odd = troupe.worker_of("Bare", name, 1024) % 2
      if not is_tried[odd] then
        check_ids(name, "key")
        hosts.close_all()
        data = hosts.folder {} .. "/data"
      end
      is_tried[odd] = true
    end
  end)

  it("is healed by what takes its place, in a list too, before and after a checkpoint", function()
    local host = damage(filled(), "value 5 of bob")
    local bob = host:actor("Store", "bob")
    bob:put({ "item", 5 }, "anew")
    for _ = 1, 2 do
      assert.equal("anew", bob:run("get", { "item", 5 }))
      for _, reverse in ipairs { true, false } do
        assert.equal(9, bob:run("count", { reverse = reverse }))
        assert.equal("anew", bob:each { reverse = reverse }[5])
      end
      host:checkpoint()
    end
    host:log()
    assert.equal(9, bob:run "count")
    assert.is_nil(host:log():find(" error "))
  end)

  it("goes with all that is deleted, before and after a checkpoint", function()
    local host = damage(filled(), "value 5 of bob")
    local bob = host:actor("Store", "bob")
    bob:run "delete_all"
    bob:fill(4, 6, "new")
    for _ = 1, 2 do
      assert.same({ "value 4 of new", "value 5 of new", "value 6 of new" }, values(bob:run("list", {})))
      assert.equal(3, bob:run("count", { reverse = true }))
      host:checkpoint()
    end
    bob:run "delete_all"
    host:checkpoint()
    assert.equal(0, bob:run "count")
    host:crash()
    assert.equal(0, bob:run "count")
    assert.equal("value 5 of ann", host:actor("Store", "ann"):run("get", { "item", 5 }))
  end)

  -- Keys of 700 bytes stand behind a pointer; the last of its eight bytes is damaged.
  local function damage_pointer()
    local host = filled()
    local bob = host:actor("Store", "bob")
    for i = 1, 3 do bob:put({ ("l"):rep(700), i }, i) end
    bob:put("z", "behind them")
    return damage(host, ("l"):rep(490) .. "\0", nil, 12)
  end

  it("that leads to long keys is not followed, and nobody beside it is disturbed", function()
    local host = damage_pointer()
    for _, method in ipairs { "list", "count", "delete_range" } do
      assert_damaged(host, "bob", "run", method, {})
      assert_damaged(host, "bob", "run", method, { reverse = true })
    end
    assert_damaged(host, "bob", "run", "get", { ("l"):rep(700), 2 })
    assert_damaged(host, "bob", "run", "delete", { ("l"):rep(700), 2 })
    host:log()
    local bob = host:actor("Store", "bob")
    assert.equal(9, bob:run("count", { prefix = "item" }))
    assert.equal(1, bob:run("count", { start = "z", reverse = true }))
    for _, name in ipairs { "ann", "cay" } do
      local actor = host:actor("Store", name)
      assert.equal("the note of " .. name, actor:note())
      assert.equal(9, actor:run("count", { reverse = true }))
    end
    assert.is_nil(host:log():find(" error "))
  end)

  it("that leads to long keys takes no new ones, so that checkpoints go on for all", function()
    local host = damage_pointer()
    local entries = { { key = "first", value = 1 }, { key = { ("l"):rep(700), 9 }, value = 1 } }
    assert_damaged(host, "bob", "put", { ("l"):rep(700), 9 }, 1)
    assert_damaged(host, "bob", "run", "put_batch", entries)
    local bob = host:actor("Store", "bob")
    assert.is_nil(bob:run("get", "first"))
    bob:put({ ("m"):rep(700), 9 }, "another")
    host:actor("Store", "ann"):put("more", 1)
    host:log()
    host:checkpoint()
    assert.matches("checkpoint done", host:log())
    assert.equal("another", bob:run("get", { ("m"):rep(700), 9 }))
  end)

  it("that leads to long keys goes with all that is deleted, before and after a checkpoint", function()
    local host = damage_pointer()
    local bob = host:actor("Store", "bob")
    bob:run "delete_all"
    for _ = 1, 2 do
      assert.equal(0, bob:run "count")
      bob:put({ ("l"):rep(700), 2 }, "new")
      bob:run("delete", { ("l"):rep(700), 2 })
      host:log()
      host:checkpoint()
      assert.matches("checkpoint done", host:log())
    end
    bob:put({ ("l"):rep(700), 2 }, "new")
    host:crash()
    host:reopen()
    host:checkpoint()
    assert.same({ "new" }, values(bob:run("list", {})))
  end)
end)
