-- The reminders of one person: one actor for each. A reminder is a schedule; the kv holds what it says. When it is due
-- it rings: what rang stands in an inbox until the person dismisses it, or snoozes.
local Actor = require "troupe.actor"
local check = require "lib.check"

---@class Reminders: Actor
local Reminders = Actor:extend "Reminders"

local REMINDERS_MAX = 100
local INBOX_MAX = 100

function Reminders:initialize_state()
  return { rings = 0 }
end

-- What a client sees of a schedule, which self.schedule:list() gave. Times are told in whole seconds.
function Reminders:_shown(schedule)
  local reminder = self.kv:get { "reminder", schedule.id }
  return {
    id = schedule.id,
    text = reminder.text,
    due = math.floor(schedule.due),
    every = reminder.every,
    cron = reminder.cron,
  }
end

--- All reminders that will ring, the next one first: an array of { id, text, due, every, cron }.
function Reminders:list()
  local list = array {}
  for i, schedule in ipairs(self.schedule:list()) do list[i] = self:_shown(schedule) end
  return list
end

-- `how` is the method of self.schedule that sets such a schedule. Its id is the reminder's. What a cron is the host
-- knows best; what it says of one that it does not understand, the client can read.
function Reminders:_set(text, how, value)
  local schedules = self.schedule
  if #schedules:list() >= REMINDERS_MAX then
    check.refuse("too_many", "One person has at most " .. REMINDERS_MAX .. " reminders", { limit = REMINDERS_MAX })
  end
  local ok, id = pcall(schedules[how], schedules, value, "_ring")
  if not ok then check.not_set(how, id) end
  self.kv:put({ "reminder", id }, { text = text, [how] = value })
  for _, schedule in ipairs(schedules:list()) do
    if schedule.id == id then return self:_shown(schedule) end
  end
end

--- Sets a reminder, and tells it as list() does. `when` is one of
---
---   { after = seconds }     once
---   { at = moment }         once, at so many seconds since 1970; in the past: at once
---   { every = seconds }     again and again
---   { cron = fields }       by the calendar, in UTC: "30 6 * * mon-fri"
---
--- A client that does not know whether it was heard repeats the call with the same idempotency key.
function Reminders:remind(_, text, when)
  check.text(text, "text")
  local how, value = check.when(when)
  return self:_set(text, how, value)
end

--- Forgets a reminder; whether there was one.
function Reminders:cancel(_, id)
  check.whole(id, "id")
  self.kv:delete { "reminder", id }
  return self.schedule:cancel(id)
end

-- A reminder is due, or was due while the host was down: then its due is in the past, and `skipped` tells how many
-- rings of one that repeats this one stands for besides itself.
function Reminders:_ring(rpc)
  local state, schedule = self.state, rpc.schedule
  local key = { "reminder", schedule.id }
  local reminder = self.kv:get(key)
  state.rings = state.rings + 1
  self.kv:put({ "inbox", state.rings }, {
    ring = state.rings,
    id = schedule.id,
    text = reminder.text,
    due = math.floor(schedule.due),
    rang = os.time(),
    missed = schedule.skipped,
  })
  self.kv:delete { "inbox", state.rings - INBOX_MAX }
  if not reminder.every and not reminder.cron then self.kv:delete(key) end
end

--- What has rung, the oldest first: an array of { ring, id, text, due, rang, missed }. The last 100 are kept.
function Reminders:inbox()
  local inbox = array {}
  for i, entry in ipairs(self.kv:list { prefix = "inbox" }) do inbox[i] = entry.value end
  return inbox
end

--- Takes a ring out of the inbox; whether it was there.
function Reminders:dismiss(_, ring)
  check.whole(ring, "ring")
  return self.kv:delete { "inbox", ring }
end

--- Takes a ring out of the inbox, and reminds of the same in so many seconds. What repeats goes on beside it.
function Reminders:snooze(_, ring, seconds)
  check.whole(ring, "ring")
  check.span(seconds, "seconds")
  local rang = self.kv:get { "inbox", ring }
  if not rang then check.refuse("no_such_ring", "This is not in the inbox", { ring = ring }) end
  self.kv:delete { "inbox", ring }
  return self:_set(rang.text, "after", seconds)
end

--- The person leaves: reminders and inbox go, and nothing rings any more.
function Reminders:forget_me()
  self:destroy()
end

return Reminders
