-- Whoever runs a host can see each call that waits: what for, since when, and in which chain.
local hosts = require "spec.support.hosts"
local kit = require "spec.support.kit"
local troupe = require "troupe.test"
local json = require "cjson"

-- `via` names the actors that a call goes through: each asks the next one, and the last one does what `what` says.
local link = [[
  function Class:initialize_state() return { n = 0 } end
  function Class:pass(_, what, via)
    self.state.n = self.state.n + 1
    if #via > 0 then
      local nearest = table.remove(via, 1)
      return self:actor("Link", nearest):pass(what, via) .. "<" .. self.key[1]
    end
    if what == "save" then self:save_state() end
    return self.key[1]
  end
  function Class:inspect_state() return self:actor("Link", "shown"):pass("save", {}) end
]]

local function open(options)
  return hosts.open({ ["link.lua"] = hosts.class("Link", link) }, options)
end

-- Keys of actors on these workers, each another one.
local function keys_on(workers, ...)
  local keys, number = {}, 0
  for i, worker in ipairs { ... } do
    repeat number = number + 1 until troupe.worker_of("Link", "k" .. number, workers) == worker
    keys[i] = "k" .. number
  end
  return table.unpack(keys)
end

-- The calls by the text of their key; only where each actor has one.
local function by_key(host)
  local found = {}
  for _, call in ipairs(host:calls()) do found[call.key] = call end
  return found
end

describe("host:calls()", function()
  after_each(hosts.close_all)

  it("is empty where no call waits", function()
    local host = open { workers = 2 }
    assert.same({ {}, false }, { host:calls() })
    assert.equal("a", host:actor("Link", "a"):pass("end", {}))
    assert.same({}, (host:calls()))
  end)

  it("tells of a call in a mailbox, and for how long it has been there", function()
    local host = open()
    host:hold(true)
    local first = host:start("Link", "a", "pass", "save", {})
    host:run()
    host:advance(2)
    local second = host:start("Link", { "a" }, "pass", "end", {})
    assert.equal(1, #host:calls())                       -- nobody has taken it in yet
    host:run()
    host:advance(3)
    local saves, waits = table.unpack((host:calls()))
    assert.matches("^%x+$", saves.id)
    assert.not_equal(saves.id, waits.id)
    assert.same({ id = saves.id, class = "Link", key = "a", method = "pass", seconds = 5.0, waits = "save",
      waits_seconds = 5.0 }, saves)
    assert.same({ id = waits.id, class = "Link", key = "a", method = "pass", seconds = 3.0, waits = "mailbox",
      waits_seconds = 3.0 }, waits)
    host:hold(false)
    assert.same({ "a", "a" }, { first:get(), second:get() })
    assert.same({}, (host:calls()))
  end)

  it("links a call that waits for another to that call, across workers", function()
    local shop, bank = keys_on(2, 1, 2)
    local host = open { workers = 2 }
    local pending = host:start("Link", shop, "pass", "end", { bank })
    host:step(1)
    local calls = host:calls()                           -- the question is on its way to the other worker
    assert.equal(1, #calls)
    assert.same({ "answer", shop, nil }, { calls[1].waits, calls[1].key, calls[1].caller })
    assert.same({ id = calls[1].asks.id, class = "Link", key = bank, method = "pass" }, calls[1].asks)
    assert.not_equal(calls[1].id, calls[1].asks.id)
    host:step(2)                                         -- and the answer on its way back
    assert.equal("answer", host:calls()[1].waits)
    assert.equal(bank .. "<" .. shop, pending:get())
    assert.same({}, (host:calls()))
  end)

  it("tells of the whole of a chain, and how long each part of it has waited", function()
    local a, b, c = keys_on(2, 1, 2, 1)
    local host = open { workers = 2 }
    host:hold(true)
    local busy = host:start("Link", b, "pass", "save", {})
    host:run()
    host:advance(1)
    local pending = host:start("Link", a, "pass", "save", { b, c })
    host:run()
    host:advance(1)
    local calls = by_key(host)                           -- one of b saves, and the one of the chain is in its mailbox
    assert.same({ "answer", 1.0 }, { calls[a].waits, calls[a].waits_seconds })
    assert.same({ "mailbox", 1.0, calls[a].asks.id }, { calls[b].waits, calls[b].seconds, calls[b].id })
    assert.same({ class = "Link", key = a }, calls[b].caller)
    host:hold(false)
    host:step("committer")
    host:hold(true)
    host:run()
    host:advance(4)
    assert.equal(b, busy:result())
    calls = by_key(host)
    assert.equal(3, #host:calls())
    assert.same({ "answer", "answer", "save" }, { calls[a].waits, calls[b].waits, calls[c].waits })
    assert.same({ 5.0, 5.0, 4.0 }, { calls[a].seconds, calls[b].seconds, calls[c].seconds })
    assert.same({ 5.0, 4.0, 4.0 }, { calls[a].waits_seconds, calls[b].waits_seconds, calls[c].waits_seconds })
    assert.same({ calls[b].id, calls[c].id }, { calls[a].asks.id, calls[b].asks.id })
    assert.same({ class = "Link", key = b }, calls[c].caller)
    assert.same({ nil, nil }, { calls[a].caller, calls[c].asks })
    host:hold(false)
    assert.equal(c .. "<" .. b .. "<" .. a, pending:get())
    assert.same({}, (host:calls()))
  end)

  it("shows keys of all kinds, and looks at actors, which have no method", function()
    local host = open { workers = 2 }
    host:hold(true)
    host:start("Link", { "eu", 42, true, { 1.5 } }, "pass", "save", {})
    host:start("Link", "\xff", "pass", "save", {})
    host:start("Link", { "only" }, "pass", "save", {})
    host:start("Link", 7, "pass", "save", {})
    host:run()
    local keys = {}
    for _, call in ipairs(host:calls()) do keys[#keys + 1] = json.encode(call.key) end
    table.sort(keys)
    assert.same({ '"only"', '["eu",42,true,[1.5]]', "[7]", '{"$bytes":"\\/w=="}' }, keys)
    host:hold(false)
    host:run()
    host:hold(true)
    assert.is_false((pcall(host.inspect, host, "Link", "\xff")))          -- there is no answer yet
    local shown = by_key(host).shown
    assert.same({ "save", { class = "Link", key = { ["$bytes"] = "/w==" } } }, { shown.waits, shown.caller })
    for _, call in ipairs(host:calls()) do
      if not call.caller then assert.same({ nil, shown.id }, { call.method, call.asks.id }) end
    end
    host:hold(false)
    assert.equal("shown", host:inspect("Link", "\xff"))
  end)

  it("tells of 10,000 calls at most, and says that there are more", function()
    local host = open { limits = { waiting_calls = 20000 } }
    host:hold(true)
    local function add(count)
      for _ = 1, count do host:start("Link", "a", "pass", "save", {}) end
      host:run()
    end
    add(10000)
    local calls, cut = host:calls()
    assert.same({ 10000, false }, { #calls, cut })
    add(1)
    calls, cut = host:calls()
    assert.same({ 10000, true }, { #calls, cut })
  end)
end)

describe("A survey of all calls", function()
  after_each(hosts.close_all)

  it("goes through the workers one after the other, and is answered by the last one", function()
    local a, b, c = keys_on(3, 1, 2, 3)
    local host = open { workers = 3 }
    host:hold(true)
    for _, key in ipairs { a, b, c } do host:start("Link", key, "pass", "save", {}) end
    host:run()
    local asked = kit.ask_for_calls(host)
    for worker = 1, 3 do
      assert.is_false(asked:is_done())
      host:step(worker)
    end
    local ok, text = asked:answer()
    assert.is_true(ok)
    local found, keys = json.decode(text), {}
    for i, call in ipairs(found.calls) do keys[i] = call.key end
    assert.same({ { a, b, c }, false }, { keys, found.cut })
    assert.matches('^{"calls":%[{"id":"%x+","class":"Link","key":"k%d+","method":"pass","caller":null,"seconds":0%.000,'
      .. '"waits":"save","waits_seconds":0%.000,"asks":null},', text)
  end)

  it("is lost with a host that ends, like any request", function()
    for steps = 0, 2 do
      local host = open { workers = 3 }
      local asked = kit.ask_for_calls(host)
      for worker = 1, steps do host:step(worker) end
      host:crash()
      assert.same({ false, "connection_lost" }, { (asked:answer()), (select(2, asked:answer())) })
    end
  end)

  it("is out_of_memory where there is none for it, and leaves everything as it was", function()
    local a, b = keys_on(2, 1, 2)
    local host = open { workers = 2 }
    host:hold(true)
    local pending = host:start("Link", a, "pass", "save", { b })
    host:run()
    local k, whole = 0, nil
    repeat
      k = k + 1
      kit.fail_allocation(host, k)
      local asked = kit.ask_for_calls(host)
      host:run()
      local ok, result = asked:answer()
      if kit.fail_allocation(host, 0) then
        assert.same({ false, "out_of_memory" }, { ok, result })
      else
        whole = result
      end
      assert(k < 100)
    until whole
    assert.is_true(k > 2)
    assert.equal(2, #json.decode(whole).calls)
    host:hold(false)
    assert.equal(b .. "<" .. a, pending:get())
  end)
end)
