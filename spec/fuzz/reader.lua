-- Opens a damaged data folder and tells, a line at a time, what comes of it: in a process of its own, since LMDB may
-- end it.
--
--   lua5.4 spec/fuzz/reader.lua PLAN DATA     PLAN: a file of { options, actors, calls }, written by spec/fuzz/text.lua

local files = require "spec.support.files"
local kit = require "spec.support.kit"
local history = require "spec.fuzz.history"
local text = require "spec.fuzz.text"

local function tell(...)
  io.write(text.of { ... }, "\n")
  io.flush()
end

local plan = text.read(files.read(arg[1]))
plan.options.data = arg[2]

local function open()
  local ok, host = pcall(kit.open, plan.options)
  if ok then return host end
  tell("refused", tostring(host))
  os.exit(0)
end

-- Tells of one request; false where the host has ended.
local function ask(host, name, key, ok, result, message)
  tell(name, key, ok, ok and text.of(result) or result, message)
  if not host:is_open() then
    tell("ended", (host:log():gsub("%s+$", "")))
    os.exit(0)
  end
end

local present = {}     -- numbers of the calls that the actors have seen

local function read_all(host)
  for _, key in ipairs(plan.actors) do
    for _, read in ipairs(history.READS) do
      local ok, result, message = history.read(host, key, read)
      ask(host, read[1], key, ok, result, message)
      for _, number in ipairs(ok and read[1] == "state" and result.calls or {}) do present[number] = true end
    end
  end
end

local host = open()
read_all(host)
for number, call in ipairs(plan.calls) do
  if call.once and present[number] then
    ask(host, "repeat", number, history.ask(host, "call", call.key, "keep", { number, call.list }, 2, call.once))
  end
end
for _, key in ipairs(plan.actors) do
  ask(host, "new", key, history.ask(host, "call", key, "keep", { 1000, { { "set", "new", 5 } } }, 2))
end
local ok, message = pcall(host.checkpoint, host)
if not ok then tell("unchecked", "", false, tostring(message)) end
if host:is_open() then host:crash() end
host:close()
host = open()
tell "again"
read_all(host)
host:crash()
host:close()
tell "end"
