// The peer in Node: the library ws, with as much of the host's frames as is measured.  node --expose-gc ws.js PORT
//
// `tell` with [bytes, times] sends an event so many times to all that have subscribed. An event becomes bytes once, for all
// of them. SIGUSR2 collects garbage, so that what is left can be weighed.
"use strict";

const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
const listeners = new Set();

function tell(bytes, times) {
  for (let i = 0; i < times; i++) {
    const event = Buffer.from(JSON.stringify({ event: "news", args: ["x".repeat(bytes)] }));
    for (const socket of listeners) socket.send(event, { binary: false });
  }
}

server.on("connection", (socket) => {
  socket.on("message", (data) => {
    const frame = JSON.parse(data);
    if (frame.subscribe) {
      listeners.add(socket);
    } else {
      tell(frame.args[0], frame.args[1] ?? 1);
      socket.send(JSON.stringify({ id: frame.id, result: null }));
    }
  });
  socket.on("close", () => listeners.delete(socket));
  socket.on("error", () => listeners.delete(socket));
});

process.on("SIGUSR2", () => global.gc());
