-- examples/tictactoe: its page, in a browser; the real program serves it.
local browser = require "spec.browser.browser"
local cjson = require "cjson"
local served = require "spec.examples.served"

describe("The page of a game", function()
  local chromium, server

  setup(function() chromium = browser.start() end)
  teardown(function() chromium:close() end)
  before_each(function() server = served.start("examples/tictactoe/actors", "examples/tictactoe/public") end)
  after_each(function()
    if server then server:stop() end
    server = nil
  end)

  local function enter()
    return chromium:open(("http://%s/?game=g"):format(server.address))
  end

  local function shows(tab, news, board)
    tab:wait(('document.getElementById("news").textContent === %s'):format(cjson.encode(news)))
    if board then
      local shown = '[...document.querySelectorAll("#board button")].map((cell) => cell.textContent || ".").join("")'
      tab:wait(("%s === %s"):format(shown, cjson.encode((board:gsub(" ", "")))))
    end
  end

  local function click(tab, cell)
    tab:evaluate(('document.querySelectorAll("#board button")[%d].click()'):format(cell - 1))
  end

  it("is played in two tabs, watched in a third, and goes on when the host was killed", function()
    local ann = enter()
    shows(ann, "Waiting for another player")
    local bob = enter()
    shows(ann, "It is your turn", "... ... ...")
    shows(bob, "It is the turn of X")
    local cleo = enter()
    shows(cleo, "It is the turn of X")
    click(ann, 1)
    for _, tab in ipairs { ann, cleo } do shows(tab, "It is the turn of O", "X.. ... ...") end
    shows(bob, "It is your turn", "X.. ... ...")
    click(cleo, 2)
    shows(cleo, "You watch this game")
    click(ann, 2)
    shows(ann, "It is the turn of O", "X.. ... ...")

    server:kill()
    for _, tab in ipairs { ann, bob, cleo } do shows(tab, "Connecting …") end
    server:start()
    shows(bob, "It is your turn", "X.. ... ...")
    shows(ann, "It is the turn of O", "X.. ... ...")
    shows(cleo, "It is the turn of O", "X.. ... ...")
    for i, cell in ipairs { 5, 4, 9, 7 } do
      local tab = i % 2 == 1 and bob or ann
      shows(tab, "It is your turn")
      click(tab, cell)
    end
    shows(ann, "You have won", "X.. XO. X.O")
    shows(bob, "X has won")
    shows(cleo, "X has won", "X.. XO. X.O")

    ann:close()
    bob:wait 'document.getElementById("others").textContent === "You are O. Playing: O, watching: 1"'
    bob:evaluate 'document.getElementById("again").click()'
    shows(cleo, "It is your turn", "... ... ...")
    shows(bob, "It is the turn of X")
    bob:close()
    cleo:close()
  end)

  it("gives its seat to a page that is loaded again", function()
    local ann = enter()
    shows(ann, "Waiting for another player")
    local bob = enter()
    shows(bob, "It is the turn of X")
    ann:evaluate "globalThis.isOld = true; location.reload()"
    ann:wait "!globalThis.isOld && document.getElementById('others')?.textContent.startsWith('You are X.')"
    shows(ann, "It is your turn")
    assert.same({}, ann:problems())
    ann:close()
    bob:close()
  end)
end)
