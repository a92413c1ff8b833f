-- A kv of several times the memory that the host has of its own: entries of 1,000 bytes, put, read here and there, and
-- walked over, beside the disk's own speed.

local measure = require "spec.bench.measure"
local million = require "spec.bench.million"
local servers = require "spec.bench.servers"

local SIZE_MIB = tonumber(os.getenv "SIZE_MIB" or math.max(20, 2048 * million.count // 1000000))
local ENTRY_BYTES, BATCH, CHUNKS, TIMES = 1000, 1000, 20, 4
local ENTRIES = SIZE_MIB * 1048576 // ENTRY_BYTES // BATCH // CHUNKS * BATCH * CHUNKS
local FIRST = 1000000

-- What the process has of its own; pages of files are the system's, and go when somebody else wants them.
local function own_mib(host)
  local status = servers.read(("/proc/%d/status"):format(host.pid))
  return tonumber(status:match "RssAnon:%s+(%d+)") / 1024
end

local function mib(entries) return entries * ENTRY_BYTES / 1048576 end

-- MiB a second that the disk takes of a plain file, with one sync at its end.
local function plain_write()
  local path = servers.folder .. "/plain"
  local command = ("dd if=/dev/zero of=%s bs=1M count=%d conv=fdatasync 2>&1"):format(path, SIZE_MIB)
  local seconds = tonumber(servers.capture(command):match "([%d.]+) s,")
  os.remove(path)
  return SIZE_MIB / seconds
end

return function()
  local host = servers.troupe("spec/bench/actors", servers.folder .. "/beyond", "--workers 1")
  local function request(method, arguments) return host.request("/actors/Shelf/one/" .. method, arguments) end
  measure.topic("beyond", "a kv of %.0f MiB, in entries of %d bytes", mib(ENTRIES), ENTRY_BYTES)
  local seconds, own = 0, 0
  local part = ENTRIES // CHUNKS
  for chunk = 0, CHUNKS - 1 do
    local first = FIRST + chunk * part
    seconds = seconds + measure.load(host, request("put_large", ("[#######,%d,%d]"):format(BATCH, ENTRY_BYTES)), {
      first = first, last = first + part - 1, step = BATCH, calls = part // BATCH, connections = 2,
    }).seconds
    own = math.max(own, own_mib(host))
  end
  measure.say("  puts of %d a call: %.0f MiB/s; a plain file with one sync: %.0f MiB/s", BATCH, mib(ENTRIES) / seconds,
              plain_write())
  local get = measure.load(host, request("get", "[#######]"), { first = FIRST, last = FIRST + ENTRIES - 1 })
  measure.say("  gets here and there: %.0f calls/s, 64 connections", get.rate)
  local walk = measure.load(host, request("count", ""), { calls = 1, connections = 1 })
  measure.say("  count of all: %.0f MiB/s", mib(ENTRIES) / (walk.p50_us / 1e6))
  own = math.max(own, own_mib(host))
  measure.say("  the most memory of its own that was seen: %.0f MiB", own)
  measure.target("kv / memory of its own", { mib(ENTRIES) / own }, TIMES)
  host:stop()
end
