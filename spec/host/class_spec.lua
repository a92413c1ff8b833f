-- A folder of classes: what loads and what does not, and what may be called.
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
end)

describe("on_before_connect", function()
  after_each(hosts.close_all)

  local guarded = hosts.class("Guarded", [[
    function Class:initialize_state() return { n = 0 } end
    function Class:on_before_connect(params, rpc)
      assert(rpc.caller == "client")
      if params == "loop" then while true do end end
      if params == "large" then self.kv:put("k", ("x"):rep(2000)) end
      if not params then error "no ticket" end
      if params.ticket ~= self.key[1] then error(UserError("wrong ticket", { metadata = params })) end
    end
    function Class:get(rpc) return rpc.params.ticket end
  ]])

  it("refuses a call, which then creates nothing", function()
    local host = hosts.open({ ["guarded.lua"] = guarded },
                            { dev = false, errors = true, limits = { call_cpu_ms = 100, value_bytes = 1000 } })
    for params, expected in pairs {
      [false] = "unauthorized: refused by on_before_connect",
      wrong = "unauthorized: .*wrong ticket",
      loop = "timeout: ",
      large = "payload_too_large: value: more than 1000 bytes",
    } do
      local actor = host:actor("Guarded", "g", { params = params == "wrong" and { ticket = "x" } or params or nil })
      assert.matches(expected, tostring(hosts.failure_of(actor.get, actor)))
      assert.is_nil(host:state("Guarded", "g"))
    end
    assert.equal("g", host:actor("Guarded", "g", { params = { ticket = "g" } }):get())
  end)
end)
