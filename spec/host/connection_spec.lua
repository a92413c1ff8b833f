-- HTTP/1.1 as bytes on a connection: what stays open, what comes in pieces, what is no HTTP. Whatever comes in, the
-- actor that was called keeps its state, and others are served.

local program = require "spec.support.program"
local http = require "spec.support.http"

local assert_result, assert_refused = http.assert_result, http.assert_refused

local BODY_BYTES_MAX = 1024 * 1024
local CHUNKED = "Transfer-Encoding: chunked"

local host
local names = 0
local key = "early"     -- of the present spec

-- A key that no other spec uses.
local function new_key()
  names = names + 1
  return "key" .. names
end

local function path_of(of, method) return ("/actors/Box/%s/%s"):format(of, method) end

local function post(path, body) return http.request(host.address, "POST", path, body) end

local function head_of(method, ...)
  return ("POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n"):format(path_of(key, method), table.concat({ ... }, "\r\n"))
end

describe("A connection takes", function()
  setup(function()
    host = program.serve_copy("spec/support/actors", "--limit-call-cpu-ms", "600000")
  end)

  teardown(function() host:stop() end)

  before_each(function()
    key = new_key()
    assert_result("null", post(path_of(key, "put"), '["kept"]'))
  end)

  after_each(function()
    assert_result('["kept",1,"nothing lost"]', post(path_of(key, "content")))
    assert_result("1", post(path_of(new_key(), "echo"), "[1]"))
  end)

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
    program.open_gate(host.actors, own)
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

  -- What is in no way a request, and a piece of what the client hears.
  local wrongs = {
    { "\x16\x03\x01\x02\x00garbage\r\n\r\n", "control character" }, { "POST\r\n\r\n", "first line" },
    { "GET /health HTTP/3.0\r\nHost: x\r\n\r\n", "version" }, { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version" },
    { "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "version" },
    { "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", "control character" },
    { "GET /health HTTP/1.1\r\n\r\n", "Host is missing" }, { head_of("put", "Host: x"), "Host comes twice" },
    { "GET /health HTTP/1.1\r\nHost:\r\n\r\n", "Host" }, { "GET /health HTTP/1.1\r\nHost: x y\r\n\r\n", "Host" },
    { head_of("put", "no colon"), "NAME: VALUE" }, { head_of("put", "X : y"), "NAME: VALUE" },
    { head_of("put", "X: y", " z"), "second line" }, { "GET /health HTTP/1.1\nHost: x\n\n", "CR LF" },
    { head_of("put", ("X: y\r\n"):rep(100) .. "X: y"), "100 headers" },
    { head_of("put", "X: " .. ("y"):rep(400 * 1024)), "400 KiB" },
    { head_of("put", "Content-Length: 3", "Content-Length: 5") .. "[1]xx", "Content%-Length comes twice" },
    { head_of("put", "Content-Length: 3", "Content-Length: 3") .. "[1]", "Content%-Length comes twice" },
    { head_of("put", "Content-Length: 3, 3") .. "[1]", "Content%-Length" },
    { head_of("put", "Content-Length: +3") .. "[1]", "Content%-Length" },
    { head_of("put", "Content-Length: 3", CHUNKED) .. "3\r\n[1]\r\n0\r\n\r\n", "exclude each other" },
    { head_of("put", CHUNKED, "Content-Length: blah") .. "3\r\n[1]\r\n0\r\n\r\n", "exclude each other" },
    { head_of("put", "Transfer-Encoding: gzip, chunked") .. "3\r\n[1]\r\n0\r\n\r\n", "Transfer%-Encoding" },
    { head_of("put", CHUNKED):gsub("HTTP/1.1", "HTTP/1.0") .. "0\r\n\r\n", "in HTTP/1.1" },
    { head_of("put", CHUNKED) .. "3\r\n[1],\r\n0\r\n\r\n", "longer than its size" },
    { head_of("put", CHUNKED) .. "3\r\n[1]\r\n0\r\nno colon\r\n\r\n", "NAME: VALUE" },
  }
  for _, size in ipairs { "0x3", "0 3", "3x", "3;a\n", "+3", "-3", "", "fffffffffffffffff", "ffffffffffffffff" } do
    table.insert(wrongs, {
      head_of("put", CHUNKED) .. size .. "\r\n[1]\r\n0\r\n\r\n",
      size:find "\n" and "CR LF" or "size of a chunk",
    })
  end

  for number, wrong in ipairs(wrongs) do
    it("and nothing else: " .. number .. ", " .. wrong[2]:gsub("%%", ""), function()
      local text, before = wrong[1], http.text("POST", path_of(key, "echo"), "[1]")
      local behind = http.text("POST", path_of(key, "put"), '["smuggled"]')
      local connection = http.connect(host.address):send(before .. text .. behind)
      assert_result("1", connection:receive())
      assert_refused(400, "invalid_request", wrong[2], connection:receive())
      assert.is_nil(connection:receive())
      connection:close()

      connection = http.connect(host.address)
      for at = 1, #text, #text // 3 do connection:send(text:sub(at, at + #text // 3 - 1)) end
      local answer = connection:receive()
      assert_refused(400, "invalid_request", wrong[2], answer)
      assert.equal("close", answer.headers.connection)
      assert.is_nil(connection:receive())
      connection:close()
    end)
  end

  it("white space around what a header says, and an empty line before a request", function()
    local text = "\r\n" .. head_of("echo", "Content-Length:\t 3 \t", "X: y ") .. "[1]"
    local connection = http.connect(host.address):send(text .. "\r\n" .. text)
    assert_result("1", connection:receive())
    assert_result("1", connection:receive())
    connection:close()
  end)

  it("what a connection says of its end: close, whatever else it says", function()
    for _, said in ipairs { "close", "Close", "keep-alive, close", "close, keep-alive" } do
      local connection = http.connect(host.address):send(http.text("GET", "/health", nil, { Connection = said }))
      assert.equal("close", connection:receive().headers.connection)
      assert.is_nil(connection:receive())
      connection:close()
    end
  end)

  it("no more than it works on, from a client that sends and does not read", function()
    local MIB, own = 1024 * 1024, new_key()
    local text = http.text("POST", path_of(own, "echo"), ('["%s"]'):format(("x"):rep(1000))):rep(64)
    local connection, sent, problem = http.connect(host.address), 0, nil
    connection.socket:settimeout(1)
    while not problem and sent < 256 * MIB do
      local last, part
      last, problem, part = connection.socket:send(text)
      sent = sent + (last or part)
    end
    connection:close()
    assert.equal("timeout", problem)        -- what the two ends of the connection hold, and not what the sender has
    assert.is_true(sent < 128 * MIB, sent .. " bytes were taken")
  end)

  it("a client that speaks HTTP/1.0", function()
    local text = ("POST %s HTTP/1.0\r\nContent-Length: 3\r\n\r\n[1]"):format(path_of(key, "echo"))
    local connection = http.connect(host.address):send(text)
    assert_result("1", connection:receive())
    assert.is_nil(connection:receive())
    connection:close()
  end)
end)
