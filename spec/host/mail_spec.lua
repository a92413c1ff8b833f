-- Mail as it lies on the disk: more of it than anybody has room for, fetched in pieces, over starts, reloads and stops.
local hosts = require "spec.support.hosts"
local kit = require "spec.support.kit"
local spread = require "spec.support.spread"
local troupe = require "troupe.test"
local write = require("spec.support.files").write

local peer = hosts.class("Peer", [[
  function Class:initialize_state() return { heard = array {}, tells = 0 } end
  function Class:hear(_, what) table.insert(self.state.heard, what) end
  function Class:heard() return self.state.heard end
  function Class:count() return #self.state.heard end
  function Class:tell(_, key, ...) self:send(self:actor("Peer", key), "hear", ...) end
  function Class:tell_many(_, key, first, last)
    for number = first, last do self:send(self:actor("Peer", key), "hear", number) end
  end
  function Class:tell_each(_, keys) for _, key in ipairs(keys) do self:send(self:actor("Peer", key), "hear", 1) end end
  function Class:ping() return "pong" end
  function Class:wait(_, key) return self:actor("Peer", key):wait_once() end
  function Class:wait_once() self:save_state() end
  function Class:ask(_, key) self.state.heard[1] = self:actor("Peer", key):ping() end
  function Class:tell_ask(_, key, asked) self:send(self:actor("Peer", key), "ask", asked) end
  function Class:end_it() self:destroy() end
  function Class:tell_end(_, key)
    self:send(self:actor("Peer", key), "hear", 1)
    self:send(self:actor("Peer", key), "end_it")
    self:send(self:actor("Peer", key), "hear", 2)
  end
  function Class:save_and_hear(_, what) self.state.heard[1] = what; self:save_state(); self.state.heard[2] = what end
  function Class:tell_save(_, key) self:send(self:actor("Peer", key), "save_and_hear", 7) end
]])

local function open(workers, options)
  options = options or {}
  options.workers = workers
  return hosts.open({ ["peer.lua"] = peer }, options), spread.keys(workers, "Peer", "k")
end

local function run_of(first, last)
  local numbers = {}
  for number = first, last do numbers[#numbers + 1] = number end
  return numbers
end

-- A host with a message whose run has saved, which is not durable yet. Also returns its receiver's key.
local function open_saving(workers)
  local host, key = open(workers, { errors = true })
  local from, to = key(), key()
  host:actor("Peer", to):heard()
  host:actor("Peer", from):heard()
  host:start("Peer", from, "tell_save", to)
  host:step(troupe.worker_of("Peer", from, workers))
  host:step "committer"
  host:step(troupe.worker_of("Peer", to, workers))
  return host, to
end

for workers = 1, 2 do
  describe(("Mail, with %d workers,"):format(workers), function()
    after_each(hosts.close_all)

    it("is applied in order, however much there is, and however slow its receiver", function()
      local host, key = open(workers, { turns_a_step = 3 })
      local from, to = key(), key()
      for round = 0, 4 do host:actor("Peer", from):tell_many(to, round * 900 + 1, round * 900 + 900) end
      assert.same(run_of(1, 4500), host:actor("Peer", to):heard())
    end)

    it("that a crash has left is found again, of all receivers", function()
      local host, key = open(workers)
      local from, receivers = key(), {}
      for place = 1, 300 do receivers[place] = key() end
      local sent = host:start("Peer", from, "tell_each", receivers)
      host:step(troupe.worker_of("Peer", from, workers))
      host:step "committer"
      sent:result()
      host:crash()
      host:reopen()
      host:run()
      for _, to in ipairs(receivers) do assert.equal(1, host:actor("Peer", to):count()) end
    end)

    it("lets others be served while it is looked for after a start", function()
      local host, key = open(workers)
      local from, to = key(), key()
      host:actor("Peer", from):tell(to, 1)
      host:crash()
      host:reopen()
      local called = host:start("Peer", to, "ping")
      host:step(troupe.worker_of("Peer", to, workers))
      assert.equal("pong", called:result())
    end)

    it("is not begun by a host that stops, and is applied after the next start", function()
      local host, key = open(workers)
      local from, to = key(), key()
      local sent = host:start("Peer", from, "tell_many", to, 1, 250)
      host:step(troupe.worker_of("Peer", from, workers))
      host:step "committer"
      host:step(troupe.worker_of("Peer", to, workers))
      sent:result()
      host:stop()
      host:reopen()
      host:run()
      assert.same(run_of(1, 250), host:actor("Peer", to):heard())
    end)

    it("is applied by the classes that are there, of which some are new", function()
      local host, key = open(workers)
      local from, to = key(), key()
      host:actor("Peer", to):heard()
      host:start("Peer", from, "tell_many", to, 1, 5)
      host:step(troupe.worker_of("Peer", from, workers))
      host:step "committer"
      local new = peer:gsub("insert%(self.state.heard, what%)", "insert(self.state.heard, -what)")
      write(host.folder .. "/peer.lua", new)
      host:reload()
      host:run()
      assert.same({ -1, -2, -3, -4, -5 }, host:actor("Peer", to):heard())
    end)

    it("may make its receiver ask others, and end it", function()
      local host, key = open(workers)
      local from, to, asked = key(), key(), key()
      host:actor("Peer", from):tell_ask(to, asked)
      assert.same({ "pong" }, host:actor("Peer", to):heard())
      host:actor("Peer", from):tell_end(to)
      assert.same({ 2 }, host:actor("Peer", to):heard())     -- is another one
      host:crash()
      host:reopen()
      host:run()
      assert.same({ 2 }, host:actor("Peer", to):heard())
    end)

    it("that saves is not run again by a crash in between", function()
      local host, to = open_saving(workers)
      host:step "committer"
      host:crash()
      host:reopen()
      host:advance(100)
      assert.same({ 7 }, host:actor("Peer", to):heard())
    end)

    it("that saves is run again if the save was lost", function()
      local host, to = open_saving(workers)
      host:fail_next "write"
      host:step "committer"
      host:run()
      host:advance(1)
      assert.same({ 7, 7 }, host:actor("Peer", to):heard())
      assert.is_nil(host:log():find("given up", 1, true))
    end)

    it("is durable when it reaches its receiver, also where answers leave before", function()
      local host, key = open(workers, { durability = "relaxed" })
      local from, to = key(), key()
      host:actor("Peer", from):heard()
      local syncs = host:stats().syncs
      host:actor("Peer", from):tell(to, 1)
      assert.equal(syncs + 1, host:stats().syncs)
      assert.same({ 1 }, host:actor("Peer", to):heard())
      host:crash()
      host:reopen()
      host:run()
      assert.same({ 1 }, host:actor("Peer", to):heard())
    end)

    it("costs a receiver that sleeps no more than a call", function()
      local host, key = open(workers)
      local from, to = key(), key()
      host:actor("Peer", from):tell(to, 1)
      host:run()
      host:advance(61)
      host:actor("Peer", from):tell(to, 2)
      assert.same({ 1, 2 }, host:actor("Peer", to):heard())
    end)

    it("of actors that live on other workers than before is applied all the same", function()
      local folder = os.tmpname()
      os.remove(folder)
      local host, key = open(workers, { data = folder, errors = true })
      local from, to = key(), key()
      local sent = host:start("Peer", from, "tell_many", to, 1, 150)
      host:step(troupe.worker_of("Peer", from, workers))
      host:step "committer"
      sent:result()
      host:crash()
      host:close()
      local actors = host.folder
      local other = kit.open { actors = actors, data = folder, workers = 3 }
      other:run()
      local heard = other:submit("call", "Peer", to, "heard", {}, 0)
      other:run()
      assert.same({ true, run_of(1, 150) }, { heard:answer() })
      other:close()
      os.execute("rm -rf " .. folder)
    end)
  end)
end
