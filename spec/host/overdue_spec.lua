-- A call that takes longer than its handle allows: where its time-out says that it has not happened, it has not and
-- will not, wherever between two steps the time is over. TROUPE_DEPTH=n tries all orders of the first n choices.
local hosts = require "spec.support.hosts"
local orders = require "spec.support.orders"
local troupe = require "troupe.test"

local box = hosts.class("Box", [[
  function Class:initialize_state() return { count = 0 } end
  local function add(self)
    print("begin", self.key[1])
    self.state.count = self.state.count + 1
  end
  function Class:add() add(self); return self.state.count end
  function Class:add_and_call(_, key)
    add(self)
    self:actor("Box", key):add()
    return self.state.count
  end
  function Class:call(_, key) self:actor("Box", key):add() end
  function Class:ask(_, key, method, ...)
    local other = self:actor("Box", key, { timeout = 1 })
    local ok, result = pcall(other[method], other, ...)
    return ok and { count = result } or { code = result.code, message = result.message }
  end
]])

local LAYOUTS = { { 1, { 1, 1, 1 } }, { 2, { 1, 2, 1 } }, { 2, { 1, 1, 2 } }, { 2, { 1, 2, 2 } }, { 3, { 1, 2, 3 } } }
local DEPTH = orders.depth(8)

local function keys_on(layout, workers)
  local keys, number = {}, 0
  for i, worker in ipairs(layout) do
    repeat number = number + 1 until troupe.worker_of("Box", "b" .. number, workers) == worker
    keys[i] = "b" .. number
  end
  return keys
end

-- How often a box was added to, as far as begun.
local function begun(log, key)
  local count = 0
  for name in log:gmatch 'begin\\t(%w+)' do count = count + (name == key and 1 or 0) end
  return count
end

-- What ann heard of her call of bob, against what became of it.
local function judge(heard, count, added, often)
  assert.is_true(often <= 1, "it has run twice")
  if heard.count then
    assert.equal(1, added)
    assert.equal(count + 1, heard.count)
    return "ok"
  end
  assert.equal("timeout", heard.code)
  if heard.message:find "no word came" then return "unknown" end
  assert.equal(0, added, heard.message)
  return often == 0 and "never begun" or "stopped"
end

-- Tries every order of steps in which the time passes somewhere in between, by each of `pauses` in turn. Returns how
-- often each outcome was met.
local function try(layout, pauses, calls)
  local workers, keys = layout[1], keys_on(layout[2], layout[1])
  local host = hosts.open({ ["box.lua"] = box },
    { workers = workers, turns_a_step = 1, limits = { idle_ms = 1 << 30 } })
  local tally = { ok = 0, unknown = 0, ["never begun"] = 0, stopped = 0 }
  local pendings, paused, count
  for _, key in ipairs(keys) do host:actor("Box", key):add() end
  local function begin()
    pendings, paused, count = {}, 0, host:state("Box", keys[2]).count
    host:log()
    for i, call in ipairs(calls(table.unpack(keys))) do pendings[i] = host:start("Box", table.unpack(call)) end
  end
  local function take(choice)
    if choice <= workers then return host:step(choice) end
    if paused == #pauses then return false end
    paused = paused + 1
    host:elapse(pauses[paused])
    return true
  end
  local function finish(path)
    host:run()
    local log = host:log()
    local ok, outcome = pcall(function()
      for i = 2, #pendings do pendings[i]:result() end
      return judge(pendings[1]:result(), count, host:state("Box", keys[2]).count - count, begun(log, keys[2]))
    end)
    if not ok then error(("%s\n  path %s\n%s"):format(tostring(outcome), table.concat(path, " "), log), 0) end
    tally[outcome] = tally[outcome] + 1
  end
  orders.try_all(DEPTH, workers + 1, begin, take, finish)
  return tally
end

describe("A call whose time is over", function()
  after_each(hosts.close_all)

  it("while it waits for its turn never runs", function()
    local never = 0
    for _, layout in ipairs(LAYOUTS) do
      local tally = try(layout, { 1.5 }, function(ann, bob, cid)
        return { { ann, "ask", bob, "add" }, { bob, "call", cid } }
      end)
      assert.equal(0, tally.unknown + tally.stopped)
      assert.is_true(tally.ok > 0)
      never = never + tally["never begun"]
    end
    assert.is_true(never > 0)
  end)

  it("while it runs has run once, and is undone", function()
    local stopped = 0
    for _, layout in ipairs(LAYOUTS) do
      local tally = try(layout, { 1.5 }, function(ann, bob, cid)
        return { { ann, "ask", bob, "add_and_call", cid } }
      end)
      assert.equal(0, tally.unknown)
      assert.is_true(tally.ok > 0)
      stopped = stopped + tally.stopped
    end
    assert.is_true(stopped > 0)
  end)

  it("and of which no word comes in time runs once at most, and says so", function()
    local unknown = 0
    for _, layout in ipairs(LAYOUTS) do
      local tally = try(layout, { 1.5, 0.2 }, function(ann, bob, cid)
        return { { ann, "ask", bob, "add_and_call", cid } }
      end)
      unknown = unknown + tally.unknown
    end
    assert.is_true(unknown > 0)
  end)
end)
