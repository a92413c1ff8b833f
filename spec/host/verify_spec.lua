-- troupe verify: what is whole is fine, and each kind of damage is named. Nothing is changed by it.

local lfs = require "lfs"
local files = require "spec.support.files"
local program = require "spec.support.program"

local folder, data
local running           -- a host that a spec may leave behind when it fails

local function serve()
  running = program.serve("actors", data)
  return running
end

local function close()
  if running then running:close() end
  running = nil
end

local function clean_up()
  close()
  program.remove(folder)
end

-- Turns a bit over wherever a text stands in a file, `offset` behind where it begins; how often that was.
local function damage(path, text, offset)
  local content, count, at = files.read(path), 0, 1
  while true do
    local found = content:find(text, at, true)
    if not found then break end
    local place = found + offset
    content = content:sub(1, place - 1) .. string.char(content:byte(place) ~ 1) .. content:sub(place + 1)
    count, at = count + 1, found + #text
  end
  files.write(path, content)
  assert(count > 0, "nothing was damaged")
end

local function segments()
  local names = {}
  for name in lfs.dir(data .. "/log") do
    if name:find "^%x+$" then table.insert(names, name) end
  end
  table.sort(names)
  return names
end

-- A data folder with two actors, in the log alone, or after a stop in the store.
local function make(stops)
  folder = program.folder()
  data = folder .. "/data"
  local host = serve()
  assert.equal(0, (host:ask("call", "Inventory", "north", "give", '"ann"', '"arrow of a kind"', "3")))
  assert.equal(0, (host:ask("call", "Counter", "ann", "increment", "5", "--idempotency-key", "order-7")))
  assert.equal(0, (host:ask("call", "Counter", "ann", "increment", "2")))
  if stops then
    host:signal "TERM"
    assert.equal(0, host:wait())
  end
  close()
end

local function fine(words)
  local status, output, errors = program.run("verify", data)
  assert.same({ 0, "" }, { status, errors }, output)
  assert.matches(words, output)
end

-- Each of the words stands in what is said.
local function damaged(...)
  local status, output, errors = program.run("verify", data)
  assert.equal(1, status, output)
  for _, words in ipairs { ... } do
    assert.is_truthy((output .. errors):find(words, 1, true), output .. errors)
  end
  assert.matches("^troupe: ", errors)
end

describe("A data folder", function()
  after_each(clean_up)

  it("is fine while a host runs on it", function()
    make(true)
    local host = serve()
    host:ask("call", "Counter", "bob", "increment")
    fine "3 actors, 2 of them with a state, 1 kv entries"
    close()
  end)

  it("is fine after a kill, and after a stop", function()
    make(false)
    fine "is fine: 2 actors, 1 of them with a state, 1 kv entries; 1 records in the store, up to batch 3 with the log"
    program.remove(folder)
    make(true)
    fine "is fine: 2 actors, 1 of them with a state, 1 kv entries; 10 records in the store, up to batch 4 with the log"
  end)

  it("is not changed by being looked at", function()
    make(false)
    local function sum()
      local pipe <close> = io.popen(("cd %s && md5sum FORMAT token store/data.mdb log/*"):format(data))
      return pipe:read "a"
    end
    local before = sum()
    fine "is fine"
    assert.equal(before, sum())
  end)

  it("with the tail of a crash is fine", function()
    make(false)
    local path = data .. "/log/" .. segments()[1]
    local content = files.read(path)
    local last = content:find "%z*$"
    files.write(path, content:sub(1, last - 3))
    fine "is fine: 2 actors, 1 of them with a state, 1 kv entries; 1 records in the store, up to batch 2 with the log"
  end)
end)

describe("Damage", function()
  after_each(clean_up)

  it("to the log before its tail is told with its place", function()
    make(false)
    damage(data .. "/log/" .. segments()[1], "arrow of a kind", 0)
    damaged("the log is damaged: ", "at byte 0: batch 1 cannot be read, and it was synced")
  end)

  it("to a record of the store is told with the actor and the key", function()
    make(true)
    damage(data .. "/store/data.mdb", "arrow of a kind", 16)
    damaged('/1, kv ["ann","items","arrow of a kind"]: the record is damaged', "is damaged")
  end)

  it("to the key of a record of the store is told", function()
    make(true)
    damage(data .. "/store/data.mdb", "arrow of a kind", 3)
    damaged '/1, kv ["ann","items","arrnw of a kind"]: the record is damaged'
  end)

  it("to an idempotency key is told", function()
    make(true)
    damage(data .. "/store/data.mdb", "i\1order-7\0", 14)
    damaged '/1, idempotency key "order-7": the record is damaged'
  end)

  it("that took a segment of the log away is told", function()
    make(true)
    local host = serve()
    host:ask("call", "Counter", "ann", "increment")
    close()
    local names = segments()
    os.rename(data .. "/log/" .. names[#names], ("%s/log/%016x"):format(data, tonumber(names[#names], 16) + 10))
    for i = 1, #names - 1 do os.remove(data .. "/log/" .. names[i]) end
    damaged("the log is damaged", "is missing before it")
  end)

  it("that took the store away is told", function()
    make(true)
    os.remove(data .. "/store/data.mdb")
    damaged("the store ", "cannot be opened", "No such file or directory")
  end)

  it("that cut the store short is told, be it that LMDB does not survive it", function()
    make(true)
    local content = files.read(data .. "/store/data.mdb")
    files.write(data .. "/store/data.mdb", content:sub(1, 2 * 4096 + 100))
    damaged "damaged"
  end)

  it("to the roots of LMDB is told", function()
    make(true)
    local content = files.read(data .. "/store/data.mdb")
    files.write(data .. "/store/data.mdb", ("\0"):rep(2 * 4096) .. content:sub(2 * 4096 + 1))
    damaged("the store ", "cannot be opened")
  end)

  it("to any page that is in use is told, be it that it changed places with another", function()
    make(true)
    local host = serve()
    for i = 1, 40 do
      local item = ('"%s%d"'):format(("i"):rep(300), i)
      assert.equal(0, (host:ask("call", "Inventory", "north", "give", '"ann"', item, "1")))
    end
    host:signal "TERM"
    assert.equal(0, host:wait())
    local path = data .. "/store/data.mdb"
    local whole = files.read(path)
    local pages, told = #whole // 4096, 0
    for page = 2, pages - 1 do
      local other = page == 2 and 3 or 2
      local function at(n) return whole:sub(n * 4096 + 1, (n + 1) * 4096) end
      local parts = {}
      for n = 0, pages - 1 do parts[n + 1] = at(n == page and other or n == other and page or n) end
      files.write(path, table.concat(parts))
      if program.run("verify", data) == 1 then told = told + 1 end
    end
    assert.is_true(told >= pages // 2, ("%d of %d"):format(told, pages))
    files.write(path, whole)
    fine "is fine: 2 actors"
  end)

  it("is not handed on to a backup, which names it", function()
    make(true)
    damage(data .. "/store/data.mdb", "arrow of a kind", 16)
    local status, output, errors = program.run("backup", data, folder .. "/copy")
    assert.same({ 1, "" }, { status, output })
    assert.matches("a damaged record in the store is not served", errors)
    assert.matches("the backup did not come to its end: a record cannot be read", errors)
    assert.is_nil(lfs.attributes(folder .. "/copy/FORMAT"))
  end)
end)

-- What verify says to a whole folder, with so much of something, as the shell's `ulimit` has it.
local function hindered(limit)
  local line = "(ulimit %s; exec %s verify %s) 2>&1 >%s/output </dev/null"
  local pipe = assert(io.popen(line:format(limit, program.path, data, folder)))
  local errors = pipe:read "a"
  local _, _, status = pipe:close()
  assert.same({ 1, "" }, { status, files.read(folder .. "/output") }, errors)
  assert.not_matches("damaged", errors)
  return errors
end

describe("A check that cannot be made", function()
  after_each(clean_up)

  it("for want of files says so, and nothing of damage", function()
    make(true)
    assert.equal(("troupe: %s could not be checked: the store %s/store cannot be opened: Too many open files\n")
      :format(data, data), hindered "-n 4")
    fine "is fine"
  end)

  it("for want of room on the disk says so, and nothing of damage", function()
    if program.path:find "/tsan/" then return end      -- whose runtime writes files before there is a main()
    make(true)
    os.remove(data .. "/store/lock.mdb")
    assert.matches("^troupe: .* could not be checked: the store .* cannot be opened: File too large", hindered "-f 0")
    fine "is fine"
  end)

  -- Whoever is ended is the child, as soon as it is there; a check that was faster than that is made again.
  it("since a signal ends it says which one, and nothing of damage", function()
    make(true)
    local line = "(%s verify %s 2>&1 >/dev/null & p=$!; while kill -0 $p && ! grep -q ') Z' /proc/$p/stat; do " ..
      "kill -TERM $(cat /proc/$p/task/$p/children); done 2>/dev/null; wait $p) </dev/null"
    program.eventually("a check that is ended", function()
      local pipe <close> = assert(io.popen(line:format(program.path, data)))
      local errors = pipe:read "a"
      assert.not_matches("damaged", errors)
      return errors:find "^troupe: the check was ended by signal 15 %(.*%): nothing is known"
    end)
    fine "is fine"
  end)
end)

describe("verify", function()
  after_each(clean_up)

  it("refuses what is no data folder, and words that it does not know", function()
    folder = program.folder()
    local status, _, errors = program.run("verify", folder)
    local refusal = "troupe: " .. folder .. " is not a data folder of Troupe: it holds no FORMAT\n"
    assert.same({ 1, refusal }, { status, errors })
    assert.equal(2, (program.run "verify"))
    assert.equal(2, (program.run("verify", "a", "b")))
  end)

  it("refuses a folder of a version that it does not know", function()
    make(true)
    files.write(data .. "/FORMAT", "troupe 9\n")
    local status, _, errors = program.run("verify", data)
    assert.equal(1, status)
    assert.matches('has the format "troupe 9"', errors)
  end)
end)
