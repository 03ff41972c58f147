/**
 * What of a message a reverse proxy hands on (RFC 9110, 7.6): the headers without those that are for one connection only, and
 * with who the client is. What a client says about that itself goes no further, nor what programs behind read as another header.
 */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import type { RequestOrigin } from "@junctor/transport-node";

export interface ForwardingOptions {
  /** Host header for the target. */
  readonly host: string;
  /** What was taken off the front of the path. */
  readonly prefix?: string | undefined;
}

/** Names and values by turns, as Node.js takes them. */
export type RawHeaders = string[];

/** A request's headers without its framing, and without upgrade. */
export function requestHeaders(request: IncomingMessage, origin: RequestOrigin, { host, prefix }: ForwardingOptions): RawHeaders {
  const own = request.headers.host;
  const dropped = namedBy(request.headers.connection);
  const headers: RawHeaders = [];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] as string;
    const lower = name.toLowerCase();
    if (CONNECTION_ONLY.has(lower) || dropped.has(lower) || ABOUT_CLIENT.test(lower) || !NAME.test(lower)) continue;
    headers.push(name, request.rawHeaders[i + 1] as string);
  }
  // In HTTP/2 it comes in pieces.
  if (request.headers.cookie !== undefined && !dropped.has("cookie")) headers.push("Cookie", request.headers.cookie);
  const peer = request.socket.remoteAddress?.replace(/^::ffff:/, "");
  const before = origin.isProxied ? textOf(request.headers["x-forwarded-for"]) : undefined;
  const chain = [before, origin.isProxied ? peer : origin.address].filter((hop) => hop !== undefined && hop !== "").join(", ");
  const publicHost = (origin.isProxied ? textOf(request.headers["x-forwarded-host"]) : undefined) ?? own;
  headers.push("Host", host);
  if (chain !== "") headers.push("X-Forwarded-For", chain);
  if (origin.address !== undefined && isIP(origin.address) !== 0) headers.push("X-Real-IP", origin.address);
  headers.push("X-Forwarded-Proto", origin.isSecure ? "https" : "http");
  if (publicHost !== undefined) headers.push("X-Forwarded-Host", publicHost);
  if (prefix !== undefined && prefix !== "") headers.push("X-Forwarded-Prefix", prefix);
  return headers;
}

/** A response's headers without those of its connection. */
export function responseHeaders({ rawHeaders, headers: { connection } }: IncomingMessage): RawHeaders {
  const dropped = namedBy(connection);
  const headers: RawHeaders = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const lower = (rawHeaders[i] as string).toLowerCase();
    if (!CONNECTION_ONLY.has(lower) && !dropped.has(lower)) headers.push(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  }
  const length = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === "content-length");
  if (length >= 0) headers.push("Content-Length", rawHeaders[length + 1] as string);
  return headers;
}

/** By name, those that come several times as lists: so they stand beside headers that are there already. */
export function grouped(headers: RawHeaders): OutgoingHttpHeaders {
  const values = new Map<string, [name: string, ...values: string[]]>();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const [name, value] = [headers[i] as string, headers[i + 1] as string];
    const known = values.get(name.toLowerCase());
    if (known === undefined) values.set(name.toLowerCase(), [name, value]);
    else known.push(value);
  }
  const object: OutgoingHttpHeaders = Object.create(null);
  for (const [name, ...all] of values.values()) object[name] = all.length === 1 ? all[0] : all;
  return object;
}

/** What a Connection header says is for this connection only. */
function namedBy(connection: string | undefined): ReadonlySet<string> {
  return new Set((connection ?? "").split(",").map((name) => name.trim().toLowerCase()));
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(", ") : header;
}

/** Of one connection; and host, framing and cookies, which are written anew. */
const CONNECTION_ONLY: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade", "expect"],
  ...["transfer-encoding", "content-length", "host", "http2-settings", "cookie"],
]);
/** `Forwarded` would have to say the same in another syntax; `Proxy` becomes the variable HTTP_PROXY behind CGI. */
const ABOUT_CLIENT = /^(?:x-forwarded-.*|x-real-ip|forwarded|proxy)$/;
/** Without `_`, which WSGI and CGI cannot tell from `-`, and without the colons of HTTP/2. */
const NAME = /^[a-z0-9!#$%&'*+.^`|~-]+$/;
