-- lua/README.md: the lines that it shows for kv, schedules and the end of an actor do what stands with them.
local files = require "spec.support.files"
local hosts = require "spec.support.hosts"

-- The block of a section, each call that answers something kept in `answers`.
local function block_of(section)
  local text = files.read("lua/README.md"):match("\n## " .. section .. "\n(.-)\n## ")
  return (text:match "```lua\n(.-)```":gsub("\nself%.kv:list", "\nanswers[#answers + 1] = self.kv:list"))
end

describe("The reference", function()
  after_each(hosts.close_all)

  it("shows what kv does", function()
    local class = hosts.class("Shown", ([[
      function Class:fill()
        for i = 11, 300 do self.kv:put({ "bid", i }, { bidder = "bob", amount = i }) end
        for _, rank in ipairs { 1000, 42, 128, 88, 100, 60 } do self.kv:put({ "rank", rank }, "player " .. rank) end
      end
      function Class:run()
        local answers = {}
        %s
        return answers
      end
      function Class:first() return self.kv:list { prefix = "bid", limit = 1 }[1] end
      function Class:count() return { self.kv:count { prefix = "bid" }, self.kv:count() } end
    ]]):format((block_of "kv":gsub("%%", "%%%%"))))
    local host = hosts.open { ["shown.lua"] = class }
    local actor = host:actor("Shown", "s")
    actor:fill()
    local last, ranks = table.unpack(actor:run())
    assert.equal(10, #last)
    for i, entry in ipairs(last) do assert.same({ "bid", 301 - i }, entry.key) end
    assert.equal(3, #ranks)
    for i, rank in ipairs { 60, 88, 100 } do
      assert.same({ key = { "rank", rank }, value = "player " .. rank }, ranks[i])
    end
    -- 290 bids and one more, without 89 that were too low, without the oldest hundred.
    assert.same({ 102, 108 }, actor:count())
    assert.same({ "bid", 199 }, actor:first().key)
  end)

  -- A class of this name whose methods are the first block behind a heading.
  local function class_shown(name, heading)
    local text = files.read "lua/README.md":match("\n" .. heading .. "\n(.*)")
    local head = ('local %s = require "troupe.actor":extend "%s"\n'):format(name, name)
    local state = ("function %s:initialize_state() return {} end\n"):format(name)
    return ("%s%s%s\nreturn %s"):format(head, state, text:match "```lua\n(.-)```", name)
  end

  it("shows an auction that calls and closes by itself", function()
    local host = hosts.open { ["auction.lua"] = class_shown("Auction", "## Schedules") }
    host:actor("Auction", "a"):open("lamp", 2)
    host:advance(119)
    assert.equal(11, host:state("Auction", "a").called)
    assert.is_nil(host:state("Auction", "a").sold)
    host:advance(3600)
    assert.equal("lamp", host:state("Auction", "a").sold)
    assert.is_true(host:state("Auction", "a").called <= 12)
  end)

  it("shows a room that ends, and tells the lobby", function()
    local host = hosts.open {
      ["room.lua"] = class_shown("Room", "### The end of an actor"),
      ["lobby.lua"] = hosts.class("Lobby", "function Class:room_closed(_, key) self.kv:put(key, true) end"),
    }
    assert.equal("closed", host:actor("Room", "r"):close())
    assert.is_nil(host:state("Room", "r"))
    assert.same({ { key = { "r" }, value = true } }, host:kv("Lobby", "main"))
  end)
end)
