--- The class Hall, whose actors run what a spec gives them, with `self`, `rpc` and `c`, the connection through which it
--- came.

local hosts = require "spec.support.hosts"

local hall = {}

-- The heads of the hooks.
local heads = {
  initialize_state = "(input)", on_start = "()", on_stop = "()", on_destroy = "()", on_before_connect = "(params, rpc)",
  on_connect = "(c)", on_disconnect = "(c)",
}

--- The source of the class. `hooks` are the bodies of those hooks that it has.
---@param hooks table<string, string>|nil
---@return string
function hall.source(hooks)
  local body = {}
  for name, text in pairs(hooks or {}) do
    body[#body + 1] = ("function Class:%s%s %s end\n"):format(name, heads[name], text)
  end
  return hosts.class("Hall", table.concat(body) .. [[
  local run = {}                                              -- what texts keep beyond their call
  function Class:run(rpc, text, ...)
    local env = setmetatable({ self = self, rpc = rpc, c = rpc.connection, run = run }, { __index = _G })
    return assert(load(text, "=run", "t", env))(...)
  end
  function Class:note(_, what) self.kv:put({ "note", self.kv:count() + 1 }, what) end
  function Class:notes()
    local notes = array {}
    for _, entry in ipairs(self.kv:list { prefix = "note" }) do notes[#notes + 1] = entry.value end
    return notes
  end
]])
end

--- Opens a host of halls.
---@param hooks table<string, string>|nil
---@param options table|nil
function hall.open(hooks, options)
  return hosts.open({ ["hall.lua"] = hall.source(hooks) }, options)
end

--- Runs a text in a hall, as a call of a client over HTTP.
function hall.run(host, key, text, ...)
  return host:actor("Hall", key):run(text, ...)
end

return hall
