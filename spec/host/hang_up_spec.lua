-- Clients that go before they are answered: what has not begun does not run, and what has begun runs to its end.

local program = require "spec.support.program"
local http = require "spec.support.http"

local assert_result, assert_refused = http.assert_result, http.assert_refused

local CLIENTS = 20
local LOOKS_MAX = 1 << 20

local host
local names = 0

local function new_key()
  names = names + 1
  return ("key%05d"):format(names)
end

local function path_of(key, method) return ("/actors/Box/%s/%s"):format(key, method) end

local function post(key, method, body, headers)
  return http.request(host.address, "POST", path_of(key, method), body, headers)
end

-- Sends a call, and is gone: in order, or as a program that crashes.
local function send_and_go(text, rudely)
  local connection = http.connect(host.address)
  if rudely then assert(connection.socket:setoption("linger", { on = true, timeout = 0 })) end
  connection:send(text):close()
end

-- Begins a call that takes all of the one worker until the gate of its key is opened.
local function hold(key)
  local connection = http.connect(host.address)
  connection:send(http.text("POST", path_of(key, "wait"), ('["%s"]'):format(key)))
  program.eventually("the call", function() return host:log():find("begun " .. key, 1, true) end)
  return connection
end

-- Tries it while the worker is held, for longer each time: how long the server takes to hear of the ends is up to the
-- machine.
local function while_held(try)
  local looks = 256
  repeat
    local key, idle = new_key(), http.connect(host.address)
    local holding = hold(key)
    local is_right = try(key)
    for _ = 1, looks do idle:send(http.text("GET", "/health")):receive() end
    program.open_gate(host.actors, key)
    assert_result("1", holding:receive())
    holding:close()
    idle:close()
    looks = looks * 2
    local done = is_right()
    assert.is_true(done or looks <= LOOKS_MAX, "calls of clients that were gone have run")
  until done
end

describe("A client that has gone", function()
  setup(function()
    host = program.serve_copy("spec/support/actors", "--workers", "1", "--limit-call-cpu-ms", "600000",
      "--limit-call-wall-ms", "600000")
  end)

  teardown(function() host:stop() end)

  for how, rudely in pairs { ["in order"] = false, rudely = true } do
    it(how .. ", leaves no call behind that had not begun", function()
      while_held(function(key)
        local other = new_key()
        for _ = 1, CLIENTS do
          send_and_go(http.text("POST", path_of(key, "put"), "[1]"), rudely)
          send_and_go(http.text("POST", path_of(other, "put"), "[1]"), rudely)
        end
        return function()
          local missing = http.request(host.address, "POST", path_of(other, "puts") .. "?create=false")
          return post(key, "puts").body == '{"result":1}' and missing.status == 404
        end
      end)
    end)
  end

  it("leaves those of others where they are", function()
    while_held(function(key)
      local clients = {}
      for number = 1, CLIENTS do
        send_and_go(http.text("POST", path_of(key, "put"), "[0]"), number % 2 == 0)
        clients[number] = http.connect(host.address):send(http.text("POST", path_of(key, "put"), "[1]"))
      end
      return function()
        for _, client in ipairs(clients) do
          assert_result("null", client:receive())
          client:close()
        end
        local puts = tonumber(post(key, "puts").body:match "%d+")
        assert.is_true(puts >= CLIENTS + 1)
        return puts == CLIENTS + 1
      end
    end)
  end)

  it("has a call that has begun run to its end", function()
    for _, rudely in ipairs { true, false } do
      local key = new_key()
      local connection = hold(key)
      if rudely then assert(connection.socket:setoption("linger", { on = true, timeout = 0 })) end
      connection:close()
      program.open_gate(host.actors, key)
      program.eventually("the call", function() return post(key, "puts").body == '{"result":1}' end)
    end
  end)

  it("may come again with its idempotency key, and the call runs once", function()
    while_held(function(key)
      local headers = { ["Idempotency-Key"] = "again" }
      for _ = 1, CLIENTS do send_and_go(http.text("POST", path_of(key, "put"), "[5]", headers)) end
      return function()
        local before = post(key, "puts").body
        for _ = 1, 2 do assert_result("null", post(key, "put", "[5]", headers)) end
        assert_result("2", post(key, "puts"))
        return before == '{"result":1}'
      end
    end)
  end)

  it("on its own side only, is answered; and told where its call had to wait too long", function()
    program.eventually("an answer", function()
      local connection = http.connect(host.address):send(http.text("POST", path_of(new_key(), "echo"), "[1]")):finish()
      local answer = connection:receive()
      connection:close()
      return answer.body == '{"result":1}'
    end)
    while_held(function(key)
      local connection = http.connect(host.address):send(http.text("POST", path_of(key, "put"), "[1]")):finish()
      return function()
        local answer = connection:receive()
        connection:close()
        if answer.status == 200 then return false end
        assert_refused(503, "overloaded", "did not run", answer)
        assert_result("1", post(key, "puts"))
        return true
      end
    end)
  end)
end)
