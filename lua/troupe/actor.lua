--- The class of all actors. `require "troupe.actor"` returns it; a class file extends it and returns the new class.
---
--- A class holds methods. Those of its parents, up to Actor, are found through it too. The host decides which of them
--- clients can call (lua/README.md, "A class").

---@alias Key string|number|boolean|any[]   a tuple, or its only part

--- How a value is stored: "value" (the default), or "bytes" for a string as it is.
---@class KvFormat
---@field format "value"|"bytes"|nil

--- Which entries, and in which order.
---@class KvRange: KvFormat
---@field prefix Key|nil          only keys that begin with these parts
---@field start Key|nil           from this key on
---@field start_after Key|nil     after this key
---@field stop Key|nil            up to this key, but without it; also ["end"]
---@field reverse boolean|nil     the last one first
---@field limit integer|nil       at most this many

---@class KvEntry
---@field key Key                 a tuple if it comes from the host
---@field value any

--- The ordered store of an actor (lua/README.md, "kv").
---@class Kv
---@field get fun(self: Kv, key: Key, options?: KvFormat): any
---@field get_batch fun(self: Kv, keys: Key[], options?: KvFormat): table         the values, and n
---@field list fun(self: Kv, options?: KvRange): KvEntry[]
---@field each fun(self: Kv, options?: KvRange): (fun(): any[]?, any)             for key, value in kv:each() do
---@field count fun(self: Kv, options?: KvRange): integer
---@field put fun(self: Kv, key: Key, value: any, options?: KvFormat)
---@field put_batch fun(self: Kv, entries: KvEntry[], options?: KvFormat)
---@field delete fun(self: Kv, key: Key): boolean                                 whether there was one
---@field delete_batch fun(self: Kv, keys: Key[]): integer                        how many were there
---@field delete_range fun(self: Kv, options?: KvRange): integer                  how many there were
---@field delete_all fun(self: Kv)

--- What an actor wants to do later, or could not do (lua/README.md, "Schedules").
---@class ScheduleEntry
---@field id integer
---@field due number              when it runs next: seconds since 1970
---@field method string
---@field every number|nil        seconds from beat to beat
---@field cron string|nil         the expression
---@field tries integer           of this run, or beat, that failed
---@field failed boolean          it was given up, and runs no more by itself
---@field error string|nil        of the last try that failed

--- Each that sets a schedule returns its id. What follows the name of the method are its arguments, behind `rpc`.
---@class Schedule
---@field after fun(self: Schedule, seconds: number, method: string, ...: any): integer      once, in so many seconds
---@field at fun(self: Schedule, unix_seconds: number, method: string, ...: any): integer    once, at that moment
---@field every fun(self: Schedule, seconds: number, method: string, ...: any): integer      again and again
---@field cron fun(self: Schedule, expression: string, method: string, ...: any): integer    by the calendar, in UTC
---@field cancel fun(self: Schedule, id: integer): boolean    whether it was pending, or had failed
---@field retry fun(self: Schedule, id: integer): boolean     whether it had failed; then it begins anew, now
---@field list fun(self: Schedule): ScheduleEntry[]           in the order in which they are due, failed ones last

--- Which run of which schedule a call is: `rpc.schedule`.
---@class ScheduleRun
---@field id integer
---@field due number              the beat, or the moment that was set: seconds since 1970
---@field try integer             1 for the first
---@field skipped integer         beats before this one without a run that succeeded

--- What calls through a handle do besides (lua/README.md, "Calls between actors").
---@class HandleOptions
---@field create boolean|nil            false: an actor that does not exist is `actor_not_found`
---@field input any                     for initialize_state, if a call creates the actor
---@field timeout number|nil            seconds
---@field idempotency_key string|nil    a call runs at most once

--- The address of an actor: a value, with the methods of its class, each of which waits for its answer.
---@class Handle
---@field [string] fun(self: Handle, ...: any): any

--- One of those that are connected to the actor (lua/README.md, "Connections"). Two values of one connection are equal.
---@class Connection
---@field id string          different for each
---@field params any         what the client sent as `params` when it connected; each look makes a new table
---@field state any          what the actor knows of it, saved with each call; at first what on_before_connect returned
---@field send fun(self: Connection, event: string, ...: any)         tells it an event
---@field disconnect fun(self: Connection, reason?: string)           closes it, behind the answer of this call

--- What is known about a call: the first argument of a method (lua/README.md, "rpc").
---@class Rpc
---@field id string                      different for each
---@field caller "client"|"actor"|"schedule"
---@field actor Handle|nil               of the actor that calls, or has sent a message
---@field schedule ScheduleRun|nil       of a schedule's run
---@field connection Connection|nil      through which a client calls
---@field params any                     what came with the call, or with its connection
---@field headers table<string, string>|nil   of HTTP, names in lower case
---@field address string|nil             of the client
---@field idempotency_key string|nil     the client's

---@class Actor
---@field name string        the name of the class
---@field super Actor        its parent
---@field class Actor        of an actor: its class
---@field key any[]          of an actor: its key, a tuple
---@field state table        of an actor: its state
---@field kv Kv              of an actor: its ordered store
---@field schedule Schedule  of an actor: what it does later
---@field connections Connection[]  of an actor: those that are open, in the order in which they were opened
---@field log Log            of an actor: writes its lines into the host's log
---@field save_state fun(self: Actor)  of an actor: ends one commit of a call and begins the next
---@field destroy fun(self: Actor)  of an actor: when the call ends well, nothing of the actor is left
---@field actor fun(self: Actor, class: string, key: Key, options?: HandleOptions): Handle  of an actor: names another
---@field send fun(self: Actor, handle: Handle, method: string, ...: any)  of an actor: one way, applied once
---@field broadcast fun(self: Actor, event: string, ...: any)  of an actor: tells connections that have subscribed to it
---@field state_version integer|nil    the version to which migrate_state brings older states; nil counts as 1
local Actor = { name = "Actor" }

local new_class = ...     -- the host's: makes a class that only its own file can write to, while that file loads

--- Makes a class with this one as its parent.
---@param name string  what clients call the class: it stands in URLs, and is part of its actors' addresses for ever
---@return Actor
function Actor:extend(name)
  if type(name) ~= "string" or name == "" or #name > 128 then
    error("extend: the name of a class is a string of 1 to 128 bytes", 2)
  end
  return new_class(self, name)
end

return Actor
