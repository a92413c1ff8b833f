--- Actors that ask one another, for specs of calls between them: each does what the spec writes down.

local assert = require "luassert"
local hosts = require "spec.support.hosts"
local troupe = require "troupe.test"

local nodes = {}

--- The methods that all nodes have. `run(text, ...)` runs a text, in which `self`, `rpc` and `text` are what they are,
--- and `...` is the rest; `self:_ask(key, text, ...)` lets another node run one. `mark` leaves a mark on the disk.
nodes.methods = [[
  function Class:run(rpc, text, ...)
    local whole = "local self, rpc, text = ... ; return (function(_, _, _, ...) " .. text .. "\nend)(...)"
    return assert(load(whole, "=run"))(self, rpc, text, ...)
  end
  function Class:_ask(key, text, ...) return self:actor("Node", key):run(text, ...) end
  function Class:_caught(key, text, ...)
    local ok, e = pcall(self._ask, self, key, text, ...)
    return { ok, e and e.code, e and e.message }
  end
  function Class:mark(_, name) self.kv:put({ "mark", name }, true) end
  function Class:marks()
    local names = array {}
    for i, entry in ipairs(self.kv:list { prefix = "mark" }) do names[i] = entry.key[2] end
    return names
  end
  function Class:ping() return "pong" end
]]

local Nodes = {}
Nodes.__index = Nodes

--- Opens a host of nodes. The options are those of hosts.open(), and `class`: more methods; `files`: more classes.
---@param options table|nil
function nodes.open(options)
  local settings = {}
  for name, value in pairs(options or {}) do settings[name] = value end
  local files = settings.files or {}
  files["node.lua"] = hosts.class("Node", nodes.methods .. (settings.class or ""))
  settings.files, settings.class = nil, nil
  local made = setmetatable({ workers = settings.workers or 1, keys = {} }, Nodes)
  made.host = hosts.open(files, settings)
  return made
end

--- The key of node `place`, from 1 on: neighbours live on different workers, as far as there are several.
---@param place integer
---@return string
function Nodes:key(place)
  local number = #self.keys == 0 and 1 or tonumber(self.keys[#self.keys]:match "%d+") + 1
  while #self.keys < place do
    local key = "n" .. number
    local worker = troupe.worker_of("Node", key, self.workers)
    if worker == #self.keys % self.workers + 1 then self.keys[#self.keys + 1] = key end
    number = number + 1
  end
  return self.keys[place]
end

--- The handle of node `place`.
function Nodes:node(place, options)
  return self.host:actor("Node", self:key(place), options)
end

--- Lets node 1 run a text, with the keys of the nodes 2 to 4 as `b, c, d`.
function Nodes:run(text)
  return self:node(1):run("local b, c, d = ... ; " .. text, self:key(2), self:key(3), self:key(4))
end

--- Begins the same without waiting for its answer.
function Nodes:start(text)
  return self.host:start("Node", self:key(1), "run", "local b, c, d = ... ; " .. text, self:key(2), self:key(3),
                         self:key(4))
end

--- Fails unless nothing is under way, and all nodes that have been used, and one that has not, answer.
function Nodes:check_rest()
  self.host:run()
  for worker = 1, self.workers do assert.is_false(self.host:step(worker)) end
  assert.is_false(self.host:step "committer")
  self:key(#self.keys + 1)
  for place = 1, #self.keys do assert.equal("pong", self:node(place):ping()) end
end

return nodes
