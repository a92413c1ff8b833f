-- Schedules of each kind over months: the host crashes at each step, writes fail, the clock is set back and forth,
-- methods fail, and what is set is cancelled when it is due. All is held against a model: a one-shot runs once, what
-- repeats runs at each beat but for those that it tells of as skipped, and nothing is silent when it is due.
--
-- TROUPE_SCHEDULES: how many of each kind (40). TROUPE_ROUNDS: how often something happens (30). TROUPE_SEED repeats
-- it.

local folders = require "spec.crash.folders"
local hosts = require "spec.support.hosts"
local kit = require "spec.support.kit"
local spread = require "spec.support.spread"

local COUNT, ROUNDS = tonumber(os.getenv "TROUPE_SCHEDULES" or 40), tonumber(os.getenv "TROUPE_ROUNDS" or 30)
local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local WORKERS, ACTORS, SETS_A_ROUND = 2, 12, COUNT // 8 + 1
local START, MINUTE, HOUR, DAY = 1700000000, 60, 3600, 86400
local BEFORE, RANGE = 100 * DAY, 500 * DAY      -- all happens in between
local PASSES = { 1, 50, 700, HOUR, 5 * HOUR, DAY, DAY, 6 * DAY }
local JUMPS = { MINUTE, HOUR, DAY, 20 * DAY, -MINUTE, -HOUR, -DAY, -20 * DAY }
local AFTER, EVERY = { 0, 0.5, MINUTE, HOUR, 2 * DAY, 30 * DAY }, { HOUR, 7 * HOUR, DAY, 3.5 * DAY, 12 * DAY }
local FAILURES, TRIES_MAX = { 0, 0, 0, 1, 3, 9, 10 }, 10
local LONGEST, NEVER = 31 * DAY, math.huge     -- NEVER: behind all that a model of a calendar knows
local TRIES_S = 5 * HOUR      -- all pauses between the tries of one run

local CLERK = hosts.class("Clerk", [[
  local function due_of(self, id)
    for _, listed in ipairs(self.schedule:list()) do
      if listed.id == id then return listed.due end
    end
  end
  function Class:set(_, name, how, moment, plan)
    local id = self.schedule[how](self.schedule, moment, "_run", name, plan)
    self.kv:put({ "set", name }, { id = id, due = due_of(self, id) })
    if plan.spoils then error(UserError("spoilt", { code = "told" })) end
  end
  function Class:cancel(_, name)
    local set = self.kv:get { "set", name }
    if set and self.schedule:cancel(set.id) then self.kv:put({ "cancelled", name }, true) end
  end
  function Class:retry(_, name)
    local set = self.kv:get { "set", name }
    if not set or not self.schedule:retry(set.id) then return end
    self.kv:put({ "mended", name }, (self.kv:get { "mended", name } or 0) + 1)
  end

  -- Between two runs are as many beats as the second one tells of. Whatever cannot be is odd.
  function Class:_run(rpc, name, plan)
    local schedule, ran = rpc.schedule, self.kv:get { "ran", name } or { runs = 0, beats = 0 }
    local mended = self.kv:get { "mended", name }
    ran.odd = ran.odd or plan.every and ran.due and schedule.due ~= ran.due + plan.every * (1 + schedule.skipped)
    ran.runs, ran.beats, ran.due = ran.runs + 1, ran.beats + 1 + schedule.skipped, schedule.due
    ran.late = schedule.try == 1 and now() - schedule.due or 0
    self.kv:put({ "ran", name }, ran)
    if schedule.try <= plan.failures and not mended then error(UserError("told", { code = "told" })) end
    if plan.saves then self:save_state() end
    if plan.cancels and ran.runs == plan.cancels and self.schedule:cancel(schedule.id) then
      self.kv:put({ "cancelled", name }, true)
    end
    if plan.chain then self:set(rpc, name .. "+", "after", plan.chain, { failures = 0 }) end
    self.kv:put({ "whole", name }, true)
  end

  -- `host_now`: what is due at once is due by host time.
  function Class:look()
    local id = self.schedule:after(0, "_run", "probe", { failures = 0 })
    local host_now = due_of(self, id)
    self.schedule:cancel(id)
    return { list = self.schedule:list(), wall_now = now(), host_now = host_now }
  end
]])

-- --- Calendars -----------------------------------------------------------------------------------------------------

local function any(list) return list[math.random(#list)] end
local function chance(of) return math.random(of) == 1 end

-- An expression, and all its beats in order, told by days of which the hours and minutes are the same.
local function calendar(minutes, hours, days, has_day)
  local beats = {}
  local midnight = START - START % DAY - BEFORE
  for day = midnight, midnight + BEFORE + RANGE, DAY do
    if has_day(os.date("!*t", day)) then
      for _, hour in ipairs(hours) do
        for _, minute in ipairs(minutes) do beats[#beats + 1] = day + hour * HOUR + minute * MINUTE end
      end
    end
  end
  local function text_of(numbers, all) return #numbers == all and "*" or table.concat(numbers, ",") end
  return { text = ("%s %s %s"):format(text_of(minutes, 60), text_of(hours, 24), days), beats = beats }
end

local function numbers(from, to, step)
  local found = {}
  for number = from, to, step do found[#found + 1] = number end
  return found
end

local function every_day() return true end

local function calendars()
  local found = {
    calendar(numbers(0, 59, 20), numbers(0, 23, 1), "* * *", every_day),
    calendar({ 0 }, numbers(0, 23, 1), "* * *", every_day),
    calendar({ 0 }, { 0 }, "1 * *", function(date) return date.day == 1 end),
    calendar({ 30 }, { 4 }, "1,15 * 5", function(date) return date.day == 1 or date.day == 15 or date.wday == 6 end),
    calendar({ 5 }, { 12 }, "31 * *", function(date) return date.day == 31 end),
    calendar({ 59 }, { 23 }, "29 2 *", function(date) return date.day == 29 and date.month == 2 end),
    calendar({ 0, 30 }, { 9, 17 }, "* * 1-5", function(date) return date.wday >= 2 and date.wday <= 6 end),
  }
  for _ = 1, 8 do
    found[#found + 1] = calendar({ math.random(0, 59) }, { math.random(0, 23) }, "* * *", every_day)
  end
  return found
end

-- How many beats there are up to a moment, that included.
local function beats_until(beats, moment)
  local low, high = 0, #beats
  while low < high do
    local middle = (low + high + 1) // 2
    if beats[middle] <= moment then low = middle else high = middle - 1 end
  end
  return low
end

-- --- The model -----------------------------------------------------------------------------------------------------

local Model = {}
Model.__index = Model

local function fail(name, form, ...) error(("%s: " .. form):format(name, ...), 0) end

-- What is true of a schedule that repeats, without failures: a run for each beat, but for those skipped.
local function match_beats(entry, ran, listed, beats, next_due)
  local name = entry.name
  local made = ran and ran.beats or 0
  if made ~= beats then fail(name, "%d beats, and runs and skipped ones are %d", beats, made) end
  if listed and next_due and listed.due ~= next_due then fail(name, "is due at %s and not %s", listed.due, next_due) end
end

function Model:match_every(entry, ran, listed)
  local first, interval = entry.due, entry.plan.every
  local beats = self.host_now < first and 0 or math.floor((self.host_now - first) / interval) + 1
  match_beats(entry, ran, listed, beats, first + beats * interval)
end

-- After the wall clock was set back, a calendar goes on from there.
function Model:match_cron(entry, ran, listed)
  local beats = entry.calendar.beats
  entry.next, entry.beats = entry.next or entry.due, entry.beats or 0
  if self.set_back then entry.next = math.min(entry.next, beats[beats_until(beats, self.set_back) + 1] or NEVER) end
  if entry.next == NEVER then return match_beats(entry, ran, listed, entry.beats) end
  local first, last = beats_until(beats, entry.next), beats_until(beats, self.wall_now)
  if beats[first] ~= entry.next then fail(entry.name, "%s is no beat of %s", entry.next, entry.calendar.text) end
  if first <= last then entry.next, entry.beats = beats[last + 1] or NEVER, entry.beats + last - first + 1 end
  match_beats(entry, ran, listed, entry.beats, entry.next ~= NEVER and entry.next or nil)
end

-- Whether the moment of a one-shot has come, by the clock of its kind; or may have, before that was set.
function Model:has_come(entry, may)
  local wall = may and math.max(entry.wall_max, entry.wall_set or 0) or entry.wall_max
  return (entry.how == "at" and wall or self.host_now) >= entry.due
end

function Model:match_one_shot(entry, held, is_end)
  local name, ran, listed, plan = entry.name, held.ran[entry.name], held.by_id[entry.id], entry.plan
  local again = plan.saves and held.mended[name] or 0      -- a run that had saved before it failed, and was begun anew
  if ran and (ran.runs < 1 or ran.runs > 1 + again) then fail(name, "ran %d times", ran.runs) end
  if ran and not self:has_come(entry, true) then fail(name, "ran before its time") end
  local is_whole = held.whole[name]
  local interrupted = ran and not is_whole
  local fates = (listed and 1 or 0) + (is_whole and 1 or 0) + (held.cancelled[name] and not is_whole and 1 or 0)
  if fates ~= 1 then fail(name, "has %d fates", fates) end
  local may_be_half = plan.saves and (held.cancelled[name] or listed and listed.failed)
  if interrupted and not may_be_half then fail(name, "ran by half") end
  local gives_up = plan.failures >= TRIES_MAX and not held.mended[name] or interrupted
  if not listed then return end
  if listed.failed and not gives_up then fail(name, "failed: %s", listed.error) end
  if self:has_come(entry) and plan.failures == 0 and not gives_up then fail(name, "has not run") end
  if is_end and listed.failed ~= (gives_up or false) then fail(name, "is still listed") end
  if is_end and not interrupted and listed.tries ~= TRIES_MAX then fail(name, "failed after %d tries", listed.tries) end
end

function Model:match_repeating(entry, held)
  local name, ran, listed = entry.name, held.ran[entry.name], held.by_id[entry.id]
  if ran and ran.odd then fail(name, "beats are not its interval apart") end
  if held.cancelled[name] then
    if listed then fail(name, "is cancelled, and listed") end
    if entry.runs_at_end and entry.runs_at_end ~= (ran and ran.runs or 0) then fail(name, "runs, and is cancelled") end
    entry.runs_at_end = ran and ran.runs or 0
    return
  end
  if not listed or listed.failed then fail(name, "is %s", listed and "failed" or "lost") end
  local clock_now = entry.how == "every" and self.host_now or self.wall_now
  if listed.due <= clock_now then fail(name, "was due at %.3f, and it is %.3f", listed.due, clock_now) end
  if entry.how == "every" and listed.due > clock_now + entry.plan.every then
    fail(name, "is silent for longer than its interval")
  end
  if entry.plan.failures == 0 then
    self["match_" .. entry.how](self, entry, ran, listed)
  end
end

-- Takes over what was set, also where its call was not answered.
function Model:adopt(key, held)
  for name, set in pairs(held.set) do
    local entry = self.entries[name]
    if not entry and name:find "%+$" then
      entry = { name = name, how = "after", key = key, plan = { failures = 0 } }
      self.entries[name] = entry
    end
    if not entry or entry.key ~= key then fail(name, "was set and never asked for") end
    if entry.plan.spoils then fail(name, "is there, and its call failed") end
    entry.id, entry.due = set.id, set.due
    entry.wall_max = math.max(entry.wall_max or 0, self.wall_now)
  end
  for name in pairs(held.ran) do
    if not held.set[name] then fail(name, "ran, and was never set") end
  end
end

-- --- The spec ------------------------------------------------------------------------------------------------------

describe("Schedules over months", function()
  local host, model, keys, kinds, data, number, tally

  after_each(function()
    hosts.close_all()
    folders.remove(data)
  end)

  local function begin()
    math.randomseed(SEED)
    local key = spread.keys(WORKERS, "Clerk", "c")
    data, keys, number = folders.new(), {}, 0
    for i = 1, ACTORS do keys[i] = key() end
    tally = { crashes = 0, jumps = 0, runs = 0, skipped = 0 }
    model = setmetatable({ entries = {}, host_now = 0, wall_now = START }, Model)
    kinds = { after = COUNT, at = COUNT, every = COUNT, cron = COUNT }
    host = hosts.open({ ["clerk.lua"] = CLERK },
      { workers = WORKERS, time = START, data = data, errors = true, turns_a_step = any { 1, 4, 256 } })
  end

  -- --- What is set

  local moments = {
    after = function() return any(AFTER) end,
    at = function() return model.wall_now + any { -DAY, 0, MINUTE, HOUR, DAY, 20 * DAY } + math.random() end,
    every = function(entry)
      entry.plan.every = any(EVERY)
      return entry.plan.every
    end,
    cron = function(entry)
      entry.calendar = any(model.calendars)
      return entry.calendar.text
    end,
  }

  local function any_plan(how)
    local repeats = how == "every" or how == "cron"
    return {
      failures = any(FAILURES), spoils = chance(10) or nil, saves = not repeats and chance(6) or nil,
      cancels = repeats and chance(6) and math.random(4) or nil,
      chain = not repeats and chance(6) and any(AFTER) or nil,
    }
  end

  local function set_one(how)
    kinds[how], number = kinds[how] - 1, number + 1
    local entry = { name = how .. number, how = how, key = any(keys), plan = any_plan(how), wall_set = model.wall_now }
    model.entries[entry.name] = entry
    host:start("Clerk", entry.key, "set", entry.name, how, moments[how](entry), entry.plan)
  end

  local function set_some()
    for _ = 1, SETS_A_ROUND do
      for how, left in pairs(kinds) do
        if left > 0 then set_one(how) end
      end
    end
  end

  local function names_of_all()
    local names = {}
    for name in pairs(model.entries) do names[#names + 1] = name end
    table.sort(names)
    return names
  end

  local function change_some(method)
    local names = names_of_all()
    for _ = 1, math.random(4) do
      local entry = model.entries[any(names)]
      host:start("Clerk", entry.key, method, entry.name)
    end
  end

  -- --- What is there

  local function read_clerk(key)
    local look = host:actor("Clerk", key):look()
    local held = { look = look, by_id = {}, set = {}, ran = {}, whole = {}, cancelled = {}, mended = {} }
    for _, listed in ipairs(look.list) do held.by_id[listed.id] = listed end
    for _, entry in ipairs(host:kv("Clerk", key)) do held[entry.key[1]][entry.key[2]] = entry.value end
    return held
  end

  local function check(is_end)
    local clerks = {}
    for _, key in ipairs(keys) do
      clerks[key] = read_clerk(key)
      model.wall_now, model.host_now = clerks[key].look.wall_now, clerks[key].look.host_now
    end
    for key, held in pairs(clerks) do model:adopt(key, held) end
    local expected = {}
    for name, entry in pairs(model.entries) do
      local held = clerks[entry.key]
      if entry.id then
        if entry.how == "every" or entry.how == "cron" then
          model:match_repeating(entry, held)
        else
          model:match_one_shot(entry, held, is_end)
        end
        if held.by_id[entry.id] then expected[entry.key] = (expected[entry.key] or 0) + 1 end
      elseif held.ran[name] then
        fail(name, "ran, and was never set")
      end
    end
    for key, held in pairs(clerks) do assert.equal(expected[key] or 0, #held.look.list, "schedules of " .. key) end
    return clerks
  end

  -- --- What happens

  local function crash(seconds)
    host:crash(seconds)
    tally.crashes = tally.crashes + 1
  end

  -- Time passes; then, while it works on what is due, it crashes at one step after the other.
  local function pass_with_crashes()
    if chance(2) then host:elapse(any(PASSES)) else crash(any(PASSES)) end
    local steps = 0
    repeat
      host:reopen()
      if chance(3) then change_some(any { "cancel", "retry" }) end
      local worked = false
      if chance(8) then host:fail_next "write" end
      for _ = 1, steps do
        worked = host:step(any { 1, 2, 1, 2, "committer", "checkpointer" }) or worked
      end
      steps = steps + math.random(3)
      crash(0)
    until steps > 20
    host:reopen()
  end

  local function pass()
    host:advance(any(PASSES))
  end

  -- Before anything else happens, the host has seen that its clock was set.
  local function jump()
    local seconds = any(JUMPS)
    if model.wall_now + seconds < START - BEFORE + DAY then return end
    host:jump(seconds)
    model.set_back = seconds < 0 and model.wall_now + seconds or nil
    tally.jumps = tally.jumps + 1
  end

  local happenings = { pass, pass_with_crashes, pass_with_crashes, jump }

  -- Host time has passed as time has, or further where the clock was set forward.
  local function rest()
    host:advance(2)
    local before = model.host_now
    local clerks = check()
    model.set_back = nil
    assert.is_true(model.host_now >= before, "host time went back")
    return clerks
  end

  it("each run once, or at each beat, whatever happens", function()
    begin()
    model.calendars = calendars()
    for _ = 1, ROUNDS do
      set_some()
      if chance(2) then host:run() end
      if chance(2) then change_some "cancel" end
      any(happenings)()
      rest()
    end
    for _, entry in pairs(model.entries) do
      if entry.due and entry.how == "at" then model.last = math.max(model.last or 0, entry.due) end
    end
    host:advance(math.max(LONGEST, (model.last or 0) - model.wall_now) + LONGEST + 2 * TRIES_S)   -- and what a run set
    host:advance(2 * TRIES_S)
    for _, held in pairs(check(true)) do
      for _, ran in pairs(held.ran) do
        tally.runs, tally.skipped = tally.runs + ran.runs, tally.skipped + ran.beats - ran.runs
      end
    end
    host:stop()
    local count, findings = kit.verify(data)
    assert.equal("0 ", count .. " " .. findings)
    local form = "# %d schedules, %.0f days, %d crashes, %d times the clock was set: %d runs, %d beats skipped "
    print((form .. "(TROUPE_SEED=%d)"):format(number, (model.host_now - START) / DAY, tally.crashes, tally.jumps,
      tally.runs, tally.skipped, SEED))
  end)
end)
