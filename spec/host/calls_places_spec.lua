-- From where an actor can call another: hooks, metamethods, functions that C calls; and what such calls leave where
-- they fail.
local hosts = require "spec.support.hosts"
local nodes = require "spec.support.nodes"

local can = {
  ["__index called by Lua"] = "local t = setmetatable({}, { __index = function() return ask() end }) return t.x",
  ["__newindex called by Lua"] = [[
    local got
    local t = setmetatable({}, { __newindex = function() got = ask() end })
    t.x = 1
    return got]],
  ["__call"] = "return setmetatable({}, { __call = function() return ask() end })()",
  ["__add"] = "return setmetatable({}, { __add = function() return ask() end }) + 1",
  ["__concat"] = "return setmetatable({}, { __concat = function() return ask() end }) .. ''",
  ["__lt called by Lua"] = [[
    local got
    local m = { __lt = function() got = ask() return true end }
    return setmetatable({}, m) < setmetatable({}, m) and got]],
  ["__eq"] = [[
    local got
    local m = { __eq = function() got = ask() return true end }
    return setmetatable({}, m) == setmetatable({}, m) and got]],
  ["__close"] = [[
    local got
    do local _ <close> = setmetatable({}, { __close = function() got = ask() end }) end
    return got]],
  ["__pairs"] = [[
    local got
    for _ in pairs(setmetatable({}, { __pairs = function() got = ask() return next, {} end })) do end
    return got]],
  ["an iterator"] = "for got in ask do return got end",
  ["pcall"] = "return select(2, pcall(ask))",
  ["xpcall"] = "return select(2, xpcall(ask, print))",
  ["dofile-like load"] = "return load('return (...)()')(ask)",
  ["a coroutine"] = "return coroutine.wrap(function() return coroutine.wrap(ask)() end)()",
}

local cannot = {
  ["table.sort"] = "table.sort({ 2, 1 }, function(x, y) ask() return x < y end)",
  ["__lt called by table.sort"] = [[
    local m = { __lt = function() ask() return true end }
    table.sort { setmetatable({}, m), setmetatable({}, m) }]],
  ["string.gsub"] = "return (('x'):gsub('x', function() ask() end))",
  ["__index called by string.gsub"] = [[
    local t = setmetatable({}, { __index = function() return ask() end })
    return (('x'):gsub('x', t))]],
  ["__index called by table.unpack"] = [[
    return table.unpack(setmetatable({}, { __index = function() return ask() end }), 1, 1)]],
  ["__index called by table.concat"] = [[
    return table.concat(setmetatable({}, { __index = function() return ask() end }), "", 1, 1)]],
  ["__index called by ipairs"] = [[
    for _, got in ipairs(setmetatable({}, { __index = function() return ask() end })) do return got end]],
  ["__len called by table.insert"] = "table.insert(setmetatable({}, { __len = function() ask() return 0 end }), 1)",
  ["__tostring"] = "return tostring(setmetatable({}, { __tostring = function() return ask() end }))",
  ["a coroutine within table.sort"] = [[
    table.sort({ 2, 1 }, function(x, y) coroutine.wrap(ask)() return x < y end)]],
}

for workers = 1, 2 do
  describe("With " .. workers .. " workers, a call to another actor", function()
    after_each(hosts.close_all)

    it("waits in what Lua itself calls", function()
      local all = nodes.open { workers = workers }
      for name, text in pairs(can) do
        local result = all:run("local function ask() return self:_ask(b, 'return [[asked]]') end " .. text)
        assert.equal("asked", result, name)
      end
      all:check_rest()
    end)

    it("is refused in what C calls, and has not happened", function()
      local all = nodes.open { workers = workers, errors = true }
      for name, text in pairs(cannot) do
        local whole = "local function ask() return self:_ask(b, 'self:mark(nil, [[b]])') end " .. text
        local failure = hosts.failure_of(all.run, all, "self:mark(nil, 'a')" .. whole)
        assert.equal("internal_error", failure.code, name)
        local refusal = "run: a call cannot wait within a sort or a gsub, nor in a metamethod"
        assert.matches(refusal, failure.message, nil, nil, name)
        local caught = all:run("return select(2, pcall(function() " .. whole .. " end))")
        assert.matches(refusal, caught, nil, nil, name)
      end
      assert.same({}, all:node(1):marks())
      assert.same({}, all:node(2):marks())
      all:check_rest()
    end)

    -- A class with a hook of this first line and body.
    local function hooked(hook, body)
      return { ["hooked.lua"] = hosts.class("Hooked", ([[
        function Class:initialize_state() return { made = true } end
        function Class:%s
          self.kv:put("hooked", true)
          %s
        end
        function Class:get() return { self.state.made, self.state.got } end
        function Class:nothing() end
        Class.state_version = 2]]):format(hook, body)) }
    end

    -- The hook, its first line, and how it keeps what the other node answers.
    local HOOKS = {
      { "initialize_state", "initialize_state()", "return { made = true, got = %s }" },
      { "on_start", "on_start()", "self.state.got = %s" },
      { "on_before_connect", "on_before_connect()", "self.state.got = %s" },
    }

    for _, hook in ipairs(HOOKS) do
      it("is made in " .. hook[1], function()
        local ask = "self:actor('Node', 'other'):run('self:mark(nil, [[asked]]) return [[asked]]')"
        local all = nodes.open { workers = workers, files = hooked(hook[2], hook[3]:format(ask)) }
        for i = 1, 4 do assert.same({ true, "asked" }, all.host:actor("Hooked", i):get()) end
        assert.same({ "asked" }, all.host:actor("Node", "other"):marks())
        all.host:crash()
        for i = 1, 4 do assert.same({ true, "asked" }, all.host:actor("Hooked", i):get()) end
        all:check_rest()
      end)

      it("that fails in " .. hook[1] .. " leaves no actor", function()
        for text, expected in pairs {
          ["error(UserError('no', { code = 'too_low' }))"] =
            hook[1] == "on_before_connect" and "unauthorized" or "too_low",
          ["while true do end"] = "timeout",
          ["self:actor('Hooked', ...):nothing()"] = "deadlock",
        } do
          local ask = ("self:actor('Node', 'other'):run(%q, self.key)"):format(text)
          local all = nodes.open { workers = workers, files = hooked(hook[2], hook[3]:format(ask)),
                                   errors = true, limits = { call_cpu_ms = 100 } }
          for i = 1, 4 do
            local actor = all.host:actor("Hooked", i)
            assert.equal(expected, hosts.failure_of(actor.get, actor).code, text)
            assert.is_nil(all.host:kv("Hooked", i))
          end
          all:check_rest()
          all.host:close()
        end
      end)
    end

    it("is made in migrate_state, and one that fails there leaves the actor as it was", function()
      local data = hosts.folder {} .. "/data"
      local function open(version, text)
        local class = hosts.class("Old", ([[
          Class.state_version = %d
          function Class:initialize_state() return { n = 1 } end
          function Class:migrate_state(state)
            self.kv:put(%q, true)
            state.n = 2
            state.got = self:actor("Node", "other"):run(%q)
          end
          function Class:get() return { self.state.n, self.state.got, self.kv:count() } end
        ]]):format(version, text, text))
        return nodes.open { workers = workers, data = data, files = { ["old.lua"] = class }, errors = true }
      end
      local all = open(1, "")
      for i = 1, 4 do assert.same({ 1, [3] = 0 }, all.host:actor("Old", i):get()) end
      all.host:close()
      all = open(2, "error(UserError('no', { code = 'too_low' }))")
      for i = 1, 4 do
        local old = all.host:actor("Old", i)
        assert.equal("too_low", hosts.failure_of(old.get, old).code)
      end
      all:check_rest()
      all.host:close()
      all = open(2, "return 'asked'")
      for i = 1, 4 do assert.same({ 2, "asked", 1 }, all.host:actor("Old", i):get()) end
      all:check_rest()
    end)

    it("is refused in on_stop, and the actor leaves all the same", function()
      local all = nodes.open { workers = workers, errors = true, files = { ["leaver.lua"] = hosts.class("Leaver", [[
        function Class:leave_mark() self.kv:put("here", true) end
        function Class:on_stop()
          self.kv:put("stopping", true)
          self:actor("Node", "other"):mark("stopped")
        end]]) } }
      for i = 1, 2 do
        all.host:actor("Leaver", i):leave_mark()
        all.host:log()
        all.host:sleep("Leaver", i)
        assert.matches("mark: on_stop cannot call other actors", all.host:log())
        assert.equal(1, #all.host:kv("Leaver", i))
      end
      assert.is_nil(all.host:kv("Node", "other"))
      all:check_rest()
    end)

    it("is made in inspect_state", function()
      local ask = "return self:actor('Node', 'other'):run('return [[asked]]')"
      local all = nodes.open { workers = workers, files = hooked("inspect_state()", ask) }
      all.host:actor("Hooked", 1):nothing()
      assert.equal("asked", all.host:inspect("Hooked", 1))
      all:check_rest()
    end)
  end)
end
