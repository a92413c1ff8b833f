// Connections that are lost or refused: what fails, what is sent again, and in which order.
import assert from "node:assert/strict";
import { connect as connectTo, TroupeError } from "../../host/client/client.js";
import { failure, statesOf, test, TestClock, WITHOUT_PAUSES } from "./testing.mjs";

test("a call that has lost its answer fails, and is not sent again", async ({ host, connect }) => {
  const room = connect().Room("a");
  const failed = failure(room.say("lost"));
  const connection = await host.accept();
  await connection.take();
  connection.drop();
  const error = await failed;
  assert.ok(error instanceof TroupeError);
  assert.deepEqual([error.code, error.status], ["connection_lost", 0]);
  assert.match(error.message, /^Room\/a\.say: .+; it may have happened or not$/);
  const next = await host.accept();
  const result = room.say("new");
  assert.deepEqual((await next.take()).args, ["new"]);
  next.send({ id: 2, result: 1 });
  assert.equal(await result, 1);
});

test("subscriptions are made anew first, then calls are repeated, then the others go out", async ({ host, connect }) => {
  const room = connect().Room("a");
  const again = room.with({ idempotent: true });
  const states = statesOf(room);
  room.on("said", () => {});
  room.on("left", () => {});
  const results = [again.say(1), failure(room.say(2)), room.with({ idempotencyKey: "mine" }).say(3)];
  const first = await host.accept();
  assert.deepEqual([await first.take(), await first.take()], [{ subscribe: "said" }, { subscribe: "left" }]);
  const sent = [await first.take(), await first.take(), await first.take()];
  assert.deepEqual(sent.map(({ key }) => key), [sent[0].key, undefined, "mine"]);
  assert.match(sent[0].key, /^[0-9a-f]{32}-\d+$/);
  first.drop();
  await states.until("waiting");
  results.push(room.say(4), again.say(5));
  const second = await host.accept();
  assert.deepEqual([await second.take(), await second.take()], [{ subscribe: "said" }, { subscribe: "left" }]);
  const repeated = [await second.take(), await second.take()];
  assert.deepEqual(repeated, [sent[0], sent[2]]);
  const others = [await second.take(), await second.take()];
  assert.deepEqual(others.map(({ args }) => args[0]), [4, 5]);
  for (const { id, args } of [...repeated, ...others]) second.send({ id, result: args[0] });
  const [one, two, ...rest] = await Promise.all(results);
  assert.deepEqual([one, two.code, ...rest], [1, "connection_lost", 3, 4, 5]);
});

test("a call is repeated as often as its answer is lost, and keeps its place", async ({ host, connect }) => {
  const room = connect({ idempotent: true }).Room("a");
  const results = Promise.all(Array.from({ length: 130 }, (_, i) => room.say(i)));
  for (let round = 0; round < 5; round++) {
    const connection = await host.accept();
    for (let i = 0; i < 128; i++) assert.deepEqual((await connection.take()).args, [i]);
    connection.drop();
  }
  const connection = await host.accept();
  for (let i = 0; i < 130; i++) {
    const { id, args } = await connection.take();
    assert.deepEqual(args, [i]);
    connection.send({ id, result: i });
  }
  assert.equal((await results).length, 130);
});

test("what was answered before the loss is not repeated", async ({ host, connect }) => {
  const room = connect({ idempotent: true }).Room("a");
  const results = [room.say(1), room.say(2)];
  const first = await host.accept();
  const { id } = await first.take();
  first.send({ id, result: "first" });
  assert.equal(await results[0], "first");
  first.drop();
  const second = await host.accept();
  const { id: other, args } = await second.take();
  assert.deepEqual(args, [2]);
  second.send({ id: other, result: "second" });
  assert.equal(await results[1], "second");
});

test("a connection that is lost comes back, also with nothing to do", async ({ host, connect }) => {
  const room = connect().Room("a");
  const result = room.say();
  const first = await host.accept();
  first.send({ id: 1, result: 7 });
  assert.equal(await result, 7);
  first.drop();
  for (const code of [1000, 1001, 1012, 1013]) (await host.accept()).close(code);
  await host.accept();
});

test("pauses grow up to ten seconds, by chance, and begin anew behind a connection that lasted", async ({ host, connect }) => {
  const clock = new TestClock();
  const room = connect({ clock, timeout: 0 }).Room("a");
  const states = statesOf(room);
  room.on("said", () => {});
  const pauses = [];
  const knock = async (chance) => {
    clock.chance = chance;
    (await host.knock()).drop();
    const { retryIn } = await states.until("waiting");
    pauses.push(retryIn);
    clock.advance(retryIn);
  };
  for (let i = 0; i < 9; i++) await knock(1);
  await knock(0.25);
  assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 2500]);

  const lasting = await host.accept();
  await states.until("open");
  clock.advance(1000);
  lasting.drop();
  assert.equal((await states.until("waiting")).retryIn, 25);
});

test("a connection that is opened and closed at once is a failed try", async ({ host, connect }) => {
  const clock = new TestClock();
  clock.chance = 1;
  const room = connect({ clock, timeout: 0 }).Room("a");
  const states = statesOf(room);
  room.on("said", () => {});
  for (const pause of [100, 200, 400]) {
    (await host.accept()).close(4503, "overloaded");
    const { retryIn } = await states.until("waiting");
    assert.equal(retryIn, pause);
    clock.advance(pause);
  }
  const connection = await host.accept();
  connection.send({ event: "said", args: [] });
  await new Promise((resolve) => room.on("said", resolve));
  connection.drop();
  assert.equal((await states.until("waiting")).retryIn, 100);
});

test("a connection that the actor has ended is left alone until the next use", async ({ host, connect }) => {
  for (const [code, reason] of [[4000, "kicked"], [4001, ""]]) {
    const room = connect().Room(`a${code}`);
    const states = statesOf(room);
    room.on("said", () => {});
    const failed = failure(room.say());
    const connection = await host.accept();
    await connection.take();
    await connection.take();
    connection.close(code, reason);
    assert.deepEqual(await states.until("closed"), { state: "closed", code, reason });
    const error = await failed;
    assert.equal(error.code, "connection_lost");
    assert.match(error.message, new RegExp(reason));
    assert.equal(host.knocks, 0);
    room.say().catch(() => {});
    const next = await host.accept();
    assert.deepEqual(await next.take(), { subscribe: "said" });
    assert.equal((await next.take()).method, "say");
  }
});

test("what an actor has ended does not come back for a call that is over", async ({ host, connect }) => {
  const clock = new TestClock();
  const room = connect({ clock, timeout: 0 }).Room("a");
  const states = statesOf(room);
  room.say().catch(() => {});
  const connection = await host.accept();
  await connection.take();
  connection.close(4001);
  await states.until("closed");
  const failed = failure(room.with({ timeout: 20 }).say());
  (await host.knock()).drop();
  const { retryIn } = await states.until("waiting");
  clock.advance(20);
  assert.equal((await failed).code, "timeout");
  clock.advance(retryIn);
  assert.equal((await states.take()).state, "closed");
  assert.equal(clock.size, 0);
});

test("what waits behind the end of an actor goes to the next one", async ({ host, connect }) => {
  const room = connect({ idempotent: true }).Room("a");
  const result = room.say();
  const first = await host.accept();
  await first.take();
  first.close(4001);
  const second = await host.accept();
  const { id } = await second.take();
  second.send({ id, result: "new" });
  assert.equal(await result, "new");
});

test("a refusal fails all calls with its code, those that were sent too, until the next use", async ({ host, connect }) => {
  const room = connect().Room("a");
  const states = statesOf(room);
  const again = room.with({ idempotent: true });
  for (const [status, code] of [[401, "unauthorized"], [403, "forbidden_origin"], [404, "class_not_found"], [400, "mine"]]) {
    const failed = [failure(room.say()), failure(again.say())];
    const connection = await host.accept();
    await connection.take();
    await connection.take();
    connection.close(4000 + status, code);
    for (const error of await Promise.all(failed)) {
      assert.deepEqual([error.code, error.status], [code, status]);
      assert.equal(error.message, `Room/a: the host refused the connection: ${code}`);
    }
    assert.equal((await states.until("closed")).error.code, code);
    assert.equal(host.knocks, 0);
  }
});

test("a call that has ended before its connection was refused is not sent again", async ({ host, connect }) => {
  const room = connect().Room("a");
  const controller = new AbortController();
  const failed = failure(room.with({ signal: controller.signal }).say("aborted"));
  room.say("kept").catch(() => {});
  const first = await host.accept();
  await first.take();
  await first.take();
  controller.abort("enough");
  assert.equal(await failed, "enough");
  first.close(4503, "overloaded");
  assert.deepEqual((await (await host.accept()).take()).args, ["kept"]);
});

test("a call that may have happened is lost if its repetition is refused", async ({ host, connect }) => {
  const room = connect({ idempotent: true }).Room("a");
  const failed = failure(room.say());
  const first = await host.accept();
  await first.take();
  first.drop();
  (await host.accept()).close(4401, "unauthorized");
  const error = await failed;
  assert.deepEqual([error.code, error.cause.code], ["connection_lost", "unauthorized"]);
  assert.match(error.message, /unauthorized; it may have happened or not$/);
});

test("calls wait for a host that has no room or stops, and others of its failures they hear", async ({ host, connect }) => {
  const room = connect().Room("a");
  const states = statesOf(room);
  room.on("said", () => {});
  const result = room.say(1);
  for (let i = 0; i < 3; i++) (await host.accept()).close(4503, "overloaded");
  const connection = await host.accept();
  await connection.take();
  const { id } = await connection.take();
  connection.send({ id, result: 1 });
  assert.equal(await result, 1);
  connection.close(1001);
  while ((await states.until("waiting")).code !== 1001);
  const failed = failure(room.say(2));
  (await host.accept()).close(4500, "internal_error");
  const error = await failed;
  assert.deepEqual([error.code, error.status], ["internal_error", 500]);
  assert.deepEqual(await (await host.accept()).take(), { subscribe: "said" });
});

test("a call that was sent to a host without room did not happen", async ({ host, connect }) => {
  const clock = new TestClock();
  const room = connect({ clock, timeout: 1000 }).Room("a");
  const states = statesOf(room);
  const failed = failure(room.say());
  const connection = await host.accept();
  await connection.take();
  connection.close(4503, "overloaded");
  await states.until("waiting");
  clock.time = 999;
  clock.advance(1);
  const error = await failed;
  assert.equal(error.message, "Room/a.say: it could not be sent within 1000 ms: overloaded; it did not happen");
});

test("a message that is too large fails alone", async ({ host, connect }) => {
  const room = connect().Room("a");
  const again = room.with({ idempotent: true });
  const large = [failure(again.say("ü".repeat(600))), failure(room.say("x".repeat(1000)))];
  const small = [again.say("small"), again.say("last")];
  const first = await host.accept();
  for (let i = 0; i < 4; i++) await first.take();
  first.close(1009);
  const second = await host.accept();
  for (const text of ["small", "last"]) {
    const { id, args } = await second.take();
    assert.deepEqual(args, [text]);
    second.send({ id, result: text });
  }
  assert.deepEqual(await Promise.all(small), ["small", "last"]);
  const errors = await Promise.all(large);
  assert.deepEqual(errors.map(({ code, status }) => [code, status]), [["payload_too_large", 413], ["connection_lost", 0]]);
});

test("a host that cannot be reached is tried until the call's time is over", async ({ host }) => {
  await host.stop();
  const clock = new TestClock();
  const client = connectTo(host.url, { clock, timeout: 1000 });
  const states = statesOf(client.Room("a"));
  const failed = failure(client.Room("a").say());
  for (let i = 0; i < 3; i++) clock.advance((await states.until("waiting")).retryIn);
  await states.until("waiting");
  clock.advance(650);
  const error = await failed;
  assert.deepEqual([error.code, error.status], ["timeout", 0]);
  assert.match(error.message, /^Room\/a\.say: it could not be sent within 1000 ms: .*ECONNREFUSED.*; it did not happen$/);
  assert.equal((await states.until("closed")).code, 1006);
  assert.equal(clock.size, 0);
});

test("calls that were made before the host is there are sent when it comes", async ({ host }) => {
  await host.stop();
  const client = connectTo(host.url, { clock: WITHOUT_PAUSES });
  const room = client.Room("a");
  const states = statesOf(room);
  const results = Promise.all([room.say(1), room.say(2)]);
  await states.until("waiting");
  const again = await host.constructor.start(host.port);
  const connection = await again.accept();
  for (let i = 1; i <= 2; i++) {
    const { id, args } = await connection.take();
    connection.send({ id, result: args[0] });
  }
  assert.deepEqual(await results, [1, 2]);
  client.close();
  await again.stop();
});

test("params that a function makes are made for each connection", async ({ host, connect }) => {
  let count = 0;
  const client = connect({ params: async () => ({ token: ++count }) });
  const room = client.Room("a");
  room.on("said", () => {});
  (await host.accept()).drop();
  (await host.accept()).drop();
  const third = await host.accept();
  assert.equal(third.query.params, '{"token":3}');
  assert.deepEqual(await third.take(), { subscribe: "said" });
  client.Room("a").say().catch(() => {});
  assert.equal((await third.take()).method, "say");
  for (const token of [4, 5]) {
    client.Room("a", { params: () => token }).say().catch(() => {});
    assert.equal((await host.accept()).query.params, String(token));
  }
});

test("params that cannot be made fail the calls, and listeners go on trying", async ({ host, connect }) => {
  let isOnline = false;
  const params = () => {
    if (!isOnline) throw new Error("no token");
    return 1;
  };
  const room = connect({ params }).Room("a");
  const states = statesOf(room);
  const error = await failure(room.say());
  assert.deepEqual([error.code, error.message, error.cause.message], ["connection_lost", "Room/a: no token", "no token"]);
  assert.equal((await states.until("closed")).error.code, "connection_lost");
  room.on("said", () => {});
  await states.until("waiting");
  isOnline = true;
  await host.accept();
});

test("a handshake that the host does not take is tried again, and the timeout tells why", async ({ host, connect }) => {
  const clock = new TestClock();
  const room = connect({ clock, timeout: 1000 }).Room("a");
  const states = statesOf(room);
  const failed = failure(room.say());
  (await host.knock()).socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  const { code, retryIn } = await states.until("waiting");
  assert.equal(code, 1006);
  clock.advance(retryIn);
  (await host.knock()).socket.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    + "Sec-WebSocket-Accept: wrong\r\n\r\n");
  await states.until("waiting");
  clock.advance(1000);
  assert.match((await failed).message, /no WebSocket; it did not happen/);
});

test("a runtime that tells of an error and of no end is believed", async ({ connect }) => {
  const clock = new TestClock();
  const made = [];
  class NoEnd {
    constructor(url) {
      made.push(url);
      setImmediate(() => this.onerror({ message: "no way" }));
    }

    close() {}
  }
  const room = connect({ clock, WebSocket: NoEnd }).Room("a");
  const states = statesOf(room);
  const failed = failure(room.with({ timeout: 1000 }).say());
  for (let i = 0; i < 3; i++) {
    const { code, reason, retryIn } = await states.until("waiting");
    assert.deepEqual([code, reason], [1006, ""]);
    clock.advance(retryIn);
  }
  await states.until("waiting");
  clock.advance(1000);
  assert.match((await failed).message, /could not be sent within 1000 ms: no way; it did not happen/);
  assert.ok(made.length >= 4);
});

test("what is no JSON ends the connection, and the next one goes on", async ({ host, connect }) => {
  const room = connect({ idempotent: true }).Room("a");
  const result = room.say();
  for (const text of ["{", "", "[1"]) {
    const connection = await host.accept();
    await connection.take();
    connection.sendText(text);
    assert.equal(await connection.closed, 3000);
  }
  const connection = await host.accept();
  const odd = [null, 5, "x", [], {}, { id: 77, result: 1 }, { result: 2 }, { event: "nobody's" }];
  for (const frame of odd) connection.send(frame);
  const { id } = await connection.take();
  connection.send({ id, result: 3 });
  assert.equal(await result, 3);
});

test("states are told in their order, to a handle and to the client", async ({ host, connect }) => {
  const told = [];
  const room = connect({ onStatus: ({ actor, state }) => told.push(`${actor} ${state}`) }).Room(["a", 1]);
  const states = statesOf(room);
  assert.deepEqual(await states.take(), { state: "idle" });
  room.on("said", () => {});
  assert.deepEqual(await states.take(), { state: "connecting" });
  const connection = await host.accept();
  assert.deepEqual(await states.take(), { state: "open" });
  connection.close(1013, "slow");
  assert.deepEqual(await states.take(), { state: "waiting", code: 1013, reason: "slow", retryIn: 0 });
  assert.deepEqual(await states.take(), { state: "connecting" });
  await host.accept();
  assert.deepEqual(await states.take(), { state: "open" });
  room.close();
  assert.deepEqual(await states.take(), { state: "closed", code: 1000, reason: "" });
  const all = ["connecting", "open", "waiting", "connecting", "open", "closed"];
  assert.deepEqual(told, all.map((state) => `Room/["a",1] ${state}`));
});

test("many connections are lost at once, and each call settles", async ({ host, connect }) => {
  const client = connect();
  const outcomes = [];
  const count = 200;
  for (let i = 0; i < count; i++) {
    const room = client.Room(i);
    for (const handle of [room, room.with({ idempotent: true })]) outcomes.push(handle.say(i).catch((error) => error.code));
    room.on("said", () => {});
  }
  const first = await Promise.all(Array.from({ length: count }, () => host.accept()));
  await Promise.all(first.map((one) => one.take()));
  for (const one of first) one.drop();
  for (let i = 0; i < count; i++) {
    const connection = await host.accept();
    assert.deepEqual(await connection.take(), { subscribe: "said" });
    const { id, args } = await connection.take();
    connection.send({ id, result: args[0] });
  }
  const settled = await Promise.all(outcomes);
  for (let i = 0; i < count; i++) {
    assert.equal(settled[2 * i], "connection_lost");
    assert.equal(settled[2 * i + 1], i);
  }
});
