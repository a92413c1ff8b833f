-- The rules that hold documents against the tree that they speak of.

local each_line = require("spec.tidy.house").each_line

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
