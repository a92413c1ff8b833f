-- The program as people run it: its command line, its first and last lines, its signals.

local lfs = require "lfs"
local files = require "spec.support.files"
local program = require "spec.support.program"
local spread = require "spec.support.spread"

local SLOW = [[
local Actor = require "troupe.actor"
local Slow = Actor:extend "Slow"
function Slow:initialize_state() return { done = 0 } end
function Slow:work()
  self.state.done = self.state.done + 1
  return self.state.done
end
function Slow:wait(_, gate)
  print("begun " .. gate)
  while not pcall(require, "lib." .. gate) do end
  return self:work()
end
return Slow
]]

describe("The command line", function()
  local mistakes = {
    { "no flag is called %-%-lisen; did you mean %-%-listen%?", "--lisen", "x" },
    { "no flag is called %-%-zzz", "--zzz" },
    { "did you mean %-%-limit%-call%-cpu%-ms", "--limit-call-cpu", "5" },
    { "%-%-workers wants a value", "--workers" },
    { "%-%-workers must be between 1 and 1024, not 0", "--workers", "0" },
    { "%-%-workers wants a whole number, not 2k", "--workers=2k" },
    { "it takes no value", "--dev=1" },
    { "between 1 and 2048, not 4k", "--limit-key-bytes", "4k" },
    { "between 1 and 1073741824, not 2g", "--limit-commit-bytes", "2g" },
    { "between 0 and 1125899906842624, not 2000000g", "--limit-disk-free-bytes", "2000000g" },
    { "between 1 and %d+, not 0", "--limit-idle-ms", "0" },
    { "wants a whole number, of bytes", "--limit-vm-bytes", "18446744073709551615g" },
    { "wants a whole number", "--limit-depth", "-1" },
    { '"nowhere" is not an address; expected HOST:PORT', "--listen", "nowhere" },
    { '"127%.0%.0%.1:" is not an address', "serve", "actors", "--listen", "127.0.0.1:" },
    { '"127%.0%.0%.1:99999" is not an address', "call", "Counter", "ann", "get", "--listen", "127.0.0.1:99999" },
    { "%-%-data wants a folder", "serve", "actors", "--data=" },
    { "hlep is neither a command nor a folder; did you mean help%?", "hlep" },
    { "did you mean call%?", "cal", "Counter", "ann", "get" },
    { "nowhere is neither a folder of actors nor a command", "nowhere" },
    { "b is one too many", "actors", "b" },
    { "call wants CLASS KEY METHOD", "call", "Counter" },
    { "inspect wants CLASS KEY", "inspect", "Counter" },
    { "destroy wants CLASS KEY", "destroy", "Counter" },
    { "argument 2, hello, is not JSON %(a string wants its quotes: '\"hello\"'%)",
      "call", "C", "k", "m", "1", "hello" },
    { "the key %[1, is not a tuple in JSON", "call", "C", "[1,", "m" },
  }
  for number, mistake in ipairs(mistakes) do
    it("tells what is wrong, " .. number, function()
      local status, output, complaint = program.run(table.unpack(mistake, 2))
      assert.equal(2, status)
      assert.equal("", output)
      assert.matches("^troupe: [^\n]*" .. mistake[1], complaint)
    end)
  end

  it("shows its version", function()
    local status, output = program.run "version"
    assert.equal(0, status)
    assert.matches("^troupe %d+%.%d+%.%d+\n$", output)
  end)

  it("shows each flag in its help", function()
    local status, output = program.run "help"
    assert.equal(0, status)
    for _, flag in ipairs { "data", "listen", "workers", "doors", "dev", "limit-key-bytes", "limit-idle-ms" } do
      assert.matches("%-%-" .. flag:gsub("%-", "%%-"), output)
    end
  end)

  it("tells that nobody listens", function()
    local status, _, complaint = program.run("call", "Counter", "ann", "get", "--listen", "127.0.0.1:1")
    assert.equal(1, status)
    assert.matches("127.0.0.1:1", complaint)
  end)
end)

describe("A host as a program", function()
  local data, actors, hosts

  before_each(function()
    data, actors, hosts = program.folder(), program.folder(), {}
    assert(lfs.mkdir(actors .. "/lib"))
    files.write(actors .. "/slow.lua", SLOW)
  end)

  after_each(function()
    for _, host in ipairs(hosts) do
      host:close()
    end
    program.remove(data)
    program.remove(actors)
  end)

  local function serve(...)
    local host = program.serve(actors, data .. "/d", ...)
    table.insert(hosts, host)
    return host
  end

  it("says where it is, answers, and finishes what is running when it is told to stop", function()
    local host = serve("--workers", "2", "--doors", "2", "--limit-call-cpu-ms", "600000")
    assert.matches("^troupe %S+ listening on http://127%.0%.0%.1:%d+, classes: Slow, data: %S+\n$", host:output())
    local status, output = host:ask("call", "Slow", "ann", "work")
    assert.same({ 0, "1\n" }, { status, output })
    local _, shown = host:ask("inspect", "Slow", "ann")
    assert.equal('{"done":1}\n', shown)

    local keys = { "ann", "tom" }
    spread.check(2, "Slow", keys)
    for _, key in ipairs(keys) do
      os.execute(([[%s call Slow %s wait '"%s"' --listen %s >%s/%s 2>&1 &]]):format(program.path, key, key,
        host.address, host.folder, key))
    end
    for _, key in ipairs(keys) do host:logged("begun " .. key) end
    host:signal "TERM"
    host:logged "stopping signal=SIGTERM"
    for _, key in ipairs(keys) do program.open_gate(actors, key) end
    assert.equal(0, host:wait())
    assert.matches("info stopped commits=%d+ syncs=%d+\n$", host:log())
    local again = serve()
    for key, done in pairs { ann = 2, tom = 1 } do
      assert.equal(('{"done":%d}\n'):format(done), select(2, again:ask("inspect", "Slow", key)))
      assert.equal(done .. "\n", program.eventually("the answer of " .. key, function()
        return files.read(host.folder .. "/" .. key)
      end))
    end
  end)

  it("ends at once at the second signal", function()
    local host = serve("--limit-call-cpu-ms", "600000")
    os.execute(([[%s call Slow ann wait '"gate"' --listen %s >%s/answer 2>&1 &]]):format(program.path, host.address,
      host.folder))
    host:logged "begun"
    host:signal "INT"
    host:logged "stopping signal=SIGINT"
    host:signal "INT"
    assert.equal(1, host:wait())
  end)

  it("loses nothing that it has answered when it is killed", function()
    local host = serve()
    assert.equal("1\n", select(2, host:ask("call", "Slow", "ann", "work")))
    host:signal "KILL"
    assert.equal(137, host:wait())
    assert.equal("2\n", select(2, serve():ask("call", "Slow", "ann", "work")))
  end)

  it("is alone on its port and its folder", function()
    local host = serve()
    local status, _, complaint = program.run(actors, "--data", data .. "/e", "--listen", host.address)
    assert.equal(1, status)
    assert.matches("^troupe: [^\n]*" .. host.address, complaint)
    assert.is_nil(io.open(data .. "/e"))

    status, _, complaint = program.run(actors, "--data", data .. "/d", "--listen", "127.0.0.1:0")
    assert.equal(1, status)
    assert.matches("^troupe: [^\n]*in use by another host", complaint)
  end)

  it("prints an error of an actor with its code", function()
    local host = serve()
    local status, output, complaint = host:ask("call", "Slow", "ann", "rest")
    assert.same({ 1, "" }, { status, output })
    assert.matches("^troupe: method_not_found: ", complaint)
  end)

  it("names the class file that does not load", function()
    files.write(actors .. "/broken.lua", "return return\n")
    local status, _, complaint = program.run(actors, "--data", data .. "/d", "--listen", "127.0.0.1:0")
    assert.equal(1, status)
    assert.matches("^troupe: [^\n]*broken%.lua:1:", complaint)
  end)
end)
