--- What the connections of one actor must hear, from the opening of its first connection, the *witness*, to the actor's
--- end or the host's. Each turn of the actor comes in parts, one a commit; the witness hears of each part what it was,
--- and from that follows, frame by frame, what every other connection gets.
---
--- The actor is spec/support/rooms/room.lua. A part says of itself:
---   op, part     which call or hook it belongs to, and its number there
---   n, changes   the number of the last change, which the actor counts; whether this part is one
---   life         of the actor: another one after it was destroyed
---   present      the tags of its connections, and states, by tag: what it saw of them
---   counts       for each effect of its plan whether there was somebody for it

local Life = {}
Life.__index = Life

---@class Op             a call or a hook of an actor
---@field name string
---@field room string
---@field parts table[]  the plans of its parts: { changes, effects = { { kind, target, value }, ... } }
---@field member table|nil  the connection by which it came, as the spec knows it,
---@field id integer|nil    and its id there
---@field quiet boolean|nil  it tells of no part
---@field fails boolean|nil  its last part fails

--- `ops`: all of them by name. `fail(text, ...)` raises what is wrong.
function Life.new(room, ops, fail)
  return setmetatable({
    room = room, ops = ops, fail = fail,
    parts = {},               -- what the witness has heard, in order
    members = {},             -- the connections that have joined, by tag
    present = {},             -- the tags of those that are there, in order
    states = {},              -- by tag
    told = {},                -- how many parts of each op there were, by its name
    n = nil, life = nil,
  }, Life)
end

--- The witness has joined, and hears the parts: nobody else is there.
function Life:begin(witness)
  self.members[witness.tag], self.present, self.states[witness.tag] = witness, { witness.tag }, witness.state
  witness.life, witness.joined_at, witness.spans = self, 1, { { event = "turn", from = 0 } }
end

local function index_of(list, value)
  for i, other in ipairs(list) do
    if other == value then return i end
  end
end

-- Who is there. Who has gone by himself may be missing from any moment on, but not between the parts of one turn.
function Life:check_present(told, joining)
  if joining then table.insert(self.present, joining) end
  local at = 1
  for _, tag in ipairs(self.present) do
    if told.present[at] == tag then
      at = at + 1
    elseif not self.members[tag].has_left or told.part > 1 then
      self.fail("%s %s %d: %s is missing", self.room, told.op, told.part, tag)
    end
  end
  if told.present[at] then self.fail("%s %s: %s should not be there", self.room, told.op, told.present[at]) end
  self.present = told.present
  for _, tag in ipairs(self.present) do
    if told.states[tag] ~= self.states[tag] then
      self.fail("%s %s %d: the state of %s is %s, and not %s", self.room, told.op, told.part, tag, told.states[tag],
        self.states[tag])
    end
  end
end

-- What a part does to who is there.
function Life:apply(told, plan)
  local gone = {}
  self.present = { table.unpack(self.present) }
  for k, effect in ipairs(plan.effects) do
    local kind, tag, value = table.unpack(effect)
    local counts = kind == "broadcast" or index_of(self.present, tag) ~= nil and not gone[tag]
    if counts ~= told.counts[k] then self.fail("%s %s: effect %d counts: %s", self.room, told.op, k, told.counts[k]) end
    if counts and kind == "set" then self.states[tag] = value end
    if counts and kind == "disconnect" then gone[tag] = true end
  end
  for tag in pairs(gone) do table.remove(self.present, index_of(self.present, tag)) end
end

--- The witness has heard of a part.
---@param told table
function Life:take(told)
  local op = self.ops[told.op]
  local function fail(text, ...)
    self.fail("%s %s %s: " .. text, self.room, told.op, told.part, ...)
  end
  self.life = self.life or told.life
  local n = self.n and self.n + (told.changes and 1 or 0) or told.n
  local number = (self.told[told.op] or 0) + 1
  if not op or op.room ~= self.room then fail("nobody has asked for it") end
  if told.life ~= self.life then fail("of another life") end
  if told.n ~= n then fail("it is number %s, and not %s", told.n, n) end
  if told.part ~= number or (not op.parts[number] and not op.recurs) then fail("not part %d", number) end
  if op.fails and number == #op.parts then fail("it has failed") end
  if op.quiet then fail("it tells nothing") end
  if op.member and number == 1 and not index_of(told.present, op.member.tag) then
    fail("its connection has ended before")
  end
  self.n = told.n
  if not op.recurs then self.told[told.op] = number end
  if op.joins then
    self.members[op.joins.tag] = op.joins
    self.states[op.joins.tag] = op.joins.state
    op.joins.life, op.joins.joined_at = self, #self.parts + 1
  end
  if op.leaves then op.leaves.has_left = true end
  self:check_present(told, op.joins and op.joins.tag)
  self:apply(told, op.parts[number] or op.parts[1])
  table.insert(self.parts, { told = told, op = op, plan = op.parts[number] or op.parts[1], number = number })
end

-- Whether a connection had subscribed to an event when this part came.
local function hears(member, event, at)
  for _, span in ipairs(member.spans) do
    if span.event == event and span.from < at and at <= (span.to or math.huge) then return true end
  end
  return false
end

-- Appends the frames of one part for a connection. Returns whether it is closed by it.
local function put_frames(frames, member, part, at)
  local told, op, plan = part.told, part.op, part.plan
  local closing = op.ends and part.number == #op.parts and { code = 4001 } or nil
  if hears(member, "turn", at) then table.insert(frames, { event = "turn", args = { told }, part = part }) end
  for k, effect in ipairs(plan.effects) do
    local kind, target = effect[1], effect[2]
    local frame = { args = { told.op, told.part, k }, part = part }
    if kind == "broadcast" and hears(member, target, at) then frame.event = target end
    if kind == "send" and target == member.tag and told.counts[k] then frame.event = "whisper" end
    if frame.event then table.insert(frames, frame) end
    if kind == "disconnect" and target == member.tag and told.counts[k] then
      closing = closing or { code = 4000, reason = told.op }
    end
  end
  local is_last = part.number == #op.parts and not op.fails
  if is_last and op.member == member then table.insert(frames, { id = op.id, part = part }) end
  if closing then
    closing.part = part
    table.insert(frames, closing)
  end
  return closing ~= nil
end

--- All that a connection must have got by now, but for answers that tell of no part.
function Life:frames_of(member)
  local frames = {}
  for at = member.joined_at or math.huge, #self.parts do
    if put_frames(frames, member, self.parts[at], at) then break end
  end
  return frames
end

-- Whether two values that have been through JSON are the same.
local function equals(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not equals(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function show(frame)
  if not frame then return "nothing" end
  if frame.code then return ("the end %s %s"):format(frame.code, frame.reason) end
  if frame.event then
    local said = frame.args[1]
    return ("%s of %s %s"):format(frame.event, type(said) == "table" and said.op or said,
      type(said) == "table" and said.part or frame.args[2])
  end
  return ("the answer to %d%s"):format(frame.id, frame.error and " " .. tostring(frame.error) or "")
end

local function matches(expected, frame)
  if not expected or expected.event ~= frame.event or expected.code ~= frame.code then return false end
  if frame.event then return equals(expected.args, frame.args) end
  if frame.code then return frame.code == 4001 or frame.reason == expected.reason end
  if frame.id ~= expected.id or not frame.result then return false end
  return frame.result.n == expected.part.told.n and frame.result.op == expected.part.op.name
end

-- An answer that tells of no part stands behind all changes that it knows of, and before all others.
function Life:check_loose(member, frame, last, next_one)
  local known = frame.result and frame.result.n or frame.error and frame.error.metadata and frame.error.metadata.n
  local where = ("%s hears %s"):format(member.tag, show(frame))
  local op = member.calls[frame.id]
  if frame.result and not op.quiet then self.fail("%s, of which there was no part", where) end
  if not known then return end
  if last and last.part.told.n > known then
    self.fail("%s, which knows of %d changes, behind %s", where, known, show(last))
  end
  local first = next_one and next_one.part.told
  if first and (first.changes and first.n <= known or first.n < known) then
    self.fail("%s, which knows of %d changes, before %s", where, known, show(next_one))
  end
end

--- Holds what a connection has got against what it must have got. `whole`: it must have got all of it.
function Life:check(member, whole)
  local expected, at, id = self:frames_of(member), 1, 0
  for _, frame in ipairs(member.frames) do
    local is_own_end = frame.code and frame.code ~= 4000 and frame.code ~= 4001
    if frame.id then
      if frame.id <= id then self.fail("%s hears %s behind %d", member.tag, show(frame), id) end
      id = frame.id
    end
    if matches(expected[at], frame) then
      at = at + 1
    elseif frame.id and not (expected[at] and expected[at].id == frame.id) then
      self:check_loose(member, frame, expected[at - 1], expected[at])
    elseif not is_own_end then
      self.fail("%s hears %s, and not %s", member.tag, show(frame), show(expected[at]))
    end
  end
  if whole and expected[at] then self.fail("%s has not heard %s", member.tag, show(expected[at])) end
end

--- Holds the parts against the records that the actor has made of them, { n = part }. `whole`: there are no others.
function Life:check_records(records, whole)
  local last = 0
  for n in pairs(records) do last = math.max(last, n) end
  for _, part in ipairs(self.parts) do
    local told = part.told
    local record = records[told.n]
    if not record or (told.changes and (record.op ~= told.op or record.part ~= told.part)) then
      self.fail("%s: number %d, of which %s %d told, is %s", self.room, told.n, told.op, told.part,
        record and record.op or "not there")
    end
  end
  if whole and self.n and last ~= self.n then
    self.fail("%s: %d changes, of which %d were told", self.room, last, self.n)
  end
end

--- How many on_disconnect have run for a connection, for good.
function Life:farewells_of(member)
  return self.told["disconnect " .. member.tag] or 0
end

return Life
