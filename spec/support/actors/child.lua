-- Gets all of its methods from its parent.
local Box = require "box"

---@class Child: Box
return Box:extend "Child"
