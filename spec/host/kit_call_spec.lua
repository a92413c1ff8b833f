-- troupe.test: what a call can bring along, and where its errors point.
local hosts = require "spec.support.hosts"

local room = hosts.class("Room", [[
  function Class:headers(rpc) return rpc.headers end
]])

describe("A call of the kit", function()
  after_each(hosts.close_all)

  it("brings headers along, by names in lower case", function()
    local host = hosts.open { ["room.lua"] = room }
    local actor = host:actor("Room", "a", { headers = { ["X-User"] = "Ann", cookie = "a=b" } })
    assert.same({ ["x-user"] = "Ann", cookie = "a=b" }, actor:headers())
    assert.is_nil(host:actor("Room", "a"):headers())
    assert.same({}, host:actor("Room", "a", { headers = {} }):headers())
  end)

  it("raises at the line of the spec", function()
    local host = hosts.open { ["room.lua"] = room }
    local line = debug.getinfo(1, "l").currentline + 1
    local ok, failure = pcall(function() host:actor("Room", "a"):missing() end)
    assert.is_false(ok)
    assert.matches(("kit_call_spec.lua:%d$"):format(line), failure.place)
    assert.equal(("%s: method_not_found: %s"):format(failure.place, failure.message), tostring(failure))
    ok, failure = pcall(function() host:actor("Room", "a", { create = false, tries = 2 }):say() end)
    assert.is_false(ok)
    assert.matches(("kit_call_spec.lua:%d: there is no option \"tries\" here"):format(line + 4), failure)
    ok, failure = pcall(function() host:step "someone" end)
    assert.is_false(ok)
    assert.matches(("kit_call_spec.lua:%d: bad argument #1 to 'step'"):format(line + 7), failure)
  end)
end)
