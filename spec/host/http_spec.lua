-- The door as clients see it: paths, keys, bodies, errors. Whatever comes in, the actor that was called keeps its
-- state, and so does its neighbour. The bytes on a connection: spec/host/connection_spec.lua.

local files = require "spec.support.files"
local program = require "spec.support.program"
local http = require "spec.support.http"
local spread = require "spec.support.spread"

local assert_result, assert_refused = http.assert_result, http.assert_refused

local ACTORS = "spec/support/actors"
local KEY_BYTES_MAX, BODY_BYTES_MAX, DEPTH_MAX = 2048, 1024 * 1024, 100
local WORKERS = 2

local host, token

-- A key that no other spec uses, and that does not live where the one before it does.
local new_key = spread.keys(WORKERS, "Box", "key")

local function path_of(key, method) return ("/actors/Box/%s/%s"):format(key, method) end

local function post(path, body, headers) return http.request(host.address, "POST", path, body, headers) end

local function get(path, headers) return http.request(host.address, "GET", path, nil, headers) end

-- A call that must succeed: the text of its result.
local function call(key, method, arguments)
  local answer = post(path_of(key, method), arguments)
  local result = answer.status == 200 and answer.body:match '^{"result":(.*)}$'
  return result or error(("%s/%s answered %d %s"):format(key, method, answer.status, answer.body), 2)
end

-- The same list of tries for each of which there is a spec: name (or nothing), what is tried, what is expected.
local function try_each(title, tries, try)
  for number, tried in ipairs(tries) do
    local name = tostring(tried.name or tried[1]):gsub("[^ -~]", "?")
    it(("%s, %d: %s"):format(title, number, name:sub(1, 60)), function() try(table.unpack(tried, 1, 4)) end)
  end
end

describe("The HTTP door", function()
  local key, neighbour
  local CONTENT = '["kept",1,"nothing lost"]'

  setup(function()
    host = program.serve_copy(ACTORS, "--workers", tostring(WORKERS), "--limit-call-cpu-ms", "600000",
      "--limit-call-bytes", "32m", "--limit-waiting-calls", "4")
    token = files.read(host.data .. "/token"):match "%S+"
  end)

  teardown(function() host:stop() end)

  before_each(function()
    key, neighbour = new_key(), new_key()
    call(key, "put", '["kept"]')
    call(neighbour, "put", '["kept"]')
  end)

  after_each(function()
    assert.equal(CONTENT, call(key, "content"))
    assert.equal(CONTENT, call(neighbour, "content"))
    call(neighbour, "put", '["changed"]')
    assert.equal('"changed"', call(neighbour, "get"))
  end)

  describe("answers", function()
    it("a call with its result, and that is all", function()
      local answer = post(path_of(key, "echo"), '[{"a":[1]}]')
      assert_result('{"a":[1]}', answer)
      assert.equal("application/json", answer.headers["content-type"])
    end)

    it("a call without a body as one without arguments", function()
      assert_result("[]", post(path_of(key, "echo")))
      assert_result("[]", post(path_of(key, "echo"), ""))
      assert_result("[]", post(path_of(key, "echo"), "[]"))
    end)

    it("with the first result only, and null where there is none", function()
      assert_result("1", post(path_of(key, "many_results")))
      assert_result("null", post(path_of(key, "result"), '["no such"]'))
    end)

    it("null as an argument is nil", function()
      assert_result('"nil"', post(path_of(key, "type_of"), "[null]"))
      assert_result("[null,1,null]", post(path_of(key, "echo"), "[null,1,null]"))
    end)

    it("GET /health", function()
      local answer = get "/health"
      assert.same({ 200, '{"status":"ok"}' }, { answer.status, answer.body })
    end)

    it("HEAD with what GET answers, but for the body", function()
      local connection, bearer = http.connect(host.address), { Authorization = "Bearer " .. token }
      for _, path in ipairs { "/health", "/actors/Box/" .. key, "/actors/Nobody/nobody", "/nothing" } do
        local full = get(path, bearer)
        local head = connection:send(http.text("HEAD", path, nil, bearer)):receive(true)
        full.headers.date, head.headers.date = nil, nil
        assert.same({ full.status, full.headers }, { head.status, head.headers })
      end
      assert_result("1", connection:send(http.text("POST", path_of(key, "echo"), "[1]")):receive())
      connection:close()
    end)

    it("DELETE with null, once the actor is destroyed; only to who has the token", function()
      local path, bearer = "/actors/Box/to%20be%20destroyed", { Authorization = "Bearer " .. token }
      call("to%20be%20destroyed", "put", "[1]")
      assert.equal(401, http.request(host.address, "DELETE", path).status)
      assert.equal("1", call("to%20be%20destroyed", "get"))
      assert_result("null", http.request(host.address, "DELETE", path, nil, bearer))
      assert_refused(404, "actor_not_found", "", http.request(host.address, "DELETE", path, nil, bearer))
      assert.equal(404, get(path, bearer).status)
    end)

    it("OPTIONS with the methods of a path", function()
      local connection = http.connect(host.address)
      for path, allow in pairs {
        ["*"] = "GET, HEAD, POST, DELETE, OPTIONS", ["/health"] = "GET, HEAD, OPTIONS",
        ["/actors/Box/a"] = "GET, HEAD, DELETE, OPTIONS", [path_of(key, "put")] = "POST, OPTIONS",
      } do
        local answer = connection:send(http.text("OPTIONS", path)):receive()
        assert.same({ 204, "", allow }, { answer.status, answer.body, answer.headers.allow })
        assert.is_nil(answer.headers["content-length"])
      end
      connection:close()
    end)

    it("a target with the host in it, as proxies write it", function()
      for _, begin in ipairs { "http://somewhere:80", "HTTP://a.example", "https://[::1]:7420" } do
        assert_result("1", post(begin .. path_of(key, "echo"), "[1]"))
        assert.equal(200, get(begin .. "/health").status)
      end
      local answer = post("http://in.target:81" .. path_of(key, "about"), '["host"]')
      assert.equal("in.target:81", answer:json().result.header)
    end)

    it("who offers another protocol, and the connection goes on", function()
      local connection = http.connect(host.address)
      for number = 1, 3 do
        connection:send(http.text("POST", path_of(key, "echo"), ("[%d]"):format(number), {
          Connection = "Upgrade, HTTP2-Settings", Upgrade = "h2c", ["HTTP2-Settings"] = "AAMAAABkAAQAoAAAAAIAAAAA",
        }))
        local answer = connection:receive()
        assert_result(tostring(number), answer)
        assert.equal("keep-alive", answer.headers.connection)
      end
      connection:close()
    end)

    it("with what came along in params and headers, and the client's address", function()
      local path = path_of(key, "about") .. "?params=%7B%22a%22:%5B1%5D%7D"
      local answer = post(path, '["x-color"]', { ["X-Color"] = "red" })
      assert.same({ caller = "client", params = { a = { 1 } }, header = "red", address = "127.0.0.1" },
                  answer:json().result)
    end)

    it("methods of a parent, through the child", function()
      assert_result("[1,2]", post("/actors/Child/a/echo", "[1,2]"))
      assert_refused(404, "method_not_found", '"extend"', post("/actors/Child/a/extend", '["X"]'))
    end)
  end)

  describe("knows the actor by its class and key:", function()
    try_each("key", {
      { "42", '["42"]', '["string"]' },
      { "a+b", '["a+b"]', '["string"]' },
      { "a%20b", '["a b"]', '["string"]' },
      { "a%2Fb", '["a/b"]', '["string"]' },
      { "a%252Fb", '["a%2Fb"]', '["string"]' },
      { "a;b=c@d:e", '["a;b=c@d:e"]', '["string"]' },
      { "%00", '["\\u0000"]', '["string"]' },
      { "%C3%A4", '["ä"]', '["string"]' },
      { "ä", '["ä"]', '["string"]' },
      { '["eu",42]', '["eu",42]', '["string","integer"]' },
      { "%5B%22eu%22%2C42%5D", '["eu",42]', '["string","integer"]' },
      { '["42"]', '["42"]', '["string"]' },
      { '["["]', '["["]', '["string"]' },
      { '[""]', '[""]', '["string"]' },
      { '["."]', '["."]', '["string"]' },
      { '[".."]', '[".."]', '["string"]' },
      { '["a/b"]', nil },                                        -- a plain slash ends the key
      { '["a%2Fb"]', '["a/b"]', '["string"]' },
      { "[1.0,1.5,true,false,[2,[]]]", "[1,1.5,true,false,[2,[]]]",
        '["integer","float","boolean","boolean","table"]' },
      { "[[]]", "[[]]", '["table"]' },
      { "[9007199254740993]", "[9007199254740993]", '["integer"]' },
      { "[-9223372036854775808]", "[-9223372036854775808]", '["integer"]' },
      { "[-0.0]", "[0]", '["integer"]' },
    }, function(written, parts, types)
      local answer = post(path_of(written, "key_types"))
      if parts then
        assert_result(("[%s,%s]"):format(parts, types), answer)
      else
        assert_refused(404, "path_not_found", "%%2F", answer)
      end
    end)

    it("the same key, however it is written", function()
      for number, written in ipairs { "same", "s%61me", '["same"]', "%5b%22same%22]", '["\\u0073ame"]' } do
        call(written, "put", ("[%d]"):format(number))
        assert.equal(tostring(number), call("same", "get"))
      end
      call("[1]", "put", '["one"]')
      assert.equal('"one"', call("[1.0]", "get"))
      assert.equal('"one"', call("[1e0]", "get"))
    end)

    it("keys apart that look alike", function()
      local alike = { "k", "K", "k%20", "k%00", '["k","k"]', '[["k"]]', "1", "[1]", "[true]", "true" }
      for number, written in ipairs(alike) do call(written, "put", ("[%d]"):format(number)) end
      for number, written in ipairs(alike) do assert.equal(tostring(number), call(written, "get")) end
    end)

    try_each("bad key", {
      { "", 'empty.*%[""%]' },
      { "[", "not valid JSON" },
      { '["a"', "not valid JSON" },
      { "[1]x", "trailing" },
      { "[]", "empty tuple" },
      { "[null]", "null cannot be part of a key" },
      { '[{"a":1}]', "an object cannot be part of a key" },
      { "[NaN]", "not valid JSON" },
      { "[1e999]", "range of floats" },
      { '["\\ud800"]', "surrogate" },
      { '["%FF"]', "UTF%-8" },
      { ".", '"%."' },
      { "..", '"%.%."' },
      { "%2e", '"%."' },
      { "%2E%2e", '"%.%."' },
      { name = "nested too deep", ("["):rep(10000) .. ("]"):rep(10000), "deep" },
    }, function(written, message)
      assert_refused(400, "invalid_key", message, post(path_of(written, "get")))
    end)

    it("a key of the largest size, and none of a byte more", function()
      local largest = ("k"):rep(KEY_BYTES_MAX - 2)     -- the type in front, the zero behind
      assert_result("null", post(path_of(largest, "get")))
      assert_refused(400, "invalid_key", "2049 bytes .*2048", post(path_of(largest .. "k", "get")))
      local with_zeros = ("%00"):rep((KEY_BYTES_MAX - 2) // 2)   -- a zero byte takes two
      assert_result("null", post(path_of(with_zeros, "get")))
      assert_refused(400, "invalid_key", "2050 bytes .*2048", post(path_of(with_zeros .. "%00", "get")))
      local tuple = ('["%s"]'):format(largest)
      assert_result("null", post(path_of(tuple, "get")))
      assert_refused(400, "invalid_key", nil, post(path_of('["k' .. tuple:sub(3), "get")))
      assert_refused(400, "invalid_key", nil, post(path_of(("k"):rep(50000), "get")))
    end)

    try_each("no such class", {
      { "Nobody", "Nobody" }, { "box", "box" }, { "Actor", "Actor" }, { "..%2Fbox", "%.%./box" }, { "%00", "" },
      { "Box%00", "Box" }, { "_G", "_G" }, { "%FF", "" }, { ("C"):rep(10000), "CCC" },
    }, function(class, message)
      assert_refused(404, "class_not_found", message, post(("/actors/%s/%s/get"):format(class, key)))
    end)
  end)

  describe("calls methods and nothing else:", function()
    local tries = {}
    for _, name in ipairs {
      "unknown", "_private", "_G", "extend", "super", "name", "class", "label", "new", "__index", "__gc", "__name",
      "initialize_state", "on_start", "on_stop", "on_destroy", "inspect_state", "migrate_state", "on_before_connect",
      "on_connect", "on_disconnect", "state", "kv", "log", "key", "Get", "get%20", "get%00", "%FF", "get#x", ".", "..",
      ("m"):rep(10000),
    } do
      table.insert(tries, { name })
    end
    try_each("not", tries, function(name)
      assert_refused(404, "method_not_found", nil, post(path_of(key, name), '["X"]'))
    end)

    it("not a function that was put on self", function()
      local own = new_key()
      call(own, "hang_a_function_on_self")
      assert_refused(404, "method_not_found", '"extra"', post(path_of(own, "extra")))
    end)

    it("creates no actor for a method that there is not", function()
      local own = new_key()
      assert_refused(404, "method_not_found", nil, post(path_of(own, "unknown")))
      assert_refused(404, "actor_not_found", nil, post(path_of(own, "get") .. "?create=false"))
    end)
  end)

  describe("refuses a path that is none:", function()
    try_each("POST", {
      { "/" }, { "/actors" }, { "/actors/Box" }, { "/actors/Box/a/get/" }, { "/actors/Box/a/b/get", "%%2F" },
      { "//actors/Box/a/get" }, { "/Actors/Box/a/get" }, { "/actors/Box/a/get/../get" }, { "/connect/Box" },
      { "/connect/Box/a/b" }, { "*" }, { "ftp://127.0.0.1/actors/Box/a/get" }, { "http://127.0.0.1" },
      { "/" .. ("x/"):rep(10000) },
    }, function(path, message)
      assert_refused(404, "path_not_found", message or "there is nothing at", post(path))
    end)

    try_each("POST", {
      { "/actors//a/get", "class is empty" }, { "/actors/Box/a/", "method is empty" },
      { "/actors/Box/%/get", '"%%/?"' }, { "/actors/Box/%4/get", '"%%4"' }, { "/actors/Box/%zz/get", '"%%zz"' },
      { "/actors/Box/a%/get", "escape" }, { "/actors/%x/a/get", "class" }, { "/actors/Box/a/%x", "method" },
    }, function(path, message)
      assert_refused(400, "invalid_request", message, post(path))
    end)

    try_each("another method", {
      { "GET" }, { "PUT" }, { "DELETE" }, { "PATCH" }, { "HEAD" }, { "TRACE" }, { "post" }, { "ANY" },
      { "POST", "/health" }, { "DELETE", "/health" }, { "POST", "/actors/Box/a" }, { "PUT", "/actors/Box/a" },
    }, function(method, path)
      local answer = assert(http.connect(host.address):send(http.text(method, path or path_of(key, "put"), "[1]"))
        :receive(method == "HEAD"))
      local allowed = not path and "POST, OPTIONS" or path == "/health" and "GET, HEAD, OPTIONS"
        or "GET, HEAD, DELETE, OPTIONS"
      assert.equal(allowed, answer.headers.allow)
      if method == "HEAD" then
        assert.equal(405, answer.status)
      else
        assert_refused(405, "method_not_allowed", "^" .. method .. " is not a method of this path", answer)
      end
    end)
  end)

  describe("reads the query:", function()
    it("create=false creates nothing", function()
      local own = new_key()
      assert_refused(404, "actor_not_found", nil, post(path_of(own, "get") .. "?create=false"))
      assert_refused(404, "actor_not_found", nil, post(path_of(own, "get") .. "?create=false"))
      assert_result("null", post(path_of(own, "get") .. "?create=true"))
      assert_result("null", post(path_of(own, "get") .. "?create=false"))
    end)

    it("input is for initialize_state, once", function()
      local own = new_key()
      assert_result('{"a":[1]}', post(path_of(own, "get") .. "?input=%7B%22a%22:[1]%7D"))
      assert_result('{"a":[1]}', post(path_of(own, "get") .. "?input=2"))
    end)

    it("an input that initialize_state refuses creates nothing", function()
      local own = new_key()
      assert_refused(400, "refused", "this box is refused", post(path_of(own, "get") .. '?input="refuse"'))
      assert_refused(404, "actor_not_found", nil, post(path_of(own, "get") .. "?create=false"))
    end)

    try_each("bad query", {
      { "?x=1", 'unknown name "x"' }, { "?Create=true", 'unknown name "Create"' }, { "?create", "true or false" },
      { "?create=yes", "true or false" }, { "?create=true&create=true", "twice" }, { "?input=1&input=1", "twice" },
      { "?input", "input is empty" }, { "?input=", "input is empty" }, { "?input={", "not valid JSON" },
      { "?input=%7", "escape" }, { "?input=[1]x", "not valid JSON" }, { "?input=%FF", "UTF%-8" },
      { "?params=", "params is empty" }, { "?params={", "not valid JSON" },
      { name = "input too deep", "?input=" .. ("["):rep(10000) .. ("]"):rep(10000), "deep" },
    }, function(query, message)
      local own = new_key()
      assert_refused(400, "invalid_request", message, post(path_of(own, "get") .. query))
      assert_refused(400, "invalid_request", message, post(path_of(key, "get") .. query))
      assert_refused(404, "actor_not_found", nil, post(path_of(own, "get") .. "?create=false"))
    end)
  end)

  describe("refuses a body that is no array of JSON:", function()
    try_each("body", {
      { "{}", "invalid_arguments" }, { "1", "invalid_arguments" }, { "null", "invalid_arguments" },
      { '"x"', "invalid_arguments" }, { '{"1":1}', "invalid_arguments" }, { " ", "invalid_request" },
      { "[", "invalid_request", "byte 1" }, { "[1", "invalid_request" }, { "[1,]", "invalid_request", "byte 4" },
      { "[,1]", "invalid_request" }, { "[1 2]", "invalid_request" }, { "[1]x", "invalid_request", "trailing" },
      { "[1][2]", "invalid_request", "trailing" }, { '[1]"', "invalid_request", "trailing" },
      { "]", "invalid_request" }, { '{"a"}', "invalid_request" },
      { "{1:2}", "invalid_request" }, { "nope", "invalid_request" }, { "[TRUE]", "invalid_request" },
      { "[01]", "invalid_request" }, { "[+1]", "invalid_request" }, { "[.5]", "invalid_request" },
      { "[1.]", "invalid_request" }, { "[1e]", "invalid_request" }, { "[-]", "invalid_request" },
      { "[0x10]", "invalid_request" }, { "[NaN]", "invalid_request" }, { "[Infinity]", "invalid_request" },
      { "[1e999999]", "invalid_request", "range of floats" }, { "['x']", "invalid_request" },
      { '["x]', "invalid_request" }, { '["\\x41"]', "invalid_request" }, { '["\\u12"]', "invalid_request" },
      { '["\\ud800"]', "invalid_request", "surrogate" }, { '["\\udc00\\ud800"]', "invalid_request", "surrogate" },
      { '["\\ud800\\u0041"]', "invalid_request", "surrogate" }, { '["\1"]', "invalid_request", "control" },
      { '["\0"]', "invalid_request", "control" }, { "\0", "invalid_request" },
      { '["\xff"]', "invalid_request", "UTF%-8" },
      { '["\xc0\x80"]', "invalid_request", "UTF%-8" }, { '["\xed\xa0\x80"]', "invalid_request", "UTF%-8" },
      { '["\xf4\x90\x80\x80"]', "invalid_request", "UTF%-8" }, { '["\xe2\x82"]', "invalid_request", "UTF%-8" },
      { "\xef\xbb\xbf[1]", "invalid_request" }, { "[1]//", "invalid_request" }, { "[/**/1]", "invalid_request" },
      { name = "deep, open", ("["):rep(10000), "invalid_request", "deeper than 100" },
      { name = "deep", ("["):rep(10000) .. ("]"):rep(10000), "invalid_request", "deeper than 100" },
      { name = "deep objects", ('[{"a":'):rep(5000) .. "1" .. ("}]"):rep(5000), "invalid_request", "deeper than 100" },
      { name = "one level too deep", ("["):rep(DEPTH_MAX + 1) .. ("]"):rep(DEPTH_MAX + 1), "invalid_request", "deep" },
      { name = "too many arguments", "[" .. ("1,"):rep(200) .. "1]", "invalid_arguments", "201 arguments" },
    }, function(body, code, message)
      assert_refused(400, code, message, post(path_of(key, "put"), body))
    end)

    it("but takes all that is one", function()
      assert_result("1", post(path_of(key, "echo"), " \t\r\n[ 1 ] "))
      local deepest = ("["):rep(DEPTH_MAX - 1) .. ("]"):rep(DEPTH_MAX - 1)
      assert_result(deepest, post(path_of(key, "echo"), "[" .. deepest .. "]"))
      local many = "[" .. ("1,"):rep(199) .. "1]"
      assert_result(many, post(path_of(key, "echo"), many))
      assert_result('{"a":2}', post(path_of(key, "echo"), '[{"a":1,"a":2}]'))
    end)

    it("of the largest size, and none of a byte more", function()
      local largest = '["' .. ("x"):rep(BODY_BYTES_MAX - 4) .. '"]'
      assert_result(largest:sub(2, -2), post(path_of(key, "echo"), largest))
      for _, more in ipairs { 1, 2, BODY_BYTES_MAX } do
        local answer = post(path_of(key, "put"), largest .. (" "):rep(more))
        assert_refused(413, "payload_too_large", tostring(BODY_BYTES_MAX), answer)
      end
    end)
  end)

  describe("tells how the script failed:", function()
    -- Of a script's own mistake, the client hears no more than that there was one.
    local tries = {}
    for _, how in ipairs {
      "string", "table", "no_value", "number", "user_reserved", "raising_tostring",
      "function_in_state", "cycle_in_state", "twice_in_state", "function_in_kv", "no such way",
    } do
      table.insert(tries, { how })
    end
    try_each("internal_error", tries, function(how)
      assert_refused(500, "internal_error", "^the actor failed; the host's log says how$",
        post(path_of(key, "fail"), ('["%s"]'):format(how)))
    end)

    it("a UserError reaches the client as it is", function()
      local answer = post(path_of(key, "fail"), '["user"]')
      assert.equal(400, answer.status)
      local metadata = { balance = 3, list = { "a" } }
      assert.same({ error = { code = "insufficient", message = "Not enough", metadata = metadata } }, answer:json())
      assert_refused(400, "user_error", "^Just no$", post(path_of(key, "fail"), '["user_plain"]'))
    end)

    it("what took too much is stopped and undone", function()
      assert_refused(507, "out_of_memory", "33554432", post(path_of(key, "fail"), '["memory"]'))
    end)

    -- The host that gives little time gets nothing but loops without an end.
    it("what took too long is stopped and undone", function()
      local own = program.folder()
      local function ask(method, arguments, ...)
        local other = program.serve(ACTORS, own, ...)
        local answer = http.request(other.address, "POST", path_of("k", method), arguments)
        other:close()
        return answer
      end
      assert_result("null", ask("put", '["kept"]'))
      for _, how in ipairs { "loop", "looping_tostring" } do
        assert_refused(504, "timeout", "100 ms", ask("fail", ('["%s"]'):format(how), "--limit-call-cpu-ms", "100"))
      end
      assert_result(CONTENT, ask "content")
      program.remove(own)
    end)

    it("the log says where, and what", function()
      local before = #host:log()
      post(path_of(key, "fail"), '["string"]')
      post(path_of(key, "fail"), '["function_in_state"]')
      local log = host:logged("state.held.a.b: a function cannot be saved", before, true)
      assert.matches(" error call failed class=Box key=[^ ]*" .. key
        .. ".* method=fail id=[^ ]+ code=internal_error error=", log)
      assert.matches("box%.lua:%d+: broken on purpose", log)
    end)

    it("more calls than may wait are refused, and may come again", function()
      local own = new_key()
      local busy = http.connect(host.address):send(http.text("POST", path_of(own, "wait"), ('["%s"]'):format(own)))
      host:logged("begun " .. own)
      local waiting, statuses = {}, {}
      for number = 1, 7 do
        waiting[number] = http.connect(host.address):send(http.text("POST", path_of(own, "puts")))
      end
      -- The door takes what is there in rounds: before the second of these it has taken all that came before the first.
      local last = http.connect(host.address)
      for _ = 1, 2 do assert.equal(200, last:send(http.text("GET", "/health")):receive().status) end
      last:close()
      program.open_gate(host.actors, own)
      assert_result("1", busy:receive())
      for number, connection in ipairs(waiting) do
        local answer = connection:receive()
        statuses[number] = answer.status
        if answer.status == 503 then
          assert_refused(503, "overloaded", "4 calls wait", answer)
          assert.equal("1", answer.headers["retry-after"])
        else
          assert_result("1", answer)
        end
        connection:close()
      end
      busy:close()
      table.sort(statuses)
      assert.same({ 200, 200, 200, 200, 503, 503, 503 }, statuses)
    end)
  end)

  describe("prints results as JSON:", function()
    try_each("a result", {
      { "empty_object", "{}" }, { "empty_array", "[]" }, { "plain_array", "[1,2,3]" },
      { "all_kinds", '[1,1.0,"x",true,false,null]' },
    }, function(name, expected)
      assert_result(expected, post(path_of(key, "result"), ('["%s"]'):format(name)))
    end)

    try_each("no result", {
      { "a_function", "result: a function" }, { "sparse", "result" }, { "mixed", "result" },
      { "number_keys", "result" }, { "nan", "result: " }, { "infinity", "result%[1%]: " },
      { "no_text", "result%.text: .*UTF%-8" }, { "no_text_key", "result.*UTF%-8" }, { "cycle", "result%.inner%.up" },
      { "deep", "result%.x%.x.*100" },
    }, function(name, in_log)
      local before = #host:log()
      assert_refused(500, "internal_error", nil, post(path_of(key, "result"), ('["%s"]'):format(name)))
      host:logged(in_log, before)
    end)

    it("of the largest size, and none of a byte more", function()
      local size = 16 * 1024 * 1024 - 2
      assert_result('"' .. ("x"):rep(size) .. '"', post(path_of(key, "large"), ("[%d]"):format(size)))
      local answer = post(path_of(key, "large"), ("[%d]"):format(size + 1))
      assert_refused(413, "payload_too_large", "result.*16777216", answer)
    end)
  end)

  describe("shows operators what is inside:", function()
    local NO_MESSAGES = '"messages":{"first":[],"count":0,"more":false},"connections":0}'

    local function assert_shown(result, answer)
      local body = ('{"result":%s,"schedules":[],"schedule_count":0,%s'):format(result, NO_MESSAGES)
      assert.same({ 200, body }, { answer.status, answer.body })
    end

    local function assert_absent(code, answer)
      assert.equal(404, answer.status)
      assert.equal(code, answer:json().error.code)
      assert.equal(NO_MESSAGES, answer.body:sub(-#NO_MESSAGES))
    end

    it("what inspect_state gives, or the state", function()
      local bearer = { Authorization = "Bearer " .. token }
      assert_shown('{"shown":"kept"}', get("/actors/Box/" .. key, bearer))
      local path = ('/actors/Box/["%s"]'):format(key)
      assert_shown('{"shown":"kept"}', get(path, { authorization = "bearer  " .. token }))
      post "/actors/Tally/shown/increment"
      assert_shown('{"count":1}', get("/actors/Tally/shown", bearer))
    end)

    it("and creates nothing", function()
      local bearer = { Authorization = "Bearer " .. token }
      assert_absent("actor_not_found", get("/actors/Box/nobody", bearer))
      assert_absent("actor_not_found", get("/actors/Box/nobody", bearer))
      assert_absent("class_not_found", get("/actors/Nobody/nobody", bearer))
      assert_refused(400, "invalid_key", nil, get("/actors/Box/[", bearer))
      assert_refused(400, "invalid_request", "create", get("/actors/Box/nobody?create=true", bearer))
    end)

    it("nobody else", function()
      for _, given in ipairs {
        "Bearer", "Bearer ", "Bearer x", token, "Basic " .. token, "Bearer " .. token .. "x",
        "Bearer " .. token:sub(1, -2), "Bearer " .. token:sub(1, -2) .. "!", "Bearer " .. token:lower() .. " ",
      } do
        local answer = get("/actors/Box/" .. key, { Authorization = given })
        assert_refused(401, "unauthorized", nil, answer)
        assert.equal("Bearer", answer.headers["www-authenticate"])
      end
      assert_refused(401, "unauthorized", "Authorization", get("/actors/Box/" .. key))
      assert_refused(401, "unauthorized", nil, get "/actors/Nobody/nobody")
    end)
  end)
end)
