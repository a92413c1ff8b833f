-- Around the end of an actor: calls that wait for it or that it waits for, failing writes, checkpoints, its schedules.
local hosts = require "spec.support.hosts"
local spread = require "spec.support.spread"
local room = require "spec.support.room"

local function open(options)
  return hosts.open({ ["room.lua"] = room }, options)
end

local code_of = hosts.code_of

describe("Around the end of an actor,", function()
  after_each(hosts.close_all)

  it("calls that wait for it are calls of the next one, or find none", function()
    local host = open()
    local life = host:actor("Room", "a"):fill(4)
    local going = host:start("Room", "a", "go", "gone")
    local careful = host:start_with({ create = false }, "Room", "a", "life")
    local next_life = host:start_with({ input = "second" }, "Room", "a", "life")
    local count = host:start("Room", "a", "count")
    local gone_again = host:start("Room", "a", "go", "again")
    local nothing = host:start_with({ create = false }, "Room", "a", "count")
    assert.equal("gone", going:get())
    assert.equal("actor_not_found", code_of(careful.get, careful))
    assert.not_equal(life, next_life:get())
    assert.equal(0, count:get())
    assert.equal("again", gone_again:get())
    assert.equal("actor_not_found", code_of(nothing.get, nothing))
    host:crash()
    assert.is_nil(host:state("Room", "a"))
  end)

  it("nobody hears of it before it is durable; if its write fails, it is there as it was", function()
    local host = open { errors = true }
    local life = host:actor("Room", "a"):fill(3)
    host:hold(true)
    local calls = {
      host:start("Room", "a", "go"), host:start_with({ create = false }, "Room", "a", "life"),
      host:start("Room", "a", "fill", 5), host:start("Room", "a", "count"),
    }
    host:run()
    for i, call in ipairs(calls) do assert.is_false(call:is_done(), i) end
    host:fail_next "write"
    host:hold(false)
    for i, call in ipairs(calls) do assert.equal("storage_error", code_of(call.get, call), i) end
    assert.equal(life, host:actor("Room", "a"):life())
    assert.equal(3, host:actor("Room", "a"):count())
    host:crash()
    assert.equal(life, host:actor("Room", "a"):life())
    assert.equal(3, host:actor("Room", "a"):count())
  end)

  it("who comes back to its address after it has left memory waits for the disk too", function()
    local host = open()
    host:actor("Room", "a"):life()
    host:hold(true)
    local going = host:start("Room", "a", "go")
    host:run()
    local look = host:start_with({ create = false }, "Room", "a", "life")
    host:run()
    assert.is_false(going:is_done())
    assert.is_false(look:is_done())
    host:hold(false)
    assert.equal("actor_not_found", code_of(look.get, look))
  end)

  it("an actor that comes back into memory does not wait for what another has deleted", function()
    local host = open()
    host:actor("Room", "a"):life()
    local life = host:actor("Room", "b"):life()
    host:sleep("Room", "b")
    host:hold(true)
    host:start("Room", "a", "go")
    host:run()
    local look = host:start("Room", "b", "life")
    host:run()
    assert.is_true(look:is_done())
    assert.equal(life, look:get())
    host:hold(false)
  end)

  for workers = 1, 2 do
    it(("callers hear of it, in circles too, on %d workers"):format(workers), function()
      local next_key = spread.keys(2, "Room", "r")
      local one, two = next_key(), next_key()
      local host = open { workers = workers, errors = true }
      local a, b = host:actor("Room", one), host:actor("Room", two)
      local life = b:life()
      assert.equal("x", a:after(two, "go", "x"))
      assert.is_nil(host:state("Room", two))
      assert.equal("internal_error", code_of(a.after_without, a, two, "life"))
      assert.not_equal(life, a:after(two, "life"))
      assert.equal("deadlock", code_of(a.around, a, two))
      assert.is_table(host:state("Room", one))
      local waiting = host:start("Room", one, "waits_and_goes", two)
      local behind = host:start_with({ create = false }, "Room", one, "life")
      waiting:get()
      assert.equal("actor_not_found", code_of(behind.get, behind))
      assert.equal(life + 2, a:destroy_others(two, two) and life + 2)
      assert.is_nil(host:state("Room", two))
    end)
  end

  it("a reload finds it in a VM that retires, and the next one is of the new class", function()
    local host = open()
    host:actor("Room", "b"):life()
    host:actor("Room", "a"):life()
    local waiting = host:start("Room", "a", "waits_and_goes", "b")
    host:step(1)
    assert.is_false(waiting:is_done())
    host:reload()
    waiting:get()
    host:run()
    assert.is_nil(host:state("Room", "a"))
    assert.equal(1, host:actor("Room", "a"):life())
    host:memory()
  end)

  it("a host that answers before the sync has destroyed it once that is synced, whole or not at all", function()
    local host = open { durability = "relaxed" }
    host:actor("Room", "a"):fill(10)
    host:advance(1)
    assert.equal("gone", host:actor("Room", "a"):go "gone")
    assert.is_nil(host:state("Room", "a"))
    host:advance(1)
    host:crash()
    assert.is_nil(host:state("Room", "a"))
  end)

  it("a checkpoint that has deleted a part of it shows nothing of it, and no other suffers", function()
    local host = open { portion_records = 20, checkpoint_bytes = 5000 }
    local life = host:actor("Room", "b"):fill(30)
    host:actor("Room", "a"):fill(400)
    host:actor("Room", "c"):fill(30)
    host:checkpoint()
    host:hold_checkpoints(true)
    host:actor("Room", "a"):go()
    host:actor("Room", "a"):fill(3)
    host:actor("Room", "c"):note(("x"):rep(5000))
    host:log()
    local steps = 0
    repeat
      host:step "checkpointer"
      host:run()
      steps = steps + 1
      assert.equal(3, host:actor("Room", "a"):count())
      assert.equal(30, host:actor("Room", "b"):count())
      assert.equal(31, host:actor("Room", "c"):count())
    until host:log():find "checkpoint done"
    assert.is_true(steps > 400 / 20)
    host:hold_checkpoints(false)
    host:checkpoint()
    assert.equal(3, host:actor("Room", "a"):count())
    host:crash()
    assert.equal(3, host:actor("Room", "a"):count())
    assert.equal(life, host:actor("Room", "b"):life())
  end)
end)

describe("The schedules of an actor that is destroyed", function()
  after_each(hosts.close_all)

  -- How many entries the store has with nothing but the actor "a" in it.
  local function open_with_one(options)
    local host = open(options)
    host:actor("Room", "a"):life()
    host:checkpoint()
    return host, host:entries()
  end

  it("go with it: those that wait, those that failed, and what would wake it", function()
    local host, before = open_with_one { errors = true }
    local b = host:actor("Room", "b")
    assert.equal(102, b:plans(100))
    b:plan("after", 1, "saves_and_breaks")
    host:advance(2)
    b:go()
    assert.is_nil(host:state("Room", "b"))
    host:checkpoint()
    assert.equal(before, host:entries())
    host:advance(10000)
    assert.is_nil(host:state("Room", "b"))
  end)

  it("go with it, in whatever part of its last call they were set", function()
    local host, before = open_with_one()
    for _, saves in ipairs { false, true } do
      host:actor("Room", "b"):plans_and_goes(saves)
      host:actor("Room", "c"):life()
      host:actor("Room", "c"):plans_and_goes(saves)
      host:checkpoint()
      assert.equal(before, host:entries())
    end
    host:advance(10)
    assert.is_nil(host:state("Room", "b"))
  end)

  it("may destroy it, and then run no more, the one that did it neither", function()
    for _, method in ipairs { "go", "saves_and_goes" } do
      for how, times in pairs { after = 1, every = 3 } do
        local host, before = open_with_one()
        local b = host:actor("Room", "b")
        b:plan(how, 1, method)
        b:plan("after", 1, "life")
        host:log()
        host:advance(times)
        local _, destroyed = host:log():gsub("is destroyed", "")
        assert.equal(1, destroyed, method .. how)
        assert.is_nil(host:state("Room", "b"))
        host:crash()
        host:advance(10)
        assert.is_nil(host:state("Room", "b"))
        host:checkpoint()
        assert.equal(before, host:entries())
      end
    end
  end)

  it("are those of the next one from then on", function()
    local host = open()
    local b = host:actor("Room", "b")
    b:plan("after", 5, "note", "first")
    b:go()
    b:plan("after", 10, "note", "second")
    host:advance(6)
    assert.is_nil(b:noted())
    host:advance(6)
    assert.equal("second", b:noted())
  end)

  it("are there as before if the destroying call fails, or its write", function()
    local host = open { errors = true }
    local b = host:actor("Room", "b")
    b:plan("after", 5, "note", "word")
    assert.equal("user_error", code_of(b.fail, b))
    host:fail_next "write"
    assert.equal("storage_error", code_of(b.go, b))
    host:advance(6)
    assert.equal("word", b:noted())
  end)
end)

describe("Messages and the end of an actor:", function()
  after_each(hosts.close_all)

  for workers = 1, 2 do
    local next_key = spread.keys(2, "Room", "r")
    local one, two = next_key(), next_key()

    it(("what its last call sends leaves with it, on %d workers"):format(workers), function()
      local host = open { workers = workers }
      host:actor("Room", one):life()
      for _, word in ipairs { "of an old one", "of one that was new" } do
        host:actor("Room", one):tell_and_go(two, word)
        assert.is_nil(host:state("Room", one))
        assert.equal(word, host:actor("Room", two):noted())
      end
    end)

    it(("one that destroys its receiver is applied once, and the next finds a new one, on %d workers"):format(workers),
       function()
      local host = open { workers = workers }
      local sender = host:actor("Room", two)
      sender:life()
      host:checkpoint()
      local before = host:entries()
      for _, method in ipairs { "go", "saves_and_goes" } do
        for _, is_new in ipairs { false, true } do
          if not is_new then host:actor("Room", one):fill(3) end
          sender:tell(one, method)
          host:run()
          assert.is_nil(host:state("Room", one), method)
          host:crash()
          host:run()
          assert.is_nil(host:state("Room", one), method)
          host:checkpoint()
          assert.equal(before, host:entries(), method)
        end
      end
      sender:tell(one, "go")
      sender:tell(one, "note", "to the next")
      host:run()
      assert.equal("to the next", host:actor("Room", one):noted())
      assert.equal(1, host:actor("Room", one):count())
    end)
  end
end)
