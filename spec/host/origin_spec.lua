-- Which web pages may call: by the header Origin, which browsers send and pages cannot change.

local files = require "spec.support.files"
local program = require "spec.support.program"
local http = require "spec.support.http"

local assert_result, assert_refused = http.assert_result, http.assert_refused

local running = {}

local function serve(...)
  local data = program.folder()
  local host = program.serve("spec/support/actors", data, ...)
  host.port = host.address:match ":(%d+)$"
  table.insert(running, { host = host, data = data })
  return host
end

local function call(host, headers, address)
  return http.request(address or host.address, "POST", "/actors/Box/page/put", '["changed"]', headers)
end

local function assert_kept(host)
  assert_result("null", http.request(host.address, "POST", "/actors/Box/page/get"))
end

local function assert_welcome(host, origin, address)
  local answer = call(host, { Origin = origin }, address)
  assert_result("null", answer)
  assert.equal(origin, answer.headers["access-control-allow-origin"])
  assert.equal("Origin", answer.headers.vary)
  assert.matches("Retry%-After", answer.headers["access-control-expose-headers"])
end

local function assert_foreign(host, origin, address)
  local answer = call(host, { Origin = origin }, address)
  assert_refused(403, "forbidden_origin", "%-%-allow%-origin", answer)
  assert.is_nil(answer.headers["access-control-allow-origin"])
end

describe("A web page", function()
  after_each(function()
    for _, one in ipairs(running) do
      one.host:stop()
      program.remove(one.data)
    end
    running = {}
  end)

  it("of the host itself may call", function()
    local host = serve()
    for _, name in ipairs { "localhost", "127.0.0.1", "[::1]", "LocalHost" } do
      assert_welcome(host, ("http://%s:%s"):format(name, host.port))
    end
  end)

  it("of somewhere else may not, nor one that says nothing of itself, and nothing runs", function()
    local host = serve()
    for _, origin in ipairs {
      "https://evil.example", "http://evil.example:PORT", "http://localhost", "http://localhost:1",
      "https://localhost:PORT",
      "http://localhost.evil.example:PORT", "http://localhost:PORT/", "http://localhost:PORT.evil.example", "null", "",
      "http://127.0.0.2:PORT", "http://u@localhost:PORT", "localhost:PORT", "http://app.localhost:PORT",
      "http://localhost:PORT http://localhost:PORT",
    } do
      assert_foreign(host, (origin:gsub("PORT", host.port)))
    end
    local own = "http://localhost:" .. host.port
    local twice = http.text("POST", "/actors/Box/page/put", "[1]", { Origin = own .. "\r\nOrigin: " .. own })
    assert_refused(403, "forbidden_origin", nil, http.exchange(host.address, twice))
    for _, path in ipairs { "/health", "/actors/Box/page", "/nothing" } do
      assert_refused(403, "forbidden_origin", nil, http.request(host.address, "GET", path, nil, { Origin = "null" }))
    end
    assert_kept(host)
  end)

  it("under a name that was made to point here is foreign, whatever its requests say of the host", function()
    local host = serve()
    local name = "evil.example:" .. host.port
    local text = "POST /actors/Box/page/put HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nContent-Length: 3\r\n\r\n[1]"
    assert_refused(403, "forbidden_origin", nil, http.exchange(host.address, text:format(name, name)))
    text = text:gsub("/actors", "http://" .. name .. "/actors", 1)
    assert_refused(403, "forbidden_origin", nil, http.exchange(host.address, text:format(name, name)))
    assert_kept(host)
  end)

  it("is told apart from a program, which has no origin", function()
    assert_result("null", call(serve(), {}))
  end)

  it("that --allow-origin names may call", function()
    local host = serve("--allow-origin", "https://app.example", "--allow-origin", "http://dev.example:8080")
    assert_welcome(host, "https://app.example")
    assert_welcome(host, "http://dev.example:8080")
    assert_welcome(host, "http://localhost:" .. host.port)
    for _, origin in ipairs { "http://app.example", "https://app.example:8080", "https://other.example", "null" } do
      assert_foreign(host, origin)
    end
  end)

  it("of any origin may call where that is said", function()
    local host = serve("--allow-origin", "*")
    assert_welcome(host, "https://evil.example")
    assert_welcome(host, "null")
  end)

  it("of the address that the host is called at, be it one of many", function()
    local host = serve("--listen", "0.0.0.0:0")
    host.port = host:output():match ":(%d+),"
    for _, name in ipairs { "127.0.0.2", "localhost" } do
      assert_welcome(host, ("http://%s:%s"):format(name, host.port), "127.0.0.2:" .. host.port)
    end
    assert_foreign(host, "http://127.0.0.3:" .. host.port, "127.0.0.2:" .. host.port)
    host = serve("--listen", "127.0.0.2:0")
    assert_welcome(host, "http://127.0.0.2:" .. host.port)
  end)

  it("may read errors too, those of a body that was not read among them", function()
    local host = serve("--allow-origin", "https://app.example")
    local headers = { Origin = "https://app.example" }
    for path, body in pairs {
      ["/actors/Box/page/nothing"] = "[]", ["/actors/Box/page/put"] = (" "):rep(2 ^ 20 + 2), ["/"] = "",
    } do
      local answer = http.request(host.address, "POST", path, body, headers)
      assert.is_true(answer.status >= 400)
      assert.equal("https://app.example", answer.headers["access-control-allow-origin"])
      assert.equal("application/json", answer.headers["content-type"])
    end
  end)

  it("that asks first is told what it may send", function()
    local host = serve("--allow-origin", "https://app.example")
    local function ask(origin, path)
      return http.request(host.address, "OPTIONS", path or "/actors/Box/page/put", nil, {
        Origin = origin, ["Access-Control-Request-Method"] = "POST",
        ["Access-Control-Request-Headers"] = "x-color,content-type",
      })
    end
    for _, path in ipairs { "/actors/Box/page/put", "/actors/Box/page", "/nothing" } do
      local answer = ask("https://app.example", path)
      assert.same({ 204, "" }, { answer.status, answer.body })
      assert.equal("https://app.example", answer.headers["access-control-allow-origin"])
      assert.matches("POST", answer.headers["access-control-allow-methods"])
      for _, name in ipairs { "Authorization", "Content%-Type", "Idempotency%-Key", "x%-color" } do
        assert.matches(name, answer.headers["access-control-allow-headers"])
      end
      assert.matches("^%d+$", answer.headers["access-control-max-age"])
      assert.equal("Origin", answer.headers.vary)
    end
    assert_refused(403, "forbidden_origin", nil, ask "https://evil.example")
    assert_kept(host)
  end)
end)

describe("--allow-origin", function()
  it("wants what a browser would send", function()
    for _, origin in ipairs {
      "example.com", "https://", "://a", "https://example.com/", "https://example.com/app",
      "https://u@example.com", "null", "",
      "https://*.example.com", "https://a,https://b", "https://example.com:443", "http://example.com:80",
    } do
      local status, _, complaint = program.run("serve", "spec/support/actors", "--allow-origin", origin)
      assert.equal(2, status)
      assert.matches("origin", complaint)
    end
  end)
end)

describe("An address that is not loopback", function()
  local WARNING = "on_before_connect"

  local function log_of(actors, address)
    local data = program.folder()
    local host = program.serve(actors, data, "--listen", address)
    host:signal "TERM"
    assert.equal(0, host:wait())
    local log = host:log()
    host:close()
    program.remove(data)
    return log
  end

  it("is warned of once where no class asks who calls, and not elsewhere", function()
    local open, own = program.folder(), program.folder()
    files.write(open .. "/open.lua", 'return require "troupe.actor":extend "Open"')
    files.write(own .. "/door.lua", [[
      local Door = require "troupe.actor":extend "Door"
      function Door:on_before_connect() end
      return Door:extend "Inner"
    ]])
    local _, count = log_of(open, "0.0.0.0:0"):gsub(WARNING, "")
    assert.equal(1, count)
    assert.is_nil(log_of(open, "127.0.0.1:0"):find(WARNING))
    assert.is_nil(log_of(own, "0.0.0.0:0"):find(WARNING))
    program.remove(open)
    program.remove(own)
  end)
end)
