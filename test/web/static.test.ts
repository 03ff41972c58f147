// `static`: files as they are when they are asked for, what browsers may keep of them, and nothing that is not theirs to see.
import { appendFileSync, renameSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { staticOptions } from "../../packages/server/src/config/web-schema.ts";
import { FileTree } from "../../packages/server/src/web/file-tree.ts";
import { Site } from "./site.ts";

const PAGE = "<!doctype html><title>Junctor</title>";
const SCRIPT = "export const answer = 42;\n".repeat(100);
const SECRET = "the secret";

let site: Site;
beforeAll(async () => {
  site = new Site();
  site.file("public/index.html", PAGE);
  site.file("public/docs/index.html", "docs");
  site.file("public/empty/nothing.bin", "");
  site.file("public/app.3f2a9c1b.js", SCRIPT);
  site.file("public/app.3f2a9c1b.js.gz", gzipSync(SCRIPT));
  site.file("public/app.3f2a9c1b.js.br", "pretend");
  site.file("public/with space ä.txt", "spaced");
  site.file("public/digits.bin", "0123456789");
  site.file("public/large.bin", Buffer.alloc(3 << 20, "x"));
  site.file("public/.well-known/security.txt", "welcome");
  for (const name of ["public/.env", "public/.git/config", "public/docs/.htpasswd", "secret.txt", "public/a/.well-known/x"])
    site.file(name, SECRET);
  symlinkSync("../secret.txt", join(site.directory, "public/link.txt"));
  symlinkSync("..", join(site.directory, "public/out"));
  symlinkSync(".env", join(site.directory, "public/env.txt"));
  symlinkSync("index.html", join(site.directory, "public/inside.html"));
  symlinkSync("/etc", join(site.directory, "public/etc"));
  utimesSync(join(site.directory, "public/index.html"), 1_700_000_000, 1_700_000_000.5);
  await site.start({ "/": { static: "./public" }, "/spa": { static: { directory: "./public", fallback: "index.html" } } });
});
afterAll(() => site[Symbol.asyncDispose]());

describe("a file", () => {
  test("comes with its type, its length and how long it holds", async () => {
    const { status, headers, body } = await site.ask("/");
    expect(status).toBe(200);
    expect(body.toString()).toBe(PAGE);
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-length": String(PAGE.length),
      "cache-control": "no-cache",
      "last-modified": "Tue, 14 Nov 2023 22:13:20 GMT",
      "accept-ranges": "bytes",
      "x-content-type-options": "nosniff",
    });
    expect(headers.etag).toMatch(/^"[\w-]+"$/);
    expect((await site.ask("/with%20space%20%C3%A4.txt")).body.toString()).toBe("spaced");
    expect((await site.ask("/inside.html")).body.toString()).toBe(PAGE);
    expect((await site.ask("/.well-known/security.txt")).body.toString()).toBe("welcome");
    const empty = await site.ask("/empty/nothing.bin");
    expect([empty.status, empty.headers["content-length"], empty.headers["content-type"]]).toEqual([200, "0", "application/octet-stream"]);
  });

  test("has no body for HEAD, and takes no other method", async () => {
    const { status, headers, body } = await site.ask("/", { method: "HEAD" });
    expect([status, headers["content-length"], body.length]).toEqual([200, String(PAGE.length), 0]);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const refused = await site.ask("/", { method });
      expect([refused.status, refused.headers.allow]).toEqual([405, "GET, HEAD"]);
    }
  });

  test("that the client has already is not sent again", async () => {
    const { etag = "", "last-modified": date = "" } = (await site.ask("/")).headers;
    const statusFor = async (headers: Record<string, string>) => (await site.ask("/", { headers })).status;
    expect(await statusFor({ "if-none-match": etag })).toBe(304);
    expect(await statusFor({ "if-none-match": `"other", W/${etag}` })).toBe(304);
    expect(await statusFor({ "if-none-match": '"other"', "if-modified-since": date })).toBe(200);
    expect(await statusFor({ "if-modified-since": date })).toBe(304);
    expect(await statusFor({ "if-modified-since": "Tue, 14 Nov 2023 22:13:19 GMT" })).toBe(200);
    expect(await statusFor({ "if-match": '"other"' })).toBe(412);
    expect(await statusFor({ "if-unmodified-since": "Tue, 14 Nov 2023 22:13:19 GMT" })).toBe(412);
  });

  test("is sent in parts", async () => {
    const part = async (range: string, more: Record<string, string> = {}) => {
      const { status, headers, body } = await site.ask("/digits.bin", { headers: { range, ...more } });
      return [status, headers["content-range"], body.toString()];
    };
    expect(await part("bytes=2-4")).toEqual([206, "bytes 2-4/10", "234"]);
    expect(await part("bytes=7-")).toEqual([206, "bytes 7-9/10", "789"]);
    expect(await part("bytes=-3")).toEqual([206, "bytes 7-9/10", "789"]);
    expect(await part("bytes=5-99")).toEqual([206, "bytes 5-9/10", "56789"]);
    expect((await part("bytes=10-")).slice(0, 2)).toEqual([416, "bytes */10"]);
    expect(await part("bytes=0-1,3-4")).toEqual([200, undefined, "0123456789"]);
    expect(await part("bytes=4-2")).toEqual([200, undefined, "0123456789"]);
    expect(await part("bytes=2-4", { "if-range": '"older"' })).toEqual([200, undefined, "0123456789"]);
    const large = await site.ask("/large.bin", { headers: { range: "bytes=3000000-" } });
    expect([large.status, large.body.length]).toEqual([206, (3 << 20) - 3_000_000]);
  });

  test("that is large arrives whole", async () => {
    const { headers, body } = await site.ask("/large.bin");
    expect([headers["content-length"], body.length]).toEqual([String(3 << 20), 3 << 20]);
  });

  test("goes compressed to who takes that, where it lies beside it", async () => {
    const as = (accept?: string) => site.ask("/app.3f2a9c1b.js", accept === undefined ? {} : { headers: { "accept-encoding": accept } });
    const [br, gzip, plain, refused] = await Promise.all([as("gzip, deflate, br"), as("gzip"), as(), as("br;q=0, identity")]);
    expect([br, gzip, plain, refused].map(({ headers }) => headers["content-encoding"])).toEqual(["br", "gzip", undefined, undefined]);
    expect(new Set([br, gzip, plain].map(({ headers }) => headers.etag)).size).toBe(3);
    expect([br, plain].map(({ headers }) => headers.vary)).toEqual(["Accept-Encoding", "Accept-Encoding"]);
    expect(gzip.body).toEqual(gzipSync(SCRIPT));
    expect(gzip.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect(gzip.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
  });
});

describe("a directory", () => {
  test("is its index.html, at an address that ends in /", async () => {
    const { status, headers } = await site.ask("/docs?q");
    expect([status, headers.location]).toEqual([308, "/docs/?q"]);
    expect((await site.ask("/docs/")).body.toString()).toBe("docs");
    expect((await site.ask("/spa")).headers.location).toBe("/spa/");
  });

  test("without one is not listed", async () => {
    for (const path of ["/empty", "/empty/", "/empty/index.html"]) expect((await site.ask(path)).status).toBe(404);
  });
});

test("an application's page stands for its addresses, for browsers only", async () => {
  const page = await site.ask("/spa/orders/7", { headers: { accept: "text/html,*/*;q=0.8" } });
  expect([page.status, page.body.toString(), page.headers["cache-control"]]).toEqual([200, PAGE, "no-cache"]);
  expect((await site.ask("/spa/missing.js", { headers: { accept: "*/*" } })).status).toBe(404);
  expect((await site.ask("/orders/7", { headers: { accept: "text/html" } })).status).toBe(404);
});

test("a file that is new, another one or gone is found so without a restart", async () => {
  let now = 0;
  const tree = new FileTree(staticOptions.parse(join(site.directory, "public")), () => now);
  const bodyOf = async () => {
    const found = tree.remembered("/new.txt") ?? (await tree.find("/new.txt"));
    return typeof found === "object" ? found.representations[0]?.body?.toString() : found;
  };
  expect(await bodyOf()).toBeUndefined();
  const file = site.file("public/new.txt", "one");
  expect(await bodyOf()).toBe("one");
  appendFileSync(file, " more");
  expect(await bodyOf()).toBe("one"); // looked at less than a second ago
  now = 1_000;
  expect(await bodyOf()).toBe("one more");
  renameSync(file, `${file}.old`);
  now = 2_000;
  expect(await bodyOf()).toBeUndefined();
  expect((await site.ask("/new.txt.old")).body.toString()).toBe("one more");
});

test("what is kept in memory is bounded", async () => {
  const tree = new FileTree(staticOptions.parse({ directory: join(site.directory, "public"), memory: "4KiB" }), () => 0);
  for (const path of ["/index.html", "/digits.bin", "/docs/", "/inside.html"]) await tree.find(path);
  const kept = ["/index.html", "/digits.bin", "/docs/", "/inside.html"].map((path) => tree.remembered(path) !== undefined);
  expect(kept).toEqual([false, true, true, true]);
});

test("a build tool's hash in a name is told from a name that looks like one", async () => {
  const tree = new FileTree(staticOptions.parse(join(site.directory, "public")), () => 0);
  const isForEver = async (name: string) => {
    site.file(`public/names/${name}`, "x");
    const found = await tree.find(`/names/${name}`);
    return typeof found === "object" && found.cacheControl.includes("immutable");
  };
  for (const name of [
    "index-BkX3f9aZ.css",
    "chunk-2KJ4XYZA.js",
    "main.8e0d62a03fbb.js",
    "main.8e0d62a03fbb.js.map",
    "a.0123456789abcdef0123456789abcdef.png",
  ])
    expect([name, await isForEver(name)]).toEqual([name, true]);
  for (const name of [
    "jquery-migration.js",
    "jquery-3.6.0.min.js",
    "report-20240101.pdf",
    "index.html",
    "my-File2Version.pdf",
    "12345678.js",
    "data-december.csv",
  ])
    expect([name, await isForEver(name)]).toEqual([name, false]);
});

/** Ways to say "one up" and "/", each with each: whatever a program between here and the disk might read so. */
const UP = [
  "..",
  "%2e%2e",
  "%2E.",
  ".%2e",
  "%252e%252e",
  "..%00",
  "%c0%ae%c0%ae",
  "..;",
  "%uff0e%uff0e",
  "．．",
  "...",
  "..%20",
  "%2e%2e%2e",
];
const SLASH = ["/", "\\", "%2f", "%5c", "%252f", "%c0%af", "//", "/./", "%00/"];
const TARGETS = ["secret.txt", "etc/passwd"];
const TRAVERSALS = [
  ...UP.flatMap((up) =>
    SLASH.flatMap((slash) => TARGETS.flatMap((target) => [`/${up}${slash}${target}`, `/docs/${up}${slash}${up}${slash}${target}`])),
  ),
  ...[
    "/.env",
    "/%2eenv",
    "/./.env",
    "/docs/.htpasswd",
    "/docs/%2Ehtpasswd",
    "/.git/config",
    "/.git%2fconfig",
    "/env.txt",
    "/a/.well-known/x",
  ],
  ...[
    "/link.txt",
    "/out/secret.txt",
    "/out/public/.env",
    "/etc/passwd",
    "/etc/hostname",
    "/.env/",
    "/.env%00.txt",
    "/.env\\",
    "/.ENV",
    "/spa/.env",
  ],
  ...[
    "//etc/passwd",
    "///secret.txt",
    "\\..\\secret.txt",
    "/C:/secret.txt",
    "/file:///etc/passwd",
    "/docs/..",
    "/..",
    "/%2e%2e",
    "/.",
    "/...",
  ],
  ...[
    "/index.html/../../secret.txt",
    "/index.html/..%2f..%2fsecret.txt",
    "/.well-known/../.env",
    "/.well-known/..%2f.env",
    "/%2fetc/passwd",
    "/~/secret.txt",
  ],
];

test(`none of ${TRAVERSALS.length} ways to leave the directory, or to see a dotfile, does`, async () => {
  expect(TRAVERSALS.length).toBeGreaterThan(300);
  const leaked: string[] = [];
  for (let i = 0; i < TRAVERSALS.length; i += 50) {
    const answers = TRAVERSALS.slice(i, i + 50).map(async (path) => {
      const answer = await site.raw(Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${site.address}\r\nConnection: close\r\n\r\n`));
      if (!/^HTTP\/1\.1 40[04] /.test(answer) || answer.includes(SECRET) || answer.includes("root:")) leaked.push(`${path} ${answer}`);
    });
    await Promise.all(answers);
  }
  expect(leaked).toEqual([]);
});
