--- Runs the real program: commands to their end, hosts in the background.

local system = require "system"

local program = {}

program.path = os.getenv "TROUPE_PROGRAM" or "build/release/troupe"
local DEADLINE_S = 30

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read "a"
  file:close()
  return text
end

--- Asks until the answer is true; fails when the deadline has passed.
function program.eventually(what, ask)
  local deadline = system.monotime() + DEADLINE_S
  repeat
    local answer = ask()
    if answer then return answer end
    system.sleep(0.01)
  until system.monotime() > deadline
  error("not within " .. DEADLINE_S .. " seconds: " .. what, 2)
end

--- Makes an empty folder, which the caller removes with program.remove().
function program.folder()
  local pipe <close> = assert(io.popen "mktemp -d")
  return pipe:read "l"
end

function program.remove(folder)
  os.execute("rm -rf " .. quote(folder))
end

--- Copies actors into a folder, where the spec can then open gates. Returns that folder.
function program.copy(actors, folder)
  assert(os.execute(("cp -r %s/. %s && mkdir -p %s/lib"):format(quote(actors), quote(folder), quote(folder))))
  return folder
end

--- Opens a gate to the calls that wait there: they repeat `pcall(require, "lib." .. gate)` until it succeeds. So a call
--- takes as long as the spec wants, on every machine.
function program.open_gate(actors, gate)
  assert(io.open(("%s/lib/%s.lua"):format(actors, gate), "w")):close()
end

-- A command of these words that runs after a line of shell, which may change them: "$@".
local function behind(line, words)
  return ("sh -c %s sh %s"):format(quote(line .. '\nexec "$@"'), table.concat(words, " "))
end

--- Runs `troupe` with these arguments to its end. Returns its status (124 if it did not end by itself), standard output
--- and standard error.
function program.run(...)
  return program.run_behind("", ...)
end

--- The same after a line of shell, which may change the command: "$@".
function program.run_behind(line, ...)
  local words = { "timeout", DEADLINE_S, quote(program.path) }
  for _, word in ipairs { ... } do
    table.insert(words, quote(word))
  end
  local errors = os.tmpname()
  local pipe = assert(io.popen(behind(line, words) .. " 2>" .. errors .. " </dev/null"))
  local output = pipe:read "a"
  local _, _, status = pipe:close()
  local complaint = read(errors)
  os.remove(errors)
  return status, output, complaint
end

local Host = { __name = "running host" }
Host.__index = Host

--- Starts a host, kills it after so many seconds, however far it has come, and waits until it is gone, since its folder
--- is in use until then. (`timeout --signal=KILL` would not wait: its signal ends itself too.)
function program.serve_briefly(seconds, actors, data)
  local line = "%s serve %s --data %s --listen 127.0.0.1:0 --limit-disk-free-bytes 1 & "
    .. "sleep %.3f; kill -KILL $!; wait $!"
  line = line:format(quote(program.path), quote(actors), quote(data), seconds)
  os.execute("(" .. line .. ") >/dev/null 2>&1 </dev/null")
end

--- Starts a host that serves `actors` from `data`, on a free port, after such a line. Does not wait for it.
function program.begin_behind(line, actors, data, ...)
  local host = setmetatable({ folder = program.folder(), data = data, actors = actors }, Host)
  local words = {
    quote(program.path), "serve", quote(actors), "--data", quote(data), "--listen", "127.0.0.1:0",
    "--limit-disk-free-bytes", "1",      -- no spec may depend on how full this machine's disk is
  }
  for _, word in ipairs { ... } do
    table.insert(words, quote(word))
  end
  local command = behind(line, words)
  local start = "(%s >@/out 2>@/err </dev/null & echo $! >@/pid; wait $!; echo $? >@/status) >/dev/null 2>&1 &"
  os.execute((start:gsub("@", host.folder):gsub("%%s", function() return command end)))
  program.eventually("the process", function() return read(host.folder .. "/pid"):find "\n" end)
  return host
end

--- The same, but waits for the host's first line.
function program.serve_behind(line, actors, data, ...)
  local host = program.begin_behind(line, actors, data, ...)
  program.eventually("the first line of the host", function()
    return host:output():find "\n" or read(host.folder .. "/status") ~= ""
  end)
  host.address = host:output():match "http://([%d.:]+)" or error("the host did not start: " .. host:log(), 2)
  return host
end

--- The same, without a line of shell.
function program.serve(actors, data, ...)
  return program.serve_behind("", actors, data, ...)
end

--- The same on a copy of the actors, made by program.copy(), and on data of its own: stop() removes both.
function program.serve_copy(actors, ...)
  local host = program.serve(program.copy(actors, program.folder()), program.folder(), ...)
  host.own_folders = { host.actors, host.data }
  return host
end

function Host:output() return read(self.folder .. "/out") end

--- What it has logged so far. A thread of its own writes the log, so the last lines may still be missing.
function Host:log() return read(self.folder .. "/err") end

--- Waits until the log, after its first `seen` bytes, has a line with this (as in string.find). Returns that part.
function Host:logged(what, seen, plain)
  return program.eventually("a line of the log with " .. what, function()
    local log = self:log():sub((seen or 0) + 1)
    return log:find(what, 1, plain) and log
  end)
end

--- Runs `troupe call` or `troupe inspect` on this host.
function Host:ask(command, ...)
  return program.run(command, "--listen", self.address, "--data", self.data, ...)
end

function Host:signal(name)
  os.execute("kill -" .. name .. " " .. read(self.folder .. "/pid"))
end

--- Sends the signal after so many seconds, while the caller goes on: it comes whatever the caller is doing.
function Host:signal_after(seconds, name)
  local pid = read(self.folder .. "/pid"):match "%d+"
  os.execute(("(sleep %.3f; kill -%s %s) >/dev/null 2>&1 &"):format(seconds, name, pid))
end

--- Waits until the host has ended. Returns its exit status, which is above 128 for a signal.
function Host:wait()
  local status = program.eventually("the end of the host", function()
    return tonumber(read(self.folder .. "/status"))
  end)
  self.ended = true
  return status
end

--- Stops it in good order, unless it has ended, and closes it; fails if it has not ended well, or a sanitizer had
--- something to say.
function Host:stop()
  if not self.ended then self:signal "TERM" end
  local status, log = self:wait(), self:log()
  self:close()
  for _, folder in ipairs(self.own_folders or {}) do program.remove(folder) end
  if status ~= 0 or log:find "Sanitizer" then error(("the host ended with %d:\n%s"):format(status, log), 2) end
end

--- Ends it if it still runs, and removes what it has left, except for the data.
function Host:close()
  if not self.ended then
    self:signal "KILL"
    self:wait()
  end
  program.remove(self.folder)
  self.closed = true
end

--- If a spec fails before it has closed its host, the host does not stay running.
function Host:__gc()
  if not self.closed then self:close() end
end

return program
