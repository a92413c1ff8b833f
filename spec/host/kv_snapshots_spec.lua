-- self.kv: iterators and their snapshots, one or hundreds of them; long work that pauses, so that other actors have
-- their turns.
local hosts = require "spec.support.hosts"

local store = hosts.store [[
  local order = {}                          -- of the worker: what all its actors did, in turn
  local kept
  function Class:initialize_state() return { n = 0 } end
  function Class:note(_, what) order[#order + 1] = what end
  function Class:order() local done = order; order = {}; return array(done) end
  function Class:fill(_, count) for i = 1, count do self.kv:put(i, i) end end
  function Class:work(_, method, opts)
    order[#order + 1] = "begun"
    local result
    if method == "each" then
      result = 0
      for _ in self.kv:each(opts) do result = result + 1 end
    else
      result = self.kv[method](self.kv, opts)
    end
    order[#order + 1] = "done"
    return result
  end

  local cases = {}
  function Class:try(_, what, ...) return cases[what](self, ...) end
  function cases.write(self)
    local seen = array {}
    self.kv:put(2, "new 2")
    self.kv:delete(3)
    for key, value in self.kv:each() do
      local i = key[1]
      seen[#seen + 1] = { i, value }
      self.kv:put(i, "again")
      self.kv:put(i + 0.5, "later")
      self.kv:delete(i + 1)
      self.kv:put(-i, "before")
    end
    return seen
  end
  function cases.ranges(self)
    local seen = array {}
    for key in self.kv:each() do
      seen[#seen + 1] = key[1]
      if #seen == 1 then self.kv:delete_all() end
    end
    return { seen, self.kv:count() }
  end
  function cases.nested(self)
    local seen = array {}
    for a in self.kv:each { limit = 3 } do
      self.kv:put(100 + a[1], true)
      for b in self.kv:each { reverse = true, limit = 2 } do seen[#seen + 1] = a[1] * 1000 + b[1] end
    end
    return seen
  end
  function cases.unfinished(self, count)
    local all, sums = {}, array {}
    for i = 1, count do
      local next_entry = self.kv:each()
      next_entry()
      all[i] = next_entry
      self.kv:put(1000 + i, i)
    end
    for i = 1, count do
      local n = 1
      while all[i]() do n = n + 1 end
      sums[i] = n
      assert(all[i]() == nil)
    end
    return sums
  end
  function cases.save(self)
    local seen, older = array {}, self.kv:each()
    self.kv:put(2, "written before")
    local ok, message = pcall(function()
      for key, value in self.kv:each() do
        seen[#seen + 1] = { key[1], value }
        self.kv:put(key[1] + 0.5, "later")
        if #seen == 2 then self:save_state() end
      end
    end)
    local alive = pcall(older)
    self.kv:delete(2.5)
    local after = array {}
    for key in self.kv:each() do after[#after + 1] = key[1] end
    return { seen, ok, message, alive, after }
  end
  function cases.save_alone(self)             -- nothing is written before the save, all of it after
    local next_entry = self.kv:each()
    self:save_state()
    self.kv:delete_all()
    self:save_state()
    local count = 0
    for _ in next_entry do count = count + 1 end
    return { count, self.kv:count() }
  end
  function cases.save_and_fail(self)          -- each round is saved, but for the last
    for key in self.kv:each() do
      self.kv:put(key[1], "saved")
      if key[1] == 3 then error(UserError "enough") end
      self:save_state()
    end
  end
  function cases.save_early(self)             -- saved while an iterator lives, and long before it ends
    local seen = 0
    for key in self.kv:each() do
      if key[1] == 1 then
        self.kv:put("early", 1)
        self:save_state()
        for _ = 1, 5 do self.kv:count() end
      end
      seen = seen + 1
    end
    self.kv:put("small", seen)
    self:save_state()
    return seen
  end
  function cases.coroutine(self)
    local seen = array {}
    local walk = coroutine.wrap(function()
      for key in self.kv:each() do coroutine.yield(key[1]) end
    end)
    for i in walk do
      seen[#seen + 1] = i
      self.kv:put(i + 0.5, true)
    end
    return seen
  end
  function cases.sort(self)
    local t, n = { 3, 1, 2 }, 0
    table.sort(t, function(a, b) n = self.kv:count(); for _ in self.kv:each() do n = n + 1 end return a < b end)
    return { t[1], n }
  end
  function cases.keep(self, finish)
    kept = self.kv:each()
    if finish then while kept() do end end
  end
  function cases.keep_in_coroutine(self)
    kept = coroutine.wrap(function() for key in self.kv:each() do coroutine.yield(key[1]) end end)
    return kept()
  end
  function cases.use(_) return kept() end
  function cases.loops(self)                  -- each loop is left in its own way
    local kv, n = self.kv, 0
    for _ = 1, 6000 do
      for _ in kv:each() do n = n + 1; break end
      pcall(function() for _ in kv:each() do error "left" end end)
      local function leave() for key in kv:each() do return key end end
      leave()
      for _ in kv:each { limit = 1 } do n = n + 1 end
    end
    return n
  end
  function cases.constants(self, opts)
    local n = 0
    for _, value in self.kv:each(opts) do n = n + #value end
    return { n, self.kv:count(), self.kv:delete_range(), self.kv:count() }
  end
  function Class:big(_, from, count)
    for i = from, from + count - 1 do self.kv:put(i, ("x"):rep(10000)) end
  end
  function Class:on_stop() local n = 0; for _ in self.kv:each() do n = n + 1 end; print("stopped with " .. n) end
]]

local function open(options)
  local host = hosts.open({ ["store.lua"] = store }, options)
  return host, host:actor("Store", "s")
end

-- Everything holds with pauses at each entry, with pauses after a while, and without any.
for _, pause_ms in ipairs { 0, 10, 1000000 } do
  describe("kv:each, pausing after " .. pause_ms .. " ms", function()
    after_each(hosts.close_all)

    local function filled(count)
      local host, actor = open { pause_ms = pause_ms }
      actor:fill(count)
      return host, actor
    end

    it("gives what list gives", function()
      local _, actor = filled(30)
      for _, opts in ipairs { {}, { reverse = true }, { limit = 3 }, { reverse = true, limit = 3 },
                              { start = 7, stop = 9 },
                              { start_after = 7, ["end"] = 9, reverse = true }, { prefix = 4 }, { prefix = "none" },
                              { start = 9, stop = 9 }, { start = 9, stop = 1 }, { limit = 1000 } } do
        assert.same(actor:list(opts), actor:each(opts))
      end
      assert.equal(30, #actor:each())
    end)

    it("sees the call's earlier writes and not the later ones; it skips nothing, repeats nothing", function()
      local host, actor = filled(5)
      assert.same({ { 1, 1 }, { 2, "new 2" }, { 4, 4 }, { 5, 5 } }, actor:try "write")
      local left = host:kv("Store", "s")
      assert.same({ -5, -4, -2, -1 }, { left[1].key[1], left[2].key[1], left[3].key[1], left[4].key[1] })
      assert.equal(#actor:each(), #left)
    end)

    it("outlives a delete of everything", function()
      local host, actor = filled(5)
      assert.same({ { 1, 2, 3, 4, 5 }, 0 }, actor:try "ranges")
      host:crash()
      assert.same({}, actor:each())
    end)

    it("nests, each with its own snapshot", function()
      local _, actor = filled(5)
      assert.same({ 1101, 1005, 2102, 2101, 3103, 3102 }, actor:try "nested")
    end)

    it("may be left unfinished, 300 at once, and each goes on with its own snapshot", function()
      local _, actor = filled(3)
      local expected = {}
      for i = 1, 300 do expected[i] = 2 + i end
      assert.same(expected, actor:try("unfinished", 300))
    end)

    it("works in a coroutine and within a sort", function()
      local _, actor = filled(3)
      assert.same({ 1, 2, 3 }, actor:try "coroutine")
      assert.same({ 1, 12 }, actor:try "sort")
    end)

    it("goes on over a save_state", function()
      local host, actor = filled(3)
      local seen, ok, _, alive, after = table.unpack(actor:try "save")
      assert.same({ { 1, 1 }, { 2, "written before" }, { 3, 3 } }, seen)
      assert.is_true(ok)
      assert.is_true(alive)
      assert.same({ 1, 1.5, 2, 3, 3.5 }, after)
      host:crash()
      assert.equal(5, #actor:each())
      assert.same({ 5, 0 }, actor:try "save_alone")
      host:crash()
      assert.equal(0, #actor:each())
    end)

    it("keeps what it saved when it fails later", function()
      local host, actor = filled(4)
      assert.is_false(pcall(actor.try, actor, "save_and_fail"))
      local expected = {
        { key = { 1 }, value = "saved" }, { key = { 2 }, value = "saved" }, { key = { 3 }, value = 3 },
        { key = { 4 }, value = 4 },
      }
      assert.same(expected, actor:each())
      host:crash()
      assert.same(expected, actor:each())
    end)

    it("keeps what it saved though a checkpoint came before its end", function()
      local host = hosts.open({ ["store.lua"] = store }, { pause_ms = pause_ms, checkpoint_bytes = 30000 })
      local actor = host:actor("Store", "a")
      actor:fill(10)
      local call = host:start("Store", "a", "try", "save_early")
      local other = host:start("Store", "b", "put", "large", ("x"):rep(50000))     -- so that a checkpoint is due
      assert.equal(10, call:get())
      other:get()
      assert.matches("checkpoint done", host:log())
      host:crash()
      assert.equal(12, #actor:each())
      assert.equal(10, actor:each()[12].value)
    end)

    it("is over with its call, and says so", function()
      local _, actor = open { errors = true, pause_ms = pause_ms }
      actor:fill(3)
      local function assert_over()
        local failure = hosts.failure_of(actor.try, actor, "use")
        assert.matches("belongs to another call", failure.message)
      end
      actor:try "keep"
      assert_over()
      actor:try("keep", true)
      assert_over()
      assert.equal(1, actor:try "keep_in_coroutine")
      assert_over()
    end)

    it("ends its snapshot when the loop is left, whichever way", function()
      local _, actor = filled(2)
      assert.equal(12000, actor:try "loops")
    end)

    it("works in on_stop, which never pauses", function()
      local host = filled(100)
      host:sleep("Store", "s")
      assert.matches("stopped with 100", host:log())
    end)
  end)
end

-- A class whose calls have iterators by the hundred, over all that a record can lie in, while they write.
local crowded = hosts.class("Crowded", [[
  function Class:initialize_state() return {} end
  function Class:fill(_, keys) for _, key in ipairs(keys) do self.kv:put(key, key) end end
  function Class:list() return self.kv:list() end

  -- Each does one operation. An iterator must give what a list of the same moment gave.
  local operations = {}
  function operations.begin(self, all, options)
    local expected = self.kv:list(options)
    all[#all + 1] = { next = self.kv:each(options), expected = expected, given = 0 }
  end
  function operations.step(_, all, which)
    local iterator = all[which % #all + 1]
    local key, value = iterator.next()
    local entry = iterator.expected[iterator.given + 1]
    if not entry then
      assert(key == nil, "an entry too many")
      return
    end
    iterator.given = iterator.given + 1
    assert(key and #key == 1 and key[1] == entry.key[1] and value == entry.value, "not the entry of the snapshot")
  end
  local puts = 0
  function operations.put(self, _, key)
    puts = puts + 1
    self.kv:put(key, puts)
  end
  function operations.delete(self, _, key) self.kv:delete(key) end
  function operations.delete_range(self, _, options) self.kv:delete_range(options) end
  function operations.delete_all(self) self.kv:delete_all() end
  function operations.save(self) self:save_state() end

  function Class:run(_, list)
    local all = {}
    for _, operation in ipairs(list) do
      local kind, argument = table.unpack(operation)
      operations[kind](self, all, argument)
    end
    for i = 1, #all // 2 do                -- and the others are left as they are
      for _ = all[i].given, #all[i].expected do operations.step(self, all, i - 1) end
    end
    return #all
  end
]])

local ITERATORS, KEYS = 150, 60       -- LMDB has 126 readers
local LONG = ("l"):rep(600)

local function random_key()
  local n = math.random(KEYS)
  return n % 5 == 0 and LONG .. n or n
end

local function random_options()
  local options = { reverse = math.random(2) == 1 }
  if math.random(2) == 1 then options.start = random_key() end
  if math.random(3) == 1 then options.stop = random_key() end
  if math.random(4) == 1 then options.limit = math.random(10) end
  return options
end

-- What a call does, with so many iterators at once.
local function random_operations()
  local kinds = {
    step = function() return math.random(ITERATORS) end, put = random_key, delete = random_key,
    delete_range = random_options, save = function() return nil end, delete_all = function() return nil end,
  }
  local weighted = { "step", "step", "step", "step", "put", "put", "put", "delete", "delete_range" }
  local list = {}
  for i = 1, ITERATORS do
    table.insert(list, { "begin", random_options() })
    for _ = 1, 4 do
      local kind = weighted[math.random(#weighted)]
      table.insert(list, { kind, kinds[kind]() })
    end
    if i % 40 == 0 then table.insert(list, { i % 80 == 0 and "delete_all" or "save" }) end
    if i % 10 == 0 then
      for _ = 1, 10 do table.insert(list, { "put", random_key() }) end
    end
  end
  return list
end

describe("kv:each, among many", function()
  after_each(hosts.close_all)

  for _, pause_ms in ipairs { 0, 10 } do
    it("skips nothing and repeats nothing, whatever is written, pausing after " .. pause_ms .. " ms", function()
      local seed = tonumber(os.getenv "TROUPE_SEED") or os.time()
      math.randomseed(seed)
      local settings = { pause_ms = pause_ms, checkpoint_bytes = 20000, portion_records = 10 }
      local host = hosts.open({ ["crowded.lua"] = crowded }, settings)
      local actor = host:actor("Crowded", "s")
      for round = 1, 4 do
        local keys = {}
        for i = 1, KEYS do keys[i] = random_key() end
        actor:fill(keys)
        if round > 1 then host:checkpoint() end
        for i = 1, KEYS do keys[i] = random_key() end
        actor:fill(keys)
        local other = host:start("Crowded", "other", "fill", { 1, 2, 3 })
        local where = "seed " .. seed
        local ok, result = pcall(actor.run, actor, random_operations())
        assert.is_true(ok, where .. ": " .. tostring(result))
        assert.equal(ITERATORS, result)
        other:get()
        local before = actor:list()
        if round % 2 == 0 then host:crash() end
        assert.same(before, actor:list(), where)
      end
    end)
  end
end)

describe("work on many entries", function()
  after_each(hosts.close_all)

  for _, method in ipairs { "list", "count", "each", "delete_range" } do
    it("lets other actors have their turns: " .. method, function()
      local host, actor = open { pause_ms = 0 }
      actor:fill(20)
      host:actor("Store", "other"):order()
      local working = host:start("Store", "s", "work", method)
      local own = host:start("Store", "s", "note", "own")
      local other = host:start("Store", "other", "note", "other")
      local result = working:get()
      assert.equal(20, method == "list" and #result or result)
      own:get()
      other:get()
      assert.same({ "begun", "other", "done", "own" }, actor:order())
    end)

    it("does not pause before its time: " .. method, function()
      local host, actor = open { pause_ms = 1000000 }
      actor:fill(200)
      local working = host:start("Store", "s", "work", method)
      local other = host:start("Store", "other", "note", "other")
      working:get()
      other:get()
      assert.same({ "begun", "done", "other" }, actor:order())
    end)
  end

  it("pauses where many keys are read", function()
    local reader = hosts.class("Reader", [[
      function Class:fill() for i = 1, 20 do self.kv:put(i, i) end end
      function Class:read(_, keys) begun = true; local t = self.kv:get_batch(keys); ended = true; return t end
      function Class:look() return { begun == true, ended == true } end
    ]])
    local host = hosts.open({ ["reader.lua"] = reader }, { pause_ms = 0 })
    host:actor("Reader", "r"):fill()
    local reading = host:start("Reader", "r", "read", { 3, 2, 77, 1 })
    local looking = host:start("Reader", "other", "look")
    assert.same({ 3, 2, nil, 1, n = 4 }, reading:get())
    assert.same({ true, false }, looking:get())
  end)

  it("reads the keys that it was given, whatever becomes of their table", function()
    local reader = hosts.class("Reader", [[
      local keys = { 1, { 2 }, 3, 4, 5 }
      function Class:fill() for i = 1, 5 do self.kv:put(i, i) end end
      function Class:read() return self.kv:get_batch(keys) end
      function Class:spoil() keys[2][1] = 77; for i = 3, 5 do keys[i] = nil end end
    ]])
    local host = hosts.open({ ["reader.lua"] = reader }, { pause_ms = 0 })
    host:actor("Reader", "r"):fill()
    local reading = host:start("Reader", "r", "read")
    local spoiling = host:start("Reader", "other", "spoil")
    assert.same({ 1, 2, 3, 4, 5, n = 5 }, reading:get())
    spoiling:get()
    assert.same({ 1, nil, n = 2 }, host:actor("Reader", "r"):read())
  end)

  it("keeps no more of what is saved meanwhile than a call may have of memory", function()
    local saver = hosts.class("Saver", [[
      function Class:save(_, keeps)
        self.kv:put(0, 0)
        local iterator = keeps and self.kv:each() or print
        for i = 1, 12 do
          self.kv:put(1, ("x"):rep(1 << 20))
          self.kv:put(2, i)
          self:save_state()
        end
        iterator()
      end
      function Class:saved() return self.kv:get(2) end
    ]])
    local host = hosts.open({ ["saver.lua"] = saver }, { limits = { call_bytes = 8 << 20 } })
    host:actor("Saver", "a"):save(false)
    local actor = host:actor("Saver", "b")
    local failure = hosts.failure_of(actor.save, actor, true)
    assert.equal("out_of_memory", failure.code)
    assert.matches("iterator of kv:each.*limit is 8388608", failure.message)
    assert.equal(8, actor:saved())
    host:crash()
    assert.equal(8, actor:saved())
  end)

  it("keeps no snapshot when it has given as many as its limit says", function()
    local reader = hosts.class("Reader", [[
      function Class:first(_, times)
        for i = 1, 10 do self.kv:put(i, i) end
        for i = 1, times do
          local key = self.kv:each { limit = 1 }()
          self.kv:delete(key)
          self.kv:put(10 + i, i)
        end
        return self.kv:each()()
      end
    ]])
    local host = hosts.open { ["reader.lua"] = reader }
    assert.same({ 2001 }, host:actor("Reader", "r"):first(2000))    -- with snapshots, three times the limit of a call
  end)

  it("fails with what it saw, when a batch fails while it is paused", function()
    local host, actor = open { pause_ms = 0, errors = true }
    actor:fill(20)
    host:fail_next "write"
    local write = host:start("Store", "s", "put", 21, 21)
    local work = host:start("Store", "s", "work", "delete_range")
    assert.equal("storage_error", hosts.failure_of(write.get, write).code)
    assert.equal("storage_error", hosts.failure_of(work.get, work).code)
    assert.equal(20, #actor:each())
    assert.same({ "begun" }, actor:order())
    assert.equal(20, actor:work "delete_range")
  end)

  it("is lost with the host, and leaves nothing behind", function()
    local host, actor = open { pause_ms = 0 }
    actor:fill(50)
    host:hold(true)
    local work = host:start("Store", "s", "work", "delete_range")
    host:crash()
    assert.equal("connection_lost", hosts.failure_of(work.get, work).code)
    assert.equal(50, #actor:each())
  end)

  it("needs no more memory for many entries than for few", function()
    local limits = { vm_bytes = 24 << 20, call_bytes = 8 << 20, call_cpu_ms = 600000 }
    local host, actor = open { limits = limits, errors = true }
    for i = 0, 9 do actor:big(i * 1000 + 1, 1000) end               -- 100 MB
    local total = 10000 * 10000
    assert.equal("out_of_memory", hosts.failure_of(actor.list, actor).code)
    assert.same({ total, 10000, 10000, 0 }, actor:try("constants", { reverse = true }))
    host:crash()
    assert.same({}, actor:each())
  end)
end)
