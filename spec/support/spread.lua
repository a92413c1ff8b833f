--- Where actors live, for specs of hosts with several workers: unless all of them are at work, the spec tests fewer.

local troupe = require "troupe.test"

local spread = {}

--- Raises if one of this many workers has none of the actors with these keys.
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

--- Returns a maker of keys, each `prefix` with a new number. It takes the workers in turn, so that two keys in a row
--- live on two workers.
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

--- Returns a maker of keys, each `prefix` with a new number: all of them, and `key`, are of one shard.
---@param class string
---@param key any
---@param prefix string
---@return fun(): string
function spread.fellows(class, key, prefix)
  local SHARDS = 1024
  local number, shard = 0, troupe.worker_of(class, key, SHARDS)
  return function()
    repeat
      number = number + 1
    until troupe.worker_of(class, prefix .. number, SHARDS) == shard
    return prefix .. number
  end
end

return spread
