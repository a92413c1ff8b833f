// The client and the real host, through sockets.
import assert from "node:assert/strict";
import { Program } from "./program.mjs";
import { failure, statesOf, test } from "./testing.mjs";

const program = await Program.start();
let names = 0;

// A key that no other test has.
const newKey = () => `room ${++names}`;

// The next arguments of an event.
const next = (handle, event) => new Promise((resolve) => handle.once(event, (...args) => resolve(args)));

test("keys, arguments and results come and go as they are", async ({ connect }) => {
  const client = connect({}, program.url);
  for (const key of ["ann", "42", ".", "..", "", "[x", "[1]", "a/b?c#d%2F+ e&", "ü😀"]) {
    assert.deepEqual(await client.Room(key).address(), [key]);
  }
  for (const key of [[42], ["eu", 42], ["[", ".", ""], [true, false], [["a", ["b", 1]], "c"]]) {
    assert.deepEqual(await client.Room(key).address(), key);
  }
  const values = [null, true, -0.5, 2 ** 53, "", "ü😀\u0000", [], [1, [2]], {}, { a: { b: [null] } }, "x".repeat(500_000)];
  assert.deepEqual(await client.Room(newKey()).echo(...values), values);
});

test("params and input are heard, and a key makes one call of many", async ({ connect }) => {
  const room = connect({ params: { name: "Änne" } }, program.url).Room(newKey(), { input: [1, "ü"] });
  assert.deepEqual(await room.input(), [1, "ü"]);
  assert.deepEqual(await room.about(), { params: { name: "Änne" } });
  const once = room.with({ idempotencyKey: "order-7" });
  assert.deepEqual([await once.add(5), await once.add(5), await room.add(1)], [5, 5, 6]);
});

test("many calls at once start in their order, and are all answered", async ({ connect }) => {
  const room = connect({}, program.url).Room(newKey());
  const results = await Promise.all(Array.from({ length: 1000 }, () => room.add()));
  assert.deepEqual(results, Array.from({ length: 1000 }, (_, i) => i + 1));
});

test("errors are those of the host and of the actor", async ({ connect }) => {
  const client = connect({}, program.url);
  const errors = [
    [() => client.Room("a").nothing(), "method_not_found", 404],
    [() => client.Room("a").fail("too_late", { by: 3 }), "too_late", 400],
    [() => client.Nothing("a").say(), "class_not_found", 404],
    [() => client.Room("missing", { create: false }).address(), "actor_not_found", 404],
    [() => client.Room("a", { params: { refuse: true } }).address(), "unauthorized", 401],
    [() => client.Room([]).address(), "invalid_key", 400],
  ];
  for (const [call, code, status] of errors) {
    const error = await failure(call());
    assert.deepEqual([error.code, error.status], [code, status]);
    if (code === "too_late") assert.deepEqual([error.message, error.metadata], ["as asked", { by: 3 }]);
  }
});

test("who listens hears what is said, before the answer of the call that said it", async ({ connect }) => {
  const key = newKey();
  const [ann, bob] = ["Ann", "Bob"].map((name) => connect({ params: { name } }, program.url).Room(key));
  const heard = [];
  ann.on("said", (...args) => heard.push(args));
  await ann.add();
  const bobs = next(bob, "said");
  assert.equal(await bob.say("ü"), 2);
  assert.deepEqual(await bobs, ["Bob", "ü"]);
  assert.equal(await ann.say("hi"), 2);
  assert.deepEqual(heard, [["Bob", "ü"], ["Ann", "hi"]]);
  ann.off("said");
  await ann.say("nobody");
  assert.equal(heard.length, 2);
});

test("what an actor sends to one connection the others do not hear, and each has its state", async ({ connect }) => {
  const key = newKey();
  const [ann, bob] = ["Ann", "Bob"].map((name) => connect({ params: { name } }, program.url).Room(key));
  bob.on("whispered", () => assert.fail("it was not for Bob"));
  await bob.again();
  const whispered = next(ann, "whispered");
  await ann.whisper("psst");
  assert.deepEqual(await whispered, ["psst"]);
  assert.deepEqual([await ann.again(), await ann.again(), await bob.again()], [1, 2, 2]);
});

test("an actor that ends a connection has answered before, and is not called again by itself", async ({ connect }) => {
  const room = connect({}, program.url).Room(newKey());
  const states = statesOf(room);
  assert.equal(await room.again(), 1);
  assert.equal(await room.leave("enough"), "left");
  const { code, reason } = await states.until("closed");
  assert.deepEqual([code, reason], [4000, "enough"]);
  assert.equal(await room.again(), 1);
});

test("an actor that ends itself ends its connections, and the next call makes another one", async ({ connect }) => {
  const room = connect({}, program.url).Room(newKey());
  const states = statesOf(room);
  assert.equal(await room.add(5), 5);
  await room.finish();
  assert.equal((await states.until("closed")).code, 4001);
  assert.equal(await room.add(), 1);
});

test("a message that is too large fails alone", async ({ connect }) => {
  const room = connect({ idempotent: true }, program.url).Room(newKey());
  const large = failure(room.echo("x".repeat(2 ** 20)));
  const small = room.add();
  const { code, status } = await large;
  assert.deepEqual([code, status], ["payload_too_large", 413]);
  assert.equal(await small, 1);
});

test("a subscription that is refused is told, and the others hold", async ({ connect }) => {
  const room = connect({}, program.url).Room(newKey());
  const states = statesOf(room);
  room.on("x".repeat(300), () => {});
  const said = next(room, "said");
  let status;
  do status = await states.until("open"); while (!status.error);
  assert.equal(status.event, "x".repeat(300));
  await room.say("hi");
  assert.deepEqual(await said, [null, "hi"]);
});

test("calls and listeners go on over a crash of the host, and over its stop", async ({ connect }) => {
  const client = connect({}, program.url);
  const keys = Array.from({ length: 20 }, newKey);
  const heard = new Map(keys.map((key) => [key, []]));
  const states = keys.map((key) => statesOf(client.Room(key)));
  for (const key of keys) client.Room(key).on("said", (_, text) => heard.get(key).push(text));
  for (const [round, end] of [() => program.kill(), () => program.halt()].entries()) {
    const calls = keys.flatMap((key) => Array.from({ length: 50 }, () => client.Room(key).with({ idempotent: true }).add()));
    await client.Room(keys[0]).add(0);
    await end();
    await Promise.all(states.map((one) => one.until("waiting")));
    await program.start();
    await Promise.all(calls);
    for (const key of keys) {
      assert.equal(await client.Room(key).add(0), 50 * (round + 1));
      await client.Room(key).say(round);
      assert.equal(heard.get(key).at(-1), round);
    }
  }
});
