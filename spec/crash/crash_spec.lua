-- The crash simulations in small: some hundred crashes each, and that they would notice one that loses what was
-- answered. `make crash` has many more.

local disk = require "simulated_disk"

local CRASHES = 400
local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()

describe("A crash", function()
  if not disk.is_preloaded() then
    pending "is tried with simulated_disk.so preloaded: by make test, or make crash"
    return
  end
  local simulation, chains = require "spec.crash.simulation", require "spec.crash.chains"
  local mail = require "spec.crash.mail"

  it("at any operation of the disk loses nothing that was answered and leaves no half of a call", function()
    local tally = simulation.run(SEED, CRASHES, {})
    assert.is_true(tally.cuts > CRASHES / 4)
    assert.is_true(tally.answers > CRASHES)
  end)

  it("leaves no caller's change without its callee's, and no memory of what did not happen", function()
    local tally = chains.run(SEED, CRASHES, {})
    assert.is_true(tally.cuts > CRASHES / 4)
    assert.is_true(tally.answers > CRASHES)
    assert.is_true(tally.failed_writes > CRASHES / 4)
    assert.is_true(tally.rests > CRASHES / 20)
    assert.is_true((tally.codes.deadlock or 0) > 0)
  end)

  it("loses and doubles no message and no schedule, and leaves nothing of an actor that ended", function()
    local tally = mail.run(SEED, CRASHES, {})
    assert.is_true(tally.cuts > CRASHES / 4)
    assert.is_true(tally.answers > CRASHES)
    assert.is_true(tally.failed_writes > CRASHES / 4)
    assert.is_true(tally.rests > CRASHES / 2)
    for _, name in ipairs { "applied", "runs", "ends" } do assert.is_true(tally[name] > CRASHES / 10, name) end
  end)

  it("on a disk that only pretends to sync is noticed after messages", function()
    assert.is_false((pcall(mail.run, SEED, CRASHES, { lies = true })))
  end)

  for name, tried in pairs { ["a call"] = simulation, ["a chain of calls"] = chains } do
    it("on a disk that only pretends to sync is noticed after " .. name, function()
      local ok, why = pcall(tried.run, SEED, CRASHES, { lies = true })
      assert.is_false(ok)
      assert.is_truthy(why:find "answer" or why:find "read", why)
    end)
  end
end)
