-- A folder of classes: what loads, what does not, what scripts share.
local hosts = require "spec.support.hosts"
local lfs = require "lfs"

local function problem(files, prepare)
  local folder = hosts.folder(files)
  if prepare then prepare(folder) end
  local ok, message = pcall(require("troupe.test").host, { actors = folder, limits = { call_cpu_ms = 100 } })
  assert.is_false(ok)
  return message
end

local empty = "return require('troupe.actor'):extend 'Empty'"

describe("A folder of classes", function()
  after_each(hosts.close_all)

  it("says where and why a class does not load", function()
    assert.matches("bad%.lua:2: .*near 'is'", problem { ["bad.lua"] = "local x = 1\nthis is no Lua" })
    assert.matches("raises%.lua:1: on purpose", problem { ["raises.lua"] = "error 'on purpose'" })
    assert.matches("none%.lua: returns no class", problem { ["none.lua"] = "local x = 1" })
    assert.matches("table%.lua: returns no class", problem { ["table.lua"] = "return { name = 'T' }" })
    assert.matches("actor%.lua: returns no class", problem { ["actor.lua"] = "return require 'troupe.actor'" })
    assert.matches('b%.lua: the class "Empty" is defined in .*a%.lua already',
                   problem { ["a.lua"] = empty, ["b.lua"] = empty })
    assert.matches("no class in this folder", problem {})
    assert.matches("No such file", problem({}, function(folder) lfs.rmdir(folder) end))
    assert.matches("module \"missing\" not found", problem { ["a.lua"] = "local name = 'missing' require(name)" })
    assert.matches("is not the name of a module", problem { ["a.lua"] = "require '../x'" })
    assert.matches("requires itself", problem { ["a.lua"] = "require(...)" })
    assert.matches("the name of a class is a string",
                   problem { ["a.lua"] = "return require('troupe.actor'):extend ''" })
    assert.matches("processor time", problem { ["a.lua"] = "while true do end" })
  end)

  it("inherits, and calls only what may be called", function()
    local host = hosts.open({
      ["base.lua"] = hosts.class("Base", [[
        Class.field = 5
        Class.flag = false
        function Class:initialize_state() return { n = 1 } end
        function Class:hello() return "base " .. self.class.name .. self:_secret() end
        function Class:_secret() return "!" end
        function Class:hidden() return 1 end
      ]]),
      ["child.lua"] = [[
        local Base = require "base"
        local Child = Base:extend "Child"
        Child.hidden = false
        function Child:hello() self.put_on_self = function() end; return "child of " .. Base.hello(self) end
        function Child:inherited() return self.super == Base and self.field end
        return Child
      ]],
    }, { errors = true })
    local child = host:actor("Child", "c")
    assert.equal("child of base Child!", child:hello())
    assert.equal(5, child:inherited())
    assert.equal("base Base!", host:actor("Base", "b"):hello())
    for _, name in ipairs { "_secret", "field", "flag", "hidden", "initialize_state", "on_start", "on_stop", "extend",
                            "super", "class",
                            "__index", "name", "put_on_self", "nothing", "" } do
      assert.equal("method_not_found", hosts.failure_of(child[name], child).code, name)
    end
    local unknown = host:actor("child", "c")
    assert.equal("class_not_found", hosts.failure_of(unknown.hello, unknown).code)
  end)

  it("shares modules, and nothing else", function()
    local host = hosts.open({
      ["a.lua"] = hosts.class("A", [[
        local counter = require "lib.counter"
        own = "a"
        function Class:up() counter.n = counter.n + 1; return counter.n end
        function Class:own() return own, rawget(_G, "own") == own end
        function Class:vandal(_, how)
          if how == 1 then string.format = nil end
          if how == 2 then getmetatable("").__index = nil end
          if how == 3 then table.insert, pairs = nil, 1; math.x = 1 end
          if how == 4 then rawset(string, "format", 1) end
          if how == 5 then setmetatable(string, nil) end
          if how == 6 then setmetatable(_G, {}) end
          if how == 7 then self.key = { "admin" } end
          if how == 8 then self.kv = nil end
          if how == 9 then setmetatable(self, {}) end
          if how == 10 then setmetatable({}, { __gc = print }) end
          return "done"
        end
      ]]),
      ["b.lua"] = hosts.class("B", [[
        local counter = require "lib.counter"
        function Class:up() counter.n = counter.n + 1; return counter.n end
        function Class:own() return own end
        function Class:fine()
          local names = {}
          for name in pairs(string) do names[#names + 1] = name end
          return ("%d"):format(#names > 10 and 1 or 0) .. string.format("%s", self.key[1])
        end
        function Class:missing()
          local found = {}
          for _, name in ipairs { "io", "debug", "package", "dofile", "loadfile", "collectgarbage", "warn" } do
            if _G[name] ~= nil then found[#found + 1] = name end
          end
          for _, name in ipairs { "execute", "exit", "getenv", "remove", "rename", "tmpname", "setlocale" } do
            if os[name] ~= nil then found[#found + 1] = name end
          end
          if string.dump then found[#found + 1] = "dump" end
          return found
        end
        function Class:load_bytecode(_, text) return load(text) ~= nil end
        function Class:load_text() return load("x = 1; return x + 1")(), x end
      ]]),
      ["lib/counter.lua"] = "return { n = 0 }",
    }, { errors = true })
    local a, b = host:actor("A", "a"), host:actor("B", "b")
    assert.equal(1, a:up())
    assert.equal(2, b:up())
    assert.equal("a", a:own())
    assert.is_nil(b:own())
    for how = 1, 10 do
      local ok, result = pcall(a.vandal, a, how)
      assert.is_false(ok, "way " .. how .. ": " .. tostring(result))
    end
    assert.equal("1b", b:fine())
    assert.same({}, b:missing())
    assert.is_false(b:load_bytecode(string.dump(function() end)))
    assert.equal(2, b:load_text())
  end)
end)

describe("on_before_connect", function()
  after_each(hosts.close_all)

  local guarded = hosts.class("Guarded", [[
    function Class:initialize_state() return { n = 0 } end
    function Class:on_before_connect(params, rpc)
      assert(rpc.caller == "client")
      if params == "loop" then while true do end end
      if not params then error "no ticket" end
      if params.ticket ~= self.key[1] then error(UserError("wrong ticket", { metadata = params })) end
    end
    function Class:get(rpc) return rpc.params.ticket end
  ]])

  it("refuses a call, which then creates nothing", function()
    local host = hosts.open({ ["guarded.lua"] = guarded },
                            { dev = false, errors = true, limits = { call_cpu_ms = 100 } })
    for params, expected in pairs {
      [false] = "unauthorized: refused by on_before_connect",
      wrong = "unauthorized: .*wrong ticket",
      loop = "timeout: ",
    } do
      local actor = host:actor("Guarded", "g", { params = params == "wrong" and { ticket = "x" } or params or nil })
      assert.matches(expected, tostring(hosts.failure_of(actor.get, actor)))
      assert.is_nil(host:state("Guarded", "g"))
    end
    assert.equal("g", host:actor("Guarded", "g", { params = { ticket = "g" } }):get())
  end)
end)
