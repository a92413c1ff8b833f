-- lua/README.md: the lines that it shows for kv do what stands behind them.
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
end)
