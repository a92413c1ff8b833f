-- HTTP/1.1 as bytes on a connection: what stays open, what comes in pieces, what is no HTTP. Whatever comes in, the
-- actor that was called keeps its state, and others are served.

local program = require "spec.support.program"
local http = require "spec.support.http"

local assert_result, assert_refused = http.assert_result, http.assert_refused

local BODY_BYTES_MAX = 1024 * 1024

local host, data, actors
local names = 0

-- A key that no other spec uses.
local function new_key()
  names = names + 1
  return "key" .. names
end

local function path_of(key, method) return ("/actors/Box/%s/%s"):format(key, method) end

local function post(path, body) return http.request(host.address, "POST", path, body) end

describe("A connection takes", function()
  local key

  setup(function()
    data, actors = program.folder(), program.copy("spec/support/actors", program.folder())
    host = program.serve(actors, data, "--limit-call-cpu-ms", "600000")
  end)

  teardown(function()
    host:signal "TERM"
    local status, log = host:wait(), host:log()
    host:close()
    program.remove(data)
    program.remove(actors)
    assert.equal(0, status, log)
  end)

  before_each(function()
    key = new_key()
    assert_result("null", post(path_of(key, "put"), '["kept"]'))
  end)

  after_each(function()
    assert_result('["kept",1,"nothing lost"]', post(path_of(key, "content")))
    assert_result("1", post(path_of(new_key(), "echo"), "[1]"))
  end)

  local function head_of(method, ...)
    return ("POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n"):format(path_of(key, method), table.concat({ ... }, "\r\n"))
  end

  it("many requests on one connection, bad ones among them", function()
    local connection = http.connect(host.address)
    for number = 1, 50 do
      connection:send(http.text("POST", path_of(key, "echo"), ("[%d]"):format(number)))
      assert_result(tostring(number), connection:receive())
      connection:send(http.text("POST", path_of(key, "put"), "[" .. number))
      assert_refused(400, "invalid_request", nil, connection:receive())
    end
    connection:close()
  end)

  it("answers requests in the order they came, however fast they are", function()
    local own, texts = new_key(), {}
    for number = 1, 100 do
      table.insert(texts, http.text("POST", path_of(own, "put"), ("[%d]"):format(number)))
      if number % 25 == 0 then table.insert(texts, http.text("POST", path_of(new_key(), "work"), "[100000]")) end
      table.insert(texts, http.text("POST", path_of(own, "get")))
      table.insert(texts, http.text("GET", "/health"))
    end
    local connection = http.connect(host.address):send(table.concat(texts))
    for number = 1, 100 do
      assert_result("null", connection:receive())
      if number % 25 == 0 then assert_result("1", connection:receive()) end
      assert_result(tostring(number), connection:receive())
      assert.equal('{"status":"ok"}', connection:receive().body)
    end
    connection:close()
  end)

  it("requests that come while one without a body waits for its answer", function()
    local own, other, connection = new_key(), http.connect(host.address), http.connect(host.address)
    other:send(http.text("POST", path_of(own, "wait"), ('["%s"]'):format(own)))
    program.eventually("the call", function() return host:log():find("begun " .. own) end)
    connection:send(http.text("POST", path_of(own, "get")))
    local texts, large = {}, ("x"):rep(30000)
    for number = 1, 5 do
      texts[number] = http.text("POST", path_of(own, "echo"), ('["%d%s"]'):format(number, large))
    end
    texts = table.concat(texts)
    for at = 1, #texts, 7000 do connection:send(texts:sub(at, at + 6999)) end
    program.open_gate(actors, own)
    assert_result("1", other:receive())
    assert_result("null", connection:receive())
    for number = 1, 5 do assert_result(('"%d%s"'):format(number, large), connection:receive()) end
    other:close()
    connection:close()
  end)

  it("a body in chunks", function()
    local text = head_of("echo", "Transfer-Encoding: chunked") .. "1\r\n[\r\n8;x=y\r\n\"chunks\"\r\n1\r\n]\r\n0\r\n\r\n"
    assert_result('"chunks"', http.exchange(host.address, text))
  end)

  it("a body in chunks that is too large, or broken", function()
    local piece = ("100000\r\n%s\r\n"):format((" "):rep(0x100000))
    local text = head_of("put", "Transfer-Encoding: chunked") .. piece .. "3\r\n[1]\r\n0\r\n\r\n"
    assert_refused(413, "payload_too_large", tostring(BODY_BYTES_MAX), http.exchange(host.address, text))
    text = head_of("put", "Transfer-Encoding: chunked") .. "zz\r\n[1]\r\n0\r\n\r\n"
    assert_refused(400, "invalid_request", "Transfer%-Encoding", http.exchange(host.address, text))
    text = head_of("put", "Transfer-Encoding: gzip") .. "[1]"
    assert_refused(400, "invalid_request", "Transfer%-Encoding", http.exchange(host.address, text))
  end)

  it("a body that is waited for", function()
    local connection = http.connect(host.address)
    connection:send(head_of("echo", "Content-Length: 3", "Expect: 100-continue"))
    assert.equal(100, connection:receive().status)
    connection:send "[1]"
    assert_result("1", connection:receive())
    connection:close()
    local text = head_of("put", "Content-Length: 99999999", "Expect: 100-continue")
    assert_refused(413, "payload_too_large", nil, http.exchange(host.address, text))
    text = head_of("put", "Content-Length: 3", "Expect: wonders") .. "[1]"
    assert_refused(400, "invalid_request", "Expect", http.exchange(host.address, text))
  end)

  it("a length that is too large, before the body comes", function()
    local text = head_of("put", "Content-Length: " .. BODY_BYTES_MAX + 2)
    assert_refused(413, "payload_too_large", tostring(BODY_BYTES_MAX), http.exchange(host.address, text))
  end)

  for _, length in ipairs { "-3", "x", "3x", "0x3", "18446744073709551615", ("9"):rep(40) } do
    it("a length that is none: " .. length, function()
      local text = head_of("put", "Content-Length: " .. length) .. "[1]"
      assert_refused(400, "invalid_request", "Content%-Length", http.exchange(host.address, text))
    end)
  end

  it("a body shorter than its length, and then the end", function()
    local connection = http.connect(host.address)
    connection:send(head_of("put", "Content-Length: 10") .. "[1]"):finish()
    assert.is_nil(connection:receive())
    connection:close()
  end)

  it("a body shorter than its length: others are served meanwhile, and the rest may come later", function()
    local connection = http.connect(host.address)
    connection:send(head_of("echo", "Content-Length: 5") .. "[1")
    for _ = 1, 10 do assert_result("2", post(path_of(key, "echo"), "[2]")) end
    connection:send ",3]"
    assert_result("[1,3]", connection:receive())
    connection:close()
  end)

  it("a body longer than its length: what is left is no request", function()
    local connection = http.connect(host.address)
    connection:send(head_of("echo", "Content-Length: 3") .. "[1],[2]\r\n\r\n")
    assert_result("1", connection:receive())
    assert.equal(400, connection:receive().status)
    assert.is_nil(connection:receive())
    connection:close()
  end)

  it("and nothing else", function()
    for _, text in ipairs {
      "\x16\x03\x01\x02\x00garbage\r\n\r\n", "POST\r\n\r\n", "GET /health HTTP/3.0\r\n\r\n",
      "GET /a b HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /\0 HTTP/1.1\r\n\r\n",
      "GET /health HTTP/1.1\r\nno colon\r\n\r\n", "GET /health HTTP/1.1\r\n" .. ("X: y\r\n"):rep(1000) .. "\r\n",
    } do
      local answer = http.exchange(host.address, text)
      assert.is_true(answer == nil or answer.status == 400)
    end
  end)

  it("a client that leaves before its answer", function()
    local own = new_key()
    http.connect(host.address):send(http.text("POST", path_of(own, "wait"), ('["%s"]'):format(own))):close()
    program.open_gate(actors, own)
    program.eventually("the call", function() return post(path_of(own, "puts")).body == '{"result":1}' end)
  end)

  it("a client that speaks HTTP/1.0", function()
    local text = ("POST %s HTTP/1.0\r\nContent-Length: 3\r\n\r\n[1]"):format(path_of(key, "echo"))
    local connection = http.connect(host.address):send(text)
    assert_result("1", connection:receive())
    assert.is_nil(connection:receive())
    connection:close()
  end)
end)
