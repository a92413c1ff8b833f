// Calls through a socket: what goes out, what comes back, and what handles are.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect as connectTo, TroupeError } from "../../host/client/client.js";
import { failure, test } from "./testing.mjs";

test("a call is a frame, and its answer a result", async ({ host, connect }) => {
  const result = connect().Counter("ann").increment(5, "x");
  const connection = await host.accept();
  assert.equal(connection.url, "/connect/Counter/ann");
  assert.deepEqual(await connection.take(), { id: 1, method: "increment", args: [5, "x"] });
  connection.send({ id: 1, result: { count: 5 } });
  assert.deepEqual(await result, { count: 5 });
});

test("answers come in any order, and each to its call", async ({ host, connect }) => {
  const counter = connect().Counter("ann");
  const results = Promise.all([counter.a(), counter.b(), counter.c()]);
  const connection = await host.accept();
  const ids = [(await connection.take()).id, (await connection.take()).id, (await connection.take()).id];
  for (const i of [1, 2, 0]) connection.send({ id: ids[i], result: i });
  assert.deepEqual(await results, [0, 1, 2]);
});

test("undefined is null as an argument, and a result without a value is null", async ({ host, connect }) => {
  const result = connect().Counter("ann").put(undefined, [undefined], NaN);
  const connection = await host.accept();
  assert.deepEqual((await connection.take()).args, [null, [null], null]);
  connection.send({ id: 1, result: null });
  assert.equal(await result, null);
});

test("arguments are what they were when the call was made", async ({ host, connect }) => {
  const list = [1];
  connect().Counter("ann").put(list).catch(() => {});
  list.push(2);
  assert.deepEqual((await (await host.accept()).take()).args, [[1]]);
});

test("arguments that are no JSON fail, and nothing is sent", async ({ host, connect }) => {
  const client = connect();
  const circle = {};
  circle.circle = circle;
  for (const wrong of [1n, circle, client.Counter("bob")]) {
    assert.ok(await failure(client.Counter("ann").put(wrong)) instanceof TypeError);
  }
  assert.equal(host.knocks, 0);
});

test("keys are written as the host reads them", async ({ host, connect }) => {
  const client = connect();
  const keys = [
    ["ann", "ann"], ["42", "42"], [42, "[42]"], [-0.5, "[-0.5]"], [2n ** 63n - 1n, "[9223372036854775807]"], [true, "[true]"],
    [["eu", 42], '["eu",42]'], [["a", ["b", [1.5, false]]], '["a",["b",[1.5,false]]]'], [[], "[]"],
    ["", '[""]'], [".", '["."]'], ["..", '[".."]'], ["[x", '["[x"]'], ["[]", '["[]"]'], ['"', '"'], [['"\\'], '["\\"\\\\"]'],
    ["a/b?c#d%2F+ e", "a/b?c#d%2F+ e"], ["ü😀\u0000", "ü😀\u0000"], [["ü/"], '["ü/"]'], ["...", "..."],
  ];
  for (const [key, text] of keys) {
    client.Room(key).say().catch(() => {});
    const segment = (await host.accept()).url.slice("/connect/Room/".length);
    assert.equal(decodeURIComponent(segment), text);
    assert.match(segment, /^[\w.~!*'()%-]+$/);
  }
  for (const wrong of [undefined, null, NaN, Infinity, {}, () => {}, [null], [["a", undefined]], [,], Symbol("x"), "\ud800"]) {
    assert.throws(() => client.Room(wrong));
  }
});

test("params, create and input stand in the query", async ({ host, connect }) => {
  const client = connect({ params: { token: "ü&=+" } });
  client.Room("a", { create: false, input: [1, "#"] }).say().catch(() => {});
  const one = await host.accept();
  assert.deepEqual(one.query, { params: '{"token":"ü&=+"}', create: "false", input: '[1,"#"]' });
  client.Room("a", { params: null }).say().catch(() => {});
  assert.deepEqual((await host.accept()).query, { params: "null" });
});

test("handles of one actor and its params share a connection", async ({ host, connect }) => {
  const client = connect();
  for (const handle of [client.Room("a"), client.Room("a"), client.actor("Room", "a", { params: undefined })]) {
    handle.say().catch(() => {});
    handle.with({ timeout: 0 }).say().catch(() => {});
  }
  const connection = await host.accept();
  for (let id = 1; id <= 6; id++) assert.equal((await connection.take()).id, id);
  client.Room("a", { params: 1 }).say().catch(() => {});
  await host.accept();
  client.Room(["a"]).say().catch(() => {});
  await host.accept();
  assert.equal(host.knocks, 0);
});

test("a handle can be awaited, returned and shown, and calls nothing by that", async ({ host, connect }) => {
  const client = connect();
  const room = await (async () => client.Room(["eu", 42]))();
  assert.equal(room, await room);
  assert.equal(client, await client);
  assert.equal(`${room}`, 'Room/["eu",42]');
  assert.equal(`${client.Room("a")}`, "Room/a");
  assert.equal(`${client}`, host.url);
  assert.throws(() => JSON.stringify({ room }), /cannot be written as JSON/);
  assert.equal(JSON.stringify(client), "{}");
  assert.throws(() => { room.say = 1; }, TypeError);
  for (const name of ["then", "_private", "with space", "2", Symbol.iterator]) assert.equal(room[name], undefined);
  assert.equal(host.knocks, 0);
});

test("a method and a class of any name can be called", async ({ host, connect }) => {
  const client = connect();
  client.actor("then", "a").call("then", 1).catch(() => {});
  const connection = await host.accept();
  assert.equal(connection.url, "/connect/then/a");
  assert.deepEqual(await connection.take(), { id: 1, method: "then", args: [1] });
  client.actor("then", "a").call('on "x"').catch(() => {});
  assert.equal((await connection.take()).method, 'on "x"');
  client.actor("a/b", "a").toString().catch(() => {});
  const other = await host.accept();
  assert.equal(other.url, "/connect/a%2Fb/a");
  assert.equal((await other.take()).method, "toString");
  for (const wrong of ["", ".", ".."]) {
    assert.throws(() => client.actor(wrong, "a"), TypeError);
    assert.ok(await failure(client.Room("a").call(wrong)) instanceof TypeError);
  }
});

test("an error has code, metadata, message, and the status that HTTP would have", async ({ host, connect }) => {
  const shop = connect().Shop("north");
  const failed = [failure(shop.buy()), failure(shop.buy()), failure(shop.buy()), failure(shop.buy())];
  const connection = await host.accept();
  connection.send({ id: 1, error: { code: "not_enough", message: "Only 3", metadata: { left: 3 } } });
  connection.send({ id: 2, error: { code: "overloaded", message: "Too many" } });
  connection.send({ id: 3, error: { code: "constructor", message: "" } });
  connection.send({ id: 4, error: { code: "call_too_deep", message: "" } });
  const [mine, hosts, odd, deep] = await Promise.all(failed);
  assert.ok(mine instanceof TroupeError && mine instanceof Error);
  assert.deepEqual([mine.name, mine.code, mine.message, mine.metadata, mine.status],
    ["TroupeError", "not_enough", "Only 3", { left: 3 }, 400]);
  assert.deepEqual([hosts.code, hosts.status, hosts.metadata], ["overloaded", 503, undefined]);
  assert.deepEqual([odd.code, odd.status], ["constructor", 400]);
  assert.equal(deep.status, 508);
});

test("128 calls are under way, and the others wait for their turn", async ({ host, connect }) => {
  const counter = connect().Counter("ann");
  const results = Promise.all(Array.from({ length: 300 }, (_, i) => counter.add(i)));
  const connection = await host.accept();
  for (let i = 0; i < 128; i++) assert.deepEqual((await connection.take()).args, [i]);
  await connection.ping("x").pongs.take();
  assert.equal(connection.taken, 0);
  for (let i = 0; i < 300; i++) {
    connection.send({ id: i + 1, result: i });
    if (i < 172) assert.deepEqual((await connection.take()).args, [i + 128]);
  }
  assert.deepEqual(await results, Array.from({ length: 300 }, (_, i) => i));
});

test("texts of all kinds and of any size arrive as they are", async ({ host, connect }) => {
  const echo = connect().Echo("a");
  const texts = ["", "ü", "😀\u0000\u2028\ud83d", "\ufeff", "x".repeat(60), "ü".repeat(70_000), "😀".repeat(500_000)];
  const wait = host.accept();
  for (const text of texts) {
    const result = echo.say(text);
    const connection = await wait;
    const { id, args } = await connection.take();
    connection.send({ id, result: args[0] });
    assert.equal(args[0], text);
    assert.equal(await result, text);
  }
});

test("what is no URL of a host, or no option, is refused at once", async () => {
  const urls = [undefined, "", "localhost:7420", "ftp://host", "http://host/?a=1", "http://me:secret@host", "http://host/#a"];
  for (const wrong of urls) {
    assert.throws(() => connectTo(wrong), TypeError);
  }
  const url = "http://127.0.0.1:9";
  const wrongs = [
    { time: 5 }, { timeout: "5" }, { timeout: -1 }, { timeout: NaN }, { transport: "carrier pigeon" }, { idempotencyKey: "" },
    { idempotencyKey: "a b" }, { idempotencyKey: "x".repeat(256) }, { create: 0 }, { signal: {} },
  ];
  for (const wrong of wrongs) {
    assert.throws(() => connectTo(url, wrong), TypeError);
    assert.throws(() => connectTo(url).Room("a", wrong), TypeError);
    assert.throws(() => connectTo(url).Room("a").with(wrong), TypeError);
  }
  assert.throws(() => connectTo(url).Room("a").with({ params: 1 }), /with has no option params/);
});

test("each option and each name of a handle is in the types, and in README", async ({ connect }) => {
  const types = readFileSync("host/client/client.d.ts", "utf8"), readme = readFileSync("host/client/README.md", "utf8");
  const client = connect();
  const wrong = { nothing: 1 };
  const lists = [() => client.Room("a").with(wrong), () => client.Room("a", wrong), () => connectTo("http://a", wrong)];
  for (const list of lists) {
    let names = [];
    assert.throws(list, ({ message }) => { names = message.match(/there are (.*)/)[1].split(", "); return true; });
    assert.ok(names.length >= 5);
    for (const name of names) {
      assert.match(types, new RegExp(`^  ${name}\\??[:(]`, "m"));
      assert.match(readme, new RegExp(`^\\| [^|]*\`${name}\`[^|]* \\| (calls|handles|\`connect\`) \\|`, "m"));
    }
  }
  for (const name of Object.keys(client.Room("a")).filter((name) => name !== "toJSON")) {
    assert.match(types, new RegExp(`^  ${name}[<(]`, "m"));
    assert.match(readme, new RegExp(`\`(\\w+\\.)?${name}[\`(]`));
  }
});

test("the URL may have a path in front, and a scheme of either kind", async ({ host }) => {
  const client = connectTo(new URL("/troupe/", host.url.replace("http", "ws")));
  client.Room("a").say().catch(() => {});
  assert.equal((await host.accept()).url, "/troupe/connect/Room/a");
  client.Room("a").with({ transport: "http" }).say().catch(() => {});
  assert.equal((await host.request()).url, "/troupe/actors/Room/a/say");
  client.close();
});
