// client.js -- calls the actors of a Troupe host from JavaScript, and hears their events.
//
// WHY     One file for browsers, Node from 18 on and Deno: it needs no package, and nothing is built. What users see of it is
//         told in README.md; its types are in client.d.ts.
// OWNS    A client owns links, one for each address of an actor with the options of its connection. A link owns one WebSocket
//         at a time, the calls that wait for it or are under way on it, and the subscriptions. A handle keeps no socket: it
//         may be thrown away.
// ALWAYS  1. Each call settles once: by its answer, its timeout, its signal, a lost connection, or the end of the client.
//         2. A call that was handed to a socket and lost its answer is sent again only if it has an idempotency key. One that
//            was not handed to a socket yet stays, and goes out after the next opening.
//         3. After an opening go first the subscriptions, then what is repeated, then the rest, in the order of the calls.
//         4. On one link calls go out in the order in which they were made.
// LIMITS  CALLS_MAX: what the host has under way of one connection. More of them wait here, and so survive a loss.
//
// @ts-self-types="./client.d.ts"

const CALLS_MAX = 128;
const TIMEOUT_MS = 75_000;             // more than the host gives a call, so that it has the first word
const PAUSE_MIN_MS = 100, PAUSE_MAX_MS = 10_000;
const STEADY_MS = 1_000;               // a connection that lasted so long was none of the failed tries
const SILENCE_MS = 90_000;             // the host pings after 30 s of silence
const CLOSING_MS = 5_000;              // for the host's word that it has closed too
const TIMER_MAX_MS = 2 ** 31 - 1;      // a longer timer would ring at once

const CLOSE_NO_JSON = 3000;            // ours: one that a browser may send
const CLOSE_TOO_LARGE = 1009, CLOSE_DISCONNECTED = 4000, CLOSE_DESTROYED = 4001, CLOSE_REFUSED = 4400, CLOSE_REFUSED_END = 4600;

// --- Errors ----------------------------------------------------------------------------------------------------------

// What a call failed with. `code` is the host's, the actor's, or one of the client's own: connection_lost, timeout, closed.
// `status` is that of HTTP which belongs to the code, and 0 for the client's own.
export class TroupeError extends Error {
  constructor(message, { code = "user_error", metadata, status = 0, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.metadata = metadata;
    this.status = status;
  }

  get name() {
    return "TroupeError";
  }
}

// Of the host's codes those that are not 400. A frame tells the code alone.
const STATUS_OF = new Map(Object.entries({
  unauthorized: 401, forbidden_origin: 403, path_not_found: 404, class_not_found: 404, method_not_found: 404,
  actor_not_found: 404, method_not_allowed: 405, interrupted: 409, payload_too_large: 413, internal_error: 500,
  overloaded: 503, storage_error: 503, timeout: 504, out_of_memory: 507, deadlock: 508, call_too_deep: 508,
}));

function errorOf({ code, message, metadata }, status = STATUS_OF.get(code) ?? 400) {
  return new TroupeError(message, { code, metadata, status });
}

// Calls what listens. Its mistake is nobody's to catch here, and may not keep others from hearing.
function tell(listener, ...args) {
  try {
    listener(...args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

// --- Paths -----------------------------------------------------------------------------------------------------------

function keyText(part) {
  if (Array.isArray(part)) return `[${Array.from(part, keyText).join(",")}]`;
  if (typeof part === "string" || typeof part === "boolean") return JSON.stringify(part);
  if (typeof part === "bigint" || Number.isFinite(part)) return String(part);
  throw new TypeError(`a key is a string, a finite number, a boolean or an array of those, and not ${String(part)}`);
}

// A string stands as it is, if nobody could read it as a tuple or as a folder; all else is JSON.
function keySegmentOf(key) {
  const isPlain = typeof key === "string" && key !== "" && key !== "." && key !== ".." && !key.startsWith("[");
  return encodeURIComponent(isPlain ? key : keyText(Array.isArray(key) ? key : [key]));
}

function segmentOf(name, what) {
  if (typeof name === "string" && name !== "" && name !== "." && name !== "..") return encodeURIComponent(name);
  throw new TypeError(`${what} is a name, and not ${name === "" ? "an empty text" : String(name)}`);
}

// What a connection, or a call over HTTP, says of itself behind its path. `params` may be made anew each time.
async function queryOf({ params, create, input }) {
  const pieces = [];
  const value = typeof params === "function" ? await params() : params;
  if (value !== undefined) pieces.push(`params=${encodeURIComponent(JSON.stringify(value))}`);
  if (create !== undefined) pieces.push(`create=${create}`);
  if (input !== undefined) pieces.push(`input=${encodeURIComponent(JSON.stringify(input))}`);
  return pieces.length > 0 ? `?${pieces.join("&")}` : "";
}

// The host's URL without a slash at its end. A page that names none means the host that it has this file from.
function baseOf(url) {
  const given = url ?? (/^https?:/.test(import.meta.url) ? new URL("/", import.meta.url) : null);
  if (given === null) throw new TypeError('connect needs the URL of a host: connect("http://127.0.0.1:7420")');
  const base = new URL(given);
  const scheme = { "http:": "http:", "https:": "https:", "ws:": "http:", "wss:": "https:" }[base.protocol];
  if (scheme === undefined || base.username !== "" || base.password !== "" || base.search !== "" || base.hash !== "") {
    throw new TypeError(`${base} is not the URL of a host: expected http://HOST:PORT or https://HOST:PORT`);
  }
  return `${scheme}//${base.host}${base.pathname.replace(/\/+$/, "")}`;
}

// --- Options ---------------------------------------------------------------------------------------------------------

const CALL_OPTIONS = ["signal", "timeout", "idempotent", "idempotencyKey", "transport"];
const HANDLE_OPTIONS = [...CALL_OPTIONS, "params", "create", "input", "headers"];
const CLIENT_OPTIONS = [...HANDLE_OPTIONS, "onStatus", "WebSocket", "fetch", "clock"];

// What an option must be, if it is there.
const CHECKS = {
  timeout: [(value) => typeof value === "number" && value >= 0, "a number of milliseconds"],
  transport: [(value) => value === "socket" || value === "http", '"socket" or "http"'],
  idempotencyKey: [(value) => /^[\x21-\x7e]{1,255}$/.test(value), "1 to 255 visible ASCII characters without spaces"],
  create: [(value) => typeof value === "boolean", "true or false"],
  signal: [(value) => typeof value.addEventListener === "function", "an AbortSignal"],
};

function checked(options, known, whose) {
  for (const [name, value] of Object.entries(options ?? {})) {
    if (!known.includes(name)) throw new TypeError(`${whose} has no option ${name}; there are ${known.join(", ")}`);
    const [isFine, what] = CHECKS[name] ?? [];
    if (isFine && value !== undefined && !isFine(value)) throw new TypeError(`${name} is ${what}, and not ${String(value)}`);
  }
  return options ?? {};
}

const SYSTEM_CLOCK = {
  setTimeout: (f, ms) => setTimeout(f, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  now: () => performance.now(),
  random: () => Math.random(),
};

// The pause before a next try: any up to its length, so that clients who lost one host do not come back at one moment.
function pauseOf(clock, failures) {
  return clock.random() * Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** Math.min(failures, 20));
}

// 128 bits that no other client draws.
function drawName() {
  const bytes = new Uint8Array(16);
  if (globalThis.crypto?.getRandomValues) globalThis.crypto.getRandomValues(bytes);
  else bytes.forEach((_, i) => { bytes[i] = Math.random() * 256; });
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// --- Signals ---------------------------------------------------------------------------------------------------------

const aborts = new WeakMap();          // signal -> what is to be called when it aborts

// One listener a signal, whatever hangs on it: Node warns of more than ten. Returns what takes `f` back.
function whenAborted(signal, f) {
  if (!signal) return () => {};
  let all = aborts.get(signal);
  if (all === undefined) {
    all = new Set();
    aborts.set(signal, all);
    signal.addEventListener("abort", () => { for (const one of [...all]) one(); }, { once: true });
  }
  all.add(f);
  return () => { all.delete(f); };
}

// --- Calls -----------------------------------------------------------------------------------------------------------

// A call, until it has settled.
class Call {
  #resolve;
  #reject;
  #timer = null;
  #forgetSignal;
  isSettled = false;
  isFlying = false;                    // it was handed to the network, and its answer may still come
  isUnsure = false;                    // it was handed to a connection that is lost: nobody knows whether it happened
  cancel = () => {};                   // of who carries it: it has settled without an answer
  trouble = () => "";                  // of who carries it: why there is no answer, as far as is known

  constructor(actor, method, args, key, { signal, timeout = TIMEOUT_MS }) {
    const { client } = actor;
    this.actor = actor;
    this.method = method;
    this.args = args;                  // JSON
    this.key = key;                    // its idempotency key, or null
    this.id = ++client.calls;          // rises
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    client.underWay.add(this);
    actor.underWay.add(this);
    this.#forgetSignal = whenAborted(signal, () => this.#stop(signal.reason));
    if (timeout > 0 && timeout <= TIMER_MAX_MS) this.#timer = client.clock.setTimeout(() => this.#expire(timeout), timeout);
  }

  // False if it had settled before.
  #settle() {
    if (this.isSettled) return false;
    const { client } = this.actor;
    this.isSettled = true;
    client.underWay.delete(this);
    this.actor.underWay.delete(this);
    this.#forgetSignal();
    if (this.#timer !== null) client.clock.clearTimeout(this.#timer);
    return true;
  }

  reject(error) {
    if (this.#settle()) this.#reject(error);
  }

  // What came: { result } or { error }.
  answer({ result, error }, status) {
    if (error) this.reject(errorOf(error, status));
    else if (this.#settle()) this.#resolve(result);
  }

  #fail(code, why, cause) {
    const known = this.isFlying || this.isUnsure ? "it may have happened or not" : "it did not happen";
    return new TroupeError(`${this.actor.name}.${this.method}: ${why}; ${known}`, { code, cause });
  }

  lose(why, cause) {
    this.reject(this.#fail("connection_lost", why, cause));
  }

  #stop(error) {
    this.reject(error);
    this.cancel();
  }

  close() {
    this.#stop(this.#fail("closed", "closed before its answer came"));
  }

  #expire(timeout) {
    const what = this.isFlying ? "no answer came" : "it could not be sent";
    this.#stop(this.#fail("timeout", `${what} within ${timeout} ms${this.trouble()}`));
  }
}

function frameOf({ id, method, args, key }) {
  return `{"id":${id},"method":${JSON.stringify(method)},"args":${args}${key === null ? "" : `,"key":${JSON.stringify(key)}`}}`;
}

// The host closes for a message that is larger than its limit: so the largest is.
function largestOf(calls) {
  const encoder = new TextEncoder();
  let largest = null, most = -1;
  for (const call of calls) {
    const size = encoder.encode(frameOf(call)).length;
    if (size > most) [largest, most] = [call, size];
  }
  return largest;
}

// --- Links -----------------------------------------------------------------------------------------------------------

// The connection to one address: a WebSocket, and the next one after that is lost.
class Link {
  #waiting = new Map();                // id -> call: to be sent, in this order
  #flying = new Map();                 // id -> call: sent on this socket, no answer yet; settled ones too: the host has them
  #events = new Map();                 // name -> listeners
  #watchers = new Set();
  #status = { state: "idle" };
  #attempt = null;                     // { socket } that opens or is open: what comes from another one is too late
  #socket = null;                      // the same once it is open
  #timer = null;
  #failures = 0;                       // tries in a row that came to nothing
  #isHeld = false;                     // it was open, and nobody has ended it: it comes back
  #isAlive = false;                    // something has come on this socket
  #openedAt = 0;
  #trouble = "";                       // what the last try failed with

  constructor(client, id, name, makeUrl) {
    this.client = client;
    this.id = id;
    this.name = name;                  // of the actor, for people
    this.makeUrl = makeUrl;
  }

  // -- what handles ask for

  take(call) {
    call.cancel = () => this.#waiting.delete(call.id);
    call.trouble = () => (this.#socket === null && this.#trouble !== "" ? `: ${this.#trouble}` : "");
    this.#waiting.set(call.id, call);
    this.#send();
    this.#use();
  }

  listen(event, listener) {
    const listeners = this.#events.get(event);
    if (listeners) listeners.add(listener);
    else this.#events.set(event, new Set([listener]));
    if (!listeners) this.#socket?.send(JSON.stringify({ subscribe: event }));
    this.#use();
  }

  unlisten(event, listener) {
    const listeners = this.#events.get(event);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.#events.delete(event);
    this.#socket?.send(JSON.stringify({ unsubscribe: event }));
    this.#forget();
  }

  watch(watcher) {
    this.#watchers.add(watcher);
    watcher(this.#status);
  }

  unwatch(watcher) {
    this.#watchers.delete(watcher);
    this.#forget();
  }

  // A handle was closed. It may have been the last one that used the connection.
  release() {
    const isUsed = [...this.#waiting.values(), ...this.#flying.values()].some((call) => !call.isSettled);
    if (!isUsed && this.#events.size === 0) this.close();
  }

  close() {
    const socket = this.#attempt?.socket;
    this.client.clock.clearTimeout(this.#timer);
    this.#attempt = this.#socket = null;
    this.#isHeld = false;
    this.#events.clear();
    this.#waiting.clear();
    this.#flying.clear();
    socket?.close(1000);
    if (!this.#isAtRest()) this.#say({ state: "closed", code: 1000, reason: "" });
    this.#forget();
  }

  // -- its life

  #isAtRest() {
    return this.#status.state === "idle" || this.#status.state === "closed";
  }

  // Nothing hangs on it any more: who uses the address next makes another one.
  #forget() {
    const isUsed = this.#watchers.size > 0 || this.#events.size > 0 || this.#waiting.size > 0;
    if (this.#isAtRest() && !isUsed) this.client.links.delete(this.id);
  }

  #say(status) {
    this.#status = status;
    for (const watcher of [...this.#watchers]) tell(watcher, status);
    if (this.client.onStatus) tell(this.client.onStatus, { ...status, actor: this.name });
  }

  // What nobody would hear of otherwise.
  #warn({ message, code }, event) {
    if (this.#watchers.size > 0 || this.client.onStatus) return;
    console.warn(`troupe: ${event === undefined ? "" : `event ${event}: `}${message} (${code})`);
  }

  #use() {
    if (this.#isAtRest()) this.#open();
  }

  async #open() {
    const attempt = { socket: null };
    this.#attempt = attempt;
    this.#say({ state: "connecting" });
    try {
      const url = await this.makeUrl();
      const Socket = await this.client.socketClass();
      if (attempt !== this.#attempt) return;
      attempt.socket = new Socket(url);
    } catch (cause) {
      if (attempt === this.#attempt) this.#giveUp(cause);
      return;
    }
    const during = (f) => (event) => { if (attempt === this.#attempt) f(event); };
    attempt.socket.onopen = during(() => this.#opened());
    attempt.socket.onmessage = during(({ data }) => this.#hear(data));
    attempt.socket.onerror = during(({ message }) => {
      this.#trouble = message || "";
      if (this.#socket === null) this.#lost(1006, "");   // not every runtime tells the end of what has never begun
    });
    attempt.socket.onclose = during(({ code, reason }) => this.#lost(code, reason));
  }

  #opened() {
    this.#socket = this.#attempt.socket;
    this.#isAlive = false;
    this.#openedAt = this.client.clock.now();
    this.#isHeld = true;
    this.#trouble = "";
    for (const event of this.#events.keys()) this.#socket.send(JSON.stringify({ subscribe: event }));
    this.#send();
    this.#say({ state: "open" });
  }

  #send() {
    if (this.#socket === null) return;
    for (const [id, call] of this.#waiting) {
      if (this.#flying.size >= CALLS_MAX) return;
      this.#waiting.delete(id);
      this.#flying.set(id, call);
      call.isFlying = true;
      this.#socket.send(frameOf(call));
    }
  }

  #hear(data) {
    let frame;
    try {
      frame = Object(JSON.parse(data));
    } catch {
      this.#socket.close(CLOSE_NO_JSON);
      return this.#lost(CLOSE_NO_JSON, "what came is no JSON");
    }
    this.#isAlive = true;
    const call = this.#flying.get(frame.id);
    if (frame.event !== undefined) {
      for (const listener of [...(this.#events.get(frame.event) ?? [])]) tell(listener, ...(frame.args ?? []));
    } else if (call) {
      this.#flying.delete(frame.id);
      call.answer(frame);
      this.#send();
    } else if (frame.error) {
      this.#complain(frame);
    }
  }

  // An error that belongs to no call: a subscription that was refused.
  #complain({ error, subscribe }) {
    this.#warn(errorOf(error), subscribe);
    this.#say({ state: "open", error: errorOf(error), event: subscribe });
    this.#status = { state: "open" };   // who asks later is not told of it again
  }

  // The connection cannot even be tried.
  #giveUp(cause) {
    const error = new TroupeError(`${this.name}: ${cause?.message ?? cause}`, { code: "connection_lost", cause });
    this.#attempt = null;
    this.#trouble = error.message;
    if (!this.#refuse(error)) this.#warn(error);
    this.#rest({ code: 0, reason: "", error }, false);
  }

  // The socket is gone.
  #lost(code, reason) {
    const isRefused = code >= CLOSE_REFUSED && code < CLOSE_REFUSED_END;
    const status = isRefused ? code - CLOSE_DISCONNECTED : 0;
    const isOver = code === CLOSE_DISCONNECTED || code === CLOSE_DESTROYED || (isRefused && status < 500);
    const why = reason || this.#trouble || (this.#socket ? "the connection was lost" : "the host cannot be reached");
    const flying = [...this.#flying.values()].filter((call) => !call.isSettled);
    if (this.#socket && (this.#isAlive || this.client.clock.now() - this.#openedAt >= STEADY_MS)) this.#failures = 0;
    this.#attempt = this.#socket = null;
    this.#flying.clear();
    this.#trouble = why;

    if (isOver) this.#isHeld = false;
    if (!isRefused) {
      this.#keep(this.#part(flying, code, why));
      return this.#rest({ code, reason }, isOver);
    }
    // It was opened to tell why, and nothing was read on it.
    const text = `${this.name}: the host refused the connection: ${why}`;
    const error = new TroupeError(text, { code: reason || "connection_lost", status });
    this.#keep(flying);
    if (status !== 503 && !this.#refuse(error) && isOver) this.#warn(error);
    this.#rest({ code, reason, error }, isOver);
  }

  // What comes behind a socket: another one, or nothing until the next use.
  #rest(why, isOver) {
    if (!this.#isWanted(isOver)) {
      this.#say({ ...why, state: "closed" });
      return this.#forget();
    }
    const { clock } = this.client;
    const retryIn = pauseOf(clock, this.#failures++);
    this.#timer = clock.setTimeout(() => (this.#isWanted(false) ? this.#open() : this.#rest(why, true)), retryIn);
    this.#say({ ...why, state: "waiting", retryIn });
  }

  #isWanted(isOver) {
    return this.#waiting.size > 0 || (!isOver && (this.#isHeld || this.#events.size > 0));
  }

  // Of the calls that have lost their answers those that can be repeated. The others fail.
  #part(flying, code, why) {
    const largest = code === CLOSE_TOO_LARGE ? largestOf(flying) : null;
    for (const call of flying) {
      call.isUnsure = true;
      if (call === largest) {
        const text = "its message is larger than the host takes (--limit-body-bytes)";
        call.reject(new TroupeError(`${this.name}.${call.method}: ${text}`, { code: "payload_too_large", status: 413 }));
      } else if (call.key === null) {
        call.lose(why);
      }
    }
    return flying.filter((call) => !call.isSettled);
  }

  // These go out again, before all that waits.
  #keep(calls) {
    for (const call of calls) call.isFlying = false;
    this.#waiting = new Map([...calls.map((call) => [call.id, call]), ...this.#waiting]);
  }

  // Fails all calls that wait. False if there is none, and so nobody who hears of it.
  #refuse(error) {
    const calls = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const call of calls) {
      if (call.isUnsure) call.lose(`it could not be repeated: ${error.message}`, error);
      else call.reject(error);
    }
    return calls.length > 0;
  }
}

// --- Plain HTTP ------------------------------------------------------------------------------------------------------

// { result } or { error } of a response, or else raises: what answers there is no host.
async function readAnswer(response) {
  const text = await response.text();
  try {
    const answer = JSON.parse(text);
    if (response.ok ? "result" in answer : typeof answer.error.code === "string") return answer;
  } catch {
    // It is said below.
  }
  throw new Error(`what answered, with status ${response.status}, is no Troupe host`);
}

// Carries a call to its end. The content type stays that of text, since with another a browser asks before it sends.
async function post(call, url, { clock, fetch = globalThis.fetch }) {
  const { options } = call.actor;
  const controller = new AbortController();
  const headers = call.key === null ? options.headers : { ...options.headers, "Idempotency-Key": call.key };
  let trouble = "", stopPause = () => {};
  call.trouble = () => (trouble === "" ? "" : `: ${trouble}`);
  call.cancel = () => {
    controller.abort();
    stopPause();
  };
  for (let failures = 0; ; failures++) {
    try {
      const query = await queryOf(options);
      if (call.isSettled) return;
      call.isFlying = true;
      const response = await fetch(url + query, { method: "POST", body: call.args, headers, signal: controller.signal });
      return call.answer(await readAnswer(response), response.status);
    } catch (cause) {
      trouble = cause?.cause?.message || cause?.message || String(cause);
      if (call.key === null) call.lose(trouble, cause);
      if (call.isSettled) return;
    }
    await new Promise((resolve) => {
      const timer = clock.setTimeout(resolve, pauseOf(clock, failures));
      stopPause = () => {
        clock.clearTimeout(timer);
        resolve();
      };
    });
  }
}

// --- A WebSocket for Node before 22 ----------------------------------------------------------------------------------

const CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;
const MESSAGE_BYTES_MAX = 2 ** 30;

// What the host may not send: the code is what the connection is closed with.
class FrameError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

// Reads frames as a server sends them (RFC 6455, 5.2): it is given bytes as they come, and hands on messages and control
// frames, whole. Raises a FrameError.
class FrameReader {
  #pieces = [];
  #size = 0;
  #wanted = 2;                         // so many bytes, until something can be read
  #parts = [];                         // of a message in fragments
  #partsSize = 0;
  #isWithin = false;                   // such a message has begun

  constructor(hear) {
    this.hear = hear;                  // (opcode, payload)
  }

  read(bytes) {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    if (this.#size < this.#wanted) return;
    let rest = Buffer.concat(this.#pieces);
    for (let taken; (taken = this.#readFrame(rest)) > 0;) rest = rest.subarray(taken);
    this.#pieces = [rest];
    this.#size = rest.length;
  }

  // Returns how many bytes it took: none if the frame is not whole.
  #readFrame(bytes) {
    const short = bytes.length < 2 ? 0 : bytes[1] & 127;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    this.#wanted = head;
    if (bytes.length < head) return 0;
    const size = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    const isFinal = bytes[0] >= 128, opcode = bytes[0] & 15;
    this.#check(bytes, isFinal, opcode, size);
    this.#wanted = head + size;
    if (bytes.length < this.#wanted) return 0;
    const payload = bytes.subarray(head, this.#wanted);
    if (opcode >= CLOSE) this.hear(opcode, payload);
    else this.#take(isFinal, payload);
    return head + size;
  }

  #check(bytes, isFinal, opcode, size) {
    const isControl = opcode >= CLOSE;
    if ((bytes[0] & 0x70) !== 0) throw new FrameError(1002, "a frame with reserved bits");
    if (bytes[1] >= 128) throw new FrameError(1002, "a masked frame");
    if (opcode > PONG || (opcode > BINARY && opcode < CLOSE)) throw new FrameError(1002, `a frame of kind ${opcode}`);
    if (isControl && (!isFinal || size > 125)) throw new FrameError(1002, "a control frame that is too long or in fragments");
    if (!isControl && this.#isWithin !== (opcode === CONTINUATION)) throw new FrameError(1002, "fragments out of their order");
    if (opcode === BINARY) throw new FrameError(1003, "a message that is not text");
    if (size + this.#partsSize > MESSAGE_BYTES_MAX) throw new FrameError(1009, "a message that is too large");
  }

  #take(isFinal, payload) {
    this.#isWithin = !isFinal;
    this.#parts.push(payload);
    this.#partsSize += payload.length;
    if (!isFinal) return;
    const message = this.#parts.length === 1 ? payload : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partsSize = 0;
    this.hear(TEXT, message);
  }
}

// A frame as a client sends it: masked.
function maskedFrame(opcode, payload, mask) {
  const size = payload.length;
  const head = size < 126 ? 2 : size < 65536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + 4 + size);
  frame[0] = 128 | opcode;
  frame[1] = 128 | (head === 2 ? size : head === 4 ? 126 : 127);
  if (head === 4) frame.writeUInt16BE(size, 2);
  if (head === 10) frame.writeBigUInt64BE(BigInt(size), 2);
  mask.copy(frame, head);
  for (let i = 0; i < size; i++) frame[head + 4 + i] = payload[i] ^ mask[i & 3];
  return frame;
}

// As much of the browser's class as is used here. Each event comes in a turn of its own, so that who awaits the answer in one
// message goes on before the next one is heard.
function makeNodeWebSocket(http, https, crypto) {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return class NodeWebSocket {
    #request;
    #socket = null;
    #isClosing = false;                // a close frame was sent
    #isOver = false;                   // it was told that it is closed

    constructor(url) {
      const key = crypto.randomBytes(16).toString("base64");
      const target = new URL(url.replace(/^ws/, "http"));
      this.#request = (target.protocol === "https:" ? https : http).request(target, { agent: false, headers: {
        Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key,
      } });
      this.#request.on("upgrade", (response, socket, head) => {
        const proof = crypto.createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
        if (response.headers["sec-websocket-accept"] === proof) return this.#begin(socket, head);
        socket.destroy();
        this.#end(1006, "", "what answered the handshake is no WebSocket");
      });
      this.#request.on("response", (response) => {
        response.destroy();
        this.#end(1006, "", `the host answered the handshake with status ${response.statusCode}`);
      });
      this.#request.on("error", (error) => this.#end(1006, "", error.message));
      this.#request.end();
    }

    #emit(name, event) {
      setImmediate(() => this[`on${name}`]?.(event));
    }

    #end(code, reason, problem) {
      if (this.#isOver) return;
      this.#isOver = true;
      if (problem) this.#emit("error", { message: problem });
      this.#emit("close", { code, reason });
    }

    #begin(socket, head) {
      const reader = new FrameReader((opcode, payload) => this.#hear(opcode, payload));
      this.#socket = socket;
      socket.setNoDelay(true);
      socket.setTimeout(SILENCE_MS, () => socket.destroy());
      socket.on("data", (bytes) => this.#read(reader, bytes));
      socket.on("error", (error) => this.#end(1006, "", error.message));
      socket.on("close", () => this.#end(1006, ""));
      this.#emit("open", {});
      if (head.length > 0) this.#read(reader, head);
    }

    #read(reader, bytes) {
      if (this.#isOver) return;
      try {
        reader.read(bytes);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        this.close(error.code);
        this.#end(error.code, "", `the host sent ${error.message}`);
      }
    }

    #hear(opcode, payload) {
      if (this.#isOver) return;
      if (opcode === TEXT) this.#emit("message", { data: this.#decode(payload) });
      if (opcode === PING) this.#write(PONG, payload);
      if (opcode === CLOSE) {
        const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
        this.close(code === 1005 ? 1000 : code);
        this.#socket.end();
        this.#end(code, this.#decode(payload.subarray(2)));
      }
    }

    #decode(bytes) {
      try {
        return decoder.decode(bytes);
      } catch {
        throw new FrameError(1007, "text that is not UTF-8");
      }
    }

    // What one turn of the loop writes leaves together.
    #write(opcode, payload) {
      const socket = this.#socket;
      if (!socket.writable) return;
      if (socket.writableCorked === 0) {
        socket.cork();
        process.nextTick(() => socket.uncork());
      }
      socket.write(maskedFrame(opcode, payload, crypto.randomBytes(4)));
    }

    send(text) {
      if (!this.#isClosing) this.#write(TEXT, Buffer.from(text));
    }

    close(code) {
      if (this.#socket === null) return this.#request.destroy();
      if (this.#isClosing) return;
      this.#isClosing = true;
      this.#write(CLOSE, Buffer.from([code >> 8, code & 255]));
      this.#socket.setTimeout(CLOSING_MS, () => this.#socket.destroy());
    }
  };
}

// Node's own modules are asked for by names that no bundler for browsers can read.
async function loadNodeWebSocket() {
  const load = (name) => import(/* webpackIgnore: true */ /* @vite-ignore */ `node:${name}`);
  return makeNodeWebSocket(...await Promise.all(["http", "https", "crypto"].map(load)));
}

// --- Actors ----------------------------------------------------------------------------------------------------------

// What all views of one handle share.
class Actor {
  underWay = new Set();                // calls that have not settled
  #listeners = new Set();
  #watchers = new Set();               // what ends each of them
  #isClosed = false;

  constructor(client, className, key, options) {
    this.client = client;
    this.options = options;
    this.path = `${segmentOf(className, "a class")}/${keySegmentOf(key)}`;
    this.name = `${className}/${typeof key === "string" ? key : keyText(key)}`;
  }

  #checkOpen(what) {
    if (!this.#isClosed && !this.client.isClosed) return;
    throw new TroupeError(`${this.name}: ${what} after close()`, { code: "closed" });
  }

  // What it shares a connection by.
  #linkId() {
    const { params, create, input } = this.options;
    return JSON.stringify([this.path, this.client.numberOf(params), create, input]);
  }

  #link() {
    const { client, path, options } = this;
    const id = this.#linkId();
    if (!client.links.has(id)) {
      const url = `${client.base.replace(/^http/, "ws")}/connect/${path}`;
      client.links.set(id, new Link(client, id, this.name, async () => url + await queryOf(options)));
    }
    return client.links.get(id);
  }

  async call(method, args, options) {
    const { client, path } = this;
    const { signal, transport, idempotent, idempotencyKey } = options;
    const segment = segmentOf(method, "a method");
    const json = JSON.stringify(args);
    this.#checkOpen(`a call of ${method}`);
    signal?.throwIfAborted();
    const key = idempotencyKey ?? (idempotent ? client.nextKey() : null);
    const call = new Call(this, method, json, key, options);
    if (transport === "http") post(call, `${client.base}/actors/${path}/${segment}`, client);
    else this.#link().take(call);
    return call.promise;
  }

  // Returns what ends it.
  on(event, f, isOnce, { signal }) {
    if (typeof event !== "string") throw new TypeError("the name of an event is a string");
    if (typeof f !== "function") throw new TypeError(`what listens to ${event} is a function`);
    this.#checkOpen("listening");
    if (signal?.aborted) return () => {};
    const link = this.#link();
    const hear = (...args) => {
      if (isOnce) stop();
      f(...args);
    };
    const stop = () => {
      forgetSignal();
      this.#listeners.delete(listener);
      link.unlisten(event, hear);
    };
    const listener = { event, f, stop };
    const forgetSignal = whenAborted(signal, stop);
    this.#listeners.add(listener);
    link.listen(event, hear);
    return stop;
  }

  off(event, f) {
    for (const listener of [...this.#listeners]) {
      if (listener.event === event && (f === undefined || listener.f === f)) listener.stop();
    }
  }

  onStatus(f) {
    if (typeof f !== "function") throw new TypeError("what hears of the status is a function");
    this.#checkOpen("listening");
    const link = this.#link();
    const watcher = (status) => f(status);
    const stop = () => {
      this.#watchers.delete(stop);
      link.unwatch(watcher);
    };
    this.#watchers.add(stop);
    link.watch(watcher);
    return stop;
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const call of [...this.underWay]) call.close();
    for (const listener of [...this.#listeners]) listener.stop();
    this.client.links.get(this.#linkId())?.release();
    for (const stop of [...this.#watchers]) stop();
  }
}

const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

// An object whose every name is made by `make`, but for its own names, and for those by which JavaScript asks an object what
// it is: `then` is none, so that it can be awaited and returned as it is.
function named(own, text, make) {
  const self = Object.assign(Object.create(null), own, {
    [Symbol.toPrimitive]: () => text,
    [Symbol.toStringTag]: text,
    [Symbol.for("nodejs.util.inspect.custom")]: () => text,
  });
  return new Proxy(self, {
    get(_, name) {
      if (name in self) return self[name];
      return typeof name === "string" && name !== "then" && NAME.test(name) ? make(name) : undefined;
    },
    set(_, name) {
      throw new TypeError(`${text}: ${String(name)} cannot be set; what is set here would stay here`);
    },
  });
}

// A handle: an actor, with the options of the calls that are made through it.
function handleOf(actor, options) {
  const call = (method, ...args) => actor.call(method, args, options);
  return named({
    call,
    with: (more) => handleOf(actor, { ...options, ...checked(more, CALL_OPTIONS, "with") }),
    on: (event, f) => actor.on(event, f, false, options),
    once: (event, f) => actor.on(event, f, true, options),
    off: (event, f) => actor.off(event, f),
    onStatus: (f) => actor.onStatus(f),
    close: () => actor.close(),
    toJSON() {
      throw new TypeError(`the handle of ${actor.name} cannot be written as JSON`);
    },
  }, actor.name, (method) => (...args) => call(method, ...args));
}

// --- The client ------------------------------------------------------------------------------------------------------

class Client {
  links = new Map();                   // id -> link
  underWay = new Set();                // calls that have not settled
  calls = 0;                           // so many were made
  isClosed = false;
  #name = drawName();
  #keys = 0;
  #functions = new WeakMap();          // a function for params -> its number
  #functionCount = 0;
  #nodeWebSocket = null;

  constructor(base, { onStatus, WebSocket, fetch, clock = SYSTEM_CLOCK }) {
    Object.assign(this, { base, onStatus, WebSocket, fetch, clock });
  }

  nextKey() {
    return `${this.#name}-${++this.#keys}`;
  }

  // What tells params apart: their value, or which function makes them.
  numberOf(params) {
    if (typeof params !== "function") return [params];
    if (!this.#functions.has(params)) this.#functions.set(params, ++this.#functionCount);
    return this.#functions.get(params);
  }

  socketClass() {
    return this.WebSocket ?? globalThis.WebSocket ?? (this.#nodeWebSocket ??= loadNodeWebSocket());
  }

  close() {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const call of [...this.underWay]) call.close();
    for (const link of [...this.links.values()]) link.close();
  }
}

// Opens nothing yet: the first call or listener of an address does. See README.md.
export function connect(url, options) {
  const { signal, onStatus, WebSocket, fetch, clock, ...common } = checked(options, CLIENT_OPTIONS, "connect");
  const client = new Client(baseOf(url), { onStatus, WebSocket, fetch, clock });
  const close = () => {
    forgetSignal();
    client.close();
  };
  const forgetSignal = whenAborted(signal, close);
  if (signal?.aborted) close();
  const actor = (className, key, own) => {
    const all = { ...common, ...checked(own, HANDLE_OPTIONS, className) };
    return handleOf(new Actor(client, className, key, all), all);
  };
  return named({ actor, close, toJSON: undefined }, client.base, (className) => (key, own) => actor(className, key, own));
}
