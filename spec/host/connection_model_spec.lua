-- Connections against a model: random calls, over HTTP and through connections, that set states, change tables in
-- them, tell events, disconnect, save, catch and fail; and between them connects, ends, sleep, checkpoints, failing
-- disks and crashes. What each connection has heard, and each state, is what the model says.
local hall = require "spec.support.hall"
local hosts = require "spec.support.hosts"

local random = math.random

local function pick(list) return list[random(#list)] end

local function copy(value)
  if type(value) ~= "table" then return value end
  local made = {}
  for key, inner in pairs(value) do made[key] = copy(inner) end
  return made
end

-- -- values, as they are and as text --

local texts = { "1", "2.5", "true", "'text'", "{}", "{ 1, 2 }", "{ a = 1, b = { 2 } }", "{ a = { a = { 1 } } }",
                "('x'):rep(300)" }

local function value_of(text) return assert(load("return " .. text))() end

-- -- the model --

local Model = {}
Model.__index = Model

function Model.new() return setmetatable({ open = {} }, Model) end

-- What a call does to the model until it is saved, or ends.
function Model:begin()
  local states = {}
  for i, one in ipairs(self.open) do states[i] = copy(one.state) end
  return { all = { table.unpack(self.open) }, states = states, left = {}, events = {} }
end

-- What a call has done so far is durable.
function Model:commit(work)
  for i, one in ipairs(work.all) do one.state = copy(work.states[i]) end
  for _, event in ipairs(work.events) do event() end
  work.events = {}
end

-- Ends those that the call has disconnected, once its answer has left.
function Model:close(work)
  for one, reason in pairs(work.left) do
    if not one.closed then
      one.closed = true
      table.insert(one.frames, { code = 4000, reason = reason })
      for i, other in ipairs(self.open) do
        if other == one then table.remove(self.open, i) end
      end
    end
  end
end

local function tell(work, one, name, args)
  table.insert(work.events, function()
    if not one.closed then table.insert(one.frames, { event = name, args = args }) end
  end)
end

-- -- what a call may do: its text, having done it to the model --

local operations = {}

function operations.assign(_, work, i)
  local text = random(6) == 1 and "nil" or pick(texts)
  work.states[i] = value_of(text)
  return ("all[%d].state = %s"):format(i, text)
end

function operations.change(_, work, i)
  local key, text = pick { "a", "b", "c" }, random(4) == 1 and "nil" or pick(texts)
  if type(work.states[i]) == "table" then work.states[i][key] = value_of(text) end
  return ("local s = all[%d].state if type(s) == 'table' then s.%s = %s end"):format(i, key, text)
end

function operations.broadcast(model, work)
  local name, text = pick { "a", "b" }, pick(texts)
  for _, one in ipairs(model.open) do
    if one.subscribed[name] then tell(work, one, name, { value_of(text) }) end
  end
  return ("self:broadcast('%s', %s)"):format(name, text)
end

function operations.send(_, work, i)
  local text = pick(texts)
  if not work.left[work.all[i]] then tell(work, work.all[i], "sent", { value_of(text), i }) end
  return ("all[%d]:send('sent', %s, %d)"):format(i, text, i)
end

function operations.disconnect(_, work, i)
  if random(3) > 1 then return "" end
  local one, reason = work.all[i], "reason " .. random(100)
  work.left[one] = work.left[one] or reason
  return ("all[%d]:disconnect('%s')"):format(i, reason)
end

function operations.save(model, work)
  model:commit(work)
  model:close(work)
  return "self:save_state()"
end

function operations.count(_, work)
  local count = 0
  for _, one in ipairs(work.all) do
    if not work.left[one] then count = count + 1 end
  end
  return ("assert(#self.connections == %d, 'other connections')"):format(count)
end

local names = { "assign", "assign", "change", "change", "change", "broadcast", "send", "disconnect", "save", "count" }

-- A call: its text, and what the model has to say of it. `fails`: it raises at its end.
local function compose(model, may_save)
  local work, lines = model:begin(), { "local all, had = self.connections, {}" }
  for _ = 1, random(6) do
    local name = #work.all == 0 and "broadcast" or pick(names)
    if name ~= "save" or may_save then
      local line = operations[name](model, work, #work.all > 0 and random(#work.all) or nil)
      if random(8) == 1 and name ~= "save" then line = "pcall(function() " .. line .. " error 'caught' end)" end
      lines[#lines + 1] = "do " .. line .. " end"
    end
  end
  lines[#lines + 1] = "for i = 1, #all do local s = all[i].state had[i] = s == nil and 'none' or s end"
  return work, table.concat(lines, "\n")
end

local function states_of(work)
  local states = {}
  for i = 1, #work.all do states[i] = work.states[i] == nil and "none" or copy(work.states[i]) end
  return states
end

-- -- a host beside it --

local World = {}
World.__index = World

function World:connect()
  local one = { subscribed = {}, frames = {} }
  one.c = self.host:connect("Hall", "h", { params = { n = 1 } })
  one.state = { n = 1 }
  table.insert(self.model.open, one)
  for _, name in ipairs { "a", "b" } do
    if random(2) == 1 then
      one.c:subscribe(name)
      one.subscribed[name] = true
    end
  end
end

function World:close_one()
  if #self.model.open == 0 then return end
  local one = table.remove(self.model.open, random(#self.model.open))
  one.c:close()
  one.closed = true
end

-- Makes a call, and holds what came of it against the model.
function World:call(how)
  local model, host = self.model, self.host
  local through = #model.open > 0 and random(3) > 1 and pick(model.open) or nil
  local work, text = compose(model, how ~= "no disk")
  if how == "no disk" then text = text .. "\nself.kv:put('x', 1)" end
  text = text .. (how == "fails" and "\nerror(UserError 'no')" or "\nreturn had")
  if how == "no disk" then host:fail_next "write" end
  local call = through and through.c:start("run", text) or host:start("Hall", "h", "run", text)
  local ok, result = pcall(call.get, call)
  local lost = through and through.closed       -- a save has closed it before the answer
  if how == "well" then
    model:commit(work)
    if not lost then assert.is_true(ok, tostring(result)) end
    if ok then assert.same(states_of(work), result, text) end
    if through and not lost then table.insert(through.frames, { id = call.id, result = result }) end
    model:close(work)
  else
    assert.is_false(ok)
    local code = how == "fails" and "user_error" or "storage_error"
    assert.equal(lost and "connection_lost" or code, result.code, result.message)
    if through and not lost then table.insert(through.frames, { id = call.id, error = result }) end
  end
  self:check(text)
end

function World:check(text)
  for _, one in ipairs(self.all) do
    local frames = one.c:frames()
    for i, frame in ipairs(frames) do
      if frame.error and one.frames[i] then assert.equal(frame.error.code, (one.frames[i].error or {}).code, text) end
      if frame.error and one.frames[i] then frame.error = one.frames[i].error end
    end
    assert.same(one.frames, frames, text)
    one.frames = {}
  end
end

function World:look()
  local states = hall.run(self.host, "h", "local had = array {} for i, c in ipairs(self.connections) do "
                          .. "local s = c.state had[i] = s == nil and 'none' or s end return had")
  assert.same(states_of(self.model:begin()), states)
end

function World:crash()
  self.host:crash()
  self.host:reopen()
  self.model, self.all = Model.new(), {}
end

function World:step()
  local roll = random(20)
  if roll <= 2 or #self.model.open == 0 then
    self:connect()
    table.insert(self.all, self.model.open[#self.model.open])
  elseif roll == 3 then
    self:close_one()
    for i = #self.all, 1, -1 do
      if self.all[i].closed then table.remove(self.all, i) end
    end
  elseif roll == 4 then
    self.host:sleep("Hall", "h")
  elseif roll == 5 then
    self.host:checkpoint()
  elseif roll == 6 and random(4) == 1 then
    self:crash()
  elseif roll <= 8 then
    self:call "fails"
  elseif roll == 9 then
    self:call "no disk"
  else
    self:call "well"
  end
end

describe("Connections", function()
  after_each(hosts.close_all)

  for _, hooks in ipairs { {}, { on_disconnect = "assert(#self.connections >= 0) c.state = nil" } } do
    it("are what the model says" .. (hooks.on_disconnect and ", with on_disconnect" or ""), function()
      hooks.on_before_connect = "return params"
      hooks.on_disconnect = hooks.on_disconnect and "self.kv:put('left', c.params)"
      local host = hall.open(hooks, { errors = true })
      local world = setmetatable({ host = host, model = Model.new(), all = {} }, World)
      for _ = 1, 300 do
        world:step()
        if random(5) == 1 then world:look() end
      end
    end)
  end
end)
