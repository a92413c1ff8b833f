-- A million actors on disk: from the start of the program to its first answer, and what they take.

local socket = require "socket"
local measure = require "spec.bench.measure"
local million = require "spec.bench.million"
local servers = require "spec.bench.servers"

local LOG_BYTES, LOAD_SECONDS_MAX, KILLS = 64 << 20, 20 * measure.seconds, 3

--- Starts the program; returns it and the milliseconds to its first answer.
local function start(data) return servers.start_timed("actors", data, "/actors/Counter/1000000/get") end

--- What a folder takes on disk; 0 where there is none.
local function disk_bytes(folder)
  return tonumber(servers.capture(("du -s -B1 %s 2>/dev/null || true"):format(folder)):match "%d+") or 0
end

local function after_a_stop(data)
  local times = {}
  for round = 1, measure.rounds do
    local host
    host, times[round] = start(data)
    host:stop()
  end
  measure.target("ms to the first answer after a clean stop", times, 50, true)
end

--- Loads a host until its log is long enough, and kills it. Returns the bytes of the log.
local function kill_under_load(data)
  local host = servers.troupe("actors", data)
  local request = servers.write(servers.folder .. "/request", host.request(million.path))
  os.execute(("%s/load http %d %s first=%d last=%d seconds=%g >/dev/null 2>&1 &"):format(
    servers.tools, host.port, request, million.first, million.last, 2 * LOAD_SECONDS_MAX))
  local log
  local deadline = socket.gettime() + LOAD_SECONDS_MAX
  repeat
    socket.sleep(0.1)
    log = disk_bytes(data .. "/log")
  until log >= LOG_BYTES or socket.gettime() > deadline
  host:stop "KILL"   -- which ends the load too
  return log
end

local function after_a_kill(data)
  local times, logs = {}, {}
  for round = 1, math.min(KILLS, measure.rounds) do
    logs[round] = kill_under_load(data) / (1 << 20)
    local host
    host, times[round] = start(data)
    host:stop()
  end
  measure.say("  at the kill the log took %.0f MiB (median)", measure.median(logs))
  measure.target("ms to the first answer after kill -9 under load", times, 1000, true)
end

return function()
  measure.topic("start", "%d actors on disk", million.count)
  local data = million.data()
  measure.say("  disk: %.0f bytes an actor", disk_bytes(data) / million.count)
  after_a_stop(data)
  after_a_kill(data)
end
