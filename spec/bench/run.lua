-- Measures the program against its peers, topic by topic: lua5.4 spec/bench/run.lua [TOPIC]...
--
-- In the environment: ROUNDS and SECONDS of each (5 and 3), MANY actors or entries (1,000,000), TROUPE_PROGRAM,
-- TROUPE_BENCH (the built programs of spec/bench).
--
-- A topic that fails is told, and the others run on. `make check` runs each topic for a moment, so that one that does
-- not run any more is seen: its figures say nothing, and nobody asserts them. What breaks a topic is a change of the
-- host; so that run takes the peers that are installed, and installs none. A topic without a peer tells the rest.

local TOPICS = {
  "kv", "stall", "beyond", "increments", "reads", "chains", "syncs", "checkpoint", "start", "state", "memory", "time",
  "sockets",
}

local measure = require "spec.bench.measure"
local servers = require "spec.bench.servers"

local topics = #arg > 0 and arg or TOPICS
local failed = {}
measure.say("Medians of %d rounds of %g s in turns. Load: spec/bench/load.c, one thread, for all peers alike. In "
            .. "parentheses the rounds' least and most.", measure.rounds, measure.seconds)
for _, topic in ipairs(topics) do
  local ok, message = xpcall(function() require("spec.bench." .. topic)() end, debug.traceback)
  servers.stop_running()
  if not ok then
    table.insert(failed, topic)
    io.stderr:write(tostring(message), "\n")
  end
end
servers.remove_files()
if #failed > 0 then
  io.stderr:write("Not to the end: ", table.concat(failed, ", "), "\n")
  os.exit(1)
end
