// How calls, handles and clients end: by a timeout, a signal, or close().
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { connect as connectTo } from "../../host/client/client.js";
import { failure, statesOf, test, TestClock } from "./testing.mjs";

test("a call that gets no answer in its time fails, and a late answer is nobody's", async ({ host, connect }) => {
  const clock = new TestClock();
  const room = connect({ clock }).Room("a");
  const failed = failure(room.with({ timeout: 50 }).say(1));
  const other = room.say(2);
  const connection = await host.accept();
  await connection.take();
  await connection.take();
  clock.advance(50);
  const error = await failed;
  assert.deepEqual([error.code, error.status], ["timeout", 0]);
  assert.equal(error.message, "Room/a.say: no answer came within 50 ms; it may have happened or not");
  connection.send({ id: 1, result: "late" }).send({ id: 2, result: "right" });
  assert.equal(await other, "right");
  assert.equal(clock.size, 0);
});

test("each call has a time, unless it is told that it has none", async ({ host, connect }) => {
  const clock = new TestClock();
  const client = connect({ clock });
  client.Room("a").say().catch(() => {});
  assert.equal(clock.size, 1);
  for (const timeout of [0, Infinity, 2 ** 31]) client.Room("a").with({ timeout }).say().catch(() => {});
  assert.equal(clock.size, 1);
  await host.accept();
});

test("a signal ends its calls: one that waits is never sent, one that was sent hears no more", async ({ host, connect }) => {
  const room = connect().Room("a");
  const controller = new AbortController();
  const bound = room.with({ signal: controller.signal });
  const sent = failure(bound.say("sent"));
  const connection = await host.accept();
  await connection.take();
  const filling = Array.from({ length: 127 }, (_, i) => room.fill(i));
  for (let i = 0; i < 127; i++) await connection.take();
  const waiting = failure(bound.say("waiting"));
  const behind = room.say("behind");
  controller.abort(new Error("enough"));
  assert.equal((await sent).message, "enough");
  assert.equal(await waiting, await sent);
  assert.equal(await failure(bound.say("never")), await sent);
  connection.send({ id: 1, result: "late" });
  const { id, args } = await connection.take();
  assert.deepEqual(args, ["behind"]);
  connection.send({ id, result: "right" });
  assert.equal(await behind, "right");
  for (let i = 0; i < 127; i++) connection.send({ id: i + 2, result: null });
  await Promise.all(filling);
});

test("a signal without a reason of its own gives what it gives everywhere", async ({ connect }) => {
  const room = connect().Room("a");
  assert.equal((await failure(room.with({ signal: AbortSignal.abort() }).say())).name, "AbortError");
});

test("one signal serves many calls without a warning", async ({ host, connect }) => {
  const warnings = [];
  const note = (warning) => warnings.push(warning);
  process.on("warning", note);
  const controller = new AbortController();
  const room = connect().Room("a", { signal: controller.signal });
  const failed = Promise.all(Array.from({ length: 100 }, () => failure(room.say())));
  await host.accept();
  controller.abort("all");
  assert.deepEqual(new Set(await failed), new Set(["all"]));
  await new Promise(setImmediate);
  process.off("warning", note);
  assert.deepEqual(warnings, []);
});

test("an aborted call is not repeated", async ({ host, connect }) => {
  const room = connect({ idempotent: true }).Room("a");
  const controller = new AbortController();
  const failed = failure(room.with({ signal: controller.signal }).say("aborted"));
  const result = room.say("kept");
  const first = await host.accept();
  await first.take();
  await first.take();
  controller.abort("enough");
  assert.equal(await failed, "enough");
  first.drop();
  const second = await host.accept();
  const { id, args } = await second.take();
  assert.deepEqual(args, ["kept"]);
  second.send({ id, result: null });
  await result;
});

test("closing a handle ends its calls, its listeners and its connection", async ({ host, connect }) => {
  const room = connect().Room("a");
  const states = statesOf(room);
  room.on("said", () => assert.fail("it was closed"));
  const failed = failure(room.with({ idempotent: true }).say());
  const connection = await host.accept();
  await states.until("open");
  room.close();
  room.close();
  connection.send({ event: "said", args: [] });
  const error = await failed;
  assert.deepEqual([error.code, error.status], ["closed", 0]);
  assert.match(error.message, /may have happened or not$/);
  assert.equal(await connection.closed, 1000);
  assert.equal((await states.until("closed")).code, 1000);
  assert.equal((await failure(room.say())).code, "closed");
  assert.throws(() => room.on("said", () => {}), { code: "closed" });
  assert.throws(() => room.onStatus(() => {}), { code: "closed" });
  assert.equal(host.knocks, 0);
});

test("a connection that another handle uses stays", async ({ host, connect }) => {
  const client = connect();
  const [listening, calling, idle] = [client.Room("a"), client.Room("a"), client.Room("a")];
  const states = [];
  listening.onStatus(({ state }) => states.push(state));
  const stop = listening.on("said", () => {});
  const result = calling.say(1);
  const connection = await host.accept();
  assert.deepEqual(await connection.take(), { subscribe: "said" });
  const { id } = await connection.take();
  idle.close();
  listening.off("nothing");
  listening.close();
  stop();
  assert.deepEqual(await connection.take(), { unsubscribe: "said" });
  connection.send({ id, result: 1 });
  assert.equal(await result, 1);
  calling.on("heard", () => {});
  assert.deepEqual(await connection.take(), { subscribe: "heard" });
  client.Room("a").close();
  const second = calling.say();
  connection.send({ id: (await connection.take()).id, result: 2 });
  assert.equal(await second, 2);
  calling.close();
  assert.equal(await connection.closed, 1000);
  assert.deepEqual(states, ["idle", "connecting", "open"]);

  const again = client.Room("a").say(2);
  const next = await host.accept();
  next.send({ id: (await next.take()).id, result: 2 });
  assert.equal(await again, 2);
});

test("closing a client ends everything, whatever it waits for", async ({ host, connect }) => {
  const clock = new TestClock();
  const client = connect({ clock });
  const failed = [];
  const states = statesOf(client.Room("waiting"));
  failed.push(failure(client.Room("waiting").say()));
  (await host.knock()).drop();
  await states.until("waiting");
  failed.push(failure(client.Room("connecting").say()));
  const knocking = await host.knock();
  failed.push(failure(client.Room("open").say()));
  const open = await host.accept();
  await open.take();
  failed.push(failure(client.Room("http").with({ transport: "http" }).say()));
  const request = await host.request();
  client.close();
  client.close();
  const errors = await Promise.all(failed);
  assert.deepEqual(errors.map(({ code }) => code), ["closed", "closed", "closed", "closed"]);
  assert.deepEqual(errors.map(({ message }) => message.includes("did not happen")), [true, true, false, false]);
  assert.equal(await open.closed, 1000);
  await knocking.closed;
  await request.closed;
  assert.equal(clock.size, 0);
  assert.equal((await failure(client.Room("open").say())).code, "closed");
  assert.equal(host.knocks, 0);
});

test("a signal closes a client", async ({ host, connect }) => {
  const controller = new AbortController();
  const client = connect({ signal: controller.signal });
  const failed = failure(client.Room("a").say());
  const connection = await host.accept();
  await connection.take();
  controller.abort();
  assert.equal((await failed).code, "closed");
  assert.equal(await connection.closed, 1000);
  const gone = connectTo(host.url, { signal: AbortSignal.abort() });
  assert.equal((await failure(gone.Room("a").say())).code, "closed");
});

test("a client that is closed while params are made opens nothing", async ({ connect }) => {
  const going = [], made = [];
  const params = () => new Promise((resolve) => going.push(resolve));
  const client = connect({ params, WebSocket: function WebSocket(url) { made.push(url); }, fetch: (url) => made.push(url) });
  const failed = [failure(client.Room("a").say()), failure(client.Room("a").with({ transport: "http" }).say())];
  client.close();
  for (const go of going) go(1);
  assert.deepEqual((await Promise.all(failed)).map(({ code }) => code), ["closed", "closed"]);
  await new Promise(setImmediate);
  assert.deepEqual(made, []);
});

test("a process ends by itself when its client is closed", async () => {
  const script = `
    import { connect } from "./host/client/client.js";
    import { FakeHost } from "./spec/client/fake_host.mjs";
    const host = await FakeHost.start();
    const client = connect(host.url);
    const room = client.Room("a");
    room.on("said", () => {});
    const answer = room.say();
    const connection = await host.accept();
    await connection.take();
    connection.send({ id: (await connection.take()).id, result: "answered" });
    console.log(await answer);
    client.close();
    connection.closed.then(() => host.stop());`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.deepEqual([stdout, stderr, status], ["answered\n", "", 0]);
});
