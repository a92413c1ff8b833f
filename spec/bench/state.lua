-- Measures states: what a change costs in a small and in a large one. In this process, on the spec kit; each figure is
-- a ratio in one run.
--   lua5.4 spec/bench/state.lua

local troupe = require "troupe.test"

local host = troupe.host {
  actors = "spec/bench/actors", dev = false, map_bytes = 1 << 34,
  limits = { call_cpu_ms = 600000, call_bytes = 1 << 33, vm_bytes = 1 << 34, commit_bytes = 1 << 31 },
}

local function seconds(run)
  local begun = os.clock()
  run()
  return os.clock() - begun
end

local function roster(name, count)
  local actor = host:actor("Roster", name)
  actor:grow(0)
  for upto = 100000, count + 99999, 100000 do actor:grow(math.min(upto, count)) end
  return actor
end

--- Calls a second that change one field, and bytes of changes a call.
local function rate(actor, field, calls)
  local before = host:stats()
  local took = seconds(function() for _ = 1, calls do actor:bump(field) end end)
  return calls / took, (host:stats().bytes - before.bytes) / calls
end

local function median(list)
  table.sort(list)
  return list[#list // 2 + 1]
end

print "one field of a large state against a one-field state, calls/s in turns, 9 rounds of 1,000 calls:"
local small = roster("small", 0)
for _, size in ipairs { { "1 KB", 12 }, { "10 MB", 100000 }, { "100 MB", 1000000 } } do
  local name, count = size[1], size[2]
  local large = roster(name, count)
  local ratios, bytes = {}, nil
  for round = 1, 9 do
    local small_rate = rate(small, nil, 1000)
    local large_rate
    large_rate, bytes = rate(large, count // 2, 1000)
    ratios[round] = large_rate / small_rate
  end
  print(("  %-7s %9d players: %.2f (median), %.0f bytes of changes a call"):format(name, count, median(ratios), bytes))
end

local function against_plain(what, state, plain)
  local ratios = {}
  for round = 1, 5 do ratios[round] = seconds(state) / seconds(plain) end
  print(("  %s: %.1f times a plain table's time"):format(what, median(ratios)))
end

local large = host:actor("Roster", "10 MB")
print "in a call:"
against_plain("a million reads and writes of self.state.count", function() small:loop(1000000) end,
              function() small:loop(1000000, true) end)
local made = seconds(function() large:iterate(0, 100000) end)
local state, plain = {}, {}
for round = 1, 5 do
  state[round] = seconds(function() large:iterate(20) end) / 20
  plain[round] = (seconds(function() large:iterate(20, 100000) end) - made) / 20
end
print(("  iterating over 100,000 entries: %.1f times a plain table's time"):format(median(state) / median(plain)))

local function memory()
  return host:memory()
end

host:sleep("Roster", "10 MB")
host:sleep("Roster", "100 MB")
local before = memory()
local loading = seconds(function() large:bump() end)
local with_state = memory() - before
before = memory()
host:actor("Roster", "weight"):keep_plain(100000)
local with_plain = memory() - before
print(("loading 100,000 entries: %.0f entries/s; memory %.2f times that of plain tables (%.1f MB, %.1f MB)"):format(
  100000 / loading, with_state / with_plain, with_state / 1e6, with_plain / 1e6))
host:close()
