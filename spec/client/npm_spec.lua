-- `make npm`: the package is what a project in Node installs, and imports by its name.

local files = require "spec.support.files"
local program = require "spec.support.program"

-- Make is not to think that it runs within the one that runs the specs; nor is node to load what a sanitizer wants.
local CLEAN = "env -C %s -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u LD_PRELOAD %s 2>&1"

local function run(command, folder)
  local pipe = assert(io.popen(CLEAN:format(folder or ".", command)))
  local output = pipe:read "a"
  if not pipe:close() then error(command .. ": " .. output, 2) end
  return (output:gsub("%s+$", ""))
end

local SCRIPT = [[
import { connect, TroupeError } from "troupe-client";

const client = connect(process.argv[2]);
console.log(await client.Room("a").add(5));
try {
  await client.Room("a").with({ transport: "http" }).fail("too_late");
} catch (error) {
  console.log(error instanceof TroupeError, error.code);
}
client.close();
]]

describe("The JavaScript client's package", function()
  local folder, package

  setup(function()
    folder = program.folder()
    run "make npm"
    package = run "ls $PWD/build/npm/troupe-client-*.tgz"
  end)

  teardown(function() program.remove(folder) end)

  it("has the version of the program, and the same bytes each time", function()
    local _, version = program.run "version"
    assert.equal(("troupe-client-%s.tgz"):format(version:match "^troupe (%S+)"), package:match "[^/]+$")
    local before = files.read(package)
    os.remove(package)
    run "make npm"
    assert.equal(before, files.read(package))
    local manifest = run("tar xzOf " .. package .. " package/package.json")
    assert.matches('"version": "' .. version:match "^troupe (%S+)":gsub("%p", "%%%0") .. '"', manifest)
  end)

  it("has the client as it is, its types and its README without links that lead nowhere", function()
    local names = { "README.md", "client.d.ts", "client.js", "package.json" }
    assert.equal("package/\npackage/" .. table.concat(names, "\npackage/"), run("tar tzf " .. package))
    for _, name in ipairs { "client.js", "client.d.ts" } do
      local text = run(("tar xzOf %s package/%s"):format(package, name))
      assert.equal(files.read("host/client/" .. name), text .. "\n")
    end
    assert.is_nil(run(("tar xzOf %s package/README.md"):format(package)):find("](../", 1, true))
  end)

  it("is installed, imported by its name, and calls a host", function()
    files.write(folder .. "/package.json", '{ "type": "module" }\n')
    files.write(folder .. "/script.js", SCRIPT)
    if os.execute "command -v npm >/dev/null" then
      run("npm install --offline --no-audit --no-fund --cache npm-cache " .. package, folder)
    else   -- what npm does for a package that needs no other
      run("mkdir -p node_modules/troupe-client", folder)
      run("tar xzf " .. package .. " --strip-components=1 -C node_modules/troupe-client", folder)
    end
    local host = program.serve_copy "spec/client/actors"
    local said = run("node script.js http://" .. host.address, folder)
    host:stop()
    assert.equal("5\ntrue too_late", said)
  end)
end)
