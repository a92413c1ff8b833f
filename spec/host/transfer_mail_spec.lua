-- Money moves between two accounts on two workers, by messages. The program is killed again and again meanwhile, and
-- whoever got no answer asks again. When all mail has come to rest, all money is there, and each transfer was counted
-- once, at both ends. Messages are so large that checkpoints run all the time.

local hosts = require "spec.support.hosts"
local program = require "spec.support.program"
local transfers = require "spec.support.transfers"

local MONEY, ROUNDS, SEED = transfers.MONEY, transfers.ROUNDS, transfers.SEED

local ACCOUNT = hosts.class("Account", [[
  local padding = ("x"):rep(20000)
  function Class:initialize_state() return { balance = ]] .. MONEY .. [[ } end
  function Class:_note(way, client, number, amount)
    local key = { way, client, number }
    if self.kv:get(key) then error(way .. " twice") end
    self.kv:put(key, amount)
  end
  function Class:transfer(_, client, number, to, amount)
    self.state.balance = self.state.balance - amount
    self:_note("left", client, number, amount)
    self:send(self:actor("Account", to), "deposit", client, number, amount, padding)
    if self.state.balance < 0 then error(UserError("not enough", { code = "not_enough" })) end
    return number
  end
  function Class:deposit(_, client, number, amount)
    self.state.balance = self.state.balance + amount
    self:_note("arrived", client, number, amount)
  end
  function Class:sums()
    local sums = { balance = self.state.balance, left = 0, arrived = 0, left_sum = 0, arrived_sum = 0 }
    for key, amount in self.kv:each() do
      sums[key[1] ]= sums[key[1] ] + 1
      sums[key[1] .. "_sum"] = sums[key[1] .. "_sum"] + amount
    end
    return sums
  end
]])

local BY_MESSAGES = {
  files = { ["account.lua"] = ACCOUNT },
  round_s = 0.5,
  request = function(transfer)
    local path = ("/actors/Account/%s/transfer"):format(transfer.from)
    return path, { transfer.client, transfer.number, transfer.to, transfer.amount }
  end,
  result = function(_, transfer) return transfer.number end,
  is_put_off = function(status, body) return status == 503 and body:find('"overloaded"', 1, true) ~= nil end,
}

describe("Money that two accounts send each other by messages while the host is killed", function()
  local bank

  before_each(function() bank = transfers.start(BY_MESSAGES) end)
  after_each(function() bank:close() end)

  -- Waits until all that has left has arrived, and holds it against what was answered.
  local function compare()
    local one, other
    program.eventually("all has arrived", function()
      one, other = bank:result("Account", bank.accounts[1], "sums"), bank:result("Account", bank.accounts[2], "sums")
      return one.left == other.arrived and other.left == one.arrived
    end)
    local calls, sum, unheard, unheard_sum = 0, 0, 0, 0
    for _, book in ipairs(bank.books) do
      calls, sum = calls + book.calls, sum + book.sum
      if book.unheard and not book.unheard.fails then
        unheard, unheard_sum = unheard + 1, unheard_sum + book.unheard.amount
      end
    end
    assert.equal(2 * MONEY, one.balance + other.balance)
    assert.same({ one.left_sum, other.left_sum }, { other.arrived_sum, one.arrived_sum })
    local left, left_sum = one.left + other.left, one.left_sum + other.left_sum
    assert(calls <= left and left <= calls + unheard, ("%d transfers, %d were answered"):format(left, calls))
    assert(sum <= left_sum and left_sum <= sum + unheard_sum)
    return calls, unheard
  end

  it("is all there when all mail has come to rest", function()
    local unheard = 0
    for _ = 1, ROUNDS do
      bank:run_until_killed()
      unheard = unheard + select(2, compare())
    end
    bank:repeat_unheard()
    local calls = compare()
    print(("# killed %d times: %d transfers answered, none missing, none twice; %d without an answer (TROUPE_SEED=%d)"):
      format(ROUNDS, calls, unheard, SEED))
    assert(calls > ROUNDS and unheard > 0)
  end)
end)
