-- A disk that is nearly full takes what makes the data no larger: deletes first of all, so that somebody can make room.

local files = require "spec.support.files"
local hosts = require "spec.support.hosts"
local http = require "spec.support.http"
local program = require "spec.support.program"
local troupe = require "troupe.test"

local MORE_THAN_ANY_DISK = 1 << 50

local SHELF = [[
function Class:initialize_state() return { count = 0, note = "short" } end
function Class:touch() self.state.count = self.state.count + 1; return self.state.count end
function Class:note(_, text) self.state.note = text end
function Class:run(_, name, ...) return self.kv[name](self.kv, ...) end
function Class:fill(_, from, to, size)
  for i = from, to do self.kv:put({ "item", i }, ("x"):rep(size), { format = "bytes" }) end
end
function Class:replace_all(_, count, size)
  self.kv:delete_all()
  self:fill(nil, 1, count, size)
end
function Class:save(_, size)
  self.kv:delete { "item", 1 }
  self:save_state()
  self.kv:put("large", ("x"):rep(size))
  self:save_state()
end
]]

describe("On a disk that is nearly full, a call", function()
  local host, ann, data

  -- Actors with some data, and then no more room than they have.
  before_each(function()
    local classes = { ["shelf.lua"] = hosts.class("Shelf", SHELF) }
    data = program.folder()
    local before = troupe.host { actors = hosts.folder(classes), data = data }
    before:actor("Shelf", "ann"):fill(1, 20, 1000)
    before:actor("Shelf", "ann"):touch()
    before:close()
    host = hosts.open(classes, { data = data, limits = { disk_free_bytes = MORE_THAN_ANY_DISK }, errors = true })
    ann = host:actor("Shelf", "ann")
  end)

  after_each(function()
    hosts.close_all()
    program.remove(data)
  end)

  local function refused(method, ...)
    local failure = hosts.failure_of(method, ann, ...)
    assert.equal("storage_error", failure.code)
    assert.matches("nearly full: .* %(%-%-limit%-disk%-free%-bytes%)", failure.message)
  end

  it("that makes the data larger is refused, and changes nothing", function()
    refused(ann.fill, 21, 21, 10)
    refused(ann.fill, 20, 20, 1001)
    refused(ann.note, ("a long note"):rep(10))
    refused(ann.run, "put", "new", 1)
    assert.same({ count = 1, note = "short" }, host:state("Shelf", "ann"))
    assert.equal(20, ann:run "count")
    local bob = host:actor("Shelf", "bob")
    assert.equal("storage_error", hosts.failure_of(bob.touch, bob).code)
    assert.is_nil(host:state("Shelf", "bob"))
    assert.matches("warn the disk is nearly full: calls that would make the data larger are refused left=%d+ kept=%d+",
      host:log())
  end)

  it("that replaces is taken, since it makes nothing larger", function()
    assert.equal(2, ann:touch())
    ann:fill(1, 20, 1000)
    ann:fill(5, 5, 10)
    ann:note "tiny"
    assert.same({ count = 2, note = "tiny" }, host:state("Shelf", "ann"))
  end)

  it("that deletes is taken, and has the room that it made", function()
    assert.is_true(ann:run("delete", { "item", 1 }))
    assert.equal(3, ann:run("delete_range", { prefix = "item", limit = 3 }))
    assert.equal(1, host:actor("Shelf", "ann", { idempotency_key = "once" }):run("delete_batch", { { "item", 5 } }))
    ann:replace_all(10, 1400)
    assert.equal(10, ann:run "count")
    refused(ann.replace_all, 20, 1400)
    assert.equal(10, ann:run "count")
    host:crash()
    assert.equal(10, ann:run "count")
    ann:run "delete_all"
    assert.equal(0, ann:run "count")
    refused(ann.fill, 1, 20, 1000)
  end)

  it("that deletes what is not there has no room by that", function()
    refused(ann.replace_all, 40, 1000)
    ann:run "delete_all"
    refused(ann.replace_all, 1, 10)
    assert.is_false(ann:run("delete", { "item", 1 }))
  end)

  it("that saves ends where that would make the data larger", function()
    refused(ann.save, 5000)
    assert.equal(19, ann:run "count")
    assert.equal(2, ann:touch())
  end)
end)

describe("A host whose disk one actor has filled", function()
  local folder, host

  before_each(function()
    folder = program.folder()
    os.execute(("mkdir %s/actors %s/disk"):format(folder, folder))
    files.write(folder .. "/actors/shelf.lua", hosts.class("Shelf", SHELF))
  end)

  after_each(function()
    if host then host:close() end
    host = nil
    program.remove(folder)
  end)

  -- Runs the rest of the command where a small disk is mounted, of which nobody else sees anything.
  local function on_disk(mebibytes)
    local mount = 'mount -t tmpfs -o size=%dm none %s/disk && exec "$@"'
    return ("set -- unshare --map-root-user --mount sh -c '%s' sh \"$@\""):format(mount:format(mebibytes, folder))
  end

  local function call(key, method, arguments)
    return http.request(host.address, "POST", ("/actors/Shelf/%s/%s"):format(key, method), arguments)
  end

  it("takes the deletes of all others, and its own, and then has room again", function()
    if program.run_behind(on_disk(8), "version") ~= 0 then return pending "no disk can be mounted here" end
    host = program.serve_behind(on_disk(96), folder .. "/actors", folder .. "/disk/data", "--workers", "1",
      "--limit-disk-free-bytes", "0")
    http.assert_result("null", call("ann", "fill", "[1,50,1000]"))
    local last = 0
    repeat
      local answer = call("glutton", "fill", ("[%d,%d,250000]"):format(last + 1, last + 4))
      last = last + (answer.status == 200 and 4 or 0)
      if answer.status ~= 200 then http.assert_refused(503, "storage_error", "nearly full", answer) end
    until answer.status ~= 200
    assert(last > 0)
    http.assert_refused(503, "storage_error", "nearly full", call("ann", "fill", "[51,51,1000]"))
    http.assert_result("20", call("ann", "run", '["delete_range",{"limit":20}]'))
    http.assert_result("30", call("ann", "run", '["count"]'))
    http.assert_result("1", call("ann", "touch"))
    http.assert_result(tostring(last), call("glutton", "run", '["delete_range",{}]'))
    program.eventually("there is room again", function() return call("ann", "fill", "[51,60,1000]").status == 200 end)
    http.assert_result("40", call("ann", "run", '["count"]'))
    host:signal "TERM"
    assert.equal(0, host:wait())
    for line in host:log():gmatch "[^\n]* error [^\n]*" do
      assert.matches("call failed .* code=storage_error", line)
    end
  end)
end)
