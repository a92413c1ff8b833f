-- What an actor has from another is worth as much as what that one has on disk: when a write fails, nobody goes on with
-- what was lost.
local hosts = require "spec.support.hosts"

local link = hosts.class("Link", [[
  function Class:initialize_state() return { count = 0 } end
  function Class:add() self.state.count = self.state.count + 1; return self.state.count end
  function Class:only_save() self:save_state() end
  function Class:save() self:add(); self:save_state() end
  function Class:call(_, key, method) return self:actor("Link", key)[method](self:actor("Link", key)) end
]])

describe("When a write fails", function()
  after_each(hosts.close_all)

  it("a caller and the one that it waits for fail together, and both work on", function()
    local host = hosts.open({ ["link.lua"] = link }, { errors = true })
    local added = host:start("Link", "ann", "add")
    local called = host:start("Link", "ann", "call", "bob", "save")
    host:step(1)                                             -- bob saves, and ann has seen what is not durable
    host:fail_next "write"
    for _, call in ipairs { added, called } do
      assert.equal("storage_error", hosts.failure_of(call.get, call).code)
    end
    assert.is_nil(host:state("Link", "ann"))
    assert.is_nil(host:state("Link", "bob"))
    assert.is_nil(host:actor("Link", "ann"):call("bob", "save"))
    assert.equal(2, host:actor("Link", "bob"):add())
  end)
end)

describe("Where answers leave before the sync", function()
  after_each(hosts.close_all)

  it("a call that saves and has changed nothing waits for the next sync, and no longer", function()
    local host = hosts.open({ ["link.lua"] = link }, { durability = "relaxed" })
    host:actor("Link", "ann"):add()
    local saved = host:start("Link", "ann", "only_save")
    host:run()
    assert.is_false(saved:is_done())
    host:advance(0.6)
    assert.is_true(saved:is_done())
  end)
end)
