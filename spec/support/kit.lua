--- What only the host's own specs need of the module on which troupe.test is built. No other file of the specs requires
--- that module, or reaches into a host.

local module = require "troupe_host"

local kit = {}

--- Opens a host in which nothing runs by itself: no step, and no new start after an end. The options are those of
--- troupe.host().
---@return userdata
kit.open = module.open

--- What the program does to verify a data folder, and to back one up.
kit.verify, kit.backup = module.verify, module.backup

--- How many allocations in a row may fail, which is what Lua gets after a failed one, when it has collected its garbage
--- and asks once more: memory, or none either, or none until the step is over.
kit.FAILURES_IN_A_ROW = { 1, 2, 1000000 }

--- In each step of a worker from now on, makes `count` allocations in a row (default 1) fail, the k-th first; 0: none.
--- Returns whether an allocation has failed since the last time this was called.
---@param host troupe.Host
---@param k integer
---@param count integer|nil
---@return boolean
function kit.fail_allocation(host, k, count)
  return host._kit:fail_allocation(k, count)
end

--- Asks all workers for their calls by a letter, as the door does. Returns the kit's pending, whose answer is JSON.
---@param host troupe.Host
---@return userdata
function kit.ask_for_calls(host)
  return host._kit:submit("calls", "", "")
end

return kit
