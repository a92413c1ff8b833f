-- Messages: one way, with the sender's commit, applied once, in order.
local hosts = require "spec.support.hosts"
local spread = require "spec.support.spread"

local peer = hosts.class("Peer", [[
  function Class:initialize_state(input) return { heard = array {}, made = input } end
  function Class:hear(_, what) table.insert(self.state.heard, what) end
  function Class:heard() return self.state.heard end
  function Class:made() return self.state.made end
  function Class:get(_, key) return self.kv:get(key) end

  function Class:tell(_, key, ...) self:send(self:actor("Peer", key), "hear", ...) end
  function Class:tell_all(_, keys, count)
    for number = 1, count do
      for _, key in ipairs(keys) do self:send(self:actor("Peer", key), "hear", { self.key[1], number }) end
    end
    return count
  end
  function Class:tell_and_fail(_, key) self:send(self:actor("Peer", key), "hear", 1); error(UserError("no")) end
  function Class:tell_in_vain(_, key) return pcall(self.tell_and_fail, self, nil, key) end
  function Class:tell_save_tell_fail(_, key)
    local other = self:actor("Peer", key)
    self:send(other, "hear", "before")
    self:save_state()
    self:send(other, "hear", "after")
    error(UserError("no"))
  end
  function Class:who(rpc) table.insert(self.state.heard, rpc.caller .. " " .. tostring(rpc.actor)) end
  function Class:ask_who(_, key) self:send(self:actor("Peer", key), "who") end
  function Class:ping(rpc, key)
    self.state.pings = (self.state.pings or 0) + 1
    self:send(key and self:actor("Peer", key) or rpc.actor, "ping")
  end
  function Class:pings() return self.state.pings end
  function Class:count_down(_, number)
    if number > 0 then self:send(self:actor("Peer", self.key), "count_down", number - 1) end
    table.insert(self.state.heard, number)
  end
  function Class:send_with(_, key, options, method, ...) self:send(self:actor("Peer", key, options), method, ...) end
  function Class:nils(_, ...) table.insert(self.state.heard, select("#", ...)) end
  function Class:tell_nils(_, key) self:send(self:actor("Peer", key), "nils", nil, 1, nil) end
  function Class:share(_, key)
    local shared = { 1 }
    self:send(self:actor("Peer", key), "same", shared, shared)
    shared[1] = 2
  end
  function Class:same(_, one, other) table.insert(self.state.heard, { rawequal(one, other), one[1] }) end
]])

-- Hooks that send.
local hooked = hosts.class("Hooked", [[
  local function tell(self, what) self:send(self:actor("Peer", "p"), "hear", what) end
  function Class:initialize_state() tell(self, "made"); return {} end
  function Class:on_start() tell(self, "started") end
  function Class:on_stop() tell(self, "stopped") end
  function Class:on_before_connect() tell(self, "admitted") end
  function Class:touch() end
]])

local function open(workers, options)
  options = options or {}
  options.workers = workers
  return hosts.open({ ["peer.lua"] = peer, ["hooked.lua"] = hooked }, options)
end

for workers = 1, 2 do
  describe(("A message, with %d workers,"):format(workers), function()
    after_each(hosts.close_all)
    local key_of = function() return spread.keys(workers, "Peer", "k") end

    it("is applied, and tells who sent it", function()
      local host, key = open(workers), key_of()
      local from, to = key(), key()
      host:actor("Peer", from):tell(to, "hello")
      host:actor("Peer", from):ask_who(to)
      assert.same({ "hello", "actor Peer/" .. from }, host:actor("Peer", to):heard())
    end)

    it("of a call that fails is none, and one that was caught is one", function()
      local host, key = open(workers), key_of()
      local from, to = key(), key()
      assert.equal("user_error", hosts.failure_of(host:actor("Peer", from).tell_and_fail, nil, to).code)
      assert.is_nil(host:state("Peer", to))
      host:actor("Peer", from):tell_in_vain(to)
      assert.same({ 1 }, host:actor("Peer", to):heard())
    end)

    it("that was sent before a save leaves with it", function()
      local host, key = open(workers), key_of()
      local from, to = key(), key()
      hosts.failure_of(host:actor("Peer", from).tell_save_tell_fail, nil, to)
      assert.same({ "before" }, host:actor("Peer", to):heard())
    end)

    it("keeps its place among those of its sender, whatever others send, over crashes too", function()
      local host, key = open(workers), key_of()
      local senders, receivers = { key(), key(), key() }, { key(), key() }
      for round = 1, 3 do
        local calls = {}
        for _, from in ipairs(senders) do calls[#calls + 1] = host:start("Peer", from, "tell_all", receivers, 50) end
        for _, call in ipairs(calls) do call:get() end
        if round < 3 then host:crash() end
      end
      host:reopen()
      host:run()
      for _, to in ipairs(receivers) do
        local numbers, count = {}, 0
        for _, heard in ipairs(host:actor("Peer", to):heard()) do
          local from, number = heard[1], heard[2]
          assert.equal((numbers[from] or 0) % 50 + 1, number)
          numbers[from] = number
          count = count + 1
        end
        assert.equal(3 * 3 * 50, count)
      end
    end)

    it("may be for its sender: it runs after the call that sends it", function()
      local host = open(workers)
      host:actor("Peer", "p"):count_down(3)
      assert.same({ 3, 2, 1, 0 }, host:actor("Peer", "p"):heard())
    end)

    it("carries what a call carries, copied when it is sent", function()
      local host, key = open(workers), key_of()
      local from, to = key(), key()
      host:actor("Peer", from):tell_nils(to)
      host:actor("Peer", from):share(to)
      assert.same({ 3, { true, 1 } }, host:actor("Peer", to):heard())
    end)

    it("makes its receiver, with the handle's input, or does not", function()
      local host, key = open(workers, { errors = true }), key_of()
      local from, to, no = key(), key(), key()
      host:actor("Peer", from):send_with(to, { input = { 7 } }, "hear", 1)
      host:actor("Peer", from):send_with(no, { create = false }, "hear", 1)
      host:run()
      assert.same({ 7 }, host:actor("Peer", to):made())
      assert.is_nil(host:state("Peer", no))
    end)

    it("with an idempotency key is applied once for that key", function()
      local host, key = open(workers), key_of()
      local from, to = key(), key()
      for _ = 1, 3 do host:actor("Peer", from):send_with(to, { idempotency_key = "k1" }, "hear", 1) end
      assert.same({ 1 }, host:actor("Peer", to):heard())
    end)

    it("leaves nothing behind", function()
      local host, key = open(workers), key_of()
      local from, to = key(), key()
      host:actor("Peer", from):tell(to, 1)
      local before = host:entries()
      for number = 1, 20 do host:actor("Peer", from):tell(to, number % 10) end
      host:run()
      assert.equal(21, #host:actor("Peer", to):heard())
      assert.equal(before, host:entries())
    end)

    it("may be sent by each hook", function()
      local host = open(workers)
      host:actor("Hooked", "h"):touch()
      host:sleep("Hooked", "h")
      host:run()
      assert.same({ "made", "started", "admitted", "stopped" }, host:actor("Peer", "p"):heard())
    end)

    it("that is sent as the host stops is applied after the next start", function()
      local host = open(workers)
      host:actor("Hooked", "h"):touch()
      host:stop()
      host:reopen()
      host:run()
      assert.equal("stopped", host:actor("Peer", "p"):heard()[4])
    end)

    it("goes on for ever between two, and others have their turns", function()
      local host, key = open(workers), key_of()
      local from, to, other = key(), key(), key()
      local function step()
        for worker = 1, workers do host:step(worker) end
        host:step "committer"
      end
      host:start("Peer", from, "ping", to)
      for _ = 1, 30 do step() end
      local called = host:start("Peer", other, "made")
      for _ = 1, 3 do step() end
      assert.is_true(called:is_done())
      local pings = host:start("Peer", from, "pings")
      for _ = 1, 3 do step() end
      assert.is_true(pings:result() > 5)
      host:stop()                                            -- and ends where the host stops
    end)
  end)
end

describe("self:send", function()
  after_each(hosts.close_all)

  local odd = hosts.class("Odd", [[
    function Class:try(_, case)
      local handle = self:actor("Odd", "o")
      local send = self.send
      if case == "no colon" then return send(handle, "hear") end
      if case == "no handle" then return self:send("Odd", "hear") end
      if case == "itself" then return self:send(self, "hear") end
      if case == "no method" then return self:send(handle) end
      if case == "a number" then return self:send(handle, 7) end
      if case == "a hook" then return self:send(handle, "on_start") end
      if case == "private" then return self:send(handle, "_hidden") end
      if case == "unknown" then return self:send(handle, "nothing") end
      if case == "a function" then return self:send(handle, "hear", { a = { function() end } }) end
      if case == "many" then return self:send(handle, "hear", table.unpack({}, 1, 201)) end
      if case == "large" then return self:send(handle, "hear", ("x"):rep(2000)) end
      if case == "much" then for _ = 1, 100 do self:send(handle, "hear", ("x"):rep(900)) end end
    end
    function Class:on_start() end
    function Class:_hidden() end
    function Class:hear() end
  ]])

  it("refuses what cannot be sent, and then nothing is", function()
    local limits = { value_bytes = 1000, commit_bytes = 10000 }
    local host = hosts.open({ ["odd.lua"] = odd }, { errors = true, limits = limits })
    for case, words in pairs {
      ["no colon"] = { "internal_error", "call send with a colon" },
      ["no handle"] = { "internal_error", "handle: the handle of an actor, as self:actor%(%) makes it, not a string" },
      ["itself"] = { "internal_error", "handle: self is not a handle; self:actor%(class, self%.key%) makes the one" },
      ["no method"] = { "internal_error", "method: the name of a method, a string, not a n" },
      ["a number"] = { "internal_error", "method: the name of a method, a string, not a number" },
      ["a hook"] = { "internal_error", 'the class "Odd" has no method "on_start"' },
      ["private"] = { "internal_error", 'the class "Odd" has no method "_hidden"' },
      ["unknown"] = { "internal_error", 'the class "Odd" has no method "nothing"' },
      ["a function"] = { "internal_error", "arguments%[1%]%.a%[1%]: a function" },
      ["many"] = { "internal_error", "201 arguments; a call takes at most 200" },
      ["large"] = { "payload_too_large", "%-%-limit%-value%-bytes" },
      ["much"] = { "payload_too_large", "%-%-limit%-commit%-bytes" },
    } do
      local failure = hosts.failure_of(host:actor("Odd", "a").try, nil, case)
      assert.equal(words[1], failure.code, case)
      assert.matches(words[2], failure.message, 1, case)
    end
    host:run()
    assert.is_nil(host:kv("Odd", "o"))
  end)
end)
