-- Whatever value a script hands to whatever it can call: the host lives, the call ends with a result or an error that
-- says what is wrong, a failed one changes nothing, and neighbours are served.
--
-- What a script can call is found by looking: the names are those that the reference and Lua itself know, and the actor
-- tells which of them lead to functions. Bounded are the arguments of functions that C loops over for as long as it is
-- told to: patterns and what they search, and ranges of table.*.
local files = require "spec.support.files"
local hosts = require "spec.support.hosts"

local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local CALLS_EACH = 25

local probe = hosts.class("Probe", [==[
  local nan, inf = 0 / 0, 1 / 0
  local seed

  local function random(n)
    seed = (seed * 6364136223846793005 + 1442695040888963407)
    return (seed >> 33) % n + 1
  end

  local function pick(list) return list[random(#list)] end

  local numbers = {
    nan, inf, -inf, nan, inf, -inf, 0, -0.0, 1, -1, 2, 3, 7, 0.5, 1 / 3, 1e15, 1e308, 5e-324, 2 ^ 53, 2 ^ 63, -2 ^ 63,
    math.maxinteger, math.mininteger, 9007199254740993, 1 << 31, -(1 << 31), 1 << 32, 255, 256, 1114112, 100,
  }
  local small = { 0, 1, 2, 3, 5, -1, -3, 0.5, nan, inf, -inf, 40 }
  local strings = {
    "", "a", "ab", "\0", "\xff", "\xc0\x80", "\xed\xa0\x80", "é", "\u{10ffff}", "1", "0x10", " 1 ", "nan", "inf",
    "1e999",
    "%", "%s", "%q", "%d%c%5.1f%i%x%a%g", "%99d", "%p", "(", "[", "%b", "%f[", ".-", "a*", "(a)%1", "^$", "k", "v", "n",
    "*t", "!%Y-%m-%d", "%E", "return 1", "return", "x = ", "[1,2,[3]]", '{"a":1e999}', "[NaN,0x1F]", "[", '"\xff"',
    "null",
    "string", "troupe.json", "cjson", "lib.none", "..", "<I8", "!16", "c9999999", "z", "s4", "state", "message", "code",
    "value", "key", "prefix", "limit", "timeout", "user_error", ("x"):rep(300), ("é"):rep(5000), ("["):rep(300),
  }
  local functions = {
    function() end, function(...) return ... end, function() error "thrown" end, function() error(nan) end,
    function() error { nan } end, function() error() end, print, tostring, pcall, error, setmetatable, string.rep,
    string.format, coroutine.wrap, coroutine.yield, table.concat, UserError, array, require "cjson".encode,
  }

  local value

  -- A table of whatever, not deep. `tame`: without metatables.
  local function random_table(depth, tame)
    local t = {}
    for _ = 1, random(4) - 1 do
      local k, v = value(depth - 1, tame), value(depth - 1, tame)
      if k == nil or k ~= k then k = #t + 1 end
      t[k] = v
    end
    local form = random(12)
    if form == 1 then return { nan, inf, -inf } end
    if form == 2 then return { a = nan, [inf] = 1, [-inf] = -inf, [0.5] = nan } end
    if form == 3 then return { [true] = 1, [false] = nan } end
    if form == 4 then t.me = t t[t] = t end
    if form == 5 then return array { value(0, tame), value(0, tame) } end
    if form == 6 then return { 1, nil, 3, [10] = nan } end
    if form == 7 then for _ = 1, 250 do t = { t } end end
    if form == 8 then return { key = value(0, tame), value = value(0, tame), prefix = value(0, tame) } end
    if form == 9 and not tame then
      return setmetatable(t, {
        __index = pick(functions), __newindex = pick(functions), __call = pick(functions), __tostring = pick(functions),
        __len = pick(functions), __eq = pick(functions), __lt = pick(functions), __concat = pick(functions),
        __pairs = pick(functions), __name = value(0, true), __close = pick(functions), __unm = pick(functions),
      })
    end
    return t
  end

  local own = {}      -- what is of this call: self, rpc, parts and the like

  -- Any value. `tame`: one that no function of C loops over for ever.
  function value(depth, tame)
    local kind = random(10)
    if kind <= 3 then return pick(tame and small or numbers) end
    if kind <= 5 then
      local s = pick(strings)
      return tame and s:sub(1, 12) or s
    end
    if kind == 6 then return pick { true, false, null, null } end
    if kind == 7 then return tame and pick(small) or pick(functions) end
    if kind == 8 and not tame then return pick(own) end
    if kind == 8 or depth <= 0 then return nil end
    return random_table(depth, tame)
  end

  local function is_tame(path)
    for _, name in ipairs { "string%.g?match$", "string%.find$", "string%.gsub$", "table%." } do
      if path:find("^" .. name) then return true end
    end
    return false
  end

  -- What is at a path of names, a.b.c.
  local roots
  local function at(path)
    local v = roots
    for name in path:gmatch "[^.]+" do
      local ok, field = pcall(function() return v[name:gsub("|", ".")] end)
      if not ok then return nil end
      v = field
    end
    return v
  end

  local function prepare(self, rpc)
    local _, host_error = pcall(self.kv.get, self.kv, nan)
    own = {
      self, rpc, self.kv, self.log, self.state, self.state.list, self.state.deep, self.key, host_error, UserError "u",
      UserError("u", { code = "c", metadata = random_table(2) }), coroutine.create(pick(functions)),
      coroutine.create(function(...) coroutine.yield(...) end), self.kv:each(), require "cjson", require "troupe.json",
      string, math,
    }
    roots = {
      global = _ENV, self = self, kv = self.kv, log = self.log, rpc = rpc, each = own[14], module = setmetatable({}, {
        __index = function(_, name) local ok, m = pcall(require, name) if ok then return m end end }),
      act = {
        ["return"] = function(...) return ... end,
        raise = error,
        raise_user = function(m, c, d)
          error(UserError(tostring(m), { code = c ~= nil and "c" or nil, metadata = d }))
        end,
        state_field = function(k, v) self.state[k] = v end,
        state_deep = function(k, v) self.state.deep[k] = v end,
        state_whole = function(v) self.state = v end,
        field = function(k, v) self[k] = v end,
        kv_field = function(k, v) self.kv[k] = v end,
        rpc_field = function(k) return rpc[k] end,
        log_value = function(v, k) self.log:info("m", { [type(k) == "string" and k or "v"] = v }) end,
        log_fields = function(v) self.log:warn("m", v) end,
        add = function(a, b) return a + b end,
        join = function(a, b) return a .. b end,
        length = function(a) return #a end,
        less = function(a, b) return a < b end,
        equal = function(a, b) return a == b end,
        call = function(f, ...) return f(...) end,
        walk = function(t) local n = 0 for _ in pairs(t) do n = n + 1 if n > 100 then break end end return n end,
        close = function(v) local x <close> = v end,
        wrap = function(...) return coroutine.wrap(function(...) return ... end)(...) end,
      },
    }
  end

  function Class:initialize_state()
    return { touched = 0, list = array { 1, 2, 3 }, deep = { x = { y = "z" } } }
  end

  -- Which of the paths lead to something that can be called, and the names in what they lead to.
  function Class:look(rpc, paths)
    seed = 1
    prepare(self, rpc)
    local found, inside = {}, {}
    for _, path in ipairs(paths) do
      local v = at(path)
      if type(v) == "function" then found[#found + 1] = path end
      if type(v) == "table" and v ~= _ENV and path ~= "act" then
        pcall(function()
          for name in pairs(v) do if type(name) == "string" then inside[#inside + 1] = path .. "." .. name end end
        end)
      end
      if path == "act" then for name in pairs(v) do found[#found + 1] = "act." .. name end end
    end
    return { found = array(found), inside = array(inside) }
  end

  function Class:poke(rpc, path, n)
    seed = n
    self.state.touched = self.state.touched + 1
    self.state.list[2] = { n }
    self.kv:put("touched", n)
    prepare(self, rpc)
    local tame = is_tame(path:gsub("^global%.", ""))
    local f, arguments, count = at(path), {}, random(5) - 1
    for i = 1, count do arguments[i] = value(3, tame) end
    if random(2) == 1 and not path:find "^act" then
      local holders = { kv = self.kv, log = self.log, self = self }
      arguments[1] = holders[path:match "^%a+"] or arguments[1]
    end
    if random(3) > 1 then return f(table.unpack(arguments, 1, count)) end
    local results = table.pack(pcall(f, table.unpack(arguments, 1, count)))
    local last = pick(results)
    local writer = random(7)
    if writer == 1 then print(last) end
    if writer == 2 then self.log:info("m", { v = last }) end
    if writer == 3 then self.kv:put("r", last) end
    if writer == 4 then self.state.r = last end
    if writer == 5 then error(last) end
    if writer == 6 then error(UserError("u", { metadata = { v = last } })) end
    return last
  end

  function Class:ping() return "pong" end
]==])

-- Names that stand in the reference, in code, and those that Lua's own libraries have.
local function names()
  local set = {}
  for span in files.read("lua/README.md"):gmatch "`([^`\n]+)`" do
    for name in span:gmatch "[%a_][%w_]*" do set[name] = true end
  end
  for name in pairs(_G) do set[name] = true end
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- All paths to functions that the actor can reach.
local function discover(actor)
  local paths = { "act" }
  for _, name in ipairs(names()) do
    for _, root in ipairs { "global", "self", "kv", "log", "rpc", "each" } do
      if name ~= "_G" then paths[#paths + 1] = root .. "." .. name end
    end
    if name ~= "Probe" then paths[#paths + 1] = "module." .. name end
  end
  for _, name in ipairs { "troupe|actor", "troupe|json", "cjson|safe" } do paths[#paths + 1] = "module." .. name end
  local seen, looked = {}, actor:look(paths)
  local found = {}
  for _, list in ipairs { looked.found, actor:look(looked.inside).found } do
    for _, path in ipairs(list) do
      if not seen[path] then found[#found + 1] = path end
      seen[path] = true
    end
  end
  table.sort(found)
  return found
end

-- A value in words, by which two are compared: NaN is itself here, and tables may hold themselves.
local function words_of(v, seen)
  if type(v) ~= "table" then return ("%s %s"):format(math.type(v) or type(v), v ~= v and "nan" or tostring(v)) end
  seen = seen or { count = 0 }
  if seen[v] then return "table " .. seen[v] end
  seen.count = seen.count + 1
  seen[v] = seen.count
  local keys, words = {}, {}
  for k in pairs(v) do keys[#keys + 1] = { word = words_of(k, seen), key = k } end
  table.sort(keys, function(a, b) return a.word < b.word end)
  for i, k in ipairs(keys) do words[i] = k.word .. " = " .. words_of(v[k.key], seen) end
  return "{ " .. table.concat(words, ", ") .. " }"
end

local clean = {
  internal_error = true, user_error = true, c = true, payload_too_large = true, out_of_memory = true,
}

describe("A value of any kind", function()
  after_each(hosts.close_all)

  it("given to anything that a script can call ends in a result or a clean error", function()
    print("values_spec: TROUPE_SEED=" .. SEED)
    math.randomseed(SEED)
    local host = hosts.open({ ["probe.lua"] = probe }, { errors = true, limits = { call_bytes = 32 << 20 } })
    local neighbour = host:actor("Probe", "neighbour")
    local paths = discover(neighbour)
    assert.is_true(#paths > 120, #paths .. " functions")
    for _, path in ipairs(paths) do
      local key = path
      local actor = host:actor("Probe", key)
      assert.equal("pong", actor:ping())
      for _ = 1, CALLS_EACH do
        local seed = math.random(1 << 40)
        local where = ("%s, call %d"):format(path, seed)
        local before = words_of { host:state("Probe", key), host:kv("Probe", key) }
        local ok, failure = pcall(actor.poke, actor, path, seed)
        if not ok then
          assert.is_true(clean[failure.code], where .. ": " .. tostring(failure))
          assert.is_nil(failure.message:find("bytes of a value are broken", 1, true), where .. ": " .. failure.message)
          if not path:find "save_state" then
            assert.equal(before, words_of { host:state("Probe", key), host:kv("Probe", key) }, where)
          end
        end
        assert.equal("pong", neighbour:ping(), where)
      end
      host:log()
    end
  end)
end)
