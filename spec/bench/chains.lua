-- Calls between actors: what a chain costs beside one call, on one worker and across two; and a transfer over three
-- actors beside a function of Redis, a procedure of Tarantool, and Durable Objects of workerd.

local measure = require "spec.bench.measure"
local million = require "spec.bench.million"
local servers = require "spec.bench.servers"

local LENGTH, INSIDE = 10, 1000   -- links of a chain; calls within one call
local NUMBER, OTHER = "#######", "&&&&&&&"
local MANY = { first = 1000000, last = 1000999 }
local ONE = { first = MANY.first, last = MANY.last, connections = 1 }
-- workerd takes a quarter of a second to make an account where the disk is slow, and reads it anew after 10 s: it gets
-- fewer, which is to its advantage.
local AWAKE = { first = MANY.first, last = MANY.first + math.min(100, million.count // 100) - 1 }
local PATH = "/actors/Link/" .. NUMBER .. "/"

local increment, get = servers.http(PATH .. "increment"), servers.http(PATH .. "get")
local relay = servers.http(PATH .. "relay", ("[%s]"):format(NUMBER))
local inside = servers.http("/actors/Link/caller/increment_others", ("[%d]"):format(INSIDE))

local function chain(length)
  return servers.http(PATH .. "chain", ("[%s,%d]"):format(NUMBER, length))
end

local function p50(request)
  return function(host) return measure.load(host, request, ONE).p50_us end
end

--- Calls a second, where each counts as so many.
local function rate(request, times, options)
  return function(host) return measure.load(host, request, options or MANY).rate * (times or 1) end
end

local function key(what, workers) return what .. ", workers: " .. workers end

--- Runs each way { name, function of a host } on each host, which has as many workers as its place, in the same turns.
local function compare(hosts, unit, ways)
  local list = {}
  for _, way in ipairs(ways) do
    for workers, host in ipairs(hosts) do
      table.insert(list, { key(way[1], workers), function() return way[2](host) end })
    end
  end
  local results = measure.in_turns(list)
  for _, way in ipairs(ways) do
    local one, two = results[key(way[1], 1)], results[key(way[1], 2)]
    measure.row(way[1], { { "one worker" }, { "two workers" } }, { ["one worker"] = one, ["two workers"] = two }, unit)
    measure.target("two workers / one", measure.ratios(two, one))
  end
  return results
end

--- Holds one way against another on the same host.
local function hold(results, what, beside, workers, target, most)
  measure.target(("%s / %s, %s"):format(what, beside, workers == 1 and "one worker" or "two workers"),
                 measure.ratios(results[key(what, workers)], results[key(beside, workers)]), target, most)
end

local function alone(hosts)
  local results = compare(hosts, "us, p50, one connection", {
    { "increment", p50(increment) }, { "relay", p50(relay) }, { "chain of 10", p50(chain(LENGTH)) },
  })
  hold(results, "relay", "increment", 1, 1.15, true)
  hold(results, "relay", "increment", 2, 2, true)
  hold(results, "chain of 10", "increment", 1, 1.6, true)
  hold(results, "chain of 10", "increment", 2, 3, true)
end

local function together(hosts)
  local results = compare(hosts, "calls/s, 64 connections; inside one call: 1", {
    { "increments", rate(increment) }, { "reads", rate(get) }, { "relays", rate(relay) },
    { "chains of two", rate(chain(2), 2) }, { "inside one call", rate(inside, INSIDE, ONE) },
  })
  hold(results, "chains of two", "increments", 1, 1.1)
  hold(results, "chains of two", "increments", 2)
  hold(results, "inside one call", "increments", 1, 2.5)
  hold(results, "inside one call", "increments", 2)
end

--- Syncs a chain, by the host's own count at its end.
local function syncs(workers, target)
  local results = {}
  for round = 1, measure.rounds do
    local host = servers.troupe("spec/bench/actors", servers.folder .. "/chain-syncs", "--workers " .. workers)
    local found = measure.load(host, chain(LENGTH), ONE)
    host:stop()
    results[round] = host:syncs() / found.calls
  end
  measure.target(("syncs a chain of %d, --workers %d, one connection"):format(LENGTH, workers), results, target, true)
end

-- What is there already before it is measured.
local function warm(server, request, range)
  measure.load(server, request, {
    first = range.first, last = range.last, calls = range.last - range.first + 1, connections = 8,
  })
end

local function transfers(hosts)
  local list = {}
  local function add(name, server, request)
    if server then warm(server, request, MANY) end
    table.insert(list, { name, server and function() return measure.load(server, request, MANY).rate end })
  end
  local body = ('["%s","%s",1]'):format(NUMBER, OTHER)
  local peers = { redis = servers.redis(), tarantool = servers.tarantool(), workerd = servers.workerd() }
  add("one worker", hosts[1], servers.http("/actors/Transfer/" .. NUMBER .. "/move", body))
  add("two workers", hosts[2], servers.http("/actors/Transfer/" .. NUMBER .. "/move", body))
  add("redis", peers.redis, servers.resp("FCALL", "move", 3, "transfer:" .. NUMBER, "account:" .. NUMBER,
                                         "account:" .. OTHER, 1))
  add("tarantool", peers.tarantool, servers.iproto("move", NUMBER, OTHER, 1))
  table.insert(list, { "workerd", peers.workerd and function()
    local request = servers.http("/", body)
    warm(peers.workerd, request, AWAKE)   -- those that were left alone for 10 s are not in its memory any more
    return measure.load(peers.workerd, request, AWAKE).rate
  end })
  local results = measure.in_turns(list)
  measure.row("transfers", list, results, "calls/s, 64 connections")
  for _, way in ipairs { "one worker", "two workers" } do
    measure.target("transfer, " .. way .. " / redis", measure.ratios(results[way], results.redis), 0.4)
    measure.target("transfer, " .. way .. " / tarantool", measure.ratios(results[way], results.tarantool), 0.8)
    measure.target("transfer, " .. way .. " / workerd", measure.ratios(results[way], results.workerd), 10)
  end
  for _, server in pairs(peers) do server:stop() end
end

return function()
  measure.topic("chains", "calls between actors, on hosts with one worker and with two; transfers over three actors "
                .. "beside Redis, Tarantool and workerd (Durable Objects)")
  local hosts = {}
  for workers = 1, 2 do
    hosts[workers] = servers.troupe("spec/bench/actors", ("%s/chains-%d"):format(servers.folder, workers),
                                    "--workers " .. workers)
    warm(hosts[workers], increment, MANY)
  end
  alone(hosts)
  together(hosts)
  transfers(hosts)
  for _, host in ipairs(hosts) do host:stop() end
  syncs(1, 1.1)
  syncs(2)
end
