-- The servers that are measured: each an instance of our own on a free port, with its files in one temporary folder;
-- stopped by its process id.
--
-- A server has `protocol` (of load.c), `port` and `pid`; one that speaks HTTP also request(...), the bytes of a call.

local http_client = require "socket.http"
local socket = require "socket"

local TICKS_A_SECOND = 100     -- of the figures in /proc, on Linux

local servers = { running = {} }

--- What a command prints; an error if it fails.
function servers.capture(command)
  local pipe = assert(io.popen(command))
  local output = pipe:read "a"
  if not pipe:close() then error("failed: " .. command .. "\n" .. output, 0) end
  return output
end

servers.folder = servers.capture "mktemp -d":match "[^\n]+"
servers.program = assert(os.getenv "TROUPE_PROGRAM", "TROUPE_PROGRAM names the program to measure")
servers.tools = assert(os.getenv "TROUPE_BENCH", "TROUPE_BENCH names the folder of the built programs of spec/bench")

function servers.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
  return path
end

function servers.read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a" or ""
end

--- Waits until a condition holds, for at most so many seconds (60), and returns what it gave.
function servers.wait_until(what, condition, seconds_max)
  local deadline = socket.gettime() + (seconds_max or 60)
  repeat
    local found = condition()
    if found then return found end
    socket.sleep(0.02)
  until socket.gettime() > deadline
  error("waited in vain for " .. what, 0)
end

--- An empty folder of this name: the data of a peer that an earlier topic ran goes.
local function empty_folder(name)
  local folder = servers.folder .. "/" .. name
  servers.capture(("rm -rf %s && mkdir %s"):format(folder, folder))
  return folder
end

function servers.free_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return math.tointeger(port)
end

--- A process whose first thread has ended runs as long as it has others: they hold its files.
local function is_running(pid)
  local status = servers.read(("/proc/%d/status"):format(pid))
  return status ~= "" and not (status:find "State:%s+Z" and (tonumber(status:match "Threads:%s+(%d+)") or 0) <= 1)
end

local Server = {}
Server.__index = Server

--- Ends a server, by TERM unless told otherwise, and waits for its end.
function Server:stop(signal)
  os.execute(("kill -%s %d"):format(signal or "TERM", self.pid))
  local pid = self.pid
  servers.wait_until(self.name .. " to stop", function() return not is_running(pid) end)
  servers.running[self] = nil
end

--- Whether a process that still runs has written this to standard output.
function Server:has_said(text)
  assert(is_running(self.pid), self:errors())
  return servers.read(self.out):find(text, 1, true)
end

--- What it has written to standard error.
function Server:errors()
  return servers.read(self.log)
end

--- How many syncs a host that has stopped says that it made.
function Server:syncs()
  return assert(tonumber(self:errors():match "stopped .*syncs=(%d+)"), "no count of syncs")
end

--- Memory of its process that is its own, in bytes; pages of files are the system's, and so is what sockets take there.
function Server:own_bytes()
  return 1024 * tonumber(servers.read(("/proc/%d/smaps_rollup"):format(self.pid)):match "\nAnonymous:%s+(%d+)")
end

--- Processor time that its process has taken, in seconds.
function Server:cpu_seconds()
  local fields = {}
  local told = servers.read(("/proc/%d/stat"):format(self.pid)):match "%) (.*)"     -- behind the name
  for field in told:gmatch "%S+" do table.insert(fields, field) end
  return (fields[12] + fields[13]) / TICKS_A_SECOND
end

--- One call of a server that speaks HTTP: the body of its answer.
function Server:ask(path, body)
  local answer, status = http_client.request(("http://127.0.0.1:%d%s"):format(self.port, path), body or "[]")
  assert(status == 200, answer)
  return answer
end

--- Whether the program of a peer is there. One that is not is left out, and what is told of it with it.
local function has(program)
  if os.execute(("command -v %s >/dev/null"):format(program)) then return true end
  print(("  (without %s, which is not installed)"):format(program))
  return false
end

--- Takes a process that runs as a server to be stopped in the end.
function servers.adopt(server)
  servers.running[setmetatable(server, Server)] = true
  return server
end

local function spawn(server, command)
  local place = ("%s/%s"):format(servers.folder, server.name)
  server.log, server.out = place .. ".err", place .. ".out"
  server.pid = tonumber(servers.capture(("%s >%s 2>%s & echo $!"):format(command, server.out, server.log)))
  return servers.adopt(server)
end

--- Starts a program of spec/bench, which runs until Server:stop "INT". What it has written is in `out`.
function servers.begin_tool(name, ...)
  local words = table.concat({ ... }, " ")
  return spawn({ name = name }, ("exec %s/%s %s"):format(servers.tools, name, words))
end

local function start(server, command)
  spawn(server, command)
  servers.wait_until(server.name, function()
    assert(is_running(server.pid), server:errors())
    local client = socket.connect("127.0.0.1", server.port)
    if client then client:close() end
    return client
  end)
  return server
end

--- Stops what still runs.
function servers.stop_running()
  local all = {}
  for server in pairs(servers.running) do table.insert(all, server) end
  for _, server in ipairs(all) do pcall(server.stop, server) end
end

function servers.remove_files()
  os.execute("rm -rf " .. servers.folder)
end

-- --- Troupe and nginx: HTTP ----------------------------------------------------------------------------------------

--- The bytes of a call over HTTP; the body is its arguments as JSON.
function servers.http(path, body)
  return ("POST %s HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%s"):format(path, #(body or ""), body or "")
end

--- The arguments of the program for a folder of actors and a folder of data.
function servers.troupe_command(actors, data, port)
  return ("%s serve %s --data %s --listen 127.0.0.1:%d"):format(servers.program, actors, data, port)
end

--- `flags`: further ones of the command line, or none. `before`: what the shell is told before, or nothing.
function servers.troupe(actors, data, flags, before)
  local server = { name = "troupe", protocol = "http", port = servers.free_port(), request = servers.http }
  local command = servers.troupe_command(actors, data, server.port)
  return start(server, ("%sexec %s %s"):format(before or "", command, flags or ""))
end

--- Answers a fixed body from memory, whatever it is asked. This peer and the others are nil where they are missing.
function servers.nginx()
  if not has "nginx" then return nil end
  local server = { name = "nginx", protocol = "http", port = servers.free_port(), request = servers.http }
  local config = servers.write(servers.folder .. "/nginx.conf", ([[
daemon off; worker_processes 2; pid FOLDER/nginx.pid; error_log FOLDER/nginx.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path FOLDER/nginx; proxy_temp_path FOLDER/nginx;
  fastcgi_temp_path FOLDER/nginx; uwsgi_temp_path FOLDER/nginx; scgi_temp_path FOLDER/nginx;
  server { listen 127.0.0.1:PORT; location / { default_type application/json; return 200 '{"result":1}'; } }
}]]):gsub("FOLDER", servers.folder):gsub("PORT", server.port))
  return start(server, "nginx -c " .. config)
end

--- Starts the program on a folder of data; returns it and the milliseconds to its first answer, to a call of `path`.
function servers.start_timed(actors, data, path)
  local server = { name = "troupe", protocol = "http", port = servers.free_port(), request = servers.http }
  server.log = servers.folder .. "/first.err"
  local request = servers.write(servers.folder .. "/first", servers.http(path))
  local command = servers.troupe_command(actors, data, server.port)
  local first = ("%s/first %d %s %s %s"):format(servers.tools, server.port, request, server.log, command)
  local ok, told = pcall(servers.capture, first)
  if not ok then error(told .. servers.read(server.log), 0) end
  server.pid = math.tointeger(told:match "pid=(%d+)")
  return servers.adopt(server), told:match "first_us=(%d+)" / 1000
end

-- --- Redis ---------------------------------------------------------------------------------------------------------

--- The bytes of a command.
function servers.resp(...)
  local parts = { ("*%d\r\n"):format(select("#", ...)) }
  for _, part in ipairs { ... } do table.insert(parts, ("$%d\r\n%s\r\n"):format(#tostring(part), part)) end
  return table.concat(parts)
end

--- Functions in Lua; each write is synced before it is answered.
function servers.redis()
  if not has "redis-server" then return nil end
  local server = { name = "redis", protocol = "resp", port = servers.free_port() }
  local folder = empty_folder "redis"
  start(server, ("redis-server --port %d --bind 127.0.0.1 --dir %s --save '' --appendonly yes --appendfsync always")
    :format(server.port, folder))
  servers.capture(("redis-cli -p %d -x FUNCTION LOAD <spec/bench/peers/redis.lua"):format(server.port))
  return server
end

-- --- Tarantool -----------------------------------------------------------------------------------------------------

local function msgpack(value)
  if math.type(value) == "integer" then return string.pack(">BI4", 0xce, value) end
  return string.pack(">B s1", 0xd9, value)
end

--- The bytes of a CALL: length, header (type, number of the request), body (name of the procedure, arguments).
function servers.iproto(procedure, ...)
  local parts = { "\x82\x00\x0a\x01\x00\x82\x22", msgpack(procedure), "\x21", string.char(0x90 + select("#", ...)) }
  for _, value in ipairs { ... } do table.insert(parts, msgpack(value)) end
  local body = table.concat(parts)
  return string.pack(">BI4", 0xce, #body) .. body
end

--- Procedures in Lua on spaces in memory; each write is synced before it is answered.
function servers.tarantool()
  if not has "tarantool" then return nil end
  local server = { name = "tarantool", protocol = "iproto", port = servers.free_port() }
  local folder = empty_folder "tarantool"
  start(server, ("tarantool spec/bench/peers/tarantool.lua %s %d"):format(folder, server.port))
  return server
end

-- --- Peers that speak WebSocket -----------------------------------------------------------------------------------

--- A bare loop of writev() over all sockets; not a peer that may be missing, but a program of this folder.
function servers.writev()
  local server = { name = "writev", port = servers.free_port() }
  return start(server, ("exec %s/writev %d"):format(servers.tools, server.port))
end

--- The library ws, in Node.
function servers.ws()
  if not (has "node" and servers.capture "ls -d /usr/share/nodejs/ws 2>/dev/null || :" ~= "") then return nil end
  local server = { name = "ws", port = servers.free_port() }
  local command = "NODE_PATH=/usr/share/nodejs exec node --expose-gc spec/bench/peers/ws.js %d"
  return start(server, command:format(server.port))
end

-- --- workerd: HTTP -------------------------------------------------------------------------------------------------

local WORKERD = "build/workerd/node_modules/@cloudflare/workerd-linux-*/bin/workerd"   -- see README.md

--- Durable Objects in JavaScript; what one has put is synced before it answers another.
function servers.workerd()
  local here = servers.capture(("ls %s 2>/dev/null || :"):format(WORKERD)):match "[^\n]+"
  local program = os.getenv "WORKERD" or here or "workerd"
  if not has(program) then return nil end
  local server = { name = "workerd", protocol = "http", port = servers.free_port(), request = servers.http }
  local folder = empty_folder "workerd"
  servers.write(folder .. "/workerd.js", servers.read "spec/bench/peers/workerd.js")
  local data = folder .. "/data"
  servers.capture("mkdir " .. data)
  local config = servers.read "spec/bench/peers/workerd.capnp":gsub("FOLDER", data):gsub("PORT", server.port)
  return start(server, ("%s serve %s"):format(program, servers.write(folder .. "/workerd.capnp", config)))
end

return servers
