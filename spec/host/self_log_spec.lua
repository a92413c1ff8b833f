-- self.log and print: the lines that scripts write into the host's log. The log as a stream: spec/host/log_spec.lua.
local hosts = require "spec.support.hosts"

local speaker = hosts.class("Speaker", [[
  function Class:initialize_state() return { part = { 1, 2 } } end
  function Class:run(_, text)
    local environment = setmetatable({ self = self }, { __index = _ENV })
    return assert(load(text, "=line", "t", environment))()
  end
  local kept
  function Class:keep_log() kept = self.log end
  function Class:use_log(_, message) kept:info(message) end
  function Class:say_and_fail() self.log:info "said"; error "broken" end
]])

describe("self.log", function()
  after_each(hosts.close_all)

  local function open(options)
    local host = hosts.open({ ["speaker.lua"] = speaker }, options)
    return host, host:actor("Speaker", { "eu", 42 })
  end

  -- The one line that a text writes, behind its time.
  local function line_of(text)
    local host, actor = open { errors = true }
    host:log()
    actor:run(text)
    return host:log():match "^[%d-]+T[%d:.]+Z ([^\n]*)\n$"
  end

  local SPEAKER = ' class=Speaker key="[\\"eu\\",42]"'

  for _, level in ipairs { "debug", "info", "warn", "error" } do
    it("writes a line of level " .. level .. ", with the class and the key of the actor", function()
      assert.equal(level .. " well" .. SPEAKER .. " answer=42", line_of(
        ("self.log:%s('well', { answer = 42 })"):format(level)))
    end)
  end

  it("takes print for a line of level info", function()
    assert.equal("info one\\t2\\tnil\\ttable" .. SPEAKER, line_of "print('one', 2, nil, {})")
  end)

  for value, shown in pairs {
    ["'plain'"] = "plain", ["'two words'"] = '"two words"', ["1"] = "1", ["1.5"] = "1.5", ["true"] = "true",
    ["0/0"] = "nan", ["1/0"] = "inf", ["-1/0"] = "-inf", ["null"] = "null", ["{ 1, { x = 2 } }"] = '"[1,{\\"x\\":2}]"',
    ["array {}"] = "[]", ["self.state.part"] = "[1,2]", ["print"] = "function", ["self.kv"] = "kv",
  } do
    it("shows the field " .. value, function()
      local line = line_of(("self.log:info('m', { field = %s })"):format(value))
      assert.equal("info m" .. SPEAKER .. " field=" .. shown, line)
    end)
  end

  it("escapes control characters, so that a line is one", function()
    assert.equal("info two\\nlines \\x1b[0m" .. SPEAKER .. ' text="\\x00\\r"',
      line_of [[self.log:info("two\nlines \27[0m", { text = "\0\r" })]])
  end)

  it("cuts a line after 8 KiB and a field after 1,024 bytes, and shows 30 fields at most", function()
    local long = line_of "self.log:info(('x'):rep(3e6), { f = ('y'):rep(3e6), g = 1 })"
    assert.is_true(#long <= 8192)
    assert.matches("^info x+%.%.%. class=Speaker key=.* [fg]=", long)
    local list = line_of "local t = array {} for i = 1, 3000 do t[i] = 7 end self.log:info('m', { list = t })"
    local shown = list:match " list=(%[[7,]*)"
    assert.is_true(#shown > 1000 and #shown <= 1024)
    local many = line_of "local t = {} for i = 1, 40 do t['f' .. i] = i end self.log:info('m', t)"
    assert.equal(30, select(2, many:gsub(" f%d+=", "")))
  end)

  it("keeps the lines of a call that fails", function()
    local host, actor = open { errors = true }
    hosts.failure_of(actor.say_and_fail, actor)
    assert.matches(" info said class=Speaker", host:log())
  end)

  it("names the actor whose turn it is, whoever kept it", function()
    local host, actor = open()
    actor:keep_log()
    host:log()
    host:actor("Speaker", "other"):use_log "hello"
    assert.matches('info hello class=Speaker key="\\"other\\""', host:log())
  end)

  for text, message in pairs {
    ["self.log:info('m', 5)"] = "log: fields are a table, not a number",
    ["self.log:info('m', { 'x' })"] = "log: names of fields are strings",
    ["self.log:info(5)"] = "string expected", ["self.log.info = print"] = "log",
  } do
    it("refuses " .. text, function()
      local _, actor = open { errors = true }
      local failure = hosts.failure_of(actor.run, actor, text)
      assert.equal("internal_error", failure.code)
      assert.matches(message, failure.message)
    end)
  end
end)
