-- A message is put by its sender's commit and removed by its receiver's, which may be on two workers. A checkpoint
-- takes the tables of both, in the order in which they answer, and forgets the log: no message may be lost by that, and
-- none come back.
local hosts = require "spec.support.hosts"
local troupe = require "troupe.test"

local WORKERS = 2

local peer = hosts.class("Peer", [[
  function Class:initialize_state() return { heard = array {} } end
  function Class:tell(_, key, what) self:send(self:actor("Peer", key), "hear", what) end
  function Class:hear(_, what) table.insert(self.state.heard, #what) end
  function Class:heard() return self.state.heard end
]])

local LETTER = ("x"):rep(3000)         -- enough for a checkpoint

local function open()
  local host = hosts.open({ ["peer.lua"] = peer }, { workers = WORKERS, checkpoint_bytes = 2000 })
  host:run()
  return host
end

-- A key whose actor lives on this worker.
local function key_on(worker, prefix)
  local number = 0
  repeat number = number + 1 until troupe.worker_of("Peer", prefix .. number, WORKERS) == worker
  return prefix .. number
end

-- Lets the checkpointer take all the steps that it can.
local function finish_checkpoint(host)
  repeat until not host:step "checkpointer"
end

-- What the receiver has heard after a crash, and after one more.
local function check_after_crash(host, receiver, what)
  for _ = 1, 2 do
    host:crash()
    host:reopen()
    host:run()
    assert.same({ #LETTER }, host:actor("Peer", receiver):heard(), what)
  end
end

describe("A checkpoint that takes tables", function()
  after_each(hosts.close_all)

  -- The commit of the sender is durable, and its letter lies in the inbox of the receiver's worker.
  local function put_letter(from, to)
    local host = open()
    local sender, receiver = key_on(from, "s"), key_on(to, "r")
    host:start("Peer", sender, "tell", receiver, LETTER)
    assert.is_true(host:step(from))
    assert.is_true(host:step "committer")
    return host, receiver
  end

  for from = 1, WORKERS do
    for to = 1, WORKERS do
      for first = 1, WORKERS do
        local case = ("sender on %d, receiver on %d, worker %d answers first"):format(from, to, first)

        it("while a letter waits has it in them: " .. case, function()
          local host, receiver = put_letter(from, to)
          assert.is_true(host:step "checkpointer")         -- asks both
          host:step(first)
          host:step(3 - first)
          finish_checkpoint(host)                          -- and the log forgets the sender's batch
          check_after_crash(host, receiver, case)
        end)

        it("when the message is applied forgets it: " .. case, function()
          local host, receiver = put_letter(from, to)
          host:step(to)                                    -- it takes the letter and applies the message
          assert.is_true(host:step "committer")
          assert.is_true(host:step "checkpointer")
          host:step(first)
          host:step(3 - first)
          finish_checkpoint(host)
          check_after_crash(host, receiver, case)
        end)

        it("between both commits keeps the message, and the next one forgets it: " .. case, function()
          local host, receiver = put_letter(from, to)
          assert.is_true(host:step "checkpointer")
          host:step(first)
          host:step(3 - first)
          finish_checkpoint(host)
          host:run()
          host:checkpoint()
          check_after_crash(host, receiver, case)
        end)
      end
    end
  end
end)
