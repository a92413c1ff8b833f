-- What an actor takes while it is in memory and idle: one with a state of two fields, that was read from the store. In
-- the program all memory of its own is counted, in this process on the spec kit what the VM holds.

local measure = require "spec.bench.measure"
local servers = require "spec.bench.servers"

local ACTORS = math.min(tonumber(os.getenv "MANY" or 100000), 100000)
local FIRST, BYTES_MAX = 1000000, 1024
local IDLE_MS = 3600 * 1000

local function per_actor(bytes) return { bytes / ACTORS } end

local function make(data)
  local host = servers.troupe("spec/bench/actors", data)
  measure.load(host, host.request("/actors/Pair/#######/get"), {
    calls = ACTORS, first = FIRST, last = FIRST + ACTORS - 1, connections = 64,
  })
  host:stop()
end

local function in_program(data)
  local host = servers.troupe("spec/bench/actors", data, "--workers 1 --limit-idle-ms " .. IDLE_MS)
  local function wake(count)
    measure.load(host, host.request("/actors/Pair/#######/get"), {
      calls = count, first = FIRST, last = FIRST + count - 1, connections = 64,
    })
  end
  wake(ACTORS // 100)                    -- what is there once, whoever comes
  local before = host:own_bytes()
  wake(ACTORS)
  measure.target("the program's own bytes an actor", per_actor(host:own_bytes() - before), BYTES_MAX, true)
  host:stop()
end

local function in_kit(data)
  local host = require "troupe.test".host {
    actors = "spec/bench/actors", data = data, limits = { idle_ms = IDLE_MS },
  }
  local function wake(first, count)
    for i = first, first + count - 1 do
      host:start("Pair", tostring(i), "get")
      if i % 100 == 0 then host:run() end
    end
    host:run()
    collectgarbage()
    return host:memory()
  end
  local before = wake(FIRST, ACTORS // 100)
  measure.target("of them in the VM, garbage collected", per_actor(wake(FIRST, ACTORS) - before))
  host:close()
end

return function()
  measure.topic("memory", "%d actors in memory with a state of two fields, read from the store", ACTORS)
  local data = servers.folder .. "/memory"
  make(data)
  in_program(data)
  in_kit(data)
end
