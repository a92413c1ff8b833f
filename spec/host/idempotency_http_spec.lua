-- Idempotency keys as clients send them: the header, the bytes of the answer, and a host that is killed.
local hosts = require "spec.support.hosts"
local http = require "spec.support.http"
local program = require "spec.support.program"
local spread = require "spec.support.spread"

local WORKERS = 2

local till = hosts.class("Till", [[
  function Class:initialize_state() return { n = 0 } end
  function Class:get() return self.state.n end
  function Class:add(_, by) self.state.n = self.state.n + by; return self.state.n end
  function Class:echo(_, value) return value end
  function Class:bears(rpc) return { rpc.idempotency_key or null, rpc.headers["idempotency-key"] or null } end
  function Class:results(_, name)
    self.state.n = self.state.n + 1
    local names = {}
    for i = 1, 200 do names["name " .. i .. " of " .. self.state.n] = i / 7 end
    local results = {
      names = names, float = 1.0, tenth = 0.1, large = math.maxinteger, empty = {}, list = array {},
      text = "\0\"\\\u{e4}\n", long = ("x"):rep(100000), none = null,
    }
    return results[name]
  end
  function Class:save_and_spin()
    self.state.n = self.state.n + 1
    self:save_state()
    print "saved"
    while true do end
  end
]])

describe("The header Idempotency-Key", function()
  local host, data, actors
  local new_name = spread.keys(WORKERS, "Till", "till")

  local function post(path, body, ...)
    local lines = { ("POST /actors/Till/%s HTTP/1.1"):format(path), "Host: h", "Content-Length: " .. #(body or "") }
    for _, header in ipairs { ... } do table.insert(lines, header) end
    return http.exchange(host.address, table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or ""))
  end

  local function serve(...)
    host = program.serve(actors, data, "--workers", tostring(WORKERS), "--limit-call-cpu-ms", "600000", ...)
  end

  setup(function()
    data = program.folder()
    actors = hosts.folder { ["till.lua"] = till }
    serve()
  end)

  teardown(function()
    host:stop()
    program.remove(data)
    hosts.close_all()
  end)

  it("makes a call run once, across a restart too", function()
    local name = new_name()
    local function add(body) return post(name .. "/add", body or "[5]", "Idempotency-Key: k-1") end
    for _ = 1, 2 do http.assert_result("5", add()) end
    host:signal "KILL"
    host:wait()
    host:close()
    serve()
    http.assert_result("5", add())
    http.assert_result("5", post(name .. "/get"))
    http.assert_refused(400, "invalid_request", "its method or its arguments", add "[6]")
    http.assert_refused(400, "invalid_request", "its method or its arguments", add "[5 ]")
    for path, body in pairs { ["/add%5B5%5D"] = "", ["/ad"] = "d[5]", ["/get"] = "[5]" } do
      http.assert_refused(400, "invalid_request", "its method", post(name .. path, body, "Idempotency-Key: k-1"))
    end
    http.assert_result("6", post(name .. "/add", "[1]", "Idempotency-Key: k-2"))
  end)

  it("gives the very bytes of the first answer", function()
    local name = new_name()
    local results = { "names", "float", "tenth", "large", "empty", "list", "text", "long", "none", "missing" }
    local first = {}
    for _, result in ipairs(results) do
      first[result] = post(name .. "/results", ('["%s"]'):format(result), "Idempotency-Key: " .. result)
      assert.equal(200, first[result].status)
    end
    host:signal "KILL"
    host:wait()
    host:close()
    serve()
    for _, result in ipairs(results) do
      local again = post(name .. "/results", ('["%s"]'):format(result), "Idempotency-Key: " .. result)
      assert.same({ 200, first[result].body }, { again.status, again.body })
    end
    http.assert_result(tostring(#results), post(name .. "/get"))
  end)

  it("is the bytes between the spaces around it, and seen by the call", function()
    local name = new_name()
    for i, key in ipairs { "k", '"8e03978e-40d5-43dd"', "a,b;c=d", ("x"):rep(255), "{[~!" } do
      local answer = post(name .. "/bears", ("[%d]"):format(i), "iDempotency-kEY:  " .. key .. " \t ")
      assert.same({ result = { key, key } }, answer:json())
    end
    http.assert_result("[null,null]", post(name .. "/bears", "[]"))
    local twice = post(name .. "/bears", "[7]", "Idempotency-Key: twice", "Idempotency-Key: twice")
    http.assert_result('["twice","twice, twice"]', twice)
  end)

  it("is refused where it is no key", function()
    local name = new_name()
    local function refused(message, ...)
      http.assert_refused(400, "invalid_request", message, post(name .. "/add", "[1]", ...))
    end
    refused("is empty", "Idempotency-Key:")
    refused("is empty", "Idempotency-Key:   ")
    refused("256 bytes; the most is 255", "Idempotency-Key: " .. ("x"):rep(256))
    refused("byte 0x20 at position 2", "Idempotency-Key: a b")
    refused("byte 0xc3 at position 2", "Idempotency-Key: a\xc3\xa4")
    refused("comes twice", "Idempotency-Key: a", "X-Else: a", "Idempotency-Key: b")
    refused("comes twice", "Idempotency-Key: a", "Idempotency-Key: ab")
    http.assert_result("1", post(name .. "/add", "[1]", "Idempotency-Key: a"))
  end)

  it("of a call that failed leaves nothing", function()
    local name = new_name()
    for _ = 1, 2 do
      http.assert_refused(500, "internal_error", nil, post(name .. "/add", "[]", "Idempotency-Key: k"))
    end
    http.assert_result("2", post(name .. "/add", "[2]", "Idempotency-Key: k"))
  end)

  it("of a call that was killed after a save says so", function()
    local name = new_name()
    local connection = http.connect(host.address)
    connection:send(http.text("POST", "/actors/Till/" .. name .. "/save_and_spin", "[]", { ["Idempotency-Key"] = "k" }))
    host:logged "saved"
    host:signal "KILL"
    host:wait()
    connection:close()
    host:close()
    serve()
    local answer = post(name .. "/save_and_spin", "[]", "Idempotency-Key: k")
    http.assert_refused(409, "interrupted", "after a save_state", answer)
    http.assert_result("1", post(name .. "/get"))
  end)

  it("is sent by troupe call", function()
    local name = new_name()
    for _ = 1, 2 do
      local status, output = host:ask("call", "Till", name, "add", "5", "--idempotency-key", "k")
      assert.same({ 0, "5\n" }, { status, output })
    end
    http.assert_result("5", post(name .. "/add", "[5]", "Idempotency-Key: k"))
    local status, _, complaint = host:ask("call", "Till", name, "add", "6", "--idempotency-key=k")
    assert.equal(1, status)
    assert.matches("invalid_request", complaint)
    status, _, complaint = host:ask("call", "Till", name, "add", "6", "--idempotency-key", "a\r\nX: b")
    assert.equal(2, status)
    assert.matches("byte 0x0d at position 2", complaint)
    status, _, complaint = host:ask("call", "Till", name, "add", "6", "--idempotency-key", "")
    assert.equal(2, status)
    assert.matches("is empty", complaint)
  end)
end)
