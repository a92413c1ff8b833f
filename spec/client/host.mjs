// The client and the real host, by plain HTTP.
import assert from "node:assert/strict";
import { connect as connectTo } from "../../host/client/client.js";
import { Program } from "./program.mjs";
import { failure, test, WITHOUT_PAUSES } from "./testing.mjs";

const program = await Program.start();
const connect = (options) => connectTo(program.url, { transport: "http", clock: WITHOUT_PAUSES, ...options });

test("keys, arguments and results come and go as they are", async () => {
  const client = connect();
  for (const key of ["ann", "42", ".", "..", "", "[x", "[]", "[1]", "a/b?c#d%2F+ e&", "ü😀", '"', "\u0001"]) {
    assert.deepEqual(await client.Room(key).address(), [key]);
  }
  for (const key of [[42], ["eu", 42], ["[", ".", ""], [-1.5], [true, false], [["a", ["b", 1]], "c"]]) {
    assert.deepEqual(await client.Room(key).address(), key);
  }
  assert.deepEqual(await client.Room(7).address(), [7]);
  assert.deepEqual(await client.Room(2n ** 53n).address(), [2 ** 53]);
  const values = [null, true, -0.5, 2 ** 53, "", "ü😀\u0000", [], [1, [2]], {}, { a: { b: [null] } }];
  assert.deepEqual(await client.Room("a").echo(...values), values);
  assert.deepEqual(await client.Room("a").echo(undefined, 1), [null, 1]);
});

test("params, input, headers and create are heard", async () => {
  const client = connect({ params: { name: "Änne" }, headers: { "X-Spec": "yes" } });
  assert.deepEqual(await client.Room("said").about(), { params: { name: "Änne" }, header: "yes" });
  assert.deepEqual(await client.Room("made", { input: [1, { a: "ü" }] }).input(), [1, { a: "ü" }]);
  assert.equal((await failure(client.Room("missing", { create: false }).input())).code, "actor_not_found");
});

test("errors are those of the host and of the actor", async () => {
  const client = connect();
  const errors = [
    [() => client.Room("a").nothing(), "method_not_found", 404], [() => client.Nothing("a").say(), "class_not_found", 404],
    [() => client.Room("a").fail("too_late", { by: 3 }), "too_late", 400],
    [() => client.Room([]).address(), "invalid_key", 400],
    [() => client.Room("x".repeat(3000)).address(), "invalid_key", 400],
    [() => client.Room("a").echo("x".repeat(2 ** 20)), "payload_too_large", 413],
    [() => client.Room("a", { params: { refuse: true } }).address(), "unauthorized", 401],
  ];
  for (const [call, code, status] of errors) {
    const error = await failure(call());
    assert.deepEqual([error.code, error.status], [code, status]);
    if (code === "too_late") assert.deepEqual([error.message, error.metadata], ["as asked", { by: 3 }]);
  }
});

test("a key makes one call of many", async () => {
  const room = connect().Room("keyed");
  const once = room.with({ idempotencyKey: "order-7" });
  assert.deepEqual([await once.add(5), await once.add(5), await room.add(1)], [5, 5, 6]);
  assert.equal((await failure(once.add(6))).code, "invalid_request");
  assert.match((await room.with({ idempotent: true }).about()).key, /^[0-9a-f]{32}-1$/);
});

test("idempotent calls go on over a crash of the host, and each happens once", async () => {
  const client = connect({ idempotent: true });
  const results = Promise.all(Array.from({ length: 200 }, (_, i) => client.Room(`crash ${i % 4}`).add()));
  await client.Room("crash 0").address();
  await program.kill();
  await program.start();
  await results;
  for (let i = 0; i < 4; i++) assert.equal(await client.Room(`crash ${i}`).add(0), 50);
});
