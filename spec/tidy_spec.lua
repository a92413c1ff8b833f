-- The rules of spec/tidy.lua, held against the files of the house, and tried on samples: one that cannot complain is no
-- rule.

local tidy = require "spec.tidy"
local WORDS, FOLDERS, LINES_MAX, FUNCTION_LINES_MAX = tidy.WORDS, tidy.FOLDERS, tidy.LINES_MAX, tidy.FUNCTION_LINES_MAX

describe("The house", function()
  local house = tidy.read_house()

  it("was found", function()
    assert.is_truthy(house["host/main.c"])
    assert.is_truthy(house["spec/tidy_spec.lua"])
  end)

  for rule in pairs(tidy.rules) do
    it("keeps the rule of " .. rule, function()
      local found = tidy.complaints(rule, house)
      if #found > 0 then error(table.concat(found, "\n"), 0) end
    end)
  end
end)

-- --- The rules, on samples -----------------------------------------------------------------------------------------

local function bad(expected, files)   -- a pattern of what is complained of
  return { files = files, expected = expected }
end

local function good(files)
  return { files = files }
end

local function quoted(path) return ('#include "%s"\n'):format(path) end
local function angled(path) return ("#include <%s>\n"):format(path) end

local function long_function(lines)
  return "int f(int a,\n      int b) {\n" .. ("  g();\n"):rep(lines - 3) .. "}\n"
end

local HEADER = [[
/* x.h -- a noun.
 *
 * WHY   For a reason.
 * ROOM  base.
 */
#ifndef TROUPE_X_H
#define TROUPE_X_H
#endif
]]
local VERSION = '\n#define TROUPE_VERSION "1.1"\n'

local NO_GLOBALS = [[
static const char *const NAMES[] = { "a" };
static const int A = 1, B[] = { 1, 2 };
struct a {
  int b;
};
struct c;
enum { D };
enum e { F = 1 };
int g(int (*h)(void), int *i);
static inline struct a *j(const int *k) {
  static const int L = 1;
  static const struct { char *m; int n; } O = { 0 };
  return 0;
}
#define M \
  int n;
typedef int o;
void p(const char *q) __attribute__((format(printf, 1, 2)));
]]

local function kv_options(but)
  return {
    ["host/kv/kv_range.c"] = 'enum { A };\nstatic const char *const option_names[A] = { "start", "stop",\n  "end" };\n',
    ["lua/troupe/actor.lua"] = ("---@class KvRange: KvFormat\n%s\n---@class KvEntry\n---@field start Key\n"):format(
      but.fields or '---@field start Key\n---@field stop Key   also ["end"]\n'),
    ["lua/README.md"] = ("\n%s\n|---|---|\n%s\nAnd `start`.\n"):format(but.head or "| option | what it means |",
      but.rows or '| `start` | from |\n| `stop`, or `["end"]` | to |\n'),
  }
end

local SAMPLES = {
  downwards = {
    bad("a.c:1: room base may not look into codec", { ["host/base/a.c"] = quoted "codec/key.h" }),
    bad("kit may not look into door", { ["host/kit/a.c"] = quoted "door/server.h" }),
    bad("door may not look into main", { ["host/door/a.c"] = quoted "options.h" }),
    bad("no such room", { ["host/attic/a.c"] = "" }),
    bad("write <lua/lua.h>", { ["host/base/a.c"] = quoted "lua/lua.h" }),
    good { ["host/ledger/a.c"] = quoted "codec/key.h" .. quoted "ledger/b.h", ["host/main.c"] = quoted "door/x.h" },
  },
  circles = {
    bad("a circle: host/base/a %-> host/base/b %-> host/base/a",
      { ["host/base/a.h"] = quoted "base/b.h", ["host/base/b.h"] = "", ["host/base/b.c"] = quoted "base/a.h" }),
    bad("a circle", { ["host/script/a.h"] = quoted "script/b.h", ["host/script/b.h"] = quoted "script/a.h" }),
    bad("a.c:1: a circle: host/base/a %-> host/base/b by b_f %-> host/base/a by a_f",
      { ["host/base/a.c"] = "int a_f(void) {\n  return b_f();\n}\n",
        ["host/base/b.c"] = "int b_f(void) {\n  return 1;\n}\nint b_g(void) {\n  return a_f();\n}\n" }),
    bad("host/base/a by a_f", { ["host/base/a.h"] = "int a_f(void);\n", ["host/base/c.h"] = "int a_f(void);\n",
      ["host/base/a.c"] = quoted "codec/b.h" .. "int a_f(void) { return 0; }\n", ["host/codec/b.h"] = "",
      ["host/codec/b.c"] = quoted "base/c.h" .. "int (*const B)(void) = a_f;\n" }),
    good { ["host/base/a.h"] = quoted "base/b.h", ["host/base/b.h"] = "", ["host/base/a.c"] = quoted "base/a.h" },
    good { ["host/base/a.c"] = "int a_f(void) {\n  return b_f();\n}\n",
      ["host/base/b.c"] = "static int a_f(void) {\n  return x.a_f + y->a_f;\n}\nint b_f(void) {\n  return 1;\n}\n" },
    good { ["host/script/a.h"] = quoted "script/b.h", ["host/script/b.c"] = quoted "script/a.h" },
  },
  includes = {
    bad("a.c:2: nothing of base/b.h is used here",
      { ["host/base/a.c"] = "\n" .. quoted "base/b.h" .. "int a = x.b_f;\n/* b_f() */\n",
        ["host/base/b.h"] = "struct c;\nint b_f(struct c *d);\n" }),
    bad("nothing of", { ["host/base/a.c"] = quoted "base/b.h" .. "int e(int c);\n",
      ["host/base/b.h"] = "struct b {\n  int c;\n};\n" }),
    good { ["host/base/a.c"] = quoted "base/b.h" .. "int a = x->d->c;\n",
      ["host/base/b.h"] = "struct b {\n  int c;\n};\n" },
    good { ["host/base/a.c"] = quoted "base/a.h", ["host/base/a.h"] = quoted "base/b.h",
      ["host/base/b.h"] = "int b;\n" },
    good { ["host/base/a.c"] = quoted "base/b.h" .. "#if B\n#endif\n", ["host/base/b.h"] = "#define B 1\n" },
    good { ["host/base/a.c"] = quoted "base/b.h" .. "int a = B_TWO;\n",
      ["host/base/b.h"] = "enum b {\n  B_ONE,\n  B_TWO\n};\n" },
    good { ["host/base/a.c"] = quoted "base/b.h" .. "struct a {\n  struct b b;\n};\n",
      ["host/base/b.h"] = "struct b {\n  int c;\n};\n" },
    good { ["host/base/a.c"] = quoted "base/b.h" .. "int *a = &B[1];\n", ["host/base/b.h"] = "extern int B[2];\n" },
  },
  names = {
    bad("mailbox.c:2: box_open: a public function begins with the noun of its file, mailbox_",
      { ["host/stage/mailbox.c"] = "\nint box_open(void) {\n}\n" }),
    bad("mailbox.h:1: box_open", { ["host/stage/mailbox.h"] = "static inline int box_open(void) {\n}\n" }),
    bad("mailboxer_open", { ["host/stage/mailbox.c"] = "int mailboxer_open(void) {\n}\n" }),
    bad("store_get", { ["host/ledger/log.c"] = "int store_get(void) {\n}\n" }),
    bad("names.lua:1: nothing needs the exception store_ of host/ledger/store_batch.c",
      { ["spec/tidy/names.lua"] = "", ["host/ledger/store_batch.c"] = "int store_batch_open(void) {\n}\n" }),
    good { ["host/ledger/store_batch.c"] = "int store_put(void) {\n}\n" },
    good { ["host/stage/mailbox.c"] = "int mailbox_open(int a) {\n}\nstatic int f(void) {\n}\n"
      .. "int mailbox(void) {\n}\n__attribute__((noreturn)) void mailbox_end(void) {\n}\n" },
    good { ["host/door/call.c"] = "void calls_init(void) {\n}\n" },
    good { ["host/main.c"] = "int main(void) {\n}\n", ["host/kit/kit.c"] = "int luaopen_kit(lua_State *L) {\n}\n" },
  },
  seclusion = {
    bad("lua.h is for host/vm/, .*host/kit/ only", { ["host/stage/a.c"] = angled "lua.h" }),
    bad("a.c:2: script/b.h %-> lua.h",
      { ["host/stage/a.c"] = "\n" .. quoted "script/b.h", ["host/script/b.h"] = angled "lua.h" }),
    bad("host/ledger/store_pages.c only", { ["host/ledger/a.c"] = angled "lmdb.h" }),
    bad("host/door/ only", { ["host/stage/a.c"] = angled "h2o/websocket.h" }),
    bad("host/base/queue.c only", { ["host/stage/a.c"] = angled "pthread.h" }),
    good { ["host/script/a.c"] = angled "lua.h", ["host/ledger/store_env.c"] = angled "lmdb.h" },
    good { ["host/main.c"] = angled "pthread.h", ["host/door/a.c"] = angled "h2o.h" },
  },
  calls = {
    bad("a.c:2: do not call free here: use base/mem.h", { ["host/codec/a.c"] = "void f(void) {\n  free (p);\n}\n" }),
    bad("strtoull", { ["host/codec/a.c"] = "int x = atoi(text);\n" }),
    bad("do not call setjmp", { ["host/main.c"] = "if (setjmp(here)) g();\n" }),
    bad("do not call strcpy", { ["host/main.c"] = "f(); strcpy(a, b);\n" }),
    bad("base/clock.h", { ["host/stage/a.c"] = "now = time(NULL);\n" }),
    bad("use siphash", { ["host/stage/a.c"] = "HASH_FIND(hh, table, key, size, found);\n" }),
    bad("use siphash", { ["host/door/a.c"] = "HASH_ADD_KEYPTR(hh, table, key, size, made);\n" }),
    good { ["host/stage/a.c"] = "HASH_FIND_BYHASHVALUE(hh, table, key, size, hash, found);\nHASH_DEL(table, it);\n" },
    good { ["host/base/mem.c"] = "free(p);\n", ["spec/c/a.c"] = "free(p);\n" },
    good { ["host/codec/a.c"] = '/* free(x) */ mem_free(p); a->free(p); g("free("); // free(x)\n' },
  },
  globals = {
    bad("a.c:1: no globals but constants", { ["host/codec/a.c"] = "static int count;\n" }),
    bad("no globals", { ["host/codec/a.c"] = 'static const char *names[] = { "a" };\n' }),
    bad("a.c:4: no globals", { ["host/codec/a.c"] = "struct a {\n  int b;\n};\nstruct a here = { 1 };\n" }),
    bad("no globals", { ["host/codec/a.c"] = "static int (*hook)(int);\n" }),
    bad("a.c:2: no globals", { ["host/codec/a.c"] = "int f(void) {\n  static int count = 0;\n  return count++;\n}\n" }),
    bad("a.c:2: no globals", { ["host/codec/a.c"] = "int f(void) {\n  static struct { int a; } b[] = { 0 };\n}\n" }),
    bad("no globals", { ["host/codec/a.c"] = "static _Thread_local int count;\n" }),
    good { ["host/codec/a.c"] = NO_GLOBALS, ["host/base/mem.c"] = "static _Thread_local unsigned long fail_at;\n" },
  },
  limit_names = {
    bad("a.c:2: name a limit by LIMIT_NAME", { ["host/codec/a.c"] = '\nf("more than %zu (limit key-bytes)");\n' }),
    bad("LIMIT_NAME", { ["host/door/a.c"] = 'f("more than %zu bytes (limit-key-bytes)");\n' }),
    good { ["host/codec/a.c"] = 'f("more than %zu " LIMIT_NAME(KEY_BYTES));\n',
      ["spec/a.lua"] = 'x = "(limit key)"\n' },
  },
  typedefs = {
    bad("write struct x", { ["host/base/a.h"] = "typedef struct a {\n  int b;\n} a;\n" }),
    good { ["host/base/a.h"] = "typedef void a(struct b *);\n" },
  },
  length = {
    bad("601 lines, at most 600", { ["host/base/a.c"] = ("\n"):rep(LINES_MAX + 1) }),
    bad("601 lines", { ["lua/troupe/a.lua"] = ("\n"):rep(LINES_MAX + 1) }),
    good { ["host/base/a.c"] = ("\n"):rep(LINES_MAX), ["README.md"] = ("\n"):rep(LINES_MAX + 1) },
  },
  columns = {
    bad("a.c:2: 129 columns, at most 128", { ["host/base/a.c"] = "\n" .. ("x"):rep(129) .. "\n" }),
    bad("129 columns", { ["host/door/a.h"] = " * " .. ("x"):rep(126) .. "\n" }),
    bad("129 columns", { ["spec/client/a.mjs"] = ("x"):rep(129) .. "\n" }),
    good { ["host/base/a.c"] = ("\xc3\xa4"):rep(128) .. "\n", ["spec/c/a.c"] = ("x"):rep(129) .. "\n" },
  },
  functions = {
    bad("a.c:3: f has 71 lines", { ["host/base/a.c"] = "int x;\n\n" .. long_function(FUNCTION_LINES_MAX + 1) }),
    bad("a.lua:1: f has 72 lines",
      { ["lua/troupe/a.lua"] = "local function f()\n" .. ("  g()\n"):rep(FUNCTION_LINES_MAX) .. "end\n" }),
    good { ["host/base/a.c"] = "static const int X[] = {\n" .. ("  1,\n"):rep(FUNCTION_LINES_MAX) .. "};\n" },
    good { ["host/base/a.c"] = long_function(FUNCTION_LINES_MAX) .. "\n" .. long_function(FUNCTION_LINES_MAX) },
    good { ["spec/a_spec.lua"] = 'describe("a", function()\n' .. ("  g()\n"):rep(FUNCTION_LINES_MAX) .. "end)\n" },
  },
  headers = {
    bad("begin with a comment", { ["host/base/x.h"] = HEADER:gsub("x%.h", "y.h") }),
    bad("WHY", { ["host/base/x.h"] = HEADER:gsub("WHY", "WHAT") }),
    bad("ROOM codec", { ["host/codec/x.h"] = HEADER }),
    bad("guard it: #ifndef TROUPE_X_H", { ["host/base/x.h"] = HEADER:gsub("TROUPE_X_H", "X_H") }),
    bad("find another noun", { ["host/base/x.h"] = HEADER, ["host/codec/x.h"] = HEADER:gsub("base", "codec") }),
    bad("begin with a comment: /%* x.c", { ["host/base/x.c"] = "int x;\n" }),
    good { ["host/base/x.h"] = HEADER, ["host/base/x.c"] = "/* x.c -- a noun. */\n" },
  },
  bets = {
    bad("a_spec.lua:2: no spec measures time", { ["spec/a_spec.lua"] = "\nlocal began = os.clock()\n" }),
    bad("no spec measures time", { ["spec/support/a.lua"] = "repeat until socket.gettime() > deadline\n" }),
    bad("nobody sleeps", { ["spec/host/a_spec.lua"] = "system.sleep(1)\n" }),
    bad("nobody sleeps", { ["spec/host/a_spec.lua"] = "os.execute 'sleep 1'\n" }),
    bad("a.c:1: nobody sleeps", { ["spec/c/a.c"] = "usleep(1000);\n" }),
    bad("may only choose a seed", { ["spec/a_spec.lua"] = "assert.is_true(os.time() - began < 3)\n" }),
    bad("a_spec.lua:1: 500 ms of processor", { ["spec/a_spec.lua"] = "open { limits = { call_cpu_ms = 500 } }\n" }),
    bad("100 ms", { ["spec/a_spec.lua"] = 'open { limits = { call_cpu_ms = how == "x" and 100 or 9000 } }\n' }),
    bad("100 ms", { ["spec/a_spec.lua"] = "local MS = 100\nopen { limits = { call_cpu_ms = MS } }\n" }),
    bad("write the number", { ["spec/a_spec.lua"] = "open { limits = { call_cpu_ms = some() } }\n" }),
    bad("a_spec.lua:2: 100 ms",
      { ["spec/a_spec.lua"] = "open { look_us = 0 }\nopen { limits = { call_cpu_ms = 100 } }\n" }),
    bad("100 ms", { ["spec/a_spec.lua"] = 'program.serve(actors, data, "--limit-call-cpu-ms", "100")\n' }),
    bad("100 ms", { ["spec/a_spec.lua"] = 'local MS = 100\nserve("--limit-call-cpu-ms", tostring(MS), look_us)\n' }),
    good { ["spec/a_spec.lua"] = "open { look_us = 1000, limits = { depth = 3, call_cpu_ms = 100 } }\n" },
    good { ["spec/a_spec.lua"] = "open { limits = { call_cpu_ms = 100 } }\nactor:run [[ while true do end ]]\n" },
    good { ["spec/a_spec.lua"] = "open { limits = { call_cpu_ms = 5000 } }\nbad { limits = { call_cpu_ms = -1 } }\n" },
    bad("100 ms", { ["spec/a_spec.lua"] = "open { limits = { call_cpu_ms = 100 } }\nwhile true do end\n" }),
    good { ["spec/a_spec.lua"] = 'local C = "spec/actors"\nserve(C, "--limit-call-cpu-ms", "100")\n',
      ["spec/actors/b.lua"] = "function A:b() while true do end end\n" },
    good { ["spec/a_spec.lua"] = 'serve("--limit-call-cpu-ms", "60000")\nhost:sleep("Class", "key")\n' },
    good { ["spec/a_spec.lua"] = 'local N = os.getenv "TROUPE_SEED" or os.time()\nlocal C = [[os.time()]]\n' },
    good { ["spec/bench/a.lua"] = "local began = os.clock()\n", ["host/a.c"] = "usleep(1);\n" },
  },
  kit = {
    bad("a_spec.lua:2: _kit is the kit's own", { ["spec/host/a_spec.lua"] = "\nhost._kit:step(1)\n" }),
    bad("_submit is the kit's own", { ["examples/a_spec.lua"] = 'run.host:_submit("sleep", "Class", "key")\n' }),
    bad("require troupe.test", { ["spec/fuzz/a.lua"] = "local kit = require" .. ' "troupe_host"\n' }),
    bad("require troupe.test", { ["spec/support/a.lua"] = "local kit = require" .. ' "troupe_host"\n' }),
    good { ["spec/host/a_spec.lua"] = "local function in_kit(a_kit)\n  a_kit:step(1)\nend\n" },
    good { ["lua/troupe/test.lua"] = "self._kit:run()\nlocal kit = require" .. ' "troupe_host"\n',
      ["spec/support/kit.lua"] = "return host._kit\nlocal kit = require" .. ' "troupe_host"\n' },
  },
  packages = {
    bad("zlib.h: of which package", { ["host/base/a.c"] = angled "zlib.h", [".packages"] = "" }),
    bad("add a line for it to .packages",
      { ["host/ledger/a.c"] = angled "lmdb.h", [".packages"] = "liblmdb-devel  build  # why\n" }),
    bad("zlib: of which package", { ["spec/a.lua"] = "local x = require" .. ' "zlib"\n', [".packages"] = "" }),
    good { ["host/ledger/a.c"] = angled "lmdb.h" .. angled "sys/stat.h",
      [".packages"] = "libc6-dev  build  # why\nliblmdb-dev  build  # why\n" },
    good { ["lua/troupe/a.lua"] = "local x = require" .. ' "troupe.b"\n' },
    good { ["spec/a_spec.lua"] = "local actor = [[\n  local x = require" .. ' "lib.b"\n]]\n' },
  },
  package_list = {
    bad("a line is: package", { [".packages"] = "gcc\n" }),
    bad("a line is: package", { [".packages"] = "gcc  always  # why\n" }),
    bad(":2: gcc is there twice", { [".packages"] = "gcc  build  # why\ngcc  test  # why\n" }),
    good { [".packages"] = "# all\n\nlua5.4  test  # why\n" },
  },
  named_files = {
    bad("README.md:2: spec/b.lua is not there",
      { ["spec/README.md"] = "`spec/a.lua`\n`spec/b.lua`\n", ["spec/a.lua"] = "" }),
    bad("host/a/ is not there", { ["host/HACKING.md"] = "`host/a/`\n" }),
    good { ["host/HACKING.md"] = "`spec/`, `spec/a.lua`, `make x/y`, `x/y.c`\n", ["spec/a.lua"] = "" },
    good { ["lua/README.md"] = "`spec/a.lua`\n" },
  },
  sections = {
    bad('lua/README.md:1: "kv" is not in the table',
      { ["lua/README.md"] = "## kv\n", ["spec/README.md"] = "\n| state | `spec/a.lua` |\n" }),
    good { ["lua/README.md"] = "# all\n## kv\n### get\n", ["spec/README.md"] = "\n| kv | `spec/a.lua` |\n" },
  },
  promises = {
    bad('README.md:3: "It is fast" is not in the table',
      { ["README.md"] = "## The promises\n\n2. **It is fast.** So.\n",
        ["spec/README.md"] = "\n| 2. It is | `spec/a.lua` |\n" }),
    bad('"It is fast"', { ["README.md"] = "## The promises\n2. **It is fast.**\n",
      ["spec/README.md"] = "\n| 2. It is fast | nobody |\n" }),
    good { ["README.md"] = "1. **Not one.**\n## The promises\n2. **It is fast.** So.\n## Else\n3. **Nor this.**\n",
      ["spec/README.md"] = "\n| 2. It is fast | `spec/a.lua` |\n" },
  },
  spec_index = {
    bad("a_spec.lua:1: spec/README.md does not name it",
      { ["spec/host/a_spec.lua"] = "", ["spec/README.md"] = "`spec/host/b_spec.lua`\n" }),
    good { ["spec/host/a_spec.lua"] = "", ["spec/fuzz/b_spec.lua"] = "",
      ["spec/README.md"] = "| kv | `spec/host/a_spec.lua` |\n" },
  },
  kv_options = {
    bad('kv_range.c:2: "start" is not among the fields of KvFormat and KvRange',
      kv_options { fields = "---@field stop Key\n" }),
    bad('"end" is not among the fields', kv_options { fields = "---@field start Key\n---@field stop Key\n" }),
    bad('"start" is not in the table of options', kv_options { rows = '| `stop`, or `["end"]` | up to `start` |\n' }),
    bad('"end" is not in the table', kv_options { rows = '| `start` | from |\n| `stop` | to `["end"]` |\n' }),
    bad("kv_range.c:1: option_names", { ["host/kv/kv_range.c"] = "int x;\n" }),
    bad("kv_range.c:1: option_names", { ["host/kv/kv_range.c"] = "int x[] = { option_names[1] };\n" }),
    bad('"start"', kv_options { head = "| name | meaning |" }),
    good(kv_options {}),
  },
  changes = {
    bad("the program has version 1.1, and the newest under Changes is 1.0",
      { ["host/a.h"] = VERSION, ["lua/README.md"] = "\n## Changes\n\n### 1.0\n### 1.1\n" }),
    bad("is missing", { ["host/a.h"] = VERSION, ["lua/README.md"] = "\n### 1.1\n" }),
    good { ["host/a.h"] = VERSION, ["lua/README.md"] = "\n## Changes\n\n### 1.1\n### 1.0\n" },
  },
  text = {
    bad("end the file with a newline", { ["a.lua"] = "x = 1" }),
    bad("a.md:1: white space", { ["a.md"] = "x \n" }),
    bad("a tab", { ["a.c"] = "\tx;\n" }),
    bad("a tab", { ["a.mjs"] = "\tx;\n" }),
    bad("a.c:2: " .. WORDS[1], { ["a.c"] = "\n/* " .. WORDS[1] .. ": later */\n" }),
    bad("NEEDSWORK", { ["a.c"] = "/* " .. WORDS[3] .. " */\n" }),
    bad("a path of one machine", { ["a.md"] = "cd " .. FOLDERS[1] .. "/main\n" }),
    bad("a path of one machine", { ["a.md"] = "ls " .. FOLDERS[3] .. "\n" }),
    good { Makefile = "x:\n\ty\n", ["a.c"] = "/* mkstemp a" .. WORDS[3]:rep(2) .. ", b" .. FOLDERS[1] .. "ers */\n" },
    good { ["empty.c"] = "" },
  },
}

describe("The rule of", function()
  for rule in pairs(tidy.rules) do
    local has = { bad = false, good = false }
    for number, sample in ipairs(SAMPLES[rule] or {}) do
      has[sample.expected and "bad" or "good"] = true
      it(("%s, sample %d"):format(rule, number), function()
        local found = table.concat(tidy.complaints(rule, tidy.sample_house(sample.files)), "\n")
        if not sample.expected then
          assert.equal("", found)
        else
          assert.is_truthy(found:find(sample.expected), ("not %s, but: %s"):format(sample.expected, found))
        end
      end)
    end

    it(rule .. " has samples of both kinds", function()
      assert.same({ bad = true, good = true }, has)
    end)
  end
end)
