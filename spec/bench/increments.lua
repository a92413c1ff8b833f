-- Durable increments over one actor, over 1,000 and over a million that are on disk, each call a random one; beside
-- Redis, Tarantool, and nginx that answers a fixed body from memory.

local measure = require "spec.bench.measure"
local million = require "spec.bench.million"
local servers = require "spec.bench.servers"

local NAMES = { "troupe", "redis", "tarantool", "nginx" }
local NUMBER = "#######"

local function fill(peers)
  local batch = 1000
  local request = {
    redis = servers.resp("FCALL", "increment_many", 0, NUMBER, batch),
    tarantool = servers.iproto("increment_many", NUMBER, batch),
  }
  for name, bytes in pairs(request) do
    local options = {
      first = million.first, last = million.last, step = batch, calls = million.count // batch, connections = 4,
    }
    if peers[name] then measure.load(peers[name], bytes, options) end
  end
end

local function compare(peers, actors)
  local request = {
    troupe = servers.http(million.path),
    redis = servers.resp("FCALL", "increment", 1, "counter:" .. NUMBER),
    tarantool = servers.iproto("increment", NUMBER),
    nginx = servers.http(million.path),
  }
  local list = {}
  for i, name in ipairs(NAMES) do
    local peer = peers[name]
    list[i] = { name, peer and function()
      return measure.load(peer, request[name], { first = million.first, last = million.first + actors - 1 }).rate
    end }
  end
  local results = measure.in_turns(list)
  measure.row(("%d actors"):format(actors), list, results, "calls/s")
  return results
end

-- Names that differ in their last letters must spread over the workers as numbers do.
local function names(troupe)
  local function increments(path, digits)
    return function()
      return measure.load(troupe, troupe.request(path), { first = 1, last = 1000, digits = digits }).rate
    end
  end
  local list = {
    { "numbers", increments(million.path, 1) },
    { "room-1..1000", increments("/actors/Counter/room-" .. NUMBER .. "/increment", 1) },
  }
  local results = measure.in_turns(list)
  measure.row("1,000 actors by name", list, results, "calls/s")
  measure.target("rooms / numbers", measure.ratios(results["room-1..1000"], results.numbers), 0.9)
end

return function()
  measure.topic("increments", "durable increments beside Redis (functions, appendfsync always), Tarantool (procedures, "
                .. "wal_mode fsync) and nginx (a fixed body from memory)")
  local peers = {
    troupe = servers.troupe("actors", million.data()),
    redis = servers.redis(),
    tarantool = servers.tarantool(),
    nginx = servers.nginx(),
  }
  fill(peers)
  local one = compare(peers, 1)
  measure.target("one actor, troupe / redis", measure.ratios(one.troupe, one.redis), 1)
  local thousand = compare(peers, 1000)
  measure.target("1,000 actors, troupe / redis", measure.ratios(thousand.troupe, thousand.redis), 1)
  measure.target("1,000 actors, troupe / nginx", measure.ratios(thousand.troupe, thousand.nginx), 0.4)
  names(peers.troupe)
  local all = compare(peers, million.count)
  measure.target(("%d actors, troupe / troupe over 1,000"):format(million.count),
                 measure.ratios(all.troupe, thousand.troupe), 0.6)
  for _, server in pairs(peers) do server:stop() end
end
