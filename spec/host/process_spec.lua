-- What a host makes of the process that it is: streams that are closed, limits of the system.

local lfs = require "lfs"
local http = require "spec.support.http"
local program = require "spec.support.program"

local ACTORS = "spec/support/actors"

-- What an open file of a process is, or nil.
local function file_of(pid, fd)
  return lfs.symlinkattributes(("/proc/%s/fd/%s"):format(pid, fd), "target")
end

describe("A host", function()
  local folder, data, host

  before_each(function()
    folder = program.folder()
    data = folder .. "/data"
  end)

  after_each(function()
    if host then host:close() end
    host = nil
    program.remove(folder)
  end)

  it("has no file in the place of a standard stream that is closed", function()
    local line = "%s serve %s --data %s --listen 127.0.0.1:0 0<&- 1>&- 2>&- & echo $!"
    local pipe <close> = assert(io.popen(line:format(program.path, ACTORS, data)))
    local pid = pipe:read "l"
    local ok, why = pcall(program.eventually, "the store is open", function()
      for fd = 0, 255 do
        if (file_of(pid, fd) or ""):find("/store/lock.mdb", 1, true) then return true end
      end
    end)
    local streams = { file_of(pid, 0), file_of(pid, 1), file_of(pid, 2) }
    os.execute("kill -KILL " .. pid)
    assert(ok, why)
    assert.same({ "/dev/null", "/dev/null", "/dev/null" }, streams)
  end)

  it("fails calls and goes on where no file may become as large as one of the log", function()
    host = program.serve_behind("ulimit -f 1000", ACTORS, data)
    for _ = 1, 2 do
      local status, _, complaint = host:ask("call", "Register", "ann", "write", "1")
      assert.same({ 1, "storage_error" }, { status, complaint:match "^troupe: ([%a_]+)" })
    end
    host:signal "TERM"
    assert.equal(0, host:wait())
    assert.matches("error the log failed to begin a segment: File too large\n", host:log())
  end)

  it("keeps the files that its log needs, however many connect", function()
    host = program.serve_behind("ulimit -n 64", ACTORS, data)
    local first, others = http.connect(host.address), {}
    for i = 1, 80 do others[i] = http.connect(host.address) end
    host:logged "new connections wait"
    http.assert_result("null", first:send(http.text("POST", "/actors/Register/ann/write", "[1]")):receive())
    for _, other in ipairs(others) do other:close() end
    first:close()
    assert.is_nil(host:log():find " error ")
    assert.same({ 0, "1\n", "" }, { host:ask("call", "Register", "ann", "read") })
  end)

  it("takes as many connections as it may, and not as many as it was started for", function()
    host = program.serve_behind("ulimit -Sn 64", ACTORS, data)
    local connections = {}
    for i = 1, 100 do
      connections[i] = http.connect(host.address)
      assert.equal(200, connections[i]:send(http.text("GET", "/health")):receive().status)
    end
    for _, connection in ipairs(connections) do connection:close() end
    assert.is_nil(host:log():find "connections wait")
  end)

  it("is not told that a result was printed where standard output is closed", function()
    local _, _, status = os.execute(program.path .. " version >&- 2>/dev/null")
    assert.equal(1, status)
  end)
end)
