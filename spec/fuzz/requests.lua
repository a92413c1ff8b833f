--- HTTP requests that are nearly right: by their parts, and by their bytes.

local requests = {}

local function chance(of) return math.random(of) == 1 end
local function any(list) return list[math.random(#list)] end

-- Mostly one of the first few, which are as they should be.
local function any_good(list, good) return list[math.random(chance(5) and #list or good)] end

-- --- Bytes ---------------------------------------------------------------------------------------------------------

local NUMBERS = { "0", "-1", "255", "65536", "2147483648", "4294967296", "9223372036854775808", "1e309", "-0", "00" }
local PIECES = {
  "\r\n", "\n", "\0", " ", ":", "%", "%2F", "%00", "?", "/", "[", "]", "{", '"', "\\u", "\xff", "\t", "HTTP/1.1",
}

local mutations = {
  function(text, at)   -- a bit
    return text:sub(1, at - 1) .. string.char(text:byte(at) ~ 1 << math.random(0, 7)) .. text:sub(at + 1)
  end,
  function(text, at) return text:sub(1, at - 1) .. string.char(math.random(0, 255)) .. text:sub(at + 1) end,
  function(text, at) return text:sub(1, at - 1) .. text:sub(at + math.random(8)) end,
  function(text, at) return text:sub(1, at) .. any(PIECES) .. text:sub(at + 1) end,
  function(text, at) return text:sub(1, at) .. text:sub(math.max(1, at - math.random(20))) end,
  function(text, at) return text:sub(1, at - 1) .. any(NUMBERS) .. text:sub(at + 1) end,
  function(text, at) return text:sub(1, at) end,
  function(text) return (text:gsub("%d+", function() return any(NUMBERS) end, 1)) end,
}

function requests.mutate(text)
  if text == "" then return any(PIECES) end
  for _ = 1, chance(3) and 3 or 1 do
    text = any(mutations)(text, math.random(#text))
    if text == "" then break end
  end
  return text
end

-- --- Parts ---------------------------------------------------------------------------------------------------------

local METHODS = { "POST", "GET", "HEAD", "PUT", "OPTIONS", "CONNECT", "post" }
local KEYS = { "ann", "42", '["eu",42]', "%5B%22eu%22%5D", "a%2Fb", "[[1],true]", ".", "%ff", "[", "%", "" }
local CALLS = {
  { "echo", '[1,2.5,"x",null,{"a":[]}]' }, { "echo", '["\\ud83d\\ude00"]' }, { "echo", "[-0.0]" }, { "echo", "" },
  { "put", '[{"b":[true,{}]}]' }, { "get", "[]" }, { "content", "[]" }, { "in_kv", '[["long",{"x":1e-7}]]' },
  { "fail", '["string"]' }, { "fail", '["user"]' }, { "fail", '["cycle_in_state"]' }, { "result", '["nan"]' },
  { "result", '["deep"]' }, { "large", "[10000]" }, { "work", "[100]" }, { "_private", "[]" }, { "nothing", "[]" },
  { "about", '["host"]' }, { "type_of", "[9223372036854775807]" },
}
local QUERIES = {
  "", "", "?create=true&input=%7B%22a%22:1%7D", "?params=[1]", "?create=false", "?input=%22refuse%22", "?x=1",
  "?create=false&create=false",
}
local HEADERS = {
  "Idempotency-Key: once", "Connection: keep-alive", "Expect: 100-continue", "Content-Type: text/plain",
  "Authorization: Bearer x", "Idempotency-Key: ", "Connection: close", "Expect: wonders", "Content-Length: 0",
  "Transfer-Encoding: gzip", "Transfer-Encoding: chunked", "Content-Length: 3", "Host: y", "Origin: http://x",
  "Origin: http://localhost", "Access-Control-Request-Method: POST", "X: y ", "X : y",
  "Upgrade: websocket", "Upgrade: h2c", "X: " .. ("y"):rep(3000), ": no name", " folded", "Accept-Encoding: gzip",
}

local function chunked(body)
  local parts = {}
  while body ~= "" do
    local size = math.random(#body)
    table.insert(parts, ("%x\r\n%s\r\n"):format(size, body:sub(1, size)))
    body = body:sub(size + 1)
  end
  return table.concat(parts) .. "0\r\n\r\n"
end

local function add_body(lines, body)
  if chance(4) then
    table.insert(lines, "Transfer-Encoding: chunked")
    body = chunked(body)
  elseif body ~= "" or chance(2) then
    table.insert(lines, "Content-Length: " .. #body + (chance(20) and math.random(-3, 3) or 0))
  end
  return body
end

local function target(call)
  if chance(12) then return any { "/health", "/", "*", "/actors", "http://x/health", "//actors/Box/a/get" } end
  local method = call[1] == "inspect" and "" or "/" .. call[1]
  return "/actors/" .. (chance(20) and "Nothing" or "Box") .. "/" .. any_good(KEYS, 6) .. method .. any_good(QUERIES, 4)
end

--- One request, as bytes: right, or with something wrong in a part of it, or in its bytes.
---@return string
function requests.any()
  local call, wrong = any(CALLS), math.random(12)
  local method, path, body = any_good(METHODS, 1), target(call), call[2]
  if wrong == 1 then method = requests.mutate(method) end
  if wrong == 2 then path = requests.mutate(path) end
  if wrong == 3 then body = requests.mutate(body) end
  if wrong == 4 then body = ("["):rep(math.random(150)) .. body .. ("]"):rep(math.random(150)) end
  local lines = { ("%s %s HTTP/1.%d"):format(method, path, chance(10) and 0 or 1), "Host: x" }
  for _ = 1, chance(2) and math.random(0, 3) or 0 do table.insert(lines, any_good(HEADERS, 5)) end
  body = add_body(lines, body)
  if wrong == 5 then
    local at = math.random(#lines)
    lines[at] = requests.mutate(lines[at])
  end
  local text = table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
  return wrong == 6 and requests.mutate(text) or text
end

--- The last of a connection: after it the server has nothing to wait for.
requests.LAST = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

return requests
