-- A million schedules that are pending: what a start costs; and how fast they run when all are due.

local socket = require "socket"
local measure = require "spec.bench.measure"
local million = require "spec.bench.million"
local servers = require "spec.bench.servers"

local backlog = {}

local ACTORS = "spec/bench/actors"
local PROBE = "/actors/Link/1000000/get"
local ASKED = 32               -- actors: so many that each worker has some of them
local START_MAX, MEMORY_MAX, DRAINED = 1.1, 1.05, 25000
local REST_S = 0.5             -- after the first answer, until the memory is looked at
local AHEAD_S, AHEAD_ROUND_S = 5, 5      -- how far ahead they come due: for the rest, and for each round of starts

--- What an Alarm tells that is asked for something of its worker, by a name for each worker.
function backlog.ask_workers(host, method)
  local told = {}
  for i = 1, ASKED do
    local answer = host:ask(("/actors/Alarm/probe-%d/%s"):format(i, method))
    local name, words = answer:match '"result":"([^=]+)=([^"]*)"'
    told[name] = (told[name] or "") .. words .. " "
  end
  return told
end

local function rung(host)
  local count = 0
  for _, told in pairs(backlog.ask_workers(host, "rung")) do count = count + tonumber(told:match "%d+") end
  return count
end

--- Whether the moment at which all are due is still ahead. If the machine was too slow for that, there is no figure.
local function is_ahead(due, what)
  if socket.gettime() < due then return true end
  measure.say("  (no figure: %s took so long that the schedules came due)", what)
  return false
end

--- A folder with one actor for each schedule; then the same folder with the schedules. `due`: when all come due.
local function make(without, with)
  local range = { calls = million.count, first = million.first, last = million.last, connections = 256 }
  local host = servers.troupe(ACTORS, without)
  local made = measure.load(host, host.request "/actors/Alarm/#######/get", range)
  host:stop()
  servers.capture(("cp -r %s %s"):format(without, with))
  host = servers.troupe(ACTORS, with)
  local due = socket.gettime() // 1 + AHEAD_S + AHEAD_ROUND_S * measure.rounds + 3 * made.seconds // 1
  local set = measure.load(host, host.request("/actors/Alarm/#######/set_at", ("[%d]"):format(due)), range)
  host:stop()
  measure.say("  (made %d actors, %.0f a second; a schedule for each, %.0f a second)", made.calls, made.rate, set.rate)
  return due
end

--- Starts a host on each folder in turns: what it takes until its first answer, and its own memory soon after. Whether
--- all of that was before they were due.
local function starts(without, with, due)
  local function start(data)
    return function()
      local host, ms = servers.start_timed(ACTORS, data, PROBE)
      socket.sleep(REST_S)
      local bytes = host:own_bytes()
      host:stop()
      return { ms = ms, bytes = bytes }
    end
  end
  local results = measure.in_turns { { "without", start(without) }, { "with", start(with) } }
  if not is_ahead(due, "the starts") then return false end
  local function ratios(what)
    return measure.combine(function(a, b) return a[what] / b[what] end, results.with, results.without)
  end
  local function each(what, unit)
    return measure.combine(function(a) return a[what] / unit end, results.with)
  end
  measure.target("exec to first answer, ms", each("ms", 1))
  measure.target("  of a host without them", ratios "ms", START_MAX, true)
  measure.target("own memory, MiB", each("bytes", 1 << 20))
  measure.target("  of a host without them", ratios "bytes", MEMORY_MAX, true)
  return true
end

--- All are due when the host starts. An answer that stands behind the last run comes when all runs are durable.
local function drain(with, due)
  socket.sleep(math.max(0, due + 1 - socket.gettime()))
  local begun = socket.gettime()
  local host = servers.troupe(ACTORS, with)
  local cpu = host:cpu_seconds()
  servers.wait_until("the backlog", function() return rung(host) == million.count end, 600)
  host:ask "/actors/Alarm/probe-1/increment"
  local seconds = socket.gettime() - begun
  measure.say("  all of them due at the start: %.1f s, %.1f us of processors each", seconds,
              (host:cpu_seconds() - cpu) / million.count * 1e6)
  measure.target("of a backlog drained, a second", { million.count / seconds }, DRAINED)
  host:stop()
end

--- The figures of the topic `time`.
function backlog.run()
  measure.say("  %d actors with a schedule each", million.count)
  local without, with = servers.folder .. "/without", servers.folder .. "/with"
  local due = make(without, with)
  if is_ahead(due, "setting them") and starts(without, with, due) then drain(with, due) end
end

return backlog
