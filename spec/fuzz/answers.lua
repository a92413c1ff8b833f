--- What a server has sent on one connection, taken apart: all of it must be whole answers of the kinds that there are.

local cjson = require "cjson"

local answers = {}

local STATUSES = {
  user_error = 400, invalid_request = 400, invalid_arguments = 400, invalid_key = 400, unauthorized = 401,
  forbidden_origin = 403, upgrade_required = 426, path_not_found = 404, method_not_allowed = 405, class_not_found = 404,
  method_not_found = 404, actor_not_found = 404, interrupted = 409, payload_too_large = 413,
  internal_error = 500, overloaded = 503, storage_error = 503, timeout = 504, out_of_memory = 507, deadlock = 508,
}
local CODES_OF_USERS = { insufficient = true, refused = true }     -- of spec/support/actors/box.lua

local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

-- What is wrong with an answer in JSON, or nil.
local function find_wrong(status, body)
  local ok, said = pcall(cjson.decode, body)
  if not ok or type(said) ~= "table" or count(said) ~= 1 then return "no JSON of one field" end
  if said.status == "ok" or said.result ~= nil then return status ~= 200 and "a result that is no 200" or nil end
  local failure = said.error
  if type(failure) ~= "table" or type(failure.code) ~= "string" or type(failure.message) ~= "string" then
    return "neither result nor error"
  end
  if count(failure) ~= (failure.metadata == nil and 2 or 3) then return "an error with more than its three fields" end
  local wanted = STATUSES[failure.code] or CODES_OF_USERS[failure.code] and 400
  if status ~= wanted then return ("code %s with status %d"):format(failure.code, status) end
end

-- The head at a place: status, headers by name in lower case, where the body begins; or nil and what is wrong.
local function read_head(bytes, at)
  local status, begin = bytes:match("^HTTP/1%.1 (%d%d%d) [%a%-' ]+\r\n()", at)
  if not status then return nil, "no head of an answer" end
  local headers = {}
  while bytes:sub(begin, begin + 1) ~= "\r\n" do
    local name, value, after = bytes:match("^([%w%-]+): ([%g ]*)\r\n()", begin)
    if not name then return nil, "no header" end
    headers[name:lower()], begin = value, after
  end
  return tonumber(status), headers, begin + 2
end

-- Whether no body follows, though a length was told, as after HEAD.
local function has_no_body(bytes, at) return at > #bytes or bytes:find("^HTTP/1%.1 %d%d%d ", at) ~= nil end

--- All answers in what came on a connection. `nil` and what is wrong where they are none.
---@param bytes string
---@param may_be_bodiless boolean  whether a HEAD may be among what was asked
---@return table<integer, integer>|nil counts  by status
---@return string|nil wrong
function answers.read(bytes, may_be_bodiless)
  local counts, at = {}, 1
  while at <= #bytes do
    local status, headers, begin = read_head(bytes, at)
    if not status then return nil, headers end
    local size = tonumber(headers["content-length"])
    if status == 100 or status == 204 then
      if size then return nil, "a length without a body" end
      if status == 204 then counts[status] = (counts[status] or 0) + 1 end
      at = begin
    else
      if headers["content-type"] ~= "application/json" then return nil, "an answer of another type" end
      if not size then return nil, "an answer without its length" end
      if may_be_bodiless and has_no_body(bytes, begin) then size = 0 end
      local body = bytes:sub(begin, begin + size - 1)
      if #body ~= size then return nil, "an answer that is cut short" end
      local wrong = size > 0 and find_wrong(status, body)
      if wrong then return nil, wrong end
      counts[status] = (counts[status] or 0) + 1
      at = begin + size
    end
  end
  return counts
end

return answers
