-- The rules of who may look into whom.

local files = require "spec.tidy.house"

local includes_of, included_file, in_any = files.includes_of, files.included_file, files.in_any

local rules = {}

-- A room includes its own headers and those of rooms with a smaller number. host/ itself is the last.
local ROOMS = { base = 0, codec = 1, ledger = 2, script = 3, stage = 4, door = 5, kit = 5, main = 6 }

function rules.downwards(file, complain)
  if not file.room then return end
  local own = ROOMS[file.room]
  if not own then return complain(1, "no such room: add it to ROOMS in spec/tidy_spec.lua, with its number") end
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

-- Nouns in a circle cannot be read one after the other; so a .c and its header count as one. NEEDSWORK: nouns of the
-- script room call each other in circles; there only the headers are held to the rule.
local HEADERS_ALONE = { script = true }

function rules.circles(file, complain, house)
  local function noun(path) return (path:gsub("%.[ch]$", "")) end
  local start = noun(file.path)
  if not file.room or not file.is_header and house[start .. ".h"] then return end
  local trails, waiting = {}, { start }   -- the nearest first, so that the shortest circle is named
  local function visit(name, path)
    for _, include in ipairs(house[path] and includes_of(house[path]) or {}) do
      local other = included_file(house, include)
      local next_name = other and other.room == file.room and noun(other.path) or name
      if next_name ~= name and not trails[next_name] then
        trails[next_name] = (trails[name] or start) .. " -> " .. next_name
        table.insert(waiting, next_name)
      end
    end
  end
  while #waiting > 0 and not trails[start] do
    local name = table.remove(waiting, 1)
    visit(name, name .. ".h")
    if not HEADERS_ALONE[file.room] then visit(name, name .. ".c") end
  end
  if trails[start] then complain(1, "a circle: " .. trails[start] .. ": move what they share to a noun of its own") end
end

-- Where a package's headers may be seen, be it through headers of ours.
local SEEN_ONLY_IN = {
  { "^lua%.h$", { "host/script/", "host/kit/" } },
  { "^lauxlib%.h$", { "host/script/", "host/kit/" } },
  { "^lualib%.h$", { "host/script/", "host/kit/" } },
  { "^lmdb%.h$", { "host/ledger/store_env.h", "host/ledger/store_env.c", "host/ledger/store_batch.c",
    "host/ledger/store_reader.c", "host/ledger/store_absence.c", "host/ledger/store_check.c",
    "host/ledger/store_pages.c" } },
  { "^h2o", { "host/door/" } },
  { "^msgpack", { "host/codec/" } },
  { "^yajl/", { "host/codec/" } },
  { "^sha2%.h$", { "host/stage/idempotency.c" } },
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
