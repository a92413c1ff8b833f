--- All orders in which things can happen, for specs that leave nothing to chance: no seed, but a tree that is gone over
--- branch by branch.

local orders = {}

--- How many choices of a path are tried in all ways, where a spec says no more: TROUPE_DEPTH has more of them.
---@param otherwise integer
---@return integer
function orders.depth(otherwise) return tonumber(os.getenv "TROUPE_DEPTH") or otherwise end

--- Makes the next choices of a path, which becomes as long as that goes. What does nothing is no choice.
local function follow(path, depth, choices, take)
  local at = 0
  while at < depth do
    at = at + 1
    local choice = path[at] or 1
    while choice <= choices and not take(choice) do choice = choice + 1 end
    path[at] = choice <= choices and choice or nil
    if choice > choices then return end
  end
end

--- Tries each order of up to `depth` choices. A path begins with begin(); take(choice), with a number from 1 to
--- `choices`, does one thing, and answers whether there was anything to do; finish(path) does the rest, and looks. It
--- must leave everything as it was before begin().
---@param depth integer
---@param choices integer
---@param begin fun()
---@param take fun(choice: integer): boolean
---@param finish fun(path: integer[])
---@return integer paths    how many there were
function orders.try_all(depth, choices, begin, take, finish)
  local path, paths = {}, 0
  repeat
    begin()
    follow(path, depth, choices, take)
    finish(path)
    paths = paths + 1
    while path[#path] == choices do table.remove(path) end
    if #path > 0 then path[#path] = path[#path] + 1 end
  until #path == 0
  return paths
end

return orders
