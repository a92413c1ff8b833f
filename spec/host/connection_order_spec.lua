-- What a connection hears comes in the order of the calls: the events of each, then its answer; nothing before it is
-- durable, and nothing of what failed. Random calls, with a disk that is held and fails, against a model of one list.
local hosts = require "spec.support.hosts"

local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local ROUNDS, STEPS, CONNECTIONS = 10, 60, 3

local source = hosts.class("Teller", [[
  function Class:initialize_state() return { count = 0 } end
  function Class:write(_, id) self.state.count = self.state.count + 1; self:broadcast("e", id); return id end
  function Class:read(_, id) self:broadcast("e", id); return id end
  function Class:look(_, id) return id end
  function Class:each(_, id)
    for _, connection in ipairs(self.connections) do connection:send("e", id) end
    return id
  end
  function Class:save(_, id)
    self.state.count = self.state.count + 1
    self:broadcast("e", id)
    self:save_state()
    self:broadcast("e", id + 0.5)
    return id
  end
  function Class:fail(_, id) self.state.count = 0; self:broadcast("e", id); error(UserError("no")) end
  function Class:pass_on(_, id) self:broadcast("e", id); return self:actor("Teller", "other"):write(id) end
]])

local METHODS = { "write", "read", "look", "each", "save", "fail", "pass_on" }
local CHANGES = { write = true, save = true, pass_on = true }
local EVENTS = { write = { 0 }, read = { 0 }, look = {}, each = { 0 }, save = { 0, 0.5 }, fail = {}, pass_on = { 0 } }

--- What each frame says: an event `e1`, an answer `a1`; of what failed with the disk nothing, and `x1` in `failed`.
local function words_of(connection, ids, failed)
  local words = {}
  for _, frame in ipairs(connection:frames()) do
    local id = ids[connection][frame.id]
    if frame.event then
      words[#words + 1] = "e" .. frame.args[1]
    elseif frame.error and frame.error.code == "storage_error" then
      failed[id] = true
    else
      words[#words + 1] = "a" .. id
    end
  end
  return words
end

--- What a connection is to hear of all calls, in order. Of a call that failed with the disk only what it had saved.
local function expected_by(connection, calls, failed, heard)
  local words = {}
  for _, call in ipairs(calls) do
    for i, more in ipairs(EVENTS[call.method]) do
      local word = "e" .. call.id + more
      local is_lost = failed[call.id] and (call.method ~= "save" or i > 1 or not heard[word])
      if not is_lost then words[#words + 1] = word end
    end
    if call.connection == connection and not failed[call.id] then words[#words + 1] = "a" .. call.id end
  end
  return words
end

local function set_of(list)
  local set = {}
  for _, word in ipairs(list) do set[word] = true end
  return set
end

local function append(list, more)
  for _, word in ipairs(more) do list[#list + 1] = word end
end

--- One host, with a few connections to one actor.
local function new_world(random, options)
  local world = { host = hosts.open({ ["teller.lua"] = source }, options), random = random, connections = {}, ids = {},
                  heard = {}, calls = {}, failed = {} }
  for i = 1, CONNECTIONS do
    local connection = world.host:connect("Teller", "a")
    connection:subscribe "e"
    world.connections[i], world.ids[connection], world.heard[connection] = connection, {}, {}
  end
  return world
end

local function call(world, method)
  local id = #world.calls + 1
  method = method or METHODS[world.random(#METHODS)]
  local connection = world.connections[world.random(CONNECTIONS + 1)]
  local made = { id = id, method = method, connection = connection }
  if connection then
    world.ids[connection][connection:start(method, id).id] = id
  else
    made.pending = world.host:start("Teller", "a", method, id)
  end
  world.calls[id] = made
end

--- Takes what has come. While the disk is held, nothing of the first change since then, or behind it, may be there.
local function take(world, first_change)
  for _, connection in ipairs(world.connections) do
    local words = words_of(connection, world.ids, world.failed)
    for _, word in ipairs(words) do
      local id = tonumber(word:sub(2))
      assert(not first_change or math.floor(id) < first_change, ("%s has come, and is not durable"):format(word))
    end
    append(world.heard[connection], words)
  end
end

local function hold_for_a_while(world)
  local first = #world.calls + 1
  world.host:hold(true)
  for _ = 1, world.random(4) do
    call(world)
    if world.random(2) == 1 then world.host:run() end
  end
  if world.random(3) == 1 then call(world, "write") end
  world.host:run()
  local change
  for id = #world.calls, first, -1 do
    if CHANGES[world.calls[id].method] then change = id end
  end
  take(world, change)
  if change and world.random(2) == 1 then world.host:fail_next "write" end
  world.host:hold(false)
  world.host:run()
end

local function take_a_step(world)
  local choice = world.random(10)
  if choice <= 4 then
    call(world)
  elseif choice <= 6 then
    world.host:step(world.random(2) == 1 and "committer" or 1)
  elseif choice == 7 then
    world.host:run()
    world.host:fail_next "write"
    call(world, "write")
    for _ = 1, world.random(3) do call(world) end
    world.host:run()
  elseif choice == 8 then
    world.host:step(1)
    world.host:start_sleep("Teller", "a")            -- it does not, if calls wait for it
    world.host:step(1)
  elseif choice == 9 then
    world.host:run()
    world.host:advance(1)
    take(world)
  else
    world.host:run()
    take(world)
    hold_for_a_while(world)
  end
end

--- All that was called and is over: the failures of calls that came from elsewhere.
local function end_all(world)
  world.host:run()
  world.host:advance(2)
  take(world)
  for _, made in ipairs(world.calls) do
    if made.pending then
      local ok, failure = pcall(made.pending.get, made.pending)
      if not ok and failure.code == "storage_error" then world.failed[made.id] = true end
    end
  end
end

describe("What connections hear", function()
  after_each(hosts.close_all)

  local crier = hosts.class("Crier", [[
    function Class:initialize_state() return { count = 0 } end
    function Class:cry(_, what) self.state.count = self.state.count + 1; self:broadcast("cry", what) end
    function Class:whisper(_, what) self:broadcast("cry", what) end
    function Class:ask(_, method, what) self:actor("Crier", "a")[method](self:actor("Crier", "a"), what) end
    function Class:send_on(_, what) self:send(self:actor("Crier", "a"), "cry", what) end
    function Class:plan(_, what) self.schedule:after(1, "cry", what) end
    function Class:on_stop() self:broadcast("cry", "stops") end
  ]])

  --- What the connections of Crier/a have heard since the last look.
  local function cries(connection)
    local heard = {}
    for i, event in ipairs(connection:events()) do heard[i] = event.args[1] end
    return heard
  end

  for workers = 1, 2 do
    it(("comes also of turns for which no client waits, once they are durable: %d workers"):format(workers), function()
      local host = hosts.open({ ["crier.lua"] = crier }, { workers = workers })
      local connection = host:connect("Crier", "a")
      connection:subscribe "cry"
      host:actor("Crier", "a"):plan("planned")
      host:hold(true)
      local asked = host:start("Crier", "b", "ask", "cry", "asked")
      local again = host:start("Crier", "b", "ask", "whisper", "again")
      local sent = host:start("Crier", "c", "send_on", "sent")
      host:run()
      assert.same({}, cries(connection))
      host:hold(false)
      host:run()
      assert.same({ nil, nil, nil }, { asked:get(), again:get(), sent:get() })
      assert.same({ "asked", "again", "sent" }, cries(connection))
      host:advance(1)
      host:sleep("Crier", "a")
      assert.same({ "planned", "stops" }, cries(connection))
    end)
  end

  for _, durability in ipairs { "commit", "relaxed" } do
    it("is in the order of the calls, and true: " .. durability, function()
      for round = 1, ROUNDS do
        math.randomseed(SEED, round)
        local world = new_world(math.random, { errors = true, durability = durability, turns_a_step = 1 + round % 3,
                                               batch_commits = 1 + round % 4 })
        for _ = 1, STEPS do take_a_step(world) end
        end_all(world)
        for i, connection in ipairs(world.connections) do
          local heard = world.heard[connection]
          assert.same(expected_by(connection, world.calls, world.failed, set_of(heard)), heard,
                      ("seed %d, round %d, connection %d"):format(SEED, round, i))
        end
        world.host:close()
      end
    end)
  end
end)
