-- Schedules that become due: they run once for good, are tried again, repeat, and wake who sleeps.
local hosts = require "spec.support.hosts"

local clerk = hosts.class("Clerk", [==[
  local broken = {}                                   -- of the worker: no failed call undoes it
  function Class:initialize_state() return { runs = {} } end

  function Class:set(_, how, when, method, ...)
    return self.schedule[how](self.schedule, when, method, ...)
  end
  function Class:set_many(_, count, seconds, method)
    for i = 1, count do self.schedule:after(seconds, method or "note", i) end
  end
  function Class:set_and_fail(_, seconds) self.schedule:after(seconds, "note"); error(UserError "no") end
  function Class:set_and_save(_, seconds)
    self.schedule:after(seconds, "note", "saved")
    self:save_state()
    self.schedule:after(seconds, "note", "lost")
    error(UserError "no")
  end
  function Class:cancel(_, id) return self.schedule:cancel(id) end
  function Class:retry(_, id) return self.schedule:retry(id) end
  function Class:list() return self.schedule:list() end
  function Class:runs() return self.state.runs end
  function Class:set_broken(_, is_broken) broken[self.key[1]] = is_broken end
  function Class:set_deaf() self.deaf = true end

  function Class:note(rpc, ...)
    local runs, schedule = self.state.runs, rpc.schedule
    runs[#runs + 1] = { at = now(), caller = rpc.caller, id = schedule.id, due = schedule.due, try = schedule.try,
                        skipped = schedule.skipped, args = array { ... } }
    if broken[self.key[1]] then error(UserError "broken") end
  end
  function Class:_secret(rpc) self:note(rpc, "secret") end
  function Class:note_and_list(rpc)
    self:note(rpc)
    self.state.seen = { list = self.schedule:list(), cancelled = self.schedule:cancel(rpc.schedule.id) }
  end
  function Class:seen() return self.state.seen end
  function Class:again(rpc)
    self:note(rpc)
    if #self.state.runs < 5 then self.schedule:after(0, "again") end
  end
  function Class:save_and_fail(rpc)
    self:note(rpc)
    self:save_state()
    error(UserError "after the save")
  end
  function Class:save_and_go_on(rpc)
    self:note(rpc)
    self:save_state()
    self.state.after = (self.state.after or 0) + 1
  end
  function Class:ask(rpc) self:note(rpc); self.state.answer = self:actor("Clerk", "other"):answer() end
  function Class:answer() return 42 end
  function Class:ask_in_vain(_, how)
    if how == "actor" then self:actor("Clerk", "none", { create = false }):answer() end
    if how == "class" then self:actor("Nobody", 1):answer() end
    if how == "method" then self:actor("Clerk", "other"):nothing() end
  end
  function Class:asked() return self.state.answer end
  function Class:loop() while true do end end
]==])

local START = 1700000000

local function open(options)
  options = options or {}
  options.time = START
  return hosts.open({ ["clerk.lua"] = clerk }, options)
end

local function args_of(runs)
  local found = {}
  for i, run in ipairs(runs) do found[i] = run.args[1] end
  return found
end

local function times_of(runs)
  local found = {}
  for i, run in ipairs(runs) do found[i] = run.at - START end
  return found
end

for _, workers in ipairs { 1, 2 } do
  describe(("Schedules on %d workers"):format(workers), function()
    local host, ann

    local function begin(options)
      options = options or {}
      options.workers = workers
      host = open(options)
      ann = host:actor("Clerk", "ann")
    end

    after_each(function() hosts.close_all() end)

    it("run once, when they are due and not before", function()
      begin()
      local id = ann:set("after", 60, "note", "x")
      host:advance(59.999)
      assert.same({}, ann:runs())
      host:advance(0.001)
      local runs = ann:runs()
      local due = START + 60
      assert.same({ { at = due, caller = "schedule", id = id, due = due, try = 1, skipped = 0, args = { "x" } } }, runs)
      host:advance(86400)
      assert.equal(1, #ann:runs())
      assert.same({}, ann:list())
    end)

    it("run at their moments while much time passes at once", function()
      begin()
      ann:set("after", 10, "note", "a")
      ann:set("after", 3600, "note", "b")
      ann:set("at", START + 86400, "note", "c")
      host:advance(10 * 86400)
      assert.same({ 10, 3600, 86400 }, times_of(ann:runs()))
    end)

    it("wake an actor that sleeps, and one that was never seen in this life", function()
      begin()
      ann:set("after", 600, "note")
      host:advance(120)
      host:crash()
      host:reopen()
      host:advance(1000)
      assert.same({ 600 }, times_of(ann:runs()))
    end)

    it("that were due while the host was down run at its start", function()
      begin()
      ann:set("after", 60, "note", "after")
      ann:set("at", START + 70, "note", "at")
      host:crash(3600)
      host:reopen()
      host:run()
      assert.same({ "after", "at" }, args_of(ann:runs()))
      assert.same({ 3600, 3600 }, times_of(ann:runs()))
    end)

    it("of a failed call are none, and of one that saved are those before it", function()
      begin()
      assert.has_error(function() ann:set_and_fail(1) end)
      assert.has_error(function() ann:set_and_save(1) end)
      host:advance(10)
      assert.same({ "saved" }, args_of(ann:runs()))
    end)

    it("call a private method", function()
      begin()
      ann:set("after", 1, "_secret")
      host:advance(1)
      assert.same({ "secret" }, args_of(ann:runs()))
    end)

    it("that are cancelled do not run", function()
      begin()
      local id = ann:set("after", 1, "note", "a")
      ann:set("after", 2, "note", "b")
      assert.is_true(ann:cancel(id))
      assert.is_false(ann:cancel(id))
      host:advance(10)
      assert.same({ "b" }, args_of(ann:runs()))
    end)

    it("are not listed while they run, and cannot be cancelled then", function()
      begin()
      ann:set("after", 1, "note_and_list")
      host:advance(1)
      assert.same({ list = {}, cancelled = false }, ann:seen())
    end)

    it("repeat, at their beats, until they are cancelled", function()
      begin()
      local id = ann:set("every", 60, "note")
      host:advance(600)
      assert.same({ 60, 120, 180, 240, 300, 360, 420, 480, 540, 600 }, times_of(ann:runs()))
      assert.is_true(ann:cancel(id))
      host:advance(600)
      assert.equal(10, #ann:runs())
    end)

    it("that repeat are cancelled by their own run", function()
      begin()
      ann:set("every", 60, "note_and_list")
      host:advance(600)
      assert.equal(1, #ann:runs())
      assert.is_true(ann:seen().cancelled)
    end)

    it("that repeat run once for all that they missed, and keep their beat", function()
      begin()
      ann:set("every", 60, "note")
      host:advance(60)
      host:crash(305)
      host:reopen()
      host:advance(120)
      local runs = ann:runs()
      assert.same({ 60, 365, 420, 480 }, times_of(runs))
      assert.equal(4, runs[2].skipped)                 -- 120, 180, 240, 300, and then 360
      assert.equal(START + 360, runs[2].due)
      assert.equal(0, runs[3].skipped)
    end)

    it("follow the calendar", function()
      begin()
      ann:set("cron", "0 6 * * *", "note")             -- START is 22:13:20
      host:advance(2 * 86400)
      local six = 6 * 3600 - (START % 86400) + 86400
      assert.same({ six, six + 86400 }, times_of(ann:runs()))
    end)

    it("that follow the calendar are not silent after a clock that was a year ahead", function()
      begin()
      ann:set("cron", "@daily", "note")
      ann:set("at", START + 86400, "note", "at")
      for i = 1, 400 do ann:set("at", START + 3 * 86400 + i, "_secret") end
      host:jump(365 * 86400)
      host:run()
      assert.equal(402, #ann:runs())
      host:jump(-365 * 86400)
      host:advance(2 * 86400)
      assert.equal(404, #ann:runs())
      assert.equal(START + 3 * 86400 - START % 86400, ann:list()[1].due)
    end)

    it("that follow the calendar are set right also where another schedule is due just then", function()
      begin()
      ann:set("cron", "@daily", "note")
      host:jump(365 * 86400)
      host:run()
      host:hold(true)                                  -- it runs, and what is left of it is still there
      local set = host:start("Clerk", "ann", "set", "at", START, "note")
      host:jump(-365 * 86400)
      host:hold(false)
      set:get()
      host:advance(86400)
      assert.equal(3, #ann:runs())
    end)

    it("that follow the calendar are set right when a start finds the clock set back", function()
      begin()
      ann:set("cron", "@daily", "note")
      host:jump(365 * 86400)
      host:run()
      host:stop()
      host:jump(-365 * 86400)
      host:reopen()
      host:advance(86400)
      assert.equal(2, #ann:runs())
    end)

    it("that follow the calendar are set right after a crash in the midst, and after a disk that failed", function()
      begin { errors = true }
      for i = 1, 40 do host:actor("Clerk", i):set("cron", "@daily", "note") end
      host:jump(365 * 86400)
      host:run()
      host:fail_next("write")
      host:jump(-365 * 86400)
      host:advance(2)
      host:crash()
      host:reopen()
      host:advance(86400)
      for i = 1, 40 do assert.equal(2, #host:actor("Clerk", i):runs()) end
    end)

    it("by the wall clock wait no longer for another try because that was set back", function()
      begin()
      ann:set("at", START + 10, "note")
      ann:set_broken(true)
      host:advance(10)
      host:jump(-86400)
      ann:set_broken(false)
      host:advance(1)
      assert.equal(1, #ann:runs())
    end)

    it("are tried again, with growing pauses, ten times in all, and then stay as failed", function()
      begin()
      ann:set_broken(true)
      local id = ann:set("after", 10, "note")
      host:advance(10)
      assert.same({}, ann:runs())                       -- undone
      local list = ann:list()
      assert.equal(1, #list)
      assert.equal(1, list[1].tries)
      assert.equal("broken", list[1].error)
      assert.is_false(list[1].failed)
      local due = START + 10
      for try, pause in ipairs { 1, 4, 16, 64, 256, 1024, 3600, 3600, 3600 } do
        due = due + pause
        assert.equal(due, ann:list()[1].due)
        host:advance(pause)
        assert.equal(try + 1, ann:list()[1].tries)
      end
      list = ann:list()
      assert.is_true(list[1].failed)
      assert.matches("schedule given up", host:log(), 1, true)
      host:advance(30 * 86400)
      assert.equal(10, ann:list()[1].tries)
      ann:set_broken(false)
      assert.is_true(ann:retry(id))
      host:run()
      assert.equal(1, #ann:runs())
      assert.same({}, ann:list())
      assert.is_false(ann:retry(id))
    end)

    it("count a try where another actor, class or method is not there", function()
      begin()
      for _, how in ipairs { "actor", "class", "method" } do ann:set("after", 10, "ask_in_vain", how) end
      host:advance(11)
      local list = ann:list()
      assert.equal(3, #list)
      for _, entry in ipairs(list) do assert.equal(2, entry.tries) end
      assert.matches("Clerk/none.answer: this actor does not exist", host:log(), 1, true)
    end)

    it("count their tries across a crash", function()
      begin()
      ann:set_broken(true)
      ann:set("after", 10, "note")
      host:advance(11)
      host:crash()
      ann:set_broken(true)
      host:advance(3)
      assert.equal(2, ann:list()[1].tries)
      ann:set_broken(false)
      host:advance(1)
      local runs = ann:runs()
      assert.equal(1, #runs)
      assert.equal(3, runs[1].try)
      assert.equal(START + 10, runs[1].due)
    end)

    it("that repeat are not ended by errors, and wait no longer than to the next beat", function()
      begin()
      ann:set_broken(true)
      ann:set("every", 10, "note")
      host:advance(1000)
      assert.is_false(ann:list()[1].failed)
      ann:set_broken(false)
      host:advance(10)
      assert.is_true(#ann:runs() >= 1)
      assert.equal(START + 1020, ann:list()[1].due)
    end)

    it("that set themselves again run again, each in its turn", function()
      begin()
      ann:set("after", 0, "again")
      host:run()
      assert.equal(5, #ann:runs())
    end)

    it("that saved and then failed are given up, and not run twice", function()
      begin { errors = true }
      local id = ann:set("after", 1, "save_and_fail")
      host:advance(10000)
      assert.equal(1, #ann:runs())
      local list = ann:list()
      assert.is_true(list[1].failed)
      assert.equal("interrupted: after the save", list[1].error)
      assert.is_true(ann:retry(id))
      host:run()
      assert.equal(2, #ann:runs())
    end)

    it("that saved and are done leave nothing", function()
      begin()
      ann:set("after", 1, "save_and_go_on")
      host:advance(10)
      assert.same({}, ann:list())
      assert.equal(1, #ann:runs())
      host:crash()
      host:advance(10)
      assert.equal(1, #ann:runs())
    end)

    it("may ask others", function()
      begin()
      ann:set("after", 1, "ask")
      host:advance(1)
      assert.equal(42, ann:asked())
    end)

    it("that ask somebody who is not there have failed a try, and are not begun anew at once", function()
      begin { errors = true }
      ann:set("after", 1, "ask_in_vain", "actor")
      host:advance(1)
      assert.same({ 1, START + 2 }, { ann:list()[1].tries, ann:list()[1].due })
    end)

    it("that run into a limit are tried again", function()
      begin()
      ann:set("after", 1, "loop")
      host:advance(1)
      assert.equal(1, ann:list()[1].tries)
    end)

    it("wait for the disk, and do not count that as a try", function()
      begin { errors = true }
      ann:set("after", 1, "note")
      host:run()
      host:fail_next("write")
      host:advance(1)
      host:advance(2)
      local runs = ann:runs()
      assert.equal(1, #runs)
      assert.equal(1, runs[1].try)
    end)

    it("of one actor leave calls of others their turns", function()
      begin()
      ann:set_many(1000, 1)
      host:advance(1)
      assert.equal(1000, #ann:runs())
      for i, run in ipairs(ann:runs()) do assert.equal(i, run.args[1]) end
    end)

    it("of many actors all run", function()
      begin()
      for i = 1, 300 do host:actor("Clerk", i):set("after", 5, "note", i) end
      host:advance(5)
      for i = 1, 300 do assert.same({ i }, args_of(host:actor("Clerk", i):runs())) end
    end)

    it("go on after a reload, and after a stop", function()
      begin()
      ann:set("every", 10, "note")
      host:advance(10)
      host:reload()
      host:advance(10)
      host:stop()
      host:advance(10)
      assert.equal(3, #ann:runs())
    end)
  end)
end
