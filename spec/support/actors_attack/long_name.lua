-- Its name is too long for Lua to intern, so each look-up takes memory.
local Actor = require "troupe.actor"

---@class ActorWithANameOfMoreThanFortyCharactersInAll: Actor
local LongName = Actor:extend "ActorWithANameOfMoreThanFortyCharactersInAll"

function LongName:ping() return "pong" end

return LongName
