-- An operator looks at an actor, and sees all of it, whatever it holds; looking never fails.
local http = require "spec.support.http"
local lossless = require "spec.support.lossless"
local files = require "spec.support.files"
local program = require "spec.support.program"
local websocket = require "spec.support.websocket"

local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local ROUNDS, MIB = 300, 1024 * 1024
local SHOWN = '^{"result":(.*),"schedules":%[%],"schedule_count":0,"messages":{.-},"connections":0}$'

local maker = [[
local Actor = require "troupe.actor"
local random_value = require "lib.random_value"
random_value.null, random_value.array = null, array
local Maker = Actor:extend "Maker"
local elsewhere

function Maker:initialize_state() return {} end

-- Fills the state, or with `wild` what inspect_state shows, with random values; returns what they are.
function Maker:make(_, seed, wild)
  local value, description
  local options = { random = random_value.source(seed), wild = wild }
  options.handle = function(key) return self:actor("Maker", key) end
  repeat value, description = random_value.make(options, 4) until type(value) == "table"
  self.wild = wild and { value } or nil
  if not wild then self.state = value end
  return description
end

local odd = {
  ["a function"] = function() return { print } end,
  ["a function as a key"] = function() return { [print] = 1 } end,
  ["a thread"] = function() return { a = coroutine.create(print) } end,
  ["a userdata"] = function(self) return { self, self.kv, self.log } end,
  ["a table as a key"] = function() return { [{ 1 }] = { 2 } } end,
  ["itself"] = function() local t = {} t.t, t.u = t, { t } return t end,
  ["a table in two places"] = function() local t = { 1 } return { t, t } end,
  ["a metatable"] = function() return setmetatable({ 1 }, { __index = error, __pairs = error, __len = error }) end,
  ["a mark on what is no sequence"] = function() local t = array { 1 } t.name = 2 return t end,
  ["the state of another"] = function() return { elsewhere } end,
  ["nothing"] = function() end,
  ["depth"] = function() local t = {} for _ = 1, 1000 do t = { t } end return t end,
  ["an error"] = function() local function deep() error "cannot look" end deep() end,
}

function Maker:show(_, what) self.odd = what end
function Maker:lend() elsewhere = self.state end
function Maker:fill(_, megabytes) for i = 1, megabytes do self.state[i] = ("x"):rep(1024 * 1024) end end
function Maker:nest(_, depth) for _ = 1, depth do self.state = { [2] = self.state } end end

function Maker:inspect_state()
  if self.odd then return odd[self.odd](self) end
  if self.wild then return self.wild[1] end
  return self.state
end

return Maker
]]

describe("Looking at an actor", function()
  local folder, host, token

  setup(function()
    folder = program.folder()
    os.execute(("mkdir -p %s/actors/lib"):format(folder))
    files.write(folder .. "/actors/maker.lua", maker)
    files.write(folder .. "/actors/lib/random_value.lua", files.read "spec/support/random_value.lua")
    host = program.serve(folder .. "/actors", folder .. "/data", "--workers", "1")
    token = files.read(folder .. "/data/token"):match "%S+"
  end)

  teardown(function()
    host:close()
    program.remove(folder)
  end)

  local function call(key, method, body)
    local answer = http.request(host.address, "POST", ("/actors/Maker/%s/%s"):format(key, method), body)
    return answer.status == 200 and answer.body:match '^{"result":(.*)}$' or error(answer.body, 2)
  end

  local function look(key)
    return http.request(host.address, "GET", "/actors/Maker/" .. key, nil, { Authorization = "Bearer " .. token })
  end

  local function shown(key)
    local answer = look(key)
    return answer.status == 200 and answer.body:match(SHOWN) or error(answer.body, 2)
  end

  it("loses nothing of what a state holds, nor of any other value", function()
    for round = 1, ROUNDS do
      local wild = round % 2 == 0
      local description = call("random", "make", ("[%d,%s]"):format(SEED + round, wild)):sub(2, -2):gsub('\\"', '"')
      local text = shown "random"
      assert.equal(description, lossless.describe(text), ("seed %d, round %d: %s"):format(SEED, round, text))
    end
  end)

  it("tells in words what is no data", function()
    for what, expected in pairs {
      ["a function"] = '[{"$unshown":"a function"}]',
      ["a function as a key"] = '{"$map":[[{"$unshown":"a function"},1]]}',
      ["a thread"] = '{"a":{"$unshown":"a thread"}}',
      ["a userdata"] = '[{"$unshown":"a userdata"},{"$unshown":"a userdata"},{"$unshown":"a userdata"}]',
      ["a table as a key"] = '{"$map":[[{"$unshown":"a table"},[2]]]}',
      ["a table in two places"] = "[[1],[1]]",
      ["a metatable"] = "[1]",
      nothing = "null",
    } do
      call("odd", "show", ("[%q]"):format(what))
      assert.equal(expected, shown "odd", what)
    end
    call("odd", "show", '["itself"]')
    local within = '{"$unshown":"a table that this one is within"}'
    local text = shown "odd"
    assert.truthy(text == ('{"t":%s,"u":[%s]}'):format(within, within) or
                  text == ('{"u":[%s],"t":%s}'):format(within, within), text)
    call("odd", "show", '["a mark on what is no sequence"]')
    assert.equal("{1=1,\"6e616d65\"=2}", lossless.describe(shown "odd"):gsub('^{("6e616d65"=2),(1=1)}$', "{%2,%1}"))
    call("odd", "show", '["depth"]')
    assert.matches('^%[+{"$unshown":"a table that is nested too deep to be shown"}%]+$', shown "odd")
    call("lender", "lend")
    call("odd", "show", '["the state of another"]')
    assert.matches('^%[{"$unshown":"a part of the state of another actor', shown "odd")
  end)

  it("shows a state of any depth, also on the command line", function()
    call("deep", "nest", "[98]")
    local status, output = host:ask("inspect", "Maker", "deep")
    assert.equal(0, status)
    assert.equal(('{"$map":[[2,'):rep(98) .. "{}" .. ("]]}"):rep(98) .. "\n", output)
  end)

  it("counts those that are connected to it", function()
    local function is_counted(count)
      return look("busy").body:match('"connections":(%d+)}$') == tostring(count)
    end
    local first = websocket.open(host.address, websocket.path("Maker", "busy"))
    local second = websocket.open(host.address, websocket.path("Maker", "busy"))
    websocket.open(host.address, websocket.path("Maker", "other")):close(1000)
    assert.is_true(is_counted(2))
    first:close(1000)
    program.eventually("one is left", function() return is_counted(1) end)
    second:close(1000)
    program.eventually("nobody is left", function() return is_counted(0) end)
  end)

  it("shows a state that is larger than a result may be", function()
    for _ = 1, 2 do call("large", "fill", "[32]") end
    call("large", "fill", "[48]")
    call("large", "fill", "[64]")
    assert.is_true(#shown "large" > 64 * MIB)
    local status, output = host:ask("inspect", "Maker", "large")
    assert.equal(0, status)
    assert.is_true(#output > 64 * MIB)
  end)

  it("tells an error in full, which no client of a method hears", function()
    call("odd", "show", '["an error"]')
    local answer = look "odd"
    assert.equal(500, answer.status)
    local failure = answer:json().error
    assert.equal("internal_error", failure.code)
    assert.matches("maker%.lua:%d+: cannot look", failure.message)
    assert.matches("in local 'deep'", failure.metadata.traceback)
    local _, _, told = host:ask("inspect", "Maker", "odd")
    assert.matches("internal_error: .*cannot look", told)
    local other = http.request(host.address, "POST", "/actors/Maker/odd/make", "[1,2]")
    assert.equal(200, other.status)
  end)
end)
