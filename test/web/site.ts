// A server with web services on a port of its own, and the two ways to ask it: a client, and a bare socket that sends anything.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, type IncomingMessage, type RequestOptions, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseConfig } from "../../packages/server/src/config/load.ts";
import { limitsOf } from "../../packages/server/src/config/schema.ts";
import type { LogEvent } from "../../packages/server/src/log.ts";
import { startServer } from "../../packages/server/src/server.ts";
import type { WebService } from "../../packages/server/src/web/web-service.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export class Site implements AsyncDisposable {
  readonly log: LogEvent[] = [];
  #awaited: (() => void)[] = [];
  /** Where the configuration would lie, and the files that it names. */
  readonly directory = mkdtempSync(join(tmpdir(), "junctor-web-"));
  #server: Awaited<ReturnType<typeof startServer>> | undefined = undefined;

  /** `host:port` */
  get address(): string {
    return this.server.listeners[0]?.address ?? "";
  }

  get port(): number {
    return this.server.listeners[0]?.port ?? 0;
  }

  get server(): Awaited<ReturnType<typeof startServer>> {
    if (this.#server === undefined) throw new Error("it has not been started");
    return this.#server;
  }

  /** @param listener more of the one listener */
  async start(web: object, listener: object = {}, more: object = {}, services: Record<string, WebService> = {}): Promise<void> {
    const file = { version: 1, listen: [{ type: "web", port: 0, ...listener }], realms: {}, web, ...more };
    const config = parseConfig(JSON.stringify(file), join(this.directory, "config.json"));
    const listen = config.listen.map((each) => ({ ...each, services }));
    const { realms, state, services: programs } = config;
    const log = (event: LogEvent) => {
      this.log.push(event);
      for (const awaited of this.#awaited.splice(0)) awaited();
    };
    this.#server = await startServer({ listen, realms, services: programs, web: config.web, state, limits: limitsOf(config), log });
  }

  /** Waits until something holds that is logged when it comes to hold. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#awaited.push(resolve));
  }

  file(path: string, content: string | Uint8Array): string {
    const full = join(this.directory, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
    return full;
  }

  ask(path: string, options: RequestOptions & { readonly body?: string | Uint8Array } = {}): Promise<Answer> {
    const { body, ...rest } = options;
    return answerTo(request({ host: "127.0.0.1", port: this.port, path, agent: false, ...rest }), body);
  }

  /** Sends these bytes and reads until the server closes. */
  raw(bytes: string | Uint8Array): Promise<string> {
    return exchange(this.port, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function serve(web: object, listener?: object): Promise<Site> {
  const site = new Site();
  await site.start(web, listener);
  return site;
}

export function answerTo(asked: ReturnType<typeof request>, body?: string | Uint8Array): Promise<Answer> {
  return new Promise((resolve, reject) => {
    asked.on("error", reject);
    asked.on("response", (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on("error", reject);
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    asked.end(body);
  });
}

/** Over a bare TCP connection. */
export function exchange(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNRESET" || error.code === "EPIPE" ? resolve(text) : reject(error),
    );
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("close", () => resolve(text));
    socket.write(bytes);
  });
}
