-- rpc: what a method knows of the call. What comes over HTTP, headers among it: spec/host/http_spec.lua.
local attack = require "spec.support.attack"
local hosts = require "spec.support.hosts"

local teller = hosts.class("Teller", [[
  local kept
  function Class:on_before_connect(_, rpc) self.heard = { rpc.id, rpc.caller } end
  function Class:tell(rpc)
    return {
      id = rpc.id, caller = rpc.caller, params = rpc.params, headers = rpc.headers, key = rpc.idempotency_key,
      same = rpc.id == rpc.id and rpc.params == rpc.params, heard = self.heard, other = rpc.nothing,
    }
  end
  function Class:keep(rpc) kept = rpc; return kept.caller end
  function Class:use() return kept.caller end
  function Class:change(rpc, name) rpc[name] = "changed" end
]])

describe("rpc", function()
  after_each(hosts.close_all)

  it("has an id that differs for each call, the caller, and what came along", function()
    local host = hosts.open { ["teller.lua"] = teller }
    local params = { ticket = { 1, "two" } }
    local first = host:actor("Teller", "a", { params = params, idempotency_key = "k-1" }):tell()
    local second = host:actor("Teller", "a"):tell()
    assert.same({ id = first.id, caller = "client", params = params, key = "k-1", same = true,
                  heard = { first.id, "client" } }, first)
    assert.same({ id = second.id, caller = "client", same = true, heard = { second.id, "client" } }, second)
    host:advance(1)                    -- by the time of its start a host's ids differ from those of the one before
    host:crash()
    local ids = { [first.id] = true, [second.id] = true }
    for i = 1, 20 do ids[host:actor("Teller", i):tell().id] = true end
    local count = 0
    for id in pairs(ids) do
      assert.is_string(id)
      count = count + 1
    end
    assert.equal(22, count)
  end)

  it("is dead in every other call", function()
    local host = hosts.open({ ["teller.lua"] = teller }, { errors = true })
    local actor = host:actor("Teller", "a")
    assert.equal("client", actor:keep())
    for _, other in ipairs { actor, host:actor("Teller", "b") } do
      assert.matches("this rpc belongs to another call", hosts.failure_of(other.use, other).message)
    end
  end)

  it("of a neighbour's call is dead, and whoever tries it changes nothing", function()
    local place = attack.open { call_cpu_ms = 20000 }
    place.neighbour:run "local _, rpc = ... kept.rpc = rpc"
    place:refuses("internal_error", "belongs to another call", "return kept.rpc.id")
    place:close()
  end)

  for _, name in ipairs { "id", "params", "new" } do
    it("cannot be written to: " .. name, function()
      local host = hosts.open({ ["teller.lua"] = teller }, { errors = true })
      local actor = host:actor("Teller", "a")
      assert.matches("rpc cannot be written to", hosts.failure_of(actor.change, actor, name).message)
    end)
  end
end)
