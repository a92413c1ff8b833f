-- Memory runs out at every place on the way of a connection: it opened or it did not, what was told was told to all or
-- to nobody, and what is left at its end is done once.
local hosts = require "spec.support.hosts"
local kit = require "spec.support.kit"
local lobby = require "spec.support.lobby"

local join, heard = lobby.join, lobby.heard

--- Calls `act(host, k, fail)`, which calls `fail()`: from then on the k-th allocation of each step fails. So for each k
--- up to the first that does not come to pass, and each number of failures in a row; then `check(host, k, where)`.
local function for_each_failure(open, act, check)
  for _, count in ipairs(kit.FAILURES_IN_A_ROW) do
    local host = open()
    local k, failed = 0
    repeat
      k = k + 1
      assert(k < 1000, "no end of allocations")
      act(host, k, function() kit.fail_allocation(host, k, count) end)
      failed = kit.fail_allocation(host, 0)
      host:run()
      host:advance(2)
      check(host, k, ("k=%d, %d in a row"):format(k, count))
    until not failed
    host:close()
  end
end

describe("Where memory runs out,", function()
  after_each(hosts.close_all)

  it("a connection opens, or leaves nothing", function()
    local connections, names
    for_each_failure(function()
      connections, names = {}, {}
      return lobby.open { errors = true }
    end, function(host, k, fail)
      fail()
      local ok, result = pcall(host.connect, host, "Lobby", "a", { params = { name = "n" .. k } })
      if ok then
        connections[#connections + 1], names[#names + 1] = result, "n" .. k
      else
        assert.equal("out_of_memory", result.code)
      end
    end, function(host, k, where)
      assert.same(names, host:actor("Lobby", "a"):names(), where)
      assert.same(names, host:state("Lobby", "a").came, where)
      for i, connection in ipairs(connections) do
        assert.same(connection:events()[1], names[i] == "n" .. k and { event = "welcome", args = { names[i] } } or nil)
      end
    end)
  end)

  it("a connection to an actor of an earlier life takes away what that has left, or nothing happens", function()
    local first
    for_each_failure(function()
      local host = lobby.open { errors = true }
      join(host, "old")
      host:checkpoint()
      first = host:entries()
      return host
    end, function(host, _, fail)
      host:crash()
      host:actor("Lobby", "a"):get()
      fail()
      local ok, result = pcall(host.connect, host, "Lobby", "a", { params = { name = "new" } })
      if not ok then assert.equal("out_of_memory", result.code) end
    end, function(host, _, where)
      host:checkpoint()
      assert.is_true(host:entries() <= first, where)
    end)
  end)

  it("all hear an event, or none does, and so with an end", function()
    local ann, bob, carl, add, kick
    for_each_failure(function()
      local host = lobby.open { errors = true }
      ann, bob = join(host, "ann"), join(host, "bob")
      return host
    end, function(host, k, fail)
      carl = join(host, "carl" .. k)
      for _, connection in ipairs { ann, bob, carl } do connection:events() end
      fail()
      add, kick = host:start("Lobby", "a", "add"), host:start("Lobby", "a", "kick", "carl" .. k)
      host:run()
    end, function(host, k, where)
      local added, kicked = pcall(add.get, add), pcall(kick.get, kick)
      local told = {}
      if added then told[1] = "count " .. host:state("Lobby", "a").count end
      if kicked then told[#told + 1] = "went carl" .. k end
      assert.equal(kicked and 4000 or nil, (carl:closed()))
      assert.same({ told, told }, { heard(ann), heard(bob) }, where)
      carl:close()
      assert.same({ "ann", "bob" }, ann:call "names", where)
      assert.equal("carl" .. k, host:state("Lobby", "a").went[k])
      for _, connection in ipairs { ann, bob } do connection:frames() end
    end)
  end)

  it("what is left of a connection is done once, later", function()
    local names
    for_each_failure(function()
      names = {}
      return lobby.open { errors = true }
    end, function(host, k, fail)
      local leaving = host:connect("Lobby", "a", { params = { name = "n" .. k } })
      names[k] = "n" .. k
      fail()
      leaving:close()
    end, function(host, _, where)
      assert.same({}, host:actor("Lobby", "a"):names(), where)
      assert.same(names, host:state("Lobby", "a").went, where)
    end)
  end)

  it("its record goes without a hook, later", function()
    local before
    for_each_failure(function()
      local host = lobby.open({ errors = true }, lobby.source_without_hook)
      join(host, "ann")
      host:checkpoint()
      before = host:entries()
      return host
    end, function(host, k, fail)
      local leaving = host:connect("Lobby", "a", { params = { name = "n" .. k } })
      fail()
      leaving:close()
    end, function(host, _, where)
      host:checkpoint()
      assert.equal(before, host:entries(), where)
    end)
  end)

  it("the end of an actor ends its connections, or nothing does", function()
    local ann, bob
    for_each_failure(function()
      return lobby.open { errors = true }
    end, function(host, k, fail)
      ann, bob = join(host, "ann", k), join(host, "bob", k)
      fail()
      local finished = pcall(host.actor(host, "Lobby", k).finish)
      local code = finished and 4001 or nil
      assert.same({ code, code }, { (ann:closed()), (bob:closed()) })
    end, function(host, k, where)
      ann:close()
      bob:close()
      local state = host:state("Lobby", k)
      assert.same(state and 2 or 0, state and #state.went or 0, where)
    end)
  end)
end)
