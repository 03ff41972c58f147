// Log-in cookies: what a browser is given, what it is worth when it comes back, and what makes it worth nothing (T8, T10).
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Uri } from "@junctor/protocol";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { parseConfig } from "../config/load.ts";
import { limitsOf } from "../config/schema.ts";
import type { LogEvent } from "../log.ts";
import { type RunningServer, startServer } from "../server.ts";
import { CookieJar, cookieExchange } from "./cookie.ts";

const ORIGIN = "https://app.example";
const log: LogEvent[] = [];
let server: RunningServer;

beforeAll(async () => {
  const listener = { type: "web", port: 0, origins: [ORIGIN], cookie: { secure: true } };
  const users = { ada: { roles: ["user", "admin"], ticket: "sesame", extra: { team: 7 } }, eve: { role: "user", ticket: "apple" } };
  const roles = { user: { allow: { call: ["wamp.session.*"], subscribe: ["*"] } }, admin: {}, guest: {} };
  const config = parseConfig(
    JSON.stringify({
      version: 1,
      listen: [
        listener,
        { ...listener, deflate: true },
        { type: "web", port: 0 },
        { ...listener, cookie: { secure: true, tracking: true } },
        { ...listener, deflate: true, cookie: { secure: true, tracking: true } },
      ],
      realms: {
        app: { users, roles, auth: [{ method: "cookie" }, { method: "ticket" }, { method: "anonymous", role: "guest" }] },
        other: { users, roles, auth: [{ method: "cookie" }, { method: "ticket" }] },
        without: { users, roles, auth: [{ method: "ticket" }] },
      },
    }),
    "test.json",
  );
  server = await startServer({ listen: config.listen, realms: config.realms, limits: limitsOf(config), log: (event) => log.push(event) });
});
afterAll(() => server.close());

/** A page: a WebSocket with what a browser sends along, and lists as messages. */
class Page implements AsyncDisposable {
  readonly socket: WebSocket;
  setCookie = "";
  readonly #messages: unknown[][] = [];
  #wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("upgrade", (response: IncomingMessage) => {
      this.setCookie = response.headers["set-cookie"]?.join("|") ?? "";
    });
    socket.on("message", (data: Buffer) => {
      this.#messages.push(JSON.parse(data.toString()) as unknown[]);
      this.#wake();
    });
  }

  static async open(cookie = "", origin: string | undefined = ORIGIN, listener = 0, to = server): Promise<Page> {
    const url = `ws://${to.listeners[listener]?.address}/ws`;
    const headers = { ...(cookie !== "" && { cookie }), ...(origin !== "" && { origin }) };
    const page = new Page(new WebSocket(url, ["wamp.2.json"], { headers }));
    await once(page.socket, "open");
    return page;
  }

  /** The cookie as the browser will send it back. */
  get cookie(): string {
    return this.setCookie.split(";")[0] ?? "";
  }

  send(...message: unknown[]): void {
    this.socket.send(JSON.stringify(message));
  }

  async receive(): Promise<unknown[]> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#messages.shift() ?? [];
  }

  /** @returns details of WELCOME, or the reason of ABORT */
  async hello(authmethods: readonly string[], more: object = {}, realm = "app"): Promise<Record<string, unknown> | string> {
    this.send(1, realm, { roles: { caller: {}, subscriber: {} }, authmethods, ...more });
    let message = await this.receive();
    if (message[0] === 4) {
      this.send(5, "sesame", {});
      message = await this.receive();
    }
    return message[0] === 2 ? (message[2] as Record<string, unknown>) : String(message[2]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.socket, "close");
    this.socket.close();
    await closed;
  }
}

/** A browser that has logged in. */
async function loggedIn(): Promise<string> {
  await using page = await Page.open();
  expect(await page.hello(["cookie", "ticket"], { authid: "ada", authrole: "admin" })).toMatchObject({
    authid: "ada",
    authmethod: "ticket",
  });
  return page.cookie;
}

describe("a page", () => {
  test.each([0, 1])(
    "is given a cookie that scripts and other sites do not see, of 256 bits, and only digests are kept (listener %i)",
    async (listener) => {
      await using page = await Page.open("", ORIGIN, listener);
      expect(page.setCookie).toMatch(/^__Host-junctor=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800; Secure$/);
    },
  );

  test("that has logged in comes back as who it was, with the same roles to choose from", async () => {
    const cookie = await loggedIn();
    await using again = await Page.open(cookie);
    expect(again.setCookie).toBe(""); // its own stays
    expect(await again.hello(["cookie", "ticket"], { authid: "ada" })).toMatchObject({
      ...{ authid: "ada", authrole: "user", authmethod: "cookie", authprovider: "static", authextra: { team: 7 } },
    });
    await using admin = await Page.open(`other=1; ${cookie}; more=2`);
    expect(await admin.hello(["cookie"], { authrole: "admin" })).toMatchObject({ authid: "ada", authrole: "admin", authmethod: "cookie" });
  });

  test("whose cookie is worth nothing goes on with the next method that it offers, and is refused where there is none", async () => {
    await using page = await Page.open();
    expect(await page.hello(["cookie"])).toBe(Uri.noMatchingAuthMethod);
    await using next = await Page.open();
    expect(await next.hello(["cookie", "anonymous"])).toMatchObject({ authmethod: "anonymous" });
    await using unknown = await Page.open(`__Host-junctor=${"A".repeat(43)}`);
    expect(await unknown.hello(["cookie"])).toBe(Uri.noMatchingAuthMethod);
  });

  test("that joined as nobody, or failed to log in, is not remembered", async () => {
    await using page = await Page.open();
    await page.hello(["anonymous"]);
    await using failed = await Page.open();
    expect(await failed.hello(["ticket"], { authid: "eve" })).toBe(Uri.authenticationDenied);
    for (const { cookie } of [page, failed]) {
      await using again = await Page.open(cookie);
      expect(await again.hello(["cookie"])).toBe(Uri.noMatchingAuthMethod);
    }
  });
});

describe("a cookie is worth nothing", () => {
  const refusal = async (open: Promise<Page>, more: object = {}, realm?: string) => {
    await using page = await open;
    return await page.hello(["cookie"], more, realm);
  };

  test("that was planted before the log-in: the log-in is worth a fresh one (fixation)", async () => {
    await using attacker = await Page.open();
    await using victim = await Page.open(attacker.cookie);
    expect(victim.cookie).not.toBe(attacker.cookie);
    await victim.hello(["ticket"], { authid: "ada" });
    expect(await refusal(Page.open(attacker.cookie))).toBe(Uri.noMatchingAuthMethod);
    await using again = await Page.open(victim.cookie);
    expect(await again.hello(["cookie"])).toMatchObject({ authid: "ada" });
  });

  test("in another realm, as another user, on a listener that keeps none, beside another of its name, without an origin", async () => {
    const cookie = await loggedIn();
    expect(await refusal(Page.open(cookie), {}, "other")).toBe(Uri.noMatchingAuthMethod);
    expect(await refusal(Page.open(cookie), {}, "without")).toBe(Uri.noMatchingAuthMethod);
    expect(await refusal(Page.open(cookie), { authid: "eve" })).toBe(Uri.noMatchingAuthMethod);
    expect(await refusal(Page.open(cookie, "", 2))).toBe(Uri.noMatchingAuthMethod);
    expect(await refusal(Page.open(`__Host-junctor=${"A".repeat(43)}; ${cookie}`))).toBe(Uri.noMatchingAuthMethod);
    expect(await refusal(Page.open(cookie, ""))).toBe(Uri.noMatchingAuthMethod);
  });

  test("once a page has logged out, whose browser's other pages end, and nobody else's", async () => {
    const cookie = await loggedIn();
    await using one = await Page.open(cookie);
    await using two = await Page.open(cookie);
    await using stranger = await Page.open();
    for (const page of [one, two]) await page.hello(["cookie"]);
    await stranger.hello(["ticket"], { authid: "ada" });
    one.send(6, {}, "wamp.close.logout");
    expect(await one.receive()).toEqual([6, {}, Uri.goodbyeAndOut]);
    expect(await two.receive()).toEqual([6, { message: "the browser has logged out" }, Uri.logout]);
    two.send(6, {}, Uri.goodbyeAndOut);
    stranger.send(48, 1, {}, "wamp.session.count");
    expect((await stranger.receive())[0]).toBe(50);
    expect(await refusal(Page.open(cookie))).toBe(Uri.noMatchingAuthMethod);
  });

  test("in the log, in WELCOME and in what the meta API tells: it does not stand there", async () => {
    const cookie = await loggedIn();
    await using page = await Page.open(cookie);
    const welcome = await page.hello(["cookie"]);
    page.send(48, 1, {}, "wamp.session.list");
    const [, , , [ids]] = (await page.receive()) as [number, number, object, [number[]]];
    const told: unknown[] = [welcome, log];
    for (const [i, id] of ids.entries()) {
      page.send(48, i + 2, {}, "wamp.session.get", [id]);
      told.push(await page.receive());
    }
    const value = cookie.slice(cookie.indexOf("=") + 1);
    expect(ids.length).toBeGreaterThan(0);
    expect(JSON.stringify(told)).not.toContain(value);
    expect(JSON.stringify(told)).not.toMatch(/[0-9a-f]{64}/); // nor its digest
  });
});

describe("a tracking cookie", () => {
  const browserOf = () => log.findLast((event) => event.event === "session.open")?.browser;

  test.each([3, 4])("tells browsers from each other, through log-ins and log-outs, and logs nobody in (listener %i)", async (listener) => {
    await using page = await Page.open("", ORIGIN, listener);
    expect(page.setCookie).toMatch(
      /^__Host-junctor=[\w-]{43}; [^|]*\|__Host-junctor-browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=34560000; Secure$/,
    );
    const [login = "", tracking = ""] = page.setCookie.split("|").map((each) => each.split(";")[0] ?? "");
    await page.hello(["ticket"], { authid: "ada" });
    const browser = browserOf();
    expect(browser).toMatch(/^[0-9a-f]{32}$/);
    await using again = await Page.open(`${login}; ${tracking}`, ORIGIN, listener);
    expect(again.setCookie).toBe("");
    await again.hello(["cookie"]);
    expect(browserOf()).toBe(browser);
    await using loggedOut = await Page.open(tracking, ORIGIN, listener);
    expect(loggedOut.setCookie).toMatch(/^__Host-junctor=[^|]*$/);
    expect(await loggedOut.hello(["cookie"])).toBe(Uri.noMatchingAuthMethod);
    await using same = await Page.open(tracking, ORIGIN, listener);
    await same.hello(["anonymous"]);
    expect(browserOf()).toBe(browser);
    await using other = await Page.open("", ORIGIN, listener);
    await other.hello(["anonymous"]);
    expect(browserOf()).not.toBe(browser);
  });

  test("is not told to other sessions, which could go by it; without the method cookie it is the only one", async () => {
    await using page = await Page.open("", ORIGIN, 3);
    await page.hello(["ticket"], { authid: "ada" });
    page.send(48, 1, {}, "wamp.session.list");
    const [, , , [[id]]] = (await page.receive()) as [number, number, object, [[number]]];
    page.send(48, 2, {}, "wamp.session.get", [id]);
    expect(JSON.stringify(await page.receive())).not.toContain(browserOf());
    const exchange = cookieExchange(new CookieJar({ now: () => 0, wallClock: () => new Date(0) }), {
      ...{ sameSite: "lax", isSecure: false, maxAgeMs: 0, isTracking: true },
    });
    expect(exchange(undefined).setCookies).toEqual([expect.stringMatching(/^junctor-browser=/)]);
  });
});

describe("when the server is started again", () => {
  const users = { ada: { roles: ["user", "admin"], ticket: "sesame" }, eve: { role: "user", ticket: "sesame" } };
  const folder = mkdtempSync(join(tmpdir(), "junctor-cookies-"));
  const state = join(folder, "state");
  const file = join(state, "logins");
  const events: LogEvent[] = [];
  beforeEach(() => rmSync(state, { recursive: true, force: true }));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function started(who: object = users, auth: readonly object[] = [{ method: "cookie" }, { method: "ticket" }]) {
    const config = parseConfig(
      JSON.stringify({
        version: 1,
        listen: [{ type: "web", port: 0, origins: [ORIGIN], cookie: { secure: true } }],
        realms: { app: { users: who, roles: { user: {}, admin: {} }, auth } },
      }),
      "test.json",
    );
    const { listen, realms } = config;
    const running = await startServer({ listen, realms, limits: limitsOf(config), state, log: (event) => events.push(event) });
    return { running, [Symbol.asyncDispose]: () => running.close() };
  }

  /** Logs in, and out where that is asked for. @returns the cookie */
  async function loggingIn(authid = "ada", reason?: string): Promise<string> {
    await using one = await started();
    await using page = await Page.open("", ORIGIN, 0, one.running);
    expect(await page.hello(["ticket"], { authid })).toMatchObject({ authid });
    if (reason !== undefined) {
      page.send(6, {}, reason);
      await page.receive();
    }
    return page.cookie;
  }

  async function comingBack(cookie: string, ...configured: Parameters<typeof started>) {
    await using two = await started(...configured);
    await using page = await Page.open(cookie, ORIGIN, 0, two.running);
    const welcome = await page.hello(["cookie"]);
    return typeof welcome === "string" ? welcome : `${welcome["authid"]} ${welcome["authrole"]}`;
  }

  test("a browser is still logged in, again and again, and what is on the disk logs nobody in and is nobody else's to read", async () => {
    const cookie = await loggingIn();
    expect(await comingBack(cookie)).toBe("ada user");
    expect(await comingBack(cookie)).toBe("ada user");
    expect([statSync(state).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600]);
    const written = readFileSync(file, "utf8");
    expect(written).toContain('"ada"');
    for (const secret of ["sesame", cookie.slice(cookie.indexOf("=") + 1)]) expect(written).not.toContain(secret);
  });

  test("it is not, once it had logged out, also where it was before", async () => {
    expect(await comingBack(await loggingIn("ada", "wamp.close.logout"))).toBe(Uri.noMatchingAuthMethod);
    expect(await comingBack(await loggingIn("ada", "wamp.close.close_realm"))).toBe("ada user");
  });

  test.each<[string, object, readonly object[] | undefined, string]>([
    ["user is gone", { eve: users.eve }, undefined, Uri.noMatchingAuthMethod],
    ["ticket is another", { ada: { ...users.ada, ticket: "apple" } }, undefined, Uri.noMatchingAuthMethod],
    ["role is another", { ada: { roles: ["admin"], ticket: "sesame" } }, undefined, "ada admin"],
    ["method is gone", { ada: { ...users.ada, wampcra: "x" } }, [{ method: "cookie" }, { method: "wampcra" }], Uri.noMatchingAuthMethod],
  ])("it is not, where its %s meanwhile (T31)", async (_what, who, auth, expected) => {
    const cookie = await loggingIn();
    expect(await comingBack(cookie, who, auth)).toBe(expected);
  });

  test("a file that is damaged costs log-ins, never the start", async () => {
    const cookie = await loggingIn();
    const good = readFileSync(file, "utf8");
    for (const damaged of [good.replace('"ada"', '"eve"'), `${good}nonsense\n`, "\u0000".repeat(100).concat("\n")]) {
      writeFileSync(file, damaged);
      expect(await comingBack(cookie)).toBe(Uri.noMatchingAuthMethod);
      expect(events.filter(({ event }) => event === "logins.lost")).toHaveLength(1);
      events.length = 0;
    }
    writeFileSync(file, `${good}0123456789abcdef {"login`); // torn: the machine failed while it was written
    expect(await comingBack(cookie)).toBe("ada user");
    rmSync(file);
    mkdirSync(file);
    expect(await comingBack(cookie)).toBe(Uri.noMatchingAuthMethod);
    expect(events.map(({ event }) => event)).toContain("logins.lost");
  });
});

describe("the jar", () => {
  const grant = { authid: "ada", roles: ["user"], authprovider: "static" };

  const wallClock = () => new Date(0);
  const warrants = { providers: new Set(["static"]), proofsOf: () => [] };

  test("forgets a log-in when it is old, or when what it stands for ends, and tells how long that lasts", () => {
    let now = 0;
    const jar = new CookieJar({ now: () => now, wallClock });
    jar.login("a", "app", grant, 1_000);
    jar.login("b", "app", { ...grant, lifetimeMs: 500 }, 1_000);
    now = 400;
    expect(jar.find("a", "app", warrants)).toEqual({ ...grant, proofs: [] });
    expect(jar.find("b", "app", warrants)).toEqual({ ...grant, proofs: [], lifetimeMs: 100 });
    now = 500;
    expect([jar.has("a"), jar.has("b"), jar.find("b", "app", warrants)]).toEqual([true, false, undefined]);
    now = 1_000;
    expect(jar.find("a", "app", warrants)).toBeUndefined();
  });

  test("keeps so many log-ins, and forgets the oldest", () => {
    const jar = new CookieJar({ now: () => 0, wallClock, size: 2 });
    for (const digest of ["a", "b", "c"]) jar.login(digest, "app", grant, 1_000);
    expect(["a", "b", "c"].map((digest) => jar.has(digest))).toEqual([false, true, true]);
  });

  test("gives cookies without TLS a name and attributes that browsers take there", () => {
    const exchange = cookieExchange(new CookieJar({ now: () => 0, wallClock }), {
      ...{ sameSite: "lax", isSecure: false, maxAgeMs: 60_000, isTracking: false },
    });
    expect(exchange(undefined).setCookies).toEqual([
      expect.stringMatching(/^junctor=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=60$/),
    ]);
  });
});

test.each([
  ["origins: [same-host], cookie: {}", "listen[0].cookie: cookies need origins that are named one by one"],
  ["origins: ['*'], cookie: {}", "listen[0].cookie: cookies need origins that are named one by one"],
  ["cookie: {}", "listen[0].cookie: cookies need origins that are named one by one"],
  ["origins: ['https://a.example'], cookie: {sameSite: none}", "listen[0].cookie.sameSite: browsers take sameSite: none from TLS only"],
  ["origins: ['https://a.example']", "realms.app.auth[0]: no listener keeps cookies"],
])("a listener %s is an error (T8)", (listener, message) => {
  const text = `{version: 1, listen: [{type: web, port: 0, ${listener}}], realms: {app: {auth: [{method: cookie}], roles: {}}}}`;
  expect(() => parseConfig(text, "config.yaml")).toThrow(message);
});
