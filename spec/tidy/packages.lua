-- The rules of what comes from a package.

local files = require "spec.tidy.house"

local each_line, includes_of = files.each_line, files.includes_of

local rules = {}

-- Which package of .packages brings a header or a module.
local PACKAGES = {
  ["libisal-dev"] = "^isa%-l",
  ["libmd-dev"] = "^sha[12]%.h$",
  ["liblmdb-dev"] = "^lmdb%.h$",
  ["libmsgpack-dev"] = "^msgpack",
  ["libyajl-dev"] = "^yajl/",
  ["libh2o-evloop-dev"] = "^h2o",
  ["libssl-dev"] = "^openssl/",
  ["libwslay-dev"] = "^wslay/",
  ["libbsd-dev"] = "^bsd/",
  ["uthash-dev"] = "^ut%w+%.h$",
  ["liblua5.4-dev"] = "^lua%.h$ ^lauxlib%.h$ ^lualib%.h$",
  ["libcmocka-dev"] = "^cmocka%.h$",
  ["lua-cjson"] = "^cjson",
  ["lua-socket"] = "^socket",
  ["lua-busted"] = "^busted ^pl%. ^luassert ^lfs$ ^system$ ^term$",
}
local LIBC = [[
  arpa ctype dirent dlfcn endian errno fcntl fenv float fts ftw getopt inttypes libgen limits linux locale malloc math
  net netdb netinet poll pthread sanitizer sched semaphore setjmp signal stdalign stdarg stdatomic stdbool stddef stdint
  stdio stdlib stdnoreturn string strings sys syslog termios threads time unistd wait wchar ]]

local function check_package(name, line, complain, house)
  local package
  for candidate, patterns in pairs(PACKAGES) do
    for pattern in patterns:gmatch "%S+" do
      if name:find(pattern) then package = candidate end
    end
  end
  if not package and LIBC:find("%f[%w]" .. name:match "^[%w_]*" .. "%f[%W]") and name:find "%.h$" then
    package = "libc6-dev"
  end
  local list = house[".packages"] and house[".packages"].text or ""
  if not package then
    complain(line, name .. ": of which package? Name it in PACKAGES of spec/tidy/packages.lua and in .packages")
  elseif not ("\n" .. list):find("\n" .. package:gsub("%p", "%%%0") .. "%s") then
    complain(line, ("%s is of the package %s: add a line for it to .packages"):format(name, package))
  end
end

function rules.packages(file, complain, house)
  for _, include in ipairs(includes_of(file)) do
    if not include.quoted then check_package(include.path, include.line, complain, house) end
  end
  local in_process = file.path:find "^spec/.*%.lua$" and not file.path:find "/actors[%w_]*/"
  if not (in_process or file.path:find "^lua/.*%.lua$") then return end
  local text = file.text:gsub("%[%[.-%]%]", function(inner) return (inner:gsub("[^\n]", " ")) end)   -- actors in specs
  for number, line in each_line(text) do
    local name = line:match "%f[%w]require%s*%(?%s*[\"']([%w_.]+)[\"']"
    local ours = name and (name:find "^troupe" or name:find "^spec%." or name == "simulated_disk")
    if name and not ours then check_package(name, number, complain, house) end
  end
end

function rules.package_list(file, complain)
  if file.path ~= ".packages" then return end
  local seen = {}
  for number, line in each_line(file.text) do
    local name, group = line:match "^([%w.+-]+) +(%l+) +# %S"
    if line ~= "" and not line:find "^#" then
      if not name or not ("build test check bench debug profile"):find(group, 1, true) then
        complain(number, "a line is: package, then build, test, check, bench, debug or profile, then # and why")
      elseif seen[name] then
        complain(number, name .. " is there twice")
      else
        seen[name] = true
      end
    end
  end
end

return rules
