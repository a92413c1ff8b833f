// Tests of the client: node's own, in an order that TROUPE_SEED draws. Each gets a fake host, and clients of it which are
// closed behind it. spec/client/tests.lua runs a file of them.
import { test as nodeTest } from "node:test";
import { connect } from "../../host/client/client.js";
import { FakeHost, Line } from "./fake_host.mjs";

delete globalThis.WebSocket;           // so that all versions of node try what client.js brings along; pages have their own

const DEADLINE_MS = 60_000;            // what a test waits for takes milliseconds, but the machine may be busy

const tests = [];
let seed = Number(process.env.TROUPE_SEED ?? 1);

// A number below `count` (Lehmer's generator).
function draw(count) {
  seed = (seed * 48271) % 2147483647;
  return seed % count;
}

// As node's, with a fixture.
export function test(name, f) {
  tests.push({ name, f });
  if (tests.length === 1) setImmediate(begin);
}

function begin() {
  for (let i = tests.length - 1; i > 0; i--) {
    const j = draw(i + 1);
    [tests[i], tests[j]] = [tests[j], tests[i]];
  }
  for (const { name, f } of tests) nodeTest(name, { timeout: DEADLINE_MS }, () => withHost(f));
}

async function withHost(f) {
  const host = await FakeHost.start();
  const clients = [];
  try {
    await f({
      host,
      connect(options, url = host.url) {
        clients.push(connect(url, { clock: WITHOUT_PAUSES, ...options }));
        return clients.at(-1);
      },
    });
  } finally {
    for (const client of clients) client.close();
    await host.stop();
  }
}

// The system's clock, with chance always at its least: the client tries again at once.
export const WITHOUT_PAUSES = {
  setTimeout: (f, ms) => setTimeout(f, ms), clearTimeout: (timer) => clearTimeout(timer),
  now: () => performance.now(), random: () => 0,
};

// A clock that goes when a test says so.
export class TestClock {
  #timers = new Map();                 // id -> { due, f }
  #ids = 0;
  time = 0;
  chance = 0.5;

  setTimeout(f, ms) {
    this.#timers.set(++this.#ids, { due: this.time + ms, f });
    return this.#ids;
  }

  clearTimeout(id) {
    this.#timers.delete(id);
  }

  now() {
    return this.time;
  }

  random() {
    return this.chance;
  }

  // How many timers are set.
  get size() {
    return this.#timers.size;
  }

  // Lets time pass. What is due runs, in its order.
  advance(ms) {
    this.time += ms;
    const due = [...this.#timers].filter(([, timer]) => timer.due <= this.time).sort(([, a], [, b]) => a.due - b.due);
    for (const [id, { f }] of due) {
      if (this.#timers.delete(id)) f();
    }
  }
}

// The states of a handle's connection, from now on. `until(state)` waits for one, and gives it; it leaves out those before.
export function statesOf(handle) {
  const line = new Line();
  handle.onStatus((status) => line.put(status));
  return {
    async until(state) {
      for (;;) {
        const status = await line.take();
        if (status.state === state) return status;
      }
    },
    take: () => line.take(),
  };
}

// What a promise was rejected with.
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}
