-- A kv of several times the memory that the process may use: entries of 1,000 bytes, put, read here and there, and
-- walked over, beside the disk's own speed.

local measure = require "spec.bench.measure"
local servers = require "spec.bench.servers"

local MEMORY_MIB = tonumber(os.getenv "MEMORY_MIB" or 384)
local TIMES, ENTRY_BYTES, BATCH = 4, 1000, 1000
local ENTRIES = math.min(MEMORY_MIB * TIMES * 1048576 // ENTRY_BYTES, 9000000)
local ALL = { first = 1000000, last = 1000000 + ENTRIES - 1 }

-- What the process has of its own; pages of files are the system's, and go when somebody else wants them.
local function own_mib(host)
  local status = servers.read(("/proc/%d/status"):format(host.pid))
  return tonumber(status:match "RssAnon:%s+(%d+)") / 1024
end

local function mib(entries) return entries * ENTRY_BYTES / 1048576 end

-- A plain file of the same size, written and synced, and read again.
local function disk()
  local path = servers.folder .. "/plain"
  local function seconds(command)
    local found = servers.capture(("dd %s 2>&1"):format(command))
    return tonumber(found:match "([%d.]+) s,")
  end
  local count = mib(ENTRIES) // 1
  local write = seconds(("if=/dev/zero of=%s bs=1M count=%d conv=fdatasync"):format(path, count))
  os.remove(path)
  return count / write
end

return function()
  measure.topic("beyond", "a kv of %.0f MiB in a process that may have %d MiB of its own", mib(ENTRIES), MEMORY_MIB)
  local before = ("ulimit -d %d; "):format(MEMORY_MIB * 1024)
  local flags = "--workers 1 --limit-vm-bytes 128m"
  local host = servers.troupe("spec/bench/actors", servers.folder .. "/beyond", flags, before)
  local function request(method, arguments) return host.request("/actors/Shelf/one/" .. method, arguments) end
  local put = measure.load(host, request("put_large", ("[#######,%d,%d]"):format(BATCH, ENTRY_BYTES)), {
    first = ALL.first, last = ALL.last, step = BATCH, calls = ENTRIES // BATCH, connections = 2,
  })
  local plain = disk()
  measure.say("  puts of %d a call: %.0f MiB/s; a plain file, written and synced: %.0f MiB/s", BATCH,
              mib(put.rate * BATCH), plain)
  local get = measure.load(host, request("get", "[#######]"), { first = ALL.first, last = ALL.last - BATCH })
  measure.say("  gets here and there: %.0f calls/s, 64 connections", get.rate)
  local walk = measure.load(host, request("count", ""), { calls = 1, connections = 1 })
  measure.say("  count of all: %.0f MiB/s", mib(ENTRIES) / (walk.p50_us / 1e6))
  measure.target("memory of its own, MiB", { own_mib(host) }, MEMORY_MIB, true)
  host:stop()
end
