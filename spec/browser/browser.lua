--- Chromium without a window, for specs of pages: spec/browser/driver.mjs drives it. It sees nothing but 127.0.0.1, and
--- ends, with all that it has left, when the spec closes it or ends itself.

local cjson = require "cjson"
local program = require "spec.support.program"
local socket = require "socket"

local browser = {}

local TIMEOUT_S = 60      -- for an answer of Chromium, which takes milliseconds, but the machine may be busy

---@class Browser
---@field pid integer  of the driver
local Browser = { __name = "browser" }
Browser.__index = Browser

---@class Tab
local Tab = { __name = "tab" }
Tab.__index = Tab

--- Starts a browser. It is to be ended with close(), after a failed spec too.
---@param folder string|nil  where it makes a folder of its own; or else where all do
---@return Browser
function browser.start(folder)
  local pipe = assert(io.popen(("echo $$; exec env %s node spec/browser/driver.mjs"):format(
    folder and "TMPDIR=" .. folder or "")))
  local it = setmetatable({ pipe = pipe, pid = tonumber(pipe:read "l") }, Browser)
  local port = pipe:read "l" or "node does not run"
  if not tonumber(port) then
    local problem = port .. "\n" .. pipe:read "a"
    it.pipe = nil
    pipe:close()
    error(problem, 2)
  end
  it.socket = assert(socket.connect("127.0.0.1", tonumber(port)))
  it.socket:settimeout(TIMEOUT_S)
  return it
end

function Browser:_ask(command, options)
  options.command = command
  assert(self.socket:send(cjson.encode(options) .. "\n"))
  local line, problem = self.socket:receive "*l"
  if not line then error(("%s: no answer of Chromium: %s"):format(command, problem)) end
  local answer = cjson.decode(line)
  if answer.error then error(answer.error, 0) end
  return answer.result
end

--- Opens a page in a tab of its own, and waits until it is loaded.
---@param url string
---@return Tab
function Browser:open(url)
  return setmetatable({ browser = self, id = self:_ask("open", { url = url }) }, Tab)
end

--- Ends the browser; waits until nothing of it is left.
function Browser:close()
  if not self.pipe then return end
  local pipe = self.pipe
  self.pipe = nil
  self.socket:shutdown "both"       -- whatever programs the spec has started since then hold it as well
  self.socket:close()
  local said = pipe:read "a"
  if not pipe:close() then error("the browser did not end well: " .. said, 2) end
end

Browser.__gc = Browser.close

--- The value of an expression of JavaScript, or of what it promises; as JSON has it, null is cjson.null.
---@param expression string
---@return any
function Tab:evaluate(expression)
  return self.browser:_ask("evaluate", { tab = self.id, expression = expression })
end

--- Waits until an expression is true, and returns its value; fails when a deadline has passed. The page may be loaded
--- anew meanwhile.
---@param expression string
---@return any
function Tab:wait(expression)
  local ok, value = pcall(program.eventually, expression, function()
    local ok, value = pcall(self.evaluate, self, expression)
    if not ok and not value:find("^Runtime%.evaluate: ") then error(value, 0) end
    return ok and value ~= cjson.null and value
  end)
  if ok then return value end
  error(("%s\nthe page: %s\nits problems: %s"):format(value, self:evaluate "document.body.innerText",
    table.concat(self:problems(), "\n")), 2)
end

--- What the page has complained of since this was asked last: errors and warnings, each a text that begins with where
--- it comes from: `console: …`, `exception: …`, `network: …`.
---@return string[]
function Tab:problems()
  return self.browser:_ask("problems", { tab = self.id })
end

function Tab:close()
  self.browser:_ask("close", { tab = self.id })
end

return browser
