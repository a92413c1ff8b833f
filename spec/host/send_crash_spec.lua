-- One hop of a message, cut off everywhere: whatever steps the workers, the committer and the checkpointer have taken,
-- in whatever order, a message is applied once if its sender's call was answered, and once or never if not.
-- TROUPE_DEPTH=n tries all orders of the first n steps.
local hosts = require "spec.support.hosts"
local orders = require "spec.support.orders"
local troupe = require "troupe.test"

local DEPTH = orders.depth(5)

local peer = hosts.class("Peer", [[
  function Class:initialize_state() return { heard = array {}, sent = 0 } end
  function Class:tell(_, key, what)
    self.state.sent = self.state.sent + 1
    self:send(self:actor("Peer", key), "hear", what)
  end
  function Class:hear(_, what) table.insert(self.state.heard, #what) end
  function Class:get() return self.state end
]])

local LETTER = ("x"):rep(3000)         -- enough for a checkpoint

local function key_on(worker, workers, prefix)
  local number = 0
  repeat number = number + 1 until troupe.worker_of("Peer", prefix .. number, workers) == worker
  return prefix .. number
end

-- What there is after a crash must be the same after another one.
local function look(host, sender, receiver)
  local found
  for _ = 1, 2 do
    host:crash()
    host:reopen()
    host:run()
    host:advance(2)
    local from, to = host:state("Peer", sender), host:state("Peer", receiver)
    local counts = { sent = from and from.sent or 0, heard = to and #to.heard or 0 }
    assert.same(found or counts, counts)
    found = counts
  end
  return found
end

-- Tries every order of so many steps, and what comes of it. `fails`: a write fails among them.
local function try_all(workers, from, to, depth, fails)
  local sender, receiver = key_on(from, workers, "s"), key_on(to, workers, "r")
  local host = hosts.open({ ["peer.lua"] = peer }, { workers = workers, checkpoint_bytes = 2000, errors = fails })
  local sent, called, heard = 0, nil, 0
  local outcomes = {}
  orders.try_all(depth, workers + 2 + (fails and 1 or 0), function()
    if not host:is_open() then host:reopen() end
    host:run()
    called = host:start("Peer", sender, "tell", receiver, LETTER)
  end, function(choice)
    if choice <= workers then return host:step(choice) end
    if choice == workers + 1 then return host:step "committer" end
    if choice == workers + 2 then return host:step "checkpointer" end
    host:fail_next "write"
    return true
  end, function(path)
    local what = ("workers %d, from %d, to %d, path %s"):format(workers, from, to, table.concat(path, " "))
    local answered = called:is_done() and pcall(called.result, called)
    local found = look(host, sender, receiver)
    local more = found.sent - sent
    assert.equal(found.sent, found.heard, what)
    assert.is_true(more == 1 or (more == 0 and not answered), what)
    sent, heard = found.sent, found.heard
    outcomes[(answered and "answered, " or "not answered, ") .. more] = true
  end)
  assert.equal(sent, heard)
  return outcomes
end

describe("One hop of a message", function()
  after_each(hosts.close_all)

  for _, layout in ipairs { { 1, 1, 1 }, { 2, 1, 2 }, { 2, 2, 1 } } do
    it(("is whole after a crash anywhere: %d workers, from %d to %d"):format(table.unpack(layout)), function()
      local outcomes = try_all(layout[1], layout[2], layout[3], DEPTH)
      assert.same({ ["answered, 1"] = true, ["not answered, 0"] = true }, outcomes)
    end)

    it(("is whole where a write fails: %d workers, from %d to %d"):format(table.unpack(layout)), function()
      try_all(layout[1], layout[2], layout[3], math.max(2, DEPTH - 1), true)
    end)
  end
end)
