-- The checker of histories: it must accept and refuse what is listed here, and agree with a search of all orders of
-- small histories.

local linearizability = require "spec.support.linearizability"

local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local counter, register = linearizability.counter, linearizability.register

-- "write(1)", called at 1, returned at 2, with this result. result = nil: nobody heard of it.
local function operation(text, called, returned, result)
  local name, list = text:match "^([%a_]+)%(?([%d, ]*)%)?$"
  local arguments = {}
  for number in list:gmatch "%d+" do arguments[#arguments + 1] = math.tointeger(number) end
  return { client = called, called = called, returned = returned, name = name, arguments = arguments, result = result,
           unheard = result == nil }
end

local function history(rows)
  local operations = {}
  for i, row in ipairs(rows) do operations[i] = operation(row[1], row[2], row[3], row[4]) end
  return operations
end

local ACCEPTED = {
  ["nothing"] = { counter, {} },
  ["one after the other"] = { register, { { "write(1)", 1, 2, true }, { "read", 3, 4, 1 } } },
  ["a read that meets a write, before it"] = { register, { { "write(1)", 1, 4, true }, { "read", 2, 3, 0 } } },
  ["a read that meets a write, after it"] = { register, { { "write(1)", 1, 4, true }, { "read", 2, 3, 1 } } },
  ["two writes at once, in either order"] = { register,
    { { "write(1)", 1, 4, true }, { "write(2)", 2, 3, true }, { "read", 5, 6, 1 }, { "read", 7, 8, 1 } } },
  ["increments at once, numbered against their calls"] = { counter,
    { { "increment", 1, 6, 3 }, { "increment", 2, 5, 2 }, { "increment", 3, 4, 1 } } },
  ["one of two compare_and_set"] = { register, { { "compare_and_set(0, 1)", 1, 4, false },
    { "compare_and_set(0, 2)", 2, 3, true }, { "compare_and_set(2, 3)", 5, 6, true } } },
  ["an unheard write that never was"] = { register, { { "write(1)", 1 }, { "read", 3, 4, 0 }, { "read", 5, 6, 0 } } },
  ["an unheard write that is seen much later"] = { register,
    { { "write(1)", 1 }, { "read", 3, 4, 0 }, { "write(2)", 5, 6, true }, { "read", 7, 8, 2 }, { "read", 9, 10, 1 } } },
  ["an unheard write that was over by then, seen"] = { register, { { "write(1)", 1, 5 }, { "read", 6, 7, 1 } } },
  ["an unheard write that was over by then, unseen"] = { register, { { "write(1)", 1, 5 }, { "read", 6, 7, 0 } } },
  ["an unheard increment between two"] = { counter,
    { { "increment", 1, 2, 1 }, { "increment", 3 }, { "increment", 4, 5, 3 }, { "increment", 6, 7, 4 } } },
  ["a failed call that tells the count"] = { counter, { { "increment", 1, 2, 1 }, { "spoil", 3, 4, 1 } } },
}

local REFUSED = {
  ["a result out of nothing"] = { counter, { { "get", 1, 2, 1 } } },
  ["a stale read"] = { register, { { "write(1)", 1, 2, true }, { "read", 3, 4, 0 } } },
  ["a lost update"] = { counter, { { "increment", 1, 4, 1 }, { "increment", 2, 3, 1 } } },
  ["a lost write"] = { counter, { { "increment", 1, 2, 1 }, { "get", 3, 4, 0 } } },
  ["a read that goes back in time"] = { register,
    { { "write(1)", 1, 8, true }, { "read", 2, 3, 1 }, { "read", 4, 5, 0 } } },
  ["two readers that saw two writes in different orders"] = { register,
    { { "write(1)", 1, 20, true }, { "write(2)", 2, 21, true }, { "read", 3, 4, 1 }, { "read", 5, 6, 2 },
      { "read", 7, 8, 1 } } },
  ["two successes of one compare_and_set"] = { register,
    { { "compare_and_set(0, 1)", 1, 4, true }, { "compare_and_set(0, 2)", 2, 3, true } } },
  ["an increment applied twice"] = { counter, { { "increment", 1, 2, 1 }, { "get", 3, 4, 2 } } },
  ["an unheard write that was seen and then was not"] = { register,
    { { "write(1)", 1 }, { "read", 2, 3, 1 }, { "read", 4, 5, 0 } } },
  ["an unheard write that is seen before its call"] = { register, { { "read", 1, 2, 1 }, { "write(1)", 3 } } },
  ["an unheard write that was over and comes later"] = { register,
    { { "write(1)", 1, 5 }, { "read", 6, 7, 0 }, { "read", 8, 9, 1 } } },
  ["more than the unheard ones explain"] = { counter,
    { { "increment", 1 }, { "increment", 2 }, { "get", 3, 4, 3 } } },
  ["a failed call that left something"] = { counter, { { "spoil", 1, 2, 0 }, { "get", 3, 4, -1 } } },
}

-- -- random histories --

local OPERATIONS = {
  [counter] = { "increment", "increment", "get", "spoil" },
  [register] = { "read", "read", "write(%d)", "compare_and_set(%d, %d)" },
}

-- What really happened, one operation after the other, and when clients say that it did: the true moment of each lies
-- between its call and its return. Some were not heard of, and some of those did not happen.
local function random_history(model, size, overlap, unheard)
  local operations, state = {}, model.initial
  for moment = 1, size do
    local names = OPERATIONS[model]
    local text = names[math.random(#names)]:format(math.random(0, 3), math.random(0, 3))
    local one = operation(text, moment - math.random() * overlap, moment + math.random() * overlap)
    one.unheard = math.random() < unheard
    if not one.unheard or math.random(2) == 1 then state, one.result = model.apply(state, one.name, one.arguments) end
    if one.unheard then
      one.result = nil
      if math.random(2) == 1 then one.returned = nil end
    end
    operations[moment] = one
  end
  return operations
end

-- Gives one heard operation another result. Returns false if there is none.
local function alter(operations, result)
  local heard = {}
  for _, one in ipairs(operations) do
    if not one.unheard then heard[#heard + 1] = one end
  end
  if #heard == 0 then return false end
  local one = heard[math.random(#heard)]
  one.result = result(one.result)
  return true
end

local function other_result(result)
  if type(result) == "boolean" then return not result end
  return result + math.random(-1, 1)
end

local function impossible_result(result)
  return type(result) == "number" and 1000 or "neither true nor false"
end

-- Whether this order of the operations fits their times and explains what was heard.
local function explains(order, model)
  local state = model.initial
  for i, one in ipairs(order) do
    for k = 1, i - 1 do
      if (one.returned or math.huge) < order[k].called then return false end
    end
    local after, result = model.apply(state, one.name, one.arguments)
    state = after
    if not one.unheard and result ~= one.result then return false end
  end
  return true
end

-- The same question, answered by trying all orders of everything that may have happened.
local function explained_by_some_order(operations, model, order, used)
  order, used = order or {}, used or {}
  local complete = true
  for i, one in ipairs(operations) do
    complete = complete and (used[i] or one.unheard)
  end
  if complete and explains(order, model) then return true end
  for i, one in ipairs(operations) do
    if not used[i] then
      order[#order + 1], used[i] = one, true
      local found = explained_by_some_order(operations, model, order, used)
      order[#order], used[i] = nil, nil
      if found then return true end
    end
  end
  return false
end

describe("The checker of histories", function()
  before_each(function() math.randomseed(SEED) end)

  for what, case in pairs(ACCEPTED) do
    it("accepts " .. what, function() assert.is_true(linearizability.check(history(case[2]), case[1])) end)
  end

  for what, case in pairs(REFUSED) do
    it("refuses " .. what, function() assert.is_false((linearizability.check(history(case[2]), case[1]))) end)
  end

  it("says which operation nothing explains", function()
    local _, why = linearizability.check(history(REFUSED["a stale read"][2]), register)
    assert.equal("no order explains client 3, 3 to 4: read() -> 0", why)
  end)

  it("finds the order of histories that have one, long ones too", function()
    for _, model in ipairs { counter, register } do
      for round = 1, 40 do
        local operations = random_history(model, math.random(300), math.random() * 4, math.random() / 20)
        assert(linearizability.check(operations, model), ("round %d, TROUPE_SEED=%d"):format(round, SEED))
      end
    end
  end)

  it("refuses them with one impossible result", function()
    for _, model in ipairs { counter, register } do
      for round = 1, 40 do
        local operations = random_history(model, math.random(100), math.random() * 2, math.random() / 20)
        if alter(operations, impossible_result) then
          assert(not linearizability.check(operations, model), ("round %d, TROUPE_SEED=%d"):format(round, SEED))
        end
      end
    end
  end)

  it("says what a search through all orders says", function()
    local verdicts = { [true] = 0, [false] = 0 }
    for _, model in ipairs { counter, register } do
      for round = 1, 300 do
        local operations = random_history(model, math.random(5), math.random() * 3, 0.3)
        alter(operations, other_result)
        local expected = explained_by_some_order(operations, model)
        verdicts[expected] = verdicts[expected] + 1
        assert.equal(expected, (linearizability.check(operations, model)),
          ("round %d, TROUPE_SEED=%d"):format(round, SEED))
      end
    end
    assert(verdicts[true] > 50 and verdicts[false] > 50, "one of the two verdicts was hardly ever due")
  end)
end)
