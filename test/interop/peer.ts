/** Peers: programs that run somebody's WAMP client as they are told, line by line (peers/README.md). */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Message } from "./value.ts";

export type Command = { readonly session: string } & (
  | ({ readonly do: "connect" } & Endpoint)
  | { readonly do: "register"; readonly procedures: readonly { procedure: string; answer: Message & { error?: string } }[] }
  | { readonly do: "subscribe"; readonly topics: readonly string[] }
  | { readonly do: "call"; readonly calls: readonly ({ procedure: string } & Message)[] }
  | { readonly do: "publish"; readonly events: readonly ({ topic: string } & Message)[] }
  | { readonly do: "offer"; readonly procedures: readonly { procedure: string; count: number; waits: boolean }[] }
  | ({ readonly do: "follow"; readonly procedure: string; readonly mode?: string; readonly chunks?: readonly Message[] } & Message)
  | { readonly do: "cancel" }
  | { readonly do: "take"; readonly count: number }
  | { readonly do: "leave" }
);

/** Where the router is, in the forms that clients ask for. */
export interface Endpoint {
  readonly transport: string;
  readonly serializer: string;
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly realm: string;
  /** How the client is to log in. Default: not at all. */
  readonly auth?: Credentials;
}

export interface Credentials {
  readonly method: string;
  readonly authid?: string;
  /** Ticket, password, or private key in hex. */
  readonly secret: string;
  /** The type of channel binding that is asked for. */
  readonly binding?: string;
}

export interface Answer {
  /** To `connect` with `auth`: what the client knows of its session. */
  readonly welcome?: { readonly authid: string; readonly authrole: string; readonly authmethod: string };
  /** To `call`: results and errors, in the order of the calls. */
  readonly results?: readonly (Message & { readonly error?: string })[];
  /** To `follow`: the progressive results. */
  readonly progress?: readonly Message[];
  /** To `take`: the invocations or events that came since the last time. */
  readonly heard?: readonly (Message & { readonly uri: string })[];
}

export interface Peer extends AsyncDisposable {
  /** @throws {Error} the command could not be carried out, or the program is gone */
  execute(command: Command): Promise<Answer>;
}

export class PeerProcess implements Peer {
  readonly #name: string;
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  readonly #ended: Promise<void>;
  #id = 0;
  #complaints = "";
  #isGone = false;

  constructor(name: string, [command, ...args]: readonly [string, ...string[]], env: NodeJS.ProcessEnv) {
    this.#name = name;
    this.#process = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
    this.#process.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-2_000);
    });
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      const { id, failure, ...answer } = JSON.parse(line) as Answer & { id: number; failure?: string };
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (failure === undefined) waiting?.resolve(answer);
      else waiting?.reject(this.#error(failure));
    });
    this.#ended = new Promise((resolve) => {
      const end = (reason: string) => {
        this.#isGone = true;
        for (const { reject } of this.#waiting.values()) reject(this.#error(reason));
        resolve();
      };
      this.#process.on("error", (error) => end(error.message));
      this.#process.on("close", (code, signal) => end(`ended with ${signal ?? `exit code ${code}`}`));
    });
  }

  execute(command: Command): Promise<Answer> {
    if (this.#isGone) return Promise.reject(this.#error("is gone"));
    const id = ++this.#id;
    this.#process.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin.end();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5_000);
    await this.#ended;
    clearTimeout(timer);
  }

  #error(problem: string): Error {
    return new Error(`${this.#name}: ${problem}${this.#complaints === "" ? "" : `\n${this.#complaints}`}`);
  }
}
