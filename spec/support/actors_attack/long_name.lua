-- Its name is longer than those that Lua keeps one of: to look it up takes memory.
local Actor = require "troupe.actor"

---@class ActorWithANameOfMoreThanFortyCharactersInAll: Actor
local LongName = Actor:extend "ActorWithANameOfMoreThanFortyCharactersInAll"

function LongName:ping() return "pong" end

return LongName
