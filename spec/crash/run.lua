-- Survives crashes on a simulated disk (`make crash`):
--
--   lua5.4 spec/crash/run.lua [lies] [tells]     with build/kit/simulated_disk.so preloaded
--
-- TROUPE_CRASHES: how many (1000). TROUPE_SEED: the seed of the first world, printed at the beginning.
-- lies: the disk only pretends to sync, so that something must be found. tells: all that the disk does is printed.

local simulation = require "spec.crash.simulation"

local crashes = tonumber(os.getenv "TROUPE_CRASHES" or 1000)
local seed = tonumber(os.getenv "TROUPE_SEED") or os.time()
local wanted = {}
for _, word in ipairs(arg) do wanted[word] = true end

local shown = 0
local function progress(tally)
  if tally.crashes < shown + 10000 then return end
  shown = tally.crashes
  print(("%d crashes, %.0f s"):format(tally.crashes, os.clock()))
  io.flush()
end

print(("simulated crashes: TROUPE_SEED=%d TROUPE_CRASHES=%d"):format(seed, crashes))
local options = { lies = wanted.lies, tells = wanted.tells, progress = progress }
local ok, tally = pcall(simulation.run, seed, crashes, options)
if not ok then
  print(tally)
  os.exit(1)
end
print(("survived %d crashes (%d in the middle of what the disk did, %d of starts) of %d worlds in %.1f s"):format(
  tally.crashes, tally.cuts, tally.starts, tally.worlds, os.clock()))
print(("%d calls, %d of them answered, none lost; %d times an actor was read, %d times all was verified"):format(
  tally.calls, tally.answers, tally.checks, tally.verified))
