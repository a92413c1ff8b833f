-- What others see while something takes long: calls of another actor on the same worker, by load.c's trace.

local socket = require "socket"
local measure = require "spec.bench.measure"
local servers = require "spec.bench.servers"

local others = { connections = 4 }

local BEFORE_S, AFTER_S = measure.seconds / 3, measure.seconds / 3

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

--- Lets others call, and meanwhile runs what takes long. Returns their latencies before it and during it, and the
--- seconds that it took.
function others.watch(host, run)
  local trace = servers.folder .. "/trace.stall"
  os.remove(trace)
  local bytes = host.request("/actors/Shelf/other/put", '[#######,"value"]')
  local request = servers.write(servers.folder .. "/other", bytes)
  local begun = socket.gettime()
  local load = "%s/load http %d %s first=1000000 last=1000999 connections=%d seconds=3600 trace=%s >/dev/null & echo $!"
  local pid = servers.capture(load:format(servers.tools, host.port, request, others.connections, trace))
  socket.sleep(BEFORE_S)
  local from = socket.gettime()
  run()
  local to = socket.gettime()
  socket.sleep(AFTER_S)
  os.execute("kill -INT " .. pid)
  servers.wait_until("the others to end", function() return servers.read(("/proc/%d/stat"):format(pid)) == "" end)
  return taken(trace, begun, from), taken(trace, from, to), to - from
end

return others
