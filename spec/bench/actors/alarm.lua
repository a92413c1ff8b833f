-- Schedules, to be measured. What the runs tell is kept for each worker, in variables of this file.
local Actor = require "troupe.actor"

local TICKS = 1000

local name                     -- of the first actor that was asked on this worker: it tells workers apart
local rung, late_us = 0, {}

---@class Alarm: Actor
local Alarm = Actor:extend "Alarm"

function Alarm:initialize_state()
  return { count = 0 }
end

function Alarm:get() return self.state.count end

function Alarm:increment()
  self.state.count = self.state.count + 1
  return self.state.count
end

--- Sets a run in so many seconds.
function Alarm:set_after(_, seconds) self.schedule:after(seconds, "_ring") end

--- Sets a run at a moment, which comes once.
function Alarm:set_at(_, moment) self.schedule:at(moment, "_ring") end

function Alarm:_ring()
  self.state.count = self.state.count + 1
  rung = rung + 1
end

--- Begins to run each second. The first time depends on a number: those of a thousand in a row are a millisecond apart.
function Alarm:tick(_, number) self.schedule:after(1 + number % TICKS / TICKS, "_begin") end

function Alarm:_begin() self.schedule:every(1, "_tick") end

function Alarm:_tick(rpc)
  self.state.count = self.state.count + 1
  late_us[#late_us + 1] = math.floor((now() - rpc.schedule.due) * 1000000)
end

--- A name of this worker, and how many runs there were on it.
function Alarm:rung()
  name = name or self.key[1]
  return ("%s=%d"):format(name, rung)
end

--- A name of this worker, and by how many microseconds runs were late since somebody asked.
function Alarm:late()
  name = name or self.key[1]
  local told = ("%s=%s"):format(name, table.concat(late_us, " "))
  late_us = {}
  return told
end

return Alarm
