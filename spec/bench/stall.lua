-- Whether others wait for what goes over a million entries: calls of another actor on the same worker, by load.c's
-- trace, while one counts, walks over or deletes them all.

local socket = require "socket"
local measure = require "spec.bench.measure"
local million = require "spec.bench.million"
local servers = require "spec.bench.servers"

local BATCH, CONNECTIONS, BEFORE_S, AFTER_S, STALL_MS_MAX = 1000, 4, measure.seconds / 3, measure.seconds / 3, 50

local function fill(host)
  measure.load(host, host.request("/actors/Shelf/one/put_many", ('[#######,%d,"first"]'):format(BATCH)), {
    first = million.first, last = million.last, step = BATCH, calls = million.count // BATCH, connections = 1,
  })
end

-- The latencies in ms of calls that ended within a time, in order.
local function taken(trace, from, to)
  local list = {}
  for line in io.lines(trace) do
    local ended, took = line:match "(%d+) (%d+)"
    ended, took = tonumber(ended) / 1e6, tonumber(took) / 1e6
    if ended >= from and ended - took <= to then table.insert(list, took * 1000) end
  end
  table.sort(list)
  return list
end

-- Lets others call, and meanwhile runs what takes long. Returns their latencies before it and during it, and the
-- seconds that it took.
local function watch(host, run)
  local trace = servers.folder .. "/trace.stall"
  os.remove(trace)
  local bytes = host.request("/actors/Shelf/other/put", '[#######,"value"]')
  local request = servers.write(servers.folder .. "/other", bytes)
  local begun = socket.gettime()
  local load = "%s/load http %d %s first=1000000 last=1000999 connections=%d seconds=3600 trace=%s >/dev/null & echo $!"
  local pid = servers.capture(load:format(servers.tools, host.port, request, CONNECTIONS, trace))
  socket.sleep(BEFORE_S)
  local from = socket.gettime()
  run()
  local to = socket.gettime()
  socket.sleep(AFTER_S)
  os.execute("kill -INT " .. pid)
  servers.wait_until("the others to end", function() return servers.read(("/proc/%d/stat"):format(pid)) == "" end)
  return taken(trace, begun, from), taken(trace, from, to), to - from
end

local function tell(name, host, target, run)
  local before, during, seconds = watch(host, run)
  local longest, longest_before = during[#during] or 0 / 0, before[#before] or 0 / 0
  measure.say("  %-32s %6.2f s; others: %6d calls, p99 %5.1f ms, longest %5.1f ms (before: p99 %.1f, longest %.1f)",
              name, seconds, #during, measure.p99(during), longest, measure.p99(before), longest_before)
  measure.target("longest wait of others, ms", { longest }, target, true)
end

return function()
  measure.topic("stall", "%d entries of one actor, and %d connections to another on the same worker", million.count,
                CONNECTIONS)
  local host = servers.troupe("spec/bench/actors", servers.folder .. "/stall", "--workers 1 --limit-call-cpu-ms 60000")
  local function one(method)
    return function()
      measure.load(host, host.request("/actors/Shelf/one/" .. method), { calls = 1, connections = 1 })
    end
  end
  fill(host)
  tell("count of all", host, nil, one "count")
  tell("each over all", host, nil, one "walk")
  tell("delete_range of all", host, STALL_MS_MAX, one "delete_range")
  tell("puts of as many, and a checkpoint", host, STALL_MS_MAX, function() fill(host) end)
  tell("delete_all", host, STALL_MS_MAX, one "delete_all")
  host:stop()
end
