-- What goes over all orders leaves none out, and tries none twice.
local orders = require "spec.support.orders"

-- The ways that were gone, each the choices that did something; `can` tells of a choice behind others whether it does.
local function ways(depth, choices, can)
  local gone, way = {}, nil
  local paths = orders.try_all(depth, choices, function() way = "" end, function(choice)
    if not can(way, choice) then return false end
    way = way .. choice
    return true
  end, function() gone[way] = (gone[way] or 0) + 1 end)
  return gone, paths
end

local function count(set)
  local n = 0
  for _ in pairs(set) do n = n + 1 end
  return n
end

describe("All orders", function()
  it("of choices that always do something are all there are, each once", function()
    local gone, paths = ways(4, 3, function() return true end)
    assert.equal(81, count(gone))
    assert.equal(81, paths)
    assert.equal(1, gone["3121"])
  end)

  it("pass over what does nothing, and end where nothing does anything", function()
    local gone = ways(9, 3, function(way, choice) return not way:find(tostring(choice)) end)
    for _, way in ipairs { "123", "132", "213", "231", "312", "321" } do assert.truthy(gone[way], way) end
    assert.same({ [""] = 1 }, (ways(3, 2, function() return false end)))
  end)

  it("may be more by TROUPE_DEPTH", function()
    assert.equal(tonumber(os.getenv "TROUPE_DEPTH") or 5, orders.depth(5))
  end)
end)
