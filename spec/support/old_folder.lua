--- Data folders as older versions have written them, made of one of this version. What is known here of bytes is
--- host/ledger/README.md.

local lfs = require "lfs"
local files = require "spec.support.files"

local old_folder = {}

local HEAD = ">I4I4I4I8I8"          -- of a log record: length, checksum of the head, of the body, number, last synced
local PUT, HOST_ID = 1, 0

local crc_of_byte = {}
for byte = 0, 255 do
  local crc = byte
  for _ = 1, 8 do crc = (crc >> 1) ~ (crc & 1 == 1 and 0x82F63B78 or 0) end
  crc_of_byte[byte] = crc
end

local function crc32c(text)
  local crc = 0xffffffff
  for i = 1, #text do crc = crc_of_byte[(crc ~ text:byte(i)) & 255] ~ (crc >> 8) end
  return crc ~ 0xffffffff
end

-- The body of a batch with the ids that an older version would have given: counted over all shards.
local function renumber(body, ids)
  local function old_id(id)
    if id & 0xffffffffffff == 0 then return HOST_ID end
    if not ids[id] then
      ids.count = ids.count + 1
      ids[id] = ids.count
    end
    return ids[id]
  end
  local parts, at = {}, 1
  while at <= #body do
    local tag, key_size, value_size, key_at = string.unpack(">I1I4I4", body, at)
    local key = body:sub(key_at, key_at + key_size - 1)
    local value = body:sub(key_at + key_size, key_at + key_size + value_size - 1)
    local function renumbered(text) return string.pack(">I8", old_id((string.unpack(">I8", text)))) .. text:sub(9) end
    if key:byte(9) == ("a"):byte() or tag > PUT + 1 then value = renumbered(value) end
    parts[#parts + 1] = body:sub(at, key_at - 1) .. renumbered(key) .. value
    at = key_at + key_size + value_size
  end
  return table.concat(parts)
end

local function rewrite_segment(path, ids)
  local content, parts, at = files.read(path), {}, 1
  while true do
    local size, head_crc, _, number, synced, body_at = string.unpack(HEAD, content, at)
    if head_crc == 0 then break end
    local body = renumber(content:sub(body_at, body_at + size - 1), ids)
    local head = string.pack(">I4", size)
    local rest = string.pack(">I4I8I8", crc32c(body), number, synced)
    parts[#parts + 1] = head .. string.pack(">I4", crc32c(head .. rest)) .. rest .. body
    at = body_at + size
    if at + string.packsize(HEAD) > #content then break end
  end
  files.write(path, table.concat(parts) .. content:sub(at))
end

-- Takes the last batch back from a store: the first two pages of LMDB's file each tell how it was after a batch, in
-- turn, and the one with the greater number of a transaction counts.
local function take_back(path)
  local PAGE, META, NUMBER = 4096, 16, 144
  local content = files.read(path)
  local function number_of(page) return (string.unpack("=I8", content, page * PAGE + NUMBER + 1)) end
  local older = number_of(0) < number_of(1) and 0 or 1
  local function from(page) return content:sub(page * PAGE + 1, page * PAGE + META) end
  local meta = content:sub(older * PAGE + META + 1, (older + 1) * PAGE)
  files.write(path, from(0) .. meta .. from(1) .. meta .. content:sub(2 * PAGE + 1))
end

--- Copies a data folder to one of format 2. All records must be in the log, but for how the clocks stand, of which an
--- older version knew nothing: the host that wrote them was the folder's first, and has made no checkpoint. Nothing may
--- write to the folder meanwhile.
---@param from string
---@param to string
function old_folder.make(from, to)
  assert(os.execute(("cp -r %s %s"):format(from, to)))
  local names, ids = {}, { count = 0 }
  for name in lfs.dir(to .. "/log") do
    if name:find "^%x+$" then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do rewrite_segment(to .. "/log/" .. name, ids) end
  take_back(to .. "/store/data.mdb")
  files.write(to .. "/FORMAT", "troupe 2\n")
end

return old_folder
