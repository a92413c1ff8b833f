-- examples/chat: the rules of a room, in the spec kit. Its page: spec/examples/chat_page_spec.lua.
local hosts = require "spec.support.hosts"

local START = 1700000000

describe("A room", function()
  local host

  before_each(function() host = hosts.open_folder("examples/chat/actors", { time = START }) end)
  after_each(hosts.close_all)

  -- Somebody who listens to all that a room tells.
  local function enter(name)
    local connection = host:connect("Room", "lobby", { params = { name = name } })
    connection:subscribe "message"
    connection:subscribe "people"
    return connection
  end

  -- What somebody hears since the last look: the texts of messages, and who is there.
  local function heard(connection)
    local texts = {}
    for _, told in ipairs(connection:events()) do
      local what = told.args[1]
      table.insert(texts, told.event == "message" and what.text or table.concat(what, " "))
    end
    return texts
  end

  local function texts_of(messages)
    local texts = {}
    for i, message in ipairs(messages) do texts[i] = message.text end
    return texts
  end

  it("tells all who are there what somebody says, in order, and keeps it", function()
    local ann, bob = enter "ann", enter "bob"
    heard(ann)
    assert.equal(1, ann:call("say", "hello"))
    host:advance(5)
    assert.equal(2, bob:call("say", "you too"))
    assert.same({ "hello", "you too" }, heard(ann))
    assert.same({ "hello", "you too" }, heard(bob))
    host:crash()
    local cleo = enter "cleo"
    assert.same({
      { number = 1, name = "ann", text = "hello", at = START },
      { number = 2, name = "bob", text = "you too", at = START + 5 },
    }, cleo:call "messages_after")
  end)

  it("gives what was said after a message, in pages, and at first the last page", function()
    local ann = enter "ann"
    assert.same({}, ann:call "messages_after")
    for i = 1, 120 do ann:call("say", tostring(i)) end
    local function page(number)
      local texts = texts_of(ann:call("messages_after", number))
      return { #texts, texts[1], texts[#texts] }
    end
    assert.same({ 50, "71", "120" }, page(nil))
    assert.same({ 50, "1", "50" }, page(0))
    assert.same({ 20, "101", "120" }, page(100))
    assert.same({ 0 }, page(120))
    local failure = hosts.failure_of(ann.call, ann, "messages_after", "1")
    assert.equal("invalid_value", failure.code)
    assert.equal("number", failure.metadata.name)
  end)

  it("knows who is there, each once, in the order of their names", function()
    local cleo, ann = enter "cleo", enter "ann"
    local again = enter "ann"
    assert.same({ "ann", "cleo" }, ann:call "people")
    assert.same({ "ann cleo", "ann cleo" }, heard(cleo))
    again:close()
    ann:close()
    assert.same({ "cleo" }, cleo:call "people")
    assert.same({ "ann cleo", "cleo" }, heard(cleo))
  end)

  it("is empty after a crash, and remembers what was said", function()
    local ann = enter "ann"
    ann:call("say", "hello")
    host:crash()
    local bob = enter "bob"
    assert.same({ "bob" }, bob:call "people")
    assert.same({ "hello" }, texts_of(bob:call "messages_after"))
  end)

  it("tells nobody what could not be made durable", function()
    local ann, bob = enter "ann", enter "bob"
    heard(bob)
    host:fail_next "write"
    assert.equal("storage_error", hosts.code_of(ann.call, ann, "say", "hello"))
    assert.is_truthy(host:log():find("a batch was not written", 1, true))
    assert.same({}, heard(bob))
    assert.equal(1, ann:call("say", "hello"))
    assert.same({ "hello" }, heard(bob))
  end)

  it("lets nobody in without a name", function()
    for _, params in ipairs { {}, { name = "" }, { name = ("x"):rep(31) }, { name = 5 }, "ann" } do
      assert.equal("unauthorized", hosts.code_of(host.connect, host, "Room", "lobby", { params = params }))
    end
    assert.equal("unauthorized", hosts.code_of(host:actor("Room", "lobby").say, nil, "hello"))
    assert.is_nil(host:state("Room", "lobby"))
    assert.same({ ("ä"):rep(30) }, enter(("ä"):rep(30)):call "people")
  end)

  it("takes texts, and over HTTP too", function()
    local ann = enter "ann"
    for _, text in ipairs { "", 5, ("x"):rep(1001), {} } do
      local failure = hosts.failure_of(ann.call, ann, "say", text)
      assert.equal("invalid_value", failure.code)
      assert.equal("text", failure.metadata.name)
    end
    host:actor("Room", "lobby", { params = { name = "bob" } }):say(("x"):rep(1000))
    assert.same({ ("x"):rep(1000) }, heard(ann))
    assert.equal("bob", ann:call("messages_after", 0)[1].name)
  end)
end)
