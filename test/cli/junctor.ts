/** The built command line as a process: run to its end, or kept running until the test stops it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const CLI = fileURLToPath(new URL("../../packages/server/dist/cli/main.js", import.meta.url));

/** Of the users in these tests' configurations. */
const SECRETS = /.*(?:sesame|seeded-secret).*/;

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node.js itself. */
  readonly node?: readonly string[];
  /** A program that runs the command line, with its arguments. */
  readonly through?: readonly string[];
  /** Another program than the workspace's command line. */
  readonly program?: string;
}

/** Runs `junctor ARGS` to its end. */
export async function junctor(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Running(args, options).ended;
}

/** `junctor ARGS`, running. Disposing of it stops it and waits for its end. */
export class Running implements AsyncDisposable {
  readonly ended: Promise<Outcome>;
  readonly #child: ChildProcess;
  #out = "";
  #err = "";
  #heard: () => void = () => {};

  constructor(args: readonly string[], { cwd, env, node = [], through = [], program = CLI }: RunOptions = {}) {
    const [command = "", ...rest] = [...through, process.execPath, ...node, program, ...args];
    this.#child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"], cwd, env: { ...process.env, NO_COLOR: "1", ...env } });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#out += text;
      this.#heard();
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#err += text;
      this.#heard();
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", (code) => {
        // Whatever a test does with a server, none of its secrets is in what that writes (AUTH-10, T10).
        const told = args[0] === "start" ? SECRETS.exec(this.#out + this.#err) : null;
        if (told === null) resolve({ code, out: this.#out, err: this.#err });
        else reject(new Error(`the server wrote a secret: ${told[0]}`));
        this.#heard();
      });
    });
  }

  /** Waits until it has printed this, to either stream. @returns the first group, or all of the match */
  async printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#out) ?? pattern.exec(this.#err);
      if (found !== null) return found[1] ?? found[0];
      if (this.#child.exitCode !== null)
        throw new Error(`ended with ${this.#child.exitCode} before it printed ${pattern}:\n${this.#out}${this.#err}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  get out(): string {
    return this.#out;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Lets go of its output, as `head` does. */
  stopReading(): void {
    this.#child.stdout?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGTERM");
    await this.ended;
  }
}

/** A directory that goes with the test. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "junctor-"));

  file(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
