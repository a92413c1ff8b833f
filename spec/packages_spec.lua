-- What installing packages leaves behind on a machine: the recipe `packages` of the Makefile, with programs of this
-- spec in front of the system's.

local files = require "spec.support.files"
local program = require "spec.support.program"

describe("Installing packages", function()
  local folder

  before_each(function() folder = program.folder() end)
  after_each(function() program.remove(folder) end)

  local function put(name, script)
    local path = folder .. "/" .. name
    files.write(path, "#!/bin/sh\n" .. script .. "\n")
    os.execute("chmod 755 " .. path)
  end

  -- What is changed of the alternatives, where `lua` is as it says there, and the log of apt tells of ours or not.
  local function change_of(status, alternative, is_ours)
    put("update-alternatives", ([[
      if [ "$1" != --query ]; then echo "$@" >>%s/asked; exit; fi
      printf 'Name: lua-interpreter\nStatus: %s\nValue: %s\n\nAlternative: %s\nPriority: 50\n']]):format(folder, status,
      alternative, alternative))
    put("zgrep", is_ours and "exit 0" or "exit 1")
    put("id", "echo 0")
    local make = "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL PATH=%s:$PATH make packages package_groups=build"
    assert.is_true(os.execute((make .. " >%s/said 2>&1"):format(folder, folder)))
    local asked = io.open(folder .. "/asked")
    if not asked then return nil end
    local text = asked:read "a"
    asked:close()
    return text
  end

  it("takes back that Tarantool is lua, where it was installed by us", function()
    assert.equal("--remove lua-interpreter /usr/bin/tarantool\n", change_of("auto", "/usr/bin/tarantool", true))
  end)

  it("leaves what somebody else has installed", function()
    assert.is_nil(change_of("auto", "/usr/bin/tarantool", false))
  end)

  it("leaves what somebody has chosen", function()
    assert.is_nil(change_of("manual", "/usr/bin/tarantool", true))
  end)

  it("leaves another lua", function()
    assert.is_nil(change_of("auto", "/usr/bin/lua5.4", true))
  end)
end)
