-- The host's working buffers: each has many users, and no limit or failure of one reaches the next.
local hosts = require "spec.support.hosts"

local box = hosts.class("Box", [[
  local kept = {}
  local long_name = ("long_name_"):rep(6)

  -- What leaves a buffer with a limit, with a failure, or with both.
  local spoilers = {
    ["a state that was saved"] = function(self) self.state.small = { 1 }; self:save_state() end,
    ["a line in the log"] = function(self) self.log:info("x", { short = { 1 } }) end,
    ["a line that is cut"] = function(self) self.log:info("x", { long = array { ("y"):rep(5000) } }) end,
    ["a line with a dead part"] = function(self) pcall(self.log.info, self.log, "x", { a = kept.part }) end,
    ["a put"] = function(self) self.kv:put("small", 1) end,
    ["a put that is too large"] = function(self) pcall(self.kv.put, self.kv, "large", ("z"):rep(20000)) end,
    ["bytes that are too large"] = function(self)
      pcall(self.kv.put, self.kv, "large", ("z"):rep(20000), { format = "bytes" })
    end,
    ["a batch that is too large"] = function(self)
      pcall(self.kv.put_batch, self.kv, { { key = 1, value = 1 }, { key = 2, value = ("z"):rep(20000) } })
    end,
    ["a key that is too long"] = function(self) pcall(self.kv.get, self.kv, ("k"):rep(5000)) end,
    ["a batch that is read"] = function(self) self.kv:get_batch { "small", "none" } end,
    ["a value without JSON"] = function() pcall(require("troupe.json").encode, { ("z"):rep(20000), print }) end,
    ["a field that is refused"] = function(self) pcall(function() self.state.list.print = print end) end,
    ["a module that is missing"] = function() local name = "lib.missing"; pcall(require, name) end,
  }

  -- What puts more into one than the smaller of these limits.
  local users = {
    ["a module"] = function(_, n) local name = "lib.long" .. n; assert(#require(name) == 5000) end,
    ["the path of an error"] = function(self)
      local part = self.state
      for _ = 1, 30 do
        part[long_name] = {}
        part = part[long_name]
      end
      self:save_state()
      part = self.state
      for _ = 1, 30 do part = part[long_name] end
      local _, message = pcall(function() part.print = print end)
      self.state[long_name] = nil
      assert(#message > 30 * #long_name and message:find("a function cannot be saved", 1, true), message)
    end,
    ["a put"] = function(self)
      self.kv:put({ "b", 1 }, ("x"):rep(9000))
      assert(#self.kv:get { "b", 1 } == 9000)
    end,
    ["a batch"] = function(self)
      local entries = {}
      for i = 1, 5 do entries[i] = { key = { "b", ("k"):rep(500), i }, value = ("x"):rep(9000) } end
      self.kv:put_batch(entries)
      assert(#self.kv:get_batch({ { "b", ("k"):rep(500), 5 } })[1] == 9000)
      assert(self.kv:delete_batch { entries[1].key } == 1)
    end,
    ["a range"] = function(self)
      local long = ("k"):rep(2000)
      self.kv:put({ long, 1 }, 1)
      assert(#self.kv:list { prefix = long, start = { long }, stop = { long, 9 } } == 1)
      assert(self.kv:delete_range { prefix = long } == 1)
    end,
    ["a state"] = function(self)
      self.state.long, self.state.wide = ("x"):rep(9000), { ("x"):rep(9000) }
      self:save_state()
      self.state.long, self.state.wide = nil, nil
    end,
    ["JSON"] = function() assert(#require("troupe.json").encode { ("z"):rep(9000) } == 9004) end,
    ["a value in the log"] = function(self) self.log:info("x", { text = { ("y"):rep(900) } }) end,
  }

  function Class:initialize_state() return { list = array {} } end
  function Class:keep_part() kept.part = self.state.list end
  function Class:names()
    local names = { spoilers = {}, users = {} }
    for name in pairs(spoilers) do table.insert(names.spoilers, name) end
    for name in pairs(users) do table.insert(names.users, name) end
    return names
  end
  function Class:run(_, spoiler, user, n)
    spoilers[spoiler](self)
    users[user](self, n)
  end
]])

describe("A working buffer", function()
  after_each(hosts.close_all)

  it("is fit for each of its users after each other", function()
    local files = { ["box.lua"] = box }
    for n = 1, 200 do files[("lib/long%d.lua"):format(n)] = ("return %q"):format(("m"):rep(5000)) end
    local host = hosts.open(files, { limits = { value_bytes = 10000 } })
    local actor = host:actor("Box", "b")
    host:actor("Box", "other"):keep_part()
    local names, pairs_run = actor:names(), 0
    for _, spoiler in ipairs(names.spoilers) do
      for _, user in ipairs(names.users) do
        pairs_run = pairs_run + 1
        local ok, failure = pcall(actor.run, actor, spoiler, user, pairs_run)
        assert(ok, ("%s after %s: %s"):format(user, spoiler, failure))
        assert.is_nil(host:log():match "message=x[^\n]*text=[^\n]*%.%.%.", spoiler)
      end
    end
    assert.equal(#names.spoilers * #names.users, pairs_run)
  end)
end)
