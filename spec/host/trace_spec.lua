-- --log-level trace follows one call by its rpc.id, from a door to its answer; without it nobody pays for that.

local hosts = require "spec.support.hosts"
local http = require "spec.support.http"
local program = require "spec.support.program"

local ACCOUNT = [[
function Class:initialize_state() return { sum = 0 } end
function Class:add(rpc, number)
  self.state.sum = self.state.sum + number
  return rpc.id
end
function Class:id(rpc) return rpc.id end
function Class:save(rpc)
  self.state.sum = self.state.sum + 1
  self:save_state()
  return rpc.id
end
function Class:refuse(rpc) error(UserError(rpc.id)) end
]]

describe("The trace", function()
  local host, data

  local function serve(...)
    data = program.folder()
    host = program.serve(hosts.folder { ["account.lua"] = hosts.class("Account", ACCOUNT) }, data, ...)
  end

  after_each(function()
    host:close()
    program.remove(data)
    hosts.close_all()
  end)

  local function call(class, method, arguments)
    local path = ("/actors/%s/ann/%s"):format(class, method)
    return http.request(host.address, "POST", path, arguments or "[]").body
  end

  -- The stations of a call, in order: "call submitted", ...; and all that their lines say.
  local function way_of(id)
    local log = program.eventually("the call is answered", function()
      local lines = host:log()
      return lines:find("trace call answered id=" .. id .. " code=[%l_]+\n") and lines
    end)
    local stations, lines = {}, {}
    for line in log:gmatch "[^\n]+" do
      local station = line:match("^%S+Z trace (%l[%l ]+) id=" .. id .. " ")
      if station then
        table.insert(stations, station)
        table.insert(lines, line)
      end
    end
    return stations, table.concat(lines, "\n")
  end

  local function id_in(body)
    return body:match '^{"result":"(%x+)"}$' or error(body)
  end

  it("shows how a call that writes becomes durable before it is answered", function()
    serve("--log-level", "trace")
    local id = id_in(call("Account", "add", "[5]"))
    local stations, lines = way_of(id)
    assert.same({
      "call submitted", "call dealt", "turn begins", "commit sent", "commit written", "call answered",
    }, stations)
    assert.matches('call submitted id=%x+ class=Account key="\\"ann\\"" method=add\n', lines)
    assert.matches("call dealt id=%x+ worker=%d+\n", lines)
    assert.matches("turn begins id=%x+ actor=%d+/1\n", lines)
    assert.matches("commit sent id=%x+ ticket=1\n", lines)
    assert.matches("commit written id=%x+ batch=1\n", lines)
    assert.matches("call answered id=%x+ code=ok$", lines)
  end)

  it("shows that a call that only reads needs no commit", function()
    serve("--log-level", "trace")
    call("Account", "add", "[5]")
    local stations = way_of(id_in(call("Account", "id")))
    assert.same({ "call submitted", "call dealt", "turn begins", "call answered" }, stations)
  end)

  it("shows for what a turn waits", function()
    serve("--log-level", "trace")
    local stations, lines = way_of(id_in(call("Account", "save")))
    -- Whether the turn waits first, or the commit is written first, two threads decide.
    local waits
    for i, station in ipairs(stations) do waits = station == "turn waits" and i or waits end
    table.remove(stations, waits)
    assert.same({
      "call submitted", "call dealt", "turn begins", "commit sent", "commit written", "turn goes on", "call answered",
    }, stations)
    assert.matches("turn waits id=%x+ for=save\n", lines)
    assert.matches("turn goes on id=%x+ after=save\n", lines)
  end)

  it("says how a call ended that failed, or did not begin", function()
    serve("--log-level", "trace")
    local id = call("Account", "refuse"):match '"message":"(%x+)"'
    local _, lines = way_of(id)
    assert.matches("call answered id=%x+ code=user_error$", lines)
    call("Nobody", "add")
    id = program.eventually("the call is in the log", function()
      return host:log():match "call submitted id=(%x+) class=Nobody "
    end)
    local stations, words = way_of(id)
    assert.same({ "call submitted", "call dealt", "call answered" }, stations)
    assert.matches("code=class_not_found$", words)
  end)

  it("is off unless it is asked for", function()
    serve()
    call("Account", "add", "[5]")
    call("Account", "save")
    host:signal "TERM"
    assert.equal(0, host:wait())
    assert.is_nil(host:log():find(" trace ", 1, true))
    assert.matches(" info stopped ", host:log())
  end)
end)

describe("--log-level", function()
  it("wants the name of a level", function()
    local status, _, complaint = program.run("serve", "--log-level", "loud")
    assert.equal(2, status)
    assert.matches("%-%-log%-level is trace, debug, info, warn or error, not loud", complaint)
  end)
end)
