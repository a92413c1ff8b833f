-- The rules of the house. Who calls a limiter names one of them, and cannot make up another.
local rules = {}

rules.buckets = {
  api = { burst = 20, per_second = 10 },
  login = { burst = 5, per_second = 1 / 60 },
}

rules.windows = {
  keys = { limit = 5, seconds = 0.25 },          -- nobody types faster
  mail = { limit = 3, seconds = 3600 },
}

return rules
