-- Calls between actors that ask for what cannot be: each has its code, where it is caught and where it is not, and
-- everybody else works on.
local hosts = require "spec.support.hosts"
local nodes = require "spec.support.nodes"

-- What node 1 catches where it runs `text`, as { code, message }; then what its client hears if nobody catches it.
local function tried(all, text)
  local found = all:run("local ok, e = pcall(function() " .. text .. " end) self:mark(nil, 'after') "
                        .. "return type(e) == 'table' and { e.code, e.message } or { false, e }")
  local failure = hosts.failure_of(all.run, all, "self:mark(nil, 'lost') " .. text)
  assert.same({ "after" }, all:node(1):marks())
  all:check_rest()
  return found, failure
end

for workers = 1, 2 do
  describe("With " .. workers .. " workers, a call to another actor", function()
    after_each(hosts.close_all)

    it("names what does not exist, and is the script's mistake if nobody catches it", function()
      local all = nodes.open { workers = workers, errors = true, dev = false }
      for text, expected in pairs {
        ["self:actor('Nobody', 1)"] = { "class_not_found", 'there is no class "Nobody"' },
        ["self:actor('Node', {}):ping()"] = { "invalid_key", "key: an empty tuple cannot be a key" },
        ["self:actor('Node', b):nothing()"] = { "method_not_found", 'the class "Node" has no method "nothing"' },
        ["self:actor('Node', b):_ask()"] = { "method_not_found", 'the class "Node" has no method "_ask"' },
        ["self:actor('Node', b):on_start()"] = { "method_not_found", 'the class "Node" has no method "on_start"' },
        ["self:actor('Node', b):actor()"] = { "method_not_found", 'the class "Node" has no method "actor"' },
        ["self:actor('Node', 'none', { create = false }):ping()"] =
          { "actor_not_found", "Node/none.ping: this actor does not exist" },
      } do
        local found, failure = tried(all, text)
        assert.same(expected, found)
        assert.same({ "internal_error", "the actor failed; the host's log says how" },
                    { failure.code, failure.message })
      end
      assert.is_nil(all.host:kv("Node", "none"))
    end)

    it("with arguments that cannot be copied does not happen", function()
      local all = nodes.open { workers = workers, errors = true, limits = { value_bytes = 1000 } }
      local many = {}
      for i = 1, 201 do many[i] = tostring(i) end
      for arguments, expected in pairs {
        ["print"] = { false, "run:1: arguments[1]: a function cannot be saved or sent" },
        ["1, { a = { self } }"] = { false, "run:1: arguments[2].a[1]: a userdata cannot be saved or sent" },
        ["self.kv"] = { false, "run:1: arguments[1]: a userdata cannot be saved or sent" },
        ["nil, coroutine.create(print)"] = { false, "run:1: arguments[2]: a thread cannot be saved or sent" },
        ["setmetatable({}, { __index = self })"] =
          { false, "run:1: arguments[1]: a table with a metatable cannot be saved" },
        ["('x'):rep(1001)"] = { "payload_too_large",
          "arguments[1]: more than 1000 bytes, the limit of a value (--limit-value-bytes)" },
        [table.concat(many, ",")] = { "invalid_arguments", "201 arguments; a call takes at most 200" },
      } do
        local found = tried(all, ("self:actor('Node', 'none'):ping(%s)"):format(arguments))
        assert.same(expected, found)
      end
      assert.is_nil(all.host:kv("Node", "none"))
    end)

    it("takes 200 arguments, nil among them", function()
      local all = nodes.open { workers = workers }
      assert.equal(198, all:run "return self:_ask(b, 'return select([[#]], ...)', nil, table.unpack({}, 1, 197))")
      local last = "return self:_ask(b, 'return (select(198, ...))', table.unpack({ [198] = 7 }, 1, 198))"
      assert.equal(7, all:run(last))
    end)

    it("whose result cannot be copied, or is too large, fails and is undone", function()
      local all = nodes.open { workers = workers, errors = true, dev = false, limits = { value_bytes = 1000 } }
      local prefix = ("Node/%s.run: "):format(all:key(2))
      for result, expected in pairs {
        ["print"] = { "internal_error", prefix .. "the actor failed; the host's log says how" },
        ["{ a = { self.kv } }"] = { "internal_error", prefix .. "the actor failed; the host's log says how" },
        ["('x'):rep(1000)"] =
          { "payload_too_large", prefix .. "result: more than 1000 bytes, the limit of a value (--limit-value-bytes)" },
      } do
        local found, failure = tried(all, ("self:_ask(b, [[self:mark(nil, 'b') return %s]])"):format(result))
        assert.same(expected, found)
        assert.equal(expected[1], failure.code)
      end
      assert.same({}, all:node(2):marks())
      assert.equal(997, all:run "return #self:_ask(b, [[return ('x'):rep(997)]])")
    end)

    it("to itself is a deadlock, and names it", function()
      local all = nodes.open { workers = workers }
      local a = "Node/" .. all:key(1)
      for _, text in ipairs {
        "return self:_ask(self.key, 'self:mark(nil, [[again]])')",
        "return coroutine.wrap(function() return self:_ask(self.key, 'self:mark(nil, [[again]])') end)()",
        "return self:actor('Node', self.key):ping()",
      } do
        local found, failure = tried(all, text)
        local method = text:match "ping" or "run"
        local expected = ("%s.%s: these calls would wait for one another: %s -> %s"):format(a, method, a, a)
        assert.same({ "deadlock", expected }, found)
        assert.equal("deadlock", failure.code)
        assert.truthy(failure.message:find(expected, 1, true), failure.message)
      end
    end)

    for _, length in ipairs { 2, 3, 10 } do
      it("that closes a circle of " .. length .. " is a deadlock, and names all of them", function()
        local all = nodes.open { workers = workers }
        local keys = {}
        for i = 1, length do keys[i] = all:key(i) end
        local chain = { "Node/" .. keys[length] }          -- from the one whose call is refused back to it
        for i = 1, length do chain[i + 1] = "Node/" .. keys[i] end
        -- Each asks the next one, and the last one the first.
        local go = [[
          local keys, place, catches = ...
          self:mark(nil, "been")
          local following = keys[place + 1] or keys[1]
          if catches and place == #keys then return self:_caught(following, text, keys, place + 1) end
          return self:_ask(following, text, keys, place + 1, catches)
        ]]
        local caught = all:node(1):run(go, keys, 1, true)
        assert.same({ false, "deadlock" }, { caught[1], caught[2] })
        assert.truthy(caught[3]:find(table.concat(chain, " -> "), 1, true), caught[3])
        for i = 1, length do assert.same({ "been" }, all:node(i):marks()) end
        all:check_rest()

        local first = all:node(1)
        local failure = hosts.failure_of(first.run, first, (go:gsub("been", "again")), keys, 1)
        assert.equal("deadlock", failure.code)
        for i = 1, length do assert.same({ "been" }, all:node(i):marks()) end
        all:check_rest()
      end)
    end

    it("that makes the chain too long is refused where it is made", function()
      local all = nodes.open { workers = workers, limits = { call_depth = 5 } }
      local go = [[
        local keys, place = ...
        self:mark(nil, "been")
        if place == #keys then return place end
        return self:_ask(keys[place + 1], text, keys, place + 1)
      ]]
      local keys = {}
      for i = 1, 6 do keys[i] = all:key(i) end
      local five = table.move(keys, 1, 5, 1, {})
      assert.equal(5, all:node(1):run(go, five, 1))
      local first = all:node(1)
      local failure = hosts.failure_of(first.run, first, (go:gsub("been", "again")), keys, 1)
      assert.equal("call_too_deep", failure.code)
      assert.matches("a chain of calls has at most 5 actors %(%-%-limit%-call%-depth%)", failure.message)
      for i = 1, 5 do assert.same({ "been" }, all:node(i):marks()) end
      assert.same({}, all:node(6):marks())
      all:check_rest()
    end)

    it("is one of 100 in a chain, and no more", function()
      local all = nodes.open { workers = workers }
      local go = [[
        local left = ...
        if left == 0 then return 0 end
        return 1 + self:_ask(left, text, left - 1)
      ]]
      local first = all:node(1)
      assert.equal(99, first:run(go, 99))
      assert.equal("call_too_deep", hosts.failure_of(first.run, first, go, 10000).code)
      all:check_rest()
    end)

    it("beyond the limit of those that wait on a worker is refused where it is made", function()
      local all = nodes.open { workers = workers, limits = { waiting_turns = 2 } }
      local keys = {}
      for i = 1, 4 do keys[i] = all:key((i - 1) * workers + 1) end
      local caught = all:node(1):run([[
        local keys, place = ...
        if place == 3 then return self:_caught(keys[4], "self:mark(nil, 'been')") end
        return self:_ask(keys[place + 1], text, keys, place + 1)
      ]], keys, 1)
      assert.same({ false, "overloaded" }, { caught[1], caught[2] })
      assert.matches("2 calls of this worker's actors wait for others already %(%-%-limit%-waiting%-turns%)", caught[3])
      assert.is_nil(all.host:kv("Node", keys[4]))
      all:check_rest()
    end)
  end)
end
