--- Files for specs: written and read as a whole, byte by byte.

local files = {}

---@param path string
---@return string text  fails if there is no such file
function files.read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

---@param path string
---@param text string
function files.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

return files
