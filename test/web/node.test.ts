// `node`: applications in processes of their own, whose crashes and endless loops are not the router's.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Site } from "./site.ts";

let site: Site;
beforeAll(async () => {
  site = new Site();
  site.file(
    "plain.mjs",
    `export default (request, response) => {
      if (request.url === "/plain/crash") process.exit(1);
      if (request.url === "/plain/loop") for (const end = Date.now() + 1_500; Date.now() < end; );
      response.setHeader("X-Pid", process.pid);
      response.end(request.url + " from " + request.headers["x-real-ip"]);
    };`,
  );
  site.file(
    "fetch.mjs",
    `export default {
      async fetch(request) {
        const { pathname, searchParams, protocol } = new URL(request.url);
        if (pathname === "/fetch/throw") throw new Error("a detail of the inside");
        const headers = new Headers({ "X-Method": request.method, "X-Protocol": protocol });
        headers.append("Set-Cookie", "a=1");
        headers.append("Set-Cookie", "b=2");
        const body = request.body === null ? searchParams.get("q") : (await request.text()).toUpperCase();
        return new Response(body, { status: 202, headers });
      },
    };`,
  );
  site.file("function.mjs", `export default (request) => Response.json({ path: new URL(request.url).pathname });`);
  site.file("nothing.mjs", "export const app = 1;");
  await site.start(
    {
      "/plain": { node: { module: "./plain.mjs", workers: 2 } },
      "/fetch": { node: "./fetch.mjs" },
      "/function": { node: "./function.mjs" },
      "/nothing": { node: "./nothing.mjs" },
    },
    {},
    { state: "./state" },
  );
  await site.until(() => site.log.filter((event) => event.event === "service.state" && event.state === "ready").length >= 4);
});
afterAll(() => site[Symbol.asyncDispose]());

describe("an application", () => {
  test("is a handler of node:http, and is told who the client is", async () => {
    const { status, body } = await site.ask("/plain/a?b");
    expect([status, body.toString()]).toEqual([200, "/plain/a?b from 127.0.0.1"]);
  });

  test("is an object with fetch, or a function from Request to Response", async () => {
    const got = await site.ask("/fetch?q=1");
    expect([got.status, got.body.toString(), got.headers["set-cookie"], got.headers["x-protocol"]]).toEqual([
      202,
      "1",
      ["a=1", "b=2"],
      "http:",
    ]);
    const posted = await site.ask("/fetch", { method: "POST", body: "x".repeat(100_000) });
    expect([posted.body.toString(), posted.headers["x-method"]]).toEqual(["X".repeat(100_000), "POST"]);
    expect((await site.ask("/function/x")).body.toString()).toBe('{"path":"/function/x"}');
  });

  test("that throws answers 500 without a word of the inside", async () => {
    const { status, body } = await site.ask("/fetch/throw");
    expect([status, body.toString()]).toEqual([500, "500 Internal Server Error\n"]);
  });

  test("that is none is named in the log, and its path is 503", async () => {
    expect((await site.ask("/nothing")).status).toBe(503);
    await site.until(() =>
      site.log.some((event) => event.event === "service.output" && event.line.includes("no application as its default export")),
    );
  });

  test("that crashes, or never yields, takes its own process only, which is back soon", async () => {
    const pids = new Set<unknown>();
    for (let i = 0; i < 4; i++) pids.add((await site.ask("/plain/x")).headers["x-pid"]);
    expect(pids.size).toBe(2);
    void site.ask("/plain/loop", { timeout: 1 }).catch(() => {});
    expect((await site.ask("/plain/crash")).status).toBe(502);
    for (let i = 0; i < 5; i++) expect((await site.ask("/fetch?q=alive")).body.toString()).toBe("alive");
    const restarted = () =>
      site.log.some(
        (event) =>
          event.event === "service.state" && event.service === "web-plain" && event.state === "ready" && !pids.has(String(event.pid)),
      );
    await site.until(restarted);
    expect((await site.ask("/plain/y")).status).toBe(200);
  });
});

test("a service that listens on a socket of its own is what a proxy leads to, whichever instance is ready", async () => {
  await using site = new Site();
  site.file(
    "service.mjs",
    `import { createServer } from "node:http";
    createServer((request, response) => response.end(process.env.JUNCTOR_INSTANCE)).listen(process.env.JUNCTOR_LISTEN);`,
  );
  const shop = { command: [process.execPath, "./service.mjs"], instances: 2, listens: true };
  await site.start({ "/shop": { proxy: { service: "shop" } } }, {}, { services: { shop } });
  expect((await site.ask("/shop")).status).toBe(503);
  await site.until(() => site.log.filter((event) => event.event === "service.state" && event.state === "ready").length === 2);
  const answers = new Set<string>();
  for (let i = 0; i < 4; i++) answers.add((await site.ask("/shop")).body.toString());
  expect([...answers].sort()).toEqual(["1", "2"]);
});
