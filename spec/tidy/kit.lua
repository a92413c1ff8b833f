-- The rule that specs see of the kit what its users see.

local files = require "spec.tidy.house"

local each_line, in_any = files.each_line, files.in_any

local rules = {}

-- Where the kit's inside may be seen.
local INSIDE = { "lua/troupe/", "spec/support/" }
local MODULE = "troupe_host"
local MODULE_IN = { "lua/troupe/test.lua", "lua/troupe/test_calls.lua", "spec/support/kit.lua" }

local PRIVATE = { "_kit", "_submit", "_pending", "_look", "_spectator", "_calls" }

function rules.kit(file, complain)
  if not file.is_lua or file.path:find "^spec/tidy" then return end
  for number, line in each_line(file.text) do
    for _, name in ipairs(PRIVATE) do
      if line:find("[.:]" .. name .. "%f[^%w_]") and not in_any(file.path, INSIDE) then
        complain(number, name .. " is the kit's own: call a method that lua/README.md tells of, or add one to "
          .. "spec/support/kit.lua")
      end
    end
    if line:find("require%s*%(?%s*[\"']" .. MODULE .. "[\"']") and not in_any(file.path, MODULE_IN) then
      complain(number, "require troupe.test, or spec.support.kit for what only the host's own specs need")
    end
  end
end

return rules
