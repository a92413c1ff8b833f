-- Memory runs out at every place on the way of a message: it was sent, and is applied once and in its place, or its
-- call has failed, and it is not.
local hosts = require "spec.support.hosts"
local kit = require "spec.support.kit"
local spread = require "spec.support.spread"

local peer = hosts.class("Peer", [[
  function Class:initialize_state() return { heard = array {}, sent = 0 } end
  function Class:tell(_, keys, number)
    self.state.sent = number
    for _, key in ipairs(keys) do
      self:send(self:actor("Peer", key, { input = { 1 }, idempotency_key = key .. number }), "hear", { number, "text" })
    end
  end
  function Class:tell_and_save(_, keys, number) self:tell(nil, keys, number); self:save_state() end
  function Class:hear(_, what) table.insert(self.state.heard, what[1]) end
  function Class:save(_, what) self:hear(nil, what); self:save_state() end
  function Class:get() return self.state end
]])

describe("Where memory runs out,", function()
  after_each(hosts.close_all)

  for workers = 1, 2 do
    for _, method in ipairs { "tell", "tell_and_save" } do
      it(("a message is sent or not, and applied once: %s, %d workers"):format(method, workers), function()
        for _, count in ipairs(kit.FAILURES_IN_A_ROW) do
          local host = hosts.open({ ["peer.lua"] = peer }, { workers = workers, errors = true })
          local key = spread.keys(workers, "Peer", "k")
          local sender, receivers = key(), { key(), key() }
          local sent, k = {}, 0
          repeat
            k = k + 1
            assert(k < 1000, "no end of allocations")
            kit.fail_allocation(host, k, count)
            local ok, failure = pcall(host:actor("Peer", sender)[method], nil, receivers, k)
            local failed = kit.fail_allocation(host, 0)
            if not ok then assert.equal("out_of_memory", failure.code) end
            local state = host:state("Peer", sender)
            if state and state.sent == k then sent[#sent + 1] = k end
            assert.is_true(not ok or sent[#sent] == k)
            host:advance(1)
            host:advance(4)
            for _, to in ipairs(receivers) do
              local heard = host:state("Peer", to)
              assert.same(sent, heard and heard.heard or {}, ("k=%d, %d in a row"):format(k, count))
            end
          until not failed
          host:close()
        end
      end)
    end
  end
end)
