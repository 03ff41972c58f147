/** What a client is told whose request is not served: a small page, JSON or text, whatever it reads; nothing of the inside. */
import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

/**
 * Answers with an error, or ends the connection where an answer has begun.
 *
 * @param detail one sentence for the client
 */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  detail: string,
  headers: OutgoingHttpHeaders = {},
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const title = `${status} ${STATUS_CODES[status] ?? "Error"}`;
  const [type, body] = bodyFor(request.headers.accept ?? "", status, title, detail);
  response.writeHead(status, {
    "Content-Type": `${type}; charset=utf-8`,
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...(request.httpVersionMajor === 1 ? headers : withoutConnection(headers)),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function withoutConnection({ Connection: _, ...headers }: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return headers; // HTTP/2 has no such header
}

/** The same to who asked for another protocol, on a socket that no parser reads any more. */
export function refuseUpgrade(socket: Duplex, status: number, detail: string): void {
  const body = `${detail}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  socket.resume(); // nobody reads any more what the client sends
  const cut = setTimeout(() => socket.destroy(), CUT_MS).unref();
  socket.once("close", () => clearTimeout(cut));
}

/** For a client that keeps its side open. */
const CUT_MS = 2_000;

function bodyFor(accept: string, status: number, title: string, detail: string): readonly [type: string, body: string] {
  if (accept.includes("text/html")) return ["text/html", page(title, detail)];
  if (/[/+]json\b/.test(accept)) return ["application/json", `${JSON.stringify({ status, error: title.slice(4), message: detail })}\n`];
  return ["text/plain", `${title}: ${detail}\n`];
}

function page(title: string, detail: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${title}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:34em;padding:0 1em;color-scheme:light dark}</style>
<h1>${title}</h1><p>${escapeHtml(detail)}</p></html>
`;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
