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

return served
