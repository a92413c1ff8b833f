-- For wrk: increments of many tallies, at random. When wrk ends, prints what was acknowledged, one line a tally: its
-- key, how many increments, and the highest count among them.

local ACTORS = tonumber(os.getenv "ACTORS")
local threads = {}

-- --- In each thread of wrk: what it saw is in globals, where done() finds it ----------------------------------------

acknowledged, highest, refused = {}, {}, ""

function init()
  math.randomseed(tonumber(os.getenv "SEED") + number)
end

function request()
  return wrk.format("POST", ("/actors/Tally/%d/increment"):format(math.random(ACTORS)))
end

function response(status, _, body)
  local key, count = body:match '^{"result":%["(%d+)",(%d+)%]}$'
  if status ~= 200 or not key then
    refused = ("%d %s"):format(status, body)
    return
  end
  acknowledged[key] = (acknowledged[key] or 0) + 1
  highest[key] = math.max(highest[key] or 0, tonumber(count))
end

-- --- In wrk itself -------------------------------------------------------------------------------------------------

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function done()
  local sum, top = {}, {}
  for _, thread in ipairs(threads) do
    local refusal = thread:get "refused"
    if refusal ~= "" then print("refused " .. refusal) end
    local tops = thread:get "highest"
    for key, count in pairs(thread:get "acknowledged") do
      sum[key] = (sum[key] or 0) + count
      top[key] = math.max(top[key] or 0, tops[key])
    end
  end
  for key, count in pairs(sum) do
    print(("tally %s %d %d"):format(key, count, top[key]))
  end
end
