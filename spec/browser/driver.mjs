// Drives Chromium for specs: tabs, what is evaluated in them, and what they complain of. spec/browser/browser.lua
// starts it:
//
//   node spec/browser/driver.mjs
//
// It starts Chromium without a window, prints a port of 127.0.0.1, and serves whoever connects there first: a line of
// JSON asks, a line of JSON answers, { result } or { error }. When that connection ends, or who has started this program,
// so do Chromium, its folder and this program; when this program is killed, Chromium notices that its pipes have closed.
//
// With Chromium it speaks the DevTools protocol over two pipes: JSON, a NUL behind each message.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const WAIT_MS = 30000;      // for who does not come, and for an end that does not

// A folder of its own for all that Chromium writes, no network but loopback, and tabs that nobody sees keep their pace.
const folder = mkdtempSync(join(tmpdir(), "troupe-browser-"));
const flags = [
  "--headless", "--remote-debugging-pipe", `--user-data-dir=${folder}/profile`,
  "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
  "--disable-sync", "--disable-domain-reliability", "--disable-client-side-phishing-detection", "--disable-breakpad",
  "--disable-extensions", "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows", "--disable-gpu", "--mute-audio", "--password-store=basic",
  ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
];
const env = { ...process.env, HOME: folder, TMPDIR: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder };
const chromium = spawn("chromium", flags, { env, detached: true, stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
const [, , complaints, requests, answers] = chromium.stdio;

// --- The DevTools protocol -------------------------------------------------------------------------------------------

const waiting = new Map();      // id of a request -> what to do with its answer
const tabs = new Map();         // session -> { target, problems, loaded }
let requestCount = 0;

function ask(method, params = {}, sessionId = undefined) {
  const id = ++requestCount;
  requests.write(JSON.stringify({ id, method, params, sessionId }) + "\0");
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject, method }));
}

function takeAnswer({ id, result, error }) {
  const { resolve, reject, method } = waiting.get(id);
  waiting.delete(id);
  if (error) reject(new Error(`${method}: ${error.message}`));
  else resolve(result);
}

const describe = ({ description, value, type }) => description ?? (value === undefined ? type : String(value));

// What a tab has to say. A problem is a text that begins with where it comes from: "console", "exception", "network", …
const events = {
  "Page.loadEventFired": (tab) => tab.loaded(),
  "Runtime.exceptionThrown": (tab, { exceptionDetails: { text, exception } }) =>
    tab.problems.push(`exception: ${exception ? describe(exception) : text}`),
  "Runtime.consoleAPICalled": (tab, { type, args }) => {
    if (["error", "warning", "assert"].includes(type)) tab.problems.push(`console: ${args.map(describe).join(" ")}`);
  },
  "Log.entryAdded": (tab, { entry: { source, level, text, url } }) => {
    if (url?.endsWith("/favicon.ico")) return;         // the browser asked for it, and not the page
    if (level === "error" || level === "warning") tab.problems.push(`${source}: ${text}${url ? ` (${url})` : ""}`);
  },
};

function take(message) {
  if (message.id) takeAnswer(message);
  else if (tabs.has(message.sessionId)) events[message.method]?.(tabs.get(message.sessionId), message.params);
}

let pieces = [];                // of the message that is not whole yet
answers.on("data", (bytes) => {
  let from = 0;
  for (let end; (end = bytes.indexOf(0, from)) >= 0; from = end + 1) {
    take(JSON.parse(Buffer.concat([...pieces, bytes.subarray(from, end)]).toString()));
    pieces = [];
  }
  pieces.push(bytes.subarray(from));
});

// --- What specs ask for ----------------------------------------------------------------------------------------------

const commands = {
  // Opens a tab and waits until its page is loaded.
  async open({ url }) {
    const { targetId: target } = await ask("Target.createTarget", { url: "about:blank" });
    const { sessionId: session } = await ask("Target.attachToTarget", { targetId: target, flatten: true });
    const tab = { target, problems: [] };
    const loaded = new Promise((resolve) => { tab.loaded = resolve; });
    tabs.set(session, tab);
    for (const domain of ["Page", "Runtime", "Log"]) await ask(`${domain}.enable`, {}, session);
    const { errorText } = await ask("Page.navigate", { url }, session);
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await loaded;
    return session;
  },

  // The value of an expression, or of what it promises.
  async evaluate({ tab, expression }) {
    const how = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await ask("Runtime.evaluate", how, tab);
    if (exceptionDetails) throw new Error(describe(exceptionDetails.exception ?? { value: exceptionDetails.text }));
    return result.value ?? null;
  },

  // What the tab has complained of since it was asked last.
  async problems({ tab }) {
    return tabs.get(tab).problems.splice(0);
  },

  async close({ tab }) {
    await ask("Target.closeTarget", { targetId: tabs.get(tab).target });
    tabs.delete(tab);
    return null;
  },
};

async function answer(line) {
  try {
    const { command, ...options } = JSON.parse(line);
    return { result: await commands[command](options) };
  } catch (error) {
    return { error: error.message };
  }
}

// --- Beginning and end -----------------------------------------------------------------------------------------------

let complaint = "";             // the end of what Chromium has written
complaints.on("data", (text) => { complaint = (complaint + text).slice(-4000); });
requests.on("error", () => {});
answers.on("error", () => {});

// Whatever ends this program, nothing stays behind: processes that Chromium has left are of its group.
process.on("exit", () => {
  try {
    process.kill(-chromium.pid, "SIGKILL");
  } catch {
    // There are none.
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

let isEnding = false;

function close() {
  if (isEnding) return;
  isEnding = true;
  ask("Browser.close");
  setTimeout(() => process.exit(1), WAIT_MS);
}

chromium.on("error", (error) => {
  console.log(`chromium does not start: ${error.message}`);
  process.exit(1);
});
chromium.on("exit", (status, signal) => {
  if (!isEnding) console.log(`chromium has ended (${signal ?? status}): ${complaint}`);
  process.exit(isEnding ? 0 : 1);
});
const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) close(); }, 1000);
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, close);

function serve(client) {
  server.close();
  clearTimeout(nobody);
  client.on("error", () => {});
  client.on("close", close);
  let begun = "";
  let before = Promise.resolve();
  client.setEncoding("utf8");
  client.on("data", (text) => {
    const lines = (begun + text).split("\n");
    begun = lines.pop();
    for (const line of lines) {
      before = before.then(async () => client.write(JSON.stringify(await answer(line)) + "\n"));
    }
  });
}

const server = createServer(serve);
const nobody = setTimeout(close, WAIT_MS);
await ask("Browser.getVersion");
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
