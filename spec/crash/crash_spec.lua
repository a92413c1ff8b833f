-- The crash simulation in small: some hundred crashes, and that it would notice one that loses what was answered.
-- `make crash` has many more.

local disk = require "simulated_disk"

local CRASHES = 400
local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()

describe("A crash", function()
  if not disk.is_preloaded() then
    pending "is tried with simulated_disk.so preloaded: by make test, or make crash"
    return
  end
  local simulation = require "spec.crash.simulation"

  it("at any operation of the disk loses nothing that was answered and leaves no half of a call", function()
    local tally = simulation.run(SEED, CRASHES, {})
    assert.is_true(tally.cuts > CRASHES / 4)
    assert.is_true(tally.answers > CRASHES)
  end)

  it("on a disk that only pretends to sync is noticed", function()
    local ok, why = pcall(simulation.run, SEED, CRASHES, { lies = true })
    assert.is_false(ok)
    assert.is_truthy(why:find "was answered" or why:find "were read", why)
  end)
end)
