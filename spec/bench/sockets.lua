-- What sockets cost: calls over them, events, sockets that idle, the waking of actors, clients that never read.

local socket = require "socket"
local measure = require "spec.bench.measure"
local million = require "spec.bench.million"
local servers = require "spec.bench.servers"

local COUNTERS = { first = million.first, sockets = 64, window = 16, many = 1024 }
local OVER_HTTP_MIN, OVER_MANY_MIN, OVER_REDIS_MIN = 2, 1.5, 1
local LISTENERS, EVENT_BYTES, TOGETHER, OVER_WRITEV_MIN = 1000, 100, 64, 0.7
local IDLE = math.min(million.count, 10000)
local IDLE_BYTES_MAX, OF_WS_MAX, IDLE_RATE, IDLE_MS = 1200, 0.2, 2000, 100
local WOKEN, WAKE_IDLE_MS, WAKE_PAUSE_S = math.min(million.count, 5000), 500, 2
local WAKE_STEP = 7919           -- so that actors called one after the other are not neighbours
local DEAF, DEAF_BYTES, P99_MAX = 100, 64 * 1024, 2
local DEAF_CALLS, DEAF_CALL_BYTES = 8, 256 * 1024
local ACTORS = "spec/bench/actors"

--- Options as the words of sockets.c.
local function words_of(options)
  local words = {}
  for name, value in pairs(options) do table.insert(words, ("%s='%s'"):format(name, value)) end
  return table.concat(words, " ")
end

--- Runs sockets.c. Returns its figures, with the rate of what it counts.
local function run(mode, server, path, options)
  local found = measure.tool("sockets", mode, server.port, path, "seconds=" .. measure.seconds, "server=" .. server.pid,
                             words_of(options))
  found.rate = (found.events or found.calls) / found.seconds
  return found
end

--- A way of measure.in_turns(): what `measured` gives, where the server is there.
local function way(name, server, measured)
  return { name, server and function()
    local found = measured(server)
    found.server_ns, found.generator_ns = found.server_us and found.server_us * 1000, found.cpu_us * 1000
    return found
  end }
end

--- One figure of each round.
local function field(results, name, what)
  local list = {}
  for round, found in ipairs(results[name] or {}) do list[round] = found[what] end
  return results[name] and list
end

local function ratios(results, what, a, b)
  return measure.ratios(field(results, a, what), field(results, b, what))
end

--- A line of one figure of all ways.
local function row(what, ways, results, figure, unit)
  local lists = {}
  for name in pairs(results) do lists[name] = field(results, name, figure) end
  measure.row(what, ways, lists, unit)
end

local function rows(ways, results, unit)
  row("a second", ways, results, "rate", unit)
  row("server", ways, results, "server_ns", "ns of processors each")
  row("generator", ways, results, "generator_ns", "ns of a processor each")
end

-- --- Durable increments --------------------------------------------------------------------------------------------

local function increments()
  local troupe, redis = servers.troupe("actors", servers.folder .. "/sockets"), servers.redis()
  local range = { first = COUNTERS.first, last = COUNTERS.first + COUNTERS.sockets - 1 }
  local function load(bytes, connections, window)
    return function(server)
      return measure.load(server, bytes, {
        first = range.first, last = range.last, connections = connections, window = window, server = server.pid,
      })
    end
  end
  local increment = troupe.request "/actors/Counter/#######/increment"
  local ways = {
    way("sockets", troupe, function()
      return run("calls", troupe, "/connect/Counter/#######", {
        first = range.first, connections = COUNTERS.sockets, window = COUNTERS.window, method = "increment",
      })
    end),
    way("HTTP 64", troupe, load(increment, COUNTERS.sockets, 1)),
    way("HTTP 1024", troupe, load(increment, COUNTERS.many, 1)),
    way("redis", redis, load(servers.resp("FCALL", "increment", 1, "counter:#######"), COUNTERS.sockets,
                             COUNTERS.window)),
  }
  measure.say("  durable increments over %d actors: as many sockets with %d calls under way each; HTTP, with 64 "
              .. "connections and with %d; Redis (a function, appendfsync always), 64 connections, %d calls under way "
              .. "each, pipelined", COUNTERS.sockets, COUNTERS.window, COUNTERS.many, COUNTERS.window)
  local results = measure.in_turns(ways)
  rows(ways, results, "calls/s")
  row("p99", ways, results, "p99_us", "us")
  measure.target("sockets / HTTP with 64 connections", ratios(results, "rate", "sockets", "HTTP 64"), OVER_HTTP_MIN)
  measure.target("sockets / HTTP with 1,024 connections", ratios(results, "rate", "sockets", "HTTP 1024"),
                 OVER_MANY_MIN)
  measure.target("sockets / redis", ratios(results, "rate", "sockets", "redis"), OVER_REDIS_MIN)
  troupe:stop()
  if redis then redis:stop() end
end

-- --- Broadcasts ----------------------------------------------------------------------------------------------------

local function broadcasts()
  local peers = {
    { "troupe", servers.troupe(ACTORS, servers.folder .. "/feed"), "/connect/Feed/1" },
    { "writev", servers.writev(), "/" },
    { "ws", servers.ws(), "/" },
  }
  for _, times in ipairs { 1, TOGETHER } do
    local ways = {}
    for i, peer in ipairs(peers) do
      local name, server, path = table.unpack(peer, 1, 3)
      ways[i] = way(name, server, function()
        return run("events", server, path, {
          connections = LISTENERS, method = "tell", args = ("[%d,%d]"):format(EVENT_BYTES, times), count = times,
        })
      end)
    end
    measure.say("  a call tells %d sockets %d events of %d bytes, and the next one comes when all have them; beside a "
                .. "loop of writev() and node's ws", LISTENERS, times, EVENT_BYTES)
    local results = measure.in_turns(ways)
    rows(ways, results, "events/s")
    row("p99 of a round", ways, results, "p99_us", "us")
    measure.target(("troupe / writev, %d at a time"):format(times), ratios(results, "rate", "troupe", "writev"),
                   OVER_WRITEV_MIN)
    measure.target("troupe / ws", ratios(results, "rate", "troupe", "ws"))
  end
  for _, peer in ipairs(peers) do
    if peer[2] then peer[2]:stop() end
  end
end

-- --- How late events come ------------------------------------------------------------------------------------------

local function lateness()
  local troupe = servers.troupe(ACTORS, servers.folder .. "/feed")
  local function pairs_of(count, method)
    return function()
      return run("pairs", troupe, "/connect/Feed/#######", {
        first = million.first, connections = count, method = method, args = ("[%d]"):format(EVENT_BYTES),
      })
    end
  end
  measure.say "  an event to another socket than the caller's, one call under way at each of 1 or 64 actors"
  local ways = {
    way("1, durable", troupe, pairs_of(1, "tell")), way("64, durable", troupe, pairs_of(64, "tell")),
    way("1, no change", troupe, pairs_of(1, "whisper")), way("64, no change", troupe, pairs_of(64, "whisper")),
  }
  local results = measure.in_turns(ways)
  for _, figure in ipairs { "answer_p50", "answer_p99", "event_p50", "event_p99", "lag_p50", "lag_p99" } do
    row(figure:gsub("_", ", ", 1), ways, results, figure .. "_us", figure:find "lag" and "us behind the answer" or "us")
  end
  measure.target("p99 of an event / p99 of the answer, durable, 64", measure.combine(function(event, answer)
    return event / answer
  end, field(results, "64, durable", "event_p99_us"), field(results, "64, durable", "answer_p99_us")))
  troupe:stop()
end

-- --- Sockets that idle ---------------------------------------------------------------------------------------------

--- How many bytes of its own a server has more with so many sockets open; each is that of an actor that sleeps.
local function idle(server, path, settle)
  local function hold(first, count)
    local tool = servers.begin_tool("sockets", "hold", server.port, path, words_of {
      first = first, connections = count, rate = IDLE_RATE,
    })
    servers.wait_until("the sockets", function() return tool:has_said "open=" end)
    settle(server)
    return tool
  end
  hold(million.first, IDLE // 100):stop "INT"        -- what is there once, whoever comes
  settle(server)
  local before = server:own_bytes()
  local tool = hold(million.first, IDLE)
  local bytes = (server:own_bytes() - before) / IDLE
  tool:stop "INT"
  server:stop()
  return bytes
end

local function idles()
  local data = servers.folder .. "/idle"
  local troupe = servers.troupe(ACTORS, data)
  measure.load(troupe, troupe.request "/actors/Pair/#######/get", {
    calls = IDLE, first = million.first, last = million.first + IDLE - 1,
  })
  troupe:stop()
  local ws = servers.ws()
  if ws then ws:stop() end
  measure.say("  %d sockets that idle, each of an actor that sleeps: bytes of the process's own for each", IDLE)
  local results = measure.in_turns {
    { "troupe", function()
      local host = servers.troupe(ACTORS, data, "--workers 1 --limit-idle-ms " .. IDLE_MS)
      return idle(host, "/connect/Pair/#######", function() socket.sleep(1 + 5 * IDLE_MS / 1000) end)
    end },
    { "ws", ws and function()
      return idle(servers.ws(), "/", function(server)
        os.execute("kill -USR2 " .. server.pid)
        socket.sleep(1)
      end)
    end },
  }
  measure.target("troupe", results.troupe, IDLE_BYTES_MAX, true)
  measure.target("ws", results.ws)
  measure.target("troupe / ws", measure.ratios(results.troupe, results.ws), OF_WS_MAX, true)
end

-- --- Waking --------------------------------------------------------------------------------------------------------

local function waking()
  local troupe = servers.troupe("actors", million.data(), "--limit-idle-ms " .. WAKE_IDLE_MS)
  local function asleep() socket.sleep(WAKE_PAUSE_S) end
  local function http(options)
    return function()
      asleep()
      options.connections, options.calls = 1, WOKEN
      return measure.load(troupe, troupe.request "/actors/Counter/#######/get", options)
    end
  end
  measure.say("  one of %d actors is woken to be read, one call at a time, %d in all: by a frame, by HTTP; and one "
              .. "that is awake, by HTTP", million.count, WOKEN)
  local ways = {
    way("frame", troupe, function()
      return run("wake", troupe, "/connect/Counter/#######", {
        first = million.first, last = million.last, connections = WOKEN, together = 1, pause = WAKE_PAUSE_S,
      })
    end),
    way("HTTP", troupe, http { first = million.first, last = million.last, step = WAKE_STEP }),
    way("HTTP, awake", troupe, http { first = million.first, last = million.first }),
  }
  local results = measure.in_turns(ways)
  row("p50", ways, results, "p50_us", "us")
  row("p99", ways, results, "p99_us", "us")
  measure.target("p50 by a frame / by HTTP", ratios(results, "p50_us", "frame", "HTTP"))
  measure.target("p99 by a frame / by HTTP", ratios(results, "p99_us", "frame", "HTTP"))
  troupe:stop()
end

-- --- Clients that never read ---------------------------------------------------------------------------------------

local function deafness()
  local troupe = servers.troupe(ACTORS, servers.folder .. "/feed")
  local told = {}
  local function others()
    return run("calls", troupe, "/connect/Link/#######", {
      first = million.first, connections = COUNTERS.sockets, window = 1, method = "increment",
    })
  end
  local function beside(name, options)
    return way(name, troupe, function()
      options.connections, options.seconds = DEAF, 3600
      options.method, options.args = "tell", ("[%d]"):format(DEAF_BYTES)
      local deaf = servers.begin_tool("sockets", "deaf", troupe.port, "/connect/Feed/2", words_of(options))
      servers.wait_until("one to be cut", function() return deaf:has_said "full" end)
      local found = others()
      deaf:stop "INT"
      told[name] = measure.numbers(servers.read(deaf.out))
      return found
    end)
  end
  local ways = {
    way("alone", troupe, others), beside("deaf", {}),
    beside("deaf, calling", { flood = "fill", flood_args = ("[%d]"):format(DEAF_CALL_BYTES), window = DEAF_CALLS }),
  }
  measure.say("  %d sockets of others that increment, beside a client with %d that are told %d bytes up to 100 "
              .. "times a second and never read; and that call %d times each besides, for %d bytes",
              COUNTERS.sockets, DEAF, DEAF_BYTES, DEAF_CALLS, DEAF_CALL_BYTES)
  local results = measure.in_turns(ways)
  row("a second", ways, results, "rate", "calls/s")
  row("p99 of the others", ways, results, "p99_us", "us")
  for i = 2, #ways do
    local name = ways[i][1]
    measure.say("    %s: opened %d times in the last round, cut %d times", name, told[name].opened, told[name].cut)
    measure.target(("p99 beside them (%s) / alone"):format(name), ratios(results, "p99_us", name, "alone"), P99_MAX,
                   true)
  end
  troupe:stop()
end

return function()
  measure.topic("sockets", "calls and events over WebSockets; load: spec/bench/sockets.c")
  increments()
  broadcasts()
  lateness()
  idles()
  waking()
  deafness()
end
