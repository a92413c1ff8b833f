--- The spec kit: the real host in a spec's own process.
---
---     local troupe = require "troupe.test"
---     local host = troupe.host{ actors = "actors" }
---     local counter = host:actor("Counter", "ann")
---     counter:increment(5)
---     host:crash()
---     counter:increment(1)
---     host:close()
---
--- The host runs inline: nothing happens between two calls of the spec. Time stands still until host:advance(),
--- processor time is counted, not measured, and the disk fails when host:fail_next() says so.

local kit = require "troupe_host"
local calls = require "troupe.test_calls"
local raising = require "troupe.raising"

local Connection, Pending = calls.Connection, calls.Pending
local ask = raising.ask

raising.enrol()

local troupe = {}

--- The one null of the host, in specs too; the same value as cjson.null.
troupe.null = kit.null

--- Marks a table as a sequence, so that an empty one stays one.
---@param t table|nil
---@return table
function troupe.array(t)
  return raising.call(kit, "array", t or {})
end

--- The number, from 1 on, of the worker on which an actor lives in a host with this many workers. It is the same in
--- every host.
---@param class string
---@param key any
---@param workers integer
---@return integer
function troupe.worker_of(class, key, workers)
  return raising.call(kit, "worker_of", class, key, workers)
end

---@class troupe.Host
---@field _kit userdata
local Host = { __name = "troupe.Host" }
Host.__index = Host

---@class troupe.Options
---@field actors string|nil      the folder of classes (default "actors")
---@field data string|nil        a data folder, which stays when the host closes (default: a new one, which does not)
---@field workers integer|nil    how many (default 1)
---@field limits table|nil       by field, e.g. `{ key_bytes = 100 }`
---@field dev boolean|nil        whether errors of scripts are told in full (default true)
---@field time integer|nil       where the clock begins, in seconds since 1970
---@field log boolean|nil        whether log lines are printed too
---@field map_bytes integer|nil  address space of the store
---@field durability string|nil  "commit" (default) or "relaxed"
---@field look_us integer|nil    processor time that passes between two looks at it (100); 0: it stands still
---@field turns_a_step integer|nil  after how many turns a step of a worker ends (256)
---@field batch_commits integer|nil  how many calls at most become durable with one write (65,536)
---@field pause_ms integer|nil   processor time after which work on many records pauses (10); 0: at each record

---@class troupe.CallOptions
---@field create boolean|nil     whether the first call may create the actor (true)
---@field input any              for initialize_state
---@field params any             rpc.params
---@field headers table<string, string>|nil  rpc.headers; names may have any case
---@field address string|nil     rpc.address
---@field idempotency_key string|nil

--- Opens a host in this process, on a data folder, with a clock of its own.
---@param options troupe.Options|nil
---@return troupe.Host
function troupe.host(options)
  return setmetatable({ _kit = raising.call(kit, "open", options or {}) }, Host)
end

--- Begins a call without waiting for its answer.
---@param class string
---@param key any            a string, number or boolean, or a tuple of them
---@param method string
---@return troupe.Pending
function Host:start(class, key, method, ...)
  return self:start_with(nil, class, key, method, ...)
end

--- Begins a call with options, the same as those of host:actor().
---@param options troupe.CallOptions|nil
---@param class string
---@param key any
---@param method string
---@return troupe.Pending
function Host:start_with(options, class, key, method, ...)
  return self:_submit("call", class, key, method, { ... }, select("#", ...), options)
end

--- Asks an actor to leave memory, without waiting until it has.
---@param class string
---@param key any
---@return troupe.Pending
function Host:start_sleep(class, key)
  return self:_submit("sleep", class, key)
end

--- Begins the end of an actor, as an operator asks for it, without waiting for it.
---@param class string
---@param key any
---@return troupe.Pending
function Host:start_destroy(class, key)
  return self:_submit("destroy", class, key)
end

--- Begins a request of this kind; first starts the host if it has ended.
function Host:_submit(kind, ...)
  if not self._kit:is_open() then ask(self._kit, "reopen") end
  return setmetatable({ _pending = ask(self._kit, "submit", kind, ...), _host = self }, Pending)
end

--- A handle: calling a method on it calls the actor, and raises what the call raises.
---@param class string
---@param key any
---@param options troupe.CallOptions|nil  as over HTTP
---@return table
function Host:actor(class, key, options)
  local host = self
  return setmetatable({}, {
    __name = "troupe.Handle",
    __index = function(handle, method)
      local function call(_, ...)
        return host:start_with(options, class, key, method, ...):get()
      end
      rawset(handle, method, call)
      return call
    end,
  })
end

--- Opens a connection to an actor, as a client of a WebSocket does: on_before_connect and on_connect run, and what
--- the actor tells the connection is in its events(). Raises why it was refused.
---@param class string
---@param key any
---@param options troupe.ConnectOptions|nil
---@return troupe.Connection
function Host:connect(class, key, options)
  return self:start_connect(class, key, options):get()
end

--- Begins to open a connection, without waiting for it. The result of the pending call is the connection, which is
--- returned beside it, so that a spec can close it before it is open.
---@param class string
---@param key any
---@param options troupe.ConnectOptions|nil
---@return troupe.Pending
---@return troupe.Connection
function Host:start_connect(class, key, options)
  if not self._kit:is_open() then ask(self._kit, "reopen") end
  local pending, spectator = ask(self._kit, "connect", class, key, options)
  local connection = setmetatable({ _spectator = spectator, _host = self, _calls = {} }, Connection)
  return setmetatable({ _pending = pending, _host = self, _connection = connection }, Pending), connection
end

--- The answer to a request that looks inside; nil if there is no such actor.
function Host:_look(kind, class, key)
  local ok, result = pcall(Pending.get, self:_submit(kind, class, key))
  if ok then return result end
  if type(result) == "table" and result.code == "actor_not_found" then return nil end
  error(result, 0)
end

--- A copy of an actor's state; nil if there is none.
function Host:state(class, key)
  return self:_look("state", class, key)
end

--- All kv entries of an actor, in order: an array of { key = tuple, value = v }; nil if there is no such actor.
function Host:kv(class, key)
  return self:_look("kv", class, key)
end

--- What inspect_state returns or, without that hook, the state.
function Host:inspect(class, key)
  return self:_look("inspect", class, key)
end

---@class troupe.Call
---@field id string             its rpc.id
---@field class string
---@field key any               one string as it is, any other key as a tuple
---@field method string|nil     or the hook of a connection; nil: an operator or a spec looks at it, or destroys it
---@field caller { class: string, key: any }|nil  the actor that made the call
---@field seconds number        since its worker took it in
---@field waits "mailbox"|"save"|"others"|"answer"|"answered"  for what
---@field waits_seconds number  since when
---@field asks { id: string, class: string, key: any, method: string }|nil  the call whose answer it waits for

--- Each call that waits, for its turn or in the middle of it, as `GET /calls` tells it. Runs nothing: a call that was
--- begun is seen once its worker has taken a step. Also returns whether the list is cut.
---@return troupe.Call[]
---@return boolean
function Host:calls()
  local found = ask(self._kit, "calls")
  for _, call in ipairs(found.calls) do
    for name, value in pairs(call) do
      if value == troupe.null then call[name] = nil end
    end
  end
  return found.calls, found.cut
end

--- Destroys an actor, as `troupe destroy` does: on_destroy runs, and nothing of the actor is left. Raises if there is
--- no such actor.
---@param class string
---@param key any
function Host:destroy(class, key)
  self:start_destroy(class, key):get()
end

---@class troupe.Failed
---@field id string             by which retry() and drop() know it
---@field kind "message"|"schedule"
---@field class string          the actor that was to do it
---@field key any               one string as it is, any other key as a tuple
---@field method string
---@field args any[]
---@field sender { class: string, key: any }|nil  of a message
---@field tries integer         that failed
---@field error string          of the last one
---@field due number            when that was due, in seconds since 1970

--- Begins to ask for a page of what was given up, without waiting for it. Its result is `{ failed = troupe.Failed[],
--- next = id or null }`.
---@param after string|nil       the id behind which it begins (nil: the first page)
---@param limit integer|nil      at most so many entries (1,000)
---@return troupe.Pending
function Host:start_failed(after, limit)
  return self:_submit("failed", after or "", "", nil, nil, nil, { limit = limit or 1000 })
end

--- Begins what retry() does, without waiting for it.
---@param id string
---@return troupe.Pending
function Host:start_retry(id)
  return self:_submit("retry", id, "")
end

--- Begins what drop() does, without waiting for it.
---@param id string
---@return troupe.Pending
function Host:start_drop(id)
  return self:_submit("drop", id, "")
end

--- What was given up, messages and schedules, as `GET /failed` tells it; all pages of it. Runs the host.
---@param limit integer|nil      entries a page (1,000)
---@return troupe.Failed[]
function Host:failed(limit)
  local found, after = {}, ""
  repeat
    local page = self:start_failed(after, limit):get()
    table.move(page.failed, 1, #page.failed, #found + 1, found)
    after = page.next
  until after == troupe.null
  return found
end

--- Begins anew what was given up, as `troupe failed retry` does. Raises `failed_not_found` if it is not there.
---@param id string
function Host:retry(id)
  self:start_retry(id):get()
end

--- Drops what was given up, as `troupe failed drop` does. Raises `failed_not_found` if it is not there.
---@param id string
function Host:drop(id)
  self:start_drop(id):get()
end

--- Makes an actor leave memory, as it would when idle: on_stop runs.
function Host:sleep(class, key)
  self:start_sleep(class, key):get()
end

--- Runs the host's steps until everything is at rest. Raises after 20,000 commits at one moment: it never would be.
function Host:run()
  if self._kit:is_open() then ask(self._kit, "run") end
end

--- Takes one step of a worker, given by its number from 1 on, of the committer or of the checkpointer, even if that is
--- held, or of the door, which tells workers of connections that have ended; nothing else runs. Returns whether there
--- was anything to do.
---@param who integer|"committer"|"checkpointer"|"door"
---@return boolean
function Host:step(who)
  return ask(self._kit, "step", who)
end

--- Holds the committer, or lets it go on. While it is held, nothing becomes durable, and calls that wait for that get
--- no answer.
---@param held boolean
function Host:hold(held)
  ask(self._kit, "hold", held)
end

--- Holds the checkpointer, or lets it go on. While it is held, what is durable stays in the log and in memory.
---@param held boolean
function Host:hold_checkpoints(held)
  ask(self._kit, "stick", held)
end

--- Brings everything durable to the store. Runs the host.
function Host:checkpoint()
  ask(self._kit, "checkpoint")
end

--- Loads the classes anew, as SIGHUP asks the program to: calls that begin from now on run in them, those that have
--- begun end in what they began in. Raises why they do not load; then the old ones serve on. Runs nothing.
function Host:reload()
  if self._kit:is_open() then ask(self._kit, "reload") else ask(self._kit, "reopen") end
end

--- Lets time pass, in seconds, from due to due: first all that waits runs, then the clock goes on to the moment at
--- which the next thing is due, that runs, and so on. Calls reach their deadlines, idle actors leave memory, and with
--- `dev` changed files are loaded at the end. If the host has ended, it starts again when the time has passed.
---@param seconds number
function Host:advance(seconds)
  if self._kit:is_open() then
    ask(self._kit, "advance", seconds)
  else
    ask(self._kit, "elapse", seconds)
    ask(self._kit, "reopen")
    ask(self._kit, "run")
  end
end

--- Sets the wall clock forward by so many seconds, or back if they are negative, while no time passes: as a person
--- does, or a device that learns late what time it is. Runs the host.
---@param seconds number
function Host:jump(seconds)
  ask(self._kit, "jump", seconds)
  self:run()
end

--- Lets time pass, in seconds, and runs nothing: for a spec that takes the host's steps one by one.
---@param seconds number
function Host:elapse(seconds)
  ask(self._kit, "elapse", seconds)
end

--- Makes the next write ("write": as on a full disk) or sync ("sync": the host ends) fail. A host that has ended is
--- started first, so that the start is not what fails.
---@param what "write"|"sync"
function Host:fail_next(what)
  if not self._kit:is_open() then
    ask(self._kit, "reopen")
    ask(self._kit, "run")
  end
  ask(self._kit, "fail_next", what)
end

--- Ends the host as kill -9 would; the next call starts it again on the same data. By then so many seconds have
--- passed.
---@param seconds number|nil  (0)
function Host:crash(seconds)
  ask(self._kit, "crash")
  if seconds then ask(self._kit, "elapse", seconds) end
end

--- Stops the host in good order, as SIGTERM does: calls that have begun end, and every actor goes to sleep. The next
--- call starts it again on the same data.
function Host:stop()
  ask(self._kit, "stop")
end

--- Starts a host that has ended, without waiting for the next call.
function Host:reopen()
  ask(self._kit, "reopen")
end

--- Whether the host is running: false after crash() or a failed sync, until the next call.
---@return boolean
function Host:is_open()
  return self._kit:is_open()
end

--- The lines of the log since the last look, as text.
---@return string
function Host:log()
  return ask(self._kit, "log")
end

--- How many commits have been made durable since the host started, with how many syncs and bytes.
---@return { commits: integer, syncs: integer, bytes: integer }
function Host:stats()
  local commits, syncs, bytes = ask(self._kit, "stats")
  return { commits = commits, syncs = syncs, bytes = bytes }
end

--- Bytes that the actors and classes in memory take, after a full garbage collection.
---@return integer
function Host:memory()
  return ask(self._kit, "memory")
end

--- How many entries the store on disk has: this shows whether a state or a kv leaves anything behind.
---@return integer
function Host:entries()
  return ask(self._kit, "entries")
end

--- Stops the host in good order, and removes its data folder if that is its own.
function Host:close()
  ask(self._kit, "close")
end

return troupe
