// The real program, for tests of the client: TROUPE_PROGRAM, serving spec/client/actors on a port that stays its own.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

const PROGRAM = process.env.TROUPE_PROGRAM ?? "build/release/troupe";

export class Program {
  #flags;
  #folder = mkdtempSync(join(tmpdir(), "troupe-client-"));
  #process = null;
  port = 0;

  // It ends with the tests of the file, whatever becomes of them.
  static async start(...flags) {
    const program = new Program();
    program.#flags = flags;
    await program.start();
    const end = () => program.#process?.kill("SIGKILL");
    process.on("exit", end);
    after(async () => {
      process.off("exit", end);
      await program.stop();
    });
    return program;
  }

  // Starts it, or starts it again on the same data.
  async start() {
    const words = ["serve", "spec/client/actors", "--data", join(this.#folder, "data"), "--listen", `127.0.0.1:${this.port}`,
      "--limit-disk-free-bytes", "1", ...this.#flags];
    this.#process = spawn(PROGRAM, words, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "", log = "";
    this.#process.stderr.on("data", (text) => { log += text; });
    this.ended = new Promise((resolve) => this.#process.on("exit", (status, signal) => resolve(signal ?? status)));
    await new Promise((resolve, reject) => {
      this.#process.stdout.on("data", (text) => {
        output += text;
        const port = output.match(/http:\/\/127\.0\.0\.1:(\d+)/);
        if (port === null || !output.includes("\n")) return;
        this.port = Number(port[1]);
        resolve();
      });
      this.#process.on("error", reject);
      this.ended.then((how) => reject(new Error(`the host did not start (${how}): ${log}`)));
    });
    this.url = `http://127.0.0.1:${this.port}`;
  }

  // Ends it as a power cut would.
  async kill() {
    this.#process.kill("SIGKILL");
    await this.ended;
    this.#process = null;
  }

  // Stops it in order, for good or until start().
  async halt() {
    this.#process.kill("SIGTERM");
    const how = await this.ended;
    this.#process = null;
    if (how !== 0) throw new Error(`the host ended with ${how}`);
  }

  async stop() {
    if (this.#process !== null) await this.halt();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
