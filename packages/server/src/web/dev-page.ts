/** The web page of `junctor dev` and the files it needs, with a policy that lets it load nothing else. */
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";

interface Page {
  readonly type: string;
  readonly body: Buffer;
}

/** @param next answers what is no file of the page */
export function devPage(
  realm: string,
  webSocketPath: string,
  next: (request: IncomingMessage, response: ServerResponse) => void,
): (request: IncomingMessage, response: ServerResponse) => void {
  const pages = new Map<string, Page>([
    ["/", page("text/html", asset("index.html").toString().replaceAll("{{realm}}", realm).replaceAll("{{path}}", webSocketPath))],
    ["/dev.js", page("text/javascript", asset("dev.js"))],
    ["/dev.css", page("text/css", asset("dev.css"))],
    ["/junctor-client.js", page("text/javascript", clientBundle())],
  ]);
  return (request, response) => {
    const found = pages.get((request.url ?? "/").split("?", 1)[0] ?? "/");
    if (found === undefined) return next(request, response);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { Allow: "GET, HEAD" }).end();
      return;
    }
    response.writeHead(200, {
      "Content-Type": `${found.type}; charset=utf-8`,
      "Content-Length": found.body.length,
      "Cache-Control": "no-cache",
      "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'",
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
    });
    response.end(request.method === "HEAD" ? undefined : found.body);
  };
}

function page(type: string, body: Buffer | string): Page {
  return { type, body: Buffer.from(body) };
}

function asset(name: string): Buffer {
  return readFileSync(new URL(`../../assets/dev/${name}`, import.meta.url));
}

function clientBundle(): Buffer {
  return readFileSync(new URL(import.meta.resolve("@junctor/client/browser/junctor-client.min.js")));
}
