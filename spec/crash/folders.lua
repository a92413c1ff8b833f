--- Folders for simulated disks: in memory where there is a file system for that, since nothing in them need last.

local lfs = require "lfs"

local folders = {}

local PLACES = { os.getenv "TMPDIR" or "/tmp", "/dev/shm" }

---@return string folder   new and empty
function folders.new()
  local place = lfs.attributes(PLACES[2], "mode") == "directory" and PLACES[2] or PLACES[1]
  local name = os.tmpname()
  os.remove(name)
  local folder = place .. "/" .. name:match "[^/]+$"
  folders.make(folder)
  return folder
end

---@param folder string
function folders.make(folder) assert(lfs.mkdir(folder)) end

---@param folder string
---@return string[] names   of what is in it, sorted
function folders.names(folder)
  local names = {}
  for entry in lfs.dir(folder) do
    if entry ~= "." and entry ~= ".." then table.insert(names, entry) end
  end
  table.sort(names)
  return names
end

---@param folder string
function folders.remove(folder)
  for _, name in ipairs(folders.names(folder)) do
    local path = folder .. "/" .. name
    if lfs.symlinkattributes(path, "mode") == "directory" then folders.remove(path) else os.remove(path) end
  end
  lfs.rmdir(folder)
end

return folders
