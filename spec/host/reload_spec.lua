-- --dev: what is changed in the folder of actors is there at the next call, by whatever links it is reached.
local files = require "spec.support.files"
local hosts = require "spec.support.hosts"
local lfs = require "lfs"

describe("With dev, a host", function()
  after_each(hosts.close_all)

  it("runs a changed file at the next call, and the old one where the new one does not load", function()
    local host = hosts.open({ ["a.lua"] = hosts.class("A", "function Class:initialize_state() return { n = 0 } end " ..
      "function Class:step() self.state.n = self.state.n + 1; return self.state.n end") },
      { dev = true, errors = true })
    local folder = host.folder
    local actor = host:actor("A", "a")
    assert.equal(1, actor:step())
    files.write(folder .. "/a.lua", hosts.class("A",
      "function Class:step() self.state.n = self.state.n + 10; return self.state.n end " ..
      "function Class:initialize_state() return {} end"))
    assert.equal(11, actor:step())
    files.write(folder .. "/a.lua", "this is no Lua at all")
    assert.equal(21, actor:step())
    assert.matches("classes not reloaded.*a%.lua:1", host:log())
    files.write(folder .. "/b.lua", hosts.class("B", ""))
    files.write(folder .. "/a.lua", hosts.class("A", "function Class:step() return 'new' end"))
    assert.equal("new", actor:step())
  end)

  local function says(what) return hosts.class("A", ("function Class:say() return %q end"):format(what)) end
  local helped = hosts.class("A", "local helper = require [[lib.helper]] function Class:say() return helper end")

  --- Lets a link lead elsewhere, in one step.
  local function lead(folder, link, to)
    lfs.link(to, folder .. "/new link", true)
    assert(os.rename(folder .. "/new link", folder .. "/" .. link))
  end

  -- Files, links (from a path to where it leads), the folder of actors, and what changes: a link or a file.
  local changes = {
    ["a file in a folder that is a link"] = {
      { ["r1/a.lua"] = says "one" }, { current = "r1" }, "current", write = "r1/a.lua",
    },
    ["the folder's own link"] = {
      { ["r1/a.lua"] = says "one", ["r2/a.lua"] = says "two" }, { current = "r1" }, "current",
      link = { "current", "r2" },
    },
    ["the same with a slash behind"] = {
      { ["r1/a.lua"] = says "one", ["r2/a.lua"] = says "two" }, { current = "r1" }, "current/",
      link = { "current", "r2" },
    },
    ["a link above the folder"] = {
      { ["r1/x/a.lua"] = says "one", ["r2/x/a.lua"] = says "two" }, { current = "r1" }, "current/x",
      link = { "current", "r2" },
    },
    ["a file behind a link"] = {
      { ["act/v1/a.source"] = says "one" }, { ["act/a.lua"] = "v1/a.source" }, "act", write = "act/v1/a.source",
    },
    ["a link to a file"] = {
      { ["act/v1/a.lua"] = says "one", ["act/v2/a.lua"] = says "two" }, { ["act/a.lua"] = "v1/a.lua" }, "act",
      link = { "act/a.lua", "v2/a.lua" },
    },
    ["a link in the way of a link"] = {
      { ["act/v1/a.lua"] = says "one", ["act/v2/a.lua"] = says "two" },
      { ["act/now"] = "v1", ["act/a.lua"] = "now/a.lua" }, "act", link = { "act/now", "v2" },
    },
    ["a link outside in the way of a link"] = {
      { ["act/v1/a.lua"] = says "one", ["act/v2/a.lua"] = says "two" },
      { now = "act/v1", ["act/a.lua"] = "../now/a.lua" }, "act", link = { "now", "act/v2" },
    },
    ["a link to a folder of modules"] = {
      { ["act/l1/helper.lua"] = "return 'one'", ["act/l2/helper.lua"] = "return 'two'", ["act/a.lua"] = helped },
      { ["act/lib"] = "l1" }, "act", link = { "act/lib", "l2" },
    },
    ["a file in a linked folder of modules"] = {
      { ["act/l1/helper.lua"] = "return 'one'", ["act/a.lua"] = helped }, { ["act/lib"] = "l1" }, "act",
      write = "act/l1/helper.lua", text = "return 'two'",
    },
  }

  for what, change in pairs(changes) do
    it("sees a change of " .. what, function()
      local folder = hosts.folder(change[1])
      for link, to in pairs(change[2]) do assert(lfs.link(to, folder .. "/" .. link, true)) end
      local actor = hosts.open({}, { actors = folder .. "/" .. change[3], dev = true }):actor("A", "a")
      assert.equal("one", actor:say())
      if change.link then lead(folder, table.unpack(change.link)) end
      if change.write then files.write(folder .. "/" .. change.write, change.text or says "two") end
      assert.equal("two", actor:say())
    end)
  end

  it("is not led astray by links", function()
    local host = hosts.open({ ["a.lua"] = says "one", ["sub/x.lua"] = "" }, { dev = true })
    local folder = host.folder
    lfs.link(".", folder .. "/here", true)
    lfs.link("..", folder .. "/sub/up", true)
    lfs.link("self", folder .. "/self", true)
    lfs.link("nothing.lua", folder .. "/sub/none.lua", true)
    for i = 1, 60 do                         -- each of them leads to the next in two ways
      lfs.mkdir(("%s/sub/d%d"):format(folder, i))
      lfs.link(("../d%d"):format(i + 1), ("%s/sub/d%d/left"):format(folder, i), true)
      lfs.link(("../d%d"):format(i + 1), ("%s/sub/d%d/right"):format(folder, i), true)
    end
    local actor = host:actor("A", "a")
    assert.equal("one", actor:say())
    files.write(folder .. "/a.lua", says "two")
    assert.equal("two", actor:say())
  end)
end)
