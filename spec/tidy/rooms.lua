-- The rules of who may look into whom.

local files = require "spec.tidy.house"

local includes_of, included_file, in_any = files.includes_of, files.included_file, files.in_any
local functions_of, words_of = files.functions_of, files.words_of

local rules = {}

-- A room includes its own headers and those of rooms with a smaller number. host/ itself is the last.
-- Lua (vm, marshal) and the disk (ledger) meet in state, in kv, in schedule and above, and nowhere below.
local ROOMS = {
  base = 0, codec = 1, ledger = 2, vm = 2, marshal = 3, state = 4, kv = 4, schedule = 4, script = 5, stage = 6,
  door = 7, kit = 7, main = 8,
}
local LUA_ROOMS = { "host/vm/", "host/marshal/", "host/state/", "host/kv/", "host/schedule/lib_schedule.h",
  "host/schedule/lib_schedule.c", "host/schedule/schedule_list.h", "host/schedule/schedule_list.c", "host/script/",
  "host/kit/" }

function rules.downwards(file, complain)
  if not file.room then return end
  local own = ROOMS[file.room]
  if not own then return complain(1, "no such room: add it to ROOMS in spec/tidy/rooms.lua, with its number") end
  for _, include in ipairs(includes_of(file)) do
    local room = include.path:match "^([^/]+)/" or "main"
    if include.quoted and not ROOMS[room] then
      complain(include.line, ("write <%s> for a header that is not ours"):format(include.path))
    elseif include.quoted and room ~= file.room and ROOMS[room] >= own then
      complain(include.line, ("room %s may not look into %s: move what is needed to a lower room, or let the upper one "
        .. "hand it down"):format(file.room, room))
    end
  end
end

-- A file and its header are one noun.
local function noun_of(path)
  return (path:gsub("%.[ch]$", ""))
end

local graphs = setmetatable({}, { __mode = "k" })   -- house -> noun -> other noun -> why there is an arrow

-- Which noun needs which: by an include, or by a function that the other defines, wherever that is declared.
local function graph_of(house)
  if graphs[house] then return graphs[house] end
  local graph, owners = {}, {}
  graphs[house] = graph
  for _, file in pairs(house) do
    for _, defined in ipairs(file.room and functions_of(file) or {}) do
      if not defined.is_static then owners[defined.name] = file end
    end
  end
  local function draw(from, to, how)
    local a, b = noun_of(from.path), noun_of(to.path)
    if a == b then return end
    graph[a] = graph[a] or {}
    if not graph[a][b] or how < graph[a][b] then graph[a][b] = how end   -- an include before a call
  end
  for _, file in pairs(house) do
    for _, include in ipairs(file.room and includes_of(file) or {}) do
      local other = included_file(house, include)
      if other and other.room then draw(file, other, "") end
    end
    local own = {}
    for _, defined in ipairs(file.room and functions_of(file) or {}) do own[defined.name] = true end
    for word in pairs(file.room and not file.is_header and words_of(file) or {}) do
      if owners[word] and not own[word] then draw(file, owners[word], " by " .. word) end
    end
  end
  return graph
end

-- Nouns in a circle cannot be read one after the other.
function rules.circles(file, complain, house)
  local start = noun_of(file.path)
  if not file.room or not file.is_header and house[start .. ".h"] then return end
  local graph = graph_of(house)
  local trails, waiting = {}, { start }   -- the nearest first, so that the shortest circle is named
  while #waiting > 0 and not trails[start] do
    local name = table.remove(waiting, 1)
    local others = {}
    for other in pairs(graph[name] or {}) do table.insert(others, other) end
    table.sort(others)
    for _, other in ipairs(others) do
      if not trails[other] then
        trails[other] = (trails[name] or start) .. " -> " .. other .. graph[name][other]
        table.insert(waiting, other)
      end
    end
  end
  if trails[start] then complain(1, "a circle: " .. trails[start] .. ": move what they share to a noun of its own") end
end

-- Where a package's headers may be seen, be it through headers of ours.
local SEEN_ONLY_IN = {
  { "^lua%.h$", LUA_ROOMS },
  { "^lauxlib%.h$", LUA_ROOMS },
  { "^lualib%.h$", LUA_ROOMS },
  { "^lmdb%.h$", { "host/ledger/store_env.h", "host/ledger/store_env.c", "host/ledger/store_batch.c",
    "host/ledger/store_reader.c", "host/ledger/store_absence.c", "host/ledger/store_check.c",
    "host/ledger/store_pages.c" } },
  { "^h2o", { "host/door/" } },
  { "^msgpack", { "host/codec/" } },
  { "^yajl/", { "host/codec/" } },
  { "^sha1%.h$", { "host/door/handshake.c" } },
  { "^sha2%.h$", { "host/stage/idempotency.c" } },
  { "^wslay/", { "host/door/inflow.c" } },
  { "^pthread%.h$", { "host/main.c", "host/base/queue.c" } },
  { "^threads%.h$", { "host/main.c", "host/base/queue.c" } },
}

function rules.seclusion(file, complain, house)
  if not file.room then return end
  local seen = {}
  local function look(from, line, trail)
    for _, include in ipairs(includes_of(from)) do
      local at = line or include.line
      local other = included_file(house, include)
      if other and not seen[other] then
        seen[other] = true
        look(other, at, trail .. include.path .. " -> ")
      end
      for _, rule in ipairs(include.quoted and {} or SEEN_ONLY_IN) do
        if include.path:find(rule[1]) and not in_any(file.path, rule[2]) then
          complain(at, ("%s%s is for %s only: ask that room, by a header without it"):format(trail, include.path,
            table.concat(rule[2], ", ")))
        end
      end
    end
  end
  look(file, nil, "")
end

return rules
