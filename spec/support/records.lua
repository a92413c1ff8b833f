--- How many entries of the store each thing takes, as host:entries() counts them: a fact of the format, for specs of
--- what is left behind.

return {
  HOST = 1,              -- what the host keeps for itself, from its first commit on
  ACTOR = 2,             -- its place in the index, and its own record
  STATE = 1,             -- a state that is small enough for one record
  DIVIDED_STATE = 2,     -- one that is not: its place and its header; and each of its fields
  FIELD = 1,
  STATE_VERSION = 1,     -- of a class that has one
  KV_ENTRY = 1,
  IDEMPOTENCY_KEY = 2,   -- found by the key, and by when it expires
}
