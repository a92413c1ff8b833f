--- Whether what clients saw of one object can be explained by some order of their operations, one at a time, in which
--- each takes effect between its call and its return. That is linearizability (Herlihy and Wing, 1990).
---
--- The search is that of Wing and Gong (1993): of the operations under way, one that fits is done first, and if that
--- leads nowhere, another. As Lowe found (2017), no state need be tried twice after the same set of operations.

local linearizability = {}

---@class Operation
---@field client any         who called; for messages
---@field called number      when it was called
---@field returned number|nil when its result came. If it is unheard: the latest moment at which it may have taken
---  effect; nil: that may be at any time after its call. Many of these make the search long
---@field unheard boolean|nil its result is unknown, and it may never have happened
---@field name string
---@field arguments any[]
---@field result any         compared with ==

--- What an object does, one operation at a time.
---@class Model
---@field initial any        its first state; states are numbers, strings or booleans
---@field apply fun(state: any, name: string, arguments: any[]): any, any  the next state, and the result

-- -- calls and returns by time, as a list linked in both directions --

local function comes_first(a, b)
  if a.time ~= b.time then return a.time < b.time end
  return a.is_call and not b.is_call
end

-- Returns the head of the list, which is not an event itself. An operation that never ends has no return in the list.
local function link_events(history)
  local events = {}
  for number, operation in ipairs(history) do
    local call = { time = operation.called, is_call = true, operation = operation, number = number }
    events[#events + 1] = call
    if operation.returned then
      call.ret = { time = operation.returned, operation = operation, call = call }
      events[#events + 1] = call.ret
    end
  end
  table.sort(events, comes_first)
  local head = {}
  local last = head
  for _, event in ipairs(events) do
    last.next, event.previous = event, last
    last = event
  end
  return head
end

local function take_out(event)
  event.previous.next = event.next
  if event.next then event.next.previous = event.previous end
end

-- Puts back the event that was taken out last.
local function put_back(event)
  event.previous.next = event
  if event.next then event.next.previous = event end
end

local function lift(call)
  take_out(call)
  if call.ret then take_out(call.ret) end
end

local function unlift(call)
  if call.ret then put_back(call.ret) end
  put_back(call)
end

-- -- a set of operations, by number --

local Set = {}
Set.__index = Set

local function new_set(size)
  local words = {}
  for i = 1, size // 64 + 1 do words[i] = 0 end
  return setmetatable(words, Set)
end

-- Adds a number that is not in the set, removes one that is.
function Set:toggle(number)
  local i = number // 64 + 1
  self[i] = self[i] ~ (1 << number % 64)
end

-- A text for this set and this state, different from that of any other set or state.
function Set:with(state)
  return table.concat(self, " ") .. " " .. type(state) .. tostring(state)
end

-- -- the search --

local function describe(operation)
  local arguments = {}
  for i, argument in ipairs(operation.arguments or {}) do arguments[i] = tostring(argument) end
  return ("client %s, %s to %s: %s(%s) -> %s"):format(operation.client, operation.called, operation.returned,
    operation.name, table.concat(arguments, ", "), operation.unheard and "?" or tostring(operation.result))
end

local function count_heard(history)
  local count = 0
  for _, operation in ipairs(history) do
    if not operation.unheard then count = count + 1 end
  end
  return count
end

---@param history Operation[]  in any order
---@param model Model
---@return boolean is_linearizable
---@return string|nil why  if not: the operation at which the longest attempt ended
function linearizability.check(history, model)
  local head, done, tried = link_events(history), new_set(#history), {}
  local path, left = {}, count_heard(history)
  local state, latest = model.initial, -math.huge      -- at the path's end; when the latest call on the path was made
  local longest, culprit = -1, nil

  -- Does this operation next, unless it does not fit, or leads to where the search has been before.
  local function try(call)
    local operation = call.operation
    if operation.returned and operation.returned < latest then return false end
    local after, result = model.apply(state, operation.name, operation.arguments)
    if not operation.unheard and result ~= operation.result then return false end
    done:toggle(call.number)
    local mark = done:with(after)
    if tried[mark] then
      done:toggle(call.number)
      return false
    end
    tried[mark] = true
    path[#path + 1] = { call = call, state = state, latest = latest }
    state, latest = after, math.max(latest, operation.called)
    left = left - (operation.unheard and 0 or 1)
    lift(call)
    return true
  end

  -- Takes the last operation back, and returns its call.
  local function retract()
    local step = table.remove(path)
    unlift(step.call)
    done:toggle(step.call.number)
    left = left + (step.call.operation.unheard and 0 or 1)
    state, latest = step.state, step.latest
    return step.call
  end

  local event = head.next
  while left > 0 do
    if event.is_call then
      event = try(event) and head.next or event.next
    elseif event.operation.unheard then
      event = event.next                               -- it may never have happened
    else
      if #path > longest then longest, culprit = #path, event.operation end
      if #path == 0 then return false, "no order explains " .. describe(culprit) end
      event = retract().next
    end
  end
  return true
end

-- -- models --

--- Counts from 0. spoil() changes nothing, and its result is the count.
---@type Model
linearizability.counter = { initial = 0 }

function linearizability.counter.apply(count, name)
  if name == "increment" then return count + 1, count + 1 end
  return count, count
end

--- Holds a number, 0 at first. The result of write() is true; spoil() changes nothing, and its result is the number.
---@type Model
linearizability.register = { initial = 0 }

function linearizability.register.apply(number, name, arguments)
  if name == "read" or name == "spoil" then return number, number end
  if name == "write" then return arguments[1], true end
  if number ~= arguments[1] then return number, false end        -- compare_and_set(from, to)
  return arguments[2], true
end

return linearizability
