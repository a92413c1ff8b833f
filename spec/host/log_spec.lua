-- What a host says on its standard streams, where perhaps nobody reads it: a pipe that is full holds up nobody.

local files = require "spec.support.files"
local http = require "spec.support.http"
local program = require "spec.support.program"

local CHATTY = [[
local Actor = require "troupe.actor"
local Chatty = Actor:extend "Chatty"
function Chatty:initialize_state() return { said = 0 } end
function Chatty:say(_, lines)
  for i = 1, lines do self.log:info("said", { number = tostring(i), text = ("x"):rep(1000) }) end
  self.state.said = self.state.said + lines
  return self.state.said
end
return Chatty
]]

describe("A host that nobody reads", function()
  local folder, pipe, host

  before_each(function()
    folder = program.folder()
    pipe = folder .. "/pipe"
    os.execute(("mkfifo %s && mkdir %s/actors"):format(pipe, folder))
    files.write(folder .. "/actors/chatty.lua", CHATTY)
  end)

  after_each(function()
    if host then host:close() end
    host = nil
    program.remove(folder)
  end)

  -- Makes the pipe one of the host's streams. It has a reader then, who never reads; so it is open, and fills.
  local function stream(number)
    return ("exec %d<>%s"):format(number, pipe)
  end

  -- The same, with no room left in it.
  local function full_stream(number)
    return stream(number) .. ("\ndd if=/dev/zero of=%s oflag=nonblock bs=512 2>/dev/null"):format(pipe)
  end

  local function say(key, lines)
    return http.request(host.address, "POST", ("/actors/Chatty/%s/say"):format(key), ("[%d]"):format(lines)).body
  end

  it("runs all calls, and stops when it is told to", function()
    host = program.serve_behind(stream(2), folder .. "/actors", folder .. "/data", "--workers", "2")
    for _ = 1, 2 do say("loud", 2000) end
    for number = 1, 12 do
      assert.equal('{"result":1}', say("actor-" .. number, 1))
    end
    assert.equal('{"result":4001}', say("loud", 1))
    host:signal "TERM"
    assert.equal(0, host:wait())
  end)

  it("counts the lines that it has dropped, in their place", function()
    host = program.serve_behind(stream(2), folder .. "/actors", folder .. "/data")
    assert.equal('{"result":3000}', say("loud", 3000))
    local reader <close> = assert(io.popen(("cat %s"):format(pipe)))
    local next_number, dropped = 1, 0
    while next_number <= 3000 do
      local line = reader:read "L"
      local count = line:match " warn lines were dropped here, since nobody read the log lines=(%d+)\n$"
      if count then
        dropped = dropped + count
        next_number = next_number + count
      else
        assert.matches("info said class=Chatty key=%S+ .*text=x", line)     -- fields come in any order
        assert.matches((" number=%d%%f[%%s]"):format(next_number), line)
        next_number = next_number + 1
      end
    end
    assert(dropped > 0 and next_number == 3001)
    host:signal "TERM"
    assert.equal(0, host:wait())
    assert.matches("info stopping signal=SIGTERM\n.*info stopped [^\n]*\n$", reader:read "a")
  end)

  it("serves and stops where its first line finds no room", function()
    host = program.begin_behind(full_stream(1), folder .. "/actors", folder .. "/data")
    host:logged "warn the first line could not be written to standard output"
    host:signal "TERM"
    assert.equal(0, host:wait())
  end)

  it("ends where it cannot start, and cannot say why", function()
    host = program.begin_behind(full_stream(2), folder .. "/nowhere", folder .. "/data")
    assert.equal(2, host:wait())
    host:close()
    host = program.begin_behind(full_stream(2), folder .. "/actors", folder .. "/no/data")
    assert.equal(1, host:wait())
  end)

  it("is one whose reader has gone, too", function()
    host = program.serve_behind(stream(9) .. (" 2>%s 9>&-"):format(pipe), folder .. "/actors", folder .. "/data")
    assert.equal('{"result":10}', say("loud", 10))
    host:signal "TERM"
    assert.equal(0, host:wait())
  end)
end)
