-- For wrk: increments over so many actors, in turn; the connections of a thread share the count. ACTORS in the
-- environment, 1,000 by default.
local actors, n = tonumber(os.getenv "ACTORS" or 1000), 0

function request()
  n = n % actors + 1
  return wrk.format("POST", "/actors/Counter/" .. n .. "/increment")
end
