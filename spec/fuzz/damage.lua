--- Damage as disks, people and programs do it to files: a bit, a sector, a page, an end, a file.

local damage = {}

local function chance(of) return math.random(of) == 1 end

local function replace(content, at, by)   -- from 0
  return (content:sub(1, at) .. by .. content:sub(at + #by + 1)):sub(1, #content)
end

-- Places are wanted where something is: half of them at the head of a page, where LMDB keeps what holds it together.
local function any_place(content)
  local at = math.random(0, #content - 1)
  if chance(3) then at = at // 4096 * 4096 + math.random(0, 63) end
  return math.min(at, #content - 1)
end

-- Each: what is left of the content, and the first byte that may be another.

local function flip(content)
  local first = #content
  for _ = 1, chance(2) and 1 or math.random(8) do
    local at = any_place(content)
    content = replace(content, at, string.char(content:byte(at + 1) ~ 1 << math.random(0, 7)))
    first = math.min(first, at)
  end
  return content, first
end

local function number(content)
  local at, size = any_place(content), 1 << math.random(0, 3)
  local numbers = { 0, -1, 1, 1 << (8 * size - 1), math.random(0) }
  return replace(content, at, ("<i8"):pack(numbers[math.random(#numbers)]):sub(1, size)), at
end

local function zero(content)
  local unit = math.random(2) == 1 and 512 or 4096
  local at = any_place(content) // unit * unit
  return replace(content, at, ("\0"):rep(unit)), at
end

local function garbage(content)
  local at, bytes = any_place(content), {}
  for i = 1, math.random(64) do bytes[i] = string.char(math.random(0, 255)) end
  return replace(content, at, table.concat(bytes)), at
end

-- Two pages change places; or one is also where another was, as by a write that went astray.
local function swap(content)
  local unit = chance(4) and 512 or 4096
  local a, b = any_place(content) // unit * unit, any_place(content) // unit * unit
  local page_a, page_b = content:sub(a + 1, a + unit), content:sub(b + 1, b + unit)
  if chance(2) then content = replace(content, b, page_a) end
  return replace(content, a, page_b), math.min(a, b)
end

local function cut(content)
  local at = any_place(content)
  if chance(3) then at = at // 4096 * 4096 end
  return content:sub(1, at), at
end

local function remove() return nil, 0 end

local KINDS = {
  { "flip", flip }, { "flip", flip }, { "flip", flip }, { "number", number }, { "number", number }, { "zero", zero },
  { "garbage", garbage }, { "swap", swap }, { "swap", swap }, { "cut", cut }, { "remove", remove },
}

local function copy_segment(files, path)
  local name = ("log/%016x"):format(math.random(80))
  files[name] = files[path]
  return ("%s copied to %s"):format(path, name), { [name] = 0 }
end

--- Damages a copy of these files, in the store or in the log.
---@param files table<string, string>  path -> content
---@param place "store"|"log"
---@return table<string, string> damaged
---@return string told                 what was done
---@return table<string, integer> firsts  by path, the first byte that may be another than before
function damage.make(files, place)
  local copy, paths = {}, {}
  for path, content in pairs(files) do
    copy[path] = content
    local wanted = place == "store" and path == "store/data.mdb" or place == "log" and path:find "^log/%x+$"
    if wanted then table.insert(paths, path) end
  end
  table.sort(paths)
  local path = paths[math.random(#paths)]
  if place == "log" and chance(10) then
    local told, firsts = copy_segment(copy, path)
    return copy, told, firsts
  end
  local kind = KINDS[math.random(#KINDS)]
  local first
  copy[path], first = kind[2](copy[path])
  return copy, ("%s of %s at byte %d"):format(kind[1], path, first), { [path] = first }
end

return damage
