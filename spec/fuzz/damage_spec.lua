-- Damaged data folders in small; `make fuzz` has more of them.

local damaged_folder = require "spec.fuzz.damaged_folder"

local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local SECONDS = tonumber(os.getenv "FUZZ_SECONDS") or 2

local function show(place, outcomes)
  local words = {}
  for outcome, count in pairs(outcomes) do
    if outcome ~= "tries" then table.insert(words, ("%d %s"):format(count, outcome)) end
  end
  table.sort(words, function(a, b) return tonumber(a:match "%d+") > tonumber(b:match "%d+") end)
  print(("# figures: damaged %s: %d tries, %s"):format(place, outcomes.tries, table.concat(words, ", ")))
end

describe("A damaged data folder", function()
  it("is refused, or each read is right or an error", function()
    local tally = damaged_folder.run(SEED, SECONDS, {})
    for place, outcomes in pairs(tally) do show(place, outcomes) end
    assert.is_true(tally.store.tries + tally.log.tries > 0)
  end)

  it("that gives something else than what was there is noticed", function()
    local ok, why = pcall(damaged_folder.run, SEED, 0, { lies = true })
    assert.is_false(ok)
    assert.matches("was never there at once", why)
  end)
end)
