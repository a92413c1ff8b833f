-- What time and mail cost: messages, schedules, a backlog of them, the end of an actor.

local socket = require "socket"
local backlog = require "spec.bench.backlog"
local measure = require "spec.bench.measure"
local million = require "spec.bench.million"
local others = require "spec.bench.others"
local servers = require "spec.bench.servers"

local BATCH, P99_MS_MAX = 1000, 50
local MANY = { first = 1000000, last = 1000999 }
local ONE_BY_ONE = { first = MANY.first, last = MANY.last, calls = MANY.last - MANY.first + 1, connections = 8 }
local MESSAGES = 10            -- of a call that sends several
local WAITING_SENDS = 1000000  -- so many that no call is refused
local SENDS_MIN, SETTINGS_MIN, LATE_MS_MAX = 0.6, 0.7, 20

-- --- Messages and schedules beside increments ----------------------------------------------------------------------

--- Runs `run`, which does something on a host and returns how often it did it. Returns how often that is a second, and
--- the microseconds of the host's processors for each.
local function gauge(host, run)
  local cpu, begun = host:cpu_seconds(), socket.gettime()
  local times = run()
  local seconds = socket.gettime() - begun
  return { rate = times / seconds, cpu_us = (host:cpu_seconds() - cpu) / times * 1e6 }
end

--- Calls, with 64 connections over 1,000 actors.
local function calls(host, request)
  return function()
    return gauge(host, function() return measure.load(host, request, MANY).calls end)
  end
end

local function sum(host) return tonumber(host:ask "/actors/Link/sum/sum":match '"result":(%d+)') end

--- The same of calls that send so many messages each. What counts is what was applied, until all has come to rest: an
--- answer that tells what others hold comes when that is durable.
local function messages(host, request, per_call)
  return function()
    return gauge(host, function()
      local before = sum(host)
      local sent = measure.load(host, request, MANY).calls * per_call
      servers.wait_until("all messages", function() return sum(host) == before + sent end)
      return sent
    end)
  end
end

local function field(results, name, what)
  local list = {}
  for round, result in ipairs(results[name]) do list[round] = result[what] end
  return list
end

--- Runs the ways in turns, and holds each but the first against that. `targets`: of the ratios of rates, by name.
local function compare(ways, unit, targets)
  local results, rates, costs = measure.in_turns(ways), {}, {}
  for _, way in ipairs(ways) do
    rates[way[1]], costs[way[1]] = field(results, way[1], "rate"), field(results, way[1], "cpu_us")
  end
  measure.row("a second", ways, rates, unit)
  measure.row("us of processors each", ways, costs, "")
  local first = ways[1][1]
  for i = 2, #ways do
    local name = ways[i][1]
    measure.target(("%s / %s"):format(name, first), measure.ratios(rates[name], rates[first]), targets[name])
    measure.target("  processor time of one", measure.ratios(costs[name], costs[first]))
  end
end

local function sends(workers)
  local host = servers.troupe("spec/bench/actors", ("%s/sends-%d"):format(servers.folder, workers),
                              ("--workers %d --limit-waiting-sends %d"):format(workers, WAITING_SENDS))
  local increment = host.request "/actors/Link/#######/increment"
  local function post(per_call)
    return host.request("/actors/Link/#######/post", ("[&&&&&&&,%d]"):format(per_call)), per_call
  end
  measure.load(host, increment, ONE_BY_ONE)
  measure.say("  messages between 1,000 actors, 64 connections, workers: %d", workers)
  local one, several = "messages, one a call", ("messages, %d a call"):format(MESSAGES)
  compare({ { "increments", calls(host, increment) }, { several, messages(host, post(MESSAGES)) },
            { one, messages(host, post(1)) } }, "64 connections", { [several] = SENDS_MIN, [one] = SENDS_MIN })
  host:stop()
end

local function settings()
  local host = servers.troupe("spec/bench/actors", servers.folder .. "/settings")
  local increment = host.request "/actors/Alarm/#######/increment"
  local set = host.request("/actors/Alarm/#######/set_after", "[1e8]")
  measure.load(host, increment, ONE_BY_ONE)
  measure.say("  setting schedules, over 1,000 actors")
  compare({ { "increments", calls(host, increment) }, { "schedules", calls(host, set) } }, "64 connections",
          { schedules = SETTINGS_MIN })
  host:stop()
end

-- --- Lateness ------------------------------------------------------------------------------------------------------

--- By how many milliseconds all runs of 1,000 actors, each once a second, were late since that was asked last.
local function late_ms(host)
  local list = {}
  for _, told in pairs(backlog.ask_workers(host, "late")) do
    for late_us in told:gmatch "-?%d+" do table.insert(list, late_us / 1000) end
  end
  return list
end

local function lateness()
  local host = servers.troupe("spec/bench/actors", servers.folder .. "/lateness")
  measure.load(host, host.request("/actors/Alarm/#######/tick", "[#######]"), ONE_BY_ONE)
  socket.sleep(3)              -- until each has begun
  local request = host.request "/actors/Link/#######/increment"
  measure.load(host, request, ONE_BY_ONE)
  local function due(name, wait)
    return { name, function()
      late_ms(host)
      local begun = socket.gettime()
      wait()
      local list = late_ms(host)
      return { p99 = measure.p99(list), rate = #list / (socket.gettime() - begun) }
    end }
  end
  local results = measure.in_turns {
    due("alone", function() socket.sleep(math.max(measure.seconds, 1)) end),
    due("beside", function() measure.load(host, request, { first = MANY.first, last = MANY.last,
                                                           seconds = math.max(measure.seconds, 1) }) end),
  }
  measure.say("  schedules due at 1,000 moments a second; how late they begin, by now() - rpc.schedule.due")
  measure.target("runs a second, beside 64 connections that increment", field(results, "beside", "rate"))
  measure.target("p99 of lateness alone, ms", field(results, "alone", "p99"))
  measure.target("p99 of lateness beside them, ms", field(results, "beside", "p99"), LATE_MS_MAX, true)
  host:stop()
end

-- --- The end of an actor -------------------------------------------------------------------------------------------

-- How often the host has said something.
local function said(host, what)
  local _, times = host:errors():gsub(what, "")
  return times
end

-- Puts so many entries into an actor, from the first on.
local function fill(host, name, count)
  measure.load(host, host.request(("/actors/Shelf/%s/put_many"):format(name), ('[#######,%d,"first"]'):format(BATCH)), {
    first = million.first, last = million.first + count - 1, step = BATCH, calls = count // BATCH, connections = 1,
  })
end

-- Puts the same entries again and again until a checkpoint begins, and waits until it is done.
local function checkpoint(host)
  local begun = said(host, "checkpoint begun")
  repeat fill(host, "again", 50 * BATCH) until said(host, "checkpoint begun") > begun
  servers.wait_until("the checkpoint", function()
    return said(host, "checkpoint done") == said(host, "checkpoint begun")
  end)
end

-- The end of one actor is a commit and, at the next checkpoint, the delete of all its entries from the store.
local function destroy()
  local host = servers.troupe("spec/bench/actors", servers.folder .. "/time", "--workers 1")
  local p99 = { without = {}, with = {} }
  for round = 1, math.min(measure.rounds, 3) do
    fill(host, "one", million.count)
    checkpoint(host)
    local _, without = others.watch(host, function() checkpoint(host) end)
    local _, with = others.watch(host, function()
      measure.load(host, host.request "/actors/Shelf/one/go", { calls = 1, connections = 1 })
      checkpoint(host)
    end)
    p99.without[round], p99.with[round] = measure.p99(without), measure.p99(with)
  end
  host:stop()
  measure.say("  an actor of %d entries is destroyed, and a checkpoint clears it away; %d connections to others",
              million.count, others.connections)
  measure.target("p99 of others with a checkpoint alone, ms", p99.without)
  measure.target("p99 of others while it is destroyed, ms", p99.with, P99_MS_MAX, true)
  measure.target("the second / the first", measure.ratios(p99.with, p99.without))
end

return function()
  measure.topic("time", "messages, schedules, and the end of actors")
  for workers = 1, 2 do sends(workers) end
  settings()
  lateness()
  backlog.run()
  destroy()
end
