--- Data folders, damaged at random and opened: what can be read then is right, or it is told that it cannot.

local system = require "system"
local files = require "spec.support.files"
local program = require "spec.support.program"
local folders = require "spec.crash.folders"
local damage = require "spec.fuzz.damage"
local history = require "spec.fuzz.history"
local text = require "spec.fuzz.text"

local damaged_folder = {}

local TRIES_A_HISTORY = 32
local TIMEOUT_S = 10
local NEW = 1000       -- the number of the call that reader.lua makes to each actor

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- This very interpreter, with the loader and what that preloads, as spec/run.lua has started it.
local function interpreter()
  local words = {}
  for word in files.read("/proc/self/cmdline"):gmatch "[^\0]+" do
    table.insert(words, quote(word))
    if word:find "lua5%.4$" then break end
  end
  return table.concat(words, " ")
end

-- --- The reader ----------------------------------------------------------------------------------------------------

local READER = "exec timeout -s KILL %d env LUA_PATH=%s LUA_CPATH=%s ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:"
  .. "handle_abort=0:detect_leaks=0 %s spec/fuzz/reader.lua %s %s 2>%s"

-- What the reader tells, a table a line; how it ended: "exit" or "signal", and with what; what it complained of.
local function run_reader(plan, data, errors)
  local command = READER:format(TIMEOUT_S, quote(package.path), quote(package.cpath), interpreter(), quote(plan),
    quote(data), quote(errors))
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do table.insert(lines, text.read(line)) end
  local _, how, code = pipe:close()
  return lines, how, code, files.read(errors)
end

-- --- What is right -------------------------------------------------------------------------------------------------

-- What an actor held after so many calls; `then_new`: and one more, that of the reader.
local function expected(made, last, key, read, then_new)
  local content
  for number = last, 1, -1 do
    if made.calls[number].key == key then
      content = made.calls[number].content[read]
      break
    end
  end
  if not then_new then return content or "actor_not_found" end
  if read ~= "state" then return content or text.of(read == "kv" and {} or { false }) end
  local state = content and text.read(content) or { calls = {}, fields = {} }
  table.insert(state.calls, NEW)
  state.fields.new = { number = NEW, text = tostring(NEW):rep(5) }
  return text.of(state)
end

local function is_read(line) return line[1] == "state" or line[1] == "kv" or line[1] == "look" end

-- Whether all that could be read is what it was after so many calls.
local function fits(made, lines, last)
  local again, renewed = false, {}
  for _, line in ipairs(lines) do
    local name, key, ok, result = table.unpack(line, 1, 4)
    if name == "again" then again = true end
    if name == "new" and ok then renewed[key] = true end
    if name == "repeat" and ok and result ~= text.of(made.calls[key].result) then return false end
    if is_read(line) and result ~= "storage_error" then
      local wanted = expected(made, last, key, name, again and renewed[key])
      if wanted == text.of { false } then wanted = result:find "number" and wanted or result end
      if result ~= wanted then return false end
    end
  end
  return true
end

-- Whether a thing was once put there by the call that it names; a large one is in records, of which some may be gone.
local function was_put(made, thing, kind, place)
  if thing.number == nil or thing.text == nil then return true end
  local call = made.calls[thing.number]
  if thing.number == NEW then return place == "new" end
  for _, change in ipairs(call and call.list or {}) do
    local same = change[1] == kind and text.of(change[2]) == text.of(place)
    if same and thing.text == tostring(thing.number):rep(change[3]) then return true end
  end
  return false
end

-- What nobody ever wrote, or nil.
local function find_made_up(made, lines)
  for _, line in ipairs(lines) do
    local name, _, ok, result = table.unpack(line, 1, 4)
    local content = ok and is_read(line) and text.read(result) or {}
    for field, thing in pairs(name == "state" and content.fields or {}) do
      if not was_put(made, thing, "set", field) then return text.of(thing) end
    end
    for _, entry in ipairs(name == "kv" and content or {}) do
      if not was_put(made, entry.value, "put", entry.key) then return text.of(entry) end
    end
    for i, thing in ipairs(name == "look" and content or {}) do
      if thing and not was_put(made, thing, "put", history.READS[3][3][1][i]) then return text.of(thing) end
    end
  end
end

-- --- What became of it ---------------------------------------------------------------------------------------------

-- How many calls must still be there, if anything can be read: those whose batches stand before the damage; and those
-- of which the head of a later batch tells that they were synced.
local function least_calls(made, try)
  local least, told = #made.calls, 0
  for number, batch in pairs(made.batches) do
    local first = try.firsts[batch.file]
    if first and first < batch.to then least = math.min(least, number - 1) end
    local now, was = try.files[batch.file] or "", made.files[batch.file]
    local is_told = now:sub(batch.from + 1, batch.from + 28) == was:sub(batch.from + 1, batch.from + 28)
    if is_told then told = math.max(told, number - 1) end
  end
  return math.max(least, told)
end

local function find_last(made, lines)
  for last = #made.calls, 0, -1 do
    if fits(made, lines, last) then return last end
  end
end

local function find_line(lines, name)
  for _, line in ipairs(lines) do
    if line[1] == name then return line end
  end
end

local function has_errors(lines)
  for _, line in ipairs(lines) do
    if line[4] == "storage_error" or line[1] == "unchecked" or line[1] == "ended" then return true end
  end
  return false
end

-- An answer that nobody should ever get, or nil.
local function find_odd_answer(lines)
  for _, line in ipairs(lines) do
    local name, key, ok, code, message = table.unpack(line, 1, 5)
    local fine = ok ~= false or code == "storage_error" or name == "unchecked"
      or (code == "actor_not_found" and is_read(line))
    if not fine then return ("%s %s: %s: %s"):format(name, key, code, message) end
  end
end

-- Whether the reader's last words are of a mistake of the host's own; what LMDB does upon damaged pages is LMDB's.
local function is_ours(complaint)
  local is_lmdb = complaint:find "#0 [^\n]*liblmdb" or complaint:find "#1 [^\n]*liblmdb"
  return complaint:find "CHECK failed" or complaint:find "runtime error" or (complaint:find "Sanitizer" and not is_lmdb)
end

-- One word for the figures; or nil, and what is wrong. LMDB's own pages have no checksums: damage to them may end the
-- process, and it may lead astray, so that records are missing or an older one comes back. That is for `troupe verify`
-- to find.
local function judge(made, try, lines, how, code, complaint)
  local in_store = try.place == "store"
  if is_ours(complaint) then return nil, complaint end
  local made_up, odd = find_made_up(made, lines), find_odd_answer(lines)
  if made_up then return nil, "nobody ever wrote there " .. made_up end
  if odd then return in_store and "astray", odd end
  if how == "signal" and code == 9 or code == 124 or code == 137 then return in_store and "hung", "it hangs" end
  local refused = find_line(lines, "refused")
  if not (refused or find_line(lines, "end") or find_line(lines, "ended")) then
    return in_store and "crashed", ("the reader ended, %s %s: %s"):format(how, code, complaint)
  end
  if refused and #refused[2] == 0 then return nil, "refused without a word" end
  local last = find_last(made, lines)
  if not last then return in_store and "astray", "what was read was never there at once" end
  if refused then return #lines == 1 and "refused" or in_store and "errors", "refused only later: " .. refused[2] end
  if has_errors(lines) then return in_store and "errors", "errors, though the store is whole" end
  if last == #made.calls then return "right" end
  if in_store then return "astray" end
  if last >= least_calls(made, try) then return "tail dropped" end
  return nil, ("%d of %d calls are there, and more were whole"):format(last, #made.calls)
end

-- `troupe verify` looks first, where there is that command: 0, it finds nothing; 1, damage.
local function verify(data)
  local status, output, complaint = program.run("verify", data)
  if status ~= 0 and status ~= 1 then error(("verify ends with %s: %s%s"):format(status, output, complaint), 0) end
  return status == 0
end

local function can_verify()
  return select(2, program.run "help"):find "troupe verify" ~= nil
end

-- --- Tries ---------------------------------------------------------------------------------------------------------

local Run = {}
Run.__index = Run

function Run:fail(try, what, lines)
  local told = {}
  for i, line in ipairs(lines) do told[i] = text.of(line):sub(1, 160) end
  error(("%s\n  %s (history %d)\n  The same again: TROUPE_SEED=%d FUZZ_SECONDS=0\n%s"):format(what, try.told,
    self.history.seed, try.seed, table.concat(told, "\n")), 0)
end

function Run:try(seed)
  local history_seed = seed // TRIES_A_HISTORY
  if not self.history or self.history.seed ~= history_seed then
    self.history = history.make(history_seed)
    local plan = self.history
    files.write(self.folder .. "/plan", text.of { options = plan.options, actors = plan.actors, calls = plan.calls })
  end
  math.randomseed(seed)
  local try = { seed = seed, place = math.random(3) == 1 and "log" or "store", told = "no damage", firsts = {} }
  try.files = self.history.files
  if self.lies then
    self.history.calls[#self.history.calls].content = {}
  elseif math.random(30) > 1 then
    try.files, try.told, try.firsts = damage.make(try.files, try.place)
  end
  local data = self.folder .. "/data"
  history.write(try.files, data)
  local found_whole = self.verifies and verify(data)
  local lines, how, code, complaint = run_reader(self.folder .. "/plan", data, self.folder .. "/errors")
  folders.remove(data)
  local outcome, wrong = judge(self.history, try, lines, how, code, complaint)
  if not outcome or self.lies then self:fail(try, wrong or outcome, lines) end
  if try.told == "no damage" and outcome ~= "right" then self:fail(try, outcome .. " without damage", lines) end
  local is_fine = outcome == "right" or outcome == "tail dropped"
  local tally = self.tally[try.place]
  tally.tries = tally.tries + 1
  tally[outcome] = (tally[outcome] or 0) + 1
  if found_whole and not is_fine then self:fail(try, "verify finds no damage, and yet: " .. outcome, lines) end
  if self.watch then self.watch(try, outcome, wrong, lines, complaint) end
end

--- Tries until the time is over, one at least. Raises the first failure, with its seed. `watch` hears of each try.
--- `lies`: nothing is damaged, but what is told of the history is not true.
---@param seed integer
---@param seconds number
---@param options { watch: function|nil, lies: boolean|nil }
---@return table tally  by place, "store" and "log": how many tries had which outcome
function damaged_folder.run(seed, seconds, options)
  local run = setmetatable({
    folder = folders.new(), history = nil, watch = options.watch, lies = options.lies, verifies = can_verify(),
    tally = { store = { tries = 0 }, log = { tries = 0 } },
  }, Run)
  local deadline = system.monotime() + seconds
  local ok, why
  repeat
    ok, why = pcall(run.try, run, seed)
    seed = seed + 1
  until not ok or system.monotime() >= deadline
  folders.remove(run.folder)
  if not ok then error(why, 0) end
  return run.tally
end

return damaged_folder
