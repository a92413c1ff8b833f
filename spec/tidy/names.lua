-- The rule of names: a public function bears the noun of its file, so that a name tells where it is.

local files = require "spec.tidy.house"

local functions_of = files.functions_of

local rules = {}

-- Names that others demand.
local DEMANDED = { "^main$", "^luaopen_" }

local BYTES = "numbers as bytes, in a buffer or anywhere else"
local IDS = "the ids that record keys begin with; they also stand alone"
local JSON = "JSON is one noun: what reads it and what writes it"
local STORE = "the store is one noun: its batch, its environment, its reader"
local VM = "the VM is one noun: this is what functions that Lua calls ask of it"

-- Functions that bear another noun: their file, a name (or, with _ at its end, how names begin), and why. One that
-- nothing needs is complained of.
local EXCEPTIONS = {
  { "host/ledger/store_absence.c", "store_", STORE },
  { "host/ledger/store_batch.c", "store_", STORE },
  { "host/ledger/store_env.c", "store_", STORE },
  { "host/ledger/store_env.h", "store_", STORE },
  { "host/ledger/store_env.h", "val_", "LMDB's bytes as slices and back" },
  { "host/ledger/store_reader.c", "store_", STORE },
  { "host/codec/json_text.c", "json_put_", JSON },
  { "host/codec/json_value.c", "json_put_", JSON },
  { "host/codec/json_key.c", "json_parse_key", JSON },
  { "host/codec/json_key.c", "json_put_", JSON },
  { "host/codec/json_parser.c", "json_parse", JSON },
  { "host/ledger/record_key.h", "record_", IDS },
  { "host/ledger/record_key.c", "record_print_id", IDS },
  { "host/base/buf.h", "read_", BYTES },
  { "host/base/buf.h", "write_", BYTES },
  { "host/base/disk.c", "faults_", "the faults that a disk is asked to have" },
  { "host/ledger/committer.c", "commit_", "what is handed to a committer; it has no code of its own" },
  { "host/ledger/log_reader.c", "log_read", "the log is one noun: its reader gives what it holds" },
  { "host/ledger/log_reader.c", "log_contents_done", "the log is one noun: its reader gives what it holds" },
  { "host/door/h2o_api.h", "slice_of_iovec", "h2o's bytes as slices" },
  { "host/ledger/view.c", "scan_", "a scan is over a view, and reads its fields" },
  { "host/vm/lua_vm.h", "vm_", VM },
  { "host/vm/lua_vm.c", "vm_", VM },
}

local function allows(exception, path, name)
  local begin = exception[2]
  return exception[1] == path and (name == begin or begin:sub(-1) == "_" and name:sub(1, #begin) == begin)
end

local function bears(path, name)
  local noun = path:match "([%w_]+)%.[ch]$"
  for _, word in ipairs { noun, noun .. "s" } do   -- many of them are a noun too: calls_init() is in call.c
    if name == word or name:sub(1, #word + 1) == word .. "_" then return true end
  end
  for _, demanded in ipairs(DEMANDED) do
    if name:find(demanded) then return true end
  end
  return false
end

-- What a header defines is public, `static inline` or not.
local function is_public(file, defined)
  return file.is_header or not defined.is_static
end

-- Whether a file has a function that an exception is for.
local function is_needed(exception, file)
  for _, defined in ipairs(file and functions_of(file) or {}) do
    local applies = is_public(file, defined) and allows(exception, file.path, defined.name)
    if applies and not bears(file.path, defined.name) then return true end
  end
  return false
end

function rules.names(file, complain, house)
  if file.path == "spec/tidy/names.lua" then
    for _, exception in ipairs(EXCEPTIONS) do
      if not is_needed(exception, house[exception[1]]) then
        complain(1, ("nothing needs the exception %s of %s: remove it from EXCEPTIONS"):format(exception[2],
          exception[1]))
      end
    end
  end
  for _, defined in ipairs(file.room and functions_of(file) or {}) do
    local fine = not is_public(file, defined) or bears(file.path, defined.name)
    for _, exception in ipairs(EXCEPTIONS) do
      fine = fine or allows(exception, file.path, defined.name)
    end
    if not fine then
      complain(defined.line, ("%s: a public function begins with the noun of its file, %s_; rename or move it"):format(
        defined.name, file.name:gsub("%.[ch]$", "")))
    end
  end
end

return rules
