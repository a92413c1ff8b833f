-- The text of a Lua file: what a class file and a module may begin with, and what is no such file.
local files = require "spec.support.files"
local hosts = require "spec.support.hosts"
local lfs = require "lfs"
local troupe = require "troupe.test"

local BYTE_ORDER_MARK = "\xef\xbb\xbf"

local function utf16(text, mark, format)
  return mark .. text:gsub(".", function(c) return (format):pack(c:byte()) end)
end

-- Beginnings and ends that change nothing.
local dresses = {
  plain = function(text) return text end,
  ["a byte order mark"] = function(text) return BYTE_ORDER_MARK .. text end,
  ["a #! line"] = function(text) return "#!/usr/bin/env lua5.4\n" .. text end,
  ["both"] = function(text) return BYTE_ORDER_MARK .. "#!/usr/bin/lua\n" .. text end,
  ["a line with # alone"] = function(text) return "#\n" .. text end,
  ["CRLF"] = function(text) return (text:gsub("\n", "\r\n")) end,
  ["CRLF, a mark and a #! line"] = function(text)
    return (BYTE_ORDER_MARK .. "#!/usr/bin/lua\n" .. text):gsub("\n", "\r\n")
  end,
  ["no line end"] = function(text) return (text:gsub("%s+$", "")) end,
}

describe("The text of a Lua file", function()
  after_each(hosts.close_all)

  for what, dress in pairs(dresses) do
    it("is read with " .. what, function()
      local host = hosts.open({
        ["a.lua"] = dress(hosts.class("A", '\n' .. [[local helper = require "lib.helper"]] .. "\n" ..
                                           "function Class:get() return helper end\n" ..
                                           "function Class:fail()\nerror 'here' end\n") .. "\n"),
        ["lib/helper.lua"] = dress 'return "helped"\n',
      }, { errors = true })
      local actor = host:actor("A", "a")
      assert.equal("helped", actor:get())
      local line = dress("\nhere"):find "^[^\n]*#" and 6 or 5
      assert.matches(("a%%.lua:%d: here"):format(line), hosts.failure_of(actor.fail, actor).message)
    end)
  end

  it("may have nothing but a first line", function()
    for _, text in ipairs { "#!/usr/bin/lua", "#!/usr/bin/lua\n", BYTE_ORDER_MARK, BYTE_ORDER_MARK .. "#", "" } do
      local host = hosts.open { ["a.lua"] = hosts.class("A", [[local empty = require "lib.empty"
        function Class:get() return empty end]]), ["lib/empty.lua"] = text }
      assert.is_true(host:actor("A", "a"):get())
    end
  end)

  -- What does not load: the text that says why, and what makes the file at a path.
  local refused = {
    ["UTF-16, little end first"] = { "is written in UTF%-16; save it as UTF%-8", utf16("return 1", "\xff\xfe", "<I2") },
    ["UTF-16, big end first"] = { "is written in UTF%-16; save it as UTF%-8", utf16("return 1", "\xfe\xff", ">I2") },
    ["compiled Lua"] = { "is compiled; only the text", string.dump(function() end) },
    ["compiled Lua behind a #! line"] = {
      "is compiled; only the text", "#!/usr/bin/lua\n" .. string.dump(function() end)
    },
    ["compiled Lua behind a mark"] = { "is compiled; only the text", BYTE_ORDER_MARK .. string.dump(function() end) },
    ["a second mark"] = { "unexpected symbol", BYTE_ORDER_MARK .. BYTE_ORDER_MARK .. "return 1" },
    ["a # on the second line"] = { ":2: unexpected symbol", "local x = 1\n# no comment" },
    ["a pipe"] = { "is not a regular file", function(path) os.execute("mkfifo " .. path) end },
    ["a folder"] = { "is not a regular file", function(path) lfs.mkdir(path) end },
    ["a device"] = { "lies outside the folder", function(path) lfs.link("/dev/zero", path, true) end },
    ["a link to nothing"] = { "No such file", function(path) lfs.link("nothing.lua", path, true) end },
    ["a link to itself"] = { "Too many levels", function(path) lfs.link(path, path, true) end },
    ["a link out of the folder"] = { "lies outside the folder", function(path)
      lfs.link(hosts.folder { ["secret.lua"] = "return 1" } .. "/secret.lua", path, true)
    end },
    ["more than 16 MiB"] = { "is larger than 16777216 bytes", function(path)
      local file <close> = assert(io.open(path, "w"))
      file:seek("set", 16 << 20)
      file:write "x"
    end },
  }

  local function make(path, content)
    if type(content) == "string" then files.write(path, content) else content(path) end
  end

  for what, case in pairs(refused) do
    it("is not " .. what, function()
      local folder = hosts.folder {}
      make(folder .. "/a.lua", case[2])
      local ok, message = pcall(troupe.host, { actors = folder })
      assert.is_false(ok)
      assert.matches("/a%.lua:", message)
      assert.matches(case[1], message)
    end)

    it("is not, in a module, " .. what, function()
      local host = hosts.open { ["a.lua"] = hosts.class("A", [[
        function Class:get() local name = "lib.m" return select(2, pcall(require, name)) end]]), ["lib/x.lua"] = "" }
      make(host.folder .. "/lib/m.lua", case[2])
      local message = host:actor("A", "a"):get()
      assert.matches("/lib/m%.lua", message)
      assert.matches(what == "a link to nothing" and "not found" or case[1], message)
    end)
  end
end)
