-- States: what a change costs in a small and in a large one. In this process, on the spec kit.

local measure = require "spec.bench.measure"
local million = require "spec.bench.million"

-- Players in a state, about 100 bytes each: next to nothing, and with a million entries 10 and 100 MB.
local FEW, MANY, MOST = 12, million.count // 10, million.count

local function seconds(run)
  local begun = os.clock()
  run()
  return os.clock() - begun
end

local function roster(host, count)
  local actor = host:actor("Roster", count)
  actor:grow(0)
  for upto = 100000, count + 99999, 100000 do actor:grow(math.min(upto, count)) end
  return actor
end

--- One field of a large state beside a state of one field.
local function changes(host)
  local bytes
  local function rate(actor, field, calls)
    local before = host:stats()
    local took = seconds(function() for _ = 1, calls do actor:bump(field) end end)
    bytes = (host:stats().bytes - before.bytes) / calls
    return calls / took
  end
  local small = roster(host, 0)
  for _, count in ipairs { FEW, MANY, MOST } do
    local large = roster(host, count)
    local results = measure.in_turns {
      { "small", function() return rate(small, nil, 1000) end },
      { "large", function() return rate(large, count // 2, 1000) end },
    }
    measure.target(("one field of %.3g MB (%.0f bytes a call) / of a small one"):format(count / 10000, bytes),
                   measure.ratios(results.large, results.small))
  end
end

--- What a call does with its state beside the same with plain tables.
local function inside(host)
  local small, large = host:actor("Roster", 0), host:actor("Roster", MANY)
  local function time(actor, method, ...)
    local arguments = { ... }
    return function() return seconds(function() actor[method](actor, table.unpack(arguments)) end) end
  end
  local loops = measure.in_turns {
    { "state", time(small, "loop", MOST) }, { "plain", time(small, "loop", MOST, true) },
  }
  measure.target(("time of %d reads and writes / plain"):format(MOST), measure.ratios(loops.state, loops.plain))
  local walks = measure.in_turns {
    { "state", time(large, "iterate", 20) }, { "plain", time(large, "iterate", 20, MANY) },
    { "made", time(large, "iterate", 0, MANY) },
  }
  measure.target(("time to iterate over %d entries / plain"):format(MANY), measure.combine(function(state, plain, made)
    return state / (plain - made)
  end, walks.state, walks.plain, walks.made))
end

local function loading(host)
  local large = host:actor("Roster", MANY)
  host:sleep("Roster", MANY)
  host:sleep("Roster", MOST)
  local before = host:memory()
  local took = seconds(function() large:bump() end)
  local with_state = host:memory() - before
  before = host:memory()
  host:actor("Roster", "weight"):keep_plain(MANY)
  measure.say("  loading %d entries: %.0f entries/s; memory %.2f times that of plain tables", MANY, MANY / took,
              with_state / (host:memory() - before))
end

return function()
  measure.topic("state", "what a change costs in a large state beside a small one, and beside plain tables")
  local host = require "troupe.test".host {
    actors = "spec/bench/actors", dev = false, map_bytes = 1 << 34,
    limits = { call_cpu_ms = 600000, call_bytes = 1 << 33, vm_bytes = 1 << 34, commit_bytes = 1 << 30 },
  }
  changes(host)
  inside(host)
  loading(host)
  host:close()
end
