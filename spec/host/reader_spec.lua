-- A user who may only read a data folder can copy and check it where no host runs. Where one does, the words say which
-- file is wanted. As root the reader is another user; else nobody may write to the files.

local program = require "spec.support.program"

local IS_ROOT = io.popen("id -u"):read "n" == 0
local AS_READER = IS_ROOT and 'set -- setpriv --reuid=65534 --regid=65534 --clear-groups "$@"' or ""

describe("Who may only read a data folder", function()
  local folder, data, own, host, path

  -- Another user may not reach the place where the program was built, so that has a copy.
  before_each(function()
    folder, path = program.folder(), program.path
    data, own = folder .. "/data", folder .. "/own"
    os.execute(("chmod 755 %s && mkdir %s && cp %s %s/troupe"):format(folder, own, path, folder))
    if IS_ROOT then os.execute("chown 65534:65534 " .. own) end
    program.path = folder .. "/troupe"
    host = program.serve("actors", data)
    assert.equal(0, (host:ask("call", "Counter", "ann", "increment")))
  end)

  after_each(function()
    program.path = path
    host:close()
    os.execute(("chmod -R u+w %s"):format(folder))
    program.remove(folder)
  end)

  local function stop()
    host:signal "TERM"
    assert.equal(0, host:wait())
  end

  -- Runs the program as who may read everything, and write to nothing but what `writable` names.
  local function read_only(writable, ...)
    os.execute(("chmod -R a+rX,a-w %s"):format(data))
    for _, name in ipairs(writable) do os.execute(("chmod a+w %s/%s"):format(data, name)) end
    return program.run_behind(AS_READER, ...)
  end

  it("checks and copies it where no host runs", function()
    stop()
    local status, output, complaint = read_only({}, "verify", data)
    assert.same({ 0, "" }, { status, complaint })
    assert.matches("is fine: 1 actors", output)
    status, output, complaint = read_only({}, "backup", data, own .. "/copy")
    assert.same({ 0, "" }, { status, complaint })
    assert.matches("is a copy of .* records", output)
    if IS_ROOT then os.execute("chown -R 0:0 " .. own) end
    assert.equal(0, (program.run("verify", own .. "/copy")))
  end)

  it("does so after a kill too, with what only the log holds", function()
    host:signal "KILL"
    host:wait()
    assert.matches("is fine: 1 actors", (select(2, read_only({}, "verify", data))))
  end)

  it("hears which file is wanted where a host runs", function()
    for _, words in ipairs { { "verify", data }, { "backup", data, own .. "/copy" } } do
      local status, output, complaint = read_only({}, table.unpack(words))
      assert.same({ 1, "" }, { status, output })
      assert.matches("a host runs on " .. data .. ": .* write to " .. data .. "/store/lock.mdb", complaint)
      status, output, complaint = read_only({ "store/lock.mdb" }, table.unpack(words))
      assert.same({ 0, "" }, { status, complaint })
      assert.matches(data, output)
    end
  end)

  it("hears which file is wanted where it cannot know whether a host runs", function()
    stop()
    os.execute(("chmod 000 %s/LOCK"):format(data))
    os.execute(("chmod -R a+rX,a-w %s/FORMAT %s/store %s/log; chmod a+rx %s"):format(data, data, data, data))
    local status, _, complaint = program.run_behind(AS_READER, "verify", data)
    assert.equal(1, status)
    assert.matches("cannot read " .. data .. "/LOCK, .* nor write to " .. data .. "/store/lock.mdb", complaint)
  end)
end)
