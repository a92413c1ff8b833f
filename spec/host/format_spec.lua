-- The format of the data folder: one that an older version has written is copied into a new one by `troupe backup`; and
-- the ids of actors, which bear their shard, are of one actor only.

local lfs = require "lfs"
local hosts = require "spec.support.hosts"
local files = require "spec.support.files"
local kit = require "spec.support.kit"
local old_folder = require "spec.support.old_folder"
local program = require "spec.support.program"
local spread = require "spec.support.spread"

local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()

local source = hosts.class("Mixed", [[
  Class.state_version = 2
  function Class:initialize_state(input)
    if input == "fail" then error(UserError "not made") end
    return { n = 0, input = input, list = array {}, deep = { text = ("t"):rep(400) } }
  end
  function Class:add(_, by)
    self.state.n = self.state.n + by
    self.state.list[#self.state.list + 1] = { by = by, friend = self:actor("Mixed", "friend " .. by) }
    return self.state.n
  end
  function Class:cut() self.state.deep = nil; return table.remove(self.state.list) end
  function Class:put(_, key, value) self.kv:put(key, value) end
  function Class:raw(_, key, value) self.kv:put(key, value, { format = "bytes" }) end
  function Class:remove(_, key) self.kv:delete(key) end
  function Class:clear(_, from, to) self.kv:delete_range { start = from, stop = to } end
  function Class:get() return self.state.n end
]])

local function any(list) return list[math.random(#list)] end

-- What a random call is: its method and its arguments.
local function random_call()
  local n = math.random(9)
  local key = any { "k" .. n, { "t", n, true }, { "long", ("l"):rep(900), n }, n + 0.5 }
  return table.unpack(any {
    { "add", n }, { "add", n * 10 }, { "cut" }, { "put", key, { a = n, b = { ("x"):rep(n * 40) } } },
    { "raw", key, "\0\1" }, { "remove", key }, { "clear", "k3", "k6" },
  })
end

-- A host that the spec closes itself, with close().
local function open(data, workers)
  return hosts.open({ ["mixed.lua"] = source }, { data = data, workers = workers, errors = true })
end

local function close(host)
  assert.is_nil(host:log():find " error ")
  host:close()
end

describe("A folder of format 2", function()
  local folder, keys, host

  before_each(function()
    math.randomseed(SEED)
    folder = hosts.folder {}
    keys = { "ann", { "eu", 42 }, ("n"):rep(700), 7 }
    for i = 1, 30 do keys[#keys + 1] = "actor " .. i end
    host = hosts.open({ ["mixed.lua"] = source }, { data = folder .. "/data", workers = 2 })
  end)
  after_each(hosts.close_all)

  -- Makes actors of all kinds, each with an idempotency key, and leaves the folder `old` as an older version would
  -- have written it. What they hold, by the place of their keys in the list; and the answers under the keys.
  local function make_old()
    for _ = 1, 400 do
      local key = any(keys)
      local actor = host:actor("Mixed", key, { input = { "of", key } })
      local call = table.pack(random_call())
      actor[call[1]](actor, table.unpack(call, 2, call.n))
    end
    local held, answers = {}, {}
    for i, key in ipairs(keys) do
      answers[i] = host:actor("Mixed", key, { idempotency_key = "order" }):add(i)
      held[i] = { host:state("Mixed", key), host:kv("Mixed", key) }
    end
    old_folder.make(folder .. "/data", folder .. "/old")
    return held, answers
  end

  local function upgrade(to)
    local status, output, errors = program.run("backup", folder .. "/old", folder .. "/" .. to)
    assert.same({ 0, "" }, { status, errors })
    assert.matches("/" .. to .. " is a copy of .*/old in the format of this version: %d+ records, up to batch %d+\n$",
      output)
  end

  it("is copied by backup, and all actors are what they were", function()
    local held, answers = make_old()
    upgrade "new"
    assert.equal("troupe 3\n", files.read(folder .. "/new/FORMAT"))
    assert.equal(files.read(folder .. "/data/token"), files.read(folder .. "/new/token"))
    assert.same({ 0, "", #keys }, { kit.verify(folder .. "/new") })
    local new = hosts.open({ ["mixed.lua"] = source }, { data = folder .. "/new", workers = 3 })
    for i, key in ipairs(keys) do
      assert.same(held[i], { new:state("Mixed", key), new:kv("Mixed", key) })
      assert.equal(answers[i], new:actor("Mixed", key, { idempotency_key = "order" }):add(i))
      assert.equal(answers[i], new:actor("Mixed", key):get(), "the repeat has not run")
    end
  end)

  it("goes on as a folder of this version: old actors and new ones, over crashes and another backup", function()
    local _, answers = make_old()
    upgrade "new"
    local new = open(folder .. "/new", 1)
    for _ = 1, 2 do
      for i, key in ipairs(keys) do
        answers[i] = answers[i] + 1
        assert.equal(answers[i], new:actor("Mixed", key):add(1))
        local fellow = spread.fellows("Mixed", key, "fellow of " .. i .. " ")()
        assert.equal(0, new:actor("Mixed", fellow):get())
      end
      new:crash()
    end
    close(new)
    assert.same({ 0, "", 2 * #keys }, { kit.verify(folder .. "/new") })
    assert.is_truthy(kit.backup(folder .. "/new", folder .. "/again"))
    assert.same({ 0, "", 2 * #keys }, { kit.verify(folder .. "/again") })
  end)

  it("is refused by serve and verify, which name the command, and left as it is", function()
    make_old()
    local data = folder .. "/old"
    local words = ('has the format "troupe 2" of an older version, and this one keeps "troupe 3": ' ..
      "`troupe backup %s NEW`"):format(data)
    for _, line in ipairs { { "serve", "actors", "--data", data, "--listen", "127.0.0.1:0" }, { "verify", data } } do
      local status, output, errors = program.run(table.unpack(line))
      assert.same({ 1, "" }, { status, output })
      assert.is_truthy(errors:find(words, 1, true), errors)
    end
    local message = select(2, kit.verify(data))
    assert.is_truthy(message:find(words, 1, true), message)
    assert.equal("troupe 2\n", files.read(data .. "/FORMAT"))
    upgrade "new"
  end)

  it("whose log is damaged is not copied", function()
    make_old()
    local path = folder .. "/old/log/0000000000000001"
    local content = files.read(path)
    files.write(path, content:sub(1, 100) .. string.char(content:byte(101) ~ 1) .. content:sub(102))
    local status, _, errors = program.run("backup", folder .. "/old", folder .. "/new")
    assert.equal(1, status)
    assert.matches("the log is damaged", errors)
    assert.is_nil(lfs.attributes(folder .. "/new/FORMAT"))
  end)
end)

describe("The id of an actor", function()
  after_each(hosts.close_all)

  -- Each actor answers with what it was made with, so that two under one id would be seen.
  local function check(host, names)
    for _, name in ipairs(names) do assert.equal(name, host:state("Mixed", name).input) end
  end

  it("is its own, over crashes, failed calls, checkpoints and other numbers of workers", function()
    local data = hosts.folder {} .. "/data"
    local names, first, second = {}, spread.fellows("Mixed", "ann", "a"), spread.fellows("Mixed", "bob", "b")
    local function make(host)
      for _, name in ipairs { first(), second() } do
        host:actor("Mixed", name, { input = name }):add(1)
        names[#names + 1] = name
      end
    end
    for life, workers in ipairs { 1, 3, 2, 1, 16, 3 } do
      local host = open(data, workers)
      make(host)
      local failing = host:actor("Mixed", first(), { input = "fail" })
      assert.equal("not made", hosts.failure_of(failing.get, failing).message)
      make(host)
      if life % 2 == 0 then host:checkpoint() end
      make(host)
      host:crash()
      make(host)
      check(host, names)
      close(host)
      assert.same({ 0, "", #names }, { kit.verify(data) })
    end
  end)
end)
