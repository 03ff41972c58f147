/** The opening handshake of a WebSocket, server side (RFC 6455, 4.2). */
import { createHash } from "node:crypto";
import type { UpgradeRequest } from "./upgrade-request.ts";

/** @returns what is wrong with the request, or `undefined`. That it is HTTP and asks for an upgrade is known. */
export function handshakeProblem({ method, headers }: UpgradeRequest): string | undefined {
  if (method !== "GET") return "a WebSocket is opened with GET";
  if (headers.upgrade?.toLowerCase() !== "websocket") return "the header Upgrade must be websocket";
  if (!KEY.test(headers["sec-websocket-key"] ?? "")) return "the header Sec-WebSocket-Key must be 16 bytes in Base64";
  if (headers["sec-websocket-version"] !== VERSION) return `the header Sec-WebSocket-Version must be ${VERSION}`;
  return undefined;
}

/** The response that opens the WebSocket. */
export function handshakeResponse({ headers }: UpgradeRequest, subprotocol: string, setCookies: readonly string[]): string {
  const accept = createHash("sha1").update(`${headers["sec-websocket-key"]}${GUID}`).digest("base64");
  const cookies = setCookies.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join("");
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${subprotocol}\r\n${cookies}\r\n`;
}

/** The size of window for deflating, from the headers of a WebSocket handshake; `undefined` where nothing is deflated. */
export function deflateWindowBits(headers: readonly string[]): number | undefined {
  const extensions = headers.find((header) => header.startsWith("Sec-WebSocket-Extensions:"));
  if (extensions === undefined) return undefined;
  return Number(/server_max_window_bits=(\d+)/.exec(extensions)?.[1] ?? 15);
}

/** What is offered of permessage-deflate (RFC 7692). */
export const DEFLATE = { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 1024, concurrencyLimit: 4 };

export const VERSION = "13";
const KEY = /^[+/0-9A-Za-z]{22}==$/;
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
