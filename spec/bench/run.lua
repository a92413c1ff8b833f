-- Measures the program against its peers, topic by topic: lua5.4 spec/bench/run.lua [TOPIC]...
--
-- In the environment: ROUNDS and SECONDS of each (5 and 3), MANY actors or entries (1,000,000), TROUPE_PROGRAM,
-- TROUPE_BENCH (the built programs of spec/bench).

local TOPICS = { "kv", "stall", "beyond", "increments", "reads", "syncs", "checkpoint", "start", "state", "memory" }

local measure = require "spec.bench.measure"
local servers = require "spec.bench.servers"

local topics = #arg > 0 and arg or TOPICS
local ok, message = xpcall(function()
  measure.say("Medians of %d rounds of %g s in turns. Load: spec/bench/load.c, one thread, for all peers alike. In "
              .. "parentheses the rounds' least and most.", measure.rounds, measure.seconds)
  for _, topic in ipairs(topics) do require("spec.bench." .. topic)() end
end, debug.traceback)
servers.stop_all()
if not ok then
  io.stderr:write(tostring(message), "\n")
  os.exit(1)
end
