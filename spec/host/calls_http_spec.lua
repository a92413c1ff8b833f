-- Errors that come to a client of the real program through several actors: the code and the words of the host, and
-- without --dev not a path of the server, nor a name of a file, nor what a script said to itself.
local hosts = require "spec.support.hosts"
local http = require "spec.support.http"
local nodes = require "spec.support.nodes"
local program = require "spec.support.program"

local WORKERS = 2

-- Four nodes in a row, as the arguments of `run`: each asks the next one, and the last one does what `text` says.
local function chain(text)
  local keys = { "n1", "n2", "n3", "n4" }
  return keys, [[
    local keys, place = ...
    if place == #keys then ]] .. text .. [[ end
    return self:_ask(keys[place + 1], text, keys, place + 1)]]
end

local function json(value) return require("cjson").encode(value) end

local function ask(server, text)
  local keys, whole = chain(text)
  return http.request(server.address, "POST", "/actors/Node/n1/run", json { whole, keys, 1 })
end

-- What fails at the end of the chain: its code and status, and what the message has to hold.
local FAILURES = {
  { "error 'the secret'", 500, "internal_error", "^the actor failed; the host's log says how$" },
  { "local t; t.secret = 1", 500, "internal_error", "^the actor failed; the host's log says how$" },
  { "self:actor('Nobody', 1)", 500, "internal_error", "^the actor failed; the host's log says how$" },
  { "self:actor('Node', 1):secret()", 500, "internal_error", "^the actor failed; the host's log says how$" },
  { "self:actor('Node', 'none', { create = false }):ping()", 500, "internal_error", "^the actor failed" },
  { "self:actor('Node', 1):ping(print)", 500, "internal_error", "^the actor failed" },
  { "self.kv:put(nil, 1)", 500, "internal_error", "^the actor failed" },
  { "table.sort({ 2, 1 }, function() self:actor('Node', 1):ping() end)", 500, "internal_error", "^the actor failed" },
  { "while true do end", 504, "timeout", "^Node/n2%.run: Node/n3%.run: Node/n4%.run: the call took more than" },
  { "local t = {} while true do t[#t + 1] = ('x'):rep(10000) end", 507, "out_of_memory",
    "^Node/n2%.run: Node/n3%.run: Node/n4%.run: the call needed more memory" },
  { "return self:_ask(keys[2], 'return 1')", 508, "deadlock", "n4%.run: Node/n2%.run: these calls would wait" },
  { "return ('x'):rep(2000)", 413, "payload_too_large", "n4%.run: result: more than 1000 bytes" },
  { "self.kv:put(1, ('x'):rep(2000))", 413, "payload_too_large", "n4%.run: value: more than 1000 bytes" },
  { "self:actor('Node', 1):ping(('x'):rep(2000))", 413, "payload_too_large", "n4%.run: arguments%[1%]: more than" },
}

describe("An error of an actor behind other actors", function()
  local folder, data, server

  setup(function()
    folder = hosts.folder { ["node.lua"] = hosts.class("Node", nodes.methods .. [[
      function Class:on_before_connect(params) if params then self:_ask("n9", params) end end]]) }
  end)
  teardown(function() hosts.close_all() end)

  local function serve(...)
    data = program.folder()
    server = program.serve(folder, data, "--workers", WORKERS, "--limit-call-cpu-ms", 100, "--limit-value-bytes", 1000,
                           "--limit-call-bytes", "4m", ...)
  end
  after_each(function()
    server:stop()
    program.remove(data)
  end)

  local function check_secret(answer)
    for _, secret in ipairs { folder, "%.lua", "secret", "run:%d", "traceback" } do
      assert.is_nil(answer.body:find(secret), answer.body)
    end
    assert.is_nil((" " .. answer:json().error.message):find "%W/%w", answer.body)
  end

  it("reaches a client with its code, and without a path of the server", function()
    serve()
    for _, failure in ipairs(FAILURES) do
      local text, status, code, message = table.unpack(failure)
      local answer = ask(server, text)
      http.assert_refused(status, code, nil, answer)
      assert.truthy(answer:json().error.message:find(message), answer.body)
      check_secret(answer)
    end
    http.assert_result('"pong"', http.request(server.address, "POST", "/actors/Node/n4/ping"))
  end)

  it("as a UserError reaches a client as it was made", function()
    serve()
    local options = "{ code = 'too_low', metadata = { missing = { 5, print } } }"
    local answer = ask(server, ("error(UserError('not enough', %s))"):format(options))
    local metadata = { missing = { 5, require("cjson").null } }
    assert.same({ error = { code = "too_low", message = "not enough", metadata = metadata } }, answer:json())
    assert.equal(400, answer.status)
    local handle = ask(server, "return self:actor('Node', 'n9')")
    http.assert_refused(500, "internal_error", "^the actor failed", handle)
  end)

  it("does not show where on_before_connect asked either", function()
    serve()
    for text, expected in pairs {
      ["error 'the secret'"] = { 401, "unauthorized", "^refused by on_before_connect$" },
      ["error(UserError 'not you')"] = { 401, "unauthorized", "^not you$" },
      ["while true do end"] = { 504, "timeout", "^Node/n9%.run: the call took more than" },
      ["self:actor('Node', self.key):ping()"] = { 508, "deadlock", "^Node/n9%.run: Node/n9%.ping: these calls" },
    } do
      local params = text:gsub(".", function(c) return ("%%%02x"):format(c:byte()) end)
      local answer = http.request(server.address, "POST", "/actors/Node/n1/ping?params=%22" .. params .. "%22")
      http.assert_refused(expected[1], expected[2], expected[3], answer)
      check_secret(answer)
    end
  end)

  it("tells all of it with --dev", function()
    serve "--dev"
    local answer = ask(server, "error 'the secret'")
    assert.equal("internal_error", answer:json().error.code)
    assert.truthy(answer.body:find("the secret", 1, true))
  end)
end)
