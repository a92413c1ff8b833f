--- The class of all actors. `require "troupe.actor"` gives it; a class file extends it and returns the new class.
---
--- A class is a table of methods. Those of its parents, up to Actor, are found through its metatable; which of them can
--- be called from
--- outside is decided by the host (lua/README.md, "A class").

---@class Actor
---@field name string        the name of the class
---@field super Actor        its parent
---@field class Actor        of an actor: its class
---@field key any[]          of an actor: its key, a tuple
---@field state table        of an actor: its state
---@field kv Kv              of an actor: its ordered store
---@field log Log            of an actor: its lines in the host's log
---@field save_state fun(self: Actor)  of an actor: ends one commit of a call and begins the next
---@field state_version integer|nil    what migrate_state brings older states up to; 1 where it is not given
local Actor = { name = "Actor", __name = "Actor" }
Actor.__index = Actor

--- Makes a class with this one as its parent.
---@param name string  what clients call the class: it stands in URLs and names the actor's address for ever
---@return Actor
function Actor:extend(name)
  if type(name) ~= "string" or name == "" or #name > 128 then
    error("extend: the name of a class is a string of 1 to 128 bytes", 2)
  end
  local class = { name = name, super = self, __name = name }
  class.__index = class
  return setmetatable(class, self)
end

return Actor
