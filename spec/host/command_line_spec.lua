-- What keeps a host from starting, what it leaves as it was then, and how `call` and `inspect` speak with one that
-- runs. How mistakes in the words themselves are told, and signals: spec/host/program_spec.lua.

local lfs = require "lfs"
local files = require "spec.support.files"
local program = require "spec.support.program"
local http = require "spec.support.http"

local ACTORS = "spec/support/actors"

local function class(name)
  return ('return require("troupe.actor"):extend "%s"\n'):format(name)
end

local folder, actors, data

local function make_folders()
  folder = program.folder()
  actors, data = folder .. "/actors", folder .. "/data"
  lfs.mkdir(actors)
end

-- A start that does not come to anything: what is said of it.
local function assert_no_start(status, message, ...)
  local ended, output, complaint = program.run("serve", actors, "--data", data, "--listen", "127.0.0.1:0", ...)
  assert.same({ status, "" }, { ended, output }, complaint)
  assert.matches("^troupe: [^\n]*\n$", complaint)
  assert.matches(message, complaint)
end

describe("A host does not start", function()
  before_each(make_folders)
  after_each(function() program.remove(folder) end)

  it("without its folder of actors", function()
    lfs.rmdir(actors)
    assert_no_start(2, "/actors is neither a folder of actors nor a command")
    files.write(actors, class "A")
    assert_no_start(2, "/actors is neither a folder of actors nor a command")
    assert.is_nil(lfs.attributes(data))
  end)

  it("with no class in it", function()
    files.write(actors .. "/notes.txt", "no class")
    files.write(actors .. "/.hidden.lua", "broken")
    lfs.mkdir(actors .. "/lib")
    files.write(actors .. "/lib/money.lua", "return {}")
    assert_no_start(1, "/actors: no class in this folder")
  end)

  local broken = {
    ["a syntax error"] = { "local x = 1\nlocal y = = 2\n", "bad%.lua:2: unexpected symbol near '='" },
    ["an error while it loads"] = { "\n\nerror 'not today'\n", "bad%.lua:3: not today" },
    ["an error that is no text"] = { "error { }\n", "bad%.lua" },
    ["a module that there is not"] = { "require [[lib.none]]\n", 'bad%.lua:1: .*"lib%.none".* no lib/none%.lua' },
    ["a module that requires itself"] = { "require [[bad]]\n", 'bad%.lua:1: .*"bad" requires itself' },
    ["no class"] = { "return 5\n", "bad%.lua: returns no class" },
    ["nothing"] = { "", "bad%.lua: returns no class" },
    ["a table that is no class"] = { "return { name = 'Bad' }\n", "bad%.lua: returns no class" },
    ["the class of all actors"] = { "return require 'troupe.actor'\n", "bad%.lua" },
    ["code for a machine"] = { "\27Lua", "bad%.lua" },
    ["a loop"] = { "while true do end\n", "bad%.lua: .*more than 200 ms" },
  }
  for what, example in pairs(broken) do
    it("with a class file that holds " .. what, function()
      files.write(actors .. "/good.lua", class "Good")
      files.write(actors .. "/bad.lua", example[1])
      assert_no_start(1, example[2], "--limit-call-cpu-ms", "200")
    end)
  end

  it("with two classes of one name", function()
    files.write(actors .. "/one.lua", class "Same")
    files.write(actors .. "/two.lua", class "Same")
    assert_no_start(1, '/two%.lua: the class "Same" is defined in [^ ]*/one%.lua already')
  end)

  it("with a class file from elsewhere, or one that is no file", function()
    files.write(folder .. "/outside.lua", class "Outside")
    lfs.link(folder .. "/outside.lua", actors .. "/linked.lua", true)
    assert_no_start(1, "/linked%.lua: lies outside the folder of actors")
    os.remove(actors .. "/linked.lua")
    lfs.mkdir(actors .. ".old")
    files.write(actors .. ".old/beside.lua", class "Beside")
    lfs.link(actors .. ".old/beside.lua", actors .. "/linked.lua", true)
    assert_no_start(1, "/linked%.lua: lies outside the folder of actors")
    os.remove(actors .. "/linked.lua")
    os.execute("mkfifo " .. actors .. "/pipe.lua")
    assert_no_start(1, "/pipe%.lua: is not a regular file")
  end)

  it("on a data folder of another version, and leaves it as it was", function()
    files.write(actors .. "/a.lua", class "A")
    lfs.mkdir(data)
    files.write(data .. "/FORMAT", "troupe 99\n")
    assert_no_start(1, 'the format "troupe 99"; this host knows "troupe 3" only')
    assert.equal("troupe 99\n", files.read(data .. "/FORMAT"))
    assert.is_nil(lfs.attributes(data .. "/store"))
  end)

  it("on a data folder that is none, and puts nothing into it", function()
    files.write(actors .. "/a.lua", class "A")
    assert_no_start(1, "actors is not a data folder of Troupe: it holds a%.lua", "--data", actors)
    assert.is_nil(lfs.attributes(actors .. "/LOCK"))
    files.write(data, "a file")
    assert_no_start(1, "data: Not a directory")
    assert.equal("a file", files.read(data))
    assert_no_start(1, "No such file or directory", "--data", folder .. "/none/data")
  end)

  it("on a data folder whose store is gone, unless its first start did not come to its end", function()
    files.write(actors .. "/a.lua", class "A")
    local host = program.serve(actors, data)
    host:signal "TERM"
    assert.equal(0, host:wait())
    host:close()
    local store = data .. "/store/data.mdb"
    files.write(store, "")
    assert_no_start(1, "/store/data%.mdb is empty, and there was a store")
    os.remove(store)
    assert_no_start(1, "/store/data%.mdb is missing, and there was a store")
    assert.is_nil(lfs.attributes(store))
    os.remove(data .. "/token")
    host = program.serve(actors, data)
    host:close()
    assert.equal("file", lfs.attributes(data .. "/token", "mode"))
  end)

  it("at an address that is another machine's", function()
    files.write(actors .. "/a.lua", class "A")
    assert_no_start(1, "cannot listen on 192%.0%.2%.1:0", "--listen", "192.0.2.1:0")
    assert.is_nil(lfs.attributes(data))
  end)
end)

describe("A host that runs", function()
  local host

  before_each(function()
    make_folders()
    program.copy(ACTORS, actors)
    host = program.serve(actors, data, "--limit-call-cpu-ms", "600000")
  end)

  after_each(function()
    host:close()
    program.remove(folder)
  end)

  local function assert_answer(expected, ...)
    local status, output, complaint = host:ask(...)
    assert.same({ 0, expected .. "\n", "" }, { status, output, complaint })
  end

  local function assert_refused(expected_status, message, ...)
    local status, output, complaint = host:ask(...)
    assert.same({ expected_status, "" }, { status, output }, complaint)
    assert.matches("^troupe: " .. message, complaint)
  end

  it("says so in one line, and keeps its data from others", function()
    local address, classes, shown_data =
      host:output():match "^troupe %d+%.%d+%.%d+ listening on http://([%d.:]+), classes: (.*), data: (%S+)\n$"
    assert.same({ host.address, "Box, Child, Register, Room, Tally", data }, { address, classes, shown_data })
    for path, permissions in pairs { [data] = "rwx------", [data .. "/token"] = "rw-------" } do
      assert.equal(permissions, lfs.attributes(path, "permissions"))
    end
    assert.matches("^[%w_-]+\n$", files.read(data .. "/token"))
  end)

  it("is called, with arguments in JSON", function()
    assert_answer("1", "call", "Box", "ann", "echo", "1")
    assert_answer('[-1,"a b",null,[],{}]', "call", "Box", "ann", "echo", "-1", '"a b"', "null", " [] ", "{}")
    assert_answer("[]", "call", "Box", "ann", "echo")
    assert_answer("null", "call", "Box", "ann", "put", '"kept"')
    assert_answer('"kept"', "call", "Box", "ann", "get")
    local text = '"' .. ("x"):rep(100000) .. '"'
    assert_answer(text, "call", "Box", "ann", "echo", text)
  end)

  it("is called by keys of all kinds", function()
    for word, key in pairs {
      ann = '["ann"]', ["42"] = '["42"]', ["-5"] = '["-5"]', ["a/b c%41?d#e"] = '["a/b c%41?d#e"]', ["."] = '["."]',
      [".."] = '[".."]', [""] = '[""]', ["ä"] = '["ä"]', ['["eu",42]'] = '["eu",42]', ['["a/b"]'] = '["a/b"]',
      ["[ 1.0 ]"] = "[1]", ["{}"] = '["{}"]',
    } do
      local status, output, complaint = host:ask("call", "Box", word, "key_types")
      assert.equal(0, status, complaint)
      assert.equal("[" .. key .. ",", output:sub(1, #key + 2))
    end
  end)

  it("tells what it refuses, by code", function()
    assert_refused(1, 'class_not_found: there is no class "Nobody"\n$', "call", "Nobody", "ann", "get")
    assert_refused(1, "method_not_found: ", "call", "Box", "ann", "a/b?c")
    assert_refused(1, "insufficient: Not enough\n$", "call", "Box", "ann", "fail", '"user"')
    assert_refused(1, "internal_error: ", "call", "Box", "ann", "fail", '"string"')
    assert_refused(1, "invalid_key: .*2048", "call", "Box", ("k"):rep(5000), "get")
    assert_refused(2, "argument 1, nope, is not JSON", "call", "Box", "ann", "put", "nope")
    assert_refused(2, 'argument 2, %[1, is not JSON', "call", "Box", "ann", "put", "1", "[1")
    assert_refused(2, "the key %[ is not a tuple", "call", "Box", "[", "get")
    assert_refused(2, "the key %[%] is not a tuple", "call", "Box", "[]", "get")
    assert_refused(2, "the class has no name", "call", "", "ann", "get")
    assert_refused(1, "actor_not_found: ", "inspect", "Box", "ann")
  end)

  it("shows an actor to who has the token", function()
    assert_answer("null", "call", "Box", "ann", "put", "[1,{}]")
    assert_answer('{"shown":[1,{}]}', "inspect", "Box", "ann")
    assert_refused(1, "cannot read the operator's token", "inspect", "Box", "ann", "--data", folder)

    local function inspect_with(token)
      local line = "TROUPE_TOKEN=%s %s inspect Box ann --listen %s --data %s/none 2>&1"
      local pipe <close> = assert(io.popen(line:format(token, program.path, host.address, folder)))
      return pipe:read "a"
    end
    assert.equal('{"shown":[1,{}]}\n', inspect_with(files.read(data .. "/token"):match "%S+"))
    assert.matches("^troupe: unauthorized: ", inspect_with "wrong")
    assert.matches("^troupe: cannot read the operator's token", inspect_with "")     -- as if it were not there
  end)

  it("destroys an actor for who has the token, and says nothing", function()
    assert_answer("null", "call", "Box", "late", "put", "1")
    assert_refused(1, "cannot read the operator's token", "destroy", "Box", "late", "--data", folder)
    local status, output = host:ask("destroy", "Box", "late")
    assert.same({ 0, "" }, { status, output })
    assert_refused(1, "actor_not_found: ", "destroy", "Box", "late")
    assert_refused(1, "actor_not_found: ", "inspect", "Box", "late")
  end)

  it("is heard to the end: a full disk behind the output is an error", function()
    local line = "%s call Box ann echo 1 --listen %s 2>&1 >/dev/full"
    local pipe = assert(io.popen(line:format(program.path, host.address)))
    assert.matches("^troupe: standard output: No space left", pipe:read "a")
    assert.equal(1, select(3, pipe:close()))
  end)

  it("stops though a client is in the middle of a request, and answers the call that runs", function()
    local idle, half, busy = http.connect(host.address), http.connect(host.address), http.connect(host.address)
    idle:send(http.text("GET", "/health"))
    assert.equal(200, idle:receive().status)
    half:send("POST /actors/Box/ann/put HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[1")
    busy:send(http.text("POST", "/actors/Box/bob/wait", '["gate"]'))
    host:logged "begun gate"
    host:signal "TERM"
    assert.is_nil(idle:receive())                                   -- now the door knows that it stops
    program.open_gate(actors, "gate")
    local answer = busy:receive()
    assert.same({ 200, '{"result":1}' }, { answer.status, answer.body })
    assert.equal("close", answer.headers.connection)
    assert.equal(0, host:wait(), host:log())
    assert.is_nil(half:receive())
    for _, connection in ipairs { idle, half, busy } do connection:close() end

    host:close()
    host = program.serve(ACTORS, data)
    assert_answer("1", "call", "Box", "bob", "puts")
    assert_refused(1, "actor_not_found: ", "inspect", "Box", "ann")
  end)

  it("keeps to the limits that it was given", function()
    host:signal "TERM"
    host:wait()
    host:close()
    host = program.serve(ACTORS, data, "--limit-body-bytes", "1k", "--limit-key-bytes", "10", "--limit-depth", "3",
      "--limit-value-bytes", "100")
    local function post(key, body)
      return http.request(host.address, "POST", ("/actors/Box/%s/echo"):format(key), body)
    end
    assert.equal(200, post("12345678", '["' .. ("x"):rep(98) .. '"]').status)
    assert.equal(200, post("ann", "[[[1]]]" .. (" "):rep(1017)).status)
    for code, tried in pairs {
      payload_too_large = { "ann", "[1]" .. (" "):rep(1022) }, invalid_key = { "123456789", "[1]" },
      invalid_request = { "ann", "[[[[1]]]]" },
    } do
      assert.equal(code, post(table.unpack(tried)):json().error.code)
    end
    assert.equal("payload_too_large", post("ann", '["' .. ("x"):rep(99) .. '"]'):json().error.code)
  end)
end)
