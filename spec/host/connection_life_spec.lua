-- A connection joins with a commit, and what is left to be done at its end is done once, whatever fails in between.
local hosts = require "spec.support.hosts"
local kit = require "spec.support.kit"
local lobby = require "spec.support.lobby"
local spread = require "spec.support.spread"

local join, heard = lobby.join, lobby.heard

--- Those who have gone, in the order of their names: the kit tells of several ends at a time in an order of its own.
local function went(host, key)
  local names = host:state("Lobby", key or "a").went
  table.sort(names)
  return names
end

--- How many entries the store has when everything is in it.
local function entries(host)
  host:checkpoint()
  return host:entries()
end

describe("A connection", function()
  after_each(hosts.close_all)

  it("joins with its commit, and is seen from then on", function()
    local host = lobby.open()
    local ann = join(host, "ann")
    host:hold(true)
    local opening, bob = host:start_connect("Lobby", "a", { params = { name = "bob" } })
    local names = host:start("Lobby", "a", "names")
    host:run()
    assert.is_false(opening:is_done())
    assert.is_false(names:is_done())
    assert.same({ {}, { "welcome ann" } }, { bob:events(), heard(ann) })
    host:hold(false)
    assert.same({ "ann", "bob" }, names:get())
    assert.same({ "welcome bob" }, heard(bob))
    assert.same({ "came bob" }, heard(ann))
  end)

  it("that is refused leaves nothing", function()
    local host = lobby.open()
    assert.equal("unauthorized", hosts.code_of(host.connect, host, "Lobby", "a", { params = { refuse = true } }))
    assert.is_nil(host:state("Lobby", "a"))
    local ann = join(host, "ann")
    assert.equal("unauthorized", hosts.code_of(host.connect, host, "Lobby", "a", { params = { refuse = true } }))
    assert.same({ "ann" }, ann:call "names")
    assert.same({ "ann" }, host:state("Lobby", "a").came)
  end)

  it("whose on_connect fails leaves nothing", function()
    local host = lobby.open { errors = true }
    local ann = join(host, "ann")
    assert.equal("internal_error", hosts.code_of(host.connect, host, "Lobby", "a", { params = { name = "failing" } }))
    assert.same({ { "ann" }, { "welcome ann" } }, { ann:call "names", heard(ann) })
  end)

  it("to an actor that does not exist makes it, or does not if it must not", function()
    local host = lobby.open()
    assert.equal("actor_not_found", hosts.code_of(host.connect, host, "Lobby", "a", { create = false }))
    join(host, "ann")
    assert.same({ "ann" }, host:state("Lobby", "a").came)
  end)

  for _, workers in ipairs { 1, 2 } do
    it(("whose connect fails with its epoch is not there: %d workers"):format(workers), function()
      local host = lobby.open { errors = true, workers = workers }
      local key = spread.keys(workers, "Lobby", "k")
      local first, second = key(), key()
      local other, ann = join(host, "other", second), join(host, "ann", first)
      host:hold(true)
      local opening, bob = host:start_connect("Lobby", first, { params = { name = "bob" } })
      local names = host:start("Lobby", first, "names")
      host:run()
      host:fail_next "write"
      host:hold(false)
      assert.equal("storage_error", hosts.code_of(opening.get, opening))
      assert.equal("storage_error", hosts.code_of(names.get, names))
      assert.same({ 4503, "storage_error" }, { bob:closed() })
      assert.same({ "welcome ann" }, heard(ann))
      assert.same({ { "ann" }, { "other" } }, { ann:call "names", other:call "names" })
      assert.same({ "ann", "carl" }, join(host, "carl", first):call "names")
      assert.same({}, host:state("Lobby", first).went)
    end)
  end

  it("passes the gate without a commit of its own where nothing changes", function()
    local plain = hosts.class("Plain", [[ function Class:count() return #self.connections end ]])
    local host = hosts.open({ ["plain.lua"] = plain }, { errors = true })
    host:connect("Plain", "a")
    local commits = host:stats().commits
    local second = host:connect("Plain", "a")
    assert.same({ commits, 2 }, { host:stats().commits, second:call "count" })
  end)

  it("that opens behind what is not durable yet fails with it", function()
    local host = hosts.open({ ["plain.lua"] = hosts.class("Plain", [[
      function Class:count() return #self.connections end
      function Class:put() self.kv:put(1, 1) end
    ]]) }, { errors = true })
    host:connect("Plain", "a")
    host:hold(true)
    local put = host:start("Plain", "a", "put")
    local opening = host:start_connect("Plain", "a")
    local count = host:start("Plain", "a", "count")
    host:run()
    assert.is_false(opening:is_done())
    host:fail_next "write"
    host:hold(false)
    for _, call in ipairs { put, opening, count } do assert.equal("storage_error", hosts.code_of(call.get, call)) end
    assert.equal(1, host:actor("Plain", "a"):count())
  end)

  it("takes along, if it fails, a turn that waits and has seen it", function()
    local host = hosts.open({ ["plain.lua"] = hosts.class("Plain", [[
      function Class:put() self.kv:put(1, 1) end
      function Class:look() return self.kv:get(1) end
      function Class:watch()
        local before = #self.connections
        self:actor("Plain", "slow"):look()
        return { before, #self.connections }
      end
    ]]) }, { errors = true, batch_commits = 2, turns_a_step = 5 })
    host:connect("Plain", "a")
    host:actor("Plain", "slow"):put()
    host:hold(true)
    local first, put = host:start("Plain", "first", "put"), host:start("Plain", "a", "put")
    local opening, last = host:start_connect("Plain", "a"), host:start("Plain", "last", "put")
    local watch = host:start("Plain", "a", "watch")
    host:step(1)                                             -- all of these; and now the last one waits
    assert.equal("Plain", host:calls()[1].class)
    host:step "committer"                                    -- the two that were first are durable
    host:fail_next "write"
    host:hold(false)
    assert.same({ nil, nil }, { first:get(), put:get() })
    for _, call in ipairs { opening, last, watch } do assert.equal("storage_error", hosts.code_of(call.get, call)) end
    assert.same({ 1, 1 }, host:actor("Plain", "a"):watch())
  end)

  it("stays while its actor sleeps, with its state, and in its place", function()
    local host = lobby.open()
    local connections = { join(host, "ann"), join(host, "bob"), join(host, "carl") }
    connections[2]:call("rename", "bert")
    host:sleep("Lobby", "a")
    assert.same({ "ann", "bert", "carl" }, connections[3]:call "names")
    host:advance(120)
    connections[1]:close()
    assert.same({ "bert", "carl" }, connections[2]:call "names")
    assert.equal(3, host:state("Lobby", "a").starts)
  end)

  it("stays when the classes are loaded anew, and hears the new ones", function()
    local host = lobby.open()
    local ann = join(host, "ann")
    local said = lobby.source:gsub('broadcast%("said", text%)', 'broadcast("said", text .. "!")')
    require("spec.support.files").write(host.folder .. "/lobby.lua", said)
    host:reload()
    ann:call("say", "hi")
    assert.same({ "welcome ann", "said hi!" }, heard(ann))
    assert.same({ "ann" }, ann:call "names")
  end)

  it("is gone with the host, and its state with the next connection", function()
    local host = lobby.open()
    join(host, "ann")
    join(host, "bob")
    local before = entries(host)
    host:crash()
    assert.same({}, host:actor("Lobby", "a"):names())
    assert.equal(before, entries(host))
    local carl = join(host, "carl")
    assert.same({ { "carl" }, {} }, { carl:call "names", host:state("Lobby", "a").went })
    assert.equal(before - 1, entries(host))
  end)

  it("whose actor has been destroyed and made again belongs to the one that was", function()
    local host = lobby.open()
    local ann = join(host, "ann")
    host:actor("Lobby", "a"):finish()
    assert.same({ 4001, "destroyed" }, { ann:closed() })
    assert.same({ "welcome ann", "finished nil" }, heard(ann))
    local bob = join(host, "bob")
    local state = host:state("Lobby", "a")
    assert.same({ { "bob" }, { "bob" }, {} }, { bob:call "names", state.came, state.went })
  end)

  it("ends with an actor that an operator destroys", function()
    local host = lobby.open()
    local ann, bob = join(host, "ann"), join(host, "bob")
    bob:start_close()
    host:destroy("Lobby", "a")
    host:advance(2)
    assert.same({ 4001, "destroyed" }, { ann:closed() })
    assert.same({ { 1000, "" }, {} }, { { bob:closed() }, host:actor("Lobby", "a"):names() })
    assert.same({}, host:state("Lobby", "a").went)
  end)

  it("does not end with an actor whose end fails", function()
    local host = lobby.open { errors = true }
    local ann, bob = join(host, "ann"), join(host, "bob")
    host:hold(true)
    local finish = host:start("Lobby", "a", "finish")
    local late = bob:start "add"
    host:run()
    bob:start_close()
    host:run()
    host:fail_next "write"
    host:hold(false)
    assert.equal("storage_error", hosts.code_of(finish.get, finish))
    assert.is_true(late:is_done())
    assert.is_nil(ann:closed())
    host:run()
    assert.same({ { "ann" }, { "bob" } }, { ann:call "names", host:state("Lobby", "a").went })
    assert.same({ "welcome ann", "came bob", "went bob" }, heard(ann))
    assert.equal(0, host:state("Lobby", "a").count)
  end)

  it("does not begin calls once it has ended, and makes no actor by them", function()
    local host = lobby.open()
    local ann, bob = join(host, "ann"), join(host, "bob")
    host:hold(true)
    local busy = host:start("Lobby", "a", "save")
    bob:start "add"
    ann:start("kick", "bob")
    bob:start "add"
    host:run()
    host:hold(false)
    busy:get()
    host:run()
    assert.equal(2, host:state("Lobby", "a").count)
    assert.same({ 4000, "kicked" }, { bob:closed() })
    ann:start "finish"
    ann:start "add"
    host:run()
    assert.is_nil(host:state("Lobby", "a"))
  end)

  it("that was disconnected in vain goes on", function()
    local host = lobby.open { errors = true }
    local ann, bob = join(host, "ann"), join(host, "bob")
    host:hold(true)
    ann:start "add"
    local kick = ann:start("kick", "bob")
    local names = ann:start "names"
    local late = bob:start "add"
    host:run()
    host:fail_next "write"
    host:hold(false)
    assert.equal("storage_error", hosts.code_of(kick.get, kick))
    assert.equal("storage_error", hosts.code_of(names.get, names))
    assert.equal("storage_error", hosts.code_of(late.get, late))
    assert.is_nil(bob:closed())
    assert.same({ "ann", "bob" }, bob:call "names")
    assert.equal(1, bob:call "add")
  end)

  it("is told why, where it is disconnected as it opens", function()
    local host = lobby.open()
    local ann = join(host, "ann")
    local unwanted = host:connect("Lobby", "a", { params = { name = "unwanted" } })
    assert.same({ 4000, "unwanted" }, { unwanted:closed() })
    assert.same({ "welcome unwanted" }, heard(unwanted))
    assert.same({ { "ann" }, { "unwanted" } }, { ann:call "names", host:state("Lobby", "a").went })
  end)

  it("stays in the hands of a turn that waits while it ends", function()
    local host = lobby.open()
    local ann, bob = join(host, "ann"), join(host, "bob")
    host:hold(true)
    local saved = ann:start "save"
    host:run()
    bob:start_close()
    host:run()
    host:hold(false)
    assert.same({ "ann", "bob" }, saved:get())
    host:run()
    assert.same({ { "ann" }, { "bob" } }, { ann:call "names", host:state("Lobby", "a").went })
  end)

  it("of a turn that waits for what fails may end meanwhile", function()
    local host = lobby.open { errors = true }
    local ann, bob = join(host, "ann"), join(host, "bob")
    host:hold(true)
    ann:start "save"
    host:run()
    ann:start_close()
    bob:start_close()
    host:run()
    host:fail_next "write"
    host:hold(false)
    host:run()
    host:advance(1)
    assert.same({ "ann", "bob" }, went(host))
    assert.same({}, host:actor("Lobby", "a"):names())
  end)

  it("is told of to an operator while it opens, calls or has ended", function()
    local host = lobby.open()
    local ann, saving = join(host, "ann"), join(host, "saving", "b")
    host:hold(true)
    ann:start "save"
    host:start("Lobby", "other", "save")
    host:run()
    host:start_connect("Lobby", "a", { params = { name = "bob" } })
    ann:start "get"
    saving:start_close()
    host:run()
    local told = {}
    for _, call in ipairs(host:calls()) do told[#told + 1] = ("%s %s %s"):format(call.key, call.method, call.waits) end
    table.sort(told)
    assert.same({ "a get mailbox", "a on_connect mailbox", "a save save", "b on_disconnect answer", "other add mailbox",
                  "other save save" }, told)
    for _, call in ipairs(host:calls()) do
      assert.equal(call.method == "add" and "b" or nil, call.caller and call.caller.key)
    end
    host:hold(false)
  end)

  it("leaves a folder that makes sense", function()
    local data = hosts.folder {} .. "/data"
    local host = lobby.open { data = data }
    join(host, "ann")
    join(host, "bob"):close()
    host:checkpoint()
    host:stop()
    assert.same({ 0, "", 1 }, { kit.verify(data) })
  end)
end)

describe("What is left of a connection", function()
  after_each(hosts.close_all)

  for failures = 0, 3 do
    it(("is done once, after %d epochs that fail"):format(failures), function()
      local host = lobby.open { errors = failures > 0 }
      local ann, bob = join(host, "ann"), join(host, "bob")
      local before = entries(host)
      host:hold(true)
      bob:close()
      for _ = 1, failures do
        host:fail_next "write"
        host:step "committer"
        host:run()
        host:advance(1)
      end
      assert.same({ "welcome ann", "came bob" }, heard(ann))
      host:hold(false)
      host:run()
      host:advance(2)
      assert.same({ { "bob" }, { "went bob" } }, { host:state("Lobby", "a").went, heard(ann) })
      assert.equal(before - 1, entries(host))
    end)
  end

  it("wakes an actor whose class wants to hear of it", function()
    local host = lobby.open()
    local ann = join(host, "ann")
    host:sleep("Lobby", "a")
    ann:close()
    assert.same({ "ann" }, host:state("Lobby", "a").went)
  end)

  it("wakes nobody where the class does not, and its record goes", function()
    local host = lobby.open(nil, lobby.source_without_hook)
    local ann, bob = join(host, "ann"), join(host, "bob")
    host:sleep("Lobby", "a")
    local before = entries(host)
    ann:close()
    bob:close()
    assert.equal(before - 2, entries(host))
    assert.equal(2, host:state("Lobby", "a").starts)         -- it was created, and woke for this look
  end)

  it("is nothing where there is neither a hook nor a state", function()
    local host = lobby.open(nil, lobby.source_without_hook)
    local nobody = host:connect("Lobby", "a")
    local commits = host:stats().commits
    nobody:close()
    host:advance(1)
    assert.equal(commits, host:stats().commits)
  end)

  for _, name in ipairs { "crying", "asking" } do
    it("goes with its record where the hook fails, and the log says how: " .. name, function()
      local host = lobby.open { errors = true }
      local ann, failing = join(host, "ann"), join(host, name)
      local before = entries(host)
      failing:close()
      host:advance(5)
      assert.same({}, host:state("Lobby", "a").went)
      local log = host:log()
      assert.equal(1, select(2, log:gsub("method=on_disconnect", "")))
      assert.same({ "welcome ann", "came " .. name }, heard(ann))
      assert.equal(before - 1, entries(host))
    end)
  end

  it("goes with its record where the hook fails and then its epoch does", function()
    local host = lobby.open { errors = true }
    local crying = join(host, "crying")
    join(host, "ann")
    local before = entries(host)
    host:hold(true)
    crying:close()
    host:fail_next "write"
    host:step "committer"
    host:hold(false)
    host:run()
    host:advance(1)
    assert.equal(1, select(2, host:log():gsub("method=on_disconnect", "")))
    assert.equal(before - 1, entries(host))
  end)

  it("waits for another actor, and survives when that fails", function()
    local host = lobby.open { errors = true }
    local saving = join(host, "saving")
    join(host, "ann")
    saving:start_close()
    host:fail_next "write"
    host:run()
    host:advance(1)
    assert.same({ "saving" }, host:state("Lobby", "a").went)
    assert.equal(1, host:state("Lobby", "other").count)
  end)

  it("is nothing after the end of its actor", function()
    local host = lobby.open()
    local ann = join(host, "ann")
    host:hold(true)
    host:start("Lobby", "a", "finish")
    ann:start_close()
    host:run()
    local add = host:start("Lobby", "a", "add")
    host:run()
    host:hold(false)
    add:get()
    host:advance(2)
    assert.same({ came = {}, went = {}, count = 1, starts = 1 }, host:state("Lobby", "a"))
  end)

  it("is that of the classes that serve by then", function()
    local write = require("spec.support.files").write
    local host = lobby.open()
    local ann, bob = join(host, "ann"), join(host, "bob")
    write(host.folder .. "/lobby.lua", lobby.source_without_hook)
    host:reload()
    local before = entries(host)
    ann:close()
    assert.equal(before - 1, entries(host))
    write(host.folder .. "/lobby.lua", lobby.source)
    host:reload()
    bob:close()
    assert.same({ "bob" }, host:state("Lobby", "a").went)
  end)

  it("goes with its record where the class is gone", function()
    local host = lobby.open { errors = true }
    local ann = join(host, "ann")
    local before = entries(host)
    require("spec.support.files").write(host.folder .. "/other.lua", hosts.class("Other", ""))
    os.rename(host.folder .. "/lobby.lua", host.folder .. "/lobby.txt")
    host:reload()
    ann:close()
    host:advance(1)
    assert.equal(before - 1, entries(host))
  end)

  it("is not begun while the host stops", function()
    local host = lobby.open()
    local ann = join(host, "ann")
    ann:start_close()
    host:step "door"
    host:stop()
    assert.same({}, host:state("Lobby", "a").went)
    assert.same({}, host:actor("Lobby", "a"):names())
  end)

  it("is done with the worker of each actor, in any order", function()
    local host = lobby.open { workers = 2 }
    local key = spread.keys(2, "Lobby", "k")
    local keys, connections = {}, {}
    for i = 1, 4 do
      keys[i] = key()
      for j = 1, 3 do table.insert(connections, join(host, ("%d"):format(j), keys[i])) end
    end
    for i, connection in ipairs(connections) do
      if i % 3 ~= 2 then connection:start_close() end
    end
    host:run()
    for i = 1, 4 do
      assert.same({ "1", "3" }, went(host, keys[i]))
      assert.same({ "2" }, connections[3 * i - 1]:call "names")
    end
  end)

  it("is done where answers leave before the sync", function()
    local host = lobby.open { durability = "relaxed" }
    local ann, bob = join(host, "ann"), join(host, "bob")
    assert.equal(1, bob:call "add")
    bob:close()
    assert.same({ "ann" }, ann:call "names")
    host:advance(1)
    assert.same({ "bob" }, host:state("Lobby", "a").went)
    assert.same({ "welcome ann", "came bob", "count 1", "went bob" }, heard(ann))
  end)
end)
