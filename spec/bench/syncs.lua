-- What durability costs: how many calls share a sync, and what one call alone waits for.

local measure = require "spec.bench.measure"
local servers = require "spec.bench.servers"

local ACTORS = { first = 1, last = 1000 }
local PATH = "/actors/Counter/#######/increment"
local COMMIT_BYTES = 128   -- about what the commit of an increment writes

--- Syncs an answered call at 64 connections, by the host's own count at its end.
local function shared_syncs()
  local results = {}
  for round = 1, measure.rounds do
    local host = servers.troupe("actors", servers.folder .. "/syncs")
    local found = measure.load(host, host.request(PATH), ACTORS)
    host:stop()
    results[round] = host:syncs() / found.calls
  end
  measure.target("syncs an answered call, 64 connections", results, 0.1, true)
end

local function alone()
  local host, nginx = servers.troupe("actors", servers.folder .. "/syncs"), servers.nginx()
  local request = host.request(PATH)
  local function p50(server)
    if not server then return nil end
    local options = { first = ACTORS.first, last = ACTORS.last, connections = 1 }
    return function() return measure.load(server, request, options).p50_us end
  end
  local list = {
    { "troupe", p50(host) },
    { "sync.c", function()
      return measure.tool("sync", servers.folder .. "/sync", COMMIT_BYTES, measure.seconds).p50_us
    end },
    { "nginx", p50(nginx) },
    { "both in turn", nginx and function()
      local options = { first = ACTORS.first, last = ACTORS.last, connections = 1, sync = servers.folder .. "/turn" }
      return measure.load(nginx, request, options).p50_us
    end },
  }
  local results = measure.in_turns(list)
  measure.row("one connection", list, results, "us, p50")
  measure.target("troupe / (append and sync + round trip to nginx)", measure.combine(function(troupe, sync, trip)
    return troupe / (sync + trip)
  end, results.troupe, results["sync.c"], results.nginx), 1.6, true)
  measure.target("troupe / (a round trip to nginx, then a sync, in turn)",
                 measure.ratios(results.troupe, results["both in turn"]))
  host:stop()
  if nginx then nginx:stop() end
end

return function()
  measure.topic("syncs", "durable increments; one connection beside the sum of a bare append and sync of %d bytes and "
                .. "a round trip to nginx", COMMIT_BYTES)
  shared_syncs()
  alone()
end
