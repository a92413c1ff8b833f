#!lua name=bench
-- The peer in Redis: functions that do what the actors do. A shelf is a sorted set for the order and a hash for the
-- values.

local START = 1000000   -- what is in a new account

local function put(keys, args)
  redis.call("ZADD", keys[1], args[1], args[1])
  redis.call("HSET", keys[2], args[1], args[2])
  return 1
end

local function get(keys, args)
  return redis.call("HGET", keys[2], args[1])
end

local function top(keys, args)
  local numbers = redis.call("ZRANGE", keys[1], 0, args[1] - 1, "REV")
  local values = redis.call("HMGET", keys[2], unpack(numbers))
  local list = {}
  for i, number in ipairs(numbers) do list[i] = { number, values[i] } end
  return list
end

local function put_many(keys, args)
  for number = args[1], args[1] + args[2] - 1 do
    redis.call("ZADD", keys[1], number, number)
    redis.call("HSET", keys[2], number, ("value of entry %d, version %s"):format(number, args[3]))
  end
  return 1
end

local function increment(keys)
  return redis.call("HINCRBY", keys[1], "count", 1)
end

local function increment_many(_, args)
  for number = args[1], args[1] + args[2] - 1 do redis.call("HINCRBY", ("counter:%d"):format(number), "count", 1) end
  return 1
end

-- Redis undoes nothing: the check comes first.
local function move(keys, args)
  local amount = tonumber(args[1])
  if tonumber(redis.call("HGET", keys[2], "balance") or START) < amount then
    return redis.error_reply "there is not enough"
  end
  for i = 2, 3 do redis.call("HSETNX", keys[i], "balance", START) end
  redis.call("HINCRBY", keys[2], "balance", -amount)
  redis.call("HINCRBY", keys[3], "balance", amount)
  redis.call("HINCRBY", keys[1], "sum", amount)
  return redis.call("HINCRBY", keys[1], "count", 1)
end

redis.register_function("put", put)
redis.register_function { function_name = "get", callback = get, flags = { "no-writes" } }
redis.register_function { function_name = "top", callback = top, flags = { "no-writes" } }
redis.register_function("put_many", put_many)
redis.register_function("increment", increment)
redis.register_function("increment_many", increment_many)
redis.register_function("move", move)
