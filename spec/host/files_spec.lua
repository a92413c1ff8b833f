-- Files over HTTP: the client that the host brings along, and those of the folder of --public. What is asked with
-- conditions and for parts, and that no path leads out.

local lfs = require "lfs"
local files = require "spec.support.files"
local program = require "spec.support.program"
local http = require "spec.support.http"

local ACTORS = "spec/support/actors"
local BIG = 300000            -- more than is read of a file at once
local LARGE = 16 * 1024 * 1024 -- more than a socket takes that nobody reads from

local assert_refused = http.assert_refused

local folder, public, host

local function serve(...)
  host = program.serve(ACTORS, folder .. "/data", ...)
end

-- GET and HEAD say the same, but for the body. Returns the answer of GET.
local function get(path, headers)
  local answer = http.request(host.address, "GET", path, nil, headers)
  local connection = http.connect(host.address)
  local head = connection:send(http.text("HEAD", path, nil, headers)):receive(true)
  connection:send(http.text("GET", "/health"))
  assert.equal('{"status":"ok"}', connection:receive().body, "a body behind HEAD " .. path)
  connection:close()
  if answer.status ~= 206 then
    answer.headers.date, head.headers.date = nil, nil
    assert.same({ answer.status, answer.headers }, { head.status, head.headers })
  end
  return answer
end

-- One answer of 304 or 301, whose body is nothing.
local function get_nothing(path, headers)
  local connection = http.connect(host.address)
  local answer = connection:send(http.text("GET", path, nil, headers) .. http.text("GET", "/health")):receive(true)
  assert.equal('{"status":"ok"}', connection:receive().body, "a body behind the answer to " .. path)
  connection:close()
  return answer
end

local function assert_held(path, headers)
  local answer = get_nothing(path, headers)
  assert.equal(304, answer.status)
  assert.equal("no-cache", answer.headers["cache-control"])
  assert.is_truthy(answer.headers.etag)
end

local function assert_file(text, type, path, headers)
  local answer = get(path, headers)
  assert.same({ 200, text, type }, { answer.status, answer.body, answer.headers["content-type"] }, path)
  assert.same({ "no-cache", "Origin", "nosniff" }, {
    answer.headers["cache-control"], answer.headers.vary, answer.headers["x-content-type-options"],
  })
  return answer
end

local function assert_nothing_at(path)
  local answer = http.request(host.address, "GET", path)
  assert.is_true(answer.status == 404 or answer.status == 405, path .. ": " .. answer.status .. " " .. answer.body)
  assert.is_truthy(answer:json().error)
end

local function assert_methods(path)
  for _, method in ipairs { "POST", "PUT", "DELETE", "PATCH", "get" } do
    local answer = http.request(host.address, method, path, "[1]")
    assert_refused(405, "method_not_allowed", "GET, HEAD, OPTIONS", answer)
    assert.equal("GET, HEAD, OPTIONS", answer.headers.allow)
  end
  local answer = http.request(host.address, "OPTIONS", path)
  assert.same({ 204, "GET, HEAD, OPTIONS" }, { answer.status, answer.headers.allow })
end

local function open_files()
  local count = 0
  for _ in lfs.dir("/proc/" .. files.read(host.folder .. "/pid"):match "%d+" .. "/fd") do count = count + 1 end
  return count
end

local function stop()
  host:stop()
  assert.is_nil(host:log():find " error ")
  host = nil
end

describe("The client for pages", function()
  setup(function()
    folder = program.folder()
    serve("--allow-origin", "https://app.example")
  end)
  teardown(function()
    stop()
    program.remove(folder)
  end)

  for path, type in pairs {
    ["/client.js"] = "text/javascript; charset=utf-8", ["/client.d.ts"] = "text/plain; charset=utf-8",
  } do
    local text = files.read("host/client" .. path)

    it("is served as it stands in the sources: " .. path, function()
      local answer = assert_file(text, type, path)
      assert_file(text, type, path .. "?v=1")
      assert_file(text, type, "http://any.example:81" .. path)
      assert.equal(answer.headers.etag, assert_file(text, type, path, { ["If-None-Match"] = '"other"' }).headers.etag)
      assert_methods(path)
    end)

    it("is not sent again to who has it: " .. path, function()
      local tag = get(path).headers.etag
      assert.matches('^"[^"]+"$', tag)
      for _, known in ipairs { tag, "W/" .. tag, '"other", ' .. tag, '"a",W/"b" ,' .. tag .. ',"c"', "*" } do
        assert_held(path, { ["If-None-Match"] = known })
      end
      assert_held(path, { ["If-None-Match"] = '"a"\r\nIf-None-Match: ' .. tag })
    end)

    it("can be imported by a page of an origin that may call, and by no other: " .. path, function()
      local answer = assert_file(text, type, path, { Origin = "https://app.example" })
      assert.equal("https://app.example", answer.headers["access-control-allow-origin"])
      local foreign = http.request(host.address, "GET", path, nil, { Origin = "https://evil.example" })
      assert_refused(403, "forbidden_origin", nil, foreign)
    end)
  end

  it("is not there under other names, nor are files where no folder is public", function()
    for _, path in ipairs {
      "/", "/client", "/client.js/", "/Client.js", "/client%2ejs", "/./client.js", "/index.html", "//client.js",
    } do
      assert_nothing_at(path)
    end
  end)
end)

describe("A public folder", function()
  local function write(path, text)
    files.write(public .. "/" .. path, text)
  end

  setup(function()
    folder = program.folder()
    public = folder .. "/public"
    for _, name in ipairs { "", "/docs", "/docs/deep", "/empty", "/index.html.d", "/.hidden", "/actors", "/odd" } do
      lfs.mkdir(public .. name)
    end
    write("index.html", "<h1>first</h1>")
    write("docs/index.html", "docs")
    write("docs/deep/a b+c%é.txt", "deep")
    write("none", "")
    write("big.bin", ("0123456789"):rep(BIG // 10))
    write(".hidden/file.txt", "hidden")
    write(".env", "secret")
    write("actors/file.txt", "no actor")
    write("health", "not well")
    write("odd/back\\slash.txt", "odd")
    lfs.mkdir(public .. "/odd/index.html")
    files.write(folder .. "/outside.txt", "outside")
    lfs.mkdir(folder .. "/public.old")
    files.write(folder .. "/public.old/beside.txt", "beside")
    local function link(to, path) lfs.link(to, public .. "/" .. path, true) end
    link("docs/index.html", "within.html")
    link("../index.html", "docs/up.html")
    link("deep", "docs/linked")
    link("../outside.txt", "out.txt")
    link("..", "parent")
    link("/etc", "etc")
    link(folder .. "/outside.txt", "absolute.txt")
    link("docs/../../outside.txt", "docs-out.txt")
    link("/", "top")
    link("loop", "loop")
    link("gone.txt", "dangling.txt")
    os.execute("mkfifo " .. public .. "/pipe.txt")
    serve("--public", public, "--allow-origin", "https://app.example")
  end)
  teardown(function()
    stop()
    program.remove(folder)
  end)

  it("serves its files, with their types", function()
    local types = {
      html = "text/html; charset=utf-8", css = "text/css; charset=utf-8", js = "text/javascript; charset=utf-8",
      mjs = "text/javascript; charset=utf-8", txt = "text/plain; charset=utf-8", json = "application/json",
      svg = "image/svg+xml", png = "image/png", jpg = "image/jpeg", webp = "image/webp", ico = "image/x-icon",
      woff2 = "font/woff2", wasm = "application/wasm", mp4 = "video/mp4", HTML = "text/html; charset=utf-8",
      webmanifest = "application/manifest+json", unknown = "application/octet-stream",
    }
    for ending, type in pairs(types) do
      write("file." .. ending, "of " .. ending)
      assert_file("of " .. ending, type, "/file." .. ending)
    end
    assert_file("", "application/octet-stream", "/none")
    assert_file("deep", "text/plain; charset=utf-8", "/docs/deep/a%20b+c%25%c3%A9.txt?any=query&x")
    assert_file("<h1>first</h1>", types.html, "/index.html", { Origin = "https://app.example" })
    assert_file("<h1>first</h1>", types.html, "http://any.example/")
    assert_methods "/index.html"
    assert_methods "/docs"
  end)

  it("has an index for each folder, and sends who forgets the slash to it", function()
    assert_file("<h1>first</h1>", "text/html; charset=utf-8", "/")
    assert_file("docs", "text/html; charset=utf-8", "/docs/")
    for path, location in pairs {
      ["/docs"] = "/docs/", ["/d%6fcs?a=%2F"] = "/d%6fcs/?a=%2F", ["http://x/docs"] = "/docs/",
    } do
      local answer = get_nothing(path)
      assert.same({ 301, location }, { answer.status, answer.headers.location })
    end
    for _, path in ipairs { "/empty", "/empty/", "/index.html.d", "/odd", "/odd/", "/index.html/", "/docs/deep/" } do
      assert_nothing_at(path)
    end
  end)

  it("lets no path out, and shows nothing that is hidden or no file", function()
    assert_file("docs", "text/html; charset=utf-8", "/within.html")
    assert_file("<h1>first</h1>", "text/html; charset=utf-8", "/docs/up.html")
    assert_file("deep", "text/plain; charset=utf-8", "/docs/linked/a%20b+c%25%c3%A9.txt")
    for _, path in ipairs {
      "/../outside.txt", "/docs/../../outside.txt", "/docs/../index.html", "/./index.html", "/docs/./index.html",
      "/..", "/.",
      "/%2e%2e/outside.txt", "/%2E%2e%2foutside.txt", "/..%2foutside.txt", "/docs%2f..%2f..%2foutside.txt",
      "/docs%2findex.html", "/%2fetc%2fpasswd", "//etc/passwd", "/docs//index.html", "//", "/docs//",
      "/..%5coutside.txt", "/..\\outside.txt", "/odd/back%5Cslash.txt", "/odd/back\\slash.txt",
      "/index.html%00", "/index.html%00.txt", "/%00", "/%", "/index.htm%6", "/%zz", "/%252e%252e/outside.txt",
      "/public.old/beside.txt", "/..public/index.html", "/../public/index.html", "/../public.old/beside.txt",
      "/out.txt", "/parent/outside.txt", "/parent/public/index.html", "/etc/passwd", "/absolute.txt", "/docs-out.txt",
      "/top/etc/passwd", "/loop", "/dangling.txt", "/pipe.txt", "/.env", "/%2eenv", "/.hidden/file.txt",
      "/docs/.index.html", "/" .. ("a"):rep(300), "/" .. ("a/"):rep(3000), "/none/", "/none/x", "*", "/index.html#x",
    } do
      assert_nothing_at(path)
    end
  end)

  it("hides nothing of the host's own", function()
    assert.equal('{"status":"ok"}', http.request(host.address, "GET", "/health").body)
    for _, name in ipairs { "connect", "calls", "failed", "inspector", "metrics", "client.js", "client.d.ts" } do
      write(name, "a file of the user's")
    end
    for _, path in ipairs {
      "/actors/file.txt", "/%61ctors/file.txt", "/h%65alth", "/connect", "/c%6fnnect", "/inspector", "/metrics",
      "/m%65trics", "/client%2ejs", "/c%61lls",
    } do
      assert_nothing_at(path)
    end
    assert.equal(401, http.request(host.address, "GET", "/calls").status)
    assert.equal(files.read "host/client/client.js", http.request(host.address, "GET", "/client.js").body)
    http.assert_result("1", http.request(host.address, "POST", "/actors/Box/a/echo", "[1]"))
  end)

  it("answers in JSON where nothing is", function()
    assert_refused(404, "path_not_found", "/nothing", http.request(host.address, "GET", "/nothing"))
    assert_refused(404, "path_not_found", "/nothing", http.request(host.address, "POST", "/nothing", "[]"))
    assert_refused(403, "forbidden_origin", nil,
      http.request(host.address, "GET", "/index.html", nil, { Origin = "https://evil.example" }))
  end)

  it("sends a file again only when it has changed, though its size and date have not", function()
    write("page.txt", "one")
    lfs.touch(public .. "/page.txt", 1000000000)
    local answer = assert_file("one", "text/plain; charset=utf-8", "/page.txt")
    local tag = answer.headers.etag
    assert.equal("Sun, 09 Sep 2001 01:46:40 GMT", answer.headers["last-modified"])
    assert_held("/page.txt", { ["If-None-Match"] = tag })
    assert_held("/page.txt", { ["If-None-Match"] = tag, ["If-Modified-Since"] = "Sun, 09 Sep 2001 01:46:39 GMT" })
    assert_held("/page.txt", { ["If-Modified-Since"] = "Sun, 09 Sep 2001 01:46:40 GMT" })
    for _, headers in ipairs {
      { ["If-Modified-Since"] = "Sun, 09 Sep 2001 01:46:39 GMT" }, { ["If-Modified-Since"] = "yesterday" },
      { ["If-None-Match"] = '"x"', ["If-Modified-Since"] = "Sun, 09 Sep 2001 01:46:40 GMT" },
      { ["If-None-Match"] = "" },
    } do
      assert_file("one", "text/plain; charset=utf-8", "/page.txt", headers)
    end
    program.eventually("another state of the file", function()
      write("page.txt", "two")
      lfs.touch(public .. "/page.txt", 1000000000)
      return get("/page.txt").headers.etag ~= tag
    end)
    assert_file("two", "text/plain; charset=utf-8", "/page.txt", { ["If-None-Match"] = tag })
    os.remove(public .. "/page.txt")
    assert_nothing_at "/page.txt"
  end)

  it("sends parts of a file", function()
    local whole = files.read(public .. "/big.bin")
    local tag = get("/big.bin").headers.etag
    for range, place in pairs {
      ["0-0"] = { 0, 0 }, ["1-10"] = { 1, 10 }, ["5-"] = { 5, BIG - 1 }, ["-7"] = { BIG - 7, BIG - 1 },
      ["70000-140000"] = { 70000, 140000 }, [BIG - 1 .. "-"] = { BIG - 1, BIG - 1 },
      ["9-99999999999999999999"] = { 9, BIG - 1 }, ["-99999999999"] = { 0, BIG - 1 },
    } do
      local answer = get("/big.bin", { Range = "bytes=" .. range, ["If-Range"] = tag })
      assert.same({ 206, ("bytes %d-%d/%d"):format(place[1], place[2], BIG) },
        { answer.status, answer.headers["content-range"] })
      assert.is_true(answer.body == whole:sub(place[1] + 1, place[2] + 1), range)
    end
    for _, range in ipairs { "5-4", "-", "", "a-b", "1-2,4-5", "1-2x", "1", "--1" } do
      assert.equal(200, get("/big.bin", { Range = "bytes=" .. range }).status)
    end
    assert.equal(200, get("/big.bin", { Range = "lines=1-2" }).status)
    assert.equal(200, get("/big.bin", { Range = "bytes=1-2", ["If-Range"] = '"other"' }).status)
    for path, range in pairs { ["/big.bin"] = BIG .. "-", ["/none"] = "0-", ["/docs/"] = "-0" } do
      local answer = get_nothing(path, { Range = "bytes=" .. range })
      assert.equal(416, answer.status)
      assert.matches("^bytes %*/%d+$", answer.headers["content-range"])
    end
  end)

  it("sends large files to many who read slowly, and keeps no file open for those who go", function()
    local before = open_files()
    local whole, request = files.read(public .. "/big.bin"), http.text("GET", "/big.bin")
    lfs.mkdir(public .. "/large")
    os.execute("truncate -s 200M " .. public .. "/large/film.mp4")
    local slow, gone = {}, {}
    for i = 1, 10 do
      slow[i] = http.connect(host.address):send(request:rep(3))
      gone[i] = http.connect(host.address):send(http.text("GET", "/large/film.mp4"))
    end
    for _, one in ipairs(gone) do
      assert.equal(100000, #one.socket:receive(100000))
      one:close()
    end
    for _ = 1, 3 do
      for _, one in ipairs(slow) do assert.is_true(one:receive().body == whole) end
    end
    for _, one in ipairs(slow) do one:close() end
    program.eventually("as many open files as before", function() return open_files() <= before end)
  end)

  it("ends the connection where a file becomes shorter than it was said to be", function()
    os.execute("truncate -s 200M " .. public .. "/shrinking.bin")
    local connection = http.connect(host.address):send(http.text("GET", "/shrinking.bin"))
    assert.equal(1000, #connection.socket:receive(1000))
    os.execute("truncate -s 0 " .. public .. "/shrinking.bin")
    local rest, problem, part = connection.socket:receive(200 * 1024 * 1024)
    assert.is_nil(rest)
    assert.equal("closed", problem)
    assert.is_true(#part < 200 * 1024 * 1024)
    connection:close()
    assert.equal(200, get("/shrinking.bin").status)
  end)
end)

describe("A host", function()
  before_each(function()
    folder = program.folder()
    public = folder .. "/public"
    lfs.mkdir(public)
    files.write(public .. "/index.html", "page")
    os.execute("truncate -s " .. LARGE .. " " .. public .. "/large.bin")
  end)
  after_each(function() program.remove(folder) end)

  local function assert_no_start(message, dir)
    local status, output, complaint =
      program.run("serve", ACTORS, "--data", folder .. "/data", "--listen", "127.0.0.1:0", "--public", dir)
    assert.same({ 1, "" }, { status, output })
    assert.matches("^troupe: %-%-public " .. message, complaint)
  end

  it("does not start without its public folder, and makes no data folder then", function()
    assert_no_start("[^ ]+/none: No such file or directory\n$", folder .. "/none")
    assert_no_start("[^ ]+/index%.html: Not a directory\n$", public .. "/index.html")
    assert_no_start(": No such file or directory\n$", "")
    assert.is_nil(lfs.attributes(folder .. "/data"))
  end)

  it("does not show its data folder to everybody", function()
    assert_no_start("[^ ]+: the data folder [^ ]+/data lies in it", folder)
    lfs.mkdir(folder .. "/data")
    assert_no_start("[^ ]+: the data folder [^ ]+/data lies in it", folder)
    assert_no_start("[^ ]+: the data folder [^ ]+/data lies in it", folder .. "/data")
    lfs.link("data", folder .. "/linked", true)
    assert_no_start("[^ ]+: the data folder [^ ]+/data lies in it", folder .. "/linked")
  end)

  it("keeps the files that its log needs, however many fetch a file", function()
    host = program.serve_behind("ulimit -n 64", ACTORS, folder .. "/data", "--public", public)
    local connections, overloaded = {}, 0
    for i = 1, 26 do connections[i] = http.connect(host.address):send(http.text("GET", "/large.bin")) end
    for _, connection in ipairs(connections) do
      local answer = connection:receive()
      if answer.status == 503 then
        overloaded = overloaded + 1
        assert_refused(503, "overloaded", "files are open", answer)
      else
        assert.same({ 200, LARGE }, { answer.status, #answer.body })
      end
      connection:close()
    end
    assert.is_true(overloaded >= 1 and overloaded < 26, overloaded)
    assert.equal("page", http.request(host.address, "GET", "/").body)
    http.assert_result("null", http.request(host.address, "POST", "/actors/Register/ann/write", "[1]"))
    stop()
  end)

  it("stops while files are being sent", function()
    os.execute("truncate -s 500M " .. public .. "/film.bin")
    serve("--public", public)
    local connection = http.connect(host.address):send(http.text("GET", "/film.bin"))
    assert.equal(1000, #connection.socket:receive(1000))
    stop()
    connection:close()
  end)
end)
