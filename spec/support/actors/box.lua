-- Holds what it is given, and fails in any way that it is asked to.
local Actor = require "troupe.actor"

---@class Box: Actor
local Box = Actor:extend "Box"

Box.label = "a field, not a method"

--- input: what it holds at first.
function Box:initialize_state(input)
  if input == "refuse" then error(UserError("this box is refused", { code = "refused" })) end
  return { held = input or null, puts = 0 }
end

--- Both hooks exist, so that a spec can see that clients cannot call them.
function Box:on_start() self.started = true end

function Box:on_stop() self.started = false end

function Box:put(_, value)
  self.state.held = value
  self.state.puts = self.state.puts + 1
end

function Box:get() return self.state.held end

function Box:puts() return self.state.puts end

--- Everything that Box:fail() would have left behind, if it could.
function Box:content() return { self.state.held, self.state.puts, self.kv:get "lost" or "nothing lost" } end

function Box:key_types()
  local types = {}
  for i, part in ipairs(self.key) do
    types[i] = math.type(part) or type(part)
  end
  return { self.key, types }
end

function Box:echo(_, ...)
  local count = select("#", ...)
  if count == 1 then return (...) end
  local list = array { ... }
  for i = 1, count do
    if list[i] == nil then list[i] = null end
  end
  return list
end

function Box:type_of(_, value) return math.type(value) or type(value) end

function Box:many_results() return 1, 2, 3 end

function Box:big(_, size) return ("x"):rep(size) end

function Box:about(rpc, header)
  return { caller = rpc.caller, params = rpc.params, header = rpc.headers[header], address = rpc.address }
end

--- Goes on when the spec opens this gate (program.open_gate). The log tells when it has begun.
function Box:wait(_, gate)
  print("begun " .. gate)
  while not pcall(require, "lib." .. gate) do end
  self.state.puts = self.state.puts + 1
  return self.state.puts
end

--- Takes its time.
function Box:work(_, rounds)
  for _ = 1, rounds do self.state.puts = self.state.puts end
  self.state.puts = self.state.puts + 1
  return self.state.puts
end

function Box:_private() return "never" end

function Box:inspect_state() return { shown = self.state.held } end

-- Box:fail() changes the state and the kv, and then goes wrong in one of these ways.
local failures = {}

function failures.string() error "broken on purpose" end
function failures.table() error { code = "method_not_found", message = "as if by the host" } end
function failures.no_value() error() end
function failures.number() error(42) end
function failures.user()
  error(UserError("Not enough", { code = "insufficient", metadata = { balance = 3, list = { "a" } } }))
end
function failures.user_plain() error(UserError "Just no") end
function failures.user_metadata() error(UserError("no", { metadata = { f = print } })) end
function failures.user_reserved() error(UserError("no", { code = "timeout" })) end
function failures.raising_tostring()
  error(setmetatable({}, { __tostring = function() error "and again" end }))
end
function failures.looping_tostring()
  error(setmetatable({}, { __tostring = function() while true do end end }))
end
function failures.function_in_state(self) self.state.held = { a = { b = print } } end
function failures.cycle_in_state(self)
  self.state.held = { a = {} }
  self.state.held.a.up = self.state.held
end
function failures.twice_in_state(self)
  local shared = {}
  self.state.held = { a = shared, b = shared }
end
function failures.function_in_kv(self) self.kv:put("k", { print }) end
function failures.loop() while true do end end
function failures.memory()
  local hoard = {}
  for i = 1, 1e9 do hoard[i] = ("x"):rep(100000) .. i end
  return hoard
end

function Box:fail(_, how)
  self.state.puts = 1000
  self.state.held = "lost"
  self.kv:put("lost", true)
  failures[how](self)
end

function Box:hang_a_function_on_self()
  self.extra = function() return "never" end
  self.state.puts = self.state.puts + 1
end

-- Results for which JSON has no form, and some for which it has.
local results = {
  a_function = print,
  sparse = { [1] = 1, [3] = 3 },
  mixed = { 1, 2, x = 3 },
  number_keys = { [1.5] = true },
  nan = 0 / 0,
  infinity = { math.huge },
  no_text = { text = "\xff\xfe" },
  no_text_key = { ["\xff"] = 1 },
  empty_object = {},
  empty_array = array {},
  plain_array = { 1, 2, 3 },
  all_kinds = { 1, 1.0, "x", true, false, null },
}
results.cycle = { inner = {} }
results.cycle.inner.up = results.cycle
results.deep = {}
do
  local at = results.deep
  for _ = 1, 100 do
    at.x = {}
    at = at.x
  end
end

function Box:result(_, name) return results[name] end

function Box:large(_, size) return ("x"):rep(size) end

function Box:in_kv(_, value)
  self.kv:put("kept", value)
  return self.kv:get "kept"
end

function Box:from_kv() return self.kv:get "kept" end

return Box
