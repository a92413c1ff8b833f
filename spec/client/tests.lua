--- Tests of the client that run in node. Each `test("NAME", …)` of a file becomes a spec.

local busted = require "busted"
local files = require "spec.support.files"

local tests = {}

-- What node's runner tells in TAP: of each test whether it passed, and what it said.
local function read_results(output)
  local results, current = {}, nil
  for line in output:gmatch "[^\n]+" do
    local how, name = line:match "^(%l*%s?ok) %d+ %- (.*)$"
    if how then
      current = { passed = how == "ok", lines = {} }
      results[name] = current
    elseif current and line:find "^%s" then
      table.insert(current.lines, line)
    end
  end
  return results
end

-- What a sanitizer wants loaded into Lua is not for node.
local function run(path, environment)
  local command = ("env -u LD_PRELOAD %s node --test-reporter=tap %s 2>&1"):format(environment, path)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

--- Adds the tests of a file as specs to the present block. The file runs once, when the first of them does.
---@param path string
---@param make_environment (fun(): string)|nil  words for `env`, when it runs
function tests.add(path, make_environment)
  local output, results
  local count = 0
  for name in ("\n" .. files.read(path)):gmatch '\ntest%("(.-)", ' do
    count = count + 1
    busted.it(name, function()
      output = output or run(path, make_environment and make_environment() or "")
      results = results or read_results(output)
      local result = results[name] or error("it did not run:\n" .. output, 0)
      if not result.passed then error(table.concat(result.lines, "\n"), 0) end
    end)
  end
  assert(count > 0, path .. " has no tests")
end

return tests
