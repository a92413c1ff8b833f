--- What one Ledgerbook must hold: of the calls that were made to it, what was answered, what may have happened, and all
--- that follows from it.

local Book = {}
Book.__index = Book

---@param key string
function Book.new(key)
  return setmetatable({
    key = key,
    settled = {},     -- numbers of the parts that are durable, in order
    calls = {},       -- made since, in order: { parts, fails, destroys, answer, result }
    count_read = 0,   -- the highest count that was answered
    fields = {},      -- of the state, what follows from the settled parts: name -> { part, size }
    entries = {},     -- of the kv: encoded key -> { key, part, size }
  }, Book)
end

-- Keys are { "k", n } or { "long", text, n }; in order of n they are in their own.
local function encode(key)
  return ("%s %04d"):format(key[1], key[#key])
end

local follow = {}

function follow.put(book, part, key, size)
  book.entries[encode(key)] = { key = key, part = part, size = size }
end

function follow.delete(book, _, key) book.entries[encode(key)] = nil end

function follow.delete_range(book, _, from, to)
  for name in pairs(book.entries) do
    if name >= encode(from) and name < encode(to) then book.entries[name] = nil end
  end
end

function follow.set(book, part, field, size) book.fields[field] = { part = part, size = size } end

function follow.unset(book, _, field) book.fields[field] = nil end

local function settle(book, part)
  table.insert(book.settled, part.number)
  for _, change in ipairs(part.changes) do
    follow[change[1]](book, part.number, table.unpack(change, 2))
  end
end

-- How many parts of a call must be there at least, and can be at most. What stands before a save_state was synced
-- before the rest was begun. Of one that destroys its actor, these are the parts if it did not come to its end.
local function bounds(call, loose)
  local saved = #call.parts - 1
  if call.answer == "ok" and call.destroys then return saved, saved end
  if call.answer == "ok" then return loose and saved or #call.parts, #call.parts end
  if call.answer == "user_error" then return saved, saved end
  if call.answer == "storage_error" then return 0, saved end
  return 0, (call.fails or call.destroys) and saved or #call.parts
end

-- The calls against the numbers behind the settled ones. Answers what is wrong, or nil.
local function match_calls(book, numbers, gaps, loose)
  local at, ended = #book.settled, nil
  for _, call in ipairs(book.calls) do
    local least, most = bounds(call, loose)
    local found = 0
    while found < most and numbers[at + 1] == call.parts[found + 1].number do
      found, at = found + 1, at + 1
      settle(book, call.parts[found])
    end
    local first = call.parts[1].number
    if found < least then
      return ("call %d was answered (%s), and %d of its %d parts are there"):format(first, call.answer, found, least)
    elseif found > 0 and ended and not gaps then
      return ("call %d is there, and call %d before it is not"):format(first, ended)
    elseif call.answer == "ok" and found == most and not call.destroys and call.result ~= at then
      return ("call %d was answered with %s and is now at %d"):format(first, call.result, at)
    end
    if found < most and (call.answer == nil or call.answer == "ok") then ended = ended or first end
  end
  if at < #numbers then return ("%d is there: it was never called, or is out of order"):format(numbers[at + 1]) end
end

local function is_value(value, expected)
  return type(value) == "table" and value.part == expected.part
    and value.text == tostring(expected.part):rep(expected.size)
end

local function match_fields(book, fields)
  for name, expected in pairs(book.fields) do
    if not is_value(fields[name], expected) then
      return ("the state's field %s is not that of its part"):format(name)
    end
  end
  for name in pairs(fields) do
    if not book.fields[name] then return ("the state's field %s should not be there"):format(name) end
  end
end

local function match_entries(book, entries)
  local count = 0
  for _ in pairs(book.entries) do count = count + 1 end
  for _, entry in ipairs(entries) do
    local expected = book.entries[encode(entry.key)]
    if not expected then return ("the kv entry %s should not be there"):format(encode(entry.key)) end
    if not is_value(entry.value, expected) then
      return ("the kv entry %s is not that of its part"):format(encode(entry.key))
    end
  end
  if #entries ~= count then return ("the kv has %d entries and not %d"):format(#entries, count) end
end

local match_life

-- The actor as one that began behind its call `index`, which has destroyed the one before.
local function match_next_life(book, index, ...)
  local life = Book.new(book.key)
  life.calls = table.move(book.calls, index + 1, #book.calls, 1, {})
  local wrong = match_life(life, ...)
  if wrong then return wrong end
  book.settled, book.fields, book.entries = life.settled, life.fields, life.entries
end

--- Holds against the model what an actor holds after a crash, and takes it over. Answers what is wrong, or nil.
---@param state table|nil     nil: there is no such actor
---@param entries table|nil
---@param gaps boolean        calls may have failed of which nobody heard
---@param loose boolean       what was answered last may be gone
function Book:check(state, entries, gaps, loose)
  local wrong
  local must, may = false, false      -- whether the actor was destroyed since, or perhaps
  for index = #self.calls, 1, -1 do
    local call = self.calls[index]
    if call.destroys and not call.fails and (call.answer == "ok" or not call.answer) and not must then
      may, must = true, call.answer == "ok" and not loose
      local why = match_next_life(self, index, state, entries, gaps, loose)
      wrong = wrong or why
      if not why then
        self.calls, self.count_read = {}, #self.settled
        return nil
      end
    end
  end
  if must then return wrong end
  if may then self.count_read = 0 end      -- it may be that of a life that has ended
  wrong = match_life(self, state, entries, gaps, loose)
  self.calls, self.count_read = {}, #self.settled
  return wrong
end

-- The same of an actor that was not destroyed since.
function match_life(self, state, entries, gaps, loose)
  local numbers = state and state.parts or {}
  for i, number in ipairs(self.settled) do
    if numbers[i] ~= number then return ("part %d is %s and was %d"):format(i, numbers[i], number) end
  end
  local wrong = match_calls(self, numbers, gaps, loose)
  if not wrong and not loose and #numbers < self.count_read then
    wrong = ("%d parts, and %d were read"):format(#numbers, self.count_read)
  end
  return wrong or match_fields(self, state and state.fields or {}) or match_entries(self, entries or {})
end

return Book
