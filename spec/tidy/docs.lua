-- The rules that hold documents against the tree that they speak of.

local files = require "spec.tidy.house"

local each_line, line_of = files.each_line, files.line_of

local rules = {}

local function exists(house, path)
  if house[path] then return true end
  local folder = path:gsub("/?$", "/", 1)
  for other in pairs(house) do
    if other:sub(1, #folder) == folder then return true end
  end
  return false
end

-- Guides that name files, and lead astray when one has moved.
local GUIDES = {
  ["README.md"] = true, ["host/README.md"] = true, ["host/HACKING.md"] = true, ["host/STYLE.md"] = true,
  ["host/ledger/README.md"] = true, ["host/state/README.md"] = true, ["spec/README.md"] = true,
  ["spec/bench/README.md"] = true,
}

function rules.named_files(file, complain, house)
  if not GUIDES[file.path] then return end
  for number, line in each_line(file.text) do
    for path in line:gmatch "`([%w_./-]+)`" do
      local folder = path:match "^(%l+)/"
      local is_ours = folder and (exists(house, folder .. "/") or folder == "spec" or folder == "host")
      if is_ours and not exists(house, path) then
        complain(number, path .. " is not there: name the file as it is now")
      end
    end
  end
end

-- spec/README.md tells of each section of the reference which spec keeps it.
function rules.sections(file, complain, house)
  local index = house["spec/README.md"]
  if file.path ~= "lua/README.md" or not index then return end
  for number, line in each_line(file.text) do
    local section = line:match "^## (.+)$"
    if section and not index.text:find("\n| " .. section .. " | `spec/", 1, true) then
      complain(number, ('"%s" is not in the table of spec/README.md: add it, with its specs'):format(section))
    end
  end
end

-- And of each promise.
function rules.promises(file, complain, house)
  local index = house["spec/README.md"]
  if file.path ~= "README.md" or not index then return end
  local within = false
  for number, line in each_line(file.text) do
    if line:find "^## " then within = line == "## The promises" end
    local place, promise = line:match "^(%d+)%. %*%*(.-)%.?%*%*"
    local row = within and promise and ("\n| %s. %s | `spec/"):format(place, promise)
    if row and not index.text:find(row, 1, true) then
      complain(number, ('"%s" is not in the table of spec/README.md: add it, with its specs'):format(promise))
    end
  end
end

-- And each spec of the host is for something.
function rules.spec_index(file, complain, house)
  local index = house["spec/README.md"]
  if not index or not file.path:find "^spec/host/.*_spec%.lua$" then return end
  if not index.text:find("`" .. file.path .. "`", 1, true) then
    complain(1, "spec/README.md does not name it: add it to a promise or to a section of the reference")
  end
end

local function has(text, part)
  return text:find(part, 1, true) ~= nil
end

-- Each option of kv that the host takes is in the annotations and in the reference.
function rules.kv_options(file, complain, house)
  if file.path ~= "host/kv/kv_range.c" then return end
  local at, names = file.text:match "\n[^\n;]-()option_names%[[%w_]*%] = (%b{})"
  if not names then
    return complain(1, "option_names, the names of kv's options, is not found: tell spec/tidy/docs.lua what it is now")
  end
  local line, annotations, fields = line_of(file.text, at), house["lua/troupe/actor.lua"].text, ""
  for _, class in ipairs { "KvFormat", "KvRange: KvFormat" } do
    fields = fields .. (annotations:match("%-%-%-@class " .. class .. "\n(.-)\n\n") or "") .. "\n"
  end
  local rows = house["lua/README.md"].text:match "\n| option | what it means |\n(.-)\n\n" or ""
  local cells = rows:gsub("|([^\n]-)|[^\n]*", "%1")
  for name in names:gmatch '"([%w_]+)"' do
    local quoted = ('["%s"]'):format(name)
    if not has(fields, ("---@field %s "):format(name)) and not has(fields, quoted) then
      complain(line, ('"%s" is not among the fields of KvFormat and KvRange of lua/troupe/actor.lua: add it'):format(
        name))
    end
    if not has(cells, ("`%s`"):format(name)) and not has(cells, quoted) then
      complain(line, ('"%s" is not in the table of options of lua/README.md: add it'):format(name))
    end
  end
end

-- Users look up what is new by the version that `troupe version` prints.
function rules.changes(file, complain, house)
  if file.path ~= "lua/README.md" then return end
  local version
  for _, other in pairs(house) do
    version = version or other.is_header and other.text:match '\n#define TROUPE_VERSION "([^"]+)"'
  end
  local newest = file.text:match "\n## Changes\n.-\n### ([^\n]+)\n"
  if version and newest ~= version then
    complain(1, ("the program has version %s, and the newest under Changes is %s: tell what has changed"):format(
      version, newest or "missing"))
  end
end

return rules
