-- What a hostile script or client tries. The call fails with the right code and within its limits, it leaves nothing
-- behind, in memory or on disk, and a neighbour of the same class and worker does not notice.
local attack = require "spec.support.attack"
local hosts = require "spec.support.hosts"

describe("an attack", function()
  local short, long        -- a host for what has no end, and one for the rest
  local host, victim, neighbour

  setup(function()
    short, long = attack.open { call_cpu_ms = 100 }, attack.open { call_cpu_ms = 20000 }
    host, victim, neighbour = long.host, long.victim, long.neighbour
  end)

  teardown(function()
    short:close()
    long:close()
  end)

  -- The attack fails with this code and words like these.
  local function refused(name, code, words, text)
    it(name .. " is " .. code, function() (code == "timeout" and short or long):refuses(code, words, text) end)
  end

  -- The script goes on, and answers this.
  local function answers(name, expected, text)
    it(name, function() long:answers(expected, text) end)
  end

  describe("on time:", function()
    local loop = "local function loop() while true do end end "
    refused("a loop", "timeout", nil, loop .. "loop()")
    refused("a loop in pcall for ever", "timeout", nil, loop .. "while true do pcall(loop) end")
    refused("a loop in pcall that comes to an end", "timeout", nil, loop .. "for i = 1, 50 do pcall(loop) end return 1")
    refused("a loop in a coroutine that swallows", "timeout", nil,
      loop .. "while true do coroutine.resume(coroutine.create(loop)) end")
    refused("a loop in a wrapped coroutine", "timeout", nil, loop .. "while true do pcall(coroutine.wrap(loop)) end")
    refused("a loop in a handler", "timeout", nil, loop .. "xpcall(loop, loop)")
    refused("a handler of an error that loops", "timeout", nil, loop .. "xpcall(error, loop)")
    refused("a loop in __tostring of the error", "timeout", nil,
      loop .. "error(setmetatable({}, { __tostring = loop }))")
    refused("a loop in __close after the time-out", "timeout", nil,
      loop .. "local x <close> = setmetatable({}, { __close = loop }) loop()")
    refused("a loop in __close of a wrapped coroutine after the time-out", "timeout", nil,
      loop .. "coroutine.wrap(function() local x <close> = setmetatable({}, { __close = loop }) loop() end)()")
    refused("a __close that closes a stopped coroutine whose __close loops", "timeout", nil, loop .. [[
      local co = coroutine.create(function() local y <close> = setmetatable({}, { __close = loop }) loop() end)
      pcall(function()
        local x <close> = setmetatable({}, { __close = function() coroutine.close(co) end })
        coroutine.resume(co)
      end)]])
    refused("a loop in a module", "timeout", nil, "local name = 'lib.endless' require(name)")
    refused("a module that looped before", "timeout", nil, "local name = 'lib.endless' require(name)")
    refused("string.rep of nothing, and then a loop", "timeout", nil, "('').rep('', 1 << 62) while true do end")
    refused("a table that is in a JSON text 2^60 times", "timeout", nil,
      "local t = { 1 } for i = 1, 60 do t = { t, t } end require 'troupe.json'.encode(t)")
    refused("a table that is in cjson's text 2^60 times", "payload_too_large", nil,
      "local t = { ('x'):rep(1000) } for i = 1, 60 do t = { t, t } end require 'cjson'.encode(t)")
    refused("a part that is in many places and has no path", "internal_error", "not in the state", [[
      local self = ...
      local s = self.state
      local p = s.deep
      s.deep = nil
      for i = 1, 20 do s["k" .. i] = s end
      p.f = print]])
  end)

  describe("on memory:", function()
    refused("string.rep", "out_of_memory", nil, "return ('x'):rep(1e9)")
    refused("doubling", "out_of_memory", nil, "local s = 'x' while true do s = s .. s end")
    refused("coroutines", "out_of_memory", nil, "local t = {} for i = 1, 1e6 do t[i] = coroutine.create(print) end")
    refused("out of memory, caught in a loop", "out_of_memory", nil, "while true do pcall(string.rep, 'x', 1e9) end")
    refused("a state of one string in many places", "payload_too_large", "%-%-limit%-commit%-bytes", [[
      local self = ...
      local s, t = ('x'):rep(1e5), {}
      for i = 1, 1e4 do t[i] = s end
      self.state.t = t]])
    local many = "local self = ... local s, t = ('x'):rep(1e5), {} for i = 1, 1e5 do t[i] = s end "
    refused("a kv value of one string in many places", "payload_too_large", "%-%-limit%-value%-bytes",
      many .. "self.kv:put('k', t)")
    refused("a kv key of one string in many places", "internal_error", "%-%-limit%-key%-bytes",
      many .. "self.kv:get(t)")
    refused("a result of one string in many places", "payload_too_large", nil, many .. "return t")
    refused("metadata of one string in many places", "payload_too_large", nil,
      many .. "error(UserError('u', { metadata = t }))")
    refused("a JSON text of one string in many places", "payload_too_large", nil,
      many .. "require 'troupe.json'.encode(t)")
    refused("cjson with one string in many places", "payload_too_large", nil, many .. "require 'cjson'.encode(t)")
    refused("cjson with two billion nulls", "payload_too_large", nil,
      "local c = require 'cjson' c.encode_sparse_array(false, 0) c.encode { [2000000000] = 1 }")
    refused("more puts than a commit takes", "payload_too_large", "%-%-limit%-commit%-bytes",
      "local self = ... for i = 1, 100 do self.kv:put(i, ('x'):rep(1e6)) end")
    answers("puts beyond the limit, caught, put nothing", { 4, 4 }, [[
      local self = ...
      local done = 0
      for i = 1, 100 do if pcall(self.kv.put, self.kv, i, ('x'):rep(1e6)) then done = done + 1 end end
      local there = #self.kv:list()
      for i = 1, 100 do self.kv:delete(i) end
      return { done, there }]])
    refused("a long error", "internal_error", nil, "error(('x'):rep(3e6))")
    it("gets no more from a call that comes after others", function()
      local script = "kept.count = 0 local t = {} for i = 1, 1e9 do t[i] = { i } kept.count = i end"
      local counts = {}
      for i = 1, 6 do
        assert.equal("out_of_memory", hosts.failure_of(victim.attack, victim, script).code)
        counts[i] = victim:run "return kept.count"
      end
      assert.is_true(counts[6] < 1.5 * counts[1], table.concat(counts, " "))
    end)
  end)

  describe("on the C stack:", function()
    refused("recursion", "internal_error", "stack overflow",
      "local function f(...) return 1 + f(...) end return f(table.unpack({}, 1, 200))")
    refused("gsub within gsub", "internal_error", "C stack overflow",
      "local function f() return ('a'):gsub('a', f) end f()")
    refused("a comparator that sorts", "internal_error", "C stack overflow",
      "local function f() table.sort({ 1, 2 }, f) return true end f()")
    refused("a chain of __index", "internal_error", nil,
      "local t = {} for i = 1, 1e4 do t = setmetatable({}, { __index = t }) end return t.x")
    answers("15,000 coroutines that close each other", true, [[
      local co
      for i = 1, 15000 do
        local before = co
        co = coroutine.create(function()
          local x <close> = setmetatable({}, { __close = function() if before then coroutine.close(before) end end })
          coroutine.yield()
        end)
        coroutine.resume(co)
      end
      coroutine.close(co)
      return true]])
    refused("a deep result", "internal_error", "%-%-limit%-depth",
      "local t = {} for i = 1, 1e5 do t = { t } end return t")
    refused("a deep kv value", "internal_error", "%-%-limit%-depth",
      "local t = {} for i = 1, 1e5 do t = { t } end (...).kv:put('k', t)")
    refused("a deep state", "internal_error", "%-%-limit%-depth",
      "local t = {} for i = 1, 1e5 do t = { t } end (...).state.t = t")
    refused("a deep key", "internal_error", "nested",
      "local t = { 1 } for i = 1, 1e5 do t = { t } end (...).kv:put(t, 1)")
    refused("a key in itself", "internal_error", "nested", "local t = { 1 } t[1] = t; (...).kv:put(t, 1)")
    it("a deep chain of parts beside one that is there twice is refused", function()
      local chain = host:actor("Target", "chain")
      chain:run [[
        local state = (...).state
        for i = 1, 100000 do state[i] = {} end
        state.twin, state.list = {}, { a = 1, b = 1, c = 1, d = 1 }]]
      local failure = hosts.failure_of(chain.run, chain, [[
        local state, parts = (...).state, {}
        for i = 1, 100000 do parts[i], state[i] = state[i], nil end
        for i = 1, 99999 do parts[i].next = parts[i + 1] end
        local list = state.list
        list.a, list.b, list.c, list.d = nil, nil, nil, nil
        list[3], list[1], list[2] = parts[1], state.twin, state.twin
        state.twin = nil
        array(list)]])
      assert.equal("internal_error", failure.code)
      assert.matches("%-%-limit%-depth", failure.message)
      assert.equal("pong", neighbour:ping())
      host:crash()
    end)
    refused("too many results to unpack", "internal_error", "too many results", "return table.unpack({}, 1, 1e8)")
  end)

  describe("on errors:", function()
    local bad_key = "local self = ... local _, e = pcall(self.kv.get, self.kv, 0/0) "
    refused("an error of the host with another's code", "internal_error", "key: NaN",
      bad_key .. "e.code = 'storage_error' error(e)")
    refused("an error of the host with timeout's code", "internal_error", "key: NaN",
      bad_key .. "e.code = 'timeout' error(e)")
    refused("a table like an error of the host", "internal_error", nil, "error { code = 'timeout', message = 'm' }")
    refused("a UserError with a code of the host", "internal_error", "is a code of the host",
      "error(UserError('u', { code = 'timeout' }))")
    refused("a UserError that gets a code of the host", "user_error", "^u$",
      "local e = UserError 'u' e.code = 'timeout' error(e)")
    refused("an error without a value", "internal_error", "nil value", "error(nil)")
    refused("a coroutine as an error", "internal_error", "thread", "local co = coroutine.running() error(co)")
    refused("an error whose __tostring yields", "internal_error", nil,
      "error(setmetatable({}, { __tostring = function() coroutine.yield() end }))")
    refused("an error in __close after an error", "internal_error", "first",
      "local x <close> = setmetatable({}, { __close = function() error 'second' end }) error 'first'")
    refused("a state that changes in __close after an error", "internal_error", "first", [[
      local self = ...
      local function change() self.state.n = 100 self.kv:put('x', 1) self.late = 1 end
      local x <close> = setmetatable({}, { __close = change })
      error 'first']])
    refused("a state that changes while the error is described", "internal_error", nil, [[
      local self = ...
      local function change() self.state.n = 100 return "x" end
      error(setmetatable({}, { __index = change, __pairs = change, __len = change, __tostring = change }))]])
    refused("yielding at the top", "internal_error", "attempt to yield from outside a coroutine", "coroutine.yield(1)")
    refused("yielding in __close at the top", "internal_error", "attempt to yield",
      "local x <close> = setmetatable({}, { __close = function() coroutine.yield() end })")
  end)

  describe("on isolation:", function()
    before_each(function()
      neighbour:run [[
        local self = ...
        kept.part, kept.self, kept.kv = self.state.deep, self, self.kv
        kept.co = coroutine.wrap(function() while true do coroutine.yield(self.state.n) end end)]]
    end)

    refused("reading a neighbour's state", "internal_error", "whose turn this is not", "return kept.part.x")
    refused("writing a neighbour's state", "internal_error", "whose turn this is not", "kept.part.x = 1")
    refused("taking over a neighbour's part", "internal_error", "whose turn this is not",
      "(...).state.mine = kept.part")
    refused("taking it over in a table", "internal_error", "whose turn this is not",
      "(...).state.mine = { { kept.part } }")
    refused("taking it over in a kv value", "internal_error", "whose turn this is not",
      "(...).kv:put('k', { kept.part })")
    refused("logging it", "internal_error", "whose turn this is not", "(...).log:info('x', { part = { kept.part } })")
    refused("answering with it", "internal_error", "whose turn this is not", "return { kept.part }")
    refused("counting it", "internal_error", "whose turn this is not", "return #kept.part")
    refused("walking it", "internal_error", "whose turn this is not", "for k in pairs(kept.part) do error(k) end")
    refused("a neighbour's self", "internal_error", "whose turn this is not", "return kept.self.state")
    refused("a neighbour's kv", "internal_error", "whose turn this is not", "return kept.kv:get('x')")
    refused("a neighbour's coroutine", "internal_error", "whose turn this is not", "return kept.co()")
    refused("next of a part on another value", "internal_error", "table expected",
      "local n = pairs((...).state.deep) n(5)")
    refused("next of a part on a userdata", "internal_error", nil, "local n = pairs((...).state.deep) n((...).kv)")
  end)

  describe("on the state:", function()
    refused("a metatable after the write", "internal_error",
      "state%.plain%.t: a table with a metatable cannot be saved",
      "local t = { 1 }; (...).state.plain = { t = t } setmetatable(t, { __index = print })")
    refused("a metatable on a table that is directly in a part", "internal_error",
      "state%.deep%.t: a table with a metatable",
      "local t = { 1 }; (...).state.deep.t = t setmetatable(t, { __index = print })")
    refused("a part moved, and an error", "internal_error", "e$",
      "local s = (...).state s.list[1], s.deep = s.deep, s.list[1] error 'e'")
    refused("table functions on parts, and an error", "internal_error", "e$", [[
      local list = (...).state.list
      table.insert(list, 2, list[1])
      table.remove(list, 1)
      table.sort(list, function(a, b) return a.v > b.v end)
      table.move(list, 1, 2, 3)
      for k in pairs(list) do list[k] = nil end
      error 'e']])
    refused("a state replaced twice, and an error", "internal_error", "e$",
      "local self = ... local old = self.state self.state = { n = 5 } self.state = { old } old.n = 9 error 'e'")
    it("a mark, and an error, leave no mark", function()
      local text = "return require 'troupe.json'.encode((...).state.plain)"
      assert.equal("internal_error", hosts.failure_of(victim.run, victim, "array((...).state.plain) error 'e'").code)
      assert.equal("{}", victim:run(text))
    end)
    refused("one plain table twice", "internal_error", "twice", "local t = {}; (...).state.a = { t, t }")
    refused("the state in itself", "internal_error", "twice", "local s = (...).state s.deep.s = s")
    refused("a key that is a part", "internal_error", "a key of a state", "local s = (...).state s[s] = 1")
    answers("-0.0 is not 0.0", -math.huge, "local self = ... self.state.zero = -0.0 return 1 / self.state.zero")
    answers("nothing of all this was kept", { 0, 3 }, "local s = (...).state return { s.n, #s.list }")
  end)

  describe("by names:", function()
    for _, method in ipairs {
      "", "_private", "initialize_state", "inspect_state", "extend", "__index", "name", "super", "ping\0",
      ("m"):rep(10000),
    } do
      it(("calls no method %q"):format(method:sub(1, 20)), function()
        assert.equal("method_not_found", hosts.failure_of(victim[method], victim).code)
      end)
    end

    for _, class in ipairs { "", "../target", "target", "Target\0", "Target\n", "TARGET", ("T"):rep(10000), "\xff" } do
      it(("finds no class %q"):format(class:sub(1, 20)), function()
        local failure = hosts.failure_of(host:actor(class, "k").ping)
        assert.equal("class_not_found", failure.code)
        assert.is_true(#failure.message < 300)
      end)
    end

    it("tells keys apart that look alike", function()
      local keys = {
        "1", 1, 1.5, -1, true, "a", "A", "../a", "a\0b", "\xff", { "a", "b" }, { { "a", "b" } }, { "a", 1 },
        { "a", "1" },
      }
      for i, key in ipairs(keys) do
        host:actor("Target", key):run("local self, _, i = ... self.state.n = i", i)
      end
      for i, key in ipairs(keys) do assert.equal(i, host:state("Target", key).n) end
      assert.equal(2, host:state("Target", 1.0).n)
    end)
  end)
end)
