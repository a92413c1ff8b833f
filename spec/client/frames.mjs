// The frames of the WebSocket that the client brings for a Node without one.
import assert from "node:assert/strict";
import { frame } from "./fake_host.mjs";
import { failure, statesOf, test } from "./testing.mjs";

const CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

const answer = (id, result) => Buffer.from(JSON.stringify({ id, result }));

// Sends bytes one by one, each in a packet of its own as far as the system likes.
async function trickle(connection, bytes) {
  for (const byte of bytes) await new Promise((resolve) => connection.socket.write(Buffer.from([byte]), resolve));
}

test("a message arrives whole, wherever it is cut", async ({ host, connect }) => {
  const room = connect().Room("a");
  let result = room.say();
  const connection = await host.accept();
  const { id } = await connection.take();
  await trickle(connection, frame(TEXT, answer(id, "ü😀")));
  assert.equal(await result, "ü😀");

  const bytes = frame(TEXT, answer(2, "x".repeat(200)));
  for (let cut = 1; cut < bytes.length; cut++) {
    result = room.say();
    const call = await connection.take();
    const whole = frame(TEXT, answer(call.id, "x".repeat(200)));
    await new Promise((resolve) => connection.socket.write(whole.subarray(0, cut), resolve));
    connection.write(whole.subarray(cut));
    assert.equal(await result, "x".repeat(200));
  }
});

test("fragments of any size are one message, with pings between", async ({ host, connect }) => {
  const room = connect().Room("a");
  const result = room.say();
  const connection = await host.accept();
  const { id } = await connection.take();
  const payload = answer(id, "ü😀 and more");
  for (let i = 0; i < payload.length; i++) {
    connection.write(frame(i === 0 ? TEXT : CONTINUATION, payload.subarray(i, i + 1), { isFinal: false }));
    connection.ping(`ping ${i}`);
  }
  connection.write(frame(CONTINUATION, Buffer.alloc(0)));
  assert.equal(await result, "ü😀 and more");
  for (let i = 0; i < payload.length; i++) assert.equal((await connection.pongs.take()).toString(), `ping ${i}`);
});

test("many messages in one packet are all heard, in their order", async ({ host, connect }) => {
  const room = connect().Room("a");
  const results = [room.say(), room.say(), room.say()];
  const order = [];
  for (const [i, result] of results.entries()) result.then(() => order.push(i));
  const connection = await host.accept();
  for (let i = 0; i < 3; i++) await connection.take();
  const [a, b, c] = [answer(1, "a"), answer(2, "b"), answer(3, "c")].map((text) => frame(TEXT, text));
  connection.write(Buffer.concat([c, frame(PONG, Buffer.alloc(0)), a, b]));
  assert.deepEqual(await Promise.all(results), ["a", "b", "c"]);
  assert.deepEqual(order, [2, 0, 1]);
});

test("a message behind the handshake in one packet is heard", async ({ host, connect }) => {
  const room = connect().Room("a");
  const heard = new Promise((resolve) => room.on("said", resolve));
  const connection = await host.knock();
  connection.socket.cork();
  connection.accept().send({ event: "said", args: ["early"] });
  connection.socket.uncork();
  assert.equal(await heard, "early");
});

test("what no host may send ends the connection with a code that says so", async ({ host, connect }) => {
  const room = connect().Room("a");
  const states = statesOf(room);
  room.on("said", () => {});
  const masked = frame(TEXT, answer(1, 1));
  masked[1] |= 128;
  const huge = Buffer.from([129, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]);
  const wrongs = [
    [frame(TEXT, answer(1, 1), { rsv: 64 }), 1002], [frame(TEXT, answer(1, 1), { rsv: 16 }), 1002], [masked, 1002],
    [frame(CONTINUATION, answer(1, 1)), 1002], [frame(PING, Buffer.alloc(126)), 1002],
    [frame(PING, Buffer.alloc(1), { isFinal: false }), 1002],
    [frame(3, Buffer.alloc(1)), 1002], [frame(11, Buffer.alloc(1)), 1002], [frame(BINARY, Buffer.alloc(1)), 1003],
    [Buffer.concat([frame(TEXT, Buffer.from("{"), { isFinal: false }), frame(TEXT, Buffer.from("}"))]), 1002],
    [frame(TEXT, Buffer.from([0xc3])), 1007], [huge, 1009],
    [Buffer.concat([frame(TEXT, Buffer.from([0xf0]), { isFinal: false }), frame(CONTINUATION, Buffer.from([0x80]))]), 1007],
    [frame(CLOSE, Buffer.from([3, 232, 0xff])), 1007],
  ];
  for (const [bytes, code] of wrongs) {
    const connection = await host.accept();
    await states.until("open");
    connection.write(bytes);
    connection.send({ event: "said", args: [] });
    assert.equal((await states.until("waiting")).code, code);
    assert.ok([code, 1007 === code ? 1000 : code].includes(await connection.closed));
  }
});

test("a close without a code is a loss", async ({ host, connect }) => {
  const room = connect().Room("a");
  const states = statesOf(room);
  const failed = failure(room.say());
  const connection = await host.accept();
  await connection.take();
  connection.socket.end(frame(CLOSE, Buffer.alloc(0)));
  assert.equal((await states.until("waiting")).code, 1005);
  assert.equal((await failed).code, "connection_lost");
});
