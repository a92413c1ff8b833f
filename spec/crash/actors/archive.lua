-- Keeps the logs of members that were destroyed.
local Actor = require "troupe.actor"

---@class Archive: Actor
local Archive = Actor:extend "Archive"

function Archive:initialize_state() return { count = 0 } end

function Archive:keep(_, key, balance, log)
  self.state.count = self.state.count + 1
  self.kv:put(self.state.count, { key = key, balance = balance, log = log })
end

return Archive
