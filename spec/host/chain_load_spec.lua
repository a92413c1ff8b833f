-- The program under 64 clients whose calls go over three actors and two workers: a stop answers every call that has
-- begun and leaves nothing behind, and a reload fails none.
--
-- The keys of a chain are in order, so that no two chains wait for each other.

local cjson = require "cjson"
local crowd = require "spec.support.crowd"
local files = require "spec.support.files"
local hosts = require "spec.support.hosts"
local http = require "spec.support.http"
local program = require "spec.support.program"
local spread = require "spec.support.spread"

local CLIENTS, ACTORS, LENGTH, WORKERS = 64, 60, 3, 2
local STOPS, RELOADS, CALLS_BETWEEN = 3, 10, 100

-- Every actor of a chain counts the call, and those that are not the last one ask the next. An answer tells the
-- versions in which they ran.
local function link(version)
  return hosts.class("Link", ([[
  local version = %d
  function Class:initialize_state() return { count = 0 } end
  function Class:pass(_, keys, place)
    self.state.count = self.state.count + 1
    local versions = array { version }
    if place < #keys then
      local others = self:actor("Link", keys[place + 1]):pass(keys, place + 1)
      for _, other in ipairs(others) do versions[#versions + 1] = other end
    end
    return versions
  end
  function Class:count() return self.state.count end
]]):format(version))
end

describe("The program under chains of calls", function()
  local folder, data, keys, host

  local function serve()
    host = program.serve(folder, data, "--workers", WORKERS)
  end

  before_each(function()
    folder, data, keys = hosts.folder { ["link.lua"] = link(1) }, program.folder(), {}
    local key = spread.keys(WORKERS, "Link", "l")
    for i = 1, ACTORS do keys[i] = key() end
    serve()
  end)

  after_each(function()
    host:close()
    program.remove(data)
    hosts.close_all()
  end)

  -- A call of the first of so many actors in order.
  local function any_chain()
    local places, chain, last = {}, {}, 0
    for _ = 1, LENGTH do
      last = last + math.random((ACTORS - last) // (LENGTH - #places))
      places[#places + 1] = last
      chain[#chain + 1] = keys[last]
    end
    return { text = http.text("POST", ("/actors/Link/%s/pass"):format(chain[1]), cjson.encode { chain, 1 }) }
  end

  local function versions_of(status, body)
    assert(status == 200, body)
    local versions = cjson.decode(body).result
    assert.equal(LENGTH, #versions, body)
    return versions
  end

  local function count_all()
    local sum = 0
    for _, key in ipairs(keys) do
      sum = sum + cjson.decode(http.request(host.address, "POST", ("/actors/Link/%s/count"):format(key)).body).result
    end
    return sum
  end

  it("answers each that has begun before it stops, and leaves nothing to recover", function()
    local answered = 0
    for stop = 1, STOPS do
      crowd.connect(host.address, CLIENTS):run(any_chain, function(_, _, status, body)
        versions_of(status, body)
        answered = answered + 1
        if answered == stop * 10 * CLIENTS then host:signal "TERM" end
      end)
      assert.equal(0, host:wait())
      assert.not_matches(" error ", host:log())
      host:close()
      serve()
      assert.not_matches("recovered", host:log())
      assert.equal(LENGTH * answered, count_all())
    end
  end)

  it("fails none while it reloads again and again", function()
    local asked, answered, version, newest = 0, 0, 1, 0
    local function reloads() return select(2, host:log():gsub(" info classes reloaded: Link\n", "")) end
    local function ask()
      asked = asked + 1
      if newest > RELOADS then return nil end
      if asked >= CALLS_BETWEEN and version <= RELOADS and reloads() == version - 1 then
        asked, version = 0, version + 1
        files.write(folder .. "/link.lua", link(version))
        host:signal "HUP"
      end
      return any_chain()
    end
    local unheard = crowd.connect(host.address, CLIENTS):run(ask, function(_, _, status, body)
      answered = answered + 1
      for _, other in ipairs(versions_of(status, body)) do newest = math.max(newest, other) end
    end)
    assert.same({}, unheard)
    assert.equal(LENGTH * answered, count_all())
    host:stop()
  end)
end)
