--- How many entries of the store each thing takes, as host:entries() counts them. It is a fact of the format, for specs
--- that check what is left behind.

return {
  CLOCKS = 1,            -- how the host's clocks stand, from its first start on
  HOST = 2,              -- what the host keeps for itself, that included, from its first commit on
  ACTOR = 2,             -- its place in the index, and its own record
  STATE = 1,             -- a state small enough for one record
  DIVIDED_STATE = 2,     -- a larger one: its place and its header; each of its fields comes on top
  FIELD = 1,
  STATE_VERSION = 1,     -- if the class has one
  KV_ENTRY = 1,
  IDEMPOTENCY_KEY = 2,   -- one by the key, one by the time when it expires
}
