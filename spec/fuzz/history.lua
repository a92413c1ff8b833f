--- A data folder whose whole history is known: what each actor held after each call, byte by byte what is on disk.

local lfs = require "lfs"
local files = require "spec.support.files"
local kit = require "spec.support.kit"
local folders = require "spec.crash.folders"
local text = require "spec.fuzz.text"

local history = {}

local ACTORS, KEYS, FIELDS = 4, 14, 9
local SIZES = { 1, 5, 20, 20, 60, 300, 900 }
local LONG = ("l"):rep(600)

local function chance(of) return math.random(of) == 1 end
local function any(list) return list[math.random(#list)] end

local function key_of(n) return n % 4 == 0 and { "long", LONG, n } or { "k", n } end

local random_change = {
  function() return { "put", key_of(math.random(KEYS)), any(SIZES) } end,
  function() return { "put", key_of(math.random(KEYS)), any(SIZES) } end,
  function() return { "delete", key_of(math.random(KEYS)) } end,
  function()
    local from = math.random(KEYS)
    return { "delete_range", { "k", from }, { "k", from + math.random(4) } }
  end,
  function() return { "set", "f" .. math.random(FIELDS), any(SIZES) } end,
  function() return { "set", "f" .. math.random(FIELDS), any(SIZES) } end,
  function() return { "unset", "f" .. math.random(FIELDS) } end,
}

--- Submits a request and answers what became of it: whether it went well, the result or the code, the message.
function history.ask(host, kind, key, ...)
  local pending = host:submit(kind, "Hoard", key, ...)
  if host:is_open() then host:run() end
  return pending:answer()
end

local function look_keys()
  local keys = {}
  for n = 1, KEYS do keys[n] = key_of(n) end
  return keys
end

--- The three ways in which an actor is read: kind, and the arguments of the request.
history.READS = {
  { "state" }, { "kv" }, { "look", "look", { look_keys() }, 1, { create = false } },
}

function history.read(host, key, read)
  return history.ask(host, read[2] and "call" or read[1], key, table.unpack(read, 2))
end

-- What an actor holds now, as text by name of the read.
local function content_of(host, key)
  local content = {}
  for _, read in ipairs(history.READS) do
    local ok, result, message = history.read(host, key, read)
    assert(ok, message)
    content[read[1]] = text.of(result)
  end
  return content
end

local function call(made, host, number)
  local key = "hoard" .. math.random(ACTORS)
  local list = {}
  for i = 1, math.random(4) do list[i] = any(random_change)() end
  local once = chance(3) and { idempotency_key = "once-" .. number } or nil
  local ok, result, message = history.ask(host, "call", key, "keep", { number, list }, 2, once)
  assert(ok, message)
  made.calls[number] = { key = key, list = list, once = once, result = result, content = content_of(host, key) }
end

-- All files below a folder: path -> content.
local function read_folder(folder, prefix, found)
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    if name ~= "." and name ~= ".." and name ~= "lock.mdb" then
      if lfs.attributes(path, "mode") == "directory" then
        read_folder(path, prefix .. name .. "/", found)
      else
        found[prefix .. name] = files.read(path)
      end
    end
  end
  return found
end

-- Where each batch stands in the log: { file, from, to } by number, from 0, `to` exclusive.
local function find_batches(contents)
  local batches = {}
  for path, content in pairs(contents) do
    local at = 1
    while path:find "^log/%x+$" and #content - at + 1 >= 28 do
      local size, number = (">I4"):unpack(content, at), (">I8"):unpack(content, at + 12)
      if number == 0 then break end
      batches[number] = { file = path, from = at - 1, to = at - 1 + 28 + size }
      at = at + 28 + size
    end
  end
  return batches
end

--- Makes one: it is left behind by a crash, with a store and a log that goes on where the store ends; or by a stop.
---@param seed integer
---@return table history  options: of the kit, but for `data`; actors: their keys; calls by number: { key, list, once,
---                       result, content }; files: path -> content; batches: where the batch of each call stands
function history.make(seed)
  math.randomseed(seed)
  local folder = folders.new()
  local made = {
    seed = seed, actors = {}, calls = {},
    options = {
      actors = "spec/fuzz/actors", map_bytes = 64 * 1024 * 1024, checkpoint_bytes = 1024 * 1024 * 1024,
      segment_bytes = any { 2048, 4096, 16384 }, portion_records = any { 5, 1000 },
    },
  }
  for i = 1, ACTORS do made.actors[i] = "hoard" .. i end
  local options = { data = folder .. "/data" }
  for name, value in pairs(made.options) do options[name] = value end
  local host = kit.open(options)
  for number = 1, math.random(30, 70) do
    call(made, host, number)
    if chance(15) then host:checkpoint() end
  end
  if chance(4) then host:close() else host:crash() end
  made.files = read_folder(folder .. "/data", "", {})
  made.batches = find_batches(made.files)
  assert(made.batches[#made.calls] and not made.batches[#made.calls + 1], "a call is a batch")
  folders.remove(folder)
  return made
end

--- Writes its files, or damaged ones instead, to a folder that must not be there yet.
function history.write(contents, folder)
  for _, sub in ipairs { "", "/store", "/log" } do assert(lfs.mkdir(folder .. sub)) end
  for path, content in pairs(contents) do
    files.write(folder .. "/" .. path, content)
  end
end

return history
