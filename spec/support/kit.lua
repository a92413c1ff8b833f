--- What only the host's own specs need of the module on which troupe.test stands: no other file of the specs requires
--- it, or reaches into a host.

local module = require "troupe_host"

local kit = {}

--- Opens a host on which nothing runs by itself: no step, and no new start after an end. Options as of troupe.host().
---@return userdata
kit.open = module.open

--- What the program's check of a data folder finds, and its backup of one.
kit.verify, kit.backup = module.verify, module.backup

--- Lets the k-th allocation of each step of a worker fail from now on, and those behind it up to `count` of them; 0:
--- none. Whether one asked for before has failed.
---@param host troupe.Host
---@param k integer
---@param count integer|nil
---@return boolean
function kit.fail_allocation(host, k, count)
  return host._kit:fail_allocation(k, count)
end

return kit
