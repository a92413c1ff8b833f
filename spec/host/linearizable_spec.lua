-- What clients see of one actor, all together, is what they would see if its calls had been made one at a time, each
-- between its beginning and its answer; through crashes too. Counters keep their number in the state, registers in the
-- kv.
--
-- TROUPE_ROUNDS: how often the program is killed (5), and a twelfth of how many programs run in the spec's own process.
-- TROUPE_SEED repeats the calls, and in the spec's own process everything.

local cjson = require "cjson"
local crowd = require "spec.support.crowd"
local hosts = require "spec.support.hosts"
local http = require "spec.support.http"
local linearizability = require "spec.support.linearizability"
local program = require "spec.support.program"
local spread = require "spec.support.spread"

local ROUNDS = tonumber(os.getenv "TROUPE_ROUNDS" or 5)
local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local WORKERS = 2
local ACTORS = {
  { class = "Tally", key = "a", model = linearizability.counter },
  { class = "Tally", key = "b", model = linearizability.counter },
  { class = "Register", key = "a", model = linearizability.register },
  { class = "Register", key = "b", model = linearizability.register },
}
local METHODS = {
  Tally = { "increment", "increment", "get", "get", "spoil" },
  Register = { "write", "read", "read", "compare_and_set", "spoil" },
}
local LOOK = { Tally = "get", Register = "read" }

for class in pairs(METHODS) do
  local keys = {}
  for _, actor in ipairs(ACTORS) do
    if actor.class == class then table.insert(keys, actor.key) end
  end
  spread.check(WORKERS, class, keys)
end

-- -- histories: what clients see, numbered in the order in which this one thread sees it --

local History = {}
History.__index = History

local function new_history()
  local history = setmetatable({
    moment = 0,               -- how much was seen
    number = 0,               -- the last one that was written to a register
    operations = {},          -- by actor, those that check() has not seen
    initial = {},             -- by actor, what there was before them
    seen = {},                -- by actor, the last number that anybody was told, or knows to have written
    heard = 0, unheard = 0,   -- how many calls were answered, and how many were not
  }, History)
  for _, actor in ipairs(ACTORS) do history.operations[actor], history.initial[actor] = {}, actor.model.initial end
  return history
end

function History:now()
  self.moment = self.moment + 1
  return self.moment
end

-- A new call of a client: a random one, or this method of this actor.
function History:call(client, actor, name)
  actor = actor or ACTORS[math.random(#ACTORS)]
  name = name or METHODS[actor.class][math.random(#METHODS[actor.class])]
  self.number = self.number + 1
  local arguments = {}
  if name == "write" then arguments = { self.number } end
  if name == "compare_and_set" then arguments = { self.seen[actor] or 0, self.number } end
  local operation = { client = client, actor = actor, name = name, arguments = arguments, called = self:now() }
  table.insert(self.operations[actor], operation)
  return operation
end

function History:answer(operation, result)
  operation.result, operation.returned = result, self:now()
  self.heard = self.heard + 1
  local seen = result == true and operation.arguments[#operation.arguments] or result
  if seen then self.seen[operation.actor] = seen end
end

-- Nobody heard of it, but from now on it can happen no more.
function History:lose(operation)
  operation.unheard, operation.returned = true, self:now()
  self.unheard = self.unheard + 1
end

-- Its answer says that it never happened.
function History:strike(operation)
  local operations = self.operations[operation.actor]
  for i = #operations, 1, -1 do
    if operations[i] == operation then return table.remove(operations, i) end
  end
end

-- Checks what was seen so far. Nothing may be under way, and the last that was asked of each actor is what it holds:
-- with that the next part of the history begins.
function History:check()
  for _, actor in ipairs(ACTORS) do
    local operations = self.operations[actor]
    local model = { initial = self.initial[actor], apply = actor.model.apply }
    local fine, why = linearizability.check(operations, model)
    if not fine then error(("%s/%s (TROUPE_SEED=%d): %s"):format(actor.class, actor.key, SEED, why), 0) end
    local last = operations[#operations]
    assert(last.name == LOOK[actor.class])
    self.operations[actor], self.initial[actor] = {}, last.result
  end
end

-- -- the program, over sockets --

describe("The histories of a host that is killed", function()
  local CLIENTS, ROUND_S = 16, 0.15
  local data, host

  local function serve()
    host = program.serve("spec/support/actors", data, "--workers", tostring(WORKERS))
  end

  before_each(function()
    data = program.folder()
    serve()
  end)

  after_each(function()
    host:close()
    program.remove(data)
  end)

  local function ask(history, client, actor, name)
    local operation = history:call(client, actor, name)
    operation.text = http.text("POST", ("/actors/%s/%s/%s"):format(operation.actor.class, operation.actor.key,
      operation.name), "[" .. table.concat(operation.arguments, ",") .. "]")
    return operation
  end

  local function hear(history, operation, status, body)
    local answer = cjson.decode(body)
    local result
    if operation.name == "spoil" then
      assert(status == 400, body)
      result = answer.error.metadata
    else
      assert(status == 200, body)
      result = operation.name == "write" or answer.result
    end
    history:answer(operation, math.tointeger(result) or result)
  end

  -- Calls until the host dies.
  local function run_round(history)
    local clients = crowd.connect(host.address, CLIENTS)
    host:signal_after(0.01 + math.random() * ROUND_S, "KILL")
    local unheard = clients:run(function(client)
      return ask(history, client)
    end, function(_, operation, status, body) hear(history, operation, status, body) end)
    host:wait()
    for _, operation in pairs(unheard) do history:lose(operation) end
  end

  -- One more look at each actor.
  local function look(history)
    local left = { table.unpack(ACTORS) }
    crowd.connect(host.address, 1):run(function(client)
      local actor = table.remove(left)
      return actor and ask(history, client, actor, LOOK[actor.class])
    end, function(_, operation, status, body) hear(history, operation, status, body) end)
  end

  it("are linearizable, actor by actor", function()
    math.randomseed(SEED)
    local history = new_history()
    for _ = 1, ROUNDS do
      run_round(history)
      host:close()
      serve()
      look(history)
      history:check()
    end
    print(("# killed %d times: %d calls answered, %d not (TROUPE_SEED=%d)"):format(ROUNDS, history.heard,
      history.unheard, SEED))
  end)
end)

-- -- the host in this process: each order of steps, each crash and each full disk follows from the seed --

describe("The histories of a host whose steps are chosen at random", function()
  local CLIENTS, STEPS, PROGRAMS = 12, 150, 12 * ROUNDS

  after_each(hosts.close_all)

  local function new_run()
    local host = hosts.open({}, { actors = "spec/support/actors", workers = WORKERS, errors = true })
    return { host = host, history = new_history(), under_way = {}, held = false }
  end

  -- A client calls, and true is answered; or it has a call under way, and nothing happens.
  local function call(run, actor, name)
    local client = math.random(CLIENTS)
    if run.under_way[client] then return false end
    local operation = run.history:call(client, actor, name)
    operation.pending = run.host:start(operation.actor.class, operation.actor.key, operation.name,
      table.unpack(operation.arguments))
    run.under_way[client] = operation
    return true
  end

  -- Takes the answers that are there.
  local function hear(run)
    for client = 1, CLIENTS do
      local operation = run.under_way[client]
      if operation and operation.pending:is_done() then
        run.under_way[client] = nil
        local ok, result = pcall(operation.pending.get, operation.pending)
        if ok then
          run.history:answer(operation, operation.name == "write" or result)
        elseif result.code == "user_error" then
          run.history:answer(operation, result.metadata)
        elseif result.code == "connection_lost" then
          run.history:lose(operation)
        else
          assert.equal("storage_error", result.code)
          run.history:strike(operation)
        end
      end
    end
  end

  local function go(run)
    run.host:run()
    hear(run)
  end

  local function hold(run, held)
    run.host:hold(held)
    go(run)
  end

  -- A call that writes, and a disk that fails.
  local function fail(run, what)
    if not call(run, ACTORS[1], "increment") then return end
    run.host:fail_next(what)
    hold(run, false)
  end

  local actions = {
    call = { weight = 100, act = call },
    go = { weight = 30, act = go },
    hold = { weight = 10, act = function(run) hold(run, true) end },
    release = { weight = 10, act = function(run) hold(run, false) end },
    sleep = { weight = 10, act = function(run)
      local actor = ACTORS[math.random(#ACTORS)]
      run.host:start_sleep(actor.class, actor.key)
    end },
    crash = { weight = 3, act = function(run) run.host:crash(); hear(run) end },
    fail_write = { weight = 3, act = function(run) fail(run, "write") end },
    fail_sync = { weight = 1, act = function(run) fail(run, "sync") end },
  }

  local function any_action()
    local names, sum = {}, 0
    for name, action in pairs(actions) do
      names[#names + 1] = name
      sum = sum + action.weight
    end
    table.sort(names)
    local left = math.random(sum)
    for _, name in ipairs(names) do
      left = left - actions[name].weight
      if left <= 0 then return actions[name].act end
    end
  end

  local function run_program(seed)
    math.randomseed(seed)
    local run = new_run()
    for _ = 1, STEPS do any_action()(run) end
    hold(run, false)
    for _, actor in ipairs(ACTORS) do
      local operation = run.history:call("last", actor, LOOK[actor.class])
      operation.pending = run.host:start(actor.class, actor.key, operation.name)
      run.history:answer(operation, operation.pending:get())
    end
    run.history:check()
    hosts.close_all()
    return run.history
  end

  it("are linearizable, actor by actor", function()
    local heard, unheard = 0, 0
    for number = 1, PROGRAMS do
      local ok, result = pcall(run_program, SEED + number)
      if not ok then error(("program %d of TROUPE_SEED=%d: %s"):format(number, SEED, tostring(result)), 0) end
      heard, unheard = heard + result.heard, unheard + result.unheard
    end
    print(("# %d programs: %d calls answered, %d not"):format(PROGRAMS, heard, unheard))
  end)
end)
