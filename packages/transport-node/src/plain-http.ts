/** What a listener answers by itself, in plain text, to those who speak HTTP and mean something else. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { encodeRefusal, HandshakeError } from "@junctor/protocol";
import type { ConnectionLimits } from "./limits.ts";
import type { ListenOptions } from "./listen-options.ts";
import { RefusalReason } from "./refusal-reason.ts";

export function plainResponse(status: string, text: string): string {
  const body = `${text}\n`;
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** What is told to who sent no HTTP request, or none in time. */
export function requestProblem(
  error: Error & { readonly code?: string },
  { headerSize, handshakeTimeoutMs }: ConnectionLimits,
): readonly [status: string, reason: RefusalReason, text: string] {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return [TOO_LARGE_HEADERS, RefusalReason.headerSize, `More than ${headerSize} bytes of headers`];
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return ["408 Request Timeout", RefusalReason.handshakeTimeout, `No request within ${handshakeTimeoutMs} ms`];
    default:
      return ["400 Bad Request", RefusalReason.http, `This port speaks HTTP and WebSocket: ${error.message}`];
  }
}

/** That there are too many connections, in the language of the port; nothing where it speaks several. */
export function tooMany(kind: ListenOptions["kind"], limit: RefusalReason): string | Uint8Array {
  switch (kind) {
    case "rawsocket":
      return encodeRefusal(HandshakeError.tooManyConnections);
    case "web":
      return plainResponse("503 Service Unavailable\r\nRetry-After: 5", `${TOO_MANY} (${limit})`);
    case "universal":
      return "";
  }
}

export function answerHint(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { "Content-Type": "text/plain; charset=utf-8" });
  response.end("This is a WAMP router. Connect with a WAMP client over WebSocket.\n");
}

export const RAW_HINT = "This port speaks WAMP over RawSocket, not HTTP. Use tcp:// in a WAMP client, or the router's WebSocket port.";
export const TLS_HINT = "what arrived is TLS, and this port is without it: the client's URL starts with ws:// or tcp://";
export const TOO_MANY = "Too many connections; try again later";
export const TOO_LARGE_HEADERS = "431 Request Header Fields Too Large";
/** How what is HTTP begins. */
export const HTTP_REQUEST = /^(GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH|CONNECT|TRACE|PRI) ?/;
