--- What the logs of all members must say, the archive's included: a message was applied once or waits, in the order of
--- its sender; a schedule ran once, or beat by beat, or waits; of a destroyed actor nothing goes on; each piece of an
--- act is there as a whole. Names of acts, and what a log says, are those of spec/crash/actors/member.lua.

local Mail = {}
Mail.__index = Mail

function Mail.new()
  return setmetatable({
    roots = {},       -- name of a call -> { key, plan }
    acts = {},        -- name -> { what, key, plan, pieces, may_fail, set = step of the schedule that it is a run of }
    known = {},       -- name of a life -> { key, log, ended }, at the last check
    done = {},        -- names of calls that were answered well since the last check
    alone = {},       -- name of a message -> whether it waited, and nothing before it did, at the last check
    never = {},       -- name of an act -> why its last piece must never be there
  }, Mail)
end

-- --- What was asked and answered -----------------------------------------------------------------------------------

---@param name string
---@param key string
---@param plan table[]
function Mail:expect(name, key, plan) self.roots[name] = { what = "did", key = key, plan = plan } end

--- A call was answered: with nothing, or with the code of its error.
---@param name string
---@param code string|nil
function Mail:hear(name, code)
  if code then
    self.never[name] = "the call was answered with " .. code
  else
    table.insert(self.done, name)
  end
end

-- Its pieces, as what each leaves in the log behind its first entry: { { "sent", name, step }, ... }; and whether it
-- may fail for no fault of the host, and whether it must.
local LEAVES = { send = "sent", set = "set", cancel = "cancelled", call = "called", destroy = "ended" }

local function divide(name, act)
  act.pieces = { {} }
  for i, step in ipairs(act.plan) do
    local leaves = LEAVES[step[1]]
    if step[1] == "save" then
      table.insert(act.pieces, {})
    elseif leaves then
      table.insert(act.pieces[#act.pieces], { leaves, name .. "." .. i, step })
    end
    act.fails = act.fails or step[1] == "fail"
    act.may_fail = act.may_fail or act.fails or step[1] == "falter"
  end
  return act
end

local WHATS = { send = "took", call = "did" }

-- The act of this name, or the step that sets a schedule: { what = "set", ... }.
local function find_act(mail, name)
  local act = mail.acts[name]
  if act then return act end
  local parent, kind, last = name:match "^(.*)([.@!])(%d+)$"
  local above = parent and find_act(mail, parent)
  if not parent then
    act = mail.roots[name]
  elseif above and kind == "@" then
    act = above.what == "set" and { what = "ran", key = above.key, plan = above.plan, set = parent } or nil
  elseif above and kind == "!" then
    act = { what = above.what, key = above.key, plan = above.plan }
  elseif above and above.what ~= "set" then
    local step = above.plan[tonumber(last)]
    if step and step[1] == "set" then
      act = { what = "set", key = above.key, plan = step[4], how = step[2], seconds = step[3] }
    elseif step and WHATS[step[1]] then
      act = { what = WHATS[step[1]], key = step[2], plan = step[#step], amount = step[1] == "send" and step[3] or 0 }
    end
  end
  mail.acts[name] = act and divide(name, act)
  return act
end

-- --- Lives ---------------------------------------------------------------------------------------------------------

-- A life of an actor is named after the first act in it.
local function add_life(lives, key, log, balance, ended)
  local first = log[1]
  if not first then return ("a life of %s has done nothing"):format(key) end
  local name = first[1] .. " " .. first[2]
  if lives[name] then return ("two lives of %s and %s begin with %s"):format(lives[name].key, key, name) end
  lives[name] = { key = key, log = log, balance = balance, ended = ended }
end

local function log_of(held)
  local log = {}
  for i, entry in ipairs(held.entries) do
    if entry.key[1] ~= "log" or entry.key[2] ~= i then return nil end
    log[i] = entry.value
  end
  return #log == held.state.count and log or nil
end

local function gather_lives(found, archive)
  local lives = {}
  for key, held in pairs(found) do
    local log = log_of(held)
    if not log then return ("the log of %s has gaps, or is not as long as its state says"):format(key) end
    local wrong = add_life(lives, key, log, held.state.balance, false)
    if wrong then return wrong end
  end
  for _, entry in ipairs(archive and archive.entries or {}) do
    local held = entry.value
    local wrong = add_life(lives, held.key, held.log, held.balance, true)
    if wrong then return wrong end
  end
  return nil, lives
end

local function is_same(a, b)
  for i = 1, math.max(#a, #b) do
    if a[i] ~= b[i] then return false end
  end
  return true
end

-- What was there at the last check is there.
local function match_known(mail, lives)
  for name, known in pairs(mail.known) do
    local life = lives[name]
    if not life then return ("the life of %s that began with %s is gone"):format(known.key, name) end
    if known.ended and #life.log ~= #known.log then return ("%s goes on after its end"):format(known.key) end
    for i, entry in ipairs(known.log) do
      if not (life.log[i] and is_same(entry, life.log[i])) then
        return ("entry %d of %s, %s, is another now"):format(i, known.key, table.concat(entry, " ", 1, 2))
      end
    end
  end
end

-- --- One log -------------------------------------------------------------------------------------------------------

-- What the entries behind the first one of a piece say, into `all`: by name, what was seen, sent, set and called.

local read = {}

function read.sent(all, life, entry, step)
  local sent = { name = entry[2], life = life, to = step[2], amount = step[3] }
  table.insert(life.sent, sent)
  all.sent[entry[2]] = sent
  life.sum = life.sum - step[3]
end

function read.set(all, life, entry) all.set[entry[2]] = { life = life, id = entry[3], runs = {} } end

function read.cancelled(all, life, entry)
  local name, result = entry[3], entry[4]
  local set = all.set[name]
  if name == "" then return end
  if not set or set.life ~= life then return ("%s cancels %s of another life"):format(life.key, name) end
  if result and set.cancelled then return ("%s is cancelled twice"):format(name) end
  if not result and not set.cancelled and #set.runs == 0 then
    return ("%s could not be cancelled, and has not run"):format(name)
  end
  set.cancelled = set.cancelled or result
end

function read.called(all, _, entry) all.called[entry[4]] = entry[3] end

function read.ended(_, life) life.has_ended = true end

-- A run of a schedule, with the entry that begins it.
local function read_run(all, life, name, entry, act)
  local set = all.set[act.set]
  if not set or set.life ~= life then return ("%s runs, and its actor has not set it"):format(name) end
  if set.cancelled then return ("%s runs, and was cancelled"):format(name) end
  table.insert(set.runs, { name = name, due = tonumber(name:match "@(%d+)$"), skipped = entry[4] })
end

-- The first entry of a piece. Answers what is wrong, or nil; the act.
local function read_head(mail, all, life, place)
  local entry = life.log[place]
  local what, name, piece = entry[1], entry[2], entry[3]
  local act = find_act(mail, name)
  if not act or act.what ~= what then return ("%s: %s %s was never asked for"):format(life.key, what, name) end
  if act.key ~= life.key then return ("%s of %s was done by %s"):format(name, act.key, life.key) end
  local seen = all.seen[name]
  if piece == 1 then
    if seen then return ("%s happened twice: in %s and %s"):format(name, seen.life.key, life.key) end
    seen = { life = life, pieces = 0, place = place }
    all.seen[name] = seen
    life.sum = life.sum + (act.amount or 0)
    local wrong = what == "ran" and read_run(all, life, name, entry, act)
    if wrong then return wrong end
  elseif not seen or seen.pieces ~= piece - 1 or life.latest ~= name then
    return ("piece %d of %s does not follow the one before it"):format(piece, name)
  end
  if not act.pieces[piece] then return ("%s has a piece %s"):format(name, piece) end
  seen.pieces, life.latest = piece, name
  return nil, act
end

local function read_life(mail, all, life)
  life.sent, life.sum = {}, 0
  local place = 1
  while place <= #life.log do
    local wrong, act = read_head(mail, all, life, place)
    if wrong then return wrong end
    local name, piece = life.log[place][2], life.log[place][3]
    if act.fails and piece == #act.pieces then return ("%s failed, and its last piece is there"):format(name) end
    for _, expected in ipairs(act.pieces[piece]) do
      place = place + 1
      local entry = life.log[place]
      if not entry or entry[1] ~= expected[1] or entry[2] ~= expected[2] then
        return ("piece %d of %s lacks %s"):format(piece, name, expected[2])
      end
      wrong = read[entry[1]](all, life, entry, expected[3])
      if wrong then return wrong end
    end
    place = place + 1
  end
  if life.sum ~= life.balance then
    return ("%s has a balance of %s, and its log says %d"):format(life.key, life.balance, life.sum)
  end
  if (life.has_ended or false) ~= life.ended then return ("%s ended, or did not, unlike its log"):format(life.key) end
end

-- --- What follows --------------------------------------------------------------------------------------------------

local function is_whole(mail, all, name)
  local seen = all.seen[name]
  return seen ~= nil and seen.pieces == #find_act(mail, name).pieces
end

-- How a message stands: "applied", "failed", "waits", "half" (saved, and then failed); failed are names.
local function standing(mail, all, failed, name)
  if is_whole(mail, all, name) then return failed[name] and "both applied and failed" or "applied" end
  if failed[name] then return "failed" end
  return all.seen[name] and "half" or "waits"
end

-- Of sender and receiver: whether a message waits that was told to fail, which holds back those behind it; and how many
-- were not applied. It may hold back those of the sender's next life too, to which a start of the host may give the
-- same id.
local function find_kept(mail, all, failed, lives)
  for _, life in pairs(lives) do
    for _, sent in ipairs(life.sent) do
      local pair, how = life.key .. " " .. sent.to, standing(mail, all, failed, sent.name)
      if how ~= "applied" then all.failures[pair] = (all.failures[pair] or 0) + 1 end
      if how == "waits" and find_act(mail, sent.name).may_fail then all.kept[pair] = true end
    end
  end
end

-- The messages of one life, to each receiver by itself: those in front are applied or failed, then one may wait, and
-- holds back those behind it.
local function match_sent(mail, all, failed, life, is_last)
  local held, before = {}, {}
  for _, sent in ipairs(life.sent) do
    local how, act, seen = standing(mail, all, failed, sent.name), find_act(mail, sent.name), all.seen[sent.name]
    if how == "waits" then
      local pair = life.key .. " " .. sent.to
      all.alone[sent.name] = all.failures[pair] == 1
      local is_stuck = mail.alone[sent.name] and all.alone[sent.name]
      if is_last and is_stuck then return ("%s waits for ever"):format(sent.name) end
      if not all.kept[pair] then return ("%s waits, and nothing keeps it"):format(sent.name) end
      held[sent.to] = held[sent.to] or sent.name
    elseif how == "half" or how == "both applied and failed" then
      return ("%s is %s"):format(sent.name, how)
    elseif seen and held[sent.to] then
      return ("%s came before %s, which was sent first"):format(sent.name, held[sent.to])
    elseif how == "failed" and not act.may_fail and #act.pieces == 1 then
      return ("%s failed, and was not told to"):format(sent.name)
    end
    local last = before[sent.to]
    if seen and last and last.life == seen.life and last.place > seen.place then
      return ("%s came after its successor"):format(sent.name)
    end
    before[sent.to] = seen or last
    if not seen then all.under_way = all.under_way + sent.amount end
  end
end

-- The beats of a schedule that repeats are its interval apart, but for those that it tells of as skipped.
local function match_beats(name, set, interval)
  local last
  for _, run in ipairs(set.runs) do
    if last then
      if run.due - last.due ~= interval * (run.skipped + 1) then
        return ("%s ran at %d and then at %d, with %d skipped"):format(name, last.due, run.due, run.skipped)
      end
    end
    last = run
  end
end

local function match_schedule(mail, all, name, set, look)
  local act = find_act(mail, name)
  local repeats = act.how == "every"
  local last = set.runs[#set.runs]
  if not repeats and #set.runs > 1 then return ("%s ran %d times"):format(name, #set.runs) end
  local wrong = repeats and match_beats(name, set, act.seconds * 1000)
  if wrong then return wrong end
  if set.life.ended then return nil end
  local is_over = set.cancelled or not repeats and last and is_whole(mail, all, last.name)
  local listed = look.schedules[set.id]
  if is_over then return listed and ("%s is over, and is still listed"):format(name) or nil end
  if not listed then return ("%s is lost"):format(name) end
  listed.is_expected = true
  if listed.failed then
    if repeats or not (act.may_fail or last) then return ("%s failed, and was not told to"):format(name) end
  elseif not repeats and last then
    return ("%s was interrupted, and is to run again"):format(name)
  elseif listed.due <= look.now then
    return ("%s was due at %.3f, and it is %.3f"):format(name, listed.due, look.now)
  end
end

local function match_schedules(mail, all, looks)
  for name, set in pairs(all.set) do
    local look = looks[set.life.key] or { schedules = {} }
    local wrong = match_schedule(mail, all, name, set, look)
    if wrong then return wrong end
  end
  for key, look in pairs(looks) do
    for id, listed in pairs(look.schedules) do
      if not listed.is_expected then return ("%s has a schedule %s that it never set"):format(key, id) end
    end
  end
end

local function match_acts(mail, all, loose)
  for name, seen in pairs(all.seen) do
    local act = find_act(mail, name)
    if act.what == "took" and not all.sent[name] then return ("%s was applied, and never sent"):format(name) end
    local never = mail.never[name]
    if never and seen.pieces == #act.pieces then return ("%s happened: %s"):format(name, never) end
  end
  for name, outcome in pairs(all.called) do
    if outcome == "ok" and not is_whole(mail, all, name) then
      return ("its caller has heard that %s was done, and it is not there"):format(name)
    elseif outcome ~= "ok" and outcome ~= "unknown" and is_whole(mail, all, name) then
      return ("its caller has heard that %s failed, and it is there"):format(name)
    end
  end
  for _, name in ipairs(loose and {} or mail.done) do
    if not is_whole(mail, all, name) then return ("an answer was that %s is done, and it is not there"):format(name) end
  end
end

--- Holds all that is there against the model, and takes it over. Answers what is wrong, or nil; how many lives have
--- ended, messages were applied, and runs there were.
---@param found table<string, { state: table, entries: table[] }>   of the members
---@param archive { entries: table[] }|nil
---@param looks table<string, { schedules: table<integer, table>, now: number }>   of the members, schedules by id
---@param failed table<string, boolean>   names of messages that were given up
---@param loose boolean      what was answered or seen last may be gone
---@param is_last boolean    all that there was at the last check has been tried to its end
function Mail:check(found, archive, looks, failed, loose, is_last)
  local wrong, lives = gather_lives(found, archive)
  if wrong then return wrong end
  local all = {
    seen = {}, sent = {}, set = {}, called = {}, kept = {}, failures = {}, alone = {}, under_way = 0,
  }
  wrong = not loose and match_known(self, lives) or nil
  if loose then self.alone = {} end
  for _, life in pairs(lives) do wrong = wrong or read_life(self, all, life) end
  if not wrong then find_kept(self, all, failed, lives) end
  local money = 0
  for _, life in pairs(lives) do
    wrong = wrong or match_sent(self, all, failed, life, is_last)
    money = money + life.balance
  end
  wrong = wrong or match_schedules(self, all, looks) or match_acts(self, all, loose)
  if not wrong and money + all.under_way ~= 0 then
    wrong = ("the sum is %d, and %d is under way"):format(money, all.under_way)
  end
  self.known, self.done, self.alone = lives, {}, all.alone
  local tally = { ends = archive and #archive.entries or 0, applied = 0, runs = 0 }
  for name in pairs(all.seen) do
    local what = find_act(self, name).what
    if what == "took" then tally.applied = tally.applied + 1 end
    if what == "ran" then tally.runs = tally.runs + 1 end
  end
  return wrong, tally
end

return Mail
