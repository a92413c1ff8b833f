-- Survives crashes on a simulated disk (`make crash`):
--
--   lua5.4 spec/crash/run.lua [books] [chains] [mail] [lies] [tells]     with build/kit/simulated_disk.so preloaded
--
-- books: actors by themselves (simulation.lua); chains: actors that call one another (chains.lua); mail: messages,
-- schedules and ends of actors (mail.lua); none of these: all.
-- TROUPE_CRASHES: how many of each (1000). TROUPE_SEED: the seed of the first world, printed at the beginning.
-- lies: the disk only pretends to sync, so that something must be found. tells: all that the disk does is printed.

local simulations = {
  books = require "spec.crash.simulation", chains = require "spec.crash.chains", mail = require "spec.crash.mail",
}

local crashes = tonumber(os.getenv "TROUPE_CRASHES" or 1000)
local seed = tonumber(os.getenv "TROUPE_SEED") or os.time()
local wanted = {}
for _, word in ipairs(arg) do wanted[word] = true end

local function progress_of(name)
  local shown = 0
  return function(tally)
    if tally.crashes < shown + 10000 then return end
    shown = tally.crashes
    local last = seed + tally.worlds - 1
    print(("%s: %d crashes, seeds %d to %d, %.0f s"):format(name, tally.crashes, seed, last, os.clock()))
    io.flush()
  end
end

local function run(name)
  local begun = os.clock()
  print(("simulated crashes of %s: TROUPE_SEED=%d TROUPE_CRASHES=%d"):format(name, seed, crashes))
  io.flush()
  local options = { lies = wanted.lies, tells = wanted.tells, progress = progress_of(name) }
  local ok, tally = pcall(simulations[name].run, seed, crashes, options)
  if not ok then
    print(tally)
    os.exit(1)
  end
  print(("survived %d crashes (%d in the middle of what the disk did, %d of starts) of %d worlds in %.1f s"):format(
    tally.crashes, tally.cuts, tally.starts, tally.worlds, os.clock() - begun))
  print(("%d calls, %d of them answered, none lost; %d times an actor was read, %d times all was verified"):format(
    tally.calls, tally.answers, tally.checks, tally.verified))
  if tally.codes then
    print(("%d writes failed, %d calls were refused as deadlocks, and %d times nobody was left waiting"):format(
      tally.failed_writes, tally.codes.deadlock or 0, tally.rests))
  elseif tally.applied then
    local form = "%d writes failed; %d messages applied, %d runs of schedules, %d ends; %d times all was compared"
    print(form:format(tally.failed_writes, tally.applied, tally.runs, tally.ends, tally.rests))
  end
end

for _, name in ipairs { "books", "chains", "mail" } do
  if wanted[name] or not (wanted.books or wanted.chains or wanted.mail) then run(name) end
end
