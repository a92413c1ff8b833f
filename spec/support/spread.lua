--- Where actors live, for specs of hosts with several workers: each of them must be at work, or the spec has only one.

local troupe = require "troupe.test"

local spread = {}

--- Raises where one of so many workers has none of the actors with these keys.
---@param workers integer
---@param class string
---@param keys any[]
function spread.check(workers, class, keys)
  local at_work, count = {}, 0
  for _, key in ipairs(keys) do
    local worker = troupe.worker_of(class, key, workers)
    if not at_work[worker] then count = count + 1 end
    at_work[worker] = true
  end
  if count < workers then error(("%d of %d workers have a %s"):format(count, workers, class), 2) end
end

--- A maker of keys, `prefix` with a number, each used once. It gives those of one worker after the other, so that two
--- that follow each other live on two workers.
---@param workers integer
---@param class string
---@param prefix string
---@return fun(): string
function spread.keys(workers, class, prefix)
  local number, worker = 0, 0
  return function()
    worker = worker % workers + 1
    repeat
      number = number + 1
    until troupe.worker_of(class, prefix .. number, workers) == worker
    return prefix .. number
  end
end

return spread
