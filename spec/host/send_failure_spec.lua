-- Messages that cannot be applied at once: what fails is tried again, held back, given up; what the disk or the host
-- failed is not counted.
local hosts = require "spec.support.hosts"
local spread = require "spec.support.spread"

local peer = hosts.class("Peer", [[
  function Class:initialize_state() return { heard = array {}, tries = 0 } end
  function Class:heard() return self.state.heard end
  function Class:hear(_, what) table.insert(self.state.heard, what) end
  function Class:tell(_, key, method, ...) self:send(self:actor("Peer", key), method, ...) end
  function Class:tell_many(_, key, method, count)
    for number = 1, count do self:send(self:actor("Peer", key), method, number) end
  end
  function Class:get(_, name) return self.state[name] end
  function Class:set(_, name, value) self.state[name] = value end

  -- Fails while the state says so, or for what it names.
  function Class:may_fail(_, what)
    log_try(what)
    if self.state.fails or self.state.refuses == what then
      self.state.heard = array {}
      error(UserError("not " .. tostring(what), { code = "refused" }))
    end
    table.insert(self.state.heard, what)
  end
  function Class:save_and_fail(_, what)
    table.insert(self.state.heard, what)
    self:save_state()
    table.insert(self.state.heard, "more")
    if self.state.fails then error "after the save" end
  end
  function Class:ask_in_vain(_, how)
    log_try(how)
    if how == "actor" then self:actor("Peer", "none", { create = false }):heard() end
    if how == "class" then self:actor("Nobody", 1):heard() end
    if how == "method" then self:actor("Peer", "other"):nothing() end
  end
  function Class:double() for _ = 1, 2 do self:send(self:actor("Peer", self.key), "double") end end
  function Class:overload(_, key, count)
    local ok, failure = pcall(self.tell_many, self, nil, key, "hear", count)
    return ok or failure.code .. ": " .. failure.message
  end
  function Class:fill(_, bytes) self.kv:put("fill", ("x"):rep(bytes)) end
]])

-- Tries are counted in the log: what a failed call has changed is undone.
local LOG_TRY = "local function log_try(what) print('try ' .. tostring(what)) end; local Actor"
local source = peer:gsub("local Actor", LOG_TRY, 1)

local function open(workers, options)
  options = options or {}
  options.workers, options.errors = workers, true
  return hosts.open({ ["peer.lua"] = source }, options)
end

local function tries_in(log)
  local tries = {}
  for what in log:gmatch "try ([%w]+)" do tries[#tries + 1] = what end
  return tries
end

local PAUSES = { 1, 4, 16, 64, 256, 1024, 3600, 3600, 3600 }

for workers = 1, 2 do
  describe(("A message that fails, with %d workers,"):format(workers), function()
    after_each(hosts.close_all)
    local function keys() return spread.keys(workers, "Peer", "k") end

    it("is tried ten times, with growing pauses, and then given up", function()
      local host, key = open(workers), keys()
      local from, to = key(), key()
      host:actor("Peer", to):set("fails", true)
      host:actor("Peer", from):tell(to, "may_fail", "a")
      host:run()
      assert.same({ "a" }, tries_in(host:log()))
      for try, pause in ipairs(PAUSES) do
        host:advance(pause - 0.5)
        assert.same({}, tries_in(host:log()), "before try " .. try + 1)
        if try % 3 == 0 then                                 -- what is noted of it is on the disk
          host:crash()
          host:reopen()
          host:run()
          assert.same({}, tries_in(host:log()), "after a crash before try " .. try + 1)
        end
        host:advance(0.5)
        local log = host:log()
        assert.same({ "a" }, tries_in(log), "try " .. try + 1)
        assert.equal(try == #PAUSES, log:find("message given up", 1, true) ~= nil)
        if try == #PAUSES then
          assert.matches('class=Peer key="?\\?"?' .. to, log)
          assert.matches("method=may_fail sender=Peer/" .. from .. " id=%S+ error=.not a", log)
        end
      end
      host:advance(100000)
      assert.same({}, tries_in(host:log()))
      host:actor("Peer", to):set("fails", false)
      host:crash()
      host:reopen()
      host:advance(100000)
      assert.same({}, host:actor("Peer", to):heard())
    end)

    it("counts a try where another actor, class or method is not there", function()
      local host, key = open(workers), keys()
      local from, to = key(), key()
      for _, how in ipairs { "actor", "class", "method" } do
        host:log()
        host:actor("Peer", from):tell(to, "ask_in_vain", how)
        host:run()
        local log = host:log()
        for _, pause in ipairs { 0, table.unpack(PAUSES) } do
          host:advance(pause)
          log = log .. host:log()
        end
        assert.equal(10, #tries_in(log), how)
        assert.matches("message given up", log, 1, true)
      end
    end)

    it("holds back the later ones of its sender, and no others", function()
      local host, key = open(workers), keys()
      local one, two, to = key(), key(), key()
      host:actor("Peer", to):set("refuses", "bad")
      for _, what in ipairs { "a", "bad", "b", "c" } do host:actor("Peer", one):tell(to, "may_fail", what) end
      for _, what in ipairs { "x", "y" } do host:actor("Peer", two):tell(to, "may_fail", what) end
      assert.same({ "a", "x", "y" }, host:actor("Peer", to):heard())
      host:advance(1)
      host:actor("Peer", one):tell(to, "may_fail", "d")
      host:crash()
      host:reopen()
      host:run()
      assert.same({ "a", "x", "y" }, host:actor("Peer", to):heard())
      host:actor("Peer", to):set("refuses", nil)
      host:advance(4)
      assert.same({ "a", "x", "y", "bad", "b", "c", "d" }, host:actor("Peer", to):heard())
    end)

    it("lets the later ones of its sender go when it is given up", function()
      local host, key = open(workers), keys()
      local from, to = key(), key()
      host:actor("Peer", to):set("refuses", 7)
      host:actor("Peer", from):tell_many(to, "may_fail", 300)
      assert.same({ 1, 2, 3, 4, 5, 6 }, host:actor("Peer", to):heard())
      for _, pause in ipairs(PAUSES) do host:advance(pause) end
      local heard = host:actor("Peer", to):heard()
      assert.equal(299, #heard)
      for place, what in ipairs(heard) do assert.equal(place < 7 and place or place + 1, what) end
      assert.matches("message given up", host:log())
    end)

    it("and has saved before is given up at once, and what it saved stays", function()
      local host, key = open(workers), keys()
      local from, to = key(), key()
      host:actor("Peer", to):set("fails", true)
      host:actor("Peer", from):tell(to, "save_and_fail", 1)
      host:actor("Peer", from):tell(to, "hear", 2)
      assert.same({ 1, 2 }, host:actor("Peer", to):heard())
      assert.matches("message given up", host:log())
      host:crash()
      host:reopen()
      host:advance(100000)
      assert.same({ 1, 2 }, host:actor("Peer", to):heard())
      host:actor("Peer", to):set("fails", false)
      host:actor("Peer", from):tell(to, "save_and_fail", 3)
      assert.same({ 1, 2, 3, "more" }, host:actor("Peer", to):heard())
    end)

    it("for a method that is taken away is tried until it is back", function()
      local host, key = open(workers), keys()
      local from, to = key(), key()
      host:actor("Peer", from):tell(to, "hear", 1)
      host:actor("Peer", to):set("fails", true)
      host:actor("Peer", from):tell(to, "may_fail", 2)
      local file = host.folder .. "/peer.lua"
      local write = require("spec.support.files").write
      write(file, (source:gsub("Class:may_fail", "Class:may_not")))
      host:reload()
      host:advance(1)
      write(file, source)
      host:reload()
      host:actor("Peer", to):set("fails", false)
      host:advance(4)
      assert.same({ 1, 2 }, host:actor("Peer", to):heard())
    end)
  end)

  describe(("Where a write fails, with %d workers,"):format(workers), function()
    after_each(hosts.close_all)
    local function keys() return spread.keys(workers, "Peer", "k") end

    it("a message is sent with its call or not at all", function()
      local host, key = open(workers), keys()
      local from, to = key(), key()
      host:actor("Peer", from):tell(to, "hear", 0)
      for number = 1, 5 do
        host:fail_next "write"
        assert.equal("storage_error", hosts.failure_of(host:actor("Peer", from).tell, nil, to, "hear", number).code)
      end
      host:actor("Peer", from):tell(to, "hear", 6)
      host:advance(1)
      assert.same({ 0, 6 }, host:actor("Peer", to):heard())
    end)

    it("a message that was applied in vain is applied again, in its place", function()
      local host, key = open(workers), keys()
      local from, to = key(), key()
      local worker_of = require("troupe.test").worker_of
      host:actor("Peer", to):heard()
      host:run()
      local sent = host:start("Peer", from, "tell_many", to, "hear", 250)
      host:step(worker_of("Peer", from, workers))
      host:step "committer"
      host:step(worker_of("Peer", to, workers))              -- has applied some, and they are not durable
      host:fail_next "write"
      host:run()
      sent:get()
      host:advance(1)
      local heard = host:actor("Peer", to):heard()
      assert.equal(250, #heard)
      for place, what in ipairs(heard) do assert.equal(place, what) end
      host:crash()
      host:reopen()
      host:run()
      assert.equal(250, #host:actor("Peer", to):heard())
    end)

    it("tries are not counted while the disk takes nothing", function()
      local host, key = open(workers), keys()
      local from, to = key(), key()
      host:actor("Peer", from):tell(to, "hear", 0)
      host:run()
      host:start("Peer", from, "tell", to, "hear", 1)
      host:step(require("troupe.test").worker_of("Peer", from, workers))
      host:step "committer"
      for _ = 1, 30 do host:fail_next "write" end
      host:run()
      for _ = 1, 30 do host:advance(1) end
      assert.same({ 0, 1 }, host:actor("Peer", to):heard())
      assert.is_nil(host:log():find("given up", 1, true))
    end)
  end)

  describe(("A sender, with %d workers,"):format(workers), function()
    after_each(hosts.close_all)
    local function keys() return spread.keys(workers, "Peer", "k") end

    it("may have so many messages that are not applied, and no more", function()
      local host, key = open(workers, { limits = { waiting_sends = 10 } }), keys()
      local from, to, other = key(), key(), key()
      local words = "overloaded: 10 messages of this actor are not applied yet %(%-%-limit%-waiting%-sends%)"
      assert.is_true(host:actor("Peer", from):overload(to, 10))
      host:run()
      assert.matches(words, host:actor("Peer", from):overload(to, 11))     -- what was sent before stays sent
      assert.equal(20, #host:actor("Peer", to):heard())
      host:actor("Peer", to):set("fails", true)
      host:actor("Peer", from):tell_many(to, "may_fail", 4)
      assert.is_true(host:actor("Peer", from):overload(other, 6))
      host:run()
      assert.is_true(host:actor("Peer", from):overload(other, 6))
      host:run()
      assert.matches(words, host:actor("Peer", from):overload(other, 7))
      host:run()
      host:actor("Peer", to):set("fails", false)
      host:advance(1)
      assert.is_true(host:actor("Peer", from):overload(other, 10))
    end)

    it("that doubles stops where it begins", function()
      local host = open(workers, { limits = { waiting_sends = 50 } })
      host:start("Peer", "storm", "double")
      for _ = 1, 400 do
        for worker = 1, workers do host:step(worker) end
        host:step "committer"
      end
      assert.matches("code=overloaded", host:log())
      host:stop()
    end)

    it("is not held to what an earlier life has sent", function()
      local host, key = open(workers, { limits = { waiting_sends = 10 } }), keys()
      local from, to = key(), key()
      host:actor("Peer", to):set("fails", true)
      host:actor("Peer", from):tell_many(to, "may_fail", 10)
      host:run()
      host:crash()
      host:reopen()
      host:run()
      assert.is_true(host:actor("Peer", from):overload(to, 10))
      host:actor("Peer", to):set("fails", false)
      host:advance(1)
      host:advance(4)
      assert.equal(20, #host:actor("Peer", to):heard())
      assert.is_true(host:actor("Peer", from):overload(to, 10))
    end)
  end)
end

describe("A message for a worker whose store is full", function()
  after_each(hosts.close_all)

  it("is refused with its call, and others are sent", function()
    local host = open(2, { map_bytes = 256 * 1024, checkpoint_bytes = 2000 })
    local key = spread.keys(2, "Peer", "k")
    local from, to = key(), key()
    host:actor("Peer", from):heard()
    host:actor("Peer", to):heard()
    local fill = spread.keys(2, "Peer", "f")
    local failure
    for _ = 1, 200 do
      fill()                                                 -- every second one lives beside the receiver
      local ok, why = pcall(host:actor("Peer", fill()).fill, nil, 4000)
      failure = not ok and why
      if failure then break end
    end
    assert.matches("the store has no room for more changes", failure.message)
    local refused = hosts.failure_of(host:actor("Peer", from).tell, nil, to, "hear", 1)
    assert.equal("storage_error", refused.code)
    assert.matches("the store has no room for more messages", refused.message)
    host:actor("Peer", from):tell(from, "hear", 2)
    assert.same({ 2 }, host:actor("Peer", from):heard())
  end)
end)
