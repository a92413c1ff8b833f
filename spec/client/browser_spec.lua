-- host/client/client.js as a browser runs it: with its own WebSocket, from the host that serves it.

local browser = require "spec.browser.browser"
local program = require "spec.support.program"

describe("The JavaScript client in a browser", function()
  local chromium, host, other

  setup(function()
    host = program.serve_copy "spec/client/actors"
    other = program.serve_copy "spec/client/actors"
    chromium = browser.start()
  end)

  teardown(function()
    chromium:close()
    host:stop()
    other:stop()
  end)

  -- A page of the host, with what the module exports as its variables.
  local function open()
    local tab = chromium:open("http://" .. host.address .. "/health")
    tab:evaluate "import('/client.js').then((module) => { Object.assign(globalThis, module) })"
    tab:problems()      -- a page without an icon is one
    return tab
  end

  it("calls, and hears events before the answers of their calls", function()
    local tab = open()
    tab:evaluate [[
      globalThis.client = connect(undefined, { params: { name: "Änn" } });
      globalThis.room = client.Room(["eu", 42]);
      globalThis.heard = [];
      room.on("said", (...args) => heard.push(args));
    ]]
    assert.equal(5, tab:evaluate "room.add(5)")
    assert.equal(6, tab:evaluate "room.with({ transport: 'http', idempotencyKey: 'one' }).add()")
    assert.equal(6, tab:evaluate "room.with({ transport: 'http', idempotencyKey: 'one' }).add()")
    assert.equal(1, tab:evaluate "room.say('😀')")
    assert.same({ { "Änn", "😀" } }, tab:evaluate "heard")
    assert.same({ { "eu", 42 }, ("x"):rep(300000) }, tab:evaluate [[
      Promise.all([room.address(), room.echo("x".repeat(300000)).then(([text]) => text)])
    ]])
    assert.same({}, tab:problems())
    tab:close()
  end)

  it("hears why it was refused, and how it was ended", function()
    local tab = open()
    tab:evaluate [[
      globalThis.codes = [];
      globalThis.failure = (promise) => promise.then(() => null, ({ code, status }) => `${code} ${status}`);
      globalThis.onStatus = ({ state, code, reason }) => codes.push([state, code, reason]);
      globalThis.client = connect(undefined, { onStatus });
    ]]
    assert.equal("unauthorized 401", tab:evaluate "failure(client.Room('a', { params: { refuse: true } }).add())")
    assert.equal("class_not_found 404", tab:evaluate "failure(client.Nothing('a').add())")
    assert.equal("payload_too_large 413", tab:evaluate "failure(client.Room('a').echo('x'.repeat(2 ** 20)))")
    assert.equal("left", tab:evaluate "client.Room('a').leave('enough')")
    assert.same({ "closed", 4000, "enough" }, tab:wait "codes.find(([, code]) => code === 4000)")
    assert.equal(1, tab:evaluate "client.Room('a').add()")
    tab:evaluate "client.Room('a').finish()"
    assert.same({ "closed", 4001, "destroyed" }, tab:wait "codes.find(([, code]) => code === 4001)")
    assert.equal(1, tab:evaluate "client.Room('a').add()")
    tab:evaluate [[{
      globalThis.last = failure(client.Room('a').with({ timeout: 0 }).say());
      client.close();
    }]]
    assert.equal("closed 0", tab:evaluate "last")
    tab:close()
  end)

  it("of another host is refused by name", function()
    local tab = open()
    tab:evaluate(("globalThis.room = connect('http://%s').Room('a')"):format(other.address))
    assert.equal("forbidden_origin 403", tab:evaluate "room.add().catch(({ code, status }) => `${code} ${status}`)")
    tab:close()
  end)
end)
