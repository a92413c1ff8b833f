-- Started by client_spec.lua on each Lua: calls an actor of its own, arg[2], of the host at arg[1], and says "fine".
local troupe = require "troupe.client"

local client = troupe.connect(arg[1])
local handle = client.Echo(arg[2])

assert(handle:give(5) == 5)
assert(tostring(handle:give(5)) == "5", "an integer")
assert(handle:give(0.1) == 0.1 and handle:give(1e300) == 1e300)
assert(handle:give(2 ^ 53) == 2 ^ 53 and handle:give(-2 ^ 60) == -2 ^ 60)
assert(handle:give "a\0\"\\\195\164" == "a\0\"\\\195\164")
local back = handle:give { list = troupe.array {}, nothing = troupe.null, deep = { { { true } } } }
assert(back.nothing == troupe.null and back.deep[1][1][1] == true and next(back.list) == nil)
assert(handle:give() == nil)
assert(handle:tell(nil, nil).count == 2)
assert(handle:with({ idempotent = true }):count() == 1)
local ok, failure = pcall(handle.refuse, handle, { 1 })
assert(not ok and failure.code == "nope" and failure.metadata[1] == 1)
assert(tostring(failure):find "client_on.lua:%d+: nope: no$")
ok, failure = pcall(function() client.Echo("a", { parms = 1 }) end)
assert(not ok and failure:find "client_on.lua:%d+: Echo: there is no option", failure)
client:close()
print "fine"
