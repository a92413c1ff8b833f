-- Actors that are older than their class: it has got a state since then, or lost it, or has a higher version.
local files = require "spec.support.files"
local hosts = require "spec.support.hosts"
local records = require "spec.support.records"

local get = "function Class:get() return self.state end "
local count = "function Class:count() return self.kv:count() end "
local put = "function Class:put(_, key, value) self.kv:put(key, value); return self.kv:count() end "

local function class(body)
  return hosts.class("Old", count .. put .. body)
end

local initialized = class(get .. "function Class:initialize_state(input) return { n = 1, input = input } end")

-- A host, and what puts another class in place of the last.
local function open(body)
  local host = hosts.open({ ["old.lua"] = body }, { errors = true })
  return host, function(new)
    files.write(host.folder .. "/old.lua", new)
    host:reload()
  end
end

describe("An actor of a class that had no state", function()
  after_each(hosts.close_all)

  it("gets one from initialize_state, without input, in the commit of the call that loads it", function()
    local host, change = open(class "")
    local actor = host:actor("Old", "o", { input = "given" })
    assert.equal(1, actor:put("a", 1))
    change(initialized)
    assert.same({ n = 1 }, actor:get())
    host:crash()
    change(class(get .. "function Class:initialize_state() error 'made twice' end"))
    assert.same({ n = 1 }, actor:get())
    assert.equal(1, actor:count())
  end)

  it("gets none from a call that fails, and one where an operator looks at it or its entries", function()
    local host, change = open(class "")
    local actor = host:actor("Old", "o")
    actor:put("a", 1)
    change(class(get .. [[
      function Class:initialize_state() return { n = self.kv:get "a" } end
      function Class:fail() error "not today" end]]))
    assert.matches("not today", hosts.failure_of(actor.fail, actor).message)
    change(initialized)
    assert.same({ n = 1 }, host:inspect("Old", "o"))
    host:crash()
    change(class(get .. "function Class:initialize_state() return { n = 2 } end"))
    assert.same({ n = 1 }, host:state("Old", "o"))
    host:actor("Old", "other"):put("b", 2)
    assert.equal(1, #host:kv("Old", "other"))
  end)

  it("has one from then on like any other, through sleeps and crashes", function()
    local host, change = open(class "")
    local actor = host:actor("Old", "o")
    actor:put("a", 1)
    change(class [[
      function Class:initialize_state() return { list = {}, deep = { text = ("x"):rep(400) } } end
      function Class:add()
        table.insert(self.state.list, { text = ("y"):rep(100) })
        self:save_state()
        self.state.deep.n = #self.state.list
        return self.state.deep.n
      end]])
    for i = 1, 6 do
      assert.equal(i, actor:add())
      if i % 2 == 0 then host:sleep("Old", "o") else host:crash() end
    end
  end)

  it("finds its state again when its class had lost it meanwhile", function()
    local host, change = open(initialized)
    local actor = host:actor("Old", "o", { input = "given" })
    assert.same({ n = 1, input = "given" }, actor:get())
    change(class(get))
    assert.matches("this actor has no state", hosts.failure_of(actor.get, actor).message)
    assert.equal(1, actor:put("a", 1))
    assert.is_nil(host:inspect("Old", "o"))
    change(initialized)
    assert.same({ n = 1, input = "given" }, actor:get())
  end)

  it("that gets a version as well is initialized first, and then migrated", function()
    local host, change = open(class "")
    local actor = host:actor("Old", "o")
    actor:put("total", 7)
    local with_both = class(get .. [[
      Class.state_version = 2
      function Class:initialize_state() return { seen = 0, total = 0 } end
      function Class:migrate_state(state, from)
        state.seen, state.total = state.seen + 1, self.kv:get "total" or state.total
        state.from = from
        self.kv:delete "total"
      end]])
    change(with_both)
    assert.same({ seen = 1, total = 7, from = 1 }, actor:get())
    host:crash()
    assert.same({ seen = 1, total = 7, from = 1 }, actor:get())
    assert.same({ seen = 0, total = 0 }, host:actor("Old", "new"):get(), "a new one is of that version already")
    host:crash()
    assert.same({ seen = 0, total = 0 }, host:actor("Old", "new"):get())
  end)
end)

describe("migrate_state of a class without a state", function()
  after_each(hosts.close_all)

  local function version(number, body)
    return class(("Class.state_version = %d function Class:migrate_state(state, from) %s end"):format(number, body))
  end

  it("brings the kv up, once", function()
    local host, change = open(class "")
    local actor = host:actor("Old", "o")
    actor:put("a", 1)
    change(version(3, [[
      self.kv:put("from", from)
      self.kv:put("seen", { (self.kv:get "seen" or { 0 })[1] + 1, state == nil })]]))
    assert.equal(3, actor:count())
    host:crash()
    assert.equal(3, actor:count())
    assert.same({ { 1 }, { 1, true } }, { { host:kv("Old", "o")[2].value }, host:kv("Old", "o")[3].value })
    change(version(4, "self.kv:put('from', from)"))
    assert.equal(3, #host:kv("Old", "o"))
    host:crash()
    change(version(4, "error 'twice'"))
    assert.equal(3, host:kv("Old", "o")[2].value)
  end)

  it("leaves nothing where it fails, and runs again", function()
    local host, change = open(class "")
    local actor = host:actor("Old", "o")
    actor:put("a", 1)
    change(version(2, "self.kv:put('half', 1) error 'not today'"))
    assert.matches("not today", hosts.failure_of(actor.count, actor).message)
    change(version(2, "self.kv:put('whole', from)"))
    assert.equal(2, actor:count())
    assert.same({ "whole" }, host:kv("Old", "o")[2].key)
  end)

  it("does not run for an actor that is new, whose version is the class's", function()
    local host, change = open(version(3, "error 'it is new'"))
    local actor = host:actor("Old", "o")
    assert.equal(1, actor:put("a", 1))
    assert.equal(records.HOST + records.ACTOR + records.STATE_VERSION + records.KV_ENTRY, host:entries())
    host:crash()
    assert.equal(1, actor:count())
    change(version(4, "self.kv:put('from', from)"))
    assert.equal(2, actor:count())
    assert.equal(3, host:kv("Old", "o")[2].value)
  end)

  it("is not asked to go back, nor may it make a state", function()
    local host, change = open(version(3, ""))
    local actor = host:actor("Old", "o")
    actor:put("a", 1)
    change(class "")
    assert.matches("is of version 3; its class is of version 1", hosts.failure_of(actor.count, actor).message)
    change(version(4, "return {}"))
    assert.matches("has no initialize_state", hosts.failure_of(actor.count, actor).message)
    change(version(3, ""))
    assert.equal(1, actor:count())
  end)
end)
