--- Hosts for specs: most classes are written beside the spec that needs them, each host has data of its own, and the
--- log is checked when the spec is over.

local lfs = require "lfs"
local write = require("spec.support.files").write
local troupe = require "troupe.test"

local hosts = {}

local open = {}       -- what close_all() has to close: { host, folder, files, errors }

--- Makes a folder with these files (path to content; "lib/money.lua" makes the folder lib in it).
---@param files table<string, string>
---@return string folder
function hosts.folder(files)
  local folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  for path, text in pairs(files) do
    for sub_end in path:gmatch "()/" do lfs.mkdir(folder .. "/" .. path:sub(1, sub_end - 1)) end
    write(folder .. "/" .. path, text)
  end
  open[#open + 1] = { folder = folder }
  return folder
end

--- The source of a class. `body` is without the first and the last line, which are the same in all classes:
---
---   hosts.class("Box", [[ function Class:get() return 1 end ]])
---@param name string
---@param body string
---@return string
function hosts.class(name, body)
  return ([[local Actor = require "troupe.actor"; local Class = Actor:extend "%s"; %s
return Class]]):format(name, body)
end

--- The source of a class "Store" whose methods are those of its kv, and those in `body`.
---@param body string
---@return string
function hosts.store(body)
  return hosts.class("Store", [[
  function Class:put(_, key, value, opts) self.kv:put(key, value, opts) end
  function Class:get(_, key, opts) return self.kv:get(key, opts) end
  function Class:delete(_, key) return self.kv:delete(key) end
  function Class:list(_, opts) return self.kv:list(opts) end
  function Class:count(_, opts) return self.kv:count(opts) end
  function Class:delete_range(_, opts) return self.kv:delete_range(opts) end
  function Class:delete_all() return self.kv:delete_all() end
  function Class:each(_, opts)                  -- as list gives them
    local found = array {}
    for key, value in self.kv:each(opts) do found[#found + 1] = { key = key, value = value } end
    return found
  end
]] .. body)
end

--- Opens a host on a folder of classes. The options are those of troupe.host(). `errors = true`: the log may hold lines
--- of level error.
---@param folder string
---@param options table|nil
function hosts.open_folder(folder, options)
  options = options or {}
  local settings = { actors = folder }
  for name, value in pairs(options) do
    if name ~= "errors" then settings[name] = value end
  end
  local host = troupe.host(settings)
  host.folder = folder
  open[#open + 1] = { host = host, errors = options.errors }
  return host
end

--- The same on classes given as sources by file name.
---@param files table<string, string>
---@param options table|nil
function hosts.open(files, options)
  return hosts.open_folder(hosts.folder(files), options)
end

--- Lets so many parts of a host take a step, one after the other: a worker, the committer, the next worker, and so on.
---@param steps integer
---@param workers integer
function hosts.take_steps(host, steps, workers)
  for step = 0, steps - 1 do
    host:step(step % 2 == 1 and "committer" or step // 2 % workers + 1)
  end
end

local function remove(folder)
  for entry in lfs.dir(folder) do
    if entry ~= "." and entry ~= ".." then
      local path = folder .. "/" .. entry
      if lfs.symlinkattributes(path, "mode") == "directory" then remove(path) else os.remove(path) end
    end
  end
  lfs.rmdir(folder)
end

--- For after_each(): closes what the spec opened, and fails if a log holds an error that the spec did not ask for.
function hosts.close_all()
  local problem
  for i = #open, 1, -1 do
    local entry = open[i]
    if entry.host then
      if not entry.errors then problem = problem or entry.host:log():match "[^\n]* error [^\n]*" end
      entry.host:close()
    elseif lfs.attributes(entry.folder) then
      remove(entry.folder)
    end
  end
  open = {}
  if problem then error("an error in the log that the spec did not ask for: " .. problem, 2) end
end

--- Makes the call and returns the error that it raises; fails if it raises none.
---@return table
function hosts.failure_of(call, ...)
  local ok, failure = pcall(call, ...)
  if ok then error("no error was raised", 2) end
  return failure
end

--- The same, of which only the code is returned.
---@return string
function hosts.code_of(call, ...)
  return hosts.failure_of(call, ...).code
end

return hosts
