// The client as a bundler packs it for a browser, in a browser, against the router: every serializer, both ways.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ApplicationError, connect, Result, type Session } from "@junctor/client";
import { TEST_CERTIFICATE, TEST_KEY } from "@junctor/testkit";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Folder, Running } from "../cli/junctor.ts";
import { complaintsOf, isMissing, startChromium } from "./chromium.ts";

/** What the page under test has as a global: the package's own exports. */
interface Wamp {
  readonly client: typeof import("@junctor/client");
  readonly join: (options: { url: string; realm: string; ser: string }) => Promise<Session>;
}
declare const wamp: Wamp;

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = new Folder();
let browser: Browser;
let router: Running;
let plain = "";
let secure = "";
let peer: Session;

beforeAll(async () => {
  if (isMissing) return;
  mkdirSync(folder.file("public"));
  writeFileSync(
    folder.file("app.mjs"),
    `import * as client from "@junctor/client";
import { msgpack } from "@junctor/client/msgpack";
import { cbor } from "@junctor/client/cbor";
const serializers = { json: client.json, msgpack, cbor };
globalThis.wamp = { client, join: ({ url, realm, ser }) => client.connect({ url, realm, serializers: [serializers[ser]()] }) };`,
  );
  // The built packages, by the doors that a bundler for browsers takes.
  await build({
    entryPoints: [folder.file("app.mjs")],
    outfile: folder.file("public", "app.js"),
    bundle: true,
    format: "esm",
    platform: "browser",
    nodePaths: [join(root, "node_modules")],
    logLevel: "error",
  });
  writeFileSync(folder.file("public", "index.html"), '<!doctype html><title>test</title><script type="module" src="/app.js"></script>');
  writeFileSync(folder.file("cert.pem"), TEST_CERTIFICATE);
  writeFileSync(folder.file("key.pem"), TEST_KEY);
  const everything = 'call: ["*"], register: ["*"], publish: ["*"], subscribe: ["*"]';
  writeFileSync(
    folder.file("config.yaml"),
    `version: 1
listen:
  - {type: universal, port: 0, deflate: true, static: ${folder.file("public")}}
  - {type: web, port: 0, static: ${folder.file("public")}, tls: {cert: ${folder.file("cert.pem")}, key: ${folder.file("key.pem")}}}
realms: {app: {auth: [{method: anonymous, role: all}], roles: {all: {allow: {${everything}}}}}}
log: {format: json}
`,
  );
  router = new Running(["start", "-c", folder.file("config.yaml")]);
  plain = await router.printed(/"address":"([^"]*)","tls":false/);
  secure = await router.printed(/"address":"([^"]*)","tls":true/);
  peer = await connect({ url: `tcp://${plain}`, realm: "app" });
  await peer.register("echo", ({ args, kwargs }) => new Result(args, kwargs));
  browser = await startChromium();
});
afterAll(async () => {
  if (isMissing) return;
  await browser.close();
  await peer.leave();
  await router[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function open(url = `http://${plain}/`): Promise<Page> {
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  await page.goto(url);
  await page.waitForFunction(() => "wamp" in globalThis);
  return page;
}

/** What is the same for every test in a page: the router to reach, and the serializer to speak. */
const at = (ser: string) => ({ url: `ws://${plain}/ws`, realm: "app", ser });

describe.skipIf(isMissing).each(["json", "msgpack", "cbor"])("a page that speaks %s", (ser) => {
  test("calls, and gets back what it gave, of every type", async () => {
    const page = await open();
    const complaints = complaintsOf(page);
    const told = await page.evaluate(async (options) => {
      const session = await wamp.join(options);
      const values = [0, -1, 1.5, 2 ** 53 - 1, 2n ** 63n, "ü 漢 😀", "", true, null, [[], {}], { "": 1 }];
      const { args, kwargs } = await session.call("echo", [...values, new Uint8Array([0, 127, 128, 255])], { däta: ["x"] });
      const bytes = args.at(-1);
      const nothing = await session.call("echo");
      const closed = await session.leave();
      return {
        args: args.slice(0, -1).map((value) => (typeof value === "bigint" ? `${value}n` : value)),
        bytes: bytes instanceof Uint8Array ? [...bytes] : bytes,
        kwargs,
        nothing: [nothing.args, nothing.kwargs],
        closed,
      };
    }, at(ser));
    expect(told).toEqual({
      args: [0, -1, 1.5, 2 ** 53 - 1, "9223372036854775808n", "ü 漢 😀", "", true, null, [[], {}], { "": 1 }],
      bytes: [0, 127, 128, 255],
      kwargs: { däta: ["x"] },
      nothing: [[], {}],
      closed: { reason: "wamp.close.goodbye_and_out", wasClean: true },
    });
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("registers, and answers others with results and errors", async () => {
    const page = await open();
    await page.evaluate(async (options) => {
      const session = await wamp.join(options);
      await session.register(`page.${options.ser}`, ({ args, kwargs }) => {
        if (kwargs["fail"] === true)
          throw new wamp.client.ApplicationError("com.app.error", ["no", new Uint8Array([1])], { why: "asked for" });
        return new wamp.client.Result([...args].reverse(), { from: "page" });
      });
    }, at(ser));
    const { args, kwargs } = await peer.call(`page.${ser}`, [1, "two", new Uint8Array([3])]);
    expect({ args, kwargs }).toEqual({ args: [new Uint8Array([3]), "two", 1], kwargs: { from: "page" } });
    const error = await peer.call(`page.${ser}`, [], { fail: true }).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ApplicationError);
    expect(error).toMatchObject({ uri: "com.app.error", args: ["no", new Uint8Array([1])], kwargs: { why: "asked for" } });
    await page.close(); // and with it its session
    await expect(peer.call(`page.${ser}`)).rejects.toMatchObject({ uri: expect.stringMatching(/no_such_procedure|canceled/) });
  });

  test("publishes and hears events, in order", async () => {
    const heard: unknown[] = [];
    const subscription = await peer.subscribe(`to.peer.${ser}`, async ({ args, kwargs }) => {
      heard.push([args, kwargs]);
      if (args[0] !== "ready") return;
      for (const value of [1, new Uint8Array([2]), "last"]) await peer.publish(`to.page.${ser}.x`, [value]);
    });
    const page = await open();
    const told = await page.evaluate(async (options) => {
      const session = await wamp.join(options);
      const events: unknown[] = [];
      let finish: () => void = () => {};
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      await session.subscribe(
        `to.page.${options.ser}.`,
        ({ topic, args: [value] }) => {
          events.push([topic, value instanceof Uint8Array ? [...value] : value]);
          if (value === "last") finish();
        },
        { match: "prefix" },
      );
      await session.publish(`to.peer.${options.ser}`, ["first"], { n: 1 });
      await session.publish(`to.peer.${options.ser}`, [new Uint8Array([1, 2])], {}, { acknowledge: true });
      await session.publish(`to.peer.${options.ser}`, ["ready"]);
      await finished;
      return events;
    }, at(ser));
    expect(told).toEqual([
      [`to.page.${ser}.x`, 1],
      [`to.page.${ser}.x`, [2]],
      [`to.page.${ser}.x`, "last"],
    ]);
    expect(heard).toEqual([
      [["first"], { n: 1 }],
      [[new Uint8Array([1, 2])], {}],
      [["ready"], {}],
    ]);
    await subscription.unsubscribe();
    await page.close();
  });

  test("gives a call up, and the callee is told", async () => {
    const interrupted = new Promise((resolve) => {
      void peer.register(`slow.${ser}`, ({ signal }) => new Promise(() => signal.addEventListener("abort", resolve)));
    });
    const page = await open();
    const reason = await page.evaluate(async (options) => {
      const session = await wamp.join(options);
      const controller = new AbortController();
      const call = session.call(`slow.${options.ser}`, [], {}, { signal: controller.signal });
      await session.call("echo"); // by now the other call has reached its callee
      controller.abort(new Error("changed my mind"));
      return call.catch((error: Error) => error.message);
    }, at(ser));
    expect(reason).toBe("changed my mind");
    await interrupted;
    await page.close();
  });
});

describe.skipIf(isMissing)("a page", () => {
  test("connects over TLS, from a page that came over TLS", async () => {
    const page = await open(`https://${secure}/`);
    const value = await page.evaluate(async (options) => (await (await wamp.join(options)).call("echo", ["secret"])).value, {
      ...at("json"),
      url: `wss://${secure}/ws`,
    });
    expect(value).toBe("secret");
    await page.close();
  });

  test("gets compressed messages, where the listener compresses", async () => {
    const page = await open();
    const devtools = await page.context().newCDPSession(page);
    const negotiated = new Promise((resolve) => {
      devtools.on("Network.webSocketHandshakeResponseReceived", ({ response }) => resolve(response.headers["Sec-WebSocket-Extensions"]));
    });
    await devtools.send("Network.enable");
    const text = "compressible ".repeat(10_000);
    const length = await page.evaluate(
      async ({ text, ...options }) => String((await (await wamp.join(options)).call("echo", [text])).value).length,
      { ...at("json"), text },
    );
    expect(length).toBe(text.length);
    expect(await negotiated).toMatch(/^permessage-deflate/);
    await page.close();
  });

  test("that is refused learns why", async () => {
    const page = await open();
    const told = await page.evaluate(async (options) => {
      const errorOf = (options: Parameters<Wamp["join"]>[0]) =>
        wamp.join(options).then(
          () => undefined,
          (error: unknown) => error,
        );
      const refused = await errorOf({ ...options, realm: "nowhere" });
      const unreachable = await errorOf({ ...options, url: "ws://127.0.0.1:1/ws" });
      const elsewhere = await errorOf({ ...options, url: `${options.url}x` });
      const { JoinError, TransportError } = wamp.client;
      return {
        refused: refused instanceof JoinError ? refused.reason : String(refused),
        unreachable: unreachable instanceof TransportError ? unreachable.message : String(unreachable),
        elsewhere: elsewhere instanceof TransportError ? elsewhere.message : String(elsewhere),
      };
    }, at("json"));
    expect(told).toEqual({
      refused: "wamp.error.no_such_realm",
      unreachable: "cannot connect to ws://127.0.0.1:1/ws: the connection was refused or closed (code 1006)",
      elsewhere: `cannot connect to ws://${plain}/wsx: the connection was refused or closed (code 1006)`,
    });
    await page.close();
  });

  test("of another origin is refused where the listener does not name that (T8)", async () => {
    const page = await open();
    const told = await page.evaluate(
      (options) =>
        wamp.join(options).then(
          () => "joined",
          () => "refused",
        ),
      { ...at("json"), url: `wss://${secure}/ws` },
    );
    expect(told).toBe("refused");
    await router.printed(new RegExp(`"reason":"origin","message":"Pages of http://${plain} may not connect here`));
    await page.close();
  });

  test("that loses the router is told: its calls fail, and its session says how it ended", async () => {
    const page = await open();
    writeFileSync(
      folder.file("own.yaml"),
      readFileSync(folder.file("config.yaml"), "utf8")
        .replace(/^ {2}- \{type: web.*\n/m, "")
        .replace("version: 1", "version: 1\nstate: own")
        .replace("deflate: true", "origins: [loopback]"),
    );
    await using own = new Running(["start", "-c", folder.file("own.yaml")]);
    const address = await own.printed(/"address":"([^"]*)"/);
    await using callee = await connect({ url: `tcp://${address}`, realm: "app" });
    const called = new Promise<void>((resolve) => {
      void callee.register("never", () => {
        resolve();
        return new Promise(() => {});
      });
    });
    const told = page.evaluate(
      async (options) => {
        const session = await wamp.join(options);
        const failure = session.call("never").catch((error: unknown) => error);
        const { reason, wasClean } = await session.closed;
        const error = await failure;
        return {
          reason,
          wasClean,
          isOpen: session.isOpen,
          error: error instanceof wamp.client.SessionClosedError ? error.sent : String(error),
        };
      },
      { ...at("json"), url: `ws://${address}/ws` },
    );
    await called;
    own.signal("SIGKILL");
    expect(await told).toEqual({ reason: "transport.lost", wasClean: false, isOpen: false, error: true });
    await page.close();
  });
});
