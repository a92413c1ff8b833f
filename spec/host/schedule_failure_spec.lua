-- Schedules in bad company: damaged records of another actor, a disk that takes nothing, a clock that is set back.
local hosts = require "spec.support.hosts"

local START = 1700000000

local clerk = hosts.class("Clerk", [[
  function Class:initialize_state(text) return { text = text, runs = array {} } end
  function Class:set(_, how, when, method) return self.schedule[how](self.schedule, when, method or "note") end
  function Class:note() table.insert(self.state.runs, now()) end
  function Class:runs() return self.state.runs end
  function Class:list() return self.schedule:list() end
  function Class:save() self.state.saved = true; self:save_state() end
  function Class:fill() self.kv:put("text", ("x"):rep(10000)) end
  function Class:shrink_and_grow()
    self.kv:delete "text"
    self:save_state()
    self.kv:put("text", ("x"):rep(20000))
  end
]])

describe("Schedules", function()
  after_each(hosts.close_all)

  it("of others run in time where the records of one actor are damaged", function()
    local data = hosts.folder {} .. "/data"
    local options = { data = data, errors = true, time = START }
    local host = hosts.open({ ["clerk.lua"] = clerk }, options)
    host:actor("Clerk", "ann", { input = "the text of ann" }):set("after", 10)
    for i = 1, 3 do host:actor("Clerk", i):set("after", 10 + i / 4) end
    host:checkpoint()
    host:close()
    local file <close> = assert(io.open(data .. "/store/data.mdb", "r+b"))
    local content, at, found = file:read "a", 1, 0
    while true do
      local from, to = content:find("the text of ann", at, true)
      if not from then break end
      file:seek("set", to - 1)
      file:write "?"
      at, found = to + 1, found + 1
    end
    assert.is_true(found > 0)
    file:close()
    host = hosts.open({ ["clerk.lua"] = clerk }, options)
    host:advance(20)
    for i = 1, 3 do assert.same({ START + 10 + i / 4 }, host:actor("Clerk", i):runs()) end
  end)

  it("run when it is time again, where the clock was set back while they waited for their turn", function()
    local host = hosts.open({ ["clerk.lua"] = clerk }, { time = START })
    local ann = host:actor("Clerk", "ann")
    ann:set("at", START + 10)
    host:sleep("Clerk", "ann")
    host:advance(9)
    host:hold(true)
    local save = host:start("Clerk", "ann", "save")
    host:advance(2)                                       -- it is due, and ann is busy
    host:jump(-3600)
    host:hold(false)
    host:run()
    assert.is_true(save:is_done())
    assert.same({}, ann:runs())
    host:advance(3599)
    assert.same({ START + 10 }, ann:runs())
  end)

  it("that saved, and whose end has no room on the disk, are given up, and the log says so", function()
    local data = hosts.folder {} .. "/data"
    local files = { ["clerk.lua"] = clerk }
    local host = hosts.open(files, { time = START, data = data, errors = true })
    host:actor("Clerk", "ann"):set("after", 1, "shrink_and_grow")
    host:actor("Clerk", "ann"):fill()
    host:close()
    host = hosts.open(files, { time = START, data = data, errors = true, limits = { disk_free_bytes = 1 << 50 } })
    host:advance(20)
    local list, log = host:actor("Clerk", "ann"):list(), host:log()
    assert.is_true(#list == 1 and list[1].failed, log)
    assert.equal(1, select(2, log:gsub("schedule given up", "")), log)
  end)
end)
