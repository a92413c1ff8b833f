-- Connections come and go while actors work, save, sleep and end, while the disk is held and fails, and the host is
-- killed: each on_connect that is durable has its on_disconnect, once, unless its actor or the process ended before.
local hosts = require "spec.support.hosts"
local spread = require "spec.support.spread"

local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local ROUNDS, STEPS, ACTORS, OPEN_MAX = 8, 60, 3, 5

local source = hosts.class("Guest", [[
  function Class:initialize_state() return { count = 0 } end
  function Class:on_before_connect(params) return { name = params and params.name } end
  function Class:on_connect(connection)
    self.kv:put({ "came", connection.state.name }, true)
    if self.state.count % 3 == 1 then self:actor("Guest", "friend"):add() end
  end
  function Class:on_disconnect(connection)
    local key = { "went", connection.state.name }
    self.kv:put(key, (self.kv:get(key) or 0) + 1)
    if self.state.count % 4 == 1 then self:actor("Guest", "friend"):save() end
  end
  function Class:add() self.state.count = self.state.count + 1 end
  function Class:look() return #self.connections end
  function Class:save() self:add(); self:save_state(); self:add() end
  function Class:mark(rpc) rpc.connection.state.marked = true end
  function Class:kick(_, name)
    for _, connection in ipairs(self.connections) do
      if connection.state.name == name then connection:disconnect() end
    end
  end
  function Class:names()
    local names = array {}
    for i, connection in ipairs(self.connections) do names[i] = connection.state.name end
    return names
  end
  function Class:finish() self:destroy() end
]])

local METHODS = { "add", "look", "save", "kick", "mark" }

--- One host. A guest is a connection with a name of its own: { name, key, connection, opening, is_past, is_unsure }.
--- The actor of one that is past was destroyed; the process of one that is unsure has ended, and nobody knows whether
--- its end was done before that.
local function new_world(random, options)
  local host = hosts.open({ ["guest.lua"] = source }, options)
  local world = { host = host, random = random, guests = {}, keys = {}, count = 0 }
  local key = spread.keys(options.workers, "Guest", "k")
  for i = 1, ACTORS do world.keys[i] = key() end
  return world
end

local function open_guests(world)
  local open = {}
  for _, guest in ipairs(world.guests) do
    if guest.is_open and not guest.connection:closed() then open[#open + 1] = guest end
  end
  return open
end

local function any(world, list)
  return list[world.random(#list)]
end

--- Notes of those whose opening is over how that went.
local function hear_openings(world)
  for _, guest in ipairs(world.guests) do
    if guest.opening and guest.opening:is_done() then
      guest.is_open = pcall(guest.opening.get, guest.opening)
      guest.has_joined, guest.opening = guest.is_open, nil
    end
  end
end

local function enter(world)
  if #open_guests(world) >= OPEN_MAX then return end
  world.count = world.count + 1
  local guest = { name = "g" .. world.count, key = any(world, world.keys) }
  guest.opening, guest.connection = world.host:start_connect("Guest", guest.key, { params = { name = guest.name } })
  table.insert(world.guests, guest)
end

local function call(world)
  local guest, method = any(world, open_guests(world)), any(world, METHODS)
  if guest and world.random(3) > 1 then
    guest.connection:start(method, any(world, open_guests(world)).name)
  elseif method ~= "mark" then
    world.host:start("Guest", any(world, world.keys), method, guest and guest.name)
  end
end

local function leave(world)
  local guest = any(world, open_guests(world))
  if guest then guest.connection:start_close() end
end

local function rest(world)
  world.host:hold(false)
  world.host:run()
  world.host:advance(3)
  hear_openings(world)
end

--- A write fails: there is one, so that none fails later.
local function fail(world)
  world.host:start("Guest", any(world, world.keys), "add")
  world.host:fail_next "write"
  world.host:hold(false)
  world.host:run()
end

local function finish(world)
  rest(world)
  local key = any(world, world.keys)
  local finished = world.host:start("Guest", key, "finish")
  for _, guest in ipairs(open_guests(world)) do
    if guest.key == key and world.random(2) == 1 then guest.connection:start_close() end
  end
  if world.random(2) == 1 then fail(world) end
  world.host:run()
  local is_destroyed = pcall(finished.get, finished)
  for _, guest in ipairs(world.guests) do
    guest.is_past = guest.is_past or (is_destroyed and guest.key == key)
  end
end

local function crash(world)
  world.host:crash()
  world.host:reopen()
  for _, guest in ipairs(world.guests) do
    guest.opening, guest.is_unsure = nil, true
  end
end

local function take_a_step(world)
  local choice = world.random(20)
  if choice <= 6 then
    enter(world)
  elseif choice <= 9 then
    call(world)
  elseif choice <= 12 then
    leave(world)
  elseif choice == 13 then
    world.host:hold(world.random(2) == 1)
  elseif choice == 14 then
    fail(world)
  elseif choice == 15 then
    world.host:start_sleep("Guest", any(world, world.keys))
  elseif choice == 16 then
    world.host:step(any(world, { 1, "door", "committer", "checkpointer" }))
  elseif choice == 17 and world.random(3) == 1 then
    finish(world)
  elseif choice == 18 and world.random(4) == 1 then
    crash(world)
  else
    world.host:run()
  end
  hear_openings(world)
end

local function kv_of(world, key)
  local went, came = {}, {}
  for _, entry in ipairs(world.host:kv("Guest", key) or {}) do
    local what, name = entry.key[1], entry.key[2]
    if what == "went" then went[name] = entry.value else came[name] = true end
  end
  return went, came
end

local function check_actor(world, key, where)
  local names, went, came = {}, kv_of(world, key)
  for _, guest in ipairs(world.guests) do
    local ended = guest.connection:closed()
    local counted, here = went[guest.name], where .. ", " .. guest.name
    if guest.key ~= key or guest.is_past then
      assert.is_nil(counted, here)
    elseif guest.is_unsure then
      assert.is_true(counted == nil or counted == 1, here)
    elseif not guest.has_joined then
      assert.same({}, { counted, came[guest.name] }, here)
    else
      assert.is_true(came[guest.name], here)
      assert.equal(ended and 1 or nil, counted, here)
      if not ended then names[#names + 1] = guest.name end
    end
  end
  local seen = world.host:actor("Guest", key):names()
  table.sort(names)
  table.sort(seen)
  assert.same(names, seen, where)
end

describe("The connections of actors", function()
  after_each(hosts.close_all)

  for workers = 1, 2 do
    it(("come and go once, whatever happens: %d workers"):format(workers), function()
      for round = 1, ROUNDS do
        math.randomseed(SEED, round)
        local where = ("seed %d, round %d"):format(SEED, round)
        local world = new_world(math.random, {
          workers = workers, errors = true, turns_a_step = 1 + round % 3, batch_commits = 1 + round % 4,
          durability = round % 5 == 0 and "relaxed" or nil, checkpoint_bytes = 2000,
        })
        for _ = 1, STEPS do take_a_step(world) end
        rest(world)
        for _, key in ipairs(world.keys) do check_actor(world, key, where) end
        world.host:close()
      end
    end)
  end
end)
