-- What scripts see: the globals of the reference and no others, libraries that nobody can write to, an environment for
-- each file, text and no bytecode.
local attack = require "spec.support.attack"
local hosts = require "spec.support.hosts"

local GLOBALS = "assert error getmetatable ipairs load next pairs pcall print rawequal rawget rawlen rawset require "
  .. "select setmetatable tonumber tostring type xpcall _G _VERSION UserError null array"
local OF_OS = "clock date difftime time"
local ALL_OF = { "string", "table", "math", "utf8", "coroutine" }     -- but for string.dump

-- The names in a text, and what else is there, as a set.
local function set_of(text)
  local set = {}
  for name in text:gmatch "%S+" do set[name] = true end
  return set
end

-- All that Lua itself has, in the form "name" or "library.name", and whether a script sees it.
local function expected_names()
  local globals, of_os, names = set_of(GLOBALS), set_of(OF_OS), {}
  for name in pairs(globals) do names[name] = true end
  for _, name in ipairs { "dofile", "loadfile", "collectgarbage", "warn", "module", "unpack", "loadstring" } do
    names[name] = false
  end
  for _, library in ipairs { "string", "table", "math", "utf8", "coroutine", "os", "io", "debug", "package" } do
    for name in pairs(require(library)) do names[library .. "." .. name] = library == "os" and of_os[name] or false end
  end
  for _, library in ipairs(ALL_OF) do
    for name in pairs(require(library)) do names[library .. "." .. name] = name ~= "dump" end
  end
  for _, library in ipairs { "io", "debug", "package" } do names[library] = false end
  return names
end

describe("The sandbox", function()
  local place

  setup(function() place = attack.open { call_cpu_ms = 20000 } end)
  teardown(function() place:close() end)

  -- A script that does not get what it wants, and fails with words like these.
  local function refuses(name, words, text)
    it("refuses " .. name, function() place:refuses("internal_error", words, text) end)
  end

  -- A script that goes on, and answers this.
  local function answers(name, expected, text)
    it(name, function() place:answers(expected, text) end)
  end

  it("has the globals and libraries of the reference, and nothing else that Lua has", function()
    local names = expected_names()
    local asked = {}
    for name in pairs(names) do table.insert(asked, name) end
    assert.is_true(#asked > 100)
    place:answers(names, [[
      local _, _, names = ...
      local there = {}
      for _, name in ipairs(names) do
        local library, field = name:match "^(%l[%w]*)%.(.+)$"
        local value = _ENV[library or name]
        if library and value ~= nil then value = value[field] end
        there[name] = value ~= nil
      end
      return there]], asked)
  end)

  refuses("to have its own key changed", "is the host's", "(...).key = { 'neighbour' }")
  refuses("to have its own class changed", "is the host's", "(...).class = {}")
  refuses("to have its own kv changed", "is the host's", "(...).kv = nil")
  refuses("rawset on self", nil, "rawset((...), 'key', 1)")
  refuses("a metatable for self", nil, "setmetatable((...), {})")
  refuses("rawset on a library", "cannot be written to", "rawset(string, 'upper', print)")
  refuses("to have a function of a library replaced", "cannot be written to", "string.upper = print")
  refuses("to have a function of a library removed", "cannot be written to", "table.insert = nil")
  refuses("a new function in a library", "cannot be written to", "math.x = 1")
  refuses("a metatable for a library", nil, "setmetatable(string, nil)")
  refuses("a metatable for the globals", nil, "setmetatable(_G, {})")
  refuses("to show the metatable of strings", nil, "getmetatable('').__index = {}")
  refuses("a finaliser", "__gc", "setmetatable({}, { __gc = print })")
  refuses("to show an address", "not available", "return ('%p'):format({})")
  refuses("to show one behind a NUL", "not available", "return ('\\0%p'):format({})")
  answers("shows no address in texts", "table function thread",
    "return ('%s %s'):format({}, print) .. ' ' .. tostring(coroutine.running())")
  answers("keeps a global of one file from its neighbours", "nil",
    "leaked = 1 return type(rawget(_G, 'next')) == 'nil' and 'nil'")
  refuses("bytecode", "attempt to load a binary chunk", "assert(load('\\27Lua'))")
  refuses("18 MB of source", "the limit is", "load(('x = 1 '):rep(3e6))")
  answers("lets no seed change anybody's numbers", true,
    "math.randomseed(42) local a = math.random() math.randomseed(42) return a ~= math.random()")

  it("lets libraries be looked through", function()
    place:answers(true, [[
      local names = {}
      for name in pairs(string) do names[#names + 1] = name end
      return #names > 10 and ("%d"):format(1) == "1"]])
  end)
end)

describe("A file of actors", function()
  after_each(hosts.close_all)

  it("has globals of its own, and so has a text that it loads", function()
    local host = hosts.open {
      ["a.lua"] = hosts.class("A", [[
        own = "a"
        function Class:own() return own, rawget(_G, "own") == own end
        function Class:load_text() return { load("x = 1; own = 2; return x + 1")(), x == nil, own } end
      ]]),
      ["b.lua"] = hosts.class("B", "function Class:own() return own end"),
    }
    assert.equal("a", host:actor("A", "a"):own())
    assert.is_nil(host:actor("B", "b"):own())
    assert.same({ 2, true, "a" }, host:actor("A", "a"):load_text())
  end)
end)
