-- An operator asks a running host for its calls: over HTTP, and as lines for people.
local files = require "spec.support.files"
local http = require "spec.support.http"
local program = require "spec.support.program"
local troupe = require "troupe.test"

-- A call of Bank lets others have their turns until its gate is open; then it answers.
local classes = {
  shop = [[
local Actor = require "troupe.actor"
local Shop = Actor:extend "Shop"
function Shop:checkout(_, till, bank) return self:actor("Till", till):take(bank) end
return Shop]],
  till = [[
local Actor = require "troupe.actor"
local Till = Actor:extend "Till"
function Till:take(_, bank) return self:actor("Bank", bank):pay() end
return Till]],
  bank = [[
local Actor = require "troupe.actor"
local Bank = Actor:extend "Bank"
function Bank:open() for i = 1, 20000 do self.kv:put(i, i) end end
function Bank:pay()
  local open
  repeat
    self.kv:count()
    open = pcall(require, "lib.gate")
  until open
  return "paid"
end
return Bank]],
}

local function key_on(class, worker)
  local number = 0
  repeat number = number + 1 until troupe.worker_of(class, "k" .. number, 2) == worker
  return "k" .. number
end

describe("A host that is asked for its calls", function()
  local folder, actors, host, bearer

  before_each(function()
    folder = program.folder()
    actors = folder .. "/actors"
    os.execute(("mkdir -p %s/lib"):format(actors))
    for name, source in pairs(classes) do files.write(("%s/%s.lua"):format(actors, name), source) end
    host = program.serve(actors, folder .. "/data", "--workers", "2")
    bearer = { Authorization = "Bearer " .. files.read(folder .. "/data/token"):match "%S+" }
  end)

  after_each(function()
    host:close()
    program.remove(folder)
  end)

  local function calls()
    local answer = http.request(host.address, "GET", "/calls", nil, bearer)
    assert.equal(200, answer.status, answer.body)
    return answer:json().result.calls, answer
  end

  -- What `troupe calls` prints, each time as one text without the seconds.
  local function lines()
    local status, output, complaint = host:ask "calls"
    assert.equal(0, status, complaint)
    return (output:gsub("%d+%.%d s", "_ s"))
  end

  it("tells of none where there is none", function()
    local found, answer = calls()
    assert.same({}, found)
    assert.equal('{"result":{"calls":[],"cut":false}}', answer.body)
    assert.equal("no call waits\n", lines())
  end)

  it("tells nobody without the token, and takes no query", function()
    http.assert_refused(401, "unauthorized", "Authorization", http.request(host.address, "GET", "/calls"))
    local wrong = { Authorization = "Bearer x" }
    http.assert_refused(401, "unauthorized", nil, http.request(host.address, "GET", "/calls", nil, wrong))
    local asked = http.request(host.address, "GET", "/calls?limit=1", nil, bearer)
    http.assert_refused(400, "invalid_request", "no query", asked)
    http.assert_refused(405, "method_not_allowed", nil, http.request(host.address, "POST", "/calls", "[]", bearer))
    local status, _, complaint = host:ask("calls", "--data", folder)
    assert.equal(1, status)
    assert.matches("^troupe: cannot read the operator's token", complaint)
    status, _, complaint = host:ask("calls", "Counter")
    assert.equal(2, status)
    assert.matches("^troupe: calls takes no words, and Counter is one", complaint)
  end)

  it("tells of chains over its workers, as a list and as trees", function()
    local shop, till, bank = key_on("Shop", 1), key_on("Till", 2), key_on("Bank", 1)
    local path = "/actors/%s/%s/%s"
    assert.equal(200, http.request(host.address, "POST", path:format("Bank", bank, "open")).status)
    local client, other = http.connect(host.address), http.connect(host.address)
    client:send(http.text("POST", path:format("Shop", shop, "checkout"), ('["%s","%s"]'):format(till, bank)))
    program.eventually("the chain", function() return #calls() == 3 end)
    other:send(http.text("POST", path:format("Bank", bank, "pay")))
    program.eventually("the call behind it", function() return #calls() == 4 end)
    local by_class, waiting = {}, nil
    for _, call in ipairs(calls()) do
      if call.waits == "mailbox" then waiting = call else by_class[call.class] = call end
      assert.is_true(call.seconds >= call.waits_seconds and call.waits_seconds >= 0)
    end
    assert.same({ "answer", "answer", "others" }, { by_class.Shop.waits, by_class.Till.waits, by_class.Bank.waits })
    assert.same({ by_class.Till.id, by_class.Bank.id }, { by_class.Shop.asks.id, by_class.Till.asks.id })
    assert.same({ class = "Till", key = till }, by_class.Bank.caller)
    assert.same({ "Bank", bank, "pay" }, { waiting.class, waiting.key, waiting.method })

    local chain = ([[
Shop/%s.checkout  _ s  waits for Till/%s.take (_ s)
  Till/%s.take  _ s  waits for Bank/%s.pay (_ s)
    Bank/%s.pay  _ s  lets others have their turns (_ s)
]]):format(shop, till, till, bank, bank)
    local alone = ("Bank/%s.pay  _ s  waits for its turn (_ s)\n"):format(bank)
    local shown = lines()
    assert.is_true(shown == chain .. alone or shown == alone .. chain, shown)

    program.open_gate(actors, "gate")
    for _, connection in ipairs { client, other } do
      assert.equal('{"result":"paid"}', connection:receive().body)
      connection:close()
    end
    assert.same({}, (calls()))
  end)
end)
