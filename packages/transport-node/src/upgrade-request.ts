/**
 * The request that opens a WebSocket (RFC 6455, 4.1), as nearly every client sends it: whole in the first chunk, in the plain
 * form of RFC 9112. Read here, because Node.js's parser, with the objects and listeners that come with it, is as much work as
 * all the rest of a session that comes and goes (bench join).
 *
 * Whatever is unusual, a mistake or no upgrade at all is not answered here, but left to Node.js.
 */
import type { IncomingHttpHeaders } from "node:http";

/** As much of it as the listener asks for; an `IncomingMessage` is one. */
export interface UpgradeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

export function pathOf({ url = "" }: UpgradeRequest): string {
  return url.split("?", 1)[0] ?? "";
}

/** Where WebSocket clients connect unless a listener says otherwise. */
export const WEBSOCKET_PATH = "/ws";

/** @param path `*` for any */
export function isAt(request: UpgradeRequest, path: string): boolean {
  return path === "*" || pathOf(request) === path;
}

export interface ParsedUpgrade {
  readonly request: UpgradeRequest;
  /** Octets that the request takes. */
  readonly length: number;
}

/** @returns `undefined` for what Node.js has to look at */
export function parseUpgrade(octets: Buffer, maxSize: number, maxHeaders: number): ParsedUpgrade | undefined {
  if (octets[0] !== LETTER_G) return undefined;
  const end = octets.indexOf("\r\n\r\n");
  if (end < 0 || end > maxSize) return undefined;
  const lines = octets.toString("latin1", 0, end).split("\r\n");
  const url = REQUEST_LINE.exec(lines[0] ?? "")?.[1];
  if (url === undefined || lines.length - 1 > maxHeaders) return undefined;
  // Without a prototype: `__proto__` is a name like any other.
  const headers: Record<string, string> = Object.create(null);
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string;
    const colon = line.indexOf(":");
    if (colon < 0 || !HEADER.test(line)) return undefined;
    const name = line.slice(0, colon).toLowerCase();
    if (name in headers || FRAMING.has(name)) return undefined;
    headers[name] = line.slice(colon + 1).trim();
  }
  const isUpgrade =
    headers["host"] !== undefined && headers["upgrade"]?.toLowerCase() === "websocket" && CONNECTION.test(headers["connection"] ?? "");
  return isUpgrade ? { request: { method: "GET", url, headers }, length: end + 4 } : undefined;
}

const LETTER_G = 0x47;
const REQUEST_LINE = /^GET (\/[!"$-~]*) HTTP\/1\.1$/;
/** A token, a colon and visible ASCII: no line folded, no obsolete text. */
const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*$/;
const CONNECTION = /^(?:keep-alive, ?)?upgrade$/i;
/** What says that the request goes on behind its head, or waits. */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "expect", "trailer"]);
