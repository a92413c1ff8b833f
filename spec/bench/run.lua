-- Measures the host against a peer in the same run: lua5.4 spec/bench/run.lua PROGRAM
--
-- Durable increments over 1,000 actors with 64 connections, beside nginx that answers a fixed body from memory to the
-- same script of wrk; in turns, so that
-- both see the same machine. A time alone says little on a shared machine: look at the ratio.

local program = assert(arg[1], "usage: lua5.4 spec/bench/run.lua PROGRAM")
local rounds = tonumber(os.getenv "ROUNDS" or 5)
local seconds = tonumber(os.getenv "SECONDS" or 5)
local folder = os.tmpname()
os.remove(folder)
assert(os.execute("mkdir -p " .. folder .. "/nginx"))

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

local function capture(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

local function read(path)
  local file <close> = io.open(path)
  return file and file:read "a" or ""
end

local function wait_until(what, condition)
  for _ = 1, 500 do
    local found = condition()
    if found then return found end
    os.execute "sleep 0.02"
  end
  error("waited in vain for " .. what)
end

--- Starts a command in the background and answers its process id; output goes to files of its name.
local function start(name, command)
  local line = ("%s >%s/%s.out 2>%s/%s.err & echo $!"):format(command, folder, name, folder, name)
  return tonumber((capture(line)))
end

local function start_nginx()
  write(folder .. "/nginx.conf", ([[
daemon off; master_process on; worker_processes 2; pid %s/nginx.pid; error_log %s/nginx.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path %s/nginx; proxy_temp_path %s/nginx;
  fastcgi_temp_path %s/nginx; uwsgi_temp_path %s/nginx; scgi_temp_path %s/nginx;
  server { listen 127.0.0.1:7421; location / { default_type application/json; return 200 '{"result":1}'; } }
}]]):gsub("%%s", folder))
  local id = start("nginx", "nginx -c " .. folder .. "/nginx.conf")
  wait_until("nginx", function() return capture "curl -s http://127.0.0.1:7421/" == '{"result":1}' end)
  return id, "http://127.0.0.1:7421"
end

local function start_troupe()
  local id = start("troupe", ("%s serve actors --listen 127.0.0.1:0 --data %s/data"):format(program, folder))
  local address = wait_until("troupe", function() return read(folder .. "/troupe.out"):match "http://[%d.:]+" end)
  return id, address
end

--- Requests a second, and how many were answered in all.
local function load_with_wrk(address)
  local out = capture(("wrk -c64 -t1 -d%ds -s spec/bench/increments.lua %s"):format(seconds, address))
  assert(not out:find "Non%-2xx", out)
  return tonumber(out:match "Requests/sec:%s+([%d.]+)"), tonumber(out:match "(%d+) requests in")
end

local function median(list)
  table.sort(list)
  return list[#list // 2 + 1]
end

local nginx, nginx_address = start_nginx()
local troupe, troupe_address = start_troupe()
local nginx_rates, troupe_rates, ratios, answered = {}, {}, {}, 0
for i = 1, rounds do
  nginx_rates[i] = load_with_wrk(nginx_address)
  local count
  troupe_rates[i], count = load_with_wrk(troupe_address)
  answered = answered + count
  ratios[i] = troupe_rates[i] / nginx_rates[i]
end
os.execute(("kill %d %d"):format(troupe, nginx))
local stopped = wait_until("troupe to stop", function() return read(folder .. "/troupe.err"):match "stopped [^\n]*" end)
os.execute("rm -r " .. folder)

print(("durable increments, 1,000 actors, 64 connections, %d rounds of %d s in turns"):format(rounds, seconds))
print(("  troupe  %8.0f calls/s (median)"):format(median(troupe_rates)))
print(("  nginx   %8.0f requests/s (median), a fixed body from memory"):format(median(nginx_rates)))
print(("  troupe / nginx, round by round: median %.2f, from %.2f to %.2f"):format(median(ratios), ratios[1],
                                                                                   ratios[#ratios]))
print(("  syncs an answered call: %.4f (%s)"):format(tonumber(stopped:match "syncs=(%d+)") / answered, stopped))
