// The program that a `node` web service runs as: it serves one module's application on the UNIX socket in its environment.
// An application is `(request, response) => …` of node:http (Express, Koa's callback, plain handlers), or `Request → Response`:
// a function, or an object with `fetch` (Hono, H3).
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pathToFileURL } from "node:url";

const [file = ""] = process.argv.slice(2);
const server = createServer(handlerOf(await load()));
server.keepAliveTimeout = 65_000; // the proxy ends idle connections before
server.listen(process.env.JUNCTOR_LISTEN);

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}

async function load() {
  const { default: app } = await import(pathToFileURL(file).href);
  return app;
}

function handlerOf(app) {
  if (typeof app === "function" && app.length >= 2) return app;
  if (typeof app?.fetch === "function") return (request, response) => answer((asked) => app.fetch(asked), request, response);
  if (typeof app === "function") return (request, response) => answer(app, request, response);
  console.error(
    `${file} has no application as its default export: export default (request, response) => { … }, or { fetch(request) { return new Response(…) } }`,
  );
  process.exit(1);
}

async function answer(fetch, request, response) {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  try {
    const result = await fetch(webRequest(request, gone.signal));
    if (!(result instanceof Response)) throw new TypeError("the application returned no Response");
    await send(result, response);
  } catch (error) {
    if (gone.signal.aborted) return;
    console.error(error);
    if (response.headersSent) response.destroy();
    else response.writeHead(500, { "Content-Type": "text/plain; charset=utf-8" }).end("500 Internal Server Error\n");
  }
}

function webRequest(request, signal) {
  const { method, url, headers: known, rawHeaders } = request;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i], rawHeaders[i + 1]);
  // Nobody but the proxy reaches the socket: what it says of the client is true.
  const base = `${known["x-forwarded-proto"] ?? "http"}://${known["x-forwarded-host"] ?? known.host ?? "localhost"}`;
  const body = method === "GET" || method === "HEAD" ? undefined : Readable.toWeb(request);
  return new Request(base + url, { method, headers, signal, body, duplex: "half" });
}

async function send(result, response) {
  response.statusCode = result.status;
  if (result.statusText !== "") response.statusMessage = result.statusText;
  for (const [name, value] of result.headers) if (name !== "set-cookie") response.setHeader(name, value);
  const cookies = result.headers.getSetCookie();
  if (cookies.length > 0) response.setHeader("set-cookie", cookies);
  if (result.body === null || response.req.method === "HEAD") response.end();
  else await pipeline(Readable.fromWeb(result.body), response);
}
