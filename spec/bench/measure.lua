-- How it is measured and told: load from one program for all, in turns, so that all see the same machine. A time alone
-- says little on a shared machine: look at the ratios, which are taken round by round.

local servers = require "spec.bench.servers"

local measure = {
  rounds = tonumber(os.getenv "ROUNDS" or 5),
  seconds = tonumber(os.getenv "SECONDS" or 3),
}

--- The numbers that a program of spec/bench has printed, by their names.
function measure.numbers(output)
  local found = {}
  for key, value in output:gmatch "([%w_]+)=(-?[%d.]+)" do found[key] = tonumber(value) end
  return found
end

--- Runs a program of spec/bench, and returns the numbers that it prints.
function measure.tool(name, ...)
  return measure.numbers(servers.capture(("%s/%s %s"):format(servers.tools, name, table.concat({ ... }, " "))))
end

--- Sends a request again and again (see load.c for its marks and the options), with 64 connections for a round's
--- seconds unless told otherwise. Returns calls, seconds, p50_us, p99_us and rate, in calls a second.
function measure.load(server, request, options)
  local path = servers.write(servers.folder .. "/request", request)
  local words = { "seconds=" .. measure.seconds }   -- load takes the last of a name
  for name, value in pairs(options or {}) do table.insert(words, ("%s=%s"):format(name, value)) end
  local found = measure.tool("load", server.protocol, server.port, path, table.unpack(words))
  found.rate = found.calls / found.seconds
  return found
end

--- Runs each way { name, function } in turn, so many rounds. Returns what they returned: lists by name. A way without a
--- function is that of a peer which is not installed: it has no list, and what is made of it is nil.
function measure.in_turns(ways)
  local results = {}
  for round = 1, measure.rounds do
    for _, way in ipairs(ways) do
      local name, run = way[1], way[2]
      if run then
        results[name] = results[name] or {}
        results[name][round] = run()
      end
    end
  end
  return results
end

function measure.median(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  return sorted[#sorted // 2 + 1]
end

--- What 99 in 100 of a list are no more than; not a number where it is empty.
function measure.p99(list)
  table.sort(list)
  return list[(#list - 1) * 99 // 100 + 1] or 0 / 0
end

--- Per round, what `combine` makes of the numbers of that round; nil where a list is missing.
function measure.combine(combine, ...)
  local lists, combined = { ... }, {}
  for i = 1, select("#", ...) do
    if not lists[i] then return nil end
  end
  for round = 1, #lists[1] do
    local numbers = {}
    for i, list in ipairs(lists) do numbers[i] = list[round] end
    combined[round] = combine(table.unpack(numbers))
  end
  return combined
end

function measure.ratios(a, b)
  return measure.combine(function(x, y) return x / y end, a, b)
end

-- --- Telling -------------------------------------------------------------------------------------------------------

function measure.say(format, ...)
  print(format:format(...))
  io.stdout:flush()
end

--- A heading: what is compared.
function measure.topic(name, format, ...)
  measure.say("\n%s: %s", name, format:format(...))
end

--- A line of medians, in the order of the ways.
function measure.row(what, ways, results, unit)
  local cells = {}
  for _, way in ipairs(ways) do
    local list = results[way[1]]
    if list then table.insert(cells, ("%s %10.0f"):format(way[1], measure.median(list))) end
  end
  measure.say("  %-22s %s  %s", what, table.concat(cells, "   "), unit)
end

--- A line for what is held to a target, the median of a list: `most` says that it may not be more, else not less.
--- Without a target it is only told.
function measure.target(what, list, target, most)
  if not list then return measure.say("    %-50s a peer is missing", what) end
  local middle = measure.median(list)
  local told = ("    %-50s %8.3g  (%.3g..%.3g)"):format(what, middle, math.min(table.unpack(list)),
                                                       math.max(table.unpack(list)))
  if not target then return measure.say("%s", told) end
  local met = most and middle <= target or not most and middle >= target
  measure.say("%s  target %s %g  %s", told, most and "<=" or ">=", target, met and "met" or "MISSED")
end

return measure
