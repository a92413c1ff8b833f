// Calls over plain HTTP.
import assert from "node:assert/strict";
import { failure, statesOf, test, TestClock } from "./testing.mjs";

test("a call is a POST, and opens no socket", async ({ host, connect }) => {
  const result = connect({ transport: "http" }).Room(["eu", 42]).say("ü", undefined);
  const request = await host.request();
  assert.deepEqual([request.method, request.url, request.body], ["POST", "/actors/Room/%5B%22eu%22%2C42%5D/say", '["ü",null]']);
  assert.equal(request.headers["idempotency-key"], undefined);
  request.answer(200, { result: [1] });
  assert.deepEqual(await result, [1]);
  assert.equal(host.knocks, 0);
});

test("params, create, input and headers go along", async ({ host, connect }) => {
  const client = connect({ transport: "http", params: async () => 7 });
  const room = client.Room("a", { create: true, input: "x", headers: { "X-A": "b" } });
  room.say().catch(() => {});
  const request = await host.request();
  assert.equal(request.url, "/actors/Room/a/say?params=7&create=true&input=%22x%22");
  assert.equal(request.headers["x-a"], "b");
});

test("one call of a handle can go by HTTP", async ({ host, connect }) => {
  const room = connect().Room("a");
  const result = room.with({ transport: "http" }).say();
  (await host.request()).answer(200, { result: 1 });
  assert.equal(await result, 1);
  room.say().catch(() => {});
  await host.accept();
});

test("an error has the status of its answer", async ({ host, connect }) => {
  const failed = failure(connect({ transport: "http" }).Room("a").say());
  (await host.request()).answer(418, { error: { code: "teapot", message: "short", metadata: [1] } });
  const { code, message, metadata, status } = await failed;
  assert.deepEqual([code, message, metadata, status], ["teapot", "short", [1], 418]);
});

test("a call whose answer is lost fails, and is not sent again", async ({ host, connect }) => {
  const failed = failure(connect({ transport: "http" }).Room("a").say());
  (await host.request()).drop();
  const error = await failed;
  assert.deepEqual([error.code, error.status], ["connection_lost", 0]);
  assert.match(error.message, /^Room\/a\.say: .*; it may have happened or not$/);
  assert.ok(error.cause instanceof Error);
});

test("what is no answer of a host is none", async ({ host, connect }) => {
  const room = connect({ transport: "http" }).Room("a");
  const answers = [[502, "<html>"], [200, ""], [200, {}], [200, "null"], [404, { error: "nothing" }], [500, { result: 1 }]];
  for (const [status, answer] of answers) {
    const failed = failure(room.say());
    (await host.request()).answer(status, answer);
    assert.match((await failed).message, new RegExp(`with status ${status}, is no Troupe host`));
  }
});

test("an idempotent call is sent again with its key until it is answered", async ({ host, connect }) => {
  const room = connect({ transport: "http", idempotent: true, params: () => 1 }).Room("a");
  const result = room.say(1);
  const keys = [];
  for (const end of ["drop", "no host", "answer"]) {
    const request = await host.request();
    keys.push(request.headers["idempotency-key"]);
    if (end === "drop") request.drop();
    if (end === "no host") request.answer(502, "<html>");
    if (end === "answer") request.answer(200, { result: 2 });
  }
  assert.equal(await result, 2);
  assert.equal(new Set(keys).size, 1);
  room.say(2).catch(() => {});
  assert.notEqual((await host.request()).headers["idempotency-key"], keys[0]);
});

test("a failure that was answered is not sent again", async ({ host, connect }) => {
  const failed = failure(connect({ transport: "http" }).Room("a").with({ idempotencyKey: "order-7" }).say());
  const request = await host.request();
  assert.equal(request.headers["idempotency-key"], "order-7");
  request.answer(503, { error: { code: "overloaded", message: "" } });
  assert.equal((await failed).code, "overloaded");
});

test("pauses between tries grow, and a timeout ends them", async ({ host, connect }) => {
  const clock = new TestClock();
  const failed = failure(connect({ transport: "http", idempotent: true, timeout: 500, clock }).Room("a").say());
  const paused = async (timers) => { while (clock.size !== timers) await new Promise(setImmediate); };
  (await host.request()).drop();
  await paused(2);
  clock.advance(49);
  assert.equal(clock.size, 2);
  clock.advance(1);
  (await host.request()).drop();
  await paused(2);
  clock.advance(99);
  assert.equal(clock.size, 2);
  clock.advance(1);
  (await host.request()).drop();
  await paused(2);
  clock.time = 499;
  clock.advance(1);
  const error = await failed;
  assert.deepEqual([error.code, error.status], ["timeout", 0]);
  assert.match(error.message, /within 500 ms: .+; it may have happened or not$/);
  assert.equal(clock.size, 0);
});

test("a timeout, a signal and close() end a request that is under way", async ({ host, connect }) => {
  const clock = new TestClock();
  const client = connect({ transport: "http", clock });
  const controller = new AbortController();
  const room = client.Room("a");
  const ends = [
    [{ timeout: 10 }, () => clock.advance(10), (error) => error.code === "timeout"],
    [{ signal: controller.signal }, () => controller.abort("enough"), (error) => error === "enough"],
    [{ idempotent: true }, () => room.close(), (error) => error.code === "closed"],
  ];
  for (const [options, end, isRight] of ends) {
    const failed = failure(room.with(options).say());
    const request = await host.request();
    end();
    assert.ok(isRight(await failed));
    await request.closed;
  }
  assert.equal(clock.size, 0);
});

test("close() ends a pause between two tries", async ({ host, connect }) => {
  const clock = new TestClock();
  const client = connect({ transport: "http", idempotent: true, timeout: 0, clock });
  const failed = failure(client.Room("a").say());
  (await host.request()).drop();
  while (clock.size === 0) await new Promise(setImmediate);
  client.close();
  assert.equal((await failed).code, "closed");
  assert.equal(clock.size, 0);
});

test("a call whose params cannot be made fails, and was not sent", async ({ connect }) => {
  const params = () => { throw new Error("no token"); };
  const error = await failure(connect({ transport: "http", params }).Room("a").say());
  assert.equal(error.code, "connection_lost");
  assert.match(error.message, /no token; it did not happen$/);
});

test("events of a handle for HTTP come by a socket", async ({ host, connect }) => {
  const room = connect({ transport: "http" }).Room("a");
  const states = statesOf(room);
  const heard = new Promise((resolve) => room.on("said", resolve));
  const connection = await host.accept();
  assert.deepEqual(await connection.take(), { subscribe: "said" });
  await states.until("open");
  room.say().catch(() => {});
  await host.request();
  connection.send({ event: "said", args: ["hi"] });
  assert.equal(await heard, "hi");
});
