// Events: who hears which, in which order.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { failure, statesOf, test } from "./testing.mjs";

// An answer that comes behind all that was sent before.
async function settle(connection, handle) {
  const result = handle.settle();
  let frame;
  do frame = await connection.take(); while (frame.method !== "settle");
  connection.send({ id: frame.id, result: null });
  await result;
}

test("a listener hears the arguments of its event, until it is stopped", async ({ host, connect }) => {
  const room = connect().Room("a");
  const heard = [];
  const stop = room.on("said", (...args) => heard.push(args));
  const connection = await host.accept();
  assert.deepEqual(await connection.take(), { subscribe: "said" });
  connection.send({ event: "said", args: ["ann", { text: "ü" }] });
  connection.send({ event: "said", args: [] });
  connection.send({ event: "other", args: [1] });
  await settle(connection, room);
  assert.deepEqual(heard, [["ann", { text: "ü" }], []]);
  stop();
  stop();
  assert.deepEqual(await connection.take(), { unsubscribe: "said" });
  connection.send({ event: "said", args: [2] });
  await settle(connection, room);
  assert.equal(heard.length, 2);
});

test("an event is subscribed to once, and unsubscribed from with its last listener", async ({ host, connect }) => {
  const client = connect();
  const [one, two] = [client.Room("a"), client.Room("a")];
  const heard = [];
  const f = (text) => heard.push(text);
  one.on("said", f);
  one.on("said", f);
  two.on("said", (text) => heard.push(text + text));
  const connection = await host.accept();
  assert.deepEqual(await connection.take(), { subscribe: "said" });
  connection.send({ event: "said", args: ["x"] });
  await settle(connection, one);
  assert.deepEqual(heard, ["x", "x", "xx"]);
  one.off("said", f);
  connection.send({ event: "said", args: ["y"] });
  await settle(connection, one);
  assert.deepEqual(heard, ["x", "x", "xx", "yy"]);
  two.off("said");
  assert.deepEqual(await connection.take(), { unsubscribe: "said" });
  two.off("said");
  two.on("said", f);
  assert.deepEqual(await connection.take(), { subscribe: "said" });
});

test("once hears one event, and on goes on", async ({ host, connect }) => {
  const room = connect().Room("a");
  const heard = [];
  room.once("said", (text) => heard.push(["once", text]));
  room.on("said", (text) => heard.push(["on", text]));
  const connection = await host.accept();
  connection.send({ event: "said", args: [1] }).send({ event: "said", args: [2] });
  await settle(connection, room);
  assert.deepEqual(heard, [["once", 1], ["on", 1], ["on", 2]]);
});

test("once is over before its listener runs", async ({ host, connect }) => {
  const room = connect().Room("a");
  const heard = [];
  room.once("said", (text) => {
    heard.push(text);
    room.once("said", (again) => heard.push(again));
  });
  const connection = await host.accept();
  connection.send({ event: "said", args: [1] }).send({ event: "said", args: [2] }).send({ event: "said", args: [3] });
  await settle(connection, room);
  assert.deepEqual(heard, [1, 2]);
});

test("a signal ends listeners", async ({ host, connect }) => {
  const room = connect().Room("a");
  const controller = new AbortController();
  const gone = AbortSignal.abort();
  const heard = [];
  room.with({ signal: controller.signal }).on("said", (text) => heard.push(text));
  room.with({ signal: gone }).on("never", () => {});
  const connection = await host.accept();
  assert.deepEqual(await connection.take(), { subscribe: "said" });
  controller.abort();
  assert.deepEqual(await connection.take(), { unsubscribe: "said" });
  connection.send({ event: "said", args: [1] });
  await settle(connection, room);
  assert.deepEqual(heard, []);
});

test("events of a call are heard before its answer, and later ones behind it", async ({ host, connect }) => {
  const room = connect().Room("a");
  const heard = [];
  room.on("said", (text) => heard.push(text));
  const call = async () => heard.push(await room.say());
  const done = call();
  const connection = await host.accept();
  await connection.take();
  const { id } = await connection.take();
  connection.socket.cork();
  connection.send({ event: "said", args: ["before"] }).send({ id, result: "answer" }).send({ event: "said", args: ["behind"] });
  connection.socket.uncork();
  await done;
  await settle(connection, room);
  assert.deepEqual(heard, ["before", "answer", "behind"]);
});

test("a subscription that is refused is told as a status", async ({ host, connect }) => {
  const room = connect().Room("a");
  const states = statesOf(room);
  room.on("said", () => {});
  const connection = await host.accept();
  await states.until("open");
  connection.send({ error: { code: "payload_too_large", message: "too many" }, subscribe: "said" });
  const { error, event } = await states.until("open");
  assert.deepEqual([error.code, error.message, error.status, event], ["payload_too_large", "too many", 413, "said"]);
  assert.deepEqual(await statesOf(room).take(), { state: "open" });
  await settle(connection, room);
});

test("what no listener is, and no name, is refused at once", async ({ host, connect }) => {
  const room = connect().Room("a");
  for (const wrong of [() => room.on("said"), () => room.on("said", "f"), () => room.on(5, () => {}), () => room.onStatus()]) {
    assert.throws(wrong, TypeError);
  }
  assert.equal(host.knocks, 0);
});

test("the mistake of a listener is the runtime's, and the others hear", async () => {
  const script = `
    import { connect } from "./host/client/client.js";
    import { FakeHost } from "./spec/client/fake_host.mjs";
    const host = await FakeHost.start();
    const client = connect(host.url);
    process.on("uncaughtException", (error) => console.log("uncaught", error.message));
    const room = client.Room("a");
    room.once("said", () => { throw new Error("mine"); });
    room.on("said", () => console.log("heard"));
    const answer = room.say();
    const connection = await host.accept();
    connection.send({ event: "said", args: [] }).send({ event: "said", args: [] }).send({ id: 1, result: "answered" });
    console.log(await answer);
    client.close();
    await host.stop();`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.deepEqual([stdout, stderr, status], ["heard\nuncaught mine\nheard\nanswered\n", "", 0]);
});

test("what nobody would hear of otherwise is a warning", async ({ host, connect }) => {
  const warnings = [];
  const warn = console.warn;
  console.warn = (text) => warnings.push(text);
  try {
    const client = connect();
    const [room, heard] = [client.Room("a"), client.Room("b")];
    room.on("said", () => {});
    const connection = await host.accept();
    connection.send({ error: { code: "payload_too_large", message: "too many" }, subscribe: "said" });
    await settle(connection, room);
    assert.deepEqual(warnings, ["troupe: event said: too many (payload_too_large)"]);
    connection.close(4403, "forbidden_origin");
    while (warnings.length < 2) await new Promise(setImmediate);
    assert.equal(warnings[1], "troupe: Room/a: the host refused the connection: forbidden_origin (forbidden_origin)");

    const states = statesOf(heard);
    heard.on("said", () => {});
    (await host.accept()).close(4403, "forbidden_origin");
    assert.equal((await states.until("closed")).error.code, "forbidden_origin");
    const failed = failure(room.say());
    (await host.accept()).close(4403, "forbidden_origin");
    assert.equal((await failed).code, "forbidden_origin");
    assert.equal(warnings.length, 2);
  } finally {
    console.warn = warn;
  }
});
