--- Bytes at the door of the real program: whatever comes in, what goes out are whole answers, and the next client is
--- served.

local socket = require "socket"
local system = require "system"
local http = require "spec.support.http"
local program = require "spec.support.program"
local answers = require "spec.fuzz.answers"
local requests = require "spec.fuzz.requests"
local spread = require "spec.support.spread"

local door = {}

local QUIET_S = 0.05      -- after so long without a byte, the server is thought to wait for more
local TIMEOUT_S = 30
local WORKERS = 2
local FLAGS = {
  "--workers", tostring(WORKERS), "--limit-call-cpu-ms", "300", "--limit-call-bytes", "32m",
  "--limit-body-bytes", "20000",
}

local function chance(of) return math.random(of) == 1 end

-- --- One connection ------------------------------------------------------------------------------------------------

local function connect(address)
  local host, port = address:match "^(.*):(%d+)$"
  local connection = assert(socket.connect(host, port))
  connection:settimeout(TIMEOUT_S)
  connection:setoption("tcp-nodelay", true)
  return connection
end

-- In pieces of any size. The server may have closed meanwhile.
local function send(connection, bytes)
  local at = 1
  while at <= #bytes do
    local size = chance(2) and #bytes or math.random(chance(2) and 10 or 500)
    if not connection:send(bytes:sub(at, at + size - 1)) then return end
    at = at + size
    if chance(10) then system.sleep(0.001) end
  end
end

-- All that comes until the server closes, or until nothing has come for so long; and whether it has closed.
local function receive(connection, quiet_s)
  local parts = {}
  connection:settimeout(quiet_s)
  while true do
    local bytes, problem, rest = connection:receive(8192)
    table.insert(parts, bytes or rest)
    if problem == "timeout" and (rest or "") == "" then return table.concat(parts), false end
    if not bytes and problem ~= "timeout" then return table.concat(parts), true end
  end
end

-- What the server answers to some bytes, the end of the connection included; or nil where it never ends it.
local function exchange(address, bytes)
  local connection = connect(address)
  send(connection, bytes)
  local answer, closed = receive(connection, QUIET_S)
  if not closed then
    connection:shutdown "send"
    local rest
    rest, closed = receive(connection, TIMEOUT_S)
    answer = answer .. rest
  end
  connection:close()
  return closed and answer or nil
end

-- --- Tries ---------------------------------------------------------------------------------------------------------

local Run = {}
Run.__index = Run

local function fail(run, bytes, what, answer)
  error(("%s\n  sent:     %q\n  answered: %q\n  The same again: TROUPE_SEED=%d FUZZ_SECONDS=0"):format(what, bytes,
    answer or "", run.seed), 0)
end

-- Others are served, whatever somebody has sent.
function Run:check_service(bytes)
  local ok, answer = pcall(http.request, self.host.address, "POST", "/actors/Box/other/echo", "[7]")
  if not ok or answer.body ~= '{"result":7}' then
    fail(self, bytes, "the next client is not served: " .. tostring(ok and answer.body or answer))
  end
end

function Run:try()
  math.randomseed(self.seed)
  local parts = {}
  for i = 1, chance(3) and math.random(6) or 1 do parts[i] = requests.any() end
  local bytes, tally = table.concat(parts), self.tally
  tally.tries = tally.tries + 1
  if chance(8) then
    local connection = connect(self.host.address)
    send(connection, bytes:sub(1, math.random(#bytes)))
    connection:close()
    tally.left = tally.left + 1
  else
    local answer = exchange(self.host.address, bytes .. requests.LAST)
    if not answer then fail(self, bytes, "the connection stays open") end
    local counts, wrong = answers.read(answer, bytes:find "HEAD" ~= nil)
    if not counts then fail(self, bytes, wrong, answer) end
    for status, count in pairs(counts) do tally.statuses[status] = (tally.statuses[status] or 0) + count end
  end
  if tally.tries % 10 == 0 or self.seconds == 0 then self:check_service(bytes) end
end

-- What the host says when it is stopped: that all is well.
function Run:stop()
  self.host:signal "TERM"
  local status, log = self.host:wait(), self.host:log()
  self.host:close()
  local trouble = log:find "Sanitizer" or log:find "runtime error" or log:find "CHECK failed"
  if status ~= 0 or trouble then error(("the host ends with %d: %s"):format(status, log:sub(-20000)), 0) end
end

--- Tries until the time is over, one at least. Raises the first failure, with its seed.
---@param seed integer
---@param seconds number
---@return table tally  tries; left: those that did not wait; statuses: how many answers by status
function door.run(seed, seconds)
  spread.check(WORKERS, "Box", { "ann", 42, { "eu", 42 } })   -- which most of the requests are for
  local data = program.folder()
  local run = setmetatable({
    seed = seed, seconds = seconds, host = program.serve("spec/support/actors", data, table.unpack(FLAGS)),
    tally = { tries = 0, left = 0, statuses = {} },
  }, Run)
  local deadline = system.monotime() + seconds
  local ok, why
  repeat
    ok, why = pcall(run.try, run)
    run.seed = run.seed + 1
  until not ok or system.monotime() >= deadline
  local stopped, trouble = pcall(run.stop, run)
  program.remove(data)
  if not ok then error(why .. (stopped and "" or "\n" .. trouble), 0) end
  if not stopped then error(trouble, 0) end
  return run.tally
end

return door
