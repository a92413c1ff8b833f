-- examples/chat: its page, in a browser; the real program serves it.
local browser = require "spec.browser.browser"
local cjson = require "cjson"
local files = require "spec.support.files"
local http = require "spec.support.http"
local served = require "spec.examples.served"

describe("The page of the chat", function()
  local chromium, server

  setup(function() chromium = browser.start() end)
  teardown(function() chromium:close() end)
  before_each(function() server = served.start("examples/chat/actors", "examples/chat/public") end)
  after_each(function()
    if server then server:stop() end
    server = nil
  end)

  local function enter(name)
    local encoded = name:gsub("%W", function(char) return ("%%%02X"):format(char:byte()) end)
    return chromium:open(("http://%s/?name=%s&room=lobby"):format(server.address, encoded))
  end

  local function say(tab, text)
    tab:evaluate(([[(() => {
      const form = document.getElementById("say")
      form.elements.text.value = %s
      form.requestSubmit()
    })()]]):format(cjson.encode(text)))
  end

  -- Waits until these lines are shown, and no others.
  local function shows(tab, lines)
    tab:wait(([[[...document.querySelectorAll("#messages li")].map((li) => li.textContent).join("\n") === %s]]):format(
      cjson.encode(table.concat(lines, "\n"))))
  end

  local function shows_people(tab, people)
    tab:wait(('document.getElementById("people").textContent === %s'):format(cjson.encode(people)))
  end

  local function shows_status(tab, status)
    tab:wait(('document.getElementById("status").textContent === %s'):format(cjson.encode(status)))
  end

  -- Somebody without a page says something.
  local function call(method, ...)
    local path = ("/actors/Room/lobby/%s?params=%%7B%%22name%%22%%3A%%22cleo%%22%%7D"):format(method)
    return http.request(server.address, "POST", path, cjson.encode { ... }):json().result
  end

  it("shows what others say, both ways and in order", function()
    local ann, bob = enter "ann", enter "bob"
    say(ann, "one")
    shows(bob, { "ann one" })
    say(bob, "two")
    shows(ann, { "ann one", "bob two" })
    for i = 3, 9 do say(i % 2 == 0 and bob or ann, tostring(i)) end
    local lines = {}
    ann:wait 'document.querySelectorAll("#messages li").length === 9'
    for i, message in ipairs(call("messages_after", 0)) do lines[i] = message.name .. " " .. message.text end
    assert.equal(9, #lines)
    shows(ann, lines)
    shows(bob, lines)
    assert.same({}, ann:problems())
    assert.same({}, bob:problems())
    ann:close()
    bob:close()
  end)

  it("shows what a shell says, as README has it", function()
    local ann = enter "ann"
    local command = files.read("examples/chat/README.md"):match "\n    (curl [^\n]+)\n"
    local here = command:gsub("127%.0%.0%.1:7420", server.address):gsub("^curl", "curl -sS")
    assert.same({ result = 1 }, cjson.decode(served.run(here)))
    shows(ann, { "shell Hello from a shell" })
    ann:close()
  end)

  it("shows who is there, and who is not any more", function()
    local ann = enter "ann"
    shows_people(ann, "ann")
    local bob = enter "bob"
    shows_people(ann, "ann, bob")
    shows_people(bob, "ann, bob")
    bob:close()
    shows_people(ann, "ann")
    ann:close()
  end)

  it("goes on by itself when the host was killed, and misses nothing", function()
    local ann, bob = enter "ann", enter "bob"
    say(ann, "before")
    shows(bob, { "ann before" })
    local lines, address = { "ann before" }, server.address
    server:kill()
    for _, tab in ipairs { ann, bob } do shows_status(tab, "Connecting …") end
    say(ann, "meanwhile")

    -- Where the pages cannot reach it, somebody says more than a page of messages holds.
    server.address = nil
    server:start()
    for i = 1, 120 do
      call("say", tostring(i))
      table.insert(lines, "cleo " .. i)
    end
    server:kill()

    server.address = address
    server:start()
    table.insert(lines, "ann meanwhile")
    for _, tab in ipairs { ann, bob } do
      shows(tab, lines)
      shows_people(tab, "ann, bob")
      shows_status(tab, "")
    end
    say(bob, "after")
    table.insert(lines, "bob after")
    for _, tab in ipairs { ann, bob } do shows(tab, lines) end
    for _, tab in ipairs { ann, bob } do
      for _, problem in ipairs(tab:problems()) do assert.matches("^network: WebSocket connection to ", problem) end
      tab:close()
    end
  end)

  it("shows texts and names as they are, and no HTML", function()
    local bad = [[<img src=x onerror="document.title = 'bad'"><b>&amp;</b><script>document.title = 'bad'</script>]]
    local ann, bob = enter "ann", enter "<b>bob</b>"
    say(bob, bad)
    shows(ann, { "<b>bob</b> " .. bad })
    shows_people(ann, "<b>bob</b>, ann")
    shows(bob, { "<b>bob</b> " .. bad })
    local cleo = enter "cleo"
    shows(cleo, { "<b>bob</b> " .. bad })
    for _, tab in ipairs { ann, bob, cleo } do
      assert.equal(0, tab:evaluate 'document.querySelectorAll("#messages img, #messages script, #people b").length')
      assert.equal("Chat", tab:evaluate "document.title")
      assert.same({}, tab:problems())
      tab:close()
    end
  end)

  it("asks for a name, and says what is wrong with one", function()
    local tab = chromium:open(("http://%s/"):format(server.address))
    tab:evaluate [[(() => {
      const form = document.getElementById("enter")
      form.elements.name.value = "dora"
      form.elements.room.value = "garden"
      form.requestSubmit()
    })()]]
    tab:wait 'document.getElementById("people")?.textContent === "dora"'
    assert.equal("?name=dora&room=garden", tab:evaluate "location.search")
    tab:close()
    local wrong = enter(("x"):rep(31))
    shows_status(wrong, "Room/lobby: the host refused the connection: unauthorized")
    wrong:close()
  end)
end)
