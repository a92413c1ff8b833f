--- Hostile scripts that specs send to an actor: checks how they end, and that a neighbouring actor does not notice.

local assert = require "luassert"
local hosts = require "spec.support.hosts"
local troupe = require "troupe.test"

local attack = {}

---@class Place
---@field host troupe.Host
---@field victim table     a handle of the actor that runs the scripts
---@field neighbour table  a handle of another actor, of the same class and worker
local Place = {}
Place.__index = Place

--- Opens a host with a victim and a neighbour. The caller closes the place.
---@param limits table  as of troupe.host()
---@return Place
function attack.open(limits)
  limits.call_bytes, limits.value_bytes, limits.commit_bytes = 32 << 20, 1 << 20, 4 << 20
  local host = troupe.host { actors = "spec/support/actors_attack", limits = limits }
  local place = { host = host, victim = host:actor("Target", "victim"), neighbour = host:actor("Target", "neighbour") }
  place.victim:ping()
  place.neighbour:ping()
  return setmetatable(place, Place)
end

function Place:close() self.host:close() end

function Place:content(key)
  return { state = self.host:state("Target", key), kv = self.host:kv("Target", key) }
end

function Place:_check_unharmed(before)
  assert.same(before, self:content "victim")
  assert.is_false(self.victim:was_touched())
  assert.equal("pong", self.neighbour:ping())
  assert.equal(0, self:content("neighbour").state.n)
end

--- Fails unless the script fails with this code and words like these, and leaves nothing behind.
---@param code string
---@param words string|nil  a pattern
---@param text string
function Place:refuses(code, words, text)
  local before = self:content "victim"
  local failure = hosts.failure_of(self.victim.attack, self.victim, text)
  assert.equal(code, failure.code, failure.message)
  if words then assert.matches(words, failure.message) end
  assert.is_true(#failure.message <= 4096)
  self:_check_unharmed(before)
  if math.random(4) == 1 then
    self.host:crash()
    self:_check_unharmed(before)
  end
end

--- Fails unless the script runs to its end and answers this.
function Place:answers(expected, text, ...)
  assert.same(expected, self.victim:run(text, ...))
  assert.equal("pong", self.neighbour:ping())
end

return attack
