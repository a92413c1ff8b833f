-- Signals: what asks a host to stop lets it stop in order, and nothing else that shells and supervisors send ends it.

local files = require "spec.support.files"
local program = require "spec.support.program"

-- Each stop leaves its mark, by on_stop. What loops as it is loaded comes with LOOPING.
local MARKED = [[
local Actor = require "troupe.actor"
local Marked = Actor:extend "Marked"
function Marked:initialize_state() return { stops = 0 } end
function Marked:on_stop() self.state.stops = self.state.stops + 1 end
function Marked:stops() return self.state.stops end
function Marked:work(_, rounds)
  print("begun")
  local sum = 0
  for i = 1, rounds do sum = sum + i % 7 end
end
return Marked
]]
local LOOPING = 'print "begun"; while true do end'
local FINDING = 'print "begun"; ("x"):rep(60):find(("x-"):rep(30) .. "y")'

describe("A host that gets a signal", function()
  local folder, actors, hosts

  local function write(name, text)
    files.write(actors .. "/" .. name, text)
  end

  before_each(function()
    folder, hosts = program.folder(), {}
    actors = folder .. "/actors"
    os.execute("mkdir " .. actors)
    write("marked.lua", MARKED)
  end)

  after_each(function()
    for _, host in ipairs(hosts) do host:close() end
    program.remove(folder)
  end)

  local function keep(host)
    table.insert(hosts, host)
    return host
  end

  local function serve(line, flag)
    return keep(program.serve_behind(line or "", actors, folder .. "/data", "--limit-call-cpu-ms", "600000", flag))
  end

  local function ask(host, method)
    local status, output, complaint = host:ask("call", "Marked", "ann", method)
    assert.equal(0, status, complaint)
    return output
  end

  it("stops in order where that asks it to", function()
    local names = { "TERM", "INT", "QUIT", "PWR", "XCPU", "ALRM", "VTALRM", "PROF" }
    for stops, name in ipairs(names) do
      local host = serve()
      assert.equal(stops - 1 .. "\n", ask(host, "stops"))
      host:signal(name)
      assert.equal(0, host:wait(), name)
      assert.matches("info stopping signal=SIG" .. name .. "\n.* info stopped ", host:log())
    end
    assert.equal(#names .. "\n", ask(serve(), "stops"))
  end)

  it("that has no meaning here serves on, and says so", function()
    local host = serve()
    for name, words in pairs { USR1 = "User defined signal 1", USR2 = "User defined signal 2", IO = "I/O possible",
                               RTMIN = "Real%-time signal 0", RTMAX = "Real%-time signal %d+" } do
      host:signal(name)
      host:logged("warn a signal came that means nothing here: " .. words)
    end
    for _, name in ipairs { "PIPE", "CHLD", "URG", "WINCH", "CONT", "XFSZ" } do host:signal(name) end
    assert.equal("0\n", ask(host, "stops"))
    host:signal "TERM"
    assert.equal(0, host:wait())
    assert.matches(" stopping signal=SIGTERM", host:log())
  end)

  it("loads the classes anew at SIGHUP, also where whoever started it wants no stop by that", function()
    for _, line in ipairs { "", "trap '' HUP" } do
      local host = serve(line)
      write("marked.lua", MARKED)
      host:signal "HUP"
      host:logged "info classes reloaded: Marked\n"
      write("marked.lua", "return return")
      host:signal "HUP"
      host:logged "error classes not reloaded, the old ones serve on: [^\n]*marked%.lua:1: [^\n]*near 'return'\n"
      write("marked.lua", MARKED)
      ask(host, "stops")
      host:signal "TERM"
      assert.equal(0, host:wait())
      assert.not_matches("signal=SIGHUP", host:log())
    end
  end)

  it("loads the classes anew as soon as it serves, where SIGHUP comes while it starts", function()
    write("slow.lua", [[
      print "begun"
      repeat until pcall(require, "lib.gate")
      return require "troupe.actor":extend "Slow"]])
    os.execute("mkdir " .. actors .. "/lib")
    local host = keep(program.begin_behind("", actors, folder .. "/data", "--limit-call-cpu-ms", "600000"))
    host:logged "begun"
    host:signal "HUP"
    program.open_gate(actors, "gate")
    host:logged "info classes reloaded: Marked, Slow\n"
    host:signal "TERM"
    assert.equal(0, host:wait())
  end)

  it("stops in order where its terminal has gone, unless whoever started it wants no stop by that", function()
    for line, stops in pairs { [""] = true, ['trap "" HUP'] = false } do
      -- It leads the session of a terminal that `script` holds, and that is gone with that.
      for _, name in ipairs { "out", "err" } do files.write(folder .. "/own_" .. name, "") end
      local host = keep(program.begin_behind(([[
        exec script -qec 'echo $$ >%s/own_pid; %s
          exec %s serve %s --data %s --listen 127.0.0.1:0 >%s/own_out 2>%s/own_err' /dev/null]]):format(folder, line,
        program.path, actors, folder .. "/data", folder, folder), actors, folder .. "/data"))
      program.eventually("its first line", function() return files.read(folder .. "/own_out"):find "\n" end)
      host:signal "KILL"
      host:wait()
      if not stops then os.execute("kill -TERM $(cat " .. folder .. "/own_pid)") end
      local log = program.eventually("its end", function()
        local text = files.read(folder .. "/own_err")
        return text:find "info stopped " and text
      end)
      assert.matches("stopping signal=SIG" .. (stops and "HUP" or "TERM") .. "\n", log)
      assert.not_matches("reloaded", log)
    end
  end)

  it("stops where whoever started it ignored or held that", function()
    local host = serve "trap '' TERM"
    host:signal "TERM"
    assert.equal(0, host:wait())
  end)

  local function work(host, rounds)
    local line = "%s call Marked ann work %d --listen %s >%s/answer 2>&1 &"
    os.execute(line:format(program.path, rounds, host.address, folder))
    host:logged "begun"
  end

  it("stops in order though SIGHUP comes behind, as from a terminal that is closed", function()
    local host = serve()
    work(host, 200000000)
    host:signal "TERM"
    host:signal "HUP"
    host:logged "stopping signal="
    host:signal "HUP"
    assert.equal(0, host:wait())
    assert.equal("1\n", ask(serve(), "stops"))
  end)

  it("ends at once at the second one that insists", function()
    local host = serve()
    work(host, 1000000000000)
    host:signal "PWR"
    host:logged "stopping signal=SIGPWR"
    host:signal "QUIT"
    assert.equal(1, host:wait())
  end)

  for name, text in pairs { ["a class that loops"] = LOOPING, ["a pattern that finds no end"] = FINDING } do
    it("ends at once while it loads " .. name, function()
      -- the thread sanitizer holds a signal back until its thread comes to a function that it knows
      if text == FINDING and program.path:find "/tsan/" then return end
      write("looping.lua", text)
      for _, signal in ipairs { "TERM", "PWR" } do
        local host = keep(program.begin_behind("", actors, folder .. "/data", "--limit-call-cpu-ms", "600000"))
        host:logged "begun"
        host:signal "USR1"
        host:signal(signal)
        assert.equal(0, host:wait())
      end
      write("looping.lua", 'return require "troupe.actor":extend "Looping"')
      assert.equal("0\n", ask(serve(), "stops"))
    end)

    it("stops in order while it loads " .. name .. " anew", function()
      for _, flag in ipairs { "--dev", "--limit-call-cpu-ms=600000" } do
        write("looping.lua", 'return require "troupe.actor":extend "Looping"')
        local host = serve("", flag)
        write("looping.lua", text)
        if flag ~= "--dev" then host:signal "HUP" end
        host:logged "begun"
        ask(host, "stops")
        host:signal "TERM"
        assert.equal(0, host:wait())
        assert.matches(" info stopped ", host:log())
      end
    end)
  end
end)
