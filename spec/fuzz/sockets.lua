--- WebSockets with the real program at the other end: whatever comes in, what goes out are frames that say something to
--- those messages or why it ends, and the next client is served.

local cjson = require "cjson"
local system = require "system"
local program = require "spec.support.program"
local websocket = require "spec.support.websocket"
local requests = require "spec.fuzz.requests"

local sockets = {}

local FLAGS = {
  "--workers", "2", "--limit-call-cpu-ms", "300", "--limit-call-bytes", "32m", "--limit-body-bytes", "1000",
  "--limit-connection-calls", "4", "--limit-subscriptions", "3", "--durability", "relaxed",
}
local LAST = '{"id":"last","method":"echo","args":[1]}'
local FILLER = websocket.frame(websocket.PING, "", { mask = "\0\0\0\0" }):rep(200)   -- more than any frame may lack

local function chance(of) return math.random(of) == 1 end
local function any(list) return list[math.random(#list)] end

-- --- Bytes ---------------------------------------------------------------------------------------------------------

local METHODS = { "echo", "get", "put", "work", "fail", "big", "broadcast", "_private", "" }
local ARGS = {
  "", ',"args":[1]', ',"args":[{"a":[null]}]', ',"args":["user"]', ',"args":[' .. ("["):rep(150), ',"args":{}',
}
local KEYS = { "", "", "", ',"key":"once"', ',"key":""' }
local EVENTS = { "said", "a", "b", "c", "d", "", ("n"):rep(300) }

local function message()
  local text
  if chance(4) then
    text = ('{"%s":"%s"}'):format(any { "subscribe", "unsubscribe" }, any(EVENTS))
  else
    local id = any { "1", "2", '"a"', '"b"', "-5", "1.5", "null", tostring(math.random(1000)) }
    text = ('{"id":%s,"method":"%s"%s%s}'):format(id, any(METHODS), any(ARGS), any(KEYS))
  end
  return chance(6) and requests.mutate(text) or text
end

-- Mostly as it should be.
local function frame(opcode, payload, fin)
  local how = { fin = fin }
  if chance(150) then how.mask = false end
  if chance(150) then how.rsv = math.random(7) end
  if chance(150) then how.length = math.random(0, 200) end
  if chance(150) then how.wide = any { 2, 8 } end
  if how.length and how.length > 125 then how.wide = 2 end
  return websocket.frame(chance(150) and math.random(0, 15) or opcode, payload, how)
end

local function frames_of(text)
  local parts, opcode = {}, websocket.TEXT
  while chance(4) and text ~= "" do
    local size = math.random(#text)
    table.insert(parts, frame(opcode, text:sub(1, size), false))
    if chance(2) then table.insert(parts, frame(websocket.PING, "p")) end
    text, opcode = text:sub(size + 1), websocket.CONTINUATION
  end
  table.insert(parts, frame(opcode, text, true))
  return table.concat(parts)
end

-- --- Tries ---------------------------------------------------------------------------------------------------------

local Run = {}
Run.__index = Run

local function fail(run, bytes, what)
  error(("%s\n  sent: %q\n  The same again: TROUPE_SEED=%d FUZZ_SECONDS=0"):format(what, bytes, run.seed), 0)
end

local function open(run, key) return websocket.open(run.host.address, websocket.path("Box", key)) end

-- In pieces of any size. The server may have closed meanwhile.
local function send(socket, bytes)
  local at = 1
  while at <= #bytes do
    local size = chance(2) and #bytes or math.random(chance(2) and 10 or 500)
    socket:send_bytes(bytes:sub(at, at + size - 1))
    at = at + size
  end
end

-- What is wrong with a message of the server, or nil.
local function find_wrong(text)
  local ok, said = pcall(cjson.decode, text)
  if not ok or type(said) ~= "table" then return "no JSON" end
  if said.error == nil then
    return (said.id == nil or said.result == nil) and "neither a result nor an error" or nil
  end
  local is_error = type(said.error) == "table" and type(said.error.message) == "string" and
    tostring(said.error.code):find "^%l[%l%d_]*$"
  if not is_error then return "an error without code or message" end
  return said.result ~= nil and "both a result and an error" or nil
end

-- Reads until the last call is answered or the connection ends. Returns how that came: a word or a code.
local function read_all(run, socket, bytes)
  while true do
    local got = socket:receive_frame()
    if not got then return "cut" end
    if got.opcode == websocket.CLOSE then return got.code or "none" end
    if got.opcode == websocket.TEXT then
      if not got.fin then fail(run, bytes, "a fragment") end
      local wrong = find_wrong(got.payload)
      if wrong then fail(run, bytes, wrong .. ": " .. got.payload) end
      if got.payload == '{"id":"last","result":1}' then return "answered" end
    elseif got.opcode ~= websocket.PONG then
      fail(run, bytes, "a frame of opcode " .. got.opcode)
    end
  end
end

-- Others are served, whatever somebody has sent.
function Run:check_service(bytes)
  local ok, answer = pcall(function()
    local socket = open(self, "other")
    local answer = socket:call(7, "echo", "[7]")
    socket:close(1000)
    return answer
  end)
  if not ok or answer ~= '{"id":7,"result":7}' then
    fail(self, bytes, "the next client is not served: " .. tostring(answer))
  end
end

function Run:try()
  math.randomseed(self.seed)
  local parts = {}
  for i = 1, math.random(12) do parts[i] = frames_of(message()) end
  local bytes, tally = table.concat(parts), self.tally
  if chance(6) then bytes = requests.mutate(bytes) end
  local socket = open(self, any { "ann", "bob", "eve" })
  tally.tries = tally.tries + 1
  if chance(8) then
    send(socket, bytes:sub(1, math.random(0, #bytes)))
    socket:drop(chance(2))
    tally.left = tally.left + 1
  else
    send(socket, bytes)
    socket:send(LAST):send_bytes(FILLER):send(LAST)
    local how = read_all(self, socket, bytes)
    tally.ends[how] = (tally.ends[how] or 0) + 1
    socket:drop()
  end
  if tally.tries % 10 == 0 or self.seconds == 0 then self:check_service(bytes) end
end

--- Tries until the time is over, one at least. Raises the first failure, with its seed.
---@param seed integer
---@param seconds number
---@return table tally  tries; left: those that did not wait; ends: how the others ended
function sockets.run(seed, seconds)
  local data = program.folder()
  local run = setmetatable({
    seed = seed, seconds = seconds, host = program.serve("spec/support/actors", data, table.unpack(FLAGS)),
    tally = { tries = 0, left = 0, ends = {} },
  }, Run)
  local deadline = system.monotime() + seconds
  local ok, why
  repeat
    ok, why = pcall(run.try, run)
    run.seed = run.seed + 1
  until not ok or system.monotime() >= deadline
  local stopped, trouble = pcall(run.host.stop, run.host)
  program.remove(data)
  if not ok then error(tostring(why) .. (stopped and "" or "\n" .. trouble), 0) end
  if not stopped then error(trouble, 0) end
  return run.tally
end

return sockets
