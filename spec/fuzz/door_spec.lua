-- The door under requests that are nearly right, in small; `make fuzz` has more of them.

local answers = require "spec.fuzz.answers"
local door = require "spec.fuzz.door"

local SEED = tonumber(os.getenv "TROUPE_SEED") or os.time()
local SECONDS = tonumber(os.getenv "FUZZ_SECONDS") or 2

local function answer(status, body, kind)
  local form = "HTTP/1.1 %d Word\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
  return form:format(status, kind or "application/json", #body, body)
end

describe("The door", function()
  it("answers whatever comes in, and serves the next client", function()
    local tally = door.run(SEED, SECONDS)
    local words = {}
    for status, count in pairs(tally.statuses) do table.insert(words, ("%d x %d"):format(count, status)) end
    table.sort(words, function(a, b) return tonumber(a:match "%d+") > tonumber(b:match "%d+") end)
    print(("# figures: requests: %d tries, %d of them left at once; answers: %s"):format(tally.tries, tally.left,
      table.concat(words, ", ")))
    assert.is_true(SECONDS == 0 or (tally.statuses[200] or 0) > 0)
  end)
end)

describe("An answer", function()
  local RESULT, ERROR = answer(200, '{"result":1}'), answer(404, '{"error":{"code":"class_not_found","message":"m"}}')
  local GOOD, PLAIN = RESULT .. ERROR, answer(400, "Bad", "text/plain")

  it("is read where it is one", function()
    assert.same({ [200] = 1, [404] = 1 }, answers.read(GOOD, false))
    assert.same({ [200] = 2, [404] = 1 }, answers.read(GOOD .. "HTTP/1.1 100 Continue\r\n\r\n" .. RESULT, false))
    assert.same({ [200] = 1, [204] = 1 }, answers.read("HTTP/1.1 204 No Content\r\n\r\n" .. RESULT, false))
    assert.same({ [200] = 2 }, answers.read(RESULT:sub(1, -13) .. RESULT, true))
  end)

  for name, bytes in pairs {
    ["cut short"] = GOOD:sub(1, -2), ["followed by something else"] = GOOD .. "x", ["no JSON"] = answer(200, "{"),
    ["of two fields"] = answer(200, '{"result":1,"error":{}}'), ["of another type"] = PLAIN,
    ["without a code"] = answer(400, '{"error":{"message":"m"}}'),
    ["a result that failed"] = answer(500, '{"result":1}'),
    ["with the status of another"] = answer(500, '{"error":{"code":"timeout","message":"m"}}'),
  } do
    it("is none: " .. name, function() assert.is_nil((answers.read(bytes, false))) end)
  end
end)
