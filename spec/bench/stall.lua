-- Whether others wait for what goes over a million entries: calls of another actor on the same worker, by load.c's
-- trace, while one counts, walks over or deletes them all.

local measure = require "spec.bench.measure"
local million = require "spec.bench.million"
local others = require "spec.bench.others"
local servers = require "spec.bench.servers"

local BATCH, STALL_MS_MAX = 1000, 50

local function fill(host)
  measure.load(host, host.request("/actors/Shelf/one/put_many", ('[#######,%d,"first"]'):format(BATCH)), {
    first = million.first, last = million.last, step = BATCH, calls = million.count // BATCH, connections = 1,
  })
end

local function tell(name, host, target, run)
  local before, during, seconds = others.watch(host, run)
  local longest, longest_before = during[#during] or 0 / 0, before[#before] or 0 / 0
  measure.say("  %-32s %6.2f s; others: %6d calls, p99 %5.1f ms, longest %5.1f ms (before: p99 %.1f, longest %.1f)",
              name, seconds, #during, measure.p99(during), longest, measure.p99(before), longest_before)
  measure.target("longest wait of others, ms", { longest }, target, true)
end

return function()
  measure.topic("stall", "%d entries of one actor, and %d connections to another on the same worker", million.count,
                others.connections)
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
