-- Actors that wait for one another are told so, and nobody else is: in every order of steps, held against a graph of
-- who waits for whom. TROUPE_DEPTH=n tries all orders of the first n choices.
local hosts = require "spec.support.hosts"
local kit = require "spec.support.kit"
local orders = require "spec.support.orders"
local troupe = require "troupe.test"

-- A plan is the calls that a visit makes, { id, key, plan } each. Each visit says what happens, in the order in which
-- it does.
local knot = hosts.class("Knot", [[
  function Class:visit(_, id, plan)
    local key = self.key[1]
    print("begin", id, key)
    for _, call in ipairs(plan) do
      print("ask", call[1], key, call[2])
      local other = self:actor("Knot", call[2])
      local ok, failure = pcall(other.visit, other, call[1], call[3])
      print("back", call[1], key, ok and "ok" or failure.code)
    end
    print("end", id, key)
  end
  function Class:initialize_state() return {} end
  function Class:pass(_, keys)
    self.state.passed = true
    return keys[1] and self:actor("Knot", keys[1]):pass(table.move(keys, 2, #keys, 1, {}))
  end
  function Class:fall(_, left)
    local key = self.key[1]
    self.state.fallen = true
    return left == 0 and key or self:actor("Knot", key + 1):fall(left - 1)
  end
]])

-- Keys whose actors live on these workers.
local function keys_on(layout, workers)
  local keys, number = {}, 0
  for i, worker in ipairs(layout) do
    repeat number = number + 1 until troupe.worker_of("Knot", "k" .. number, workers) == worker
    keys[i] = "k" .. number
  end
  return keys
end

-- --- Who waits for whom --------------------------------------------------------------------------------------------

-- Goes over what happened, and raises where a call was refused that never was part of a circle, or has run all the
-- same, and where of a circle no call was refused. Returns how many circles there were.
local function judge(log)
  local waits, began, within, circles, refused = {}, {}, {}, {}, {}
  local happened = {}
  function happened.begin(id) began[id] = true end
  function happened.ask(id, from, to)
    waits[from] = { id = id, to = to }
    local at = to
    while waits[at] and at ~= from do at = waits[at].to end
    if at ~= from then return end
    local circle = {}
    repeat
      table.insert(circle, waits[at].id)
      within[waits[at].id] = true
      at = waits[at].to
    until at == from
    table.insert(circles, circle)
  end
  happened["end"] = function(id)
    for from, wait in pairs(waits) do
      if wait.id == id then waits[from] = nil end
    end
  end
  function happened.back(id, from, how)
    if how == "deadlock" then
      assert(within[id], "a phantom: call " .. id .. " was never part of a circle")
      assert(not began[id], "call " .. id .. " was refused, and has run")
      refused[id], waits[from] = true, nil
    elseif how ~= "ok" then
      error(("call %s ended with %s"):format(id, how), 0)
    end
  end
  for what, id, key, more in log:gmatch 'info "?(%l+)\\t(%d+)\\t(%w+)\\?t?(%w*)"?' do happened[what](id, key, more) end
  for _, circle in ipairs(circles) do
    local is_known = false
    for _, id in ipairs(circle) do is_known = is_known or refused[id] end
    assert(is_known, "a circle was closed, and no call of it refused")
  end
  return #circles
end

-- --- What is called ------------------------------------------------------------------------------------------------

local scenarios = {}

-- Each actor asks the next one, which only answers.
function scenarios.ring(keys)
  local roots = {}
  for i, key in ipairs(keys) do roots[i] = { i, key, { { #keys + i, keys[i % #keys + 1], {} } } } end
  return roots
end

-- The same, but who begins last begins first.
function scenarios.ring_backwards(keys)
  local roots = scenarios.ring(keys)
  for i = 1, #roots // 2 do roots[i], roots[#roots + 1 - i] = roots[#roots + 1 - i], roots[i] end
  return roots
end

-- One call goes round.
function scenarios.round(keys)
  local plan = { { 100, keys[1], {} } }
  for i = #keys, 2, -1 do plan = { { i, keys[i], plan } } end
  return { { 1, keys[1], plan } }
end

-- Two chains over all actors, from both ends, and in between each asks the next one twice.
function scenarios.chains(keys)
  local function chain(first, last, by, id)
    local plan = {}
    for i = last, first + by, -by do
      plan = { { id + i, keys[i], plan }, { id + 50 + i, keys[i], {} } }
    end
    return { id, keys[first], plan }
  end
  return { chain(1, #keys, 1, 100), chain(#keys, 1, -1, 200) }
end

-- The next one answers at once, and is then asked for something that waits for the one after it.
function scenarios.echoes(keys)
  local roots = {}
  for i, key in ipairs(keys) do
    local next, after = keys[i % #keys + 1], keys[(i + 1) % #keys + 1]
    roots[i] = { i, key, { { 10 + i, next, {} }, { 20 + i, next, { { 30 + i, after, {} } } } } }
  end
  return roots
end

local LAYOUTS = {       -- of 2, 3 and 4 actors on 1 to 3 workers
  { 1, { 1, 1 } }, { 1, { 1, 1, 1 } }, { 1, { 1, 1, 1, 1 } },
  { 2, { 1, 2 } }, { 2, { 1, 2, 1 } }, { 2, { 1, 2, 1, 2 } }, { 2, { 1, 1, 2, 2 } },
  { 3, { 1, 2, 3 } }, { 3, { 1, 2, 3, 1 } }, { 3, { 1, 2, 1, 3 } },
}

local DEPTH = orders.depth(8)

-- Tries all orders in which clients begin and workers take steps, behind a beginning that is always the same. Returns
-- how many paths there were, and how many of them had a circle and none.
local function try(host, workers, roots, beginning)
  local tally, pendings = { circles = 0, free = 0 }, {}
  local function take(choice)
    if choice <= workers then return host:step(choice) end
    local root = roots[#pendings + 1]
    if root then table.insert(pendings, host:start("Knot", root[2], "visit", root[1], root[3])) end
    return root ~= nil
  end
  local function begin()
    pendings = {}
    for _, choice in ipairs(beginning) do assert(take(choice), "the beginning does nothing") end
  end
  local function finish(path)
    while take(workers + 1) do end
    host:run()
    local ok, circles = pcall(function()
      for _, pending in ipairs(pendings) do pending:result() end
      assert(#host:calls() == 0, "a call is left")
      return judge(host:log())
    end)
    if not ok then error(("%s\n  path %s"):format(tostring(circles), table.concat(path, " ")), 0) end
    local kind = circles > 0 and "circles" or "free"
    tally[kind] = tally[kind] + 1
  end
  tally.paths = orders.try_all(DEPTH, workers + 1, begin, take, finish)
  return tally
end

local function open(workers, keys)
  local host = hosts.open({ ["knot.lua"] = knot }, { workers = workers, turns_a_step = 1 })
  for _, key in ipairs(keys) do host:actor("Knot", key):visit(0, {}) end
  host:log()
  return host
end

describe("Actors that wait for one another", function()
  after_each(hosts.close_all)

  for name, roots_of in pairs(scenarios) do
    it("are told so in every order of steps, and nobody else is: " .. name, function()
      for _, layout in ipairs(LAYOUTS) do
        local workers, keys = layout[1], keys_on(layout[2], layout[1])
        assert.is_true(try(open(workers, keys), workers, roots_of(keys), {}).circles > 0)
      end
    end)
  end

  -- ann waits for bob, bob for cid, dan for ann, and cid has yet to ask dan. While dan's call looks for a circle, cid
  -- answers bob before it asks dan, and the answer lies with bob's worker behind the one that looks.
  local layouts = { ["with cid"] = { 1, 2, 3, 3 }, ["with ann"] = { 1, 2, 3, 1 }, ["with bob"] = { 1, 2, 3, 2 } }
  for name, layout in pairs(layouts) do
    it("are no circle where one of them has answered, though its answer is under way; dan lives " .. name, function()
      local ann, bob, cid, dan = table.unpack(keys_on(layout, 3))
      local roots = {
        { 1, bob, { { 11, cid, {} } } }, { 2, ann, { { 12, bob, {} } } }, { 3, dan, { { 13, ann, {} } } },
        { 4, cid, { { 14, dan, {} } } },
      }
      local tally = try(open(3, { ann, bob, cid, dan }), 3, roots, { 4, 2, 4, 1, 2, 4, layout[4] })
      assert.is_true(tally.free > 0)
    end)
  end

  it("may be ten, or one, and are named; nothing of theirs is left", function()
    local names, keys = {}, {}
    for i = 1, 10 do names[i], keys[i] = "Knot/ring" .. i, "ring" .. i % 10 + 1 end
    local host = hosts.open({ ["knot.lua"] = knot }, { workers = 2 })
    local ring = host:actor("Knot", "ring1")
    local failure = hosts.failure_of(ring.pass, ring, keys)
    assert.equal("deadlock", failure.code)
    local circle = "these calls would wait for one another: Knot/ring10 -> " .. table.concat(names, " -> ")
    assert.truthy(failure.message:find(circle, 1, true), failure.message)
    for _, key in ipairs(keys) do assert.is_nil(host:state("Knot", key)) end
    failure = hosts.failure_of(ring.pass, ring, { "ring1" })
    assert.equal("deadlock", failure.code)
    assert.truthy(failure.message:find("Knot/ring1 -> Knot/ring1", 1, true), failure.message)
    assert.is_nil(host:state("Knot", "ring1"))
    host:log()
    for _, root in ipairs(scenarios.ring(keys)) do host:start("Knot", root[2], "visit", root[1], root[3]) end
    host:run()
    judge(host:log())
    assert.is_nil(ring:pass { "ring5" })
  end)

  local partners = { itself = { 1 }, ["one on its own worker"] = { 1, 1 }, ["one on another worker"] = { 1, 2 } }
  for name, layout in pairs(partners) do
    it("are told out_of_memory if there is none to find that out: one that waits for " .. name, function()
      local keys = keys_on(layout, 2)
      local host = hosts.open({ ["knot.lua"] = knot }, { workers = 2 })
      local first, k, failed = host:actor("Knot", keys[1]), 0
      local way = { keys[2] or keys[1], keys[2] and keys[1] }
      repeat
        k = k + 1
        kit.fail_allocation(host, k)
        local failure = hosts.failure_of(first.pass, first, way)
        failed = kit.fail_allocation(host, 0)
        assert.equal(failed and failure.code == "out_of_memory" and "out_of_memory" or "deadlock", failure.code)
        assert.same({}, (host:calls()))
        assert(k < 1000)
      until not failed
      assert.is_true(k > 2)
    end)
  end

  it("may be a hundred without a circle, and a chain of ten thousand leaves nothing", function()
    local host = hosts.open({ ["knot.lua"] = knot }, { workers = 3, limits = { call_depth = 100 } })
    local first = host:actor("Knot", 1)
    for _, left in ipairs { 10000, 100 } do
      local failure = hosts.failure_of(first.fall, first, left)
      assert.equal("call_too_deep", failure.code)
      assert.matches("%-%-limit%-call%-depth", failure.message)
    end
    for key = 1, 102 do assert.is_nil(host:state("Knot", key)) end
    assert.equal(100, first:fall(99))
    for key = 1, 100 do assert.same({ fallen = true }, host:state("Knot", key)) end
    assert.is_nil(host:state("Knot", 101))
  end)
end)
