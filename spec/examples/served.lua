--- The real program, serving a folder of actors on a free port: for examples that are used as their readers use them.

local served = {}

local PROGRAM = os.getenv "TROUPE_PROGRAM" or "build/release/troupe"

-- What a sanitizer wants loaded into Lua is not for other programs.
local CLEAN = "env -u LD_PRELOAD "

--- Runs a command to its end and answers what it printed; fails where it did.
---@param command string
---@return string
function served.run(command)
  local pipe = assert(io.popen(CLEAN .. command .. " 2>&1"))
  local output = pipe:read "a"
  if not pipe:close() then error(command .. ": " .. output, 2) end
  return output
end

---@class Served
---@field address string|nil  HOST:PORT
---@field actors string       may be changed before it starts again, as may `public`
---@field public string|nil
local Served = {}
Served.__index = Served

--- Starts the program. It is to be ended with stop(), after a failed spec too.
---@param actors string      the folder of classes
---@param public string|nil  the folder of pages
---@return Served
function served.start(actors, public)
  local server = setmetatable({ actors = actors, public = public }, Served)
  server.data = served.run("mktemp -d"):gsub("\n", "") .. "/data"
  server:start()
  return server
end

--- Starts it again, on the same data and at the same address; or at another one, if `address` was taken away.
function Served:start()
  local public = self.public and "--public " .. self.public or ""
  self.pipe = assert(io.popen(("echo $$; exec %s%s serve %s %s --data %s --listen %s 2>>%s.log"):format(CLEAN, PROGRAM,
    self.actors, public, self.data, self.address or "127.0.0.1:0", self.data)))
  self.pid = self.pipe:read "n"
  local first_line = self.pipe:read "l" and self.pipe:read "l"     -- of the number's line there is an end left
  self.address = first_line and first_line:match "http://([%d.:]+)"
  if self.address then return end
  self:_end "KILL"
  local log = self:log()
  self:stop()
  error("the host did not start: " .. log, 3)
end

--- What it has logged, all its starts together.
function Served:log()
  return served.run("cat " .. self.data .. ".log")
end

function Served:_end(signal)
  os.execute(("kill -%s %d"):format(signal, self.pid))
  local _, how, status = self.pipe:close()
  self.pipe = nil
  return how, status
end

--- Ends it as a power cut would.
function Served:kill()
  self:_end "KILL"
end

--- Stops it in order and removes its data; fails where it did not end well.
function Served:stop()
  local how, status = "exit", 0
  if self.pipe then how, status = self:_end "TERM" end
  local log = self:log()
  served.run(("rm -rf $(dirname %s)"):format(self.data))
  if how ~= "exit" or status ~= 0 then error(("the host ended with %s %d:\n%s"):format(how, status, log), 2) end
end

-- Runs a client against this server and compares what it prints.
function Served:_expect(client, steps)
  local lines = {}
  local output = served.run(("TROUPE_URL=http://%s %s"):format(self.address, client))
  for line in output:gmatch "[^\n]+" do table.insert(lines, line) end
  assert(#lines == 2 * #steps, output)
  for i, step in ipairs(steps) do
    assert(lines[2 * i - 1]:find(step[1], 1, true), lines[2 * i - 1])
    for j = 2, #step do assert(lines[2 * i]:find(step[j]), lines[2 * i]) end
  end
end

--- Runs the client of an example twice on one server. It prints two lines a step: what it does, and the answer, whose
--- JSON objects come in any order.
---@param example string     its folder in examples/
---@param steps string[][]   of each step a text that the first line holds, and patterns that the second one matches
function served.expect_client(example, steps)
  local folder = "examples/" .. example
  local server = served.start(folder .. "/actors")
  local ok, problem = true, nil
  for _ = 1, 2 do
    if ok then ok, problem = pcall(server._expect, server, folder .. "/client.sh", steps) end
  end
  server:stop()
  if not ok then error(problem, 0) end
end

return served
