-- examples/tictactoe: the rules of a game, in the spec kit. Its page: spec/examples/tictactoe_page_spec.lua.
local hosts = require "spec.support.hosts"

-- The nine cells of a board, as in "X.O ... ...".
local function board_of(text)
  local board = {}
  for mark in text:gsub(" ", ""):gmatch "." do table.insert(board, mark == "." and "" or mark) end
  return board
end

describe("A game", function()
  local host

  before_each(function() host = hosts.open_folder "examples/tictactoe/actors" end)
  after_each(hosts.close_all)

  local function enter(player)
    return host:connect("Game", "g", { params = { player = "player-" .. player } })
  end

  -- What somebody was shown last.
  local function view_of(connection)
    local events = connection:events()
    return events[#events].args[1]
  end

  local function code_of(connection, method, ...)
    return hosts.code_of(connection.call, connection, method, ...)
  end

  -- Plays these cells in turn, and returns the two who did.
  local function play(cells)
    local players = { enter "ann", enter "bob" }
    for i, cell in ipairs(cells) do players[(i - 1) % 2 + 1]:call("place", cell) end
    return table.unpack(players)
  end

  it("gives two a seat, and lets the others watch", function()
    local ann = enter "ann"
    assert.same({ X = true, O = false }, view_of(ann).here)
    local bob, cleo = enter "bob", enter "cleo"
    assert.equal("X", view_of(ann).you)
    assert.equal("O", view_of(bob).you)
    local view = view_of(cleo)
    assert.is_nil(view.you)
    assert.equal(1, view.watching)
    assert.same({ X = true, O = true }, view.here)
    assert.equal("watching", code_of(cleo, "place", 1))
    assert.equal("watching", code_of(cleo, "again"))
    cleo:close()
    assert.equal(0, view_of(ann).watching)
  end)

  it("takes a move of the one whose turn it is, into a cell that is empty", function()
    local ann, bob = play { 1, 5 }
    assert.same(board_of "X.. .O. ...", view_of(bob).board)
    assert.equal("not_your_turn", code_of(bob, "place", 9))
    assert.equal("taken", code_of(ann, "place", 5))
    for _, cell in ipairs { 0, 10, 1.5, "2", {} } do assert.equal("no_such_cell", code_of(ann, "place", cell)) end
    assert.equal("no_such_cell", code_of(ann, "place"))
    assert.equal("not_over", code_of(ann, "again"))
    ann:call("place", 9)
    local view = view_of(bob)
    assert.same(board_of "X.. .O. ..X", view.board)
    assert.equal("O", view.turn)
  end)

  it("is over when there are three in a line, or no cell is left", function()
    local ann, bob = play { 1, 4, 2, 5, 3 }
    local view = view_of(bob)
    assert.same({ true, "X" }, { view.over, view.winner })
    assert.equal("over", code_of(bob, "place", 9))
    bob:call "again"
    assert.same(board_of "... ... ...", view_of(ann).board)
    for i, cell in ipairs { 1, 2, 3, 5, 4, 6, 8, 7, 9 } do (i % 2 == 1 and ann or bob):call("place", cell) end
    view = view_of(ann)
    assert.same(board_of "XOX XOO OXX", view.board)
    assert.is_true(view.over)
    assert.is_nil(view.winner)
  end)

  it("knows each line", function()
    for _, line in ipairs { "123", "456", "789", "147", "258", "369", "159", "357" } do
      local one = host:connect("Game", line, { params = { player = "player-one" } })
      local two = host:connect("Game", line, { params = { player = "player-two" } })
      local free = ("123456789"):gsub("[" .. line .. "]", "")
      for i = 1, 3 do
        assert.is_nil(view_of(two).winner)
        one:call("place", tonumber(line:sub(i, i)))
        if i < 3 then two:call("place", tonumber(free:sub(i, i))) end
      end
      assert.equal("X", view_of(two).winner)
    end
  end)

  it("keeps the seats of those who come back, also after a crash", function()
    local ann, bob = play { 1 }
    ann:close()
    local cleo = enter "cleo"
    assert.is_nil(view_of(cleo).you)
    assert.same({ X = false, O = true }, view_of(bob).here)
    assert.equal("X", view_of(enter "ann").you)
    host:crash()
    bob = enter "bob"
    local view = view_of(bob)
    assert.equal("O", view.you)
    assert.same(board_of "X.. ... ...", view.board)
    bob:call("place", 5)
    assert.equal("X", view_of(enter "ann").you)
  end)

  it("gives the seat of one who has left to one who watches, when it begins again", function()
    local ann, bob = play { 1 }
    local cleo, dora = enter "cleo", enter "dora"
    ann:close()
    bob:call "again"
    assert.equal("O", view_of(bob).you)
    local view = view_of(cleo)
    assert.equal("X", view.you)
    assert.equal(1, view.watching)
    assert.is_nil(view_of(dora).you)
    cleo:call("place", 5)
    assert.is_nil(view_of(enter "ann").you)
  end)

  it("takes a move with what it does, or not at all", function()
    local ann, bob = play {}
    view_of(bob)
    host:fail_next "write"
    assert.equal("storage_error", code_of(ann, "place", 1))
    assert.is_truthy(host:log():find("a batch was not written", 1, true))
    assert.same({}, bob:events())
    ann:call("place", 2)
    assert.same(board_of ".X. ... ...", view_of(bob).board)
  end)

  it("lets in who says who they are, and over HTTP nobody has a seat", function()
    for _, params in ipairs { {}, { player = "short" }, { player = 12345678 }, "player" } do
      assert.equal("unauthorized", hosts.code_of(host.connect, host, "Game", "g", { params = params }))
    end
    play {}
    local game = host:actor("Game", "g", { params = { player = "player-ann" } })
    assert.equal("watching", hosts.code_of(game.place, game, 1))
  end)
end)
