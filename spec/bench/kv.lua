-- The kv of one actor with a million entries, beside the same in Redis and in Tarantool.

local measure = require "spec.bench.measure"
local million = require "spec.bench.million"
local servers = require "spec.bench.servers"

local BATCH, SCAN = 1000, math.min(100000, million.count)
local NUMBER, VALUE = "#######", "value of entry #######, version @@@@@@@"
local ALL = { first = million.first, last = million.last }

--- A call in the words of each peer: the method, its arguments as JSON and as a list.
local function requests(method, json, ...)
  return {
    troupe = servers.http("/actors/Shelf/one/" .. method, json),
    redis = servers.resp("FCALL", method, 2, "order", "values", ...),
    tarantool = servers.iproto(method, ...),
  }
end

--- A way for each of the named peers: `figure` of what load.c finds.
local function ways(peers, names, request, figure, options)
  local list = {}
  for i, name in ipairs(names) do
    local peer = peers[name]
    list[i] = { name, peer and function() return figure(measure.load(peer, request[name], options)) end }
  end
  return list
end

local function rate(found) return found.rate end
local function milliseconds(found) return found.p50_us / 1000 end
local function puts_rate(found) return found.rate * BATCH end

local function single_calls(peers)
  local function compare(what, ...)
    local list = ways(peers, { "troupe", "redis", "tarantool" }, requests(what, ...), rate, ALL)
    local results = measure.in_turns(list)
    measure.row(what, list, results, "calls/s")
    return results
  end
  local put = compare("put", ('[%s,"%s"]'):format(NUMBER, VALUE), NUMBER, VALUE)
  measure.target("put, troupe / tarantool", measure.ratios(put.troupe, put.tarantool), 1)
  local get = compare("get", ("[%s]"):format(NUMBER), NUMBER)
  measure.target("get, troupe / tarantool", measure.ratios(get.troupe, get.tarantool))
  local top = compare("top", "[100]", 100)
  measure.target("list of 100, troupe / the faster peer",
                 measure.ratios(top.troupe, measure.combine(math.max, top.redis, top.tarantool)), 1)
end

local function batches(peers, put_many)
  local list = ways(peers, { "troupe", "tarantool" }, put_many, puts_rate,
                    { first = million.first, last = million.last - BATCH + 1 })
  local results = measure.in_turns(list)
  measure.row(("%d puts a call"):format(BATCH), list, results, "puts/s")
  measure.target("puts, troupe / tarantool", measure.ratios(results.troupe, results.tarantool), 1)
end

local function scans(peers)
  local list = ways(peers, { "troupe", "tarantool" }, requests("scan", ("[%d]"):format(SCAN), SCAN),
                    milliseconds, { connections = 1 })
  local folder = servers.folder .. "/scan"
  table.insert(list, { "scan.c", function()
    servers.capture(("rm -rf %s && mkdir %s"):format(folder, folder))
    return milliseconds(measure.tool("scan", folder, SCAN, measure.seconds))
  end })
  local results = measure.in_turns(list)
  measure.row(("scan of %d"):format(SCAN), list, results, "ms a call, one connection")
  measure.target("scan's speed, troupe / scan.c", measure.ratios(results["scan.c"], results.troupe), 0.5)
  measure.target("scan's speed, troupe / tarantool", measure.ratios(results.tarantool, results.troupe))
end

return function()
  measure.topic("kv", "one actor with %d entries beside Redis (functions, appendfsync always) and Tarantool "
                .. "(procedures, wal_mode fsync)", million.count)
  local peers = {
    troupe = servers.troupe("spec/bench/actors", servers.folder .. "/shelf"),
    redis = servers.redis(),
    tarantool = servers.tarantool(),
  }
  local put_many = requests("put_many", ('[%s,%d,"@@@@@@@"]'):format(NUMBER, BATCH), NUMBER, BATCH, "@@@@@@@")
  for name, server in pairs(peers) do
    measure.load(server, put_many[name], {
      first = million.first, last = million.last, step = BATCH, calls = million.count // BATCH, connections = 4,
    })
  end
  single_calls(peers)
  batches(peers, put_many)
  scans(peers)
  for _, server in pairs(peers) do server:stop() end
end
