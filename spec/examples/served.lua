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
---@field address string  HOST:PORT
local Served = {}
Served.__index = Served

--- Starts the program. It is to be ended with stop(), after a failed spec too.
---@param actors string  the folder of classes
---@return Served
function served.start(actors)
  local server = setmetatable({ actors = actors, data = served.run("mktemp -d"):gsub("\n", "") .. "/data" }, Served)
  server:start()
  return server
end

--- Starts it again, on the same data.
function Served:start()
  self.pipe = assert(io.popen(("echo $$; exec %s%s serve %s --data %s --listen 127.0.0.1:0 2>%s.log")
    :format(CLEAN, PROGRAM, self.actors, self.data, self.data)))
  self.pid = self.pipe:read "n"
  local first_line = self.pipe:read "l" and self.pipe:read "l"     -- of the number's line there is an end left
  self.address = assert(first_line and first_line:match "http://([%d.:]+)", "the host did not start")
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
  served.run(("rm -rf $(dirname %s)"):format(self.data))
  if how ~= "exit" or status ~= 0 then error(("the host ended with %s %d"):format(how, status), 2) end
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
