// A host that does what a test says: it takes connections and requests when it is asked to, and answers, drops, refuses or
// stays silent as the test wants. Its frames are written and read here, apart from those of client.js.

import { createHash } from "node:crypto";
import { createServer } from "node:http";

const TEXT = 1, CLOSE = 8, PING = 9, PONG = 10;

// What has come, in its order, and who waits for it.
export class Line {
  #things = [];
  #waiters = [];

  put(thing) {
    const waiter = this.#waiters.shift();
    if (waiter) waiter(thing);
    else this.#things.push(thing);
  }

  take() {
    if (this.#things.length > 0) return Promise.resolve(this.#things.shift());
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  get size() {
    return this.#things.length;
  }
}

export function frame(opcode, payload, { isFinal = true, rsv = 0 } = {}) {
  const size = payload.length;
  const head = size < 126 ? [size] : size < 65536 ? [126, size >> 8, size & 255]
    : [127, 0, 0, 0, 0, (size >>> 24) & 255, (size >>> 16) & 255, (size >>> 8) & 255, size & 255];
  return Buffer.concat([Buffer.from([(isFinal ? 128 : 0) | rsv | opcode, ...head]), payload]);
}

// One WebSocket, from its handshake on.
class Connection {
  #frames = new Line();
  #bytes = Buffer.alloc(0);
  #closing;

  constructor(request, socket) {
    this.url = request.url;
    this.headers = request.headers;
    this.socket = socket;
    this.pongs = new Line();
    // With what the client has closed it; 1006 if it went without a word.
    this.closed = new Promise((resolve) => { this.#closing = resolve; });
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("close", () => this.#closing(1006));
    socket.on("data", (bytes) => this.#read(bytes));
  }

  get query() {
    return Object.fromEntries(new URL(this.url, "http://host").searchParams);
  }

  accept() {
    const proof = createHash("sha1").update(`${this.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    this.socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + `Sec-WebSocket-Accept: ${proof.digest("base64")}\r\n\r\n`);
    return this;
  }

  #read(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#bytes.length >= 6) {
      const all = this.#bytes, short = all[1] & 127;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (all.length < head + 4) return;
      const size = short < 126 ? short : short === 126 ? all.readUInt16BE(2) : Number(all.readBigUInt64BE(2));
      if (all.length < head + 4 + size) return;
      if (all[1] < 128) throw new Error("a client's frame is not masked");
      const mask = all.subarray(head, head + 4);
      const payload = Buffer.from(all.subarray(head + 4, head + 4 + size).map((byte, i) => byte ^ mask[i & 3]));
      this.#bytes = all.subarray(head + 4 + size);
      this.#hear(all[0] & 15, payload);
    }
  }

  #hear(opcode, payload) {
    if (opcode === TEXT) this.#frames.put(JSON.parse(payload.toString()));
    if (opcode === PONG) this.pongs.put(payload);
    if (opcode === CLOSE) {
      this.#closing(payload.length >= 2 ? payload.readUInt16BE(0) : 1005);
      this.socket.end(frame(CLOSE, payload.subarray(0, 2)));
    }
  }

  // The next message of the client.
  take() {
    return this.#frames.take();
  }

  get taken() {
    return this.#frames.size;
  }

  send(message) {
    return this.sendText(JSON.stringify(message));
  }

  sendText(text) {
    return this.write(frame(TEXT, Buffer.from(text)));
  }

  ping(payload) {
    return this.write(frame(PING, Buffer.from(payload)));
  }

  write(bytes) {
    this.socket.write(bytes);
    return this;
  }

  // Ends it with a word.
  close(code, reason = "") {
    this.socket.end(frame(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)])));
  }

  // Ends it without.
  drop() {
    this.socket.resetAndDestroy ? this.socket.resetAndDestroy() : this.socket.destroy();
  }
}

export class FakeHost {
  #connections = new Line();
  #requests = new Line();
  #sockets = new Set();
  #server = createServer((request, response) => this.#ask(request, response));

  static async start(port = 0) {
    const host = new FakeHost();
    host.#server.on("upgrade", (request, socket) => host.#connections.put(new Connection(request, socket)));
    host.#server.on("connection", (socket) => {
      host.#sockets.add(socket);
      socket.on("close", () => host.#sockets.delete(socket));
    });
    await new Promise((resolve) => host.#server.listen(port, "127.0.0.1", resolve));
    host.port = host.#server.address().port;
    host.url = `http://127.0.0.1:${host.port}`;
    return host;
  }

  #ask(request, response) {
    let body = "";
    request.setEncoding("utf8");
    request.on("error", () => {});
    request.on("data", (text) => { body += text; });
    request.on("end", () => this.#requests.put({
      method: request.method, url: request.url, headers: request.headers, body,
      closed: new Promise((resolve) => response.on("close", resolve)),
      answer: (status, value) => response.writeHead(status).end(typeof value === "string" ? value : JSON.stringify(value)),
      drop: () => request.socket.destroy(),
    }));
  }

  // The next handshake, which is not answered yet.
  knock() {
    return this.#connections.take();
  }

  // The next connection.
  async accept() {
    return (await this.#connections.take()).accept();
  }

  // The next request over HTTP.
  request() {
    return this.#requests.take();
  }

  get knocks() {
    return this.#connections.size;
  }

  // Ends all, as a host that is killed.
  async stop() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
