-- One method for each function of the host that takes memory.
local Actor = require "troupe.actor"
local json = require "troupe.json"
local cjson = require "cjson"

---@class Memory: Actor
local Memory = Actor:extend "Memory"

function Memory:initialize_state()
  return { n = 0, t = { a = 1 }, list = array { { v = 1 }, { v = 2 } }, plain = {} }
end

function Memory:on_start() self.started = true end

function Memory:on_stop() self.state.stopped = { self.state.n } end

function Memory:inspect_state() return { n = self.state.n, list = self.state.list } end

function Memory:seed()
  self.kv:put("one", { 1 })
  for i = 1, 3 do self.kv:put({ "many", i }, i) end
end

function Memory:ping() return "pong" end

-- Adds tables and a long name, which get records of their own.
function Memory:grow()
  for i = 1, 6 do self.state.plain[i] = { text = ("x"):rep(300), inner = { i } } end
  self.state[("n"):rep(600)] = { 1 }
end

function Memory:state_write()
  local state = self.state
  state.n = state.n + 1
  state.t.a = "text " .. state.n
  state.t.fresh = { 1, 2, { x = 3 } }
  state.list[3] = { v = state.n }
end

function Memory:state_write_and_count()
  self.state.n = self.state.n + 1
  return self.kv:count()
end

function Memory:state_write_and_save()
  self.state.n = self.state.n + 1
  self:save_state()
  self.state.n = self.state.n + 1
end

function Memory:state_assign()
  self.state = { n = self.state.n + 1, t = { a = 5, deep = { 1, 2, 3 } }, list = array {}, plain = {} }
end

function Memory:state_read()
  local sum = 0
  for _, entry in pairs(self.state.list) do sum = sum + entry.v end
  return sum
end

function Memory:state_tables()
  local list = self.state.list
  table.insert(list, 1, { v = 0 })
  table.remove(list, 2)
  list[1], list[2] = list[2], list[1]
  table.sort(list, function(a, b) return a.v < b.v end)
end

function Memory:state_refused() self.state.t.a = { deep = { print } } end

function Memory:fields()
  self.count = (self.count or 0) + 1
  self.extra = { 1 }
end

function Memory:kv_put()
  self.kv:put({ "a", 1, { true } }, { x = 1, y = { 1, 2 } })
  self.kv:put("b", ("x"):rep(100), { format = "bytes" })
end

function Memory:kv_get() return { self.kv:get "one", self.kv:get { "many", 2 } } end

function Memory:kv_delete() return self.kv:delete "one" end

function Memory:kv_list()
  local all = self.kv:list {
    prefix = { "many" }, start = { "many", 0 }, stop = { "many", 100 }, limit = 10, reverse = true,
  }
  return #all
end

function Memory:kv_get_batch() return self.kv:get_batch { "one", "none", { "many", 2 } } end

function Memory:kv_each()
  local unfinished = self.kv:each { reverse = true }
  unfinished()
  for key, value in self.kv:each { prefix = "many", start_after = { "many", 1 } } do
    self.kv:put({ "seen", key[2] }, value)
    self.kv:delete(key)
  end
end

function Memory:schedules()
  local id = self.schedule:after(1000, "ping", { "x" }, 5)
  self.schedule:every(1000, "ping")
  self.schedule:cron("@yearly", "ping")
  self.schedule:at(4e9, "ping")
  self.schedule:cancel(id)
  self.schedule:retry(id)
  return #self.schedule:list()
end

function Memory:schedules_refused()
  pcall(self.schedule.after, self.schedule, 1000, "save_state")
  pcall(self.schedule.cron, self.schedule, "* * *", "ping")
  self.schedule:every(0, "ping")
end

-- Goes on after an entry that could not be read. No entry may be lost by that, or come twice.
function Memory:kv_each_again()
  local seen = array {}
  local next_entry, failures = self.kv:each(), 0
  while true do
    local ok, key, value = pcall(next_entry)
    if ok and not key then break end
    if ok then seen[#seen + 1] = { key, value } end
    failures = failures + (ok and 0 or 1)
    if failures > 5 then error(key) end
  end
  self.kv:put("seen", seen)
end

function Memory:kv_count() return self.kv:count() + self.kv:count { prefix = "many", limit = 2 } end

function Memory:kv_put_batch()
  self.kv:put_batch { { key = { "a", { 1 } }, value = { x = { 1, 2 } } }, { key = "one", value = ("x"):rep(100) } }
  self.kv:put_batch({ { key = "b", value = "bytes" }, { key = { "many", 1 }, value = "" } }, { format = "bytes" })
end

function Memory:kv_delete_batch() return self.kv:delete_batch { { "many", 3 }, "none", "one", "one" } end

function Memory:kv_delete_range()
  self.kv:put({ "many", 2.5 }, 2.5)
  return self.kv:delete_range { prefix = "many", reverse = true, limit = 2 } + self.kv:delete_range { start = "one" }
end

function Memory:kv_delete_all()
  self.kv:delete_all()
  self.kv:put({ "many", 2 }, "anew")
end

function Memory:log_lines()
  self.log:info("a line", { a = 1, b = { 1, 2, 3 }, c = "text" })
  print("another", 1, {})
end

function Memory:json()
  return json.decode(json.encode { a = { 1, 2.5, "x" }, b = array {}, c = null })
end

function Memory:cjson() return cjson.encode { a = { 1, 2.5, "x" }, part = self.state.t } end

function Memory:user_error()
  error(UserError("refused", { code = "refused", metadata = { a = 1, b = { 2 } } }))
end

function Memory:script_error() error { code = "not_a_code" } end

function Memory:requires() return require("lib.money").cents end

function Memory:marks()
  array(self.state.plain)
  self.state.marked = array {}
  return array { 1, 2 }
end

function Memory:rpc_fields(rpc)
  return { rpc.id, rpc.caller, rpc.params or 0, rpc.headers or 0, self.key, self.class.name }
end

function Memory:events()
  self.state.n = self.state.n + 1
  self:broadcast("changed", self.state.n, { list = self.state.list }, nil)
  self:broadcast(("long"):rep(50), ("text"):rep(100))
  return { #self.connections }
end

function Memory:handles()
  local options = { create = false, input = { 1, { 2 } }, timeout = 1.5, idempotency_key = "once" }
  local other = self:actor("Memory", { "other", 1 }, options)
  self.state.plain.other, self.state.list[3] = other, { other }
  self.state.plain.others = { { other } }
  self.kv:put("other", { other, other })
  local ping, kept = other.ping, self.kv:get "other"
  return { tostring(other), ping == other.ping, kept[2], self.state.plain.other == kept[1] }
end

function Memory:asks()
  self.state.n = self.state.n + 1
  local other = self:actor("Memory", "asked", { input = { 1 } })
  self.state.t.asked = other:echo({ other, self.state.t }, nil, "text")
  return other:ping()
end

function Memory:on_destroy() self.farewell = self.kv:count() + #tostring(self:actor("Memory", "asked")) end

function Memory:destroys()
  self.kv:put("farewell", self.key)
  self:destroy()
  return self.kv:list()
end

function Memory:destroys_after_save()
  for _ in self.kv:each() do
    self.state.n = self.state.n + 1
    self:save_state()
  end
  self:destroy()
end

function Memory:asks_in_vain()
  local other = self:actor("Memory", "asked")
  self.state.t.caught = select(2, pcall(other.user_error, other)).metadata
  other:script_error()
end

function Memory:echo(_, value) return value end

function Memory:coroutines()
  local wrapped = coroutine.wrap(function(a) return (coroutine.yield(a)) end)
  wrapped(1)
  local co = coroutine.create(function()
    local _ <close> = setmetatable({}, { __close = function() return { 1 } end })
    coroutine.yield()
  end)
  coroutine.resume(co)
  coroutine.close(co)
  return wrapped(2)
end

-- Goes over entries in coroutines within each other. What resume() could not do for want of memory is done again, since
-- the error is a string there.
function Memory:coroutines_wait()
  local total = 0
  local function count() return self.kv:count() end
  for n in coroutine.wrap(function()
    local ok, found = coroutine.resume(coroutine.create(count))
    coroutine.yield(ok and found or count())
    coroutine.yield(coroutine.wrap(count)(1, 2, 3))
  end) do total = total + n end
  self.state.n = total
  return total
end

function Memory:coroutines_save()
  self.state.n = self.state.n + 1
  coroutine.wrap(function()
    if not coroutine.resume(coroutine.create(self.save_state), self) then self:save_state() end
  end)()
  self.state.n = self.state.n + 1
end

function Memory:strings()
  return assert(load "return 1")() .. tostring {} .. ("x"):rep(10) .. os.date() .. ("%s"):format "x"
end

return Memory
