-- Whether calls wait for checkpoints: the p99 of calls that overlap one against that of those that do not. load.c
-- writes down when each call ended and how long it took; the host's log says when a checkpoint began and was done.

local measure = require "spec.bench.measure"
local million = require "spec.bench.million"
local servers = require "spec.bench.servers"

local CHECKPOINTS, LOADS_MAX, LOAD_SECONDS = 2, 12, 5 * measure.seconds

--- Microseconds since 1970 of a line of the log.
local function time_of(line)
  local year, month, day, hour, min, second, fraction = line:match "^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)%.(%d+)Z"
  local here = os.time { year = year, month = month, day = day, hour = hour, min = min, sec = second, isdst = false }
  local shift = os.time(os.date("!*t", here)) - os.time(os.date("*t", here))
  return (here - shift) * 1000000 + tonumber(fraction) * 10 ^ (6 - #fraction)
end

--- The checkpoints of a log: { begun, done }, in microseconds.
local function checkpoints_of(log)
  local found, begun = {}, nil
  for line in log:gmatch "[^\n]+" do
    if line:find("checkpoint begun", 1, true) then
      begun = time_of(line)
    elseif begun and line:find("checkpoint done", 1, true) then
      table.insert(found, { begun = begun, done = time_of(line) })
      begun = nil
    end
  end
  return found
end

local function overlaps(checkpoints, begun, ended)
  for _, checkpoint in ipairs(checkpoints) do
    if ended >= checkpoint.begun and begun <= checkpoint.done then return true end
  end
  return false
end

--- Loads the host until there were enough checkpoints; returns them and the traces' names.
local function load_traced(host)
  local traces, checkpoints = {}, nil
  for i = 1, LOADS_MAX do
    traces[i] = ("%s/trace.%d"):format(servers.folder, i)
    measure.load(host, host.request(million.path), {
      first = million.first, last = million.last, seconds = LOAD_SECONDS, trace = traces[i],
    })
    checkpoints = checkpoints_of(host:errors())
    if #checkpoints >= CHECKPOINTS then break end
  end
  return checkpoints, traces
end

return function()
  measure.topic("checkpoint", "calls during a checkpoint against calls outside of one, increments over %d actors, "
                .. "64 connections", million.count)
  local host = servers.troupe("actors", million.data())
  local checkpoints, traces = load_traced(host)
  host:stop()
  assert(#checkpoints_of(host:errors()) > 0, "the stop makes a checkpoint, and the log is said to hold none")
  local during, outside = {}, {}
  for _, trace in ipairs(traces) do
    for line in io.lines(trace) do
      local ended, took = line:match "(%d+) (%d+)"
      ended, took = tonumber(ended), tonumber(took)
      table.insert(overlaps(checkpoints, ended - took, ended) and during or outside, took)
    end
  end
  if #during == 0 or #outside == 0 then return measure.say "  all calls are on one side: nothing to compare" end
  local lasted = {}
  for i, checkpoint in ipairs(checkpoints) do lasted[i] = (checkpoint.done - checkpoint.begun) / 1000 end
  local within, without = measure.p99(during), measure.p99(outside)
  measure.say("  %d checkpoints of %.0f ms (median); p99 during %.2f ms (%d calls), outside %.2f ms (%d calls)",
              #checkpoints, measure.median(lasted), within / 1000, #during, without / 1000, #outside)
  measure.target("p99 during / outside", { within / without }, 2, true)
end
