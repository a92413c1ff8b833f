-- The k-th operation of the disk fails, for every k: the disk is full or broken, for one operation, for some, or until
-- the host has come to rest.

local disk = require "simulated_disk"

local COUNTS = { 1, 1, 3, 1 << 30 }     -- of one operation both halves that a write may leave

describe("A fault", function()
  if not disk.is_preloaded() then
    pending "is tried with simulated_disk.so preloaded: by make test"
    return
  end
  local runs = require "spec.crash.fault_run"

  it("may come at a turn of the segments, in a checkpoint and in a recovery", function()
    local outcome, log, segments = runs.run({ at = 1 << 30, count = 1, error = "full" }, assert.same)
    assert.is_nil(outcome)
    assert.matches("recovered batches", log)
    assert.matches("checkpoint done batch=%d+ portions=[3-9]", log)
    assert.is_nil(log:find " error ")
    assert.is_true(tonumber(segments[1], 16) > 5)      -- older ones are gone
  end)

  for _, error_name in ipairs { "full", "broken" } do
    for i, count in ipairs(COUNTS) do
      local serves, odd = i % 2 == 0, i == 2
      local how = ("%s, %d in a row%s"):format(error_name, count, serves and ", and it serves on" or "")
      it("leaves whole calls, all that was answered and a host that is no further than its disk: " .. how, function()
        local tally = { unharmed = 0, failed = 0, ended = 0, unopened = 0 }
        local at = 0
        repeat
          at = at + 1
          local outcome = runs.run({ at = at, count = count, error = error_name, serves = serves, odd = odd },
            assert.same)
          if outcome then tally[outcome] = tally[outcome] + 1 end
        until not outcome
        assert.is_true(at > 140)
        for outcome, times in pairs(tally) do assert.is_true(times > 10, outcome) end
      end)
    end
  end
end)
