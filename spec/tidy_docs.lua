-- The rules of spec/tidy.lua that hold documents against the tree that they speak of.

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
  local number = 0
  for line in (file.text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
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
  local number = 0
  for line in (file.text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    local section = line:match "^## (.+)$"
    if section and not index.text:find("\n| " .. section .. " | `spec/", 1, true) then
      complain(number, ('"%s" is not in the table of spec/README.md: add it, with its specs'):format(section))
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
