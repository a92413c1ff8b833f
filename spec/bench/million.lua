-- A folder of data with a million counters, made once in a run by the calls that create them.

local measure = require "spec.bench.measure"
local servers = require "spec.bench.servers"

local million = { first = 1000000, count = tonumber(os.getenv "MANY" or 1000000) }
million.last = million.first + million.count - 1
million.path = "/actors/Counter/#######/increment"

local data

--- The folder, with no host on it.
function million.data()
  if data then return data end
  data = servers.folder .. "/million"
  local host = servers.troupe("actors", data)
  local made = measure.load(host, host.request(million.path), {
    calls = million.count, first = million.first, last = million.last, connections = 256,
  })
  measure.say("  (made %d actors on disk, %.0f a second)", made.calls, made.rate)
  host:stop()
  return data
end

return million
