-- The rules of the house. A rule is a function that complains of a file, in words that say what to do.
-- spec/tidy_spec.lua holds all files against them, and tries each rule on samples.

-- --- Files ---------------------------------------------------------------------------------------------------------

-- A room includes its own headers and those of rooms with a smaller number. host/ itself is the last.
local ROOMS = { base = 0, codec = 1, ledger = 2, script = 3, stage = 4, door = 5, kit = 5, main = 6 }
local LINES_MAX, FUNCTION_LINES_MAX = 600, 70

-- C without comments, texts and preprocessor lines, each line where it was.
local function strip(text)
  local kept, at = {}, 1
  while true do
    local from = text:find("[/\"']", at)
    if not from then break end
    table.insert(kept, text:sub(at, from - 1))
    local first, two, to = text:sub(from, from), text:sub(from, from + 1), from
    if two == "/*" then
      to = select(2, text:find("*/", from + 2, true)) or #text
    elseif two == "//" then
      to = (text:find("\n", from, true) or #text + 1) - 1
    elseif first ~= "/" then
      to = from + 1
      while to <= #text and text:sub(to, to) ~= first do
        to = to + (text:sub(to, to) == "\\" and 2 or 1)
      end
    end
    local gone = text:sub(from, to)
    table.insert(kept, gone == "/" and gone or (gone:gsub("[^\n]", " ")))
    at = to + 1
  end
  table.insert(kept, text:sub(at))
  local code, preprocessor = {}, false
  for line in (table.concat(kept)):gmatch "[^\n]*" do
    preprocessor = preprocessor or line:find "^%s*#" ~= nil
    table.insert(code, preprocessor and "" or line)
    preprocessor = preprocessor and line:find "\\%s*$" ~= nil
  end
  return table.concat(code, "\n")
end

local function new_file(path, text)
  local file = { path = path, text = text, name = path:match "[^/]+$" }
  file.is_c = path:find "%.[ch]$" ~= nil
  file.is_header = path:find "%.h$" ~= nil
  file.is_lua = path:find "%.lua$" ~= nil
  if path:find "^host/.*%.[ch]$" then
    file.room = path:match "^host/([^/]+)/" or "main"
  end
  if file.is_c then file.code = strip(text) end
  return file
end

local function line_of(text, at)
  return select(2, text:sub(1, at - 1):gsub("\n", "")) + 1
end

local function each_line(text)
  local number = 0
  return coroutine.wrap(function()
    for line in (text:gsub("\n$", "") .. "\n"):gmatch "(.-)\n" do
      number = number + 1
      coroutine.yield(number, line)
    end
  end)
end

-- What a C file includes: { line, path, quoted }.
local function includes_of(file)
  if file.includes then return file.includes end
  local found = {}
  file.includes = found
  for number, line in each_line(file.is_c and file.text or "") do
    local open, path = line:match '^%s*#%s*include%s*(["<])([^">]+)[">]'
    if path then table.insert(found, { line = number, path = path, quoted = open == '"' }) end
  end
  return found
end

-- The file of the house that an include names, or nil.
local function included_file(house, include)
  return include.quoted and house["host/" .. include.path] or nil
end

local function in_any(path, places)
  for _, place in ipairs(places) do
    if path == place or (place:sub(-1) == "/" and path:sub(1, #place) == place) then return true end
  end
  return false
end

-- The functions and declarations of a C file: { text, line, last_line, is_function, name }.
local function items_of(file)
  local items, code = {}, file.code
  local depth, head, in_function, at = 0, 1, false, 1
  local function add(last)
    local begin = code:find("%S", head)
    local text = code:sub(begin, last)
    table.insert(items, {
      text = text, line = line_of(code, begin), last_line = line_of(code, last), is_function = in_function,
      name = text:match "([%w_]+)%s*%(" or "?",
    })
    head, in_function = last + 1, false
  end
  while true do
    local found = code:find("[{};]", at)
    if not found then return items end
    local char = code:sub(found, found)
    if char == "{" then
      local before = code:sub(head, found - 1)
      if depth == 0 and before:find "%)%s*$" and not before:find "=" then in_function = true end
      depth = depth + 1
    elseif char == "}" then
      depth = depth - 1
      if depth == 0 and in_function then add(found) end
    elseif depth == 0 then
      add(found)
    end
    at = found + 1
  end
end

-- --- Rules ---------------------------------------------------------------------------------------------------------

local rules = {}   -- name -> function(file, complain, house); complain(line, message)

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

-- Functions that may not be called, or in some places only, and what to call.
local CALLS = {
  { "malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf getline aligned_alloc posix_memalign",
    "use base/mem.h, where a test lets each allocation fail", { "host/base/mem.c" } },
  { "strcpy strcat strncpy strncat stpcpy sprintf vsprintf gets alloca", "use a struct buf, or snprintf" },
  { "atoi atol atoll atof scanf sscanf fscanf", "use strtoull, and check what it leaves" },
  { "strtok strtok_r", "use slices" },
  { "setjmp longjmp _setjmp sigsetjmp siglongjmp", "return an enum err",
    { "host/codec/json_parser.c" } },   -- YAJL takes no NULL from its allocator
  { "system popen", "the host runs no other programs" },
  { "rand srand random", "ask the system: getrandom" },
  { "localtime gmtime asctime ctime tmpnam mktemp", "threads share its memory: use the _r function" },
  { "time gettimeofday clock_gettime", "use base/clock.h, so that specs can make time pass",
    { "host/base/clock.c", "host/base/queue.c" } },
  { "assert", "use CHECK, which stays in release builds" },
  { "HASH_FIND HASH_FIND_STR HASH_ADD HASH_ADD_STR HASH_ADD_KEYPTR HASH_ADD_KEYPTR_INORDER HASH_ADD_INORDER "
    .. "HASH_REPLACE HASH_REPLACE_STR HASH_REPLACE_INORDER HASH_VALUE",
    "uthash's own hash can be foreseen, so that clients could choose keys that fall into one place: use siphash() and "
    .. "the macros for a hash that is there, as HASH_FIND_BYHASHVALUE" },
}

function rules.calls(file, complain)
  if not file.room then return end
  for _, rule in ipairs(CALLS) do
    for name in rule[1]:gmatch "%S+" do
      local at = 1
      while not in_any(file.path, rule[3] or {}) do
        local last
        at, last = file.code:find("%f[%w_]" .. name .. "%s*%(", at)
        if not at then break end
        if not file.code:sub(1, at - 1):find "[%.>]%s*$" then
          complain(line_of(file.code, at), ("do not call %s here: %s"):format(name, rule[2]))
        end
        at = last
      end
    end
  end
end

-- Whether a declaration (without initializer) makes something that can be written to.
local function is_mutable(text)
  text = text:gsub("%b{}", "{}"):gsub("=.*", ""):gsub("__attribute__%s*%b()", ""):gsub("[%s;]+$", "")
  if text:find "^typedef%f[%W]" or text:find "^_Static_assert" then return false end
  if text:find "^[%w_]*%s*struct%s+[%w_]+%s*$" then return false end
  if text:find "^%w+%s*[%w_]*%s*{}$" then return false end
  local before_paren = text:match "^([^%(]*)%("
  if before_paren and not text:find "^[^%(]*%(%s*%*" then return false end
  if text:find "%*" then return not text:find "%*%s*const%f[%W][^%*]*$" end
  return not text:find "%f[%w]const%f[%W]"
end

function rules.globals(file, complain)
  if not file.room then return end
  local function check(text, line)
    if not is_mutable(text) then return end
    if file.path == "host/base/mem.c" and text:find "_Thread_local" then return end
    complain(line, "no globals but constants: put it into a struct that main.c makes and hands on, or say const (for a "
      .. "pointer, behind the *)")
  end
  for _, item in ipairs(items_of(file)) do
    if not item.is_function then
      check(item.text, item.line)
    else
      for at in item.text:gmatch "\n%s+()static%f[%W]" do
        local text = item.text:sub(at):gsub("%b{}", "{}"):match "^static%s+([^;]*)"
        check(text, item.line + line_of(item.text, at) - 1)
      end
    end
  end
end

-- Users look for the flag that a message names.
function rules.limit_names(file, complain)
  if not file.room or file.path == "host/base/limits.h" then return end
  for number, line in each_line(file.text) do
    if line:find "%(limit[ -]%l" then complain(number, "name a limit by LIMIT_NAME() of base/limits.h") end
  end
end

function rules.typedefs(file, complain)
  if not file.room then return end
  for _, item in ipairs(items_of(file)) do
    if item.text:find "^typedef%s+struct" then complain(item.line, "no typedefs of structs: write struct x") end
  end
end

function rules.length(file, complain)
  if not (file.is_c or file.is_lua) then return end
  local lines = select(2, file.text:gsub("\n", ""))
  if lines > LINES_MAX then
    complain(LINES_MAX, ("%d lines, at most %d: two nouns live here, split them"):format(lines, LINES_MAX))
  end
end

local function complain_of_length(complain, name, first, last)
  if last - first + 1 <= FUNCTION_LINES_MAX then return end
  complain(first, ("%s has %d lines, at most %d: it holds two thoughts"):format(name, last - first + 1,
    FUNCTION_LINES_MAX))
end

-- In Lua a function ends where an `end` stands below its beginning. Specs are functions of another kind.
function rules.functions(file, complain)
  for _, item in ipairs(file.is_c and items_of(file) or {}) do
    if item.is_function then complain_of_length(complain, item.name, item.line, item.last_line) end
  end
  if not file.is_lua or file.path:find "_spec%.lua$" then return end
  local open = {}
  for number, line in each_line(file.text) do
    local indent = line:match "^%s*"
    if line:find "^[^\"']*%f[%w]function[%s%w_.:]*%(" and not line:find "%f[%w]end%f[%W]" then
      open[indent] = { number, line:match "function%s+([%w_.:]+)" or "a function" }
    elseif open[indent] and line:find "^%s*end%f[%W]" then
      complain_of_length(complain, open[indent][2], open[indent][1], number)
      open[indent] = nil
    end
  end
end

function rules.headers(file, complain, house)
  if not file.room then return end
  if file.text:sub(1, #file.name + 7) ~= "/* " .. file.name .. " -- " then
    complain(1, ("begin with a comment: /* %s -- what it is."):format(file.name))
  end
  if not file.is_header then return end
  local comment = file.text:match "^/%*.-%*/" or ""
  if not comment:find "\n %* WHY " then complain(1, "say in the comment why the file is there: a line ` * WHY ...`") end
  if comment:match "\n %* ROOM +(%w+)" ~= file.room then
    complain(1, ("say in the comment which room it belongs to: a line ` * ROOM %s. ...`"):format(file.room))
  end
  local guard = "TROUPE_" .. file.name:upper():gsub("%.", "_")
  if not file.text:find("#ifndef " .. guard .. "\n#define " .. guard .. "\n", 1, true) then
    complain(1, ("guard it: #ifndef %s and #define %s"):format(guard, guard))
  end
  for path, other in pairs(house) do
    if other.room and other.name == file.name and path ~= file.path then
      complain(1, path .. " has the same name, and so the same guard: find another noun")
    end
  end
end

-- What makes a spec bet on the machine, where it may be nevertheless, and what to do instead.
local BETS = {
  { "%f[%w]os%.clock%f[%W] %f[%w]monotime%f[%W] %f[%w]gettime%f[%W]",
    "no spec measures time: in the kit it is the spec's, and for the program wait with program.eventually",
    { "spec/support/program.lua", "spec/fuzz/door.lua", "spec/fuzz/damaged_folder.lua", "spec/crash/run.lua" } },
  { "%f[%w]system%.sleep%f[%W] %f[%w]socket%.sleep%f[%W] execute%s*%(?[\"']sleep%f[%W]",
    "nobody sleeps: wait with program.eventually until it is true",
    { "spec/support/program.lua", "spec/fuzz/door.lua" } },
  { "%f[%w]sleep%s*%( %f[%w]usleep%s*%( %f[%w]nanosleep%s*%( %f[%w]clock_nanosleep%s*%(",
    "nobody sleeps: let the threads meet at a barrier, a condition or a queue", {}, c = true },
  { "%f[%w]os%.time%f[%W]", "what time it is may only choose a seed, on a line with TROUPE_SEED",
    {}, unless = "TROUPE_SEED" },
}
local CPU_MS_MIN = 5000

-- The smallest number above 0 in an expression, or behind the names in it; nil where there is none.
local function smallest_number(file, expression)
  local smallest
  local function take(number)
    number = tonumber(number)
    if number and number > 0 then smallest = math.min(smallest or number, number) end
  end
  for number in expression:gmatch "%f[%w_-]%-?%d+%f[^%w_]" do take(number) end
  for name in expression:gmatch "%f[%w_][%a_][%w_]*" do
    take(file.text:match("%f[%w_]" .. name .. "%s*=%s*(%d+)"))
  end
  return smallest
end

-- The table around the table that a place is in: of a limit, the options of a host.
local function options_around(text, at)
  local depth = 0
  for i = at, 1, -1 do
    local char = text:sub(i, i)
    depth = depth + (char == "{" and 1 or char == "}" and -1 or 0)
    if depth == 2 then return text:match("^%b{}", i) or "" end
  end
  return ""
end

local LOOP = "while true do"

-- Whether a spec has a script that loops for ever: in a text of its own, or in a folder of actors that it names.
local function loops_for_ever(file, house)
  for text in file.text:gmatch "%[%[.-%]%]" do
    if text:find(LOOP, 1, true) then return true end
  end
  if file.text:find("[\"'][^\n]*" .. LOOP) then return true end
  for folder in file.text:gmatch "[\"'](spec/[%w_/]+)[\"']" do
    for path, other in pairs(house) do
      if in_any(path, { folder .. "/" }) and other.text:find(LOOP, 1, true) then return true end
    end
  end
  return false
end

-- A small limit of processor time stops work that has an end on one machine and not on another. A loop without an end
-- it stops on each; and where the spec says how long the work takes, it holds the clock.
local function complain_of_limits(file, complain, house)
  local function check(at, expression, held)
    local limit = smallest_number(file, expression)
    if not limit then
      complain(line_of(file.text, at), "a limit of processor time: write the number, or a name that stands for one")
    elseif limit < CPU_MS_MIN and not held and not loops_for_ever(file, house) then
      complain(line_of(file.text, at), ("%d ms of processor time, and no script that loops for ever (%s): hold the "
        .. "clock with look_us beside the limits, or grant %d"):format(limit, LOOP, CPU_MS_MIN))
    end
  end
  for at, expression in file.text:gmatch "()call_cpu_ms%s*=%s*([^,}\n]+)" do
    if expression:find "^%-" == nil then
      check(at, expression, options_around(file.text, at):find "look_us" ~= nil)
    end
  end
  for at, expression in file.text:gmatch "()limit%-call%-cpu%-ms[\"']?%s*[,= ]%s*([^,\n]+)" do
    check(at, expression, false)
  end
end

function rules.bets(file, complain, house)
  if not file.path:find "^spec/" or file.path:find "^spec/bench/" or file.path:find "^spec/tidy" then return end
  local text = file.text:gsub("%[%[.-%]%]", function(inner) return (inner:gsub("[^\n]", " ")) end)   -- actors in specs
  for number, line in each_line(text) do
    for _, bet in ipairs(BETS) do
      for pattern in bet[1]:gmatch "%S+" do
        local fine = in_any(file.path, bet[3]) or (bet.unless and line:find(bet.unless)) or file.is_c ~= (bet.c == true)
        if not fine and line:find(pattern) then complain(number, bet[2]) end
      end
    end
  end
  if file.is_lua then complain_of_limits(file, complain, house) end
end

-- Which package of .packages brings a header or a module.
local PACKAGES = {
  ["libisal-dev"] = "^isa%-l",
  ["libmd-dev"] = "^sha2%.h$",
  ["liblmdb-dev"] = "^lmdb%.h$",
  ["libmsgpack-dev"] = "^msgpack",
  ["libyajl-dev"] = "^yajl/",
  ["libh2o-evloop-dev"] = "^h2o",
  ["libssl-dev"] = "^openssl/",
  ["libwslay-dev"] = "^wslay/",
  ["libbsd-dev"] = "^bsd/",
  ["uthash-dev"] = "^ut%w+%.h$",
  ["liblua5.4-dev"] = "^lua%.h$ ^lauxlib%.h$ ^lualib%.h$",
  ["libcmocka-dev"] = "^cmocka%.h$",
  ["lua-cjson"] = "^cjson",
  ["lua-socket"] = "^socket",
  ["lua-busted"] = "^busted ^pl%. ^luassert ^lfs$ ^system$ ^term$",
}
local LIBC = [[
  arpa ctype dirent dlfcn endian errno fcntl fenv float fts ftw getopt inttypes libgen limits locale malloc math net
  netdb netinet poll pthread sanitizer sched semaphore setjmp signal stdalign stdarg stdatomic stdbool stddef stdint
  stdio stdlib stdnoreturn string strings sys syslog termios threads time unistd wait wchar ]]

local function check_package(name, line, complain, house)
  local package
  for candidate, patterns in pairs(PACKAGES) do
    for pattern in patterns:gmatch "%S+" do
      if name:find(pattern) then package = candidate end
    end
  end
  if not package and LIBC:find("%f[%w]" .. name:match "^[%w_]*" .. "%f[%W]") and name:find "%.h$" then
    package = "libc6-dev"
  end
  local list = house[".packages"] and house[".packages"].text or ""
  if not package then
    complain(line, name .. ": of which package? Name it in PACKAGES of spec/tidy_spec.lua and in .packages")
  elseif not ("\n" .. list):find("\n" .. package:gsub("%p", "%%%0") .. "%s") then
    complain(line, ("%s is of the package %s: add a line for it to .packages"):format(name, package))
  end
end

function rules.packages(file, complain, house)
  for _, include in ipairs(includes_of(file)) do
    if not include.quoted then check_package(include.path, include.line, complain, house) end
  end
  local in_process = file.path:find "^spec/.*%.lua$" and not file.path:find "/actors[%w_]*/"
  if not (in_process or file.path:find "^lua/.*%.lua$") then return end
  local text = file.text:gsub("%[%[.-%]%]", function(inner) return (inner:gsub("[^\n]", " ")) end)   -- actors in specs
  for number, line in each_line(text) do
    local name = line:match "%f[%w]require%s*%(?%s*[\"']([%w_.]+)[\"']"
    local ours = name and (name:find "^troupe" or name:find "^spec%." or name == "simulated_disk")
    if name and not ours then check_package(name, number, complain, house) end
  end
end

function rules.package_list(file, complain)
  if file.path ~= ".packages" then return end
  local seen = {}
  for number, line in each_line(file.text) do
    local name, group = line:match "^([%w.+-]+) +(%l+) +# %S"
    if line ~= "" and not line:find "^#" then
      if not name or not ("build test check bench debug profile"):find(group, 1, true) then
        complain(number, "a line is: package, then build, test, check, bench, debug or profile, then # and why")
      elseif seen[name] then
        complain(number, name .. " is there twice")
      else
        seen[name] = true
      end
    end
  end
end

-- Written in two halves, so that this file passes.
local WORDS = { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X" }
local FOLDERS = { "/wo" .. "rk", "/ho" .. "me", "/ro" .. "ot" }

function rules.text(file, complain)
  if file.text ~= "" and file.text:sub(-1) ~= "\n" then complain(1, "end the file with a newline") end
  for number, line in each_line(file.text) do
    if line:find "%s$" then complain(number, "white space at the end of the line: remove it") end
    if line:find "\t" and (file.is_c or file.is_lua) then complain(number, "a tab: indent with two spaces") end
    for _, word in ipairs(WORDS) do
      if line:find("%f[%w]" .. word .. "%f[%W]") then
        complain(number, word .. ": do it now, or write a sentence that begins with NEEDSWORK:")
      end
    end
    for _, folder in ipairs(FOLDERS) do
      if line:find("%f[%w_/]" .. folder .. "%f[^%w_-]") then
        complain(number, folder .. " is a path of one machine: name no path outside of the project")
      end
    end
  end
end

for name, rule in pairs(require "spec.tidy_docs") do rules[name] = rule end
for name, rule in pairs(require "spec.tidy.columns") do rules[name] = rule end

local function complaints(rule, house)
  local found = {}
  for path, file in pairs(house) do
    rules[rule](file, function(line, message)
      table.insert(found, ("%s:%d: %s"):format(path, line, message))
    end, house)
  end
  table.sort(found)
  return found
end

-- --- The house -----------------------------------------------------------------------------------------------------

local function capture(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

-- What git tracks or would; without git, all but what is built.
local function list_paths()
  local paths = capture "git ls-files --cached --others --exclude-standard 2>/dev/null"
  if paths ~= "" then return paths end
  return capture "find . -type f -not -path './.git/*' -not -path './build/*' -not -path './data/*' -printf '%P\\n'"
end

local function read_house()
  local house = {}
  for path in list_paths():gmatch "[^\n]+" do
    local file = io.open(path, "rb")
    local text = file and file:read "a"
    if file then file:close() end
    if text and not text:find "\0" then house[path] = new_file(path, text) end
  end
  return house
end

local function sample_house(files)
  local house = {}
  for path, text in pairs(files) do
    house[path] = new_file(path, text)
  end
  return house
end

return {
  rules = rules, complaints = complaints, read_house = read_house, sample_house = sample_house,
  WORDS = WORDS, FOLDERS = FOLDERS, LINES_MAX = LINES_MAX, FUNCTION_LINES_MAX = FUNCTION_LINES_MAX,
}
