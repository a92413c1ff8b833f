-- The rules of C.

local files = require "spec.tidy.house"

local line_of, each_line, in_any, items_of = files.line_of, files.each_line, files.in_any, files.items_of

local rules = {}

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

return rules
