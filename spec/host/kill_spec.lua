-- Answered means durable, and wholly or not at all: the program is killed again and again under increments, puts and
-- calls that fail. Each time nothing that it acknowledged is missing, nothing is there that was not asked for, and a
-- call that failed has left nothing.
--
-- TROUPE_ROUNDS: how often (20). TROUPE_SEED repeats what is asked, though not when the host dies.

local cjson = require "cjson"
local crowd = require "spec.support.crowd"
local http = require "spec.support.http"
local program = require "spec.support.program"
local spread = require "spec.support.spread"

local ROUNDS = tonumber(os.getenv "TROUPE_ROUNDS" or 20)
local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local ACTORS, CLIENTS, READERS, WORKERS = 100, 64, 8, 2
local ROUND_S, START_S = 0.3, 0.03

local function request(actor, method, arguments)
  local text = http.text("POST", ("/actors/Tally/%d/%s"):format(actor, method), arguments)
  return { actor = actor, method = method, text = text }
end

-- What the host owes: by actor, its count and the last number of each client.
local function new_books()
  local books = { counts = {}, numbers = {} }
  for actor = 1, ACTORS do books.counts[actor], books.numbers[actor] = 0, {} end
  return books
end

-- -- asking --

-- A client's next request. Numbers grow, so a client's later put has the greater one.
local function any_request(books, client)
  local actor, kind = math.random(ACTORS), math.random(10)
  if kind <= 5 then return request(actor, "increment") end
  if kind == 6 then return request(actor, "spoil") end
  books.number = (books.number or 0) + 1
  local put = request(actor, "put", ("[%d,%d]"):format(client, books.number))
  put.number = books.number
  return put
end

-- What was answered in one round: by actor the counts that were acknowledged, as keys and in number, and the highest
-- count that anybody was told; totals by method.
local function new_round()
  local round = { counts = {}, increments = {}, highest = {}, total = { increment = 0, put = 0, spoil = 0 } }
  for actor = 1, ACTORS do round.counts[actor], round.increments[actor], round.highest[actor] = {}, 0, 0 end
  return round
end

local hear = {}

local function hear_count(round, actor, count)
  round.highest[actor] = math.max(round.highest[actor], count)
end

function hear.increment(books, round, _, asked, status, body)
  local count = math.tointeger(tonumber(body:match '^{"result":(%d+)}$'))
  assert(status == 200 and count, body)
  assert(count > books.counts[asked.actor], "a count that was there before the round")
  assert(not round.counts[asked.actor][count], "one count was acknowledged twice")
  round.counts[asked.actor][count] = true
  round.increments[asked.actor] = round.increments[asked.actor] + 1
  hear_count(round, asked.actor, count)
end

function hear.put(books, _, client, asked, status, body)
  assert(status == 200, body)
  books.numbers[asked.actor][client] = asked.number
end

function hear.spoil(_, round, _, asked, status, body)
  assert(status == 400 and body:find('"user_error"', 1, true), body)
  hear_count(round, asked.actor, tonumber(body:match '"metadata":(%d+)'))
end

-- -- comparing --

-- The contents of all actors, by actor.
local function read_contents(address)
  local contents, last = {}, 0
  crowd.connect(address, READERS):run(function()
    last = last + 1
    return last <= ACTORS and request(last, "content") or nil
  end, function(_, asked, status, body)
    assert(status == 200, body)
    contents[asked.actor] = cjson.decode(body).result
  end)
  return contents
end

-- What happened to one actor that nobody heard of, and what is missing of what was acknowledged.
local function compare_counts(count, before, round, actor, asked)
  local more = count - before - round.increments[actor]
  local missing = math.max(0, round.highest[actor] - count, -more)
  assert(more <= asked, ("actor %d counts %d increments too many"):format(actor, more - asked))
  return missing, math.max(0, more)
end

local function compare_numbers(entries, numbers, asked)
  local missing, unheard, found = 0, 0, {}
  for _, entry in ipairs(entries) do
    local client = assert(math.tointeger(entry.writer), "an entry that no put has made")
    found[client] = math.tointeger(entry.number)
  end
  for client = 1, CLIENTS do
    if found[client] ~= numbers[client] then
      local happened = found[client] and found[client] == asked[client]
      unheard = unheard + (happened and 1 or 0)
      missing = missing + (happened and 0 or 1)
    end
  end
  return missing, unheard, found
end

-- Compares what is there after a round with what is owed, and writes it into the books. Answers how much was missing,
-- and how much has happened of which nobody heard.
local function settle(books, round, unheard, contents)
  local increments, puts = {}, {}
  for actor = 1, ACTORS do increments[actor], puts[actor] = 0, {} end
  for client, asked in pairs(unheard) do
    if asked.method == "increment" then increments[asked.actor] = increments[asked.actor] + 1 end
    puts[asked.actor][client] = asked.number
  end
  local missing, happened = 0, 0
  for actor, content in ipairs(contents) do
    assert(content.spoiled == false, "a call that failed has left its mark in the state")
    local count = math.tointeger(content.count)
    local lost, more = compare_counts(count, books.counts[actor], round, actor, increments[actor])
    local lost_puts, more_puts, found = compare_numbers(content.entries, books.numbers[actor], puts[actor])
    missing, happened = missing + lost + lost_puts, happened + more + more_puts
    books.counts[actor], books.numbers[actor] = count, found
  end
  return missing, happened
end

describe("A host that is killed under load", function()
  local data, host

  local function serve()
    host = program.serve("spec/support/actors", data, "--workers", tostring(WORKERS))
  end

  before_each(function()
    data = program.folder()
    serve()
  end)

  after_each(function()
    host:close()
    program.remove(data)
  end)

  -- Answers what was acknowledged, and by client what was asked and not answered. It is killed at some time after each
  -- kind of call was answered.
  local function load_and_kill(books)
    local round, clients = new_round(), crowd.connect(host.address, CLIENTS)
    local total, doomed = round.total, false
    local unheard = clients:run(function(client) return any_request(books, client) end,
      function(client, asked, status, body)
        hear[asked.method](books, round, client, asked, status, body)
        total[asked.method] = total[asked.method] + 1
        if doomed or total.increment * total.put * total.spoil == 0 then return end
        doomed = true
        host:signal_after(math.random() * ROUND_S, "KILL")
      end)
    host:wait()
    return round, unheard
  end

  -- Sometimes it is killed as it starts, too.
  local function restart()
    host:close()
    if math.random(3) == 1 then program.serve_briefly(0.001 + math.random() * START_S, "spec/support/actors", data) end
    serve()
  end

  it("keeps what it acknowledged, nothing of what failed, and no more than was under way besides", function()
    math.randomseed(SEED)
    local keys = {}
    for actor = 1, ACTORS do keys[actor] = tostring(actor) end
    spread.check(WORKERS, "Tally", keys)
    local books, total = new_books(), { increment = 0, put = 0, spoil = 0, missing = 0, unheard = 0, asked = 0 }
    for _ = 1, ROUNDS do
      local round, unheard = load_and_kill(books)
      restart()
      local missing, happened = settle(books, round, unheard, read_contents(host.address))
      for method, count in pairs(round.total) do total[method] = total[method] + count end
      for _ in pairs(unheard) do total.asked = total.asked + 1 end
      total.missing, total.unheard = total.missing + missing, total.unheard + happened
    end
    local told = ("killed %d times: acknowledged %d increments and %d puts, missing %d; %d calls failed and left " ..
      "nothing; of %d calls without an answer %d happened (TROUPE_SEED=%d)"):format(ROUNDS, total.increment, total.put,
      total.missing, total.spoil, total.asked, total.unheard, SEED)
    print("# " .. told)
    assert.equal(0, total.missing, told)
    assert(total.increment > 0 and total.put > 0 and total.spoil > 0, told)
  end)
end)
