-- What goes in as JSON comes out as the same JSON: through the arguments of a call, the state or the kv of an actor,
-- the disk and a host that was killed, and the result.

local program = require "spec.support.program"
local http = require "spec.support.http"

local ACTORS = "spec/support/actors"
local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()

-- Text that is as the host prints it: what comes out is this very text.
local EXACT = {
  "null", "true", "false", '""', "[]", "{}", "[null,1]", "[null]", "[[],{}]", '{"a":[]}', '{"a":{}}', '{"":null}',
  "0", "1", "-1", "1.0", "-1.0", "-0.0", "0.0", "9007199254740991", "9007199254740992", "9007199254740993",
  "-9007199254740993", "9223372036854775807", "-9223372036854775808", "1763920000123456", "[1,1.0]",
  "0.1", "0.30000000000000004", "0.2", "1.1", "3.141592653589793", "1e+308", "-1e+308",
  "1.7976931348623157e+308", "5e-324", "2.2250738585072014e-308", "1e-07", "123456789.125", "1e+23",
  '"a"', '"\\u0000"', '"a\\u0000b"', '"\\"\\\\/"', '"\\n\\r\\t"', '"ä€𝄞"', '"[1]"', '"1"', '{"a\\u0000b":1}',
  '[[[[[[[["deep"]]]]]]]]', '[{"a":[{"b":[{}]}]}]', "[1,2.5,\"x\",true,false,null,[],{}]",
}

-- Text that the host prints in another form.
local CANONICAL = {
  ["1.50"] = "1.5", ["1E2"] = "100.0", ["1e0"] = "1.0", ["-0"] = "0", ["1.0e+5"] = "100000.0",
  ["9223372036854775808"] = "9.223372036854776e+18", ["-9223372036854775809"] = "-9.223372036854776e+18",
  ["0.1000000000000000055511151231257827"] = "0.1", ["1e308"] = "1e+308", ["1e-7"] = "1e-07", ["1e-999"] = "0.0",
  ["4.9e-324"] = "5e-324",
  ['"\\u00e4\\ud834\\udd1e\\/"'] = '"ä𝄞/"', ["[ 1 , 2 ]"] = "[1,2]", ['{ "a" : 1 }'] = '{"a":1}',
}

local LAST_CODEPOINT, SURROGATES_FROM, SURROGATES_TO = 0x10FFFF, 0xD800, 0xDFFF
local CODEPOINTS_A_CALL = 0x8000

-- Begins of ranges of codepoints, which together are all of Unicode.
local function each_range()
  local from = -CODEPOINTS_A_CALL
  return function()
    from = from + CODEPOINTS_A_CALL
    if from <= LAST_CODEPOINT then return from end
  end
end

-- The text of a range, each codepoint written by `write`.
local function text_of_range(from, write)
  local pieces = {}
  for codepoint = from, math.min(from + CODEPOINTS_A_CALL - 1, LAST_CODEPOINT) do
    if codepoint < SURROGATES_FROM or codepoint > SURROGATES_TO then table.insert(pieces, write(codepoint)) end
  end
  return table.concat(pieces)
end

local SHORT = { [8] = "\\b", [9] = "\\t", [10] = "\\n", [12] = "\\f", [13] = "\\r", [34] = '\\"', [92] = "\\\\" }

-- As the host prints a character: itself, but for the few that JSON does not allow in a string.
local function write_plain(codepoint)
  return SHORT[codepoint] or codepoint < 0x20 and ("\\u%04x"):format(codepoint) or utf8.char(codepoint)
end

-- As an escape, a pair of them beyond the first plane.
local function write_escaped(codepoint)
  if codepoint < 0x10000 then return ("\\u%04x"):format(codepoint) end
  local rest = codepoint - 0x10000
  return ("\\u%04X\\u%04x"):format(0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF))
end

-- Numbers of all sizes: floats by their bits, so that each exponent is as likely, and integers of each length.
local function random_number()
  if math.random(2) == 1 then return math.random(0) >> math.random(0, 63) end
  local bits = ("<I8"):pack(math.random(0))
  local number = ("<d"):unpack(bits)
  if number ~= number or number - number ~= 0 then return random_number() end     -- NaN or infinite
  return number
end

-- The smallest number of digits that reads back, as printf has it; whole numbers below 10^15 without an exponent.
local function print_number(number)
  if math.type(number) == "integer" then return ("%d"):format(number) end
  if number == math.floor(number) and math.abs(number) < 1e15 then return ("%.1f"):format(number) end
  for digits = 1, 17 do
    local text = ("%." .. digits .. "g"):format(number)
    if tonumber(text) == number then return text:find "[.e]" and text or text .. ".0" end
  end
end

describe("JSON comes back as it was,", function()
  local host, data

  local function start()
    host = program.serve(ACTORS, data)
  end

  local function call(key, method, arguments)
    local answer = http.request(host.address, "POST", ("/actors/Box/%s/%s"):format(key, method), arguments)
    local result = answer.status == 200 and answer.body:match '^{"result":(.*)}$'
    return result or error(("%s/%s answered %d %s"):format(key, method, answer.status, answer.body), 2)
  end

  before_each(function()
    data = program.folder()
    start()
  end)

  after_each(function()
    host:stop()
    program.remove(data)
  end)

  local function kill_and_start()
    host:signal "KILL"
    host:wait()
    host:close()
    start()
  end

  -- As assert.equal, with no more of the texts than one can read.
  local function assert_same_text(expected, text, where)
    if expected == text then return end
    local at = 1
    while expected:byte(at) == text:byte(at) do at = at + 1 end
    error(("%s: from byte %d on %q instead of %q (TROUPE_SEED=%d)"):format(where, at, text:sub(at, at + 40),
      expected:sub(at, at + 40), SEED), 2)
  end

  -- Each of the texts on its way: what is expected, by what is sent.
  local function assert_kept(texts)
    local keys = {}
    for sent, expected in pairs(texts) do
      local key, arguments = #keys + 1, "[" .. sent .. "]"
      keys[key] = expected
      assert_same_text(expected, call(key, "echo", arguments), "echo")
      assert_same_text("null", call(key, "put", arguments), "put")
      assert_same_text(expected, call(key, "get"), "get")
      if sent ~= "null" then assert_same_text(expected, call(key, "in_kv", arguments), "kv") end
    end
    kill_and_start()
    for key, expected in ipairs(keys) do
      assert_same_text(expected, call(key, "get"), "get after kill")
      if expected ~= "null" then assert_same_text(expected, call(key, "from_kv"), "kv after kill") end
    end
  end

  it("value by value", function()
    local texts = {}
    for _, text in ipairs(EXACT) do texts[text] = text end
    for sent, expected in pairs(CANONICAL) do texts[sent] = expected end
    assert_kept(texts)
  end)

  it("with types that a method sees", function()
    local types = {
      ["1"] = "integer", ["1.0"] = "float", ["1e0"] = "float", ["-0"] = "integer", ["-0.0"] = "float",
      ["9223372036854775807"] = "integer", ["9223372036854775808"] = "float", ["-9223372036854775809"] = "float",
      ['"1"'] = "string", ["true"] = "boolean", ["null"] = "nil", ["[]"] = "table", ["{}"] = "table",
    }
    for sent, expected in pairs(types) do
      assert.equal(('"%s"'):format(expected), call("any", "type_of", "[" .. sent .. "]"))
    end
  end)

  it("all of Unicode, as it is and as escapes", function()
    local texts = {}
    for from in each_range() do
      local text = '"' .. text_of_range(from, write_plain) .. '"'
      texts[text] = text
      texts['"' .. text_of_range(from, write_escaped) .. '"'] = text
    end
    assert_kept(texts)
  end)

  it("numbers at random", function()
    math.randomseed(SEED)
    local texts = {}
    for _ = 1, 20 do
      local numbers = {}
      for i = 1, 500 do numbers[i] = print_number(random_number()) end
      local text = "[" .. table.concat(numbers, ",") .. "]"
      texts[text] = text
    end
    assert_kept(texts)
  end)
end)
