--- What the links of chains must hold: of the plans that were sent, what was answered, what was heard, and all that
--- follows from it. A *change* has a number of its own; changes between two saves of a visit are a *piece*, which is
--- there as a whole or not at all.

local Chains = {}
Chains.__index = Chains

---@param keys string[]   of the links
function Chains.new(keys)
  local chains = setmetatable({
    links = {},       -- key -> { order = numbers that were there at the last check, read = so many were heard of }
    there = {},       -- number -> its place in the order of its link, at the last check
    owners = {},      -- number of a change -> key of its link
    visits = {},      -- that may still change: { key, pieces = { { number, ... }, ... }, once }
    last = {},        -- number of a call -> numbers of the last piece of its visit, where it has no idempotency key
    never = {},       -- number of a change -> why it must never be there
    answered = {},    -- since the last check: results
  }, Chains)
  for _, key in ipairs(keys) do chains.links[key] = { order = {}, read = 0 } end
  return chains
end

-- --- What was sent and answered ------------------------------------------------------------------------------------

--- Takes note of a visit and of all that it may lead to. `once`: it bears an idempotency key, and may be sent again.
---@param key string
---@param plan table[]
---@param once boolean
---@param number integer    of the call
function Chains:expect(key, plan, once, number)
  local visit = { key = key, pieces = { {} }, once = once }
  for _, step in ipairs(plan) do
    if step[1] == "change" then
      self.owners[step[2]] = key
      table.insert(visit.pieces[#visit.pieces], step[2])
    elseif step[1] == "save" then
      table.insert(visit.pieces, {})
    elseif step[1] == "call" then
      self:expect(step[3], step[6], once, step[2])
    end
  end
  if not once then self.last[number] = visit.pieces[#visit.pieces] end
  table.insert(self.visits, visit)
end

-- The changes that a visit which went well must tell of, into a set.
local function gather(plan, numbers)
  for _, step in ipairs(plan) do
    if step[1] == "change" then
      numbers[step[2]] = true
    elseif step[1] == "call" and not step[4] then
      gather(step[6], numbers)
    end
  end
  return numbers
end

--- A client was told so many changes of each link.
---@param news table<string, integer>
function Chains:hear(news)
  for key, count in pairs(news) do self.links[key].read = math.max(self.links[key].read, count) end
end

--- A chain was answered with what was done. Answers what is wrong, or nil.
---@param plan table[]
---@param done table[]
function Chains:succeed(plan, done)
  local missing = gather(plan, {})
  for _, change in ipairs(done) do missing[change[2]] = nil end
  table.insert(self.answered, done)
  local number = next(missing)
  if number then return ("the answer does not tell of change %d"):format(number) end
end

--- A call has failed: its last piece is not there and will never be.
---@param number integer
---@param code string
function Chains:refuse(number, code)
  for _, change in ipairs(self.last[number] or {}) do
    self.never[change] = ("the call %d, which was answered with %s, happened"):format(number, code)
  end
end

-- --- What is there -------------------------------------------------------------------------------------------------

-- The orders of all links as they are now become the known ones. Answers what is wrong, or nil; what is new.
local function take_orders(chains, found)
  local new = {}
  for key, link in pairs(chains.links) do
    local order = found[key] and found[key].state.changes or {}
    for place, number in ipairs(link.order) do
      if order[place] ~= number then return ("change %d of %s is %s now"):format(number, key, order[place]) end
    end
    for place = #link.order + 1, #order do
      local number = order[place]
      if chains.owners[number] ~= key then return ("%s holds change %s, which is not its own"):format(key, number) end
      if chains.there[number] then return ("change %d is there twice"):format(number) end
      chains.there[number] = place
      table.insert(new, number)
    end
    link.order = order
  end
  return nil, new
end

local function match_visit(chains, visit)
  local before, place = true, nil      -- whether all pieces so far are there; and where the last change is
  for _, piece in ipairs(visit.pieces) do
    for i, number in ipairs(piece) do
      local is_there = chains.there[number]
      if i > 1 and (is_there == nil) ~= (chains.there[piece[1]] == nil) then
        return ("of one piece %d is there, or is not, unlike %d"):format(number, piece[1])
      elseif is_there and not before then
        return ("change %d is there, and a piece before it is not"):format(number)
      elseif is_there and place and is_there ~= place + 1 then
        return ("another call came between change %d and the one before"):format(number)
      end
      place = is_there or place
    end
    if piece[1] and not chains.there[piece[1]] then before = false end
  end
end

-- What a change says was done before it is there.
local function match_entries(chains, entries)
  local count = 0
  for _, entry in ipairs(entries) do
    local number = entry.key[1]
    count = count + 1
    if not chains.there[number] then return ("change %s is not there, and its entry is"):format(number) end
    for _, done in ipairs(entry.value.done) do
      if not chains.there[done[2]] then
        return ("change %d is there, and %d of %s, on which it stands, is not"):format(number, done[2], done[1])
      end
    end
    for _, failed in ipairs(entry.value.failed) do chains:refuse(failed[1], failed[2]) end
  end
  return nil, count
end

local function match_link(chains, key, held)
  local wrong, count = match_entries(chains, held.entries)
  if wrong then return wrong end
  local order = chains.links[key].order
  if count ~= #order then return ("%s has %d changes, and %d entries"):format(key, #order, count) end
  for other, heard in pairs(held.state.heard) do
    local made = #chains.links[other].order
    if heard > made then return ("%s has heard of %d changes of %s, which has %d"):format(key, heard, other, made) end
  end
end

-- What clients were told is there.
local function match_answers(chains)
  for _, done in ipairs(chains.answered) do
    for _, change in ipairs(done) do
      if not chains.there[change[2]] then
        return ("an answer was that change %d of %s is done, and it is not there"):format(change[2], change[1])
      end
    end
  end
  for key, link in pairs(chains.links) do
    if link.read > #link.order then
      return ("a client has read %d changes of %s, and there are %d"):format(link.read, key, #link.order)
    end
  end
end

--- Holds against the model what the links hold after a crash, and takes it over. Answers what is wrong, or nil.
---@param found table<string, { state: table, entries: table[] }>
---@param loose boolean    what was answered last may be gone
function Chains:check(found, loose)
  local wrong, new = take_orders(self, found)
  if wrong then return wrong end
  for key in pairs(self.links) do
    if found[key] then wrong = wrong or match_link(self, key, found[key]) end
  end
  local may_change = {}
  for _, visit in ipairs(self.visits) do
    wrong = wrong or match_visit(self, visit)
    if visit.once then table.insert(may_change, visit) end
  end
  if not loose then wrong = wrong or match_answers(self) end
  for _, number in ipairs(new) do wrong = wrong or self.never[number] end
  self.visits, self.answered = may_change, {}
  for _, link in pairs(self.links) do link.read = #link.order end
  return wrong
end

return Chains
