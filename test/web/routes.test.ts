// `web`: which service answers at a path, and which requests none sees.
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../packages/server/src/config/load.ts";
import { normalPath } from "../../packages/server/src/web/request-path.ts";
import { serve } from "./site.ts";

const WEB = {
  "/": { json: "root" },
  "/a": { json: "a" },
  "/a/b": { json: "a b" },
  "/old": { redirect: { to: "https://example.com/new/", status: 308, keepPath: true } },
  "/home": { redirect: "/" },
  "/info": { info: true, headers: { "X-Part": "info" } },
};

describe("a path", () => {
  test.each([
    ["/", 200, '"root"'],
    ["/a", 200, '"a"'],
    ["/a/b", 200, '"a b"'],
    ["/a/b/?q=1", 200, '"a b"'],
    ["/%61/b", 200, '"a b"'],
    ["/ab", 404, undefined],
    ["/a/c", 404, undefined],
    ["/A", 404, undefined],
  ])("%s is served by the longest path of web that it begins with, by whole components", async (path, status, body) => {
    await using site = await serve(WEB);
    const answer = await site.ask(path);
    expect(answer.status).toBe(status);
    if (body !== undefined) expect(answer.body.toString()).toBe(`${body}\n`);
  });

  test("redirects, with what follows it or without", async () => {
    await using site = await serve(WEB);
    const { status, headers } = await site.ask("/old/x/y?z=%20");
    expect([status, headers.location]).toEqual([308, "https://example.com/new/x/y?z=%20"]);
    expect((await site.ask("/home?z")).headers.location).toBe("/");
  });

  test("tells what runs here, with the headers of its entry", async () => {
    await using site = await serve(WEB);
    const { headers, body } = await site.ask("/info");
    expect(headers["x-part"]).toBe("info");
    expect(JSON.parse(body.toString())).toEqual({ server: "junctor", version: expect.any(String), uptimeSeconds: expect.any(Number) });
  });

  test("is not served where the listener says so", async () => {
    await using some = await serve(WEB, { web: ["/a"] });
    expect((await some.ask("/a")).status).toBe(200);
    expect((await some.ask("/old")).status).toBe(404);
    await using none = await serve({}, { web: false });
    expect((await none.ask("/a")).body.toString()).toContain("Connect with a WAMP client");
  });

  test("may come with the host that the request is for, and no other", async () => {
    await using site = await serve(WEB);
    const { address } = site;
    expect((await site.ask(`http://${address}/a`)).body.toString()).toBe('"a"\n');
    expect((await site.ask("http://127.0.0.1:1/a")).status).toBe(400);
    expect((await site.ask("*", { method: "OPTIONS" })).status).toBe(400);
  });
});

test("a path in normal form is the only one that a service sees", () => {
  const same = ["/", "/a/b.c", "/a.b/..c/", "/.well-known/x", "/a%20b", "/%E2%82%AC", "/a;b=1", "/a=b,c@d:e"];
  expect(same.map(normalPath)).toEqual(same);
  expect(normalPath("/%7Euser/%61%2e%62")).toBe("/~user/a.b");
  expect(normalPath("/%e2%82%ac")).toBe("/%E2%82%AC");
  expect(normalPath("/caf\xc3\xa9")).toBe("/caf%C3%A9");
  const refused = [
    ...["", "a", "*", "//", "/a//b", "/..", "/a/..", "/a/../b", "/./a", "/a/.", "/%2e", "/%2e%2E/a", "/.%2e/a", "/..;/a", "/.;x/a"],
    ...["/a%2fb", "/a%2Fb", "/a\\b", "/a%5cb", "/a%00", "/a\x00", "/a%0ab", "/a%7F", "/a b", "/%", "/%4", "/%zz", "/a#b"],
    ...["/%C3", "/%c0%ae%c0%ae/", "/\xff", "/%ED%A0%80", "/a%2", "/é\u0100"],
  ];
  expect(refused.filter((path) => normalPath(path) !== undefined)).toEqual([]);
});

test("what is refused is told as a page, JSON or text, whatever the client reads", async () => {
  await using site = await serve(WEB);
  const as = async (accept: string) => {
    const { status, headers, body } = await site.ask("/a/../b", { headers: { accept } });
    expect(status).toBe(400);
    return `${headers["content-type"]} ${body}`;
  };
  expect(await as("text/html,*/*")).toMatch(/^text\/html.*<h1>400 Bad Request/s);
  expect(await as("application/json")).toMatch(/^application\/json.*\{"status":400,"error":"Bad Request","message":"/);
  expect(await as("*/*")).toMatch(/^text\/plain.*400 Bad Request: The path/);
});

describe("a configuration", () => {
  const problemsOf = (file: object) => {
    try {
      parseConfig(JSON.stringify({ version: 1, listen: [{ type: "web", port: 0 }], realms: {}, ...file }), "/c/config.json");
    } catch (error) {
      return String(error);
    }
    return "";
  };

  test.each([
    ["a path with two services", { web: { "/a": { json: 1, redirect: "/" } } }, /one path serves one thing; here are redirect and json/],
    ["a path with none", { web: { "/a": {} } }, /what is to be served here\? expected one of static, /],
    ["a path that is none", { web: { "a/": { json: 1 } } }, /expected a path that starts with \//],
    ["a kind that is none", { web: { "/a": { statik: "x" } } }, /unknown key; did you mean static\?/],
    ["a listener with a path that is not there", { listen: [{ type: "web", port: 0, web: ["/b"] }], web: { "/a": { json: 1 } } }, /"\/b"/],
    ["a proxy to no service", { web: { "/a": { proxy: { service: "x" } } } }, /expected a service of this file/],
    [
      "a proxy to a service that does not listen",
      { web: { "/a": { proxy: { service: "x" } } }, services: { x: { command: "x" } } },
      /does not listen: give it listens: true/,
    ],
    ["a proxy to nowhere", { web: { "/a": { proxy: "127.0.0.1:9000" } } }, /expected a URL of http or https/],
    ["no listener for it", { listen: [{ type: "rawsocket", port: 0 }], web: { "/a": { json: 1 } } }, /no listener serves this/],
    ["secrets in what is served", { web: { "/": { static: "." } } }, /everybody could read \/c\/config.json/],
  ])("with %s is refused", (_, file, message) => {
    expect(problemsOf(file)).toMatch(message);
  });
});
