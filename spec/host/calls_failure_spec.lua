-- Calls between actors whose other side fails: what its caller catches, what a client hears that is told of it through
-- several actors, and what is left of either. Everybody else works on.
local hosts = require "spec.support.hosts"
local nodes = require "spec.support.nodes"

-- Lets node 1 mark, ask node 2 for `text` and catch that, and mark again. Then the same without catching it. Node 2 has
-- marked before it fails. Returns what was caught, as { false, code, message }, and what the client heard.
local function tried(all, text)
  local caught = all:run(([=[
    self:mark(nil, "before")
    local caught = self:_caught(b, [[self:mark(nil, "b") %s]])
    self:mark(nil, "after")
    return caught
  ]=]):format(text))
  local failure = hosts.failure_of(all.run, all, ([=[self:mark(nil, "lost") self:_ask(b, [[%s]])]=]):format(text))
  assert.same({ "after", "before" }, all:node(1):marks())
  assert.same({}, all:node(2):marks())
  all:check_rest()
  return caught, failure
end

for workers = 1, 2 do
  describe("With " .. workers .. " workers, a call to another actor", function()
    after_each(hosts.close_all)

    local function named(all, ...)
      local names = ""
      for _, place in ipairs { ... } do names = ("%sNode/%s.run: "):format(names, all:key(place)) end
      return names
    end

    it("that loops is stopped, and its caller goes on", function()
      local all = nodes.open { workers = workers, dev = false, limits = { call_cpu_ms = 100 } }
      local expected = named(all, 2) .. "the call took more than 100 ms of processor time (--limit-call-cpu-ms)"
      for _, text in ipairs { "while true do end", "pcall(function() while true do end end)",
                              "coroutine.wrap(function() while true do end end)()" } do
        local caught, failure = tried(all, text)
        assert.same({ false, "timeout", expected }, caught)
        assert.same({ "timeout", expected }, { failure.code, failure.message })
      end
    end)

    it("that runs out of memory is stopped, and its caller goes on", function()
      local all = nodes.open { workers = workers, dev = false, limits = { call_bytes = 4 * 1024 * 1024 } }
      local caught, failure = tried(all, "local t = {} while true do t[#t + 1] = ('x'):rep(10000) end")
      local expected = named(all, 2)
        .. "the call needed more memory than its limit of 4194304 bytes (--limit-call-bytes)"
      for _, found in ipairs { { caught[2], caught[3] }, { failure.code, failure.message } } do
        assert.equal("out_of_memory", found[1])
        assert.equal(expected, found[2]:sub(1, #expected))
      end
    end)

    it("that fails says no more to others than that; its log tells how", function()
      local all = nodes.open { workers = workers, dev = false, errors = true }
      local expected = named(all, 2) .. "the actor failed; the host's log says how"
      for _, text in ipairs { "error 'secret'", "local t = nil; t.x = 1 -- secret", "error({ 'secret' })", "error()",
                              "error(setmetatable({}, { __tostring = function() return 'secret' end }))" } do
        all.host:log()
        local caught, failure = tried(all, text)
        assert.same({ false, "internal_error", expected }, caught)
        assert.same({ "internal_error", "the actor failed; the host's log says how" },
                    { failure.code, failure.message })
        assert.is_nil(failure.metadata)
        assert.matches("call failed class=Node key=\"\\\"" .. all:key(2), all.host:log())
      end
    end)

    it("whose mailbox is full is refused, and has not happened", function()
      local all = nodes.open { workers = workers, dev = false, limits = { waiting_calls = 3 } }
      all.host:hold(true)
      local saving = all.host:start("Node", all:key(2), "run", "self:mark(nil, 'saved') self:save_state()")
      all.host:run()
      local waiting = {}
      for i = 1, 3 do waiting[i] = all.host:start("Node", all:key(2), "ping") end
      all.host:run()
      local caught = all:start "return self:_caught(b, [[self:mark(nil, 'b')]])"
      all.host:run()
      all.host:hold(false)
      local expected = named(all, 2) .. "3 calls wait for this actor already (--limit-waiting-calls)"
      assert.same({ false, "overloaded", expected }, caught:get())
      saving:get()
      for i = 1, 3 do assert.equal("pong", waiting[i]:get()) end
      assert.same({ "saved" }, all:node(2):marks())
      all:check_rest()
    end)

    it("that is over before it has begun never begins", function()
      local all = nodes.open { workers = workers, dev = false }
      all.host:hold(true)
      local saving = all.host:start("Node", all:key(2), "run", "self:mark(nil, 'saved') self:save_state()")
      all.host:run()
      local asking = all:start [==[
        self:mark(nil, "a")
        pcall(self._ask, self, b, "self:mark(nil, 'b')")
        self:mark(nil, "more")
      ]==]
      all.host:run()
      all.host:advance(59)
      assert.is_false(asking:is_done())
      all.host:advance(1)
      all.host:hold(false)
      local failure = hosts.failure_of(asking.get, asking)
      assert.equal("timeout", failure.code)
      assert.matches("the call took more than 60000 ms in all %(%-%-limit%-call%-wall%-ms%)", failure.message)
      assert.matches("the call had not begun, and will not", failure.message)
      saving:get()
      assert.same({}, all:node(1):marks())
      assert.same({ "saved" }, all:node(2):marks())
      all:check_rest()
    end)

    it("is as before, and says so, where it ends when the time of its caller is over", function()
      local all = nodes.open { workers = workers, dev = false }
      all.host:hold(true)
      local asking = all:start [==[
        local h = self:actor("Node", b, { timeout = 1 })
        local ok, e = pcall(h.run, h, "self:mark(nil, 'b') self:save_state() self:mark(nil, 'more')")
        return { ok, e.code, e.message }
      ]==]
      all.host:run()
      all.host:advance(1)
      assert.is_false(asking:is_done())
      all.host:hold(false)
      local expected = named(all, 2) .. "the time of its caller was over: the call was ended"
      assert.same({ false, "timeout", expected }, asking:get())
      assert.same({ "b" }, all:node(2):marks())
      all:check_rest()
    end)

    it("is stopped with its caller, at any depth, and all of them are as before", function()
      local all = nodes.open { workers = workers, dev = false }
      all.host:hold(true)
      local saving = all.host:start("Node", all:key(4), "run", "self:mark(nil, 'saved') self:save_state()")
      all.host:run()
      all.host:advance(10)
      local asking = all:start [==[
        self:mark(nil, "a")
        pcall(self._ask, self, b, [[
          local c, d = ...
          self:mark(nil, "b")
          self:_caught(c, "local d = ... ; self:mark(nil, 'c') self:_caught(d, [=[self:mark(nil, 'd')]=])", d)
        ]], c, d)
        self:mark(nil, "more")
      ]==]
      all.host:run()
      all.host:advance(59)
      assert.is_false(asking:is_done())
      all.host:advance(1)
      all.host:hold(false)
      assert.equal("timeout", hosts.failure_of(asking.get, asking).code)
      all.host:run()
      saving:get()
      for place = 1, 3 do assert.same({}, all:node(place):marks()) end
      assert.same({ "saved" }, all:node(4):marks())
      all:check_rest()
    end)

    it("keeps the code of the host, and names three of the actors that it came through", function()
      local all = nodes.open { workers = workers, dev = false, limits = { call_cpu_ms = 100 } }
      local go = [[
        local keys, place = ...
        self:mark(nil, "been")
        if place == #keys then while true do end end
        self:_ask(keys[place + 1], text, keys, place + 1)
      ]]
      local keys = {}
      for i = 1, 6 do keys[i] = all:key(i) end
      local first = all:node(1)
      local failure = hosts.failure_of(first.run, first, go, keys, 1)
      assert.equal("timeout", failure.code)
      local expected = named(all, 4, 5, 6) .. "the call took more than 100 ms of processor time"
      assert.equal(expected, failure.message:sub(1, #expected))
      for i = 1, 6 do assert.same({}, all:node(i):marks()) end
      all:check_rest()
    end)

    it("names no more places than actors, for those who know the scripts", function()
      local all = nodes.open { workers = workers, dev = true, limits = { call_cpu_ms = 100 } }
      local first = all:node(1)
      local go = [[
        local left = ...
        if left == 0 then while true do end end
        self:_ask(left, text, left - 1)
      ]]
      local message = hosts.failure_of(first.run, first, go, 90).message
      assert.equal(2, select(2, message:gsub("node%.lua:%d+: ", "")))
      local last = "Node/%[2%]%.run: [^ ]*node.lua:%d+: Node/%[1%]%.run: the call took more than 100 ms of processor"
      assert.matches(last, message)
    end)

    it("raises a UserError as it was made, at any distance", function()
      local all = nodes.open { workers = workers, dev = false }
      local go = [[
        local keys, place, catcher = ...
        local function ask() return self:_ask(keys[place + 1], text, keys, place + 1, catcher) end
        if place == #keys then
          local metadata = { missing = 5, list = array { 1, null }, deep = { { "x" } } }
          error(UserError("not enough", { code = "too_low", metadata = metadata }))
        elseif place == catcher then
          local ok, e = pcall(ask)
          self:mark(nil, "caught")
          return { ok, e.code, e.message, e.metadata, tostring(e), e.place }
        end
        return ask()
      ]]
      local keys, metadata = {}, { missing = 5, list = { 1, require("troupe.test").null }, deep = { { "x" } } }
      for i = 1, 5 do keys[i] = all:key(i) end
      local first = all:node(1)
      local failure = hosts.failure_of(first.run, first, go, keys, 1)
      assert.same({ "too_low", "not enough", metadata }, { failure.code, failure.message, failure.metadata })
      for catcher = 1, 4 do
        assert.same({ false, "too_low", "not enough", metadata, "not enough" }, first:run(go, keys, 1, catcher))
        assert.same({ "caught" }, all:node(catcher):marks())
      end
      all:check_rest()
    end)

    it("cannot pass a code of the host's off as its own, nor hide one", function()
      local all = nodes.open { workers = workers, dev = false, errors = true, limits = { call_cpu_ms = 100 } }
      local prefix = named(all, 2)
      local deadlock = "local _, e = pcall(function() return self:actor('Node', self.key):ping() end) "
      for text, expected in pairs {
        ["error(UserError('x', { code = 'timeout' }))"] = "internal_error",
        ["local e = UserError('x') e.code = 'deadlock' error(e)"] = "user_error",
        ["local e = UserError('x') e.code = 'Bad code' error(e)"] = "user_error",
        ["local e = UserError('x') e.code = {} error(e)"] = "user_error",
        ["error({ code = 'deadlock', message = 'x' })"] = "internal_error",
        [deadlock .. "e.code = 'fine' error(e)"] = "deadlock",
        [deadlock .. "e.hops = -7 error(e)"] = "deadlock",
        [deadlock .. "e.hops = 2^53 error(e)"] = "deadlock",
        [deadlock .. "e.hops = {} error(e)"] = "deadlock",
        [deadlock .. "e.message = {} error(e)"] = "deadlock",
      } do
        local caught, failure = tried(all, text)
        assert.equal(expected, failure.code, text)
        assert.equal(expected ~= "user_error" and expected or nil, caught[2], text)
        if expected ~= "user_error" then assert.equal(prefix, caught[3]:sub(1, #prefix)) end
      end
    end)

    it("that its caller makes with a mistake of its own is not the client's", function()
      local all = nodes.open { workers = workers, dev = false, errors = true }
      for _, text in ipairs { "self:actor('Nobody', 1)", "self:actor('Node', {})", "self:actor('Node', 1):nothing()",
                              "self:actor('Node', 'none', { create = false }):ping()",
                              "self:actor('Node', 1):ping(table.unpack({}, 1, 201))" } do
        local caught, failure = tried(all, text)
        assert.same({ false, "internal_error", named(all, 2) .. "the actor failed; the host's log says how" }, caught)
        assert.equal("internal_error", failure.code)
      end
    end)
  end)
end

describe("A call to an actor whose records are damaged", function()
  after_each(hosts.close_all)

  -- Closes the host, flips a bit behind each such text in its store, and opens it again.
  local function damage(all, data, text, options)
    all.host:close()
    local file <close> = assert(io.open(data .. "/store/data.mdb", "r+b"))
    local content, at, found = file:read "a", 1, 0
    while true do
      local from, to = content:find(text, at, true)
      if not from then break end
      file:seek("set", to - 1)
      file:write(string.char(content:byte(to) ~ 1))
      at, found = to + 1, found + 1
    end
    assert.is_true(found > 0)
    file:close()
    return nodes.open(options)
  end

  for workers = 1, 2 do
    it("is storage_error, which its caller can catch, with " .. workers .. " workers", function()
      local options = { workers = workers, dev = false, errors = true, data = hosts.folder {} .. "/data",
                        class = "function Class:initialize_state() return { note = self.key[1] .. ' its note' } end" }
      local all = nodes.open(options)
      all:run "self:_ask(b, [[self.kv:put('value', 'the value of b')]]) self:_ask(c, 'return 1')"
      all = damage(all, options.data, "the value of b", options)
      local name = ("Node/%s.run: "):format(all:key(2))
      local caught, failure = tried(all, "self.kv:get 'value'")
      assert.same({ false, "storage_error" }, { caught[1], caught[2] })
      assert.equal(name, caught[3]:sub(1, #name))
      assert.equal("storage_error", failure.code)
      assert.is_true(all:run "return self:_ask(b, [[return pcall(self.kv.get, self.kv, 'value') == false]])")

      all:run "self.kv:delete_range { prefix = 'mark' }"
      all = damage(all, options.data, all:key(3) .. " its note", options)
      caught = all:run "return self:_caught(c, 'return 1')"
      assert.same({ false, "storage_error" }, { caught[1], caught[2] })
      assert.equal("storage_error", hosts.failure_of(all.run, all, "return self:_ask(c, 'return 1')").code)
      assert.equal("pong", all:run "return self:actor('Node', d):ping()")
      assert.equal("pong", all:node(2):ping())
    end)
  end
end)
