-- self.state is a plain table to the eye, saved by what changed.
local files = require "spec.support.files"
local hosts = require "spec.support.hosts"
local troupe = require "troupe.test"
local program = require "spec.support.program_of_tables"
local records = require "spec.support.records"

local sources = {
  ["tree.lua"] = hosts.class("Tree", [[
    local program = require "lib.program"
    function Class:initialize_state() return {} end
    function Class:empty() self.state = {} end
    function Class:run(_, seed, count, fail, first)
      local seen = ""
      if first then
        seen = program.run(self, first, count) .. "; saved; "
        self:save_state()
      end
      seen = seen .. program.run(self, seed, count)
      if fail then error(UserError("on purpose")) end
      return seen
    end
  ]]),
  ["lib/program.lua"] = files.read "spec/support/program_of_tables.lua",
}

local function copy(value)
  if type(value) ~= "table" then return value end
  local made = {}
  for key, inner in pairs(value) do made[copy(key)] = copy(inner) end
  return made
end

-- A class with one method `run`, whose body is given.
local function try(body, ...)
  local host = hosts.open({
    ["t.lua"] = hosts.class("T",
      "function Class:initialize_state() return { list = { 1, 2, 3 }, deep = { a = { b = 1 } } } end\n" ..
      "function Class:run(_, ...) " .. body .. " end"),
  }, { errors = true })
  return host, host:actor("T", "t"), ...
end

local function message_of(body)
  local _, actor = try(body)
  local failure = hosts.failure_of(actor.run, actor)
  assert.equal("internal_error", failure.code)
  return failure.message
end

describe("self.state", function()
  after_each(hosts.close_all)

  it("is like a plain table, through random programs, errors, sleeps and crashes", function()
    local seed = tonumber(os.getenv "TROUPE_SEED") or 1
    local rounds = tonumber(os.getenv "TROUPE_ROUNDS") or 150
    local random = math.random
    math.randomseed(seed)
    local host = hosts.open(sources)
    local tree, model = host:actor("Tree", "t"), { state = {} }
    for round = 1, rounds do
      local where = ("seed %d, round %d"):format(seed, round)
      local step, count, fail = random(1, 2 ^ 30), random(1, 30), random(4) == 1
      local first = random(5) == 1 and random(1, 2 ^ 30) or nil
      local expected = ""
      if first then expected = program.run(model, first, count) .. "; saved; " end
      local tried = { state = copy(model.state) }
      expected = expected .. program.run(tried, step, count)
      local ok, seen = pcall(tree.run, tree, step, count, fail, first)
      assert.equal(not fail, ok, where .. ": " .. tostring(seen))
      if ok then
        assert.equal(expected, seen, where)
        model = tried
      end
      if random(5) == 1 then host:sleep("Tree", "t") end
      if random(5) == 1 then host:crash() end
      assert.equal(program.describe(model.state), program.describe(host:state("Tree", "t") or {}), where)
    end
    host:actor("Tree", "new"):empty()
    tree:empty()
    assert.equal(records.HOST + 2 * (records.ACTOR + records.STATE), host:entries())
  end)

  it("keeps arrays, objects, integers and floats what they are, empty ones too", function()
    local host, actor = try [[
      local json = require "troupe.json"
      self.state.marked, self.state.object = array {}, {}
      self.state.numbers = array { 1, 1.0, math.maxinteger, 0.1 + 0.2, -0.0 }
      self.state.emptied = array { 1 }
      self.state.emptied[1] = nil
      self.state.nothing = null
      return json.encode(self.state.marked) .. json.encode(self.state.object)
    ]]
    assert.equal("[]{}", actor:run())
    host:crash()
    local json_actor = host:inspect("T", "t")
    assert.equal("[]", require("cjson").encode(json_actor.marked) == "{}" and "[]")
    local numbers = host:state("T", "t").numbers
    for i, kind in ipairs { "integer", "float", "integer", "float", "float" } do
      assert.equal(kind, math.type(numbers[i]))
    end
    assert.equal(troupe.null, host:state("T", "t").nothing)
  end)

  it("stays the very table that was stored until the call ends, and is a copy then", function()
    local host, actor = try [[
      kept = kept or { n = 1 }
      self.state.mine = kept
      kept.n = kept.n + 1
      self.state.mine.m = true
      return rawequal(kept, self.state.mine) and kept.m
    ]]
    assert.is_true(actor:run())
    assert.same({ n = 2, m = true }, host:state("T", "t").mine)
    assert.is_true(host:actor("T", "other"):run())
    assert.equal(2, host:state("T", "t").mine.n)
    assert.equal(3, host:state("T", "other").mine.n)
  end)

  it("names the path of what cannot be saved", function()
    assert.matches("state%.deep%.a%.cb: a function cannot be saved", message_of "self.state.deep.a.cb = print")
    assert.matches("state%.new%.list%[2%]%.f: a function cannot be saved",
                   message_of "self.state.new = { list = { 1, { f = print } } }")
    assert.matches('state%.list%["odd key"%]: a thread cannot be saved',
                   message_of "self.state.list['odd key'] = coroutine.create(print)")
    assert.matches("state%.x: a table with a metatable", message_of "self.state.x = setmetatable({}, {})")
    assert.matches("state%.x%.y: a table with a metatable", message_of "self.state.x = { y = setmetatable({}, {}) }")
    assert.matches("state%.x: NaN", message_of "self.state.x = 0 / 0")
    assert.matches("state%.x: an infinite", message_of "self.state.x = 1 / 0")
    assert.matches("string or a number", message_of "self.state[true] = 1")
    assert.matches("state%.me: a userdata", message_of "self.state.me = self")
    assert.matches("a state is a table", message_of "self.state = 5")
    assert.matches("^state%.list: a table marked as a sequence",
                   message_of "self.state.list = array { 1 }; self.state.list.x = 1")
    assert.matches("^state%.deep%.a%[1%]%.y: a table marked as a sequence",
                   message_of "self.state.deep.a = { { y = array {} } }; self.state.deep.a[1].y.x = 1")
  end)

  it("refuses one table in two places, naming both", function()
    local message = message_of "self.state.again = self.state.deep"
    assert.matches("twice", message)
    assert.truthy(message:find("state.again", 1, true) and message:find("state.deep", 1, true))
    assert.matches("twice", message_of "local t = {}; self.state.x, self.state.y = t, t")
    assert.matches("twice", message_of "self.state.deep.a.up = self.state.deep")
    assert.matches("twice", message_of "local t = {}; t.t = t; self.state.x = t")
    assert.matches("twice", message_of "self.state.deep.root = self.state")
    assert.matches("deep", message_of "local t = {}; self.state.x = t; for i = 1, 200 do t.t = {}; t = t.t end")
  end)

  it("keeps tables under names that are too long for a record of their own", function()
    local name = ('("n"):rep(2000)')
    local host, actor = try(([[
      local name = %s
      self.state[name] = self.state[name] or { parts = {} }
      local parts = self.state[name].parts
      for i = 1, 20 do parts[#parts + 1] = { i, "some text" } end
      return #parts
    ]]):format(name))
    assert.equal(20, actor:run())
    assert.equal(40, actor:run())
    host:crash()
    assert.equal(60, actor:run())
    assert.equal(60, #host:state("T", "t")[("n"):rep(2000)].parts)
  end)

  it("is refused when moves make it too deep, one level a call", function()
    local host, actor = try "self.state = { inner = self.state }"
    local failure
    for _ = 1, 200 do
      local ok, message = pcall(actor.run, actor)
      if not ok then failure = message break end
    end
    assert.matches("nested too deep", failure.message)
    assert.equal("internal_error", failure.code)
    host:crash()
    assert.matches("nested too deep", hosts.failure_of(actor.run, actor).message)
  end)

  it("tells of a table that is twice in a ring of moved ones", function()
    local message = message_of [[
      local s = self.state
      s.x, s.y = {}, {}
      s.x.y, s.y.x = s.y, s.x
    ]]
    assert.matches("twice", message)
  end)

  it("knows where a part is after a call that moved it and failed when it was to be saved", function()
    local host = hosts.open({ ["t.lua"] = hosts.class("T", [[
      function Class:initialize_state() return { a = { n = 0, text = ("x"):rep(400) } } end
      function Class:move_and_fail()
        local s = self.state
        s.b, s.a = s.a, nil
        s.long = ("x"):rep(5000)
      end
      function Class:bump() self.state.a.n = self.state.a.n + 1 end]]) }, { limits = { commit_bytes = 4000 } })
    local actor = host:actor("T", "t")
    actor:bump()
    assert.equal("payload_too_large", hosts.failure_of(actor.move_and_fail, actor).code)
    actor:bump()
    host:crash()
    assert.equal(2, host:state("T", "t").a.n)
  end)

  it("moves a table that has become small back into its parent's record", function()
    local host, actor = try [[
      if not self.state.big then
        self.state.big = {}
        for i = 1, 50 do self.state.big[i] = "some text " .. i end
      else
        for i = 2, 50 do self.state.big[i] = nil end
      end]]
    actor:run()
    assert.is_true(host:entries() > 50)
    actor:run()
    assert.equal(records.HOST + records.ACTOR + records.DIVIDED_STATE + 3 * records.FIELD, host:entries())
    host:crash()
    assert.same({ "some text 1" }, host:state("T", "t").big)
  end)

  it("takes a part back that was away and was changed meanwhile", function()
    local host, actor = try [[
      step = (step or 0) + 1
      local s = self.state
      if step == 2 then away, s.deep = s.deep, nil end
      if step == 3 then away.b, away.a = away.a, nil; away.c = { d = { 1 } } end
      if step == 4 then away.e, away.c = away.c, nil; s.back = away end
      if step == 5 then s.back.b.b = 2 end]]
    for _ = 1, 5 do actor:run() end
    host:crash()
    assert.same({ b = { b = 2 }, e = { d = { 1 } } }, host:state("T", "t").back)
  end)

  it("takes its old root back, whatever other actors did meanwhile", function()
    local host = hosts.open { ["swap.lua"] = hosts.class("Swap", [[
      function Class:initialize_state(name) return { name = name, n = 0 } end
      function Class:replace() self.old = self.state; self.state = { fresh = true } end
      function Class:put_below() self.state.below = self.old end
      function Class:put_back() self.state = self.old end
      function Class:add(_, key)
        self.kv:count()
        local state = self.state
        state.n = (state.n or 0) + 1
        self.kv:put(key, 1)
        self.kv:count()
        self.state.n = self.state.n + 1
      end
    ]]) }
    local function others()
      local pending = {}
      for number = 1, 20 do pending[number] = host:start("Swap", number, "add", "k") end
      for number = 1, 20 do pending[number]:get() end
    end
    local actor = host:actor("Swap", "s", { input = "first" })
    actor:add("k")
    actor:replace()
    others()
    assert.same({ fresh = true }, host:state("Swap", "s"))
    actor:put_below()
    others()
    local both = { fresh = true, below = { name = "first", n = 2 } }
    assert.same(both, host:state("Swap", "s"))
    host:sleep("Swap", "s")
    assert.same(both, host:state("Swap", "s"))
    actor:replace()
    others()
    actor:put_back()
    others()
    assert.same(both, host:state("Swap", "s"))
    host:crash()
    assert.same(both, host:state("Swap", "s"))
    for number = 1, 20 do assert.equal(8, host:state("Swap", number).n) end
  end)

  it("is dead outside the turns of its actor", function()
    local host, actor = try [[
      calls = (calls or 0) + 1
      if calls == 2 then shared = self.state.deep end
      return shared and shared.a.b
    ]]
    assert.is_nil(actor:run())
    assert.equal(1, actor:run())
    assert.equal(1, actor:run())
    local other = host:actor("T", "other")
    assert.matches("belongs to an actor whose turn this is not", hosts.failure_of(other.run, other).message)
    host:sleep("T", "t")
    assert.matches("belongs to an actor whose turn this is not", hosts.failure_of(actor.run, actor).message)
  end)

  it("is not there for a class without initialize_state", function()
    local host = hosts.open({
      ["bare.lua"] = hosts.class("Bare",
        "function Class:read() return self.state end function Class:ok() return 1 end"),
    }, { errors = true })
    local actor = host:actor("Bare", "b")
    assert.equal(1, actor:ok())
    assert.matches("has no initialize_state", hosts.failure_of(actor.read, actor).message)
  end)

  it("works with cjson, and table functions", function()
    local _, actor = try [[
      local cjson = require "cjson"
      local t = self.state
      table.insert(t.list, 4)
      local sum = 0
      for _, v in ipairs(t.list) do sum = sum + v end
      t.list[1], t.list[2] = t.list[2], t.list[1]
      table.sort(t.list, function(a, b) return a > b end)
      assert(t.deep == self.state.deep and type(t.deep) == "table" and next(t.deep) == "a")
      assert(cjson.decode(cjson.encode({ t }))[1].deep.a.b == 1)
      return { sum, table.concat(t.list, ","), #t.list, select("#", table.unpack(t.list)), tostring(t.list) }
    ]]
    assert.same({ 10, "4,3,2,1", 4, 4, "table" }, actor:run())
  end)
end)
