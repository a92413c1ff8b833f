-- A handle is the address of an actor, and a value like any other.
local hosts = require "spec.support.hosts"

local account = hosts.class("Account", [[
  function Class:deposit() return 1 end
  function Class:_private() end
  function Class:on_start() end
  Class.limit = 5
]])

local holder = [[
  local kept
  function Class:initialize_state() return { deep = { list = {} } } end
  function Class:run(rpc, text, ...) return load(text, "=run", "t", { kept = kept, keep = function(v) kept = v end,
    tostring = tostring, type = type, rawequal = rawequal, pcall = pcall, null = null, array = array, print = print,
    json = require "troupe.json", cjson = require "cjson", error = error, UserError = UserError, pairs = pairs,
    getmetatable = getmetatable, setmetatable = setmetatable, table = table, string = string,
    ipairs = ipairs, coroutine = coroutine })(self, rpc, ...) end
]]

local function open(options)
  local host = hosts.open({ ["account.lua"] = account, ["holder.lua"] = hosts.class("Holder", holder) }, options)
  local actor = host:actor("Holder", "h")
  return host, function(text, ...) return actor:run("local self, rpc = ... " .. text, ...) end
end

describe("A handle", function()
  after_each(hosts.close_all)

  it("is the address of an actor, shown as in a path", function()
    local _, run = open()
    for key, text in pairs {
      ['"ann"'] = "Account/ann", ['"a b/c"'] = "Account/a b/c", ["7"] = "Account/[7]",
      ['{ "eu", 42 }'] = 'Account/["eu",42]', ['{ "ann" }'] = "Account/ann", ['""'] = 'Account/[""]',
      ['"[x"'] = 'Account/["[x"]', ["{ 1.5, { true } }"] = "Account/[1.5,[true]]",
    } do
      assert.equal(text, run(("return tostring(self:actor('Account', %s))"):format(key)))
    end
    assert.equal("userdata", run "return type(self:actor('Account', 'ann'))")
    assert.equal("Account/ann!", run "return ('%s!'):format(self:actor('Account', 'ann'))")
    assert.is_nil(run "return getmetatable(self:actor('Account', 'ann'))")
  end)

  it("equals the handles of the same actor, whatever their options, and no other", function()
    local _, run = open()
    assert.same({ true, true, true, false, false, false, false }, run [[
      local ann = self:actor("Account", "ann")
      local function same(a, b) return a == b and b == a and not (a ~= b) end
      return {
        same(ann, self:actor("Account", { "ann" })),
        same(ann, self:actor("Account", "ann", { create = false, input = { 1 }, timeout = 1, idempotency_key = "k" })),
        same(self:actor("Account", 1), self:actor("Account", { 1.0 })),
        same(ann, self:actor("Account", "bob")), same(ann, self:actor("Holder", "ann")), same(ann, "Account/ann"),
        same(self:actor("Account", { 1, 2 }), self:actor("Account", { { 1, 2 } })),
      }
    ]])
  end)

  it("names what is wrong with the class, the key and the options at once", function()
    local _, run = open { errors = true }
    local host_error = "local ok, e = pcall(self.actor, self, %s) return { ok, e.code, e.message }"
    for arguments, expected in pairs {
      ["'Nobody', 'a'"] = { false, "class_not_found", 'there is no class "Nobody"' },
      ["'Acc\\0', 'a'"] = { false, "class_not_found", 'there is no class "Acc\0"' },
      ["'Account'"] = { false, "invalid_key", "key: nil cannot be a key or a part of one" },
      ["'Account', {}"] = { false, "invalid_key", "key: an empty tuple cannot be a key" },
      ["'Account', null"] = { false, "invalid_key", "key: null cannot be part of a key" },
      ["'Account', 0 / 0"] = { false, "invalid_key", "key: NaN cannot be a key" },
      ["'Account', ('x'):rep(3000)"] = { false, "invalid_key",
        "key: 3002 bytes encoded; the limit of a key is 2048 (--limit-key-bytes)" },
      ["'Account', self:actor('Account', 'a')"] = { false, "invalid_key",
        "key: a handle of an actor cannot be part of a key" },
    } do
      local found = run(host_error:format(arguments))
      found[3] = found[3]:gsub("Acc.-\"", expected[3]:match 'Acc.-"' or "%0")
      assert.same(expected, found)
    end
    for call, expected in pairs {
      ["self:actor()"] = "class: the name of a class, a string, not a nil",
      ["self:actor(self.class, 'a')"] = "class: the name of a class, a string, not a userdata",
      ["self.actor('Account', 'ann')"] = "call actor with a colon: self:actor(class, key)",
      ["self:actor('Account', 'a', 'b')"] = "options: a table, not a string",
      ["self:actor('Account', 'a', setmetatable({}, {}))"] = "options: a table, not a table with a metatable",
      ["self:actor('Account', 'a', { 1 })"] = "options: the name of an option is a string, not a number",
      ["self:actor('Account', 'a', { Timeout = 1 })"] = 'options: unknown option "Timeout"',
      ["self:actor('Account', 'a', { create = 1 })"] = "options.create: true or false, not a number",
      ["self:actor('Account', 'a', { timeout = '1' })"] = "options.timeout: a positive number of seconds, not a string",
      ["self:actor('Account', 'a', { timeout = 0 })"] = "options.timeout: a positive number of seconds, not 0",
      ["self:actor('Account', 'a', { timeout = 0/0 })"] = "options.timeout: a positive number of seconds, not -nan",
      ["self:actor('Account', 'a', { input = { f = print } })"] =
        "options.input.f: a function cannot be saved or sent",
      ["self:actor('Account', 'a', { idempotency_key = 1 })"] = "options.idempotency_key: a string, not a number",
      ["self:actor('Account', 'a', { idempotency_key = '' })"] =
        "options.idempotency_key: the idempotency key is empty",
      ["self:actor('Account', 'a', { idempotency_key = 'a b' })"] = "options.idempotency_key: the idempotency key has "
        .. "byte 0x20 at position 2; only visible ASCII without spaces is allowed",
    } do
      local message = hosts.failure_of(run, call).message
      assert.equal(expected, message:gsub("^run:1: ", ""):gsub("not %-?nan", "not -nan"), call)
    end
  end)

  it("whose input is over the limit of a value is refused", function()
    local _, run = open { limits = { value_bytes = 100 } }
    local refused = "options.input: more than 100 bytes, the limit of a value (--limit-value-bytes)"
    assert.equal("payload_too_large " .. refused, run [[
      local ok, e = pcall(self.actor, self, "Account", "a", { input = ("x"):rep(101) })
      return e.code .. " " .. e.message
    ]])
    assert.equal("Account/a", run "return tostring(self:actor('Account', 'a', { input = ('x'):rep(98) }))")
  end)

  it("is kept in the state, at any depth, and equal after a save and a load", function()
    local host, run = open()
    run [[
      self.state.top = self:actor("Account", "ann", { timeout = 1 })
      self.state.deep.list[1] = { owner = self:actor("Account", { "eu", 42 }) }
      for i = 1, 200 do self.state.deep.list[i + 1] = self:actor("Holder", i) end
      self.state.deep.wide = { a = { b = { self:actor("Account", ("k"):rep(400)), ("x"):rep(300) } } }
    ]]
    local look = [[
      local list = self.state.deep.list
      for i = 1, 200 do if list[i + 1] ~= self:actor("Holder", i) then return i end end
      return self.state.top == self:actor("Account", "ann") and list[1].owner == self:actor("Account", { "eu", 42 })
             and self.state.deep.wide.a.b[1] == self:actor("Account", ("k"):rep(400))
    ]]
    assert.is_true(run(look))
    host:crash()
    assert.is_true(run(look))
    host:sleep("Holder", "h")
    assert.is_true(run(look))
    run "self.state.deep.list[1].owner = self.state.top  self.state.top = nil  table.remove(self.state.deep.list, 2)"
    host:crash()
    assert.equal("Account/ann Holder/[2] nil", run [[
      return ("%s %s %s"):format(self.state.deep.list[1].owner, self.state.deep.list[2], self.state.top)
    ]])
    assert.equal("Account/ann", tostring(host:state("Holder", "h").deep.list[1].owner))
  end)

  it("in a state is undone with a call that fails", function()
    local _, run = open { errors = true }
    run "self.state.a = self:actor('Account', 'ann')"
    hosts.failure_of(run, "self.state.a = self:actor('Account', 'bob') self.state.deep.b = self.state.a error 'no'")
    assert.equal("Account/ann nil", run "return ('%s %s'):format(self.state.a, self.state.deep.b)")
    run "self.state.a = { self.state.a }"
    hosts.failure_of(run, "self.state.a[1] = self.state.deep  error 'no'")
    assert.equal("Account/ann", run "return tostring(self.state.a[1])")
  end)

  it("may stand in a state in many places", function()
    local host, run = open()
    run [[
      local ann = self:actor("Account", "ann")
      self.state.a, self.state.b, self.state.deep.list = ann, ann, { ann, ann, { ann } }
    ]]
    host:crash()
    assert.is_true(run "return self.state.a == self.state.b and self.state.deep.list[3][1] == self.state.a")
  end)

  it("is a value of the kv, and a key of nothing", function()
    local host, run = open { errors = true }
    run [[
      local ann = self:actor("Account", "ann")
      self.kv:put("one", ann)
      self.kv:put("more", { ann, { ann, deep = { ann } } })
    ]]
    host:crash()
    assert.equal("Account/ann Account/ann true", run [[
      local more = self.kv:get "more"
      return ("%s %s %s"):format(self.kv:get "one", more[2].deep[1], more[1] == more[2][1])
    ]])
    assert.equal("Account/ann", tostring(host:kv("Holder", "h")[2].value))
    for text, expected in pairs {
      ["self.kv:put(ann, 1)"] = "key: a handle of an actor cannot be part of a key",
      ["self.kv:get { 'a', ann }"] = "key: a handle of an actor cannot be part of a key",
      ["self.kv:put('k', { [ann] = 1 })"] = "value: a key cannot be a userdata",
      ["self.state[ann] = 1"] = "a key of a state is a string or a number",
    } do
      local message = hosts.failure_of(run, "local ann = self:actor('Account', 'ann') " .. text).message
      assert.truthy(message:find(expected, 1, true), message)
    end
  end)

  it("has no form in JSON: the error tells where", function()
    local _, run = open { errors = true }
    for text, expected in pairs {
      ["json.encode(ann)"] = "value: the handle of an actor has no form in JSON",
      ["json.encode { a = { 1, ann } }"] = "value.a[2]: the handle of an actor has no form in JSON",
      ["cjson.encode { ann }"] = "Cannot serialise userdata",
    } do
      local message = hosts.failure_of(run, "local ann = self:actor('Account', 'ann') " .. text).message
      assert.truthy(message:find(expected, 1, true), message)
    end
  end)

  it("comes to a spec as a value, which can be given back", function()
    local _, run = open()
    local ann = run "return { self:actor('Account', 'ann', { timeout = 3 }), self:actor('Account', 'bob') }"
    assert.equal("Account/ann Account/bob", ("%s %s"):format(ann[1], ann[2]))
    assert.is_true(ann[1] ~= ann[2] and ann[1] == run "return self:actor('Account', 'ann')")
    assert.same({ true, false }, run([[
      local _, _, a, b = ...
      return { a == self:actor("Account", "ann"), b == self:actor("Account", "ann") }
    ]], ann[1], ann[2]))
  end)

  it("is the same address to whatever worker reads it", function()
    local files = { ["account.lua"] = account, ["holder.lua"] = hosts.class("Holder", holder) }
    local host = hosts.open(files, { workers = 3 })
    local handle = host:actor("Holder", 1):run "return (...):actor('Account', { 'eu', 42 })"
    local compare = "local self, _, h = ... return h == self:actor('Account', { 'eu', 42 })"
    for key = 1, 12 do assert.is_true(host:actor("Holder", key):run(compare, handle)) end
  end)

  it("lives on outside its maker's calls", function()
    local host, run = open()
    run "keep(self:actor('Account', 'ann'))"
    local other = host:actor("Holder", "other")
    assert.equal("Account/ann", other:run "return tostring(kept)")
    other:run "local self = ... self.state.kept = kept"
    host:crash()
    assert.is_true(other:run "local self = ... return self.state.kept == self:actor('Account', 'ann')")
  end)

  it("of a class that a reload has taken away is still a value, without methods", function()
    local host, run = open()
    run "self.state.a = self:actor('Account', 'ann')"
    os.remove(host.folder .. "/account.lua")
    host:reload()
    local found = run [[
      local ok, e = pcall(function() return self.state.a.deposit end)
      return { tostring(self.state.a), ok, e.code, e.message, (pcall(self.actor, self, "Account", "ann")) }
    ]]
    assert.same({ "Account/ann", false, "class_not_found", 'there is no class "Account"', false }, found)
  end)

  it("is shown by its address in the log, and left out of an error's metadata", function()
    local host, run = open()
    run "self.log:info('saw', { who = self:actor('Account', 'ann'), list = { self:actor('Account', 1) } })"
    assert.matches('saw .*Account/ann.*Account/%[1%]', (host:log():gsub("list=(%S+) who=(%S+)", "who=%2 list=%1")))
    local failure = hosts.failure_of(run, [[
      error(UserError("no", { metadata = { who = self:actor("Account", "a"), n = 1 } }))
    ]])
    assert.same({ n = 1 }, failure.metadata)
  end)
end)

describe("A method of a handle", function()
  after_each(hosts.close_all)

  it("is one that a client could call; any other name is method_not_found", function()
    local _, run = open { errors = true }
    for _, name in ipairs { "withdraw", "_private", "on_start", "limit", "extend", "actor", "name", "__index", "" } do
      local found = run([[
        local _, _, name = ...
        local ok, e = pcall(function() return self:actor("Account", "ann")[name] end)
        return { ok, e.code, e.message }
      ]], name)
      assert.same({ false, "method_not_found", ('the class "Account" has no method "%s"'):format(name) }, found)
    end
    local failure = hosts.failure_of(run, "self:actor('Account', 'ann'):withdraw(5)")
    assert.equal("internal_error", failure.code)
    assert.matches('run:1: the class "Account" has no method "withdraw"', failure.message)
    local function message_of(text)
      return hosts.failure_of(run, "local ann = self:actor('Account', 1) " .. text).message
    end
    assert.matches("no field with a number as its name", message_of "return ann[1]")
    assert.matches("a handle cannot be written to", message_of "ann.deposit = print")
  end)

  it("is the same function for all handles of a class, and names asked for in vain leave nothing", function()
    local _, run = open { limits = { vm_bytes = 16 * 1024 * 1024, call_bytes = 8 * 1024 * 1024 } }
    assert.is_true(run "return rawequal(self:actor('Account', 'ann').deposit, self:actor('Account', 'bob').deposit)")
    run [[
      local ann, pad = self:actor("Account", "ann"), ("x"):rep(1000)
      for i = 1, 20000 do pcall(function() return ann[i .. pad] end) end
    ]]
  end)

  it("wants a handle of its class in front", function()
    local _, run = open { errors = true }
    for call, expected in pairs {
      ["ann.deposit(5)"] = "call deposit with a colon: handle:deposit(...)",
      ["ann.deposit()"] = "call deposit with a colon: handle:deposit(...)",
      ["ann.deposit(self, 5)"] = "call deposit with a colon: handle:deposit(...)",
      ["ann.deposit(self:actor('Holder', 1), 5)"] =
        'deposit: a method of the class "Account", called with a handle of another',
    } do
      local message = hosts.failure_of(run, "local ann = self:actor('Account', 'ann') " .. call).message
      assert.equal("run:1: " .. expected, message)
    end
  end)

  it("refuses arguments that cannot be copied, and says where", function()
    local _, run = open { errors = true, limits = { value_bytes = 1000 } }
    for arguments, expected in pairs {
      ["print"] = "run:1: arguments[1]: a function cannot be saved or sent",
      ["1, coroutine.create(print)"] = "run:1: arguments[2]: a thread cannot be saved or sent",
      ["nil, { a = { 1, self } }"] = "run:1: arguments[2].a[2]: a userdata cannot be saved or sent",
      ["1, nil, self.kv"] = "run:1: arguments[3]: a userdata cannot be saved or sent",
      ["{ f = print }, {}"] = "run:1: arguments[1].f: a function cannot be saved or sent",
      ["setmetatable({}, {})"] = "run:1: arguments[1]: a table with a metatable cannot be saved",
      ["{ [{}] = 1 }"] = "run:1: arguments[1]: a key cannot be a table",
    } do
      local message = hosts.failure_of(run, ("self:actor('Account', 'ann'):deposit(%s)"):format(arguments)).message
      assert.equal(expected, message)
    end
    local too_large = "more than 1000 bytes, the limit of a value (--limit-value-bytes)"
    for arguments, expected in pairs {
      ["('x'):rep(2000)"] = "payload_too_large arguments[1]: " .. too_large,
      ["{ ('x'):rep(2000) }"] = "payload_too_large arguments: " .. too_large,
      ["table.unpack({}, 1, 201)"] = "invalid_arguments 201 arguments; a call takes at most 200",
    } do
      assert.equal(expected, run(([[
        local ok, e = pcall(function() self:actor("Account", "ann"):deposit(%s) end)
        return e.code .. " " .. e.message
      ]]):format(arguments)))
    end
    local deep = "local t = {} for i = 1, 99 do t = { t } end self:actor('Account', 'ann'):deposit(t)"
    assert.matches("nested more than 100 deep", hosts.failure_of(run, deep).message)
  end)

  it("cannot be called where nothing can wait", function()
    local host, run = open { errors = true }
    for _, text in ipairs {
      "table.sort({ 2, 1, 3 }, function(a, b) ann:deposit() return a < b end)",
      "return (('text'):gsub('t', function() ann:deposit() end))",
      "return tostring(setmetatable({}, { __tostring = function() return ann:deposit() end }))",
    } do
      assert.matches("deposit: a call cannot wait within a sort or a gsub",
                     hosts.failure_of(run, "local ann = self:actor('Account', 'ann') " .. text).message)
    end
    host:close()
    host = hosts.open({ ["account.lua"] = account, ["leaver.lua"] = hosts.class("Leaver", [[
      function Class:run() return 1 end
      function Class:on_stop() self:actor("Account", "ann"):deposit(5) end
    ]]) }, { errors = true })
    host:actor("Leaver", 1):run()
    host:sleep("Leaver", 1)
    assert.matches("deposit: on_stop cannot call other actors", host:log())
  end)
end)
