-- The browser of the specs does what they rely on, and leaves nothing behind.
local browser = require "spec.browser.browser"
local files = require "spec.support.files"
local lfs = require "lfs"
local program = require "spec.support.program"

local function page(html)
  return "data:text/html," .. html:gsub("[%%#\n]", function(char) return ("%%%02X"):format(char:byte()) end)
end

describe("A browser", function()
  local chromium

  setup(function() chromium = browser.start() end)
  teardown(function() chromium:close() end)

  it("shows pages in tabs, each with variables of its own", function()
    local one, two = chromium:open(page "<p>one"), chromium:open(page "<p>two")
    assert.equal("one", one:evaluate "document.body.innerText")
    assert.equal("two", two:evaluate "document.body.innerText")
    one:evaluate "here = 1"
    assert.equal("undefined", two:evaluate "typeof here")
    one:close()
    assert.equal("two", two:evaluate "document.body.innerText")
    two:close()
  end)

  it("gives values, and what is promised, and raises errors", function()
    local tab = chromium:open(page "")
    assert.same({ a = { 1, "x" } }, tab:evaluate "({ a: [1, 'x'] })")
    assert.equal(5, tab:evaluate "new Promise((resolve) => setTimeout(() => resolve(5), 1))")
    assert.error_matches(function() tab:evaluate "none.x" end, "none is not defined")
    assert.error_matches(function() tab:evaluate "Promise.reject(Error('no'))" end, "no")
    assert.error_matches(function() tab:evaluate "1 +" end, "SyntaxError")
    tab:close()
  end)

  it("waits until something is true, also of a page that is loaded again meanwhile", function()
    local folder = program.folder()
    finally(function() program.remove(folder) end)
    files.write(folder .. "/page.html", "<script>setTimeout(() => { title = 'now' }, 50)</script>")
    local tab = chromium:open("file://" .. folder .. "/page.html")
    assert.equal("now", tab:wait "globalThis.title")
    tab:evaluate "globalThis.isOld = true; location.reload()"
    tab:wait "!globalThis.isOld && globalThis.title === 'now'"
    tab:close()
  end)

  it("tells what a page complains of, once, and from where", function()
    local tab = chromium:open(page [[<script>
      console.log("fine")
      console.error("bad", 3)
      setTimeout(() => { ready = true; throw Error("worse") })
      </script>]])
    tab:wait "globalThis.ready"
    local problems = tab:problems()
    assert.equal(2, #problems)
    assert.equal("console: bad 3", problems[1])
    assert.matches("^exception: Error: worse\n", problems[2])
    assert.same({}, tab:problems())
    assert.error_matches(function() chromium:open "http://127.0.0.1:9/" end, "ERR_")
    tab:close()
  end)
end)

describe("What a browser leaves", function()
  local folder

  before_each(function() folder = program.folder() end)
  after_each(function() program.remove(folder) end)

  -- How many processes name its folder.
  local function processes()
    local count = 0
    for pid in lfs.dir "/proc" do
      local file = pid:find "^%d+$" and io.open(("/proc/%s/cmdline"):format(pid))
      if file and (file:read "a" or ""):find("--user-data-dir=" .. folder, 1, true) then count = count + 1 end
      if file then file:close() end
    end
    return count
  end

  local function entries()
    local count = 0
    for name in lfs.dir(folder) do count = count + (name:find "^%." and 0 or 1) end
    return count
  end

  it("is nothing", function()
    local chromium = browser.start(folder)
    chromium:open(page "<p>one")
    assert.equal(1, entries())
    assert.is_true(processes() > 0)
    chromium:close()
    assert.equal(0, entries())
    program.eventually("the end of its processes", function() return processes() == 0 end)
  end)

  it("is nothing, whatever the spec has started meanwhile", function()
    local chromium = browser.start(folder)
    local other <close> = assert(io.popen("cat >/dev/null", "w"))
    chromium:close()
    assert.equal(0, entries())
    assert.is_truthy(other:write "still there")
  end)

  it("is nothing if its driver is ended", function()
    local chromium = browser.start(folder)
    os.execute("kill -TERM " .. chromium.pid)
    chromium:close()
    assert.equal(0, entries())
    program.eventually("the end of its processes", function() return processes() == 0 end)
  end)

  it("is no process if its driver is killed", function()
    local chromium = browser.start(folder)
    chromium:open(page "<p>one")
    os.execute("kill -KILL " .. chromium.pid)
    assert.error(function() chromium:close() end)
    program.eventually("the end of its processes", function() return processes() == 0 end)
  end)
end)
