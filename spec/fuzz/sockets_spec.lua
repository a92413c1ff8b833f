-- WebSockets under frames and messages that are nearly right, in small; `make fuzz` has more of them.

local sockets = require "spec.fuzz.sockets"

local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local SECONDS = tonumber(os.getenv "FUZZ_SECONDS") or 2

describe("A socket", function()
  it("answers whatever comes in, or ends and says why, and the next client is served", function()
    local tally = sockets.run(SEED, SECONDS)
    local words = {}
    for how, count in pairs(tally.ends) do table.insert(words, ("%d x %s"):format(count, how)) end
    table.sort(words, function(a, b) return tonumber(a:match "%d+") > tonumber(b:match "%d+") end)
    print(("# figures: sockets: %d tries, %d of them left at once; ends: %s"):format(tally.tries, tally.left,
      table.concat(words, ", ")))
    assert.is_true(SECONDS == 0 or (tally.ends.answered or 0) > 0)
    assert.is_nil(tally.ends.cut)
  end)
end)
