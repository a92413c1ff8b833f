/* The types of client.js. What each thing means is told in README.md. */

/** A key of an actor, or a part of one. An array is a tuple: `["eu", 42]`. */
export type Key = string | number | bigint | boolean | readonly Key[];

/** What JSON can express. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Why a call failed. */
export class TroupeError extends Error {
  constructor(message: string, details?: { code?: string; metadata?: unknown; status?: number; cause?: unknown });
  /** The actor's code, one of the host's, or one of the client's own: `connection_lost`, `timeout`, `closed`. */
  readonly code: string;
  /** What the actor's `UserError` says beside its message. */
  readonly metadata: any;
  /** The status of HTTP that belongs to the code; 0 for the client's own codes. */
  readonly status: number;
}

export interface CallOptions {
  /** Ends calls, which then fail with its `reason`, and listeners. */
  signal?: AbortSignal;
  /** Milliseconds until a call that has no answer fails as `timeout` (75,000). 0: never. */
  timeout?: number;
  /** Whether each call gets a key of its own, so that it is repeated when its answer was lost (false). */
  idempotent?: boolean;
  /** The key of one call, 1 to 255 visible ASCII characters: it happens once, however often it is sent. */
  idempotencyKey?: string;
  /** `"socket"` (default) or, for plain HTTP, `"http"`. Events need a socket in any case. */
  transport?: "socket" | "http";
}

export interface HandleOptions extends CallOptions {
  /** `rpc.params` of calls, and what `on_before_connect` gets. A function is called for each connection. */
  params?: unknown | (() => unknown);
  /** `false`: an actor that does not exist is `actor_not_found`, and is not created. */
  create?: boolean;
  /** For `initialize_state`, if this creates the actor. */
  input?: unknown;
  /** Of calls over HTTP; a browser's WebSocket sends none. */
  headers?: Record<string, string>;
}

/** What may stand in for the runtime's timers, its clock, in milliseconds, and its chance: for tests. */
export interface Clock {
  setTimeout(f: () => void, ms: number): unknown;
  clearTimeout(timer: any): void;
  now(): number;
  random(): number;
}

export interface ClientOptions extends HandleOptions {
  /** Hears of all connections of the client. */
  onStatus?(status: Status & { actor: string }): void;
  /** In place of the runtime's. */
  WebSocket?: new (url: string) => any;
  fetch?: typeof fetch;
  clock?: Clock;
}

/** What a connection is doing. */
export interface Status {
  /**
   * - `idle`: nothing has used it yet
   * - `connecting`, `open`
   * - `waiting`: it is lost, and is tried again in `retryIn` milliseconds
   * - `closed`: it has ended, and the next call or listener opens it again
   */
  state: "idle" | "connecting" | "open" | "waiting" | "closed";
  /** With which it was closed. */
  code?: number;
  reason?: string;
  retryIn?: number;
  /** Why the host refused it; or, when it is open, why it refused to subscribe to `event`. */
  error?: TroupeError;
  event?: string;
}

type AnyFunction = (...args: any[]) => any;

/** The methods of an actor, as a client calls them: the same, with a promise of the result. */
export type Remote<Methods> = {
  [Name in keyof Methods as Name extends keyof Own<any, any> ? never : Name]:
    Methods[Name] extends (...args: infer Args) => infer Result ? (...args: Args) => Promise<Awaited<Result>> : never;
};

type ArgsOf<Events, Name> = Name extends keyof Events ? (Events[Name] extends any[] ? Events[Name] : never) : any[];
type NameOf<Events> = keyof Events extends never ? string : (keyof Events & string);

/** What a handle has beside the methods of its actor. A method of such a name is called by `call`. */
export interface Own<Methods, Events> {
  /** Calls a method of any name. */
  call<Name extends keyof Methods & string>(
    method: Name, ...args: Methods[Name] extends (...args: infer Args) => any ? Args : any[]
  ): Promise<Methods[Name] extends (...args: any[]) => infer Result ? Awaited<Result> : any>;
  call(method: string, ...args: unknown[]): Promise<any>;
  /** The same handle, whose calls and listeners have these options. */
  with(options: CallOptions): Handle<Methods, Events>;
  /** Hears an event, until the function that it returns is called. */
  on<Name extends NameOf<Events>>(event: Name, listener: (...args: ArgsOf<Events, Name>) => void): () => void;
  once<Name extends NameOf<Events>>(event: Name, listener: (...args: ArgsOf<Events, Name>) => void): () => void;
  /** Ends a listener, or all of this handle for that event. */
  off<Name extends NameOf<Events>>(event: Name, listener?: (...args: ArgsOf<Events, Name>) => void): void;
  /** Hears what the connection is doing: at once, and whenever that changes. */
  onStatus(listener: (status: Status) => void): () => void;
  /** Ends its calls and listeners, and the connection unless another handle uses it now. */
  close(): void;
}

export type Handle<Methods = Record<string, AnyFunction>, Events = {}> = Remote<Methods> & Own<Methods, Events>;

type EventsOf<Events, Class> = Class extends keyof Events ? Events[Class] : {};

export type Client<Actors = Record<string, Record<string, AnyFunction>>, Events = {}> = {
  [Class in keyof Actors as Class extends "actor" | "close" ? never : Class]:
    (key: Key, options?: HandleOptions) => Handle<Actors[Class], EventsOf<Events, Class>>;
} & {
  /** An actor of a class of any name. */
  actor<Class extends keyof Actors & string>(
    className: Class, key: Key, options?: HandleOptions
  ): Handle<Actors[Class], EventsOf<Events, Class>>;
  /** Ends all calls, listeners and connections. */
  close(): void;
};

/**
 * A client of the host at this URL, or, in a page, of the host that it has this file from. Opens nothing yet.
 *
 * The types of actors and of their events are yours:
 * `connect<{ Counter: { increment(by?: number): number } }, { Counter: { changed: [count: number] } }>(url)`.
 */
export function connect<Actors = Record<string, Record<string, AnyFunction>>, Events = {}>(
  url?: string | URL, options?: ClientOptions
): Client<Actors, Events>;
