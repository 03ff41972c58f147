/** `junctor dev` as its own process, from the built packages, on a port that the system picks. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "./files.ts";

export const CLI = join(root, "packages/server/dist/cli/main.js");

export class DevRouter {
  /** `host:port` */
  readonly address: string;
  /** Its state directory. */
  readonly state: string;
  readonly #process: ChildProcess;

  private constructor(address: string, state: string, process: ChildProcess) {
    this.address = address;
    this.state = state;
    this.#process = process;
  }

  get url(): string {
    return `ws://${this.address}/ws`;
  }

  static async start(...args: readonly string[]): Promise<DevRouter> {
    const child = spawn(process.execPath, [CLI, "dev", "--port", "0", ...args], { stdio: ["ignore", "pipe", "inherit"] });
    const [address, state] = await Promise.all([printed(child, /ws:\/\/(\S+)\/ws/), printed(child, /--state (\S+)/)]);
    return new DevRouter(address, state, child);
  }

  async stop(): Promise<void> {
    await stopped(this.#process);
  }
}

/** Waits until a process has printed this. @returns the first group */
export function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const look = (chunk: Buffer) => {
      text += chunk.toString();
      const [, group] = pattern.exec(text) ?? [];
      if (group !== undefined) resolve(group);
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`ended with exit code ${code} before it printed ${pattern}:\n${text}`)));
  });
}

export async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}
