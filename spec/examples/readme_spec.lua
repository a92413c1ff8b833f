-- README.md: what it shows is what happens. Its curl lines run in their order against the real program, and answer what
-- stands behind them; its page counts; its kettle boils.
local browser = require "spec.browser.browser"
local cjson = require "cjson"
local files = require "spec.support.files"
local hosts = require "spec.support.hosts"
local served = require "spec.examples.served"

local function blocks_of(text, language)
  local blocks = {}
  for block in text:gmatch("```" .. language .. "\n(.-)```") do table.insert(blocks, block) end
  return blocks
end

-- The lines of a block: a command, and what it answers; where that ends in `...`, its beginning.
local function steps_of(block)
  local steps = {}
  for line in block:gmatch "[^\n]+" do
    local command, answer = line:match "^(curl .-)%s+# (.*)$"
    assert(command, "no command with its answer: " .. line)
    table.insert(steps, { command = command, answer = answer })
  end
  return steps
end

local function run(command, server)
  local here, count = command:gsub("127%.0%.0%.1:7420", server.address)
  assert.equal(1, count)
  return served.run((here:gsub("^curl", "curl -sS")))
end

local function check(step, output)
  local beginning = step.answer:match "^(.-)%s*%.%.%.$"
  if beginning then
    local code = beginning:match '"code":"([%w_]+)"'
    assert.equal(code, cjson.decode(output).error.code)
  else
    assert.same(cjson.decode(step.answer), cjson.decode(output))
  end
end

describe("README.md", function()
  local text = files.read "README.md"

  after_each(hosts.close_all)

  it("shows calls that answer what it says, before and after a crash", function()
    local server = served.start "actors"
    finally(function() server:stop() end)
    local before, after = table.unpack(blocks_of(text, "sh"))
    for _, step in ipairs(steps_of(before)) do check(step, run(step.command, server)) end
    server:kill()
    server:start()
    for _, step in ipairs(steps_of(after)) do check(step, run(step.command, server)) end
  end)

  it("shows a page that counts in two tabs, what curl adds too, and goes on when the host was killed", function()
    local shown = text:match "\n## A page that counts, live\n(.-)\n## "
    local line, page = blocks_of(shown, "lua")[1], blocks_of(shown, "html")[1]
    local actors, public = blocks_of(shown, "sh")[1]:match "^build/release/troupe serve (%S+) %-%-public (%S+)\n$"
    assert.equal(files.read(public .. "/index.html"), page)
    assert.is_truthy(files.read(actors .. "/counter.lua"):find(line, 1, true))

    local server, chromium = served.start "actors", browser.start()
    finally(function()
      chromium:close()
      server:stop()
    end)
    local increment = steps_of(blocks_of(text, "sh")[1])[1].command
    run(increment, server)
    server:kill()
    server.actors, server.public = actors, public
    server:start()

    local tabs = {}
    for i = 1, 2 do tabs[i] = chromium:open(("http://%s/"):format(server.address)) end
    local function show(count)
      local shows = ('document.querySelector("button").textContent === "%d"'):format(count)
      for _, tab in ipairs(tabs) do tab:wait(shows) end
    end
    local function click(tab) tab:evaluate 'document.querySelector("button").click()' end
    show(1)
    click(tabs[1])
    show(2)
    click(tabs[2])
    show(3)
    run(increment, server)
    show(4)
    for _, tab in ipairs(tabs) do assert.same({}, tab:problems()) end
    server:kill()
    server:start()
    click(tabs[1])
    show(5)
    click(tabs[2])
    show(6)
  end)

  it("shows the counter as it is, but for comments and its last method", function()
    local shown = blocks_of(text, "lua")[1]
    local code = {}
    for line in files.read("actors/counter.lua"):gmatch "[^\n]+" do
      if not line:find "^%s*%-%-" then table.insert(code, line) end
    end
    local there = table.concat(code, "\n")
    for line in shown:gmatch "[^\n]+" do
      assert.is_truthy(there:find(line, 1, true), line)
    end
  end)

  it("shows a kettle that tells when the tea is ready, through a restart, once", function()
    local shown = text:match "\n## Time and mail\n.-```lua\n(.-)```"
    local host = hosts.open {
      ["kettle.lua"] = ('local Kettle = require "troupe.actor":extend "Kettle"\n%s\nreturn Kettle'):format(shown),
      ["person.lua"] = hosts.class("Person", [[
        function Class:hear(_, news) self.kv:put({ "heard", self.kv:count() + 1 }, news) end
      ]]),
    }
    local minutes = tonumber(shown:match "after%((%d+)") / 60
    host:actor("Kettle", "k"):boil "ann"
    host:crash()
    host:advance(60 * minutes - 1)
    assert.is_nil(host:kv("Person", "ann"))
    host:crash(1)
    host:reopen()
    host:run()
    assert.same({ { key = { "heard", 1 }, value = "The tea is ready" } }, host:kv("Person", "ann"))
    host:crash()
    host:advance(3600)
    assert.equal(1, #host:kv("Person", "ann"))
  end)
end)
