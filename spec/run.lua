-- Runs all tests and counts them: the programs in C and the specs in Lua, a process each, so that one that crashes is
-- one failure with a name. Started by the Makefile, which has built what it needs:
--
--   lua5.4 spec/run.lua FLAVOUR [WORD...]     only suites whose path holds one of the words
--
-- TROUPE_SEED=n repeats an order and the random operations of a run. TROUPE_LINT=1 runs the linters as well, and each
-- benchmark for a moment.
-- FUZZ_SECONDS=n lets each fuzzer run so long, and shows its figures.
-- The last line is `N passed, N failed, N skipped`, and the exit status 1 if anything failed.

local flavour = assert(arg[1], "usage: lua5.4 spec/run.lua FLAVOUR [WORD...]")
local words = table.pack(table.unpack(arg, 2))
local seed = os.getenv "TROUPE_SEED" or tostring(math.random(1, 2 ^ 31 - 1))
local lints = os.getenv "TROUPE_LINT" == "1"
local slow = flavour == "asan" or flavour == "tsan"
local fuzz_s = tonumber(os.getenv "FUZZ_SECONDS")
local timeout_s = (slow and 900 or 300) + 10 * math.ceil(fuzz_s or 0)

local function capture(command)
  local pipe <close> = assert(io.popen(command))
  return (pipe:read "a":gsub("%s+$", ""))
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local environment = "env TROUPE_SEED=" .. seed .. " CMOCKA_MESSAGE_OUTPUT=TAP UBSAN_OPTIONS=print_stacktrace=1 "
  .. "ASAN_OPTIONS=detect_stack_use_after_return=1 TSAN_OPTIONS=halt_on_error=1:report_thread_leaks=0 "
  .. "LSAN_OPTIONS=suppressions=$PWD/spec/leaks.supp:print_suppressions=0 "

local function test_program(path)
  return environment .. "build/" .. flavour .. "/" .. path:gsub("%.c$", "")
end

-- lua5.4 itself knows nothing of sanitizers, so their runtime has to be there before it loads the kit; and the
-- simulated disk has to stand in front of the C library. The loader brings them in, and not LD_PRELOAD, which the
-- programs that a spec starts would inherit.
local function lua(preloaded)
  local path = capture "command -v lua5.4"
  if slow then
    local runtime = capture("gcc -print-file-name=" .. (flavour == "asan" and "libasan.so" or "libtsan.so"))
    preloaded = { runtime, table.unpack(preloaded) }
  end
  if #preloaded == 0 then return path end
  local loader = capture("ldd " .. path):match "(/%S*ld%-linux%S*)"
  return loader .. " --preload " .. quote(table.concat(preloaded, " ")) .. " " .. path
end

local busted = " " .. capture "command -v busted"
local in_lua = environment .. lua {} .. busted
local on_simulated_disk = environment .. lua { "build/" .. flavour .. "/simulated_disk.so" } .. busted

local function spec(path)
  local flags = {
    "--ignore-lua", "--output=spec/output.lua", "--shuffle", "--seed=" .. seed,
    quote "--lpath=./lua/?.lua", quote("--cpath=./build/" .. flavour .. "/?.so"), quote(path),
  }
  return (path:find "^spec/crash/" and on_simulated_disk or in_lua) .. " " .. table.concat(flags, " ")
end

local function make(target)
  return "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make --no-print-directory " .. target
end

-- Each suite: its name, the command that runs it, and whether it answers in TAP or by its exit status alone.
local function list_suites()
  local suites = {}
  local function add(name, command, plain)
    local wanted = words.n == 0
    for _, word in ipairs(words) do
      wanted = wanted or name:find(word, 1, true) ~= nil
    end
    if wanted then table.insert(suites, { name = name, command = command, plain = plain }) end
  end

  -- These run in one thread, or stand in front of the C library: under the thread sanitizer they find nothing.
  local without = flavour ~= "tsan" and {} or {
    ["spec/host/attack_spec.lua"] = true, ["spec/host/memory_spec.lua"] = true, ["spec/crash/crash_spec.lua"] = true,
    ["spec/crash/fault_spec.lua"] = true, ["spec/c/simulated_disk_test.c"] = true, ["spec/fuzz/damage_spec.lua"] = true,
    ["spec/host/kv_snapshots_spec.lua"] = true,   -- hundreds of iterators in one call take too long there
  }
  for path in capture("find spec -name '*_test.c' -o -name '*_spec.lua' | sort"):gmatch "[^\n]+" do
    if without[path] then
      print("left out under tsan: " .. path)
    else
      add(path, path:find "%.c$" and test_program(path) or spec(path))
    end
  end
  if lints then
    add("luacheck", make "lint", true)
    add("clang", make "clang", true)
    add("bench", make "bench_briefly", true)
  end
  return suites
end

-- Counts TAP. cmocka says `not ok 3 # SKIP name` of what it skipped.
local function count_tap(output)
  local result = { passed = 0, failed = 0, skipped = 0 }
  for line in output:gmatch "[^\n]+" do
    local plan = line:match "^1%.%.(%d+)$"
    if plan then
      result.planned = tonumber(plan)
    elseif line:find "^ok %d+.* # SKIP" or line:find "^not ok %d+ # SKIP" then
      result.skipped = result.skipped + 1
      result.current = nil
    elseif line:find "^ok %d+" then
      result.passed = result.passed + 1
      result.current = nil
    elseif line:find "^not ok %d+" then
      result.failed = result.failed + 1
      result.current = nil
    else
      result.current = line:match "^# begin (.*)" or result.current
    end
  end
  return result
end

-- Why a suite that ended in this way cannot be believed, or nil.
local function find_crash(result, how, code)
  local ran = result.passed + result.failed + result.skipped
  local where = result.current and (" in: " .. result.current) or ""
  if how == "signal" then return "killed by signal " .. code .. where end
  if code == 124 then return "did not end within " .. timeout_s .. " seconds" .. where end
  if ran == 0 then return "ran no test (exit status " .. code .. ")" end
  if result.planned ~= ran then return "ended after " .. ran .. " tests, exit status " .. code .. where end
  if code ~= 0 and result.failed == 0 then return "no test failed, but the exit status is " .. code end
  return nil
end

local function show_figures(output)
  for figures in output:gmatch "# figures: ([^\n]+)" do
    print("    " .. figures)
  end
end

-- All that a suite said, but for what went well.
local function show(output)
  for line in output:gmatch "[^\n]+" do
    if not line:find "^ok %d" and not line:find "^# begin" and not line:find "^1%.%.%d+$" then
      print("    " .. line)
    end
  end
end

local function run(suite)
  local pipe = assert(io.popen("exec 2>&1; exec timeout --kill-after=10 " .. timeout_s .. " " .. suite.command))
  local output = pipe:read "a"
  local _, how, code = pipe:close()
  local result, crash
  if suite.plain then
    local fine = how == "exit" and code == 0
    result = { passed = fine and 1 or 0, failed = fine and 0 or 1, skipped = 0 }
  else
    result = count_tap(output)
    crash = find_crash(result, how, code)
    if crash then result.failed = result.failed + 1 end
  end

  local skipped = result.skipped > 0 and (", " .. result.skipped .. " skipped") or ""
  print(("%-6s %s: %d passed, %d failed%s"):format(result.failed > 0 and "FAILED" or "ok", suite.name, result.passed,
    result.failed, skipped))
  if fuzz_s then show_figures(output) end
  if result.failed > 0 then
    show(output)
    if crash then print("    " .. suite.name .. ": " .. crash) end
  end
  io.flush()
  return result
end

local total = { passed = 0, failed = 0, skipped = 0 }
local suites = list_suites()
print(("%d suites, flavour %s, TROUPE_SEED=%s"):format(#suites, flavour, seed))
if #suites == 0 then
  print "No suite has such a name."
  total.failed = 1
end
local failed = {}
for _, suite in ipairs(suites) do
  local result = run(suite)
  for kind, count in pairs(total) do
    total[kind] = count + result[kind]
  end
  if result.failed > 0 then table.insert(failed, suite.name) end
end
if #failed > 0 then
  local target = flavour ~= "kit" and flavour or lints and "check" or "test"
  print(("Failed: %s\nThe same again: make %s TROUPE_SEED=%s %sONLY='%s'"):format(table.concat(failed, ", "), target,
    seed, fuzz_s and "FUZZ_SECONDS=" .. fuzz_s .. " " or "", table.concat(failed, " ")))
end
print(("%d passed, %d failed, %d skipped"):format(total.passed, total.failed, total.skipped))
os.exit(total.failed == 0)
