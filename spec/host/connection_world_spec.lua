-- What connections hear, against a model: rooms on several workers whose members call, tell, save, fail, leave and are
-- turned out, and which are destroyed, while steps come in any order, writes fail, the disk is held, classes are
-- reloaded, actors sleep and hosts crash. Each connection gets exactly the frames of what is committed, in the order of
-- the commits, and nothing that is not durable; on_disconnect runs once. spec/support/room_life.lua is the model.
--
-- TROUPE_WORLDS: how many hosts (10). TROUPE_SEED repeats a run; a failure names the seed of its world.

local Life = require "spec.support.room_life"
local World = require "spec.crash.world"
local folders = require "spec.crash.folders"
local hosts = require "spec.support.hosts"
local spread = require "spec.support.spread"

local WORLDS = tonumber(os.getenv "TROUPE_WORLDS" or 10)
local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local EVENTS, HAPPENINGS = { "one", "two", "three" }, { 30, 100, 100, 300 }
local MEMBERS_MAX, UNDER_WAY_MAX, TRACE = 5, 30, 80
local PLAIN = { changes = true, effects = {} }

local chance, any, weighted = World.chance, World.any, World.weighted

local Rooms = {}
Rooms.__index = Rooms

local function open_rooms(seed, data)
  math.randomseed(seed)
  local workers = math.random(3)
  local key, rooms, ops = spread.keys(workers, "Room", "r"), {}, {}
  for i = 1, math.random(workers) do
    local name = key()
    rooms[i] = { name = name, number = i, members = {} }
    ops["stop " .. name] = { name = "stop " .. name, room = name, parts = { PLAIN }, recurs = true }
    local ending = { name = "operator " .. name, room = name, parts = { PLAIN }, recurs = true, ends = true }
    ops[ending.name] = ending
  end
  local host = hosts.open_folder("spec/support/rooms", {
    data = data, workers = workers, turns_a_step = any { 1, 2, 256 }, checkpoint_bytes = any { 2000, 1 << 24 },
    batch_commits = any { 1, 2, 5, 256 }, errors = true, durability = chance(4) and "relaxed" or "commit",
  })
  return setmetatable({
    seed = seed, host = host, workers = workers, rooms = rooms, ops = ops, number = 0, trace = {},
    under_way = {},         -- ops that are not answered
    may_fail = false,       -- whether a write has failed, or will
    is_failing = false,     -- whether it will
    log = "",
    has_reloaded = false,
    durable = nil,          -- while the disk is held: the number of the last change before, by room
  }, Rooms)
end

function Rooms:note(text, ...) table.insert(self.trace, text:format(...)) end

function Rooms:fail(text, ...)
  local trace = table.concat(self.trace, "\n  ", math.max(1, #self.trace - TRACE))
  local log = (self.log .. self.host:log()):sub(-2000)
  local again = ("  The same again: TROUPE_SEED=%d TROUPE_WORLDS=1"):format(self.seed)
  error(text:format(...) .. "\n  " .. trace .. "\n" .. log .. again, 0)
end

function Rooms:draw_number()
  self.number = self.number + 1
  return self.number
end

-- --- What is planned -------------------------------------------------------------------------------------------------

local draw_kind = weighted { { 4, "broadcast" }, { 4, "send" }, { 3, "set" }, { 1, "disconnect" } }

local function draw_plan(room)
  local effects = {}
  for k = 1, math.random(0, 3) do
    local kind, target = draw_kind(), any(room.members).tag
    if kind == "broadcast" then target = any(EVENTS) end
    if kind == "disconnect" and target == room.witness.tag then kind = "send" end
    effects[k] = { kind, target, kind == "set" and math.random(100) or nil }
  end
  return { changes = not chance(3), effects = effects }
end

-- A call, as the model knows it and as act() is asked for it; at times one that asks another room first.
function Rooms:draw_act(room, asks)
  local name, act = tostring(self:draw_number()), { parts = {}, fails = chance(6) or nil }
  for i = 1, any { 0, 1, 1, 1, 1, 1, 2 } do act.parts[i] = draw_plan(room) end
  local op = { name = name, room = room.name, parts = { table.unpack(act.parts) }, fails = act.fails }
  op.quiet = #op.parts == 0
  self.ops[name] = op
  local other = asks and self.rooms[math.random(room.number, #self.rooms)]
  if other and other ~= room and not other.ending then
    local inner, inner_act = self:draw_act(other, false)
    act.ask, op.asks = { room = other.name, op = inner.name, act = inner_act }, inner
  end
  return op, act
end

-- --- What happens ----------------------------------------------------------------------------------------------------

function Rooms:submit(op, pending)
  op.pending, op.answer = pending, nil
  table.insert(self.under_way, op)
end

-- A room in which something may begin, or nil.
function Rooms:any_room()
  local room = any(self.rooms)
  return #self.under_way < UNDER_WAY_MAX and not room.ending and room or nil
end

local function is_open(member) return member.is_open and not member.connection:closed() end

function Rooms:call_through()
  local room = self:any_room()
  local member = room and any(room.members)
  if not member or not is_open(member) then return end
  local op, act = self:draw_act(room, chance(4))
  local options = chance(6) and { idempotency_key = op.name } or nil
  self:submit(op, member.connection:start_with(options, "act", op.name, act))
  op.member, op.id, member.calls[op.pending.id] = member, op.pending.id, op
  self:note("%s calls %s as %d", member.tag, op.name, op.id)
end

function Rooms:call()
  local room = self:any_room()
  if not room then return end
  local op, act = self:draw_act(room, chance(3))
  self:submit(op, self.host:start("Room", room.name, "act", op.name, act))
  self:note("somebody calls %s of %s", op.name, room.name)
end

function Rooms:connect_to(room, params)
  local tag = "m" .. self:draw_number()
  params.tag, params.state = tag, math.random(100)
  local member = { tag = tag, state = params.state, grumbles = params.grumbles, spans = {}, frames = {}, calls = {} }
  local op = { name = "connect " .. tag, room = room.name, parts = { params.plan }, joins = member }
  local farewell = { name = "disconnect " .. tag, room = room.name, parts = { params.farewell }, leaves = member }
  op.fails, farewell.fails = params.fails, params.grumbles
  self.ops[op.name], self.ops[farewell.name] = op, farewell
  local pending
  pending, member.connection = self.host:start_connect("Room", room.name, { params = params })
  self:submit(op, pending)
  table.insert(room.members, member)
  self:note("%s connects to %s", tag, room.name)
  return member
end

function Rooms:connect()
  local room, open = self:any_room(), 0
  for _, member in ipairs(room and room.members or {}) do
    if not member.connection:closed() then open = open + 1 end
  end
  if not room or open >= MEMBERS_MAX then return end
  local function plan()
    local drawn = draw_plan(room)
    drawn.changes = true
    return drawn
  end
  self:connect_to(room, { plan = plan(), farewell = plan(), fails = chance(8) or nil, refused = chance(10) or nil,
                          grumbles = chance(6) or nil })
end

function Rooms:close(room, member)
  if member == room.witness or member.connection:closed() then return end
  member.has_left = true
  member.connection:start_close()
  self:note("%s closes", member.tag)
end

function Rooms:close_any()
  local room = any(self.rooms)
  self:close(room, any(room.members))
end

function Rooms:turn_ear()
  local room = any(self.rooms)
  local member, event = any(room.members), chance(4) and "turn" or any(EVENTS)
  if member == room.witness or not is_open(member) then return end
  for _, span in ipairs(member.spans) do
    if span.event == event and not span.to then
      member.connection:unsubscribe(event)
      span.to = #room.life.parts
      return
    end
  end
  member.connection:subscribe(event)
  table.insert(member.spans, { event = event, from = #room.life.parts })
end

-- The end of an actor. Until it is known what became of it, nothing else begins there.
function Rooms:destroy()
  local room = self:any_room()
  if not room then return end
  local op = self.ops["operator " .. room.name]
  if chance(2) then
    self:submit(op, self.host:start_destroy("Room", room.name))
  else
    local act
    op, act = self:draw_act(room, false)
    act.destroys, op.ends, op.quiet = true, true, false
    table.insert(op.parts, PLAIN)
    self:submit(op, self.host:start("Room", room.name, "act", op.name, act))
  end
  room.ending, op.is_done = op, false
  self.host:elapse(0.001)      -- so that the next life is another one
  self:note("%s destroys %s", op.name, room.name)
end

-- One at a time: a second failure behind the first would end the host.
function Rooms:fail_write()
  if self.is_failing then return end
  self.may_fail, self.is_failing = true, true
  self.host:fail_next "write"
  self:note "the next write fails"
end

function Rooms:reload()
  self.has_reloaded = true
  self.host:reload()
  self:note "reload"
end

function Rooms:sleep() self.host:start_sleep("Room", any(self.rooms).name) end

local function step(who)
  return function(self) self.host:step(type(who) == "function" and who(self) or who) end
end

-- What one worker has done is durable, and before it hears of that, what another has done fails.
function Rooms:stumble()
  local first, second = math.random(self.workers), math.random(self.workers)
  for _ = 1, math.random(0, 2) do self:close_any() end
  self.host:step "door"
  for _ = 1, math.random(3) do self.host:step(first) end
  self.host:step "committer"
  if first ~= second then self.host:step(second) end
  self:fail_write()
  self.host:step "committer"
end

local step_worker = step(function(self) return math.random(self.workers) end)

-- While nothing becomes durable, nobody hears of anything that is not.
function Rooms:hold()
  self:rest()
  self:note "hold"
  self.durable = {}
  for _, room in ipairs(self.rooms) do self.durable[room.name] = room.life.n end
  self.host:hold(true)
  for _ = 1, math.random(8) do
    any { self.call, self.call_through, self.connect, self.close_any, self.sleep }(self)
    if chance(2) then self.host:run() end
    self:look()
  end
  self.host:run()
  self:look()
  self:note "no hold"
  self.durable = nil
  self.host:hold(false)
end

local happening = weighted {
  { 14, Rooms.call_through }, { 5, Rooms.call }, { 5, Rooms.connect }, { 3, Rooms.close_any }, { 5, Rooms.turn_ear },
  { 30, step_worker }, { 12, step "committer" }, { 2, step "checkpointer" }, { 4, step "door" },
  { 3, function(self) self.host:run() end }, { 1, Rooms.fail_write }, { 4, Rooms.sleep }, { 1, Rooms.reload },
  { 1, Rooms.hold }, { 1, Rooms.destroy }, { 3, Rooms.stumble },
}

-- --- What is heard ---------------------------------------------------------------------------------------------------

function Rooms:take(room, member)
  for _, frame in ipairs(member.connection:frames()) do
    table.insert(member.frames, frame)
    if member == room.witness and frame.event == "turn" then
      local told = frame.args[1]
      self:note("  %s: %s %d is heard, number %d", room.name, told.op, told.part, told.n)
      if self.durable and told.n > self.durable[room.name] then
        self:fail("%s hears %s %d while nothing becomes durable", member.tag, told.op, told.part)
      end
      room.life:take(told)
    end
  end
end

local FINE = { told = true, unauthorized = true, overloaded = true, connection_lost = true }

function Rooms:room_of(op)
  for _, room in ipairs(self.rooms) do
    if room.name == op.room then return room end
  end
end

-- An answer stands behind all that was told of its call.
function Rooms:check_result(op, result)
  local life = self:room_of(op).life
  if self.durable and result.n > self.durable[op.room] then
    self:fail("%s is answered with number %d while nothing becomes durable", op.name, result.n)
  end
  if result.life == life.life and (life.told[op.name] or 0) ~= #op.parts then
    self:fail("%s is answered, and %d of %d parts were told", op.name, life.told[op.name] or 0, #op.parts)
  end
  local changes = false
  for _, plan in ipairs(op.asks and op.asks.parts or {}) do changes = changes or plan.changes end
  if result.asked and changes then self:check_result(op.asks, result.asked) end
end

function Rooms:check_answer(op)
  local ok, result = pcall(op.pending.result, op.pending)
  op.is_done = true
  self:note("  %s is answered: %s", op.name, ok and "well" or result.code)
  if not ok and not FINE[result.code] and not (result.code == "storage_error" and self.may_fail) then
    self:fail("%s is answered with %s", op.name, tostring(result))
  end
  if op.joins then
    op.joins.is_open = ok
  elseif ok and op.fails then
    self:fail("%s is answered well, and should fail", op.name)
  elseif ok and result then
    self:check_result(op, result)
  end
end

-- Takes all that has come.
function Rooms:look()
  for _, room in ipairs(self.rooms) do
    if room.witness then self:take(room, room.witness) end
    for _, member in ipairs(room.members) do self:take(room, member) end
  end
  local rest = {}
  for _, op in ipairs(self.under_way) do
    if op.pending:is_done() then self:check_answer(op) else table.insert(rest, op) end
  end
  self.under_way = rest
  local log = self.host:log()
  self.log = self.log .. log
  if log:find("a batch was not written", 1, true) then self.is_failing = false end
end

-- Where it is known what became of an end, something may begin again.
function Rooms:look_at_ends()
  for _, room in ipairs(self.rooms) do
    if room.ending and room.ending.is_done then
      room.ending = nil
      if room.witness.connection:closed() then
        self:check_room(room, true)
        self:begin_life(room)
      end
    end
  end
end

-- --- Lives -----------------------------------------------------------------------------------------------------------

function Rooms:begin_life(room)
  local witness
  room.members, room.life = {}, Life.new(room.name, self.ops, function(...) self:fail(...) end)
  repeat
    witness = self:connect_to(room, { plan = PLAIN, farewell = PLAIN })
    room.witness = witness
    self.host:run()
    self:look()
  until witness.is_open
  room.members = { witness }
  witness.connection:subscribe "turn"
  room.life:begin(witness)
  local op, act = self:draw_act(room, false)
  op.parts, act.parts, op.fails, act.fails, op.quiet = { PLAIN }, { PLAIN }, nil, nil, false
  repeat
    self:submit(op, self.host:start("Room", room.name, "act", op.name, act))
    self.host:run()
    self:look()
  until room.life.n
end

function Rooms:check_room(room, whole)
  for _, member in ipairs(room.members) do
    local is_cut = member.has_left or member.connection:closed() == 1006
    if member.life then room.life:check(member, whole and not is_cut) end
  end
end

-- How often on_disconnect has run for each.
function Rooms:check_farewells(room)
  local runs = self.host:actor("Room", room.name):runs()
  for _, member in ipairs(room.members) do
    local is_over = member.life and member.connection:closed()
    local wanted = is_over and not member.grumbles and 1 or 0
    local found = room.life:farewells_of(member)
    if found ~= wanted then self:fail("%s has %d farewells of %d", member.tag, found, wanted) end
    local is_sure = not self.may_fail and not self.has_reloaded
    if is_sure and (runs[member.tag] or 0) ~= (is_over and 1 or 0) then
      self:fail("on_disconnect of %s has run %s times", member.tag, runs[member.tag])
    end
  end
end

function Rooms:records_of(room)
  local records, life = {}, nil
  for _, entry in ipairs(self.host:kv("Room", room.name) or {}) do
    records[entry.key[2]], life = entry.value, entry.value.life
  end
  return records, life
end

-- Lets everything come to its end.
function Rooms:rest()
  for _ = 1, 3 do
    self.host:run()
    self.host:advance(2)      -- what the disk has refused is tried again
    self:look()
    self:look_at_ends()
  end
  if self.under_way[1] then self:fail("%s has no answer", self.under_way[1].name) end
end

function Rooms:check_at_rest()
  self:rest()
  for _, room in ipairs(self.rooms) do
    self:check_room(room, true)
    self:check_farewells(room)
    room.life:check_records(self:records_of(room), true)
  end
end

function Rooms:crash()
  self:note "crash"
  self.host:crash()
  self:look()
  self.host:reopen()
  self.may_fail, self.is_failing, self.has_reloaded = false, false, false
  for _, room in ipairs(self.rooms) do
    self:check_room(room, false)
    local records, life = self:records_of(room)
    if life == room.life.life then
      room.life:check_records(records, false)
    elseif not room.ending then
      self:fail("%s is not there any more", room.name)
    end
    room.ending = nil
  end
end

function Rooms:live()
  for _, room in ipairs(self.rooms) do self:begin_life(room) end
  for _ = 1, any(HAPPENINGS) do
    happening()(self)
    self:look()
    self:look_at_ends()
  end
  if chance(4) then return end
  self:check_at_rest()
  for _, room in ipairs(self.rooms) do
    for _, member in ipairs(room.members) do
      if chance(2) then self:close(room, member) end
    end
  end
  self:check_at_rest()
end

describe("Connections", function()
  local data

  before_each(function() data = folders.new() end)

  after_each(function()
    hosts.close_all()
    folders.remove(data)
  end)

  it("hear what is durable, in its order, whatever happens", function()
    for world = 1, WORLDS do
      local rooms = open_rooms(SEED + world - 1, ("%s/%d"):format(data, world))
      for _ = 1, math.random(3) do
        rooms:live()
        rooms:crash()
      end
      hosts.close_all()
    end
  end)
end)
