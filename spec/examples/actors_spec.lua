-- The actors in actors/, which run out of the box.
local hosts = require "spec.support.hosts"

describe("actors/", function()
  local host

  before_each(function() host = hosts.open_folder "actors" end)
  after_each(hosts.close_all)

  describe("Counter", function()
    it("counts, and survives a crash", function()
      local counter = host:actor("Counter", "ann")
      assert.equal(0, counter:get())
      assert.equal(1, counter:increment())
      assert.equal(6, counter:increment(5))
      host:crash()
      assert.equal(7, counter:increment(1))
      assert.equal(7, counter:get())
    end)

    it("begins where it is told to, and nobody else's", function()
      assert.equal(11, host:actor("Counter", "bob", { input = 10 }):increment())
      assert.equal(1, host:actor("Counter", "cleo"):increment())
    end)
  end)

  describe("Inventory", function()
    local realm

    before_each(function() realm = host:actor("Inventory", "north") end)

    it("gives, counts and takes", function()
      assert.equal(0, realm:count("ann", "arrow"))
      assert.equal(1, realm:give("ann", "arrow"))
      assert.equal(21, realm:give("ann", "arrow", 20))
      assert.equal(16, realm:take("ann", "arrow", 5))
      assert.equal(15, realm:take("ann", "arrow"))
      host:crash()
      assert.equal(15, realm:count("ann", "arrow"))
    end)

    it("says what is missing, and takes nothing then", function()
      realm:give("ann", "arrow", 3)
      local failure = hosts.failure_of(realm.take, realm, "ann", "arrow", 4)
      assert.equal("not_enough", failure.code)
      assert.same({ item = "arrow", owned = 3, wanted = 4 }, failure.metadata)
      assert.equal(3, realm:count("ann", "arrow"))
    end)

    it("lists the items of one player, sorted, and of nobody whose name only begins alike", function()
      realm:give("ann", "sword")
      realm:give("ann", "arrow", 20)
      realm:give("anna", "shield")
      realm:give({ "chest", 7 }, "gold", 100)
      assert.same({ { item = "arrow", amount = 20 }, { item = "sword", amount = 1 } }, realm:list("ann"))
      assert.same({ { item = "shield", amount = 1 } }, realm:list("anna"))
      assert.same({ { item = "gold", amount = 100 } }, realm:list({ "chest", 7 }))
      assert.same({}, realm:list("bob"))
    end)

    it("leaves no record of what is used up", function()
      realm:give("ann", "arrow", 2)
      realm:take("ann", "arrow", 2)
      assert.same({}, host:kv("Inventory", "north"))
    end)

    it("moves wholly or not at all", function()
      realm:give("ann", "gold", 10)
      assert.same({ from = 6, to = 4 }, realm:move("ann", "bob", "gold", 4))
      assert.equal("not_enough", hosts.failure_of(realm.move, realm, "ann", "bob", "gold", 7).code)
      host:fail_next("write")
      assert.equal("storage_error", hosts.failure_of(realm.move, realm, "ann", "bob", "gold", 1).code)
      assert.is_truthy(host:log():find("a batch was not written", 1, true))
      assert.same({ { item = "gold", amount = 6 } }, realm:list("ann"))
      assert.same({ { item = "gold", amount = 4 } }, realm:list("bob"))
    end)

    it("refuses amounts that are none, and items without a name", function()
      for _, amount in ipairs { 0, -1, 1.5, 2000000000, "3" } do
        assert.equal("invalid_amount", hosts.failure_of(realm.give, realm, "ann", "arrow", amount).code)
        assert.equal("invalid_amount", hosts.failure_of(realm.take, realm, "ann", "arrow", amount).code)
      end
      assert.equal("incomplete", hosts.failure_of(realm.give, realm, "ann").code)
      assert.is_nil(host:kv("Inventory", "north"), "a first call that fails makes no actor")
    end)
  end)

  describe("Leaderboard", function()
    local board

    before_each(function() board = host:actor("Leaderboard", "weekly") end)

    local function submit(scores)
      for player, score in pairs(scores) do board:submit(player, score) end
    end

    local function scores_of(entries)
      local scores = {}
      for i, entry in ipairs(entries) do scores[i] = entry.score end
      return scores
    end

    it("sorts by number, not by digits", function()
      submit { a = 42, b = 1000, c = 128, d = 88, e = 100, f = 60, g = 99.5, h = -1 }
      assert.same({ 1000, 128, 100, 99.5, 88, 60, 42, -1 }, scores_of(board:top()))
    end)

    it("shows the best, as many as asked for", function()
      submit { ann = 128, bob = 60, cleo = 1000 }
      local best = { { rank = 1, player = "cleo", score = 1000 }, { rank = 2, player = "ann", score = 128 } }
      assert.same(best, board:top(2))
      assert.equal(3, #board:top(100))
    end)

    it("moves who submits again, up and down", function()
      submit { ann = 100, bob = 60 }
      assert.equal(60, board:submit("bob", 1000))
      assert.same({ 1000, 100 }, scores_of(board:top()))
      assert.equal(1000, board:submit("bob", 42))
      assert.equal(42, board:submit("bob", 42))
      host:crash()
      assert.same({ 100, 42 }, scores_of(board:top()))
      assert.equal(42, board:score("bob"))
      assert.equal(4, #host:kv("Leaderboard", "weekly"), "two records a player")
    end)

    it("shows ranges of ranks and of scores", function()
      submit { a = 42, b = 1000, c = 128, d = 88, e = 100, f = 60 }
      local ranks = board:ranks(3, 4)
      assert.same({ { rank = 3, player = "e", score = 100 }, { rank = 4, player = "d", score = 88 } }, ranks)
      assert.same({}, board:ranks(7, 9))
      assert.same({}, board:ranks(4, 3))
      assert.same({ 60, 88, 100 }, scores_of(board:between(60, 128)))
      assert.same({}, board:between(128, 60))
    end)

    it("lets a player go", function()
      submit { ann = 1, bob = 2 }
      assert.is_true(board:remove("bob"))
      assert.is_false(board:remove("bob"))
      assert.is_nil(board:score("bob"))
      assert.same({ 1 }, scores_of(board:top()))
    end)

    it("refuses what is no score and no count", function()
      for _, score in ipairs { "100", 0 / 0, math.huge, -math.huge, {} } do
        assert.equal("invalid_score", hosts.failure_of(board.submit, board, "ann", score).code)
      end
      for _, count in ipairs { 0, -1, 1.5, 1001, "3" } do
        assert.equal("invalid_count", hosts.failure_of(board.top, board, count).code)
      end
    end)
  end)
end)
