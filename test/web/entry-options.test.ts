// What holds for every entry of `web`: headers, CORS, bodies, the access log.
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { RequestBodies } from "../../packages/server/src/web/request-bodies.ts";
import { Site, serve } from "./site.ts";

describe("headers", () => {
  test("of security stand on every answer, and can be others", async () => {
    await using site = await serve({
      "/a": { json: 1 },
      "/b": { json: 1, security: { frames: "deny", csp: "default-src 'self'", referrerPolicy: "no-referrer", hsts: "1d" } },
      "/c": { json: 1, security: false, headers: { "X-A": "1" } },
    });
    const { headers: a } = await site.ask("/a");
    expect(a).toMatchObject({
      "x-content-type-options": "nosniff",
      "x-frame-options": "SAMEORIGIN",
      "referrer-policy": "strict-origin-when-cross-origin",
    });
    expect(a["strict-transport-security"]).toBeUndefined();
    const { headers: b } = await site.ask("/b");
    expect(b).toMatchObject({
      "x-frame-options": "DENY",
      "content-security-policy": "default-src 'self'",
      "referrer-policy": "no-referrer",
    });
    expect(b["strict-transport-security"]).toBeUndefined(); // not without TLS
    const { headers: c } = await site.ask("/c");
    expect([c["x-frame-options"], c["x-a"]]).toEqual([undefined, "1"]);
    expect((await site.ask("/a/nothing")).headers["x-frame-options"]).toBe("SAMEORIGIN");
  });

  test("of HSTS go to who came by TLS, also before a trusted proxy", async () => {
    await using site = await serve({ "/": { json: 1, security: { hsts: "365d" } } }, { trustedProxies: ["127.0.0.1"] });
    const { headers } = await site.ask("/", { headers: { "X-Forwarded-Proto": "https" } });
    expect(headers["strict-transport-security"]).toBe("max-age=31536000");
  });
});

describe("CORS", () => {
  const cors = {
    origins: ["https://app.example.com", "https://*.example.org"],
    headers: ["X-Token"],
    credentials: true,
    methods: ["GET", "PUT"],
  };

  test("lets the pages of the named origins read, and no others", async () => {
    await using site = await serve({ "/a": { json: 1, cors }, "/b": { json: 1 }, "/c": { json: 1, cors: { origins: ["*"] } } });
    const allowed = async (path: string, origin: string) =>
      (await site.ask(path, { headers: { origin } })).headers["access-control-allow-origin"];
    expect(await allowed("/a", "https://app.example.com")).toBe("https://app.example.com");
    expect(await allowed("/a", "https://x.example.org")).toBe("https://x.example.org");
    for (const origin of [
      "https://evil-app.example.com",
      "http://app.example.com",
      "https://app.example.com.evil",
      "null",
      "https://example.org.evil",
    ])
      expect(await allowed("/a", origin)).toBeUndefined();
    expect(await allowed("/b", "https://app.example.com")).toBeUndefined();
    expect(await allowed("/c", "https://anybody.example")).toBe("*");
    expect((await site.ask("/a")).headers.vary).toBe("Origin");
  });

  test("answers the browser's question before the service sees a request", async () => {
    await using site = await serve({ "/a": { json: 1, cors } });
    const ask = (origin: string) => site.ask("/a", { method: "OPTIONS", headers: { origin, "Access-Control-Request-Method": "PUT" } });
    const { status, headers } = await ask("https://app.example.com");
    expect(status).toBe(204);
    expect(headers).toMatchObject({
      "access-control-allow-methods": "GET, PUT",
      "access-control-allow-headers": "X-Token",
      "access-control-allow-credentials": "true",
    });
    const other = await ask("https://evil.example");
    expect([other.status, other.headers["access-control-allow-methods"]]).toEqual([204, undefined]);
  });
});

describe("the body of a request", () => {
  async function withTarget(handle: (request: IncomingMessage, response: ServerResponse) => void, entry: object = {}) {
    const target = createServer(handle).listen(0, "127.0.0.1");
    await once(target, "listening");
    const { port } = target.address() as { port: number };
    const site = new Site();
    await site.start({ "/": { proxy: `http://127.0.0.1:${port}`, bodySize: "10KiB", ...entry } });
    return { site, target };
  }

  test("is not longer than the entry takes, with its length told before or not", async () => {
    let received = 0;
    const { site, target } = await withTarget((request, response) => {
      request.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
      request.on("end", () => response.end(String(received)));
    });
    await using _ = site;
    expect((await site.ask("/", { method: "POST", body: "x".repeat(10 << 10) })).status).toBe(200);
    const long = await site.raw(`POST / HTTP/1.1\r\nHost: ${site.address}\r\nContent-Length: 10241\r\n\r\n`);
    expect(long).toMatch(/^HTTP\/1.1 413 .*\r\nConnection: close\r\n/is);
    received = 0;
    const chunks = `${(8 << 10).toString(16)}\r\n${"x".repeat(8 << 10)}\r\n`.repeat(2);
    const chunked = await site.raw(`POST / HTTP/1.1\r\nHost: ${site.address}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
    expect(chunked).toMatch(/^HTTP\/1.1 413 /);
    expect(received).toBeLessThanOrEqual(10 << 10);
    target.close();
    target.closeAllConnections();
  });

  test("is not compressed (T16)", async () => {
    const { site, target } = await withTarget((_, response) => response.end());
    await using _ = site;
    expect((await site.ask("/", { method: "POST", body: "x", headers: { "Content-Encoding": "gzip" } })).status).toBe(415);
    target.close();
    target.closeAllConnections();
  });

  test("does not come slower than 1 KiB a second, unless the service does not read (T13)", async () => {
    let now = 0;
    const bodies = new RequestBodies(() => now);
    const refused: string[] = [];
    const server = createServer((request, response) => {
      if (!bodies.admit(request, response, 1 << 20)) return;
      response.on("close", () => refused.push(`${request.url} ${response.statusCode}`));
      if (request.url === "/unread") return;
      request.resume();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const open = async (path: string, bytes: number) => {
      const asked = request({ port, path, method: "POST", headers: { "Content-Length": 1 << 20 } });
      asked.on("error", () => {});
      asked.write("x".repeat(bytes));
      await once(server, "request");
      return asked;
    };
    const slow = await open("/slow", 1);
    const steady = await open("/steady", 60 << 10);
    const unread = await open("/unread", 60 << 10);
    await new Promise((resolve) => setImmediate(resolve));
    for (let second = 0; second < 30; second++) {
      now += 1_000;
      bodies.tick();
    }
    const [response] = (await once(slow, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(408);
    await once(response.resume(), "end");
    expect(refused).toEqual(["/slow 408"]);
    for (const asked of [slow, steady, unread]) asked.destroy();
    server.closeAllConnections();
    server.close();
  });
});

test("the access log tells of each request where it is asked for, without its query", async () => {
  await using site = await serve({ "/a": { json: 1, accessLog: true }, "/b": { json: 1 } }, { trustedProxies: ["127.0.0.1"] });
  await site.ask("/b");
  await site.ask("/a?token=secret", { headers: { "User-Agent": "test/1", "X-Forwarded-For": "192.0.2.1" } });
  await site.ask("/a/missing");
  await site.until(() => site.log.filter(({ event }) => event === "http.request").length === 2);
  expect(site.log.filter(({ event }) => event === "http.request")).toEqual([
    {
      event: "http.request",
      method: "GET",
      path: "/a",
      status: 200,
      isComplete: true,
      durationMs: expect.any(Number),
      address: "192.0.2.1",
      agent: "test/1",
    },
    expect.objectContaining({ path: "/a/missing", status: 404, address: "127.0.0.1", agent: undefined }),
  ]);
});

test("a service that fails is an error of the server's, with nothing of the inside", async () => {
  await using site = new Site();
  await site.start(
    {},
    {},
    {},
    {
      "/": {
        handle: () => {
          throw new Error("a detail of the inside");
        },
      },
    },
  );
  const { status, body } = await site.ask("/");
  expect([status, body.toString()]).toEqual([500, "500 Internal Server Error: Something went wrong here.\n"]);
  expect(site.log).toContainEqual({ event: "http.error", path: "/", message: "a detail of the inside" });
});
