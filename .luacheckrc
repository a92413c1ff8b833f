std = "lua54"
max_line_length = 120
self = false   -- a method need not use its actor
exclude_files = { "build" }

local actor_globals = { "UserError", "null", "array", "now" }

files["lua/troupe/client*.lua"] = { std = "min" }     -- they run on every Lua from 5.1 on
files["lua/troupe/raising.lua"] = { std = "min" }
files["spec"] = { std = "+busted" }
files["examples/**/*_spec.lua"] = { std = "+busted" }
files["actors"] = { read_globals = actor_globals }
files["examples"] = { read_globals = actor_globals }
files["spec/client/actors"] = { read_globals = actor_globals }
files["spec/crash/actors"] = { read_globals = actor_globals }
files["spec/fuzz/actors"] = { read_globals = actor_globals }
files["spec/support/rooms"] = { read_globals = actor_globals }
files["spec/support/actors"] = { read_globals = actor_globals }
files["spec/support/actors_attack"] = { read_globals = actor_globals }
files["spec/bench/actors"] = { read_globals = actor_globals }
files["spec/bench/peers/redis.lua"] = { std = "lua51", read_globals = { "redis" } }
files["spec/bench/peers/tarantool.lua"] = { std = "luajit", read_globals = { "box" } }
