/** What a listener answers by itself, in plain text, to those who speak HTTP and mean something else. */
import type { IncomingMessage, ServerResponse } from "node:http";

export function plainResponse(status: string, text: string): string {
  const body = `${text}\n`;
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
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
