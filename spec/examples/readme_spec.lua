-- README.md: what it shows is what happens. Its curl lines run in their order against the real program, and answer what
-- stands behind them.
local cjson = require "cjson"
local files = require "spec.support.files"
local served = require "spec.examples.served"

local function blocks_of(text, language)
  local blocks = {}
  for block in text:gmatch("```" .. language .. "\n(.-)```") do table.insert(blocks, block) end
  return blocks
end

-- The lines of a block: a command, and what it answers; where that ends in `...`, its beginning.
local function steps_of(block)
  local steps = {}
  for line in block:gmatch "[^\n]+" do
    local command, answer = line:match "^(curl .-)%s+# (.*)$"
    assert(command, "no command with its answer: " .. line)
    table.insert(steps, { command = command, answer = answer })
  end
  return steps
end

local function run(command, server)
  local here, count = command:gsub("127%.0%.0%.1:7420", server.address)
  assert.equal(1, count)
  return served.run((here:gsub("^curl", "curl -sS")))
end

local function check(step, output)
  local beginning = step.answer:match "^(.-)%s*%.%.%.$"
  if beginning then
    local code = beginning:match '"code":"([%w_]+)"'
    assert.equal(code, cjson.decode(output).error.code)
  else
    assert.same(cjson.decode(step.answer), cjson.decode(output))
  end
end

describe("README.md", function()
  local text = files.read "README.md"

  it("shows calls that answer what it says, before and after a crash", function()
    local server = served.start "actors"
    finally(function() server:stop() end)
    local blocks = blocks_of(text, "sh")
    assert.equal(2, #blocks)
    for i, block in ipairs(blocks) do
      if i > 1 then
        server:kill()
        server:start()
      end
      for _, step in ipairs(steps_of(block)) do check(step, run(step.command, server)) end
    end
  end)

  it("shows the counter as it is, but for comments and its last method", function()
    local shown = blocks_of(text, "lua")[1]
    local code = {}
    for line in files.read("actors/counter.lua"):gmatch "[^\n]+" do
      if not line:find "^%s*%-%-" then table.insert(code, line) end
    end
    local there = table.concat(code, "\n")
    for line in shown:gmatch "[^\n]+" do
      assert.is_truthy(there:find(line, 1, true), line)
    end
  end)
end)
