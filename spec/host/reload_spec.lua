-- Reload: classes are replaced while actors are called, and no call fails of that or notices it. With --dev, what is
-- changed in the folder of actors is there a moment later, by whatever links it is reached.
local cjson = require "cjson"
local crowd = require "spec.support.crowd"
local files = require "spec.support.files"
local hosts = require "spec.support.hosts"
local lfs = require "lfs"
local program = require "spec.support.program"
local troupe = require "troupe.test"

-- What a class of this version does. Each method that waits tells the version as it began and as it ended.
local VERSION = [[
  local VERSION = %d
  Class.state_version = VERSION
  function Class:initialize_state() return { n = 0, stopped_by = array {}, migrated = array {} } end
  function Class:migrate_state(state, from) table.insert(state.migrated, { from, VERSION }) end
  function Class:on_stop() table.insert(self.state.stopped_by, VERSION) end
  function Class:version() self.state.n = self.state.n + 1; return VERSION end
  function Class:wait(_, times)
    local began = VERSION
    for _ = 1, times or 1 do
      self.state.n = self.state.n + 1
      self:save_state()
    end
    return { began, Class.state_version, self.class.state_version, VERSION }
  end
  function Class:ask(_, key, saves)
    local began = VERSION
    if saves then
      self.state.n = self.state.n + 1
      self:save_state()
    end
    local answer = self:actor("A", key):wait()
    return { began, self.class.state_version, answer }
  end
  function Class:scan() local n = 0; for _ in self.kv:each() do n = n + 1 end return { VERSION, n } end
  function Class:fill(_, count) for i = 1, count do self.kv:put(i, i) end end
  function Class:keep(_, value) self.kept = value; return VERSION end
  function Class:kept_value() return self.kept end
  function Class:show()
    local state = self.state
    return { n = state.n, stopped_by = state.stopped_by, migrated = state.migrated }
  end
]]

local function version(number) return hosts.class("A", VERSION:format(number)) end

describe("A host that reloads", function()
  after_each(hosts.close_all)

  local function open(options)
    return hosts.open({ ["a.lua"] = version(1) }, options)
  end

  local function reload(host, number)
    files.write(host.folder .. "/a.lua", version(number))
    host:reload()
  end

  it("runs the new classes from then on, and lets actors leave the old ones first", function()
    local host = open()
    local actor = host:actor("A", "a")
    assert.equal(1, actor:version())
    assert.equal(1, host:actor("A", "idle"):version())
    reload(host, 2)
    assert.equal(2, actor:version())
    assert.same({ n = 2, stopped_by = { 1 }, migrated = { { 1, 2 } } }, actor:show())
    assert.same({ n = 1, stopped_by = { 1 }, migrated = { { 1, 2 } } }, host:actor("A", "idle"):show())
    assert.matches("info classes reloaded: A\n", host:log())
  end)

  it("lets idle actors leave the old classes, though nobody calls them", function()
    local host = open()
    for i = 1, 300 do host:start("A", i, "version") end
    host:run()
    reload(host, 2)
    host:run()
    host:crash()
    for i = 1, 300 do assert.same({ 1 }, host:actor("A", i):show().stopped_by) end
  end)

  it("ends a call in the classes in which it began; those behind it are in the new ones", function()
    local host = open()
    host:actor("A", "a"):version()
    host:hold(true)
    local waiting, behind = host:start("A", "a", "wait", 3), {}
    for i = 1, 3 do behind[i] = host:start("A", "a", "version") end
    host:run()
    reload(host, 2)
    local late = host:start("A", "a", "version")
    local other = host:start("A", "other", "version")
    host:run()
    for _, call in ipairs { waiting, behind[1], late, other } do assert.is_false(call:is_done()) end
    host:hold(false)
    assert.same({ 1, 1, 1, 1 }, waiting:get())
    for i = 1, 3 do assert.equal(2, behind[i]:get()) end
    assert.equal(2, late:get())
    assert.equal(2, other:get())
    assert.same({ n = 8, stopped_by = { 1 }, migrated = { { 1, 2 } } }, host:actor("A", "a"):show())
  end)

  it("lets an actor leave with its last call in the old classes, where none is behind that", function()
    local host = open()
    host:hold(true)
    local waiting = host:start("A", "a", "wait")
    host:run()
    reload(host, 2)
    host:start("A", "idle for longer, in the new ones", "version")
    host:run()
    host:hold(false)
    assert.same({ 1, 1, 1, 1 }, waiting:get())
    host:crash()
    assert.same({ n = 1, stopped_by = { 1 }, migrated = { { 1, 2 } } }, host:actor("A", "a"):show())
  end)

  it("ends a call that has paused in the classes in which it began", function()
    local host = open { pause_ms = 0 }
    local actor = host:actor("A", "a")
    actor:fill(300)
    local scan, other = host:start("A", "a", "scan"), host:start("A", "b", "version")
    host:step(1)
    assert.is_false(scan:is_done())
    reload(host, 2)
    local behind = host:start("A", "a", "scan")
    assert.same({ 1, 300 }, scan:get())
    assert.same({ 2, 300 }, behind:get())
    assert.equal(1, other:get())
  end)

  it("ends a chain of calls in the classes in which each of them began", function()
    local host = open { workers = 2 }
    local first, last                            -- on two workers
    for key = 1, 20 do
      if troupe.worker_of("A", key, 2) == 1 then first = key else last = key end
    end
    host:hold(true)
    local chain = host:start("A", first, "ask", last)
    host:run()
    reload(host, 2)
    local behind = { host:start("A", first, "version"), host:start("A", last, "version") }
    host:hold(false)
    assert.same({ 1, 1, { 1, 1, 1, 1 } }, chain:get())
    for _, call in ipairs(behind) do assert.equal(2, call:get()) end
    -- One that began in the old classes calls an actor that is in the new ones already.
    host:hold(true)
    chain = host:start("A", first, "ask", last, true)
    host:run()
    reload(host, 3)
    host:run()
    host:hold(false)
    assert.same({ 2, 2, { 3, 3, 3, 3 } }, chain:get())
  end)

  it("reloads again while calls wait in what it has reloaded before", function()
    local host = open()
    host:hold(true)
    local waiting = {}
    for number = 1, 5 do
      waiting[number] = host:start("A", number, "wait", 2)
      host:run()
      reload(host, number + 1)
    end
    reload(host, 7)                              -- nobody was ever in the one before
    local behind = {}
    for number = 1, 5 do behind[number] = host:start("A", number, "version") end
    host:hold(false)
    for number = 1, 5 do
      assert.same({ number, number, number, number }, waiting[number]:get())
      assert.equal(7, behind[number]:get())
      assert.same({ n = 3, stopped_by = { number }, migrated = { { number, 7 } } }, host:actor("A", number):show())
    end
  end)

  it("fails calls that waited, and nothing else, where what they saved is lost", function()
    local host = open { errors = true }
    host:actor("A", "a"):version()
    host:hold(true)
    local waiting, behind = host:start("A", "a", "wait"), host:start("A", "a", "version")
    host:run()
    reload(host, 2)
    host:fail_next "write"
    host:hold(false)
    assert.equal("storage_error", hosts.failure_of(waiting.get, waiting).code)
    assert.equal(2, behind:get())
    assert.same({ n = 2, stopped_by = {}, migrated = { { 1, 2 } } }, host:actor("A", "a"):show())
  end)

  it("serves on with the old classes where the new ones do not load, says why, and takes mended ones", function()
    local host = open { errors = true, workers = 2 }
    local actor = host:actor("A", "a")
    assert.equal(1, actor:keep "here")
    files.write(host.folder .. "/a.lua", "\nthis is no Lua at all")
    local ok, message = pcall(host.reload, host)
    assert.is_false(ok)
    local reason = message:match "^spec/host/reload_spec%.lua:%d+: (.*a%.lua:2: syntax error near 'is')$"
    local log = host:log()
    assert(log:find("error classes not reloaded, the old ones serve on: " .. reason, 1, true), log)
    assert.equal("here", actor:kept_value(), "its actors did not even leave memory")
    reload(host, 2)
    assert.equal(2, actor:version())
    assert.is_nil(actor:kept_value(), "fields of self go with the old classes")
  end)

  it("knows classes that are new, and those that are gone no more", function()
    local host = open()
    host:actor("A", "a"):version()
    files.write(host.folder .. "/b.lua", hosts.class("B", "function Class:hello() return 'b' end"))
    os.remove(host.folder .. "/a.lua")
    host:reload()
    assert.equal("b", host:actor("B", "b"):hello())
    assert.equal("class_not_found", hosts.failure_of(host:actor("A", "a").version).code)
    assert.matches("classes reloaded: B\n", host:log())
    os.remove(host.folder .. "/b.lua")
    reload(host, 1)
    assert.same({ 1 }, host:actor("A", "a"):show().stopped_by)
  end)

  it("is in all workers", function()
    local host = open { workers = 2 }
    local keys = { {}, {} }
    for key = 1, 20 do table.insert(keys[troupe.worker_of("A", key, 2)], key) end
    host:hold(true)
    local waiting = {}
    for worker = 1, 2 do waiting[worker] = host:start("A", keys[worker][1], "wait") end
    host:run()
    reload(host, 2)
    local calls = {}
    for key = 1, 20 do calls[key] = host:start("A", key, "version") end
    host:hold(false)
    for worker = 1, 2 do assert.same({ 1, 1, 1, 1 }, waiting[worker]:get()) end
    for key = 1, 20 do assert.equal(2, calls[key]:get()) end
  end)

  it("does not run a call that comes behind it in the old classes, in whatever order the steps are", function()
    local host = open()
    host:actor("A", "a"):version()
    reload(host, 2)
    local call = host:start("A", "a", "version")
    host:step(1)
    assert.is_false(call:is_done())
    assert.equal(2, call:get())
  end)

  it("gives the memory of the old classes back", function()
    local host = open { workers = 2 }
    local function reload_some(count)
      for _ = 1, count do
        for key = 1, 20 do host:start("A", key, "version") end
        host:reload()
        host:run()
      end
      return host:memory()
    end
    local few = reload_some(2)
    local many = reload_some(20)
    assert(many < few * 1.2, ("%d bytes after 2, %d after 22"):format(few, many))
  end)

  it("starts a host that has ended, with its new classes", function()
    local host = open()
    host:actor("A", "a"):version()
    host:crash()
    reload(host, 2)
    assert.is_true(host:is_open())
    assert.equal(2, host:actor("A", "a"):version())
  end)
end)

-- Actors of a mebibyte each, in a VM of 32.
describe("A host that reloads while its Lua is nearly full", function()
  after_each(hosts.close_all)

  local MIB = 1024 * 1024
  local FULL = hosts.class("Full", [[
    local MIB = 1024 * 1024
    function Class:initialize_state() return { text = ("x"):rep(MIB), stops = 0 } end
    function Class:on_stop() self.state.stops = self.state.stops + 1 end
    function Class:stops() for _ = 1, 2000 do end return self.state.stops end
    function Class:wait() self.state.waited = true; self:save_state() end
    function Class:use(_, mebibytes)
      local used = {}
      for i = 1, mebibytes do used[i] = ("x"):rep(MIB) end
      for _ = 1, 2000 do end
      return #used
    end
  ]])
  local host

  before_each(function()
    host = hosts.open({ ["full.lua"] = FULL }, { limits = { vm_bytes = 32 * MIB, call_bytes = 24 * MIB } })
  end)

  -- So many actors of the old classes stay in memory until the host is no longer held.
  local function reload_with(waiting)
    local calls = {}
    host:hold(true)
    for key = 1, waiting do calls[key] = host:start("Full", { "waiting", key }, "wait") end
    host:run()
    host:reload()
    host:run()
    return calls
  end

  local function answer(key, method, ...)
    local call = host:start("Full", key, method, ...)
    host:run()
    host:hold(false)
    return call:get()
  end

  it("fails no call for the garbage that its old classes leave", function()
    for _ = 1, 5 do
      local calls = {}
      for key = 1, 20 do calls[key] = host:start("Full", key, "stops") end
      for key = 1, 20 do calls[key]:get() end
      host:reload()
    end
    assert.equal(5, host:actor("Full", 1):stops())
  end)

  it("counts the old ones and the new ones against one limit", function()
    local waiting = reload_with(20)
    assert.equal("out_of_memory", hosts.failure_of(answer, "a", "use", 16).code)
    for _, call in ipairs(waiting) do call:get() end
    assert.equal(16, answer("a", "use", 16))
  end)

  it("leaves a quarter of it to the new ones, however much the old ones hold", function()
    reload_with(30)
    assert.equal(5, answer("a", "use", 5))
  end)

  it("lets actors of the new ones leave memory sooner, for what the old ones hold", function()
    reload_with(18)
    for key = 1, 10 do host:start("Full", key, "stops") end
    host:run()
    host:hold(false)
    assert.equal(1, host:actor("Full", 1):stops())
  end)
end)

describe("The program", function()
  local RELOADS, CLIENTS, CALLS_BETWEEN = 10, 16, 50
  local folder, host

  before_each(function()
    folder = program.folder()
    assert(lfs.mkdir(folder .. "/actors"))
    files.write(folder .. "/actors/a.lua", version(1))
  end)

  after_each(function()
    if host then host:close() end
    host = nil
    program.remove(folder)
  end)

  local function reloads() return select(2, host:log():gsub(" info classes reloaded: A\n", "")) end

  -- Calls all the time, while the classes change again and again; what each call sees is one version, and what one
  -- client sees never goes back.
  local function call_over_reloads(change)
    local asked, last, seen = 0, 1, {}
    for client = 1, CLIENTS do seen[client] = 1 end
    local function ask(client)
      asked = asked + 1
      if seen[client] > RELOADS then return nil end
      if asked >= CALLS_BETWEEN and last <= RELOADS and reloads() == last - 1 then
        asked, last = 0, last + 1
        change(last)
      end
      local line = ("POST /actors/A/%d/wait HTTP/1.1\r\nHost: %s\r\nContent-Length: 3\r\n\r\n[3]"):format(client,
        host.address)
      return { text = line }
    end
    local function hear(client, _, status, body)
      assert(status == 200, body)
      local versions = cjson.decode(body).result
      for _, other in ipairs(versions) do assert.equal(versions[1], other) end
      assert(versions[1] >= seen[client], body)
      seen[client] = versions[1]
    end
    assert.same({}, crowd.connect(host.address, CLIENTS):run(ask, hear))
    for client = 1, CLIENTS do
      local _, shown = host:ask("call", "A", client, "show")
      local migrated = cjson.decode(shown).migrated
      assert.equal(RELOADS + 1, migrated[#migrated][2])
    end
    host:signal "TERM"
    assert.equal(0, host:wait())
    assert.not_matches(" error ", host:log())
  end

  it("fails no call while SIGHUP comes again and again", function()
    host = program.serve(folder .. "/actors", folder .. "/data", "--workers", "2")
    call_over_reloads(function(number)
      files.write(folder .. "/actors/a.lua", version(number))
      host:signal "HUP"
    end)
  end)

  it("fails no call while files change, with --dev", function()
    host = program.serve(folder .. "/actors", folder .. "/data", "--workers", "2", "--dev")
    call_over_reloads(function(number)
      files.write(folder .. "/new", version(number))       -- so that nobody reads a half of it
      assert(os.rename(folder .. "/new", folder .. "/actors/a.lua"))
    end)
  end)
end)

describe("With dev, a host", function()
  after_each(hosts.close_all)

  it("runs a changed file as soon as it has looked, and the old one where the new one does not load", function()
    local host = hosts.open({ ["a.lua"] = hosts.class("A", "function Class:initialize_state() return { n = 0 } end " ..
      "function Class:step() self.state.n = self.state.n + 1; return self.state.n end") },
      { dev = true, errors = true })
    local folder = host.folder
    local actor = host:actor("A", "a")
    assert.equal(1, actor:step())
    files.write(folder .. "/a.lua", hosts.class("A",
      "function Class:step() self.state.n = self.state.n + 10; return self.state.n end " ..
      "function Class:initialize_state() return {} end"))
    assert.equal(2, actor:step())
    host:advance(0.1)
    assert.equal(12, actor:step())
    files.write(folder .. "/a.lua", "this is no Lua at all")
    host:advance(0.1)
    assert.equal(22, actor:step())
    local log = host:log()
    assert.matches("classes not reloaded.*a%.lua:1", log)
    host:advance(0.1)
    assert.not_matches("classes not reloaded", host:log(), "it has told already")
    files.write(folder .. "/b.lua", hosts.class("B", ""))
    files.write(folder .. "/a.lua", hosts.class("A", "function Class:step() return 'new' end"))
    host:advance(0.1)
    assert.equal("new", actor:step())
  end)

  local function says(what) return hosts.class("A", ("function Class:say() return %q end"):format(what)) end
  local helped = hosts.class("A", "local helper = require [[lib.helper]] function Class:say() return helper end")

  --- Lets a link lead elsewhere, in one step.
  local function lead(folder, link, to)
    lfs.link(to, folder .. "/new link", true)
    assert(os.rename(folder .. "/new link", folder .. "/" .. link))
  end

  -- Files, links (from a path to where it leads), the folder of actors, and what changes: a link or a file.
  local changes = {
    ["a file in a folder that is a link"] = {
      { ["r1/a.lua"] = says "one" }, { current = "r1" }, "current", write = "r1/a.lua",
    },
    ["the folder's own link"] = {
      { ["r1/a.lua"] = says "one", ["r2/a.lua"] = says "two" }, { current = "r1" }, "current",
      link = { "current", "r2" },
    },
    ["the same with a slash behind"] = {
      { ["r1/a.lua"] = says "one", ["r2/a.lua"] = says "two" }, { current = "r1" }, "current/",
      link = { "current", "r2" },
    },
    ["a link above the folder"] = {
      { ["r1/x/a.lua"] = says "one", ["r2/x/a.lua"] = says "two" }, { current = "r1" }, "current/x",
      link = { "current", "r2" },
    },
    ["a file behind a link"] = {
      { ["act/v1/a.source"] = says "one" }, { ["act/a.lua"] = "v1/a.source" }, "act", write = "act/v1/a.source",
    },
    ["a link to a file"] = {
      { ["act/v1/a.lua"] = says "one", ["act/v2/a.lua"] = says "two" }, { ["act/a.lua"] = "v1/a.lua" }, "act",
      link = { "act/a.lua", "v2/a.lua" },
    },
    ["a link in the way of a link"] = {
      { ["act/v1/a.lua"] = says "one", ["act/v2/a.lua"] = says "two" },
      { ["act/now"] = "v1", ["act/a.lua"] = "now/a.lua" }, "act", link = { "act/now", "v2" },
    },
    ["a link outside in the way of a link"] = {
      { ["act/v1/a.lua"] = says "one", ["act/v2/a.lua"] = says "two" },
      { now = "act/v1", ["act/a.lua"] = "../now/a.lua" }, "act", link = { "now", "act/v2" },
    },
    ["a link to a folder of modules"] = {
      { ["act/l1/helper.lua"] = "return 'one'", ["act/l2/helper.lua"] = "return 'two'", ["act/a.lua"] = helped },
      { ["act/lib"] = "l1" }, "act", link = { "act/lib", "l2" },
    },
    ["a file in a linked folder of modules"] = {
      { ["act/l1/helper.lua"] = "return 'one'", ["act/a.lua"] = helped }, { ["act/lib"] = "l1" }, "act",
      write = "act/l1/helper.lua", text = "return 'two'",
    },
  }

  for what, change in pairs(changes) do
    it("sees a change of " .. what, function()
      local folder = hosts.folder(change[1])
      for link, to in pairs(change[2]) do assert(lfs.link(to, folder .. "/" .. link, true)) end
      local host = hosts.open({}, { actors = folder .. "/" .. change[3], dev = true })
      local actor = host:actor("A", "a")
      assert.equal("one", actor:say())
      if change.link then lead(folder, table.unpack(change.link)) end
      if change.write then files.write(folder .. "/" .. change.write, change.text or says "two") end
      host:advance(0.1)
      assert.equal("two", actor:say())
    end)
  end

  it("is not led astray by links", function()
    local host = hosts.open({ ["a.lua"] = says "one", ["sub/x.lua"] = "" }, { dev = true })
    local folder = host.folder
    lfs.link(".", folder .. "/here", true)
    lfs.link("..", folder .. "/sub/up", true)
    lfs.link("self", folder .. "/self", true)
    lfs.link("nothing.lua", folder .. "/sub/none.lua", true)
    for i = 1, 60 do                         -- each of them leads to the next in two ways
      lfs.mkdir(("%s/sub/d%d"):format(folder, i))
      lfs.link(("../d%d"):format(i + 1), ("%s/sub/d%d/left"):format(folder, i), true)
      lfs.link(("../d%d"):format(i + 1), ("%s/sub/d%d/right"):format(folder, i), true)
    end
    local actor = host:actor("A", "a")
    assert.equal("one", actor:say())
    files.write(folder .. "/a.lua", says "two")
    host:advance(0.1)
    assert.equal("two", actor:say())
  end)
end)
