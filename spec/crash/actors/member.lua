-- A member of a society that writes, waits and dies. A plan tells each act what to do: who is sent what, what is to be
-- done later, what is given up. Each act leaves in a log what it was and what it did, so that who reads all logs knows
-- what else must be there. Before it is destroyed a member sends its log to the archive.
--
-- An *act* is a call, a message or a run of a schedule. Its name is its way from the call that led to it: "12.3" came
-- of the third step of the plan of "12", "12.3@1700000000000" is the run of that schedule which was due then, and
-- "12.3!5" one of the times that the call of this step was made: what is tried again calls again.
local Actor = require "troupe.actor"

---@class Member: Actor
local Member = Actor:extend "Member"

function Member:initialize_state()
  return { count = 0, balance = 0, schedules = array {} }
end

local function note(self, ...)
  self.state.count = self.state.count + 1
  self.kv:put({ "log", self.state.count }, array { ... })
end

local tried = {}      -- name of an act -> so many times, in the memory of this life

local steps = {}

-- { "send", key, amount, plan }
function steps.send(self, name, key, amount, plan)
  self.state.balance = self.state.balance - amount
  note(self, "sent", name)
  self:send(self:actor("Member", key), "receive", name, amount, plan)
end

-- { "set", "after" | "at" | "every", seconds, plan }
function steps.set(self, name, how, seconds, plan)
  local moment = how == "at" and now() + seconds or seconds
  local id = self.schedule[how](self.schedule, moment, "_run", name, plan)
  local schedules = self.state.schedules
  schedules[#schedules + 1] = { name = name, id = id }
  note(self, "set", name, id)
end

-- { "cancel", n }: one of those that it has ever set
function steps.cancel(self, name, n)
  local schedules = self.state.schedules
  local chosen = schedules[n % math.max(1, #schedules) + 1]
  note(self, "cancelled", name, chosen and chosen.name or "", chosen ~= nil and self.schedule:cancel(chosen.id))
end

local calls = 0      -- in the memory of this life

-- { "call", key, plan }
function steps.call(self, name, key, plan)
  local member = self:actor("Member", key)
  calls = calls + 1
  local try = ("%s!%d%03d"):format(name, math.floor(now() * 1000), calls % 1000)
  local ok, failure = pcall(member.visit, member, try, plan)
  local unknown = not ok and failure.message:find("no word came", 1, true)
  note(self, "called", name, ok and "ok" or unknown and "unknown" or failure.code, try)
end

-- { "destroy" }: the steps after it belong to the same end
function steps.destroy(self, name)
  note(self, "ended", name)
  self:destroy()
end

-- { "fail" }
function steps.fail() error(UserError("it was told to fail", { code = "told" })) end

-- { "falter", times }: fails so often
function steps.falter(_, name, times)
  tried[name] = (tried[name] or 0) + 1
  if tried[name] <= times then steps.fail() end
end

-- What comes after a { "save" } is another piece of the act.
local function act(self, what, name, plan, ...)
  local piece = 1
  note(self, what, name, piece, ...)
  for i, step in ipairs(plan) do
    if step[1] == "save" then
      self:save_state()
      piece = piece + 1
      note(self, what, name, piece, ...)
    else
      steps[step[1]](self, name .. "." .. i, table.unpack(step, 2))
    end
  end
end

function Member:visit(_, name, plan) act(self, "did", name, plan) end

function Member:receive(_, name, amount, plan)
  self.state.balance = self.state.balance + amount
  act(self, "took", name, plan)
end

function Member:_run(rpc, name, plan)
  local due_ms = math.floor(rpc.schedule.due * 1000 + 0.5)
  act(self, "ran", ("%s@%d"):format(name, due_ms), plan, rpc.schedule.skipped)
end

--- What it has to do yet, and what time it is.
function Member:look() return { schedules = self.schedule:list(), now = now() } end

function Member:on_destroy()
  local log = array {}
  for _, entry in self.kv:each { prefix = { "log" } } do log[#log + 1] = entry end
  self:send(self:actor("Archive", "archive"), "keep", self.key[1], self.state.balance, log)
end

return Member
