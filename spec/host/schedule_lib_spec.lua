-- self.schedule: what can be set, seen and taken back. What becomes of it when it is due has specs of its own.
local hosts = require "spec.support.hosts"

local planner = hosts.class("Planner", [[
  local environment = {
    print = print, array = array, null = null, string = string, table = table, coroutine = coroutine, math = math,
    setmetatable = setmetatable, pcall = pcall, now = os.time,
  }
  function Class:initialize_state() return { text = "a", list = { 1, 2 } } end
  function Class:on_start() self.started = true end
  function Class:ring() end
  function Class:_private() end
  Class.not_a_function = 5

  --- Runs a line over s, the schedules, and answers what it returns. With true behind it, an error is caught, so that
  --- what the line did before stays.
  function Class:run(_, line, caught)
    environment.s, environment.self = self.schedule, self
    local run = load("return " .. line, "line", "t", environment) or assert(load(line, "line", "t", environment))
    if not caught then return run() end
    local ok, result = pcall(run)
    if ok then return { result } end
    local told = type(result) == "table"
    return { nil, told and result.message or result, code = told and result.code or nil }
  end

  function Class:set(_, kind, when, ...) return self.schedule[kind](self.schedule, when, ...) end
  function Class:cancel(_, id) return self.schedule:cancel(id) end
  function Class:retry(_, id) return self.schedule:retry(id) end
  function Class:list() return self.schedule:list() end
  function Class:time() return os.time() end

  function Class:set_then_fail() self.schedule:after(60, "ring"); error("no") end
  function Class:cancel_then_fail(_, id) self.schedule:cancel(id); error("no") end
  function Class:save_then_fail()
    self.schedule:after(60, "ring")
    self:save_state()
    self.schedule:after(70, "ring")
    error("no")
  end
  function Class:fill(_, count)
    local last
    for i = 1, count do last = self.schedule:after(1000 + i, "ring", i) end
    return last
  end
  function Class:fill_until_full()
    local count = 0
    while true do
      local ok, failure = pcall(self.schedule.after, self.schedule, 1000, "ring")
      if not ok then return { count, failure.code, failure.message } end
      count = count + 1
    end
  end
  local kept
  function Class:keep() kept = self.schedule end
  function Class:use_kept() return kept:after(60, "ring") end
]])

local function open(options)
  local host = hosts.open({ ["planner.lua"] = planner }, options)
  return host, host:actor("Planner", "p")
end

local function ids_of(list)
  local ids = {}
  for i, entry in ipairs(list) do ids[i] = entry.id end
  return ids
end

describe("self.schedule", function()
  after_each(hosts.close_all)

  it("tells of each kind what was set", function()
    local _, actor = open()
    local now = actor:time()
    assert.equal(1, actor:set("after", 60, "ring"))
    assert.equal(2, actor:set("every", 2.5, "_private", "x"))
    assert.equal(3, actor:set("at", now + 3600, "ring"))
    assert.equal(4, actor:set("cron", "@yearly", "ring"))
    local list = actor:list()
    assert.same({ 2, 1, 3, 4 }, ids_of(list))
    assert.same({ id = 2, due = now + 2.5, every = 2.5, method = "_private", tries = 0, failed = false }, list[1])
    assert.same({ id = 1, due = now + 60, method = "ring", tries = 0, failed = false }, list[2])
    assert.same({ id = 3, due = now + 3600, method = "ring", tries = 0, failed = false }, list[3])
    assert.equal("@yearly", list[4].cron)
    assert.equal("0101 00:00:00", os.date("!%m%d %X", math.tointeger(list[4].due)))
    assert.equal("float", math.type(list[2].due))
  end)

  it("lists what is due at one moment in the order in which it was set, and nothing as a sequence", function()
    local _, actor = open()
    assert.equal(0, #actor:list())
    assert.equal(0, actor:run "#s:list()")
    for _ = 1, 20 do actor:set("after", 5, "ring") end
    actor:set("after", 4, "ring")
    local expected = { 21 }
    for id = 1, 20 do expected[#expected + 1] = id end
    assert.same(expected, ids_of(actor:list()))
  end)

  it("rounds what is not a whole millisecond up", function()
    local _, actor = open()
    local now = actor:time()
    for _, pair in ipairs { { 0.0004, 0.001 }, { 1.0001, 1.001 }, { 0.07, 0.07 }, { 4.35, 4.35 }, { 1.005, 1.005 } } do
      local id = actor:set("after", pair[1] + 100, "ring")
      local due = actor:list()[1].due
      assert.equal(("%.3f"):format(pair[2] + 100), ("%.3f"):format(due - now))
      actor:cancel(id)
    end
  end)

  it("takes what is over as due now, and a moment as it is", function()
    local _, actor = open()
    local now = actor:time()
    for _, moment in ipairs { "-1e300", "-1", "0", "1", "now() - 0.001", "now()" } do
      local due = actor:run(("local id = s:at(%s, 'ring'); local due = s:list()[1].due; s:cancel(id); return due")
        :format(moment))
      assert.equal(now, due)
    end
    assert.equal(now + 0.5, actor:run "local id = s:at(now() + 0.5, 'ring'); return s:list()[1].due")
    actor:set("at", 253402300799, "ring")
    assert.equal(253402300799, actor:list()[2].due)
  end)

  it("takes spans up to ten years, and at least a tenth of a second between beats", function()
    local _, actor = open()
    local years = 3653 * 24 * 3600
    for _, line in ipairs { "s:after(0, 'ring')", "s:after(-0.0, 'ring')", "s:after(" .. years .. ", 'ring')",
      "s:every(0.1, 'ring')", "s:every(" .. years .. ", 'ring')" } do
      assert.is_true(actor:run("s:cancel(" .. line .. ")"))
    end
  end)

  it("lasts over a crash, and so does what was taken back", function()
    local host, actor = open()
    actor:set("after", 60, "ring", { deep = { "x" } })
    actor:set("every", 60, "ring")
    actor:set("cron", "30 6 * * mon-fri", "ring")
    assert.is_true(actor:cancel(2))
    local before = actor:list()
    host:crash()
    assert.same(before, actor:list())
    host:checkpoint()
    host:crash()
    assert.same(before, actor:list())
    assert.equal(4, actor:set("after", 1000, "ring"))
    assert.is_true(actor:cancel(4))
    host:crash()
    assert.equal(5, actor:set("after", 1000, "ring"))
  end)

  it("goes with a call that fails, and stays with what was saved", function()
    local host, actor = open { errors = true }
    actor:set("after", 50, "ring")
    hosts.failure_of(actor.set_then_fail, actor)
    assert.same({ 1 }, ids_of(actor:list()))
    hosts.failure_of(actor.cancel_then_fail, actor, 1)
    assert.same({ 1 }, ids_of(actor:list()))
    hosts.failure_of(actor.save_then_fail, actor)
    assert.same({ 1, 2 }, ids_of(actor:list()))
    host:crash()
    assert.same({ 1, 2 }, ids_of(actor:list()))
  end)

  it("goes with a call that the disk fails", function()
    local host, actor = open { errors = true }
    actor:set("after", 50, "ring")
    host:fail_next "write"
    assert.equal("storage_error", hosts.failure_of(actor.set, actor, "after", 60, "ring").code)
    host:fail_next "write"
    assert.equal("storage_error", hosts.failure_of(actor.cancel, actor, 1).code)
    assert.same({ 1 }, ids_of(actor:list()))
    assert.equal(2, actor:set("after", 60, "ring"))
  end)

  it("cancels what is pending, once", function()
    local _, actor = open()
    local id = actor:set("after", 60, "ring")
    assert.is_true(actor:cancel(id))
    assert.is_false(actor:cancel(id))
    assert.equal(0, #actor:list())
    assert.equal(2, actor:set("after", 60, "ring"))
    assert.same({ true, false, 0 }, actor:run "array { s:cancel(2), s:cancel(2), #s:list() }")
  end)

  it("knows its own ids only, and does not mind others", function()
    local host, actor = open()
    host:actor("Planner", "other"):set("after", 60, "ring")
    for _, id in ipairs { "1", "0", "-1", "2.5", "1e300", "math.huge", "0/0", "math.mininteger", "math.maxinteger",
      "2^53" } do
      assert.same({ false, false }, actor:run(("array { s:cancel(%s), s:retry(%s) }"):format(id, id)))
    end
    assert.equal(1, #host:actor("Planner", "other"):list())
    actor:set("after", 60, "ring")
    assert.is_true(actor:run "s:cancel(1.0)")
  end)

  it("retries nothing that is still to run", function()
    local _, actor = open()
    local id = actor:set("after", 60, "ring")
    assert.is_false(actor:retry(id))
    assert.equal(1, #actor:list())
  end)

  it("may be used in each hook that may use the kv", function()
    local source = hosts.class("Hooked", [[
      function Class:initialize_state() self.schedule:after(10, "ring"); return {} end
      function Class:on_start() self.schedule:after(20, "ring") end
      function Class:on_before_connect() self.schedule:after(30, "ring") end
      function Class:on_stop() self.schedule:after(40, "ring") end
      function Class:ring() end
      function Class:count() return #self.schedule:list() end
    ]])
    local host = hosts.open { ["hooked.lua"] = source }
    local actor = host:actor("Hooked", "h")
    assert.equal(3, actor:count())
    host:sleep("Hooked", "h")
    assert.equal(6, actor:count())     -- one more when it stopped, one when it started, and one for this call
  end)

  it("works in coroutines, and in a sort", function()
    local _, actor = open()
    assert.equal(1, actor:run "coroutine.wrap(function() return s:after(60, 'ring') end)()")
    assert.equal(2, actor:run [[
      local ids = {}
      table.sort({ 2, 1 }, function(a, b)
        if #ids == 0 then ids[1] = s:after(60, "ring"); s:list() end
        return a < b
      end)
      return ids[1] ]])
  end)

  it("belongs to its actor, for one time in memory", function()
    local host, actor = open { errors = true }
    actor:keep()
    assert.equal(1, actor:use_kept())
    local other = host:actor("Planner", "other")
    assert.matches("whose turn this is not", hosts.failure_of(other.use_kept, other).message)
    host:sleep("Planner", "p")
    assert.matches("whose turn this is not", hosts.failure_of(actor.use_kept, actor).message)
  end)

  it("counts towards the bytes of a commit", function()
    local _, actor = open { limits = { commit_bytes = 10000 } }
    assert.equal(1, actor:set("after", 60, "ring", ("x"):rep(9000)))
    local failure = hosts.failure_of(actor.set, actor, "after", 60, "ring", ("x"):rep(10001))
    assert.equal("payload_too_large", failure.code)
    assert.matches("%-%-limit%-commit%-bytes", failure.message)
    failure = hosts.failure_of(actor.fill, actor, 200)
    assert.equal("payload_too_large", failure.code)
    assert.equal(1, #actor:list())
  end)

  it("has as many as the limit says, and room again for each that goes", function()
    local _, actor = open { limits = { schedules = 3 } }
    local full = actor:fill_until_full()
    assert.same({ 3, "payload_too_large" }, { full[1], full[2] })
    assert.matches("this actor has 3 schedules, failed ones too; the limit is 3 %(%-%-limit%-schedules%)", full[3])
    assert.is_true(actor:cancel(2))
    assert.equal(4, actor:set("every", 60, "ring"))
    assert.equal("payload_too_large", hosts.failure_of(actor.set, actor, "cron", "@daily", "ring").code)
    assert.same({ 1, 3, 4 }, (function() local ids = ids_of(actor:list()); table.sort(ids); return ids end)())
  end)

  it("lists very many in one order, and pauses for others on the way", function()
    local host, actor = open { pause_ms = 0 }
    for _ = 1, 3 do actor:fill(400) end
    for _ = 1, 3 do actor:cancel(actor:set("after", 1, "ring")) end   -- which the scan passes
    local list = host:start("Planner", "p", "list")
    local ids, due = {}, 0
    for i, entry in ipairs(list:get()) do
      ids[i] = entry.id
      assert.is_true(entry.due >= due)
      due = entry.due
    end
    assert.equal(1200, #ids)
    assert.same({ 1, 401, 801, 2, 402, 802 }, { table.unpack(ids, 1, 6) })
  end)
end)

-- Where each mistake is named: the line, what the error says, and its code if it has one.
local mistakes = {
  { "s.after(60, 'ring')", "call methods of schedule with a colon" },
  { "s.list()", "call methods of schedule with a colon" },
  { "s.after({}, 60, 'ring')", "call methods of schedule with a colon" },
  { "s.cancel(self.kv, 1)", "call methods of schedule with a colon" },
  { "s:after()", "seconds: a number of seconds, not a nil" },
  { "s:after('60', 'ring')", "seconds: a number of seconds, not a string" },
  { "s:after({}, 'ring')", "seconds: a number of seconds, not a table" },
  { "s:after(null, 'ring')", "seconds: a number of seconds, not a" },
  { "s:after(0/0, 'ring')", "seconds: a number of seconds, not -nan" },
  { "s:after(math.huge, 'ring')", "seconds: a number of seconds, not inf" },
  { "s:after(-math.huge, 'ring')", "seconds: a number of seconds, not -inf" },
  { "s:after(-1, 'ring')", "seconds: at least 0, not -1" },
  { "s:after(-1e-9, 'ring')", "seconds: at least 0, not -1e-09" },
  { "s:after(math.mininteger, 'ring')", "seconds: at least 0" },
  { "s:after(math.maxinteger, 'ring')", "seconds: at most ten years" },
  { "s:after(3653 * 24 * 3600 + 1, 'ring')", "seconds: at most ten years, not 315619201" },
  { "s:after(1e308, 'ring')", "seconds: at most ten years, not 1e+308" },
  { "s:every(0, 'ring')", "seconds: at least 0.1, not 0" },
  { "s:every(0.0999, 'ring')", "seconds: at least 0.1, not 0.0999" },
  { "s:every(-5, 'ring')", "seconds: at least 0.1, not -5" },
  { "s:every(0/0, 'ring')", "seconds: a number of seconds, not" },
  { "s:every(1e9, 'ring')", "seconds: at most ten years, not 1000000000.0" },
  { "s:at(0/0, 'ring')", "unix_seconds: a number of seconds, not" },
  { "s:at(math.huge, 'ring')", "unix_seconds: a number of seconds, not inf" },
  { "s:at('tomorrow', 'ring')", "unix_seconds: a number of seconds, not a string" },
  { "s:at(now() * 1000, 'ring')", "unix_seconds: at most that of the year 9999, in seconds and not in milliseconds" },
  { "s:at(1e300, 'ring')", "unix_seconds: at most that of the year 9999" },
  { "s:cron(5, 'ring')", "expression: five fields, a string, not a number" },
  { "s:cron('', 'ring')", "expression: 0 fields; there are five", "invalid_arguments" },
  { "s:cron('* * *', 'ring')", "expression: 3 fields; there are five", "invalid_arguments" },
  { "s:cron('61 * * * *', 'ring')", "expression: minute: \"61\": a value out of range", "invalid_arguments" },
  { "s:cron('0 0 30 2 *', 'ring')", "expression: it never comes", "invalid_arguments" },
  { "s:cron('@reboot', 'ring')", "expression: \"@reboot\": not one of @yearly", "invalid_arguments" },
  { "s:cron(('*'):rep(300), 'ring')", "expression: more than 256 bytes", "invalid_arguments" },
  { "s:cron('* * * * *\\0', 'ring')", "expression: day of the week", "invalid_arguments" },
  { "s:after(60)", "method: the name of a method, a string, not a nil" },
  { "s:after(60, 5)", "method: the name of a method, a string, not a number" },
  { "s:after(60, self.ring)", "method: the name of a method, a string, not a function" },
  { "s:after(60, '')", "method: the class \"Planner\" has no method \"\"", "method_not_found" },
  { "s:after(60, 'rings')", "method: the class \"Planner\" has no method \"rings\"", "method_not_found" },
  { "s:after(60, 'ring\\0')", "has no method", "method_not_found" },
  { "s:after(60, ('x'):rep(100000))", "has no method \"xxx", "method_not_found" },
  { "s:after(60, 'not_a_function')", "has no method \"not_a_function\"", "method_not_found" },
  { "s:after(60, 'name')", "has no method \"name\"", "method_not_found" },
  { "s:after(60, 'started')", "has no method \"started\"", "method_not_found" },
  { "s:after(60, 'save_state')", "method: \"save_state\" is a method of Actor itself", "method_not_found" },
  { "s:after(60, 'extend')", "method: \"extend\" is a method of Actor itself", "method_not_found" },
  { "s:after(60, '__index')", "method: \"__index\" is a metamethod", "method_not_found" },
  { "s:cancel()", "id: the number that after, at, every or cron returned, not a nil" },
  { "s:cancel('1')", "id: the number that after, at, every or cron returned, not a string" },
  { "s:retry({})", "id: the number that after, at, every or cron returned, not a table" },
  { "s:after(60, 'ring', print)", "arguments[1]: a function cannot be" },
  { "s:after(60, 'ring', 1, coroutine.create(print))", "arguments[2]: a thread cannot be" },
  { "s:after(60, 'ring', { a = { print } })", "arguments[1].a[1]: a function cannot be" },
  { "s:after(60, 'ring', setmetatable({}, {}))", "arguments[1]: a table with a metatable cannot be" },
  { "s:after(60, 'ring', self)", "arguments[1]: " },
  { "s:after(60, 'ring', s)", "arguments[1]: " },
  { "s:after(60, 'ring', ('x'):rep(2000))", "the limit of a value (--limit-value-bytes)", "payload_too_large" },
  { "s:after(60, 'ring', { ('x'):rep(2000) })", "the limit of a value (--limit-value-bytes)", "payload_too_large" },
  { "s:after(60, 'ring', table.unpack(array {}, 1, 201))", "201 arguments; a call takes at most 200",
    "invalid_arguments" },
}
for _, hook in ipairs { "initialize_state", "on_start", "on_stop", "on_destroy", "migrate_state", "inspect_state",
  "on_before_connect", "on_connect", "on_disconnect" } do
  local line, message = ("s:every(60, '%s')"):format(hook), ("method: %q is a hook"):format(hook)
  mistakes[#mistakes + 1] = { line, message, "method_not_found" }
end

describe("self.schedule, given what it cannot take", function()
  after_each(hosts.close_all)

  for _, mistake in ipairs(mistakes) do
    it(mistake[1], function()
      local _, actor = open { limits = { value_bytes = 2000 } }
      local result = actor:run(mistake[1], true)
      assert.is_string(result[2])
      assert.truthy(result[2]:find(mistake[2], 1, true), result[2])
      assert.equal(mistake[3], result.code)
      assert.equal(0, #actor:list())
      assert.equal(1, actor:set("after", 60, "ring"))
    end)
  end

  it("cannot be set, and has no other fields", function()
    local _, actor = open()
    for _, line in ipairs { "self.schedule = {}", "s.x = 1", "s[1] = 2", "for _ in s do end", "return #s" } do
      assert.is_string(actor:run(line, true)[2], line)
    end
    assert.same({}, actor:run("s.x", true))
  end)

  it("is named by a method that a schedule could run, and that is in a parent", function()
    local parent = hosts.class("Parent", "function Class:inherited() end function Class:_hidden() end")
    local child = [[local Parent = require "parent"; local Child = Parent:extend "Child"
      function Child:set(_, name) return self.schedule:after(60, name) end
      return Child]]
    local host = hosts.open { ["parent.lua"] = parent, ["child.lua"] = child }
    local actor = host:actor("Child", "c")
    assert.equal(1, actor:set "inherited")
    assert.equal(2, actor:set "_hidden")
  end)
end)
