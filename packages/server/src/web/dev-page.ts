/** What `junctor dev` serves: its page, with a policy that lets it load nothing else, and the client for pages of one's own. */
import { readFileSync } from "node:fs";
import { escapeHtml, refuse } from "./refusal.ts";
import type { WebService } from "./web-service.ts";

interface File {
  readonly type: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** @returns a service of the page and all that it needs, and one of what pages of one's own need */
export function devPage(realm: string, webSocketPath: string): { readonly all: WebService; readonly client: WebService } {
  const html = asset("index.html").toString().replaceAll("{{realm}}", escapeHtml(realm)).replaceAll("{{path}}", escapeHtml(webSocketPath));
  const icon = file("image/svg+xml", asset("icon.svg"));
  const client: [string, File][] = [
    ["/junctor-client.js", file("text/javascript", clientBundle(), FOR_EVERY_PAGE)],
    ["/favicon.ico", icon], // what browsers ask for where a page names none
  ];
  const page: [string, File][] = [
    ["/", file("text/html", html, OWN_FILES_ONLY)],
    ["/dev.js", file("text/javascript", asset("dev.js"))],
    ["/dev.css", file("text/css", asset("dev.css"))],
    ["/icon.svg", icon],
  ];
  return { all: serve(new Map([...page, ...client])), client: serve(new Map(client)) };
}

const OWN_FILES_ONLY = { "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'" };
const FOR_EVERY_PAGE = { "Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin" };

function serve(files: ReadonlyMap<string, File>): WebService {
  return {
    handle: (request, response, rest) => {
      const found = files.get(rest);
      if (found === undefined) return refuse(request, response, 404, "The page of junctor dev is at /");
      if (request.method !== "GET" && request.method !== "HEAD")
        return refuse(request, response, 405, "This can only be read.", { Allow: "GET, HEAD" });
      response.writeHead(200, {
        "Content-Type": `${found.type}; charset=utf-8`,
        "Content-Length": found.body.length,
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        ...found.headers,
      });
      response.end(request.method === "HEAD" ? undefined : found.body);
    },
  };
}

function file(type: string, body: Buffer | string, headers: Readonly<Record<string, string>> = {}): File {
  return { type, body: Buffer.from(body), headers };
}

function asset(name: string): Buffer {
  return readFileSync(new URL(`../../assets/dev/${name}`, import.meta.url));
}

function clientBundle(): Buffer {
  return readFileSync(new URL(import.meta.resolve("@junctor/client/browser/junctor-client.min.js")));
}
