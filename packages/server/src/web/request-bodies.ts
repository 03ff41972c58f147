/**
 * The bodies of requests that are on their way: none is longer than its service takes, none comes so slowly that it only holds a
 * connection (T13), none is compressed (T16). The service reads them as if nobody else did.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { refuse } from "./refusal.ts";

interface Arriving {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  received: number;
  /** When so much would have been too little; later for the time in which the service did not read. */
  since: number;
}

export class RequestBodies {
  readonly #now: () => number;
  readonly #arriving = new Set<Arriving>();
  #ticker: NodeJS.Timeout | undefined = undefined;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Watches over the body of a request. @returns false where it was refused */
  admit(request: IncomingMessage, response: ServerResponse, most: number): boolean {
    const { headers } = request;
    const length = Number(headers["content-length"] ?? 0);
    const hasBody = length > 0 || headers["transfer-encoding"] !== undefined || request.httpVersionMajor === 2;
    if (!hasBody) return true;
    const encoding = headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity") {
      refuse(request, response, 415, "Bodies are taken as they are, without Content-Encoding.", {
        "Accept-Encoding": "identity",
        Connection: "close",
      });
      return false;
    }
    if (length > most) {
      refuse(request, response, 413, `The body is longer than ${most} bytes.`, { Connection: "close" });
      return false;
    }
    this.#watch(request, response, most);
    return true;
  }

  /** Looks for those that come too slowly; called once a second. */
  tick(): void {
    const now = this.#now();
    for (const arriving of this.#arriving) {
      const { request, response, received, since } = arriving;
      if (request.complete || request.destroyed) this.#arriving.delete(arriving);
      else if (request.readableLength > 0)
        arriving.since += TICK_MS; // the service does not read
      else if (now - since > GRACE_MS + (received / SLOWEST) * 1_000) {
        this.#arriving.delete(arriving);
        cutOff(request, response, 408, `The body comes slower than ${SLOWEST} bytes a second.`);
      }
    }
    if (this.#arriving.size > 0) return;
    clearInterval(this.#ticker);
    this.#ticker = undefined;
  }

  #watch(request: IncomingMessage, response: ServerResponse, most: number): void {
    const arriving: Arriving = { request, response, received: 0, since: this.#now() };
    this.#arriving.add(arriving);
    this.#ticker ??= setInterval(() => this.tick(), TICK_MS).unref();
    // What the parser has read is pushed: counted there, it flows to its reader as always.
    const push = request.push.bind(request);
    request.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
      if (arriving.received > most) return false; // it was cut off, and does not end
      arriving.received += chunk?.length ?? 0;
      if (chunk === null) this.#arriving.delete(arriving);
      else if (arriving.received > most) {
        this.#arriving.delete(arriving);
        cutOff(request, response, 413, `The body is longer than ${most} bytes.`);
        return false;
      }
      return push(chunk, encoding);
    };
  }
}

/** Nothing more is read: after the answer the connection ends. */
function cutOff(request: IncomingMessage, response: ServerResponse, status: number, detail: string): void {
  if (response.headersSent) request.destroy();
  else {
    refuse(request, response, status, detail, { Connection: "close" });
    response.once("close", () => request.destroy());
  }
}

const TICK_MS = 1_000;
const GRACE_MS = 10_000;
/** Bytes a second. */
const SLOWEST = 1_024;
