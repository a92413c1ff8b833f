-- What a call that failed tells: its client, the script that caught it, and the log.
local hosts = require "spec.support.hosts"

local faulty = hosts.class("Faulty", [==[
  local kept
  function Class:initialize_state() return { n = 0 } end
  function Class:run(_, text, ...)
    self.state.n = self.state.n + 1
    return assert(load(text, "=text", "t", setmetatable({ require = require }, { __index = _ENV })))(self, ...)
  end
  function Class:tell(rpc) error(rpc.id, 0) end
  function Class:put(_, key, value) self.kv:put(key, value) end
  function Class:raise(_, ...) error(...) end
  function Class:refuse(_, what)
    local metadata = {
      mixed = function()
        return { n = 1, f = print, [true] = 1, [1] = "one", ["\xff"] = 2, nan = 0 / 0, bytes = "\xff",
          nested = { ok = "x", inf = 1 / 0, co = coroutine.create(print), list = { 1, print, 3, 0 / 0 }, none = {} } }
      end,
      gap = function() return { 1, nil, 3 } end,
      nothing = function() return print end,
      nan = function() return 0 / 0 end,
      ring = function() local t = { a = 1 } t.t = t return t end,
      twice = function() local t = { 1 } return { { t, t } } end,
      deep = function() local t = { "end" } for _ = 1, 300 do t = { t = t } end return { t = t, a = 1 } end,
      wide = function() local t = { ("x"):rep(100) } for _ = 1, 60 do t = { t, t } end return { t = t, a = 1 } end,
      state = function() return { state = self.state, actor = self, kv = self.kv, log = self.log } end,
      part = function() return self.state end,
      marked = function() return array {} end,
      large = function() return { ("x"):rep(5000) } end,
    }
    error(UserError("no", { code = "nope", metadata = metadata[what]() }))
  end
  function Class:ping() return "pong" end
]==])

local module = [[
local m = {}
function m.fail() error "in a module" end
return m
]]

-- Ways of a script to come by an error of the host that blames who sent something.
local blaming = {
  ["a key that is none"] = "(...).kv:put(0 / 0, 1)",
  ["a key that is too long"] = "(...).kv:get(('k'):rep(3000))",
  ["no JSON"] = "require 'troupe.json'.decode '['",
  ["one that was caught and raised again"] = "local _, e = pcall(require 'troupe.json'.decode, '[') error(e)",
  ["one with another code in it"] = "local _, e = pcall((...).kv.get, (...).kv, {}) e.code = 'timeout' error(e)",
  ["one in a coroutine"] = "local self = ... coroutine.wrap(function() self.kv:get {} end)()",
  ["one after a save"] = "local self = ... self:save_state() self.kv:get {}",
}

-- Ways to be stopped by a limit, and the words that name it.
local limits = {
  value = { "payload_too_large", "value%-bytes", "(...).kv:put('k', ('x'):rep(5000))" },
  result = { "payload_too_large", "limit", "return ('x'):rep(5000)" },
  text = { "payload_too_large", "value%-bytes", "require 'cjson'.encode(('x'):rep(5000))" },
  commit = { "payload_too_large", "commit%-bytes", "for i = 1, 10 do (...).kv:put(i, ('x'):rep(3000)) end" },
  memory = { "out_of_memory", "call%-bytes", "local t = {} while true do t[#t + 1] = ('x'):rep(10000) .. #t end" },
}

-- Ways to get the words of an error, or of a place, into one's own hands.
local words = {
  "return select(2, pcall(error, 'x', 2))", "return select(2, pcall(function() local x = nil + 1 end))",
  "local _, m = pcall(require, 'lib.m') return select(2, pcall(m.fail))",
  "return select(2, pcall(require, 'lib.none'))",
  "return select(2, pcall(require, 'lib.broken'))", "return select(2, pcall(require, 'lib.raises'))",
  "return select(2, pcall((...).raise, ..., nil, 'x'))", "return select(2, pcall((...).put, ..., nil, 0 / 0))",
  "return tostring(select(2, pcall((...).put, ..., nil, 0 / 0)))",
  "return tostring(select(2, pcall((...).put, ..., nil, 'k', ('x'):rep(5000))))",
  "error(UserError(select(2, pcall((...).raise, ..., nil, 'x'))))",
  "error(UserError('u', { metadata = { e = select(2, pcall(require, 'lib.none')) } }))",
  "(...):put(nil, 'k', ('x'):rep(5000))", "(...):put(nil, 0 / 0)", "error 'x'", "error(nil)", "error({})",
  "(...).state.n = print", "local _, m = pcall(require, 'lib.m') m.fail()", "require '/etc/passwd'",
}

describe("A call that fails", function()
  local host, actor

  local function open(options)
    options.errors = true
    options.limits = options.limits or { value_bytes = 4000, commit_bytes = 20000, call_bytes = 4 << 20 }
    host = hosts.open({
      ["faulty.lua"] = faulty, ["lib/m.lua"] = module, ["lib/broken.lua"] = "x = = 1",
      ["lib/raises.lua"] = "error 'at load'",
    }, options)
    actor = host:actor("Faulty", "f")
    assert.equal("pong", actor:ping())
    host:log()
  end
  after_each(hosts.close_all)

  -- The lines of the log since the last look that tell of a failed call.
  local function lines()
    local found = {}
    for line in host:log():gmatch "[^\n]+" do
      if line:find " call failed " then found[#found + 1] = line end
    end
    return found
  end

  local function one_line(level, code)
    local found = lines()
    assert.equal(1, #found)
    local form = " %s call failed class=Faulty key=\"\\\"f\\\"\" method=%%a+ id=[%%x-]+ code=%s error="
    assert.matches(form:format(level, code), found[1])
    return found[1]
  end

  local without_dev = "^the actor failed; the host's log says how$"
  for dev, words_for_client in pairs { [true] = "^text:1: ", [false] = without_dev } do
    for what, text in pairs(blaming) do
      it(("is the script's failure: %s, dev = %s"):format(what, dev), function()
        open { dev = dev }
        local failure = hosts.failure_of(actor.run, actor, text)
        assert.equal("internal_error", failure.code)
        if not text:find "pcall" then assert.matches(words_for_client, failure.message) end
        one_line("error", "internal_error")
        local caught = "local ok, e = pcall((...).kv.get, (...).kv, {}) return { ok, e.code, e.message, tostring(e) }"
        local words_of_key = "key: an empty tuple cannot be a key"
        assert.same({ false, "invalid_key", words_of_key, words_of_key }, actor:run(caught))
        local with_place = "local self = ... return tostring(select(2, pcall(function() self.kv:get(0 / 0) end)))"
        assert.equal("text:1: key: NaN cannot be a key", actor:run(with_place))
      end)
    end

    for what, limit in pairs(limits) do
      it(("names the limit: %s, dev = %s"):format(what, dev), function()
        open { dev = dev }
        local failure = hosts.failure_of(actor.run, actor, limit[3])
        assert.equal(limit[1], failure.code)
        assert.matches(limit[2], failure.message)
        if not dev then assert.is_nil(failure.message:find("text:1:", 1, true)) end
        assert.matches(limit[2], one_line("warn", limit[1]))
        assert.equal(0, host:state("Faulty", "f").n)
      end)
    end
  end

  it("names the limit of time", function()
    open { dev = false, limits = { call_cpu_ms = 50 } }
    local failure = hosts.failure_of(actor.run, actor, "while true do end")
    assert.equal("timeout", failure.code)
    local line = one_line("warn", "timeout")
    assert.matches("call%-cpu%-ms", line)
    assert.matches("traceback=.*text:1: in ", line)
  end)

  it("bears the id that the script knows", function()
    open { dev = false }
    hosts.failure_of(actor.tell, actor)
    local id, told = one_line("error", "internal_error"):match " id=([^ ]+) code=internal_error error=([^ ]+)"
    assert.equal(told, id)
  end)

  it("leaves a line of level debug where somebody was refused", function()
    open { dev = false }
    assert.equal("nope", hosts.failure_of(actor.refuse, actor, "nothing").code)
    one_line("debug", "nope")
    assert.equal("method_not_found", hosts.failure_of(actor.missing, actor).code)
    one_line("debug", "method_not_found")
  end)

  it("tells no client where the server keeps what", function()
    open { dev = false }
    local folder = host.folder:match "[^/]+$"
    for _, text in ipairs(words) do
      local ok, result = pcall(actor.run, actor, text)
      local told = ok and { result } or { result.code, result.message, result.metadata }
      local function search(v)
        if type(v) == "table" then for _, inner in pairs(v) do search(inner) end end
        if type(v) == "string" then assert.is_nil(v:find(folder, 1, true), text .. ": " .. v) end
      end
      search(told)
    end
    host:fail_next "write"
    assert.is_nil(hosts.failure_of(actor.put, actor, "k", 1).message:find "/")
    assert.matches("faulty%.lua:%d+: x", actor:run "return select(2, pcall((...).raise, ..., nil, 'x', 1))" or "")
  end)

  describe("with metadata:", function()
    for what, expected in pairs {
      mixed = { n = 1, nested = { ok = "x", list = { 1, "null", 3, "null" }, none = {} } },
      gap = {}, ring = { a = 1 }, twice = { { { 1 }, "null" } }, marked = {}, part = { n = 0 },
      state = { state = { n = 0 } },
    } do
      it("what JSON cannot express is left out: " .. what, function()
        open {}
        local failure = hosts.failure_of(actor.refuse, actor, what)
        assert.equal("nope", failure.code)
        assert.equal("no", failure.message)
        local function plain(v)
          if v == require("troupe.test").null then return "null" end
          if type(v) ~= "table" then return v end
          local t = {}
          for k, inner in pairs(v) do t[k] = plain(inner) end
          return t
        end
        assert.same(expected, plain(failure.metadata))
      end)
    end

    for _, what in ipairs { "nothing", "nan" } do
      it("of which nothing is left: " .. what, function()
        open {}
        local failure = hosts.failure_of(actor.refuse, actor, what)
        assert.equal("nope", failure.code)
        assert.equal("no", failure.message)
        assert.is_nil(failure.metadata)
      end)
    end

    for _, what in ipairs { "deep", "wide" } do
      it("that are too much for JSON: " .. what, function()
        open {}
        local failure = hosts.failure_of(actor.refuse, actor, what)
        assert.equal("nope", failure.code)
        assert.equal("no", failure.message)
        assert.equal(1, failure.metadata.a)
      end)
    end

    it("that are too large", function()
      open {}
      assert.equal("payload_too_large", hosts.failure_of(actor.refuse, actor, "large").code)
    end)
  end)
end)
