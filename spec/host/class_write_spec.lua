-- A class is written to by the file that makes it, while that loads, and by nobody else.
local hosts = require "spec.support.hosts"
local troupe = require "troupe.test"

-- Ways to change a class `target`, each as an attacker would write it.
local ways = {
  ["a new method"] = "target.stolen = evil",
  ["a method that is there"] = "target.balance = evil",
  ["a method taken away"] = "target.balance = nil",
  ["a hook"] = "target.on_start = evil",
  ["rawset"] = "rawset(target, 'balance', evil)",
  ["the name"] = "target.name = 'Evil'",
  ["a state_version"] = "target.state_version = 7",
  ["a metatable"] = "setmetatable(target, { __index = { balance = evil } })",
  ["its metatable"] = "getmetatable(target).balance = evil",
  ["__index"] = "target.__index.balance = evil",
  ["its place in table.insert"] = "table.insert(target, evil)",
  ["an environment"] = "load('balance = 1', 'x', 't', target)()",
  ["its parent"] = "target.super = {}",
  ["what pairs gives"] = "local next, t = pairs(target) rawset(t, 'balance', evil)",
  ["a coroutine"] = "coroutine.wrap(function() target.balance = evil end)()",
}

local victim = hosts.class("Victim", [[
  function Class:initialize_state() return { money = 100 } end
  function Class:balance() return self.state.money end]])

local function problem(files)
  local ok, message = pcall(troupe.host, { actors = hosts.folder(files) })
  assert.is_false(ok, "it loads")
  return message
end

local refusal = 'class "%a+" cannot be written to %("[%a_]+"%): only the file that makes it can, while it loads'

local function assert_refused(message, way)
  local host_says = message:find(refusal) or message:find "table expected, got %a+" or
                    message:find "attempt to index a nil value"
  assert(host_says, way .. ": " .. message)
end

describe("A class", function()
  after_each(hosts.close_all)

  for _, target in ipairs { "require [[victim]]", "require 'troupe.actor'", "Class.super", "require [[middle]]" } do
    it("is closed to other files that load: " .. target, function()
      for way, text in pairs(ways) do
        assert_refused(problem {
          ["victim.lua"] = victim,
          ["middle.lua"] = [[return require("victim"):extend "Middle"]],
          ["evil.lua"] = ([[local Class = require("victim"):extend "Evil"
            local function evil() return "evil" end
            local target = %s
            %s
            return Class]]):format(target, text),
        }, way)
      end
    end)
  end

  it("is closed in calls, to its own actors too", function()
    local tries = {}
    for way, text in pairs(ways) do
      tries[#tries + 1] = ("tries[%q] = function(target) %s end"):format(way, text)
    end
    local attempts = [[
      local function evil() return "evil" end
      local tries = {}
      ]] .. table.concat(tries, "\n") .. [[
      local targets = {
        ["self.class"] = function(self) return self.class end,
        ["its parent"] = function(self) return self.class.super end,
        ["another class"] = function() return require "victim" end,
        ["Actor"] = function() return require "troupe.actor" end,
        ["its own local"] = function() return Class end,
      }
      function Class:try()
        local told = {}
        for name, target in pairs(targets) do
          for way, change in pairs(tries) do
            local ok, message = pcall(change, target(self))
            told[name .. " by " .. way] = ok and "it could" or message
          end
        end
        return told
      end
      function Class:extend_late() return Class:extend "Late" end]]
    local host = hosts.open({
      ["victim.lua"] = victim,
      ["evil.lua"] = hosts.class("Evil", attempts),
      ["child.lua"] = hosts.class("Child", attempts):gsub('local Actor = [^;]+;', "local Actor = require [[victim]];"),
    }, { errors = true })
    local account = host:actor("Victim", "v")
    for _, class in ipairs { "Evil", "Child" } do
      local attacker, count = host:actor(class, "e"), 0
      for way, message in pairs(attacker:try()) do
        assert_refused(message, way)
        count = count + 1
      end
      assert.equal(5 * 15, count)
      assert.matches("a class is made while a file loads", hosts.failure_of(attacker.extend_late, attacker).message)
    end
    assert.equal(100, account:balance())
    assert.equal(100, host:actor("Victim", "w"):balance())
    assert.equal("method_not_found", hosts.failure_of(account.stolen, account).code)
  end)

  it("is open to its own file, and to what that calls", function()
    local host = hosts.open {
      ["shape.lua"] = [[
        local Shape = require("lib.base"):extend "Shape"
        require "lib.mixin"(Shape)
        rawset(Shape, "sides", 4)
        local made = require("lib.factory")("Made", Shape)
        function Shape:made() return made.made_by, made.sides, made.super == Shape end
        Shape.old = true
        Shape.old = nil
        return Shape]],
      ["lib/base.lua"] = [[
        local Base = require("troupe.actor"):extend "Base"
        function Base:base() return "base of " .. self.class.name end
        return Base]],
      ["lib/mixin.lua"] = [[return function(class)
        local base = class.base
        function class:base() return "mixed " .. base(self) end
      end]],
      ["lib/factory.lua"] = [[return function(name, parent)
        local class = parent:extend(name)
        class.made_by = "a factory"
        return class
      end]],
    }
    local shape = host:actor("Shape", "s")
    assert.equal("mixed base of Shape", shape:base())
    assert.equal("a factory", shape:made())
  end)

  it("is not open to a file that loads within its own", function()
    assert.matches('class "A" cannot be written to %("stolen"%)', problem {
      ["a.lua"] = [[
        local A = require("troupe.actor"):extend "A"
        require("lib.shelf").class = A
        require "lib.thief"
        return A]],
      ["lib/shelf.lua"] = "return {}",
      ["lib/thief.lua"] = [[require("lib.shelf").class.stolen = print]],
    })
  end)

  it("is read like a table", function()
    local host = hosts.open {
      ["base.lua"] = hosts.class("Base", [[
        Class.inherited, Class[1], Class[2] = "yes", "one", "two"
        function Class:hello() return "hello " .. self.key[1] end]]),
      ["child.lua"] = [[
        local Base = require "base"
        local Child = Base:extend "Child"
        Child.own = "own"
        function Child:hello() return Base.hello(self) .. "!" end
        function Child:look()
          local fields, items = {}, {}
          for name in pairs(Child) do fields[#fields + 1] = name end
          for i, item in ipairs(self.class) do items[i] = item end
          table.sort(fields)
          return {
            fields = fields, items = items, type = type(Child), text = tostring(Child), parent = tostring(Child.super),
            own = rawget(Child, "own"), not_own = rawget(Child, "inherited"), inherited = Child.inherited,
            next = next(Child) ~= nil, class = self.class == Child, super = self.super == Base,
            meta = getmetatable(Child), index = setmetatable({}, { __index = Child }).own,
          }
        end
        return Child]],
    }
    local child = host:actor("Child", "ann")
    assert.equal("hello ann!", child:hello())
    assert.same({
      fields = { "hello", "look", "name", "own", "super" }, items = { "one", "two" }, type = "table", text = "Child",
      parent = "Base", own = "own", inherited = "yes", next = true, class = true, super = true, index = "own",
    }, child:look())
  end)

  it("has no method that is named as what the host has", function()
    for _, name in ipairs { "state", "kv", "key", "class", "log", "schedule", "connections", "name", "super", "extend",
                            "save_state", "destroy" } do
      assert.matches(('a%%.lua:2: class "A": a method cannot be named "%s", which is the host\'s'):format(name),
                     problem { ["a.lua"] = hosts.class("A", "\nfunction Class:" .. name .. "() end") })
    end
    assert.matches("call extend with a colon", problem { ["a.lua"] = "return require('troupe.actor').extend({}, 'A')" })
  end)
end)
