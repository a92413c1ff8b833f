-- The peer in Tarantool: procedures that do what the actors do, on spaces in memory with a tree as index; each write is
-- synced before it is answered.  tarantool tarantool.lua FOLDER PORT

box.cfg {
  work_dir = arg[1], wal_mode = "fsync", memtx_memory = 2 * 1024 * 1024 * 1024, log_level = "warn",
}

local shelf = box.schema.space.create "shelf"
shelf:create_index("primary", { type = "TREE", parts = { { 1, "unsigned" } } })
local counters = box.schema.space.create "counters"
counters:create_index("primary", { type = "TREE", parts = { { 1, "unsigned" } } })

local accounts = box.schema.space.create "accounts"
accounts:create_index("primary", { type = "TREE", parts = { { 1, "string" } } })
local transfers = box.schema.space.create "transfers"
transfers:create_index("primary", { type = "TREE", parts = { { 1, "string" } } })

local START = 1000000   -- what is in a new account

local procedures = {}

function procedures.put(number, value)
  shelf:replace { tonumber(number), value }
end

function procedures.get(number)
  local entry = shelf:get(tonumber(number))
  return entry and entry[2]
end

function procedures.top(count)
  return shelf:select({}, { iterator = "LE", limit = tonumber(count) })
end

function procedures.put_many(first, count, version)
  first = tonumber(first)
  box.begin()
  for number = first, first + count - 1 do
    shelf:replace { number, ("value of entry %d, version %s"):format(number, version) }
  end
  box.commit()
end

function procedures.scan(count)
  local list, n = {}, 0
  for _, entry in shelf:pairs() do
    n = n + 1
    list[n] = { key = { entry[1] }, value = entry[2] }
    if n == tonumber(count) then break end
  end
  return #list
end

function procedures.increment(number)
  number = tonumber(number)
  local counter = counters:get(number)
  local count = (counter and counter[2] or 0) + 1
  counters:replace { number, count }
  return count
end

function procedures.increment_many(first, count)
  box.begin()
  for number = tonumber(first), first + count - 1 do procedures.increment(number) end
  box.commit()
end

local function add(name, amount)
  local account = accounts:get(name)
  local balance = (account and account[2] or START) + amount
  if balance < 0 then error "there is not enough" end
  accounts:replace { name, balance }
end

function procedures.move(from, to, amount)
  return box.atomic(function()
    add(from, -amount)
    add(to, amount)
    local noted = transfers:get(from) or { from, 0, 0 }
    transfers:replace { from, noted[2] + 1, noted[3] + amount }
    return noted[2] + 1
  end)
end

for name, procedure in pairs(procedures) do
  rawset(_G, name, procedure)
  box.schema.func.create(name)
end
box.schema.user.grant("guest", "read,write,execute", "universe")
box.cfg { listen = "127.0.0.1:" .. arg[2] }   -- now that all is there
