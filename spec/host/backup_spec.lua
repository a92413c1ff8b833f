-- troupe backup: a copy of a data folder in use is that folder between two calls. Hosts run here and in the program;
-- the copy is made by the program, a process of its own, and opened here.

local kit = require "spec.support.kit"
local Book = require "spec.crash.book_model"
local crowd = require "spec.support.crowd"
local http = require "spec.support.http"
local program = require "spec.support.program"
local spread = require "spec.support.spread"

local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local BOOKS, WORKERS = { "book1", "book2", "book3" }, 2
local MOMENTS, STEPS, KEYS, SIZES = 12, 120, 8, { 1, 5, 50, 400 }
local LONG = ("l"):rep(600)

local folder
local running = {}      -- hosts that a spec may leave behind when it fails

local function serve(data)
  local host = program.serve("actors", data)
  table.insert(running, host)
  return host
end

local function close(host)
  for i, other in ipairs(running) do
    if other == host then table.remove(running, i) end
  end
  host:close()
end

local function clean_up()
  while #running > 0 do close(running[1]) end
  program.remove(folder)
end

local function backup(from, to)
  local status, output, errors = program.run("backup", from, to)
  assert(status == 0, errors)
  return math.tointeger(tonumber(output:match "up to batch (%d+)"))
end

-- --- What is asked of a host here ----------------------------------------------------------------------------------

local function any(list) return list[math.random(#list)] end

local function random_change()
  local n = math.random(KEYS)
  local key = math.random(4) == 1 and { "long", LONG, n } or { "k", n }
  return any {
    { "put", key, any(SIZES) }, { "put", key, any(SIZES) }, { "delete", key },
    { "delete_range", { "k", n }, { "k", n + 3 } }, { "set", "f" .. n, any(SIZES) }, { "unset", "f" .. n },
  }
end

local function new_world()
  local world = { number = 0, under_way = {}, calls = {} }
  spread.check(WORKERS, "Ledgerbook", BOOKS)
  for _, key in ipairs(BOOKS) do world.calls[key] = {} end
  world.kit = kit.open {
    actors = "spec/crash/actors", data = folder .. "/data", workers = WORKERS, segment_bytes = 4096,
    checkpoint_bytes = 3000, portion_records = 3,
  }
  return world
end

local function enter(world)
  world.number = world.number + 1
  local part = { number = world.number, changes = {} }
  for i = 1, math.random(3) do part.changes[i] = random_change() end
  local call = { parts = { part }, fails = math.random(6) == 1 }
  local key = any(BOOKS)
  table.insert(world.calls[key], call)
  local pending = world.kit:submit("call", "Ledgerbook", key, "enter", { call.parts, call.fails }, 2)
  table.insert(world.under_way, { pending = pending, call = call })
end

local function take_answers(world)
  for i = #world.under_way, 1, -1 do
    local asked = world.under_way[i]
    if asked.pending:is_done() then
      local ok, result = asked.pending:answer()
      asked.call.answer, asked.call.result = ok and "ok" or result, ok and result or nil
      table.remove(world.under_way, i)
    end
  end
end

local function step(world)
  local kind = math.random(6)
  if kind <= 2 then enter(world) elseif kind == 3 then world.kit:step "committer"
  elseif kind == 4 then world.kit:step "checkpointer" else world.kit:step(kind - 4) end
  take_answers(world)
end

-- What a copy holds is what follows from the calls so far; of those that were answered none is missing.
local function check(world, copy)
  local opened = kit.open { actors = "spec/crash/actors", data = copy }
  for key, calls in pairs(world.calls) do
    local book = Book.new(key)
    book.calls = { table.unpack(calls) }
    local state, entries = opened:submit("state", "Ledgerbook", key), opened:submit("kv", "Ledgerbook", key)
    opened:run()
    local found, content = state:answer()
    local _, list = entries:answer()
    assert.is_nil(book:check(found and content or nil, found and list or nil, false, false))
  end
  opened:close()
end

-- --- The specs -----------------------------------------------------------------------------------------------------

describe("A backup", function()
  before_each(function() folder = program.folder() end)
  after_each(clean_up)

  it("of a host in the midst of calls and checkpoints is whole, and holds all that was answered", function()
    math.randomseed(SEED)
    local world = new_world()
    for moment = 1, MOMENTS do
      for _ = 1, math.random(STEPS) do step(world) end
      local copy = ("%s/copy%d"):format(folder, moment)
      backup(folder .. "/data", copy)
      assert.equal(0, (program.run("verify", folder .. "/data")))
      assert.equal(0, (program.run("verify", copy)))
      check(world, copy)
    end
    world.kit:close()
  end)

  it("of a host under load counts no less than was acknowledged, and no more than was asked for", function()
    local ACTORS, CLIENTS, CALLS = 20, 16, 3000
    local host = serve(folder .. "/data")
    local asked, heard, before, copying = {}, {}, nil, nil
    for actor = 1, ACTORS do asked[actor], heard[actor] = 0, 0 end
    local count = 0
    local function ask()
      if count == CALLS then return nil end
      count = count + 1
      local actor = math.random(ACTORS)
      asked[actor] = asked[actor] + 1
      return { actor = actor, text = http.text("POST", ("/actors/Counter/%d/increment"):format(actor)) }
    end
    local function hear(_, request, status)
      assert.equal(200, status)
      heard[request.actor] = heard[request.actor] + 1
      if count > CALLS // 4 and not copying then
        before = { table.unpack(heard) }
        copying = assert(io.popen(("%s backup %s/data %s/copy 2>&1"):format(program.path, folder, folder)))
      end
    end
    assert.same({}, crowd.connect(host.address, CLIENTS):run(ask, hear))
    local output = copying:read "a"
    assert.is_true(copying:close(), output)
    host:signal "TERM"
    assert.equal(0, host:wait())
    close(host)
    assert.equal(0, (program.run("verify", folder .. "/copy")))
    local opened = kit.open { actors = "actors", data = folder .. "/copy" }
    for actor = 1, ACTORS do
      local state = opened:submit("state", "Counter", tostring(actor))
      opened:run()
      local _, content = state:answer()
      assert.is_true(before[actor] <= content.count and content.count <= asked[actor])
    end
    opened:close()
  end)

  it("serves as a data folder, with the token of the first", function()
    local host = serve(folder .. "/data")
    assert.equal(0, (host:ask("call", "Counter", "ann", "increment", "5")))
    backup(folder .. "/data", folder .. "/copy")
    assert.equal(0, (host:ask("call", "Counter", "ann", "increment", "1")))
    close(host)
    local second = serve(folder .. "/copy")
    local _, count = second:ask("call", "Counter", "ann", "increment", "1")
    assert.equal("6\n", count)
    assert.equal(0, (second:ask("inspect", "Counter", "ann")))
    close(second)
    assert.equal(0, (os.execute(("cmp -s %s/data/token %s/copy/token"):format(folder, folder)) and 0))
  end)

  it("of a host that was killed holds what its next start would find", function()
    local host = serve(folder .. "/data")
    assert.equal(0, (host:ask("call", "Counter", "ann", "increment", "5")))
    close(host)
    backup(folder .. "/data", folder .. "/copy")
    local opened = kit.open { actors = "actors", data = folder .. "/copy" }
    local state = opened:submit("state", "Counter", "ann")
    opened:run()
    assert.same({ true, { count = 5 } }, { state:answer() })
    opened:close()
  end)

  it("of a backup is the same again", function()
    local host = serve(folder .. "/data")
    assert.equal(0, (host:ask("call", "Inventory", "north", "give", '"ann"', '"arrow"', "3")))
    close(host)
    local batch = backup(folder .. "/data", folder .. "/copy")
    assert.equal(batch, backup(folder .. "/copy", folder .. "/again"))
    local _, first = program.run("verify", folder .. "/copy")
    local _, second = program.run("verify", folder .. "/again")
    assert.equal(first:match "is fine.*", second:match "is fine.*")
  end)
end)

describe("A backup is refused", function()
  local host
  setup(function()
    folder = program.folder()
    host = serve(folder .. "/data")
    host:ask("call", "Counter", "ann", "increment")
  end)
  teardown(clean_up)

  local function refused(status, complaint, ...)
    local found, output, errors = program.run(...)
    assert.same({ status, "" }, { found, output })
    assert.is_truthy(errors:find(complaint, 1, true), errors)
  end

  it("to a folder that holds something", function()
    os.execute(("mkdir %s/other && touch %s/other/notes"):format(folder, folder))
    refused(1, "it holds notes, but no FORMAT", "backup", folder .. "/data", folder .. "/other")
    assert.is_truthy(os.execute(("test \"$(ls %s/other)\" = notes"):format(folder)))
  end)

  it("to a data folder, be it the same", function()
    refused(1, "is a data folder already", "backup", folder .. "/data", folder .. "/data")
  end)

  it("to a place in the folder itself, by whatever way", function()
    os.execute(("cd %s && ln -s data link && ln -s data/log within && mkdir data/store/empty"):format(folder))
    for from, to in pairs {
      ["data"] = "data/sub", ["data/"] = "data/sub/", ["data/."] = "data/log/sub", ["link"] = "data/store/sub",
      ["data/../data"] = "link/sub", ["link/."] = "within/sub", ["link/"] = "link/store/empty",
      ["./data"] = "within/../sub",
    } do
      refused(1, "a folder is not copied into itself", "backup", folder .. "/" .. from, folder .. "/" .. to)
    end
    assert.is_truthy(os.execute(("cd %s/data && rmdir store/empty && ! find . | grep -E 'sub|empty'"):format(folder)))
    assert.equal(0, (program.run("verify", folder .. "/data")))
  end)

  it("to a folder without a parent", function()
    refused(1, "cannot make the data folder", "backup", folder .. "/data", folder .. "/not/there")
  end)

  it("of what is no data folder", function()
    refused(1, "holds no FORMAT", "backup", folder, folder .. "/copy")
    refused(1, "holds no FORMAT", "backup", folder .. "/nothing", folder .. "/copy")
  end)

  it("without its two words, with how it is meant", function()
    refused(2, "troupe backup data backups/monday", "backup", folder .. "/data")
    refused(2, "troupe backup data backups/monday", "backup", "a", "b", "c")
  end)

  it("by hosts, where it did not come to its end", function()
    backup(folder .. "/data", folder .. "/half")
    os.remove(folder .. "/half/FORMAT")
    refused(1, "but no FORMAT", "serve", "actors", "--data", folder .. "/half", "--listen", "127.0.0.1:0")
  end)
end)
