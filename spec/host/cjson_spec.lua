-- `require "cjson"` in actors: lua-cjson with all its settings, but exact. What it is held against is lua-cjson itself,
-- which specs have.
local cjson = require "cjson"
local hosts = require "spec.support.hosts"

local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()

local json = hosts.class("Json", [[
  local cjson, exact = require "cjson", require "troupe.json"
  function Class:initialize_state() return { list = array {}, map = {}, deep = { a = { 1.5, "x" } } } end
  function Class:encode(_, value) return cjson.encode(value) end
  function Class:again(_, text) return cjson.encode(cjson.decode(text)) end
  function Class:exact(_, text) return exact.encode(cjson.decode(text)) end
  function Class:parts() return cjson.encode { self.state.list, self.state.map, self.state.deep.a, array {}, {} } end
  function Class:run(_, text)
    local safe = require "cjson.safe"
    local fresh = { cjson = cjson.new(), safe = safe.new(), array = array, null = null }
    local environment = setmetatable(fresh, { __index = _ENV })
    return table.pack(pcall(load(text, "=text", "t", environment)))
  end
  function Class:settings_of_another()
    require("cjson").encode_sparse_array(true)
    return (cjson.encode_sparse_array())
  end
]])

-- The same in lua-cjson. Texts that differ by what a float looks like (`1.0` for `1`) are given with fractions.
local function run_here(text)
  local environment = setmetatable({ cjson = cjson.new(), safe = require("cjson.safe").new(), null = cjson.null },
    { __index = _ENV })
  return table.pack(pcall(load(text, "=text", "t", environment)))
end

describe("cjson in an actor", function()
  local actor

  before_each(function()
    actor = hosts.open({ ["json.lua"] = json }, { errors = true }):actor("Json", "j")
  end)
  after_each(hosts.close_all)

  it("writes integers in full, and reads them as integers", function()
    for _, n in ipairs {
      0, 7, -7, 12345678901234, 123456789012345, 1763920000123456, 15947634569000323, 9007199254740993,
      130775545883395173, math.maxinteger, math.mininteger,
    } do
      assert.equal(tostring(n), actor:encode(n))
      assert.equal(("[%d]"):format(n), actor:again(("[%d]"):format(n)))
      assert.equal(('{"k":%d}'):format(n), actor:exact(('{ "k" : %d }'):format(n)))
      local key = n > 0 and -n or n
      assert.equal(('{"%d":1.5}'):format(key), actor:encode { [key] = 1.5 })
    end
  end)

  it("writes floats with as many digits as read back, and reads them as floats", function()
    print("cjson_spec: TROUPE_SEED=" .. SEED)
    math.randomseed(SEED)
    for _ = 1, 500 do
      local bits = string.pack("i8", math.random(math.mininteger, math.maxinteger))
      local float = string.unpack("d", bits)
      if float == float and math.abs(float) ~= math.huge then
        local text = actor:encode { float }
        assert.equal(float, tonumber(text:sub(2, -2)), text)
        assert.equal(text, actor:again(text))
      end
    end
    assert.equal("[1.0,-0.0,0.1,0.3333333333333333,1e+300]", actor:encode { 1.0, -0.0, 0.1, 1 / 3, 1e300 })
    assert.equal("[1.0,1,1e+300]", actor:again "[1.0,1,1e300]")
  end)

  it("keeps arrays that are empty, wherever they come from", function()
    for _, text in ipairs { "[]", "{}", "[[],{}]", '{"a":[]}', "[[[]]]" } do assert.equal(text, actor:again(text)) end
    assert.equal('[[],{},[1.5,"x"],[],{}]', actor:parts())
  end)

  for what, text in pairs {
    ["strings of all bytes"] = [[
      local t = {} for i = 0, 255 do t[i + 1] = string.char(i) end return cjson.encode(table.concat(t))]],
    ["values"] = [[return cjson.encode { true, false, null, cjson.null, "a/b", { a = "é" }, { { 1, 2 }, { "x" } } }]],
    ["nil"] = [[return cjson.encode(nil)]],
    ["a few holes"] = [[return cjson.encode { 1, nil, 3 }]],
    ["holes in front"] = [[return cjson.encode { [10] = "x" }]],
    ["too many holes"] = [[return cjson.encode { [1] = 1, [100] = 2 }]],
    ["holes at the ratio"] = [[cjson.encode_sparse_array(false, 2, 3) return cjson.encode { [4] = 4, [1] = 1 }]],
    ["holes over the ratio"] = [[cjson.encode_sparse_array(false, 2, 3) return cjson.encode { [5] = 5, [1] = 1 }]],
    ["holes as an object"] = [[cjson.encode_sparse_array(true, 2, 3) return cjson.encode { [500] = 5 }]],
    ["holes without a ratio"] = [[cjson.encode_sparse_array(false, 0, 3) return cjson.encode { [50] = 5 }]],
    ["keys that are numbers"] = [[
      return cjson.encode { [0] = 1 }, cjson.encode { [-1] = 1 }, cjson.encode { [1.5] = "x" }]],
    ["a key that is a boolean"] = [[return cjson.encode { [true] = 1 }]],
    ["a function"] = [[return cjson.encode { a = print }]],
    ["a thread"] = [[return cjson.encode(coroutine.create(print))]],
    ["a NaN"] = [[return cjson.encode(0 / 0)]],
    ["an infinite key"] = [[return cjson.encode { [1 / 0] = 1 }]],
    ["NaN that is allowed"] = [[cjson.encode_invalid_numbers(true) return cjson.encode { 0 / 0, 1 / 0, -1 / 0 }]],
    ["NaN as null"] = [[cjson.encode_invalid_numbers "null" return cjson.encode { 0 / 0, 1 / 0 }]],
    ["fewer digits"] = [[cjson.encode_number_precision(3) return cjson.encode { 1 / 3, 1234.5, 0.25 }]],
    ["a table in itself"] = [[local t = {} t[1] = t return cjson.encode(t)]],
    ["a depth that is set"] = [[
      cjson.encode_max_depth(3) return cjson.encode { { {} } }, cjson.encode { { { {} } } } ]],
    ["no argument"] = [[return cjson.encode()]],
    ["two arguments"] = [[return cjson.encode(1, 2)]],
    ["nothing to decode"] = [[return cjson.decode()]],
    ["a table to decode"] = [[return cjson.decode {}]],
    ["a number to decode"] = [[return cjson.decode(1.5)]],
    ["no text"] = [[return cjson.decode ""]],
    ["a text that ends early"] = [[return cjson.decode "[1,"]],
    ["a text with more behind it"] = [[return cjson.decode "[1]x"]],
    ["no string as a name"] = [[return cjson.decode "{1:2}"]],
    ["half a pair"] = [=[return cjson.decode '["\\ud800"]']=],
    ["another encoding"] = [[return cjson.decode "\0[\0]"]],
    ["numbers that JSON has not"] = [[
      local t = cjson.decode "[NaN,Infinity,-inf,0x1p-1,+1.5,1e999]"
      return t[1] ~= t[1], t[2], t[3], t[4], t[5], t[6] ]],
    ["numbers that are not to be"] = [[cjson.decode_invalid_numbers(false) return cjson.decode "[NaN]"]],
    ["bytes that are not UTF-8"] = [[return cjson.decode '"\xff\xc0"']],
    ["a depth of a text that is set"] = [[cjson.decode_max_depth(5) return cjson.decode(("["):rep(6))]],
    ["a text of brackets"] = [[return cjson.decode(("["):rep(300000))]],
    ["a deep text"] = [[return #cjson.decode(("["):rep(900) .. ("]"):rep(900))]],
    ["settings as they are"] = [[
      return cjson.encode_sparse_array(), cjson.encode_max_depth(), cjson.decode_max_depth(),
        cjson.encode_number_precision(), cjson.encode_invalid_numbers(), cjson.decode_invalid_numbers(),
        cjson.encode_keep_buffer(), cjson._NAME, cjson._VERSION]],
    ["settings of a wrong kind"] = [[return cjson.decode_max_depth "x"]],
    ["settings out of range"] = [[return cjson.encode_number_precision(17)]],
    ["too many of a setting"] = [[return cjson.encode_max_depth(1, 2)]],
    ["all that is in it"] = [[
      local names = {} for name in pairs(cjson) do names[#names + 1] = name end table.sort(names)
      return table.concat(names, " ")]],
    ["safe"] = [[
      local a, b = safe.encode(print) local c, d = safe.decode "["
      return a, b, c, d, safe.encode { "x" }, safe.decode "1.5"]],
    ["safe, with no argument"] = [[return safe.decode()]],
    ["safe, anew"] = [[return safe.new().new().encode(print)]],
  } do
    it("is as lua-cjson: " .. what, function()
      assert.same(run_here(text), actor:run(text))
    end)
  end

  it("reads numbers that JSON has not, and whole ones beside them are integers, if that can be known", function()
    assert.same({ true, true, "[1,31,12,0.5,{}]", n = 3 }, actor:run [[
      local t = cjson.decode "[NaN,1,0x1F,012,0.5,{}]"
      local nan = table.remove(t, 1)
      return nan ~= nan, cjson.encode(t)]])
    local result = actor:run [[return cjson.decode "[NaN,9007199254740993]"]]
    assert.is_false(result[1])
    assert.matches("would lose digits", result[2])
  end)

  it("refuses a marked table with other keys", function()
    local result = actor:run [[return cjson.encode(array { 1, x = 2 })]]
    assert.is_false(result[1])
    assert.matches("marked as a sequence", result[2])
  end)

  it("goes no deeper than 1,000, whatever it is told", function()
    for _, setting in ipairs { "decode_max_depth", "encode_max_depth" } do
      for _, depth in ipairs { "0", "1001", "1e6", "'1e6'", "math.maxinteger" } do
        local result = actor:run(("return cjson.%s(%s)"):format(setting, depth))
        assert.is_false(result[1])
        assert.matches("expected integer between 1 and 1000", result[2])
      end
    end
    for text, words in pairs {
      [ [[pcall(cjson.decode_max_depth, 1e6) return cjson.decode(("["):rep(300000))]] ] = "too many nested",
      [ [[local t = {} for _ = 1, 1000 do t = { t } end return cjson.encode(t)]] ] = "excessive nesting",
      [ [[return cjson.decode(('{"a":'):rep(1001))]] ] = "too many nested",
    } do
      local result = actor:run(text)
      assert.is_false(result[1])
      assert.matches(words, result[2])
    end
  end)

  it("has settings for each file of its own", function()
    assert.is_false(actor:settings_of_another())
  end)

  it("counts what a text becomes towards the limit of the call", function()
    local host = hosts.open({ ["json.lua"] = json }, { errors = true, limits = { call_bytes = 4 << 20 } })
    local small = host:actor("Json", "j")
    for _, text in ipairs { [["[" .. ("{},"):rep(300000) .. "{}]"]], [["[NaN," .. ("{},"):rep(300000) .. "{}]"]] } do
      assert.equal("out_of_memory", hosts.failure_of(small.run, small, "return #cjson.decode(" .. text .. ")").code)
    end
    -- 1.2 MB that are not JSON.
    local result = small:run [[return cjson.decode("[NaN," .. ("{},"):rep(400000) .. "{}]")]]
    assert.is_false(result[1])
    assert.matches("not valid JSON at byte 2", result[2])
  end)
end)
