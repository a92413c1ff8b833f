-- How busted tells spec/run.lua what happened: TAP, one line a spec, its failure behind `#`. Each spec is announced
-- before it runs, so that a crash has a name. busted's own TAP stumbles over a file that does not load.

local count = 0

local function write(format, ...)
  io.write(format:format(...), "\n")
  io.flush()
end

local function write_comment(text)
  for line in (text .. "\n"):gmatch "(.-)\n" do
    write("# %s", line)
  end
end

local function write_result(result, name, skipped)
  count = count + 1
  name = tostring(name):gsub("[\r\n]+", " "):gsub("#", "\\#")
  write("%s %d - %s%s", result, count, name, skipped or "")
end

local handler = require "busted.outputHandlers.base"()

local function on_begin(element)
  write("# begin %s", handler.getFullName(element))
  return nil, true
end

local function on_end(element, _, status)
  local name = handler.getFullName(element)
  if status == "success" then
    write_result("ok", name)
  elseif status == "pending" then
    write_result("ok", name, " # SKIP")
  end
  return nil, true
end

-- A spec that fails, or what is around specs: a file that does not load, a setup or teardown.
local function on_failure(element, _, message, trace)
  write_result("not ok", handler.getFullName(element))
  if type(message) ~= "string" then message = require "pl.pretty".write(message) end
  write_comment(message)
  if trace and trace.traceback then write_comment((trace.traceback:gsub("^\n", ""))) end
  return nil, true
end

local function on_suite_end()
  write("1..%d", count)
  return nil, true
end

function handler.subscribe()
  local busted = require "busted"
  require "busted.languages.en"
  busted.subscribe({ "test", "start" }, on_begin)
  busted.subscribe({ "test", "end" }, on_end)
  busted.subscribe({ "failure" }, on_failure)
  busted.subscribe({ "error" }, on_failure)
  busted.subscribe({ "suite", "end" }, on_suite_end)
end

return function()
  return handler
end
