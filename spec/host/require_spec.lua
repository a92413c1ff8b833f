-- require: modules below the actors folder, once a worker, and those of the host.
local attack = require "spec.support.attack"
local hosts = require "spec.support.hosts"

describe("require", function()
  after_each(hosts.close_all)

  it("loads a module once, for all files of the worker", function()
    local up = [[
      local counter = require "lib.deep.counter"
      function Class:up() counter.n = counter.n + 1; return counter.n end
    ]]
    local host = hosts.open {
      ["a.lua"] = hosts.class("A", up), ["b.lua"] = hosts.class("B", up),
      ["lib/deep/counter.lua"] = "return { n = 0, name = ... }",
    }
    assert.equal(1, host:actor("A", "a"):up())
    assert.equal(2, host:actor("B", "b"):up())
  end)

  it("tells a module its name, and gives true for one that returns nothing", function()
    local host = hosts.open {
      ["a.lua"] = hosts.class("A", [[
        function Class:both() return { require "lib.told", require "lib.silent" } end
      ]]),
      ["lib/told.lua"] = "return ...", ["lib/silent.lua"] = "",
    }
    assert.same({ "lib.told", true }, host:actor("A", "a"):both())
  end)

  it("knows the modules of the host", function()
    local host = hosts.open { ["a.lua"] = hosts.class("A", [[
      local names = { "troupe.actor", "troupe.json", "cjson", "cjson.safe" }
      function Class:kinds()
        local kinds = {}
        for i, name in ipairs(names) do kinds[i] = type(require(name)) end
        return kinds
      end]]) }
    assert.same({ "table", "table", "table", "table" }, host:actor("A", "a"):kinds())
  end)

  for name, message in pairs {
    ["../../kit"] = "is not the name of a module", ["lib/money"] = "is not the name of a module",
    ["lib..money"] = "is not the name of a module", [""] = "is not the name of a module", ["lib.missing"] = "not found",
    ["lib.bad"] = "never loads", ["lib"] = "not found", ["io"] = "not found", ["debug"] = "not found",
  } do
    it(("loads no %q, nor at the second try"):format(name), function()
      local place = attack.open { call_cpu_ms = 20000 }
      for _ = 1, 2 do place:refuses("internal_error", message, ("local name = %q require(name)"):format(name)) end
      place:close()
    end)
  end
end)
