-- Calls that only read, over 1,000 actors, beside nginx that answers a fixed body from memory.

local measure = require "spec.bench.measure"
local servers = require "spec.bench.servers"

local ACTORS = { first = 1, last = 1000 }
local PATH = "/actors/Counter/#######/"

return function()
  measure.topic("reads", "read-only calls over %d actors beside nginx (a fixed body from memory)", ACTORS.last)
  local troupe = servers.troupe("actors", servers.folder .. "/reads")
  local nginx = servers.nginx()
  measure.load(troupe, troupe.request(PATH .. "increment"), { first = 1, last = ACTORS.last, calls = ACTORS.last })
  local request = troupe.request(PATH .. "get")
  local list = {
    { "troupe", function() return measure.load(troupe, request, ACTORS).rate end },
    { "nginx", nginx and function() return measure.load(nginx, request, ACTORS).rate end },
  }
  local results = measure.in_turns(list)
  measure.row("reads", list, results, "calls/s")
  measure.target("troupe / nginx", measure.ratios(results.troupe, results.nginx), 0.5)
  troupe:stop()
  if nginx then nginx:stop() end
end
