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
  assert(lfs.mkdir(folder))
  return folder
end

---@param folder string
function folders.remove(folder)
  for entry in lfs.dir(folder) do
    if entry ~= "." and entry ~= ".." then
      local path = folder .. "/" .. entry
      if lfs.symlinkattributes(path, "mode") == "directory" then folders.remove(path) else os.remove(path) end
    end
  end
  lfs.rmdir(folder)
end

return folders
