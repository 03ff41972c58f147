// `bridge`: calls and publications by single HTTP requests, with the rights of whoever makes them.
import { ApplicationError, connect, Result, type Session } from "@junctor/client";
import { expect, test } from "vitest";
import { Site } from "./site.ts";

const REALM = {
  users: { ada: { role: "user", ticket: "sesame" }, bob: { role: "guest", ticket: "apple" } },
  auth: [{ method: "ticket" }, { method: "anonymous", role: "guest" }],
  roles: {
    user: { allow: { call: ["com.*"], publish: ["com.*"] } },
    guest: { allow: { call: ["com.open.*"] } },
  },
};
const ADA = `Basic ${Buffer.from("ada:sesame").toString("base64")}`;

class BridgeSite extends Site {
  callee!: Session;

  static async open(options: object = {}): Promise<BridgeSite> {
    const site = new BridgeSite();
    await site.start({ "/wamp": { bridge: { realm: "app", ...options } } }, {}, { realms: { app: REALM } });
    site.callee = await connect({ realm: "app", dial: site.server.router.dial(true) });
    return site;
  }

  async post(body: unknown, authorization?: string, path = "/wamp", headers: Record<string, string> = {}) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const { status, body: bytes } = await this.ask(path, {
      method: "POST",
      body: text,
      headers: {
        "Content-Type": "application/json",
        Accept: "application/json",
        ...(authorization !== undefined && { Authorization: authorization }),
        ...headers,
      },
    });
    return [status, JSON.parse(bytes.toString() || "null")];
  }
}

test("a call is answered with the result, of every type", async () => {
  await using site = await BridgeSite.open();
  await site.callee.register("com.echo", ({ args, kwargs }) => new Result(args, kwargs));
  const kwargs = { bytes: "\u0000AQID", text: "ü", list: [1.5, null, true, { __proto__x: 1 }] };
  const call = { procedure: "com.echo", args: [2, "three", "\u0000AA=="], kwargs };
  expect(await site.post(call, ADA)).toEqual([200, { args: [2, "three", "\u0000AA=="], kwargs }]);
  expect(await site.post({ procedure: "com.echo" }, ADA, "/wamp/call")).toEqual([200, { args: [], kwargs: {} }]);
  await site.callee.register("com.bytes", ({ args: [bytes] }) => bytes instanceof Uint8Array && [...bytes]);
  expect(await site.post({ procedure: "com.bytes", args: ["\u0000AQID"] }, ADA)).toEqual([200, { args: [[1, 2, 3]], kwargs: {} }]);
});

test("a publication is answered with its id, when the router has taken it", async () => {
  await using site = await BridgeSite.open();
  const heard: unknown[] = [];
  await site.callee.subscribe("com.news", ({ args, kwargs, publication }) => heard.push([args, kwargs, publication]));
  const [status, { id }] = await site.post({ topic: "com.news", args: ["hello"], kwargs: { n: 1 } }, ADA);
  expect(status).toBe(200);
  await site.callee.call("wamp.session.count"); // what was published before is here
  expect(heard).toEqual([[["hello"], { n: 1 }, id]]);
  expect(await site.post({ topic: "com.news" }, ADA, "/wamp/publish")).toEqual([200, { id: expect.any(Number) }]);
});

test("whoever asks has the rights of their role, and no more", async () => {
  await using site = await BridgeSite.open();
  await site.callee.register("com.add", ({ args: [a, b] }) => Number(a) + Number(b));
  await site.callee.register("com.open.who", ({ details }) => details.caller_authrole ?? "unknown");
  expect(await site.post({ procedure: "com.add", args: [2, 3] }, ADA)).toEqual([200, { args: [5], kwargs: {} }]);
  const bob = `Basic ${Buffer.from("bob:apple").toString("base64")}`;
  for (const asked of [bob, undefined]) {
    const [status, { error }] = await site.post({ procedure: "com.add", args: [2, 3] }, asked);
    expect([status, error]).toEqual([403, "wamp.error.not_authorized"]);
    expect((await site.post({ procedure: "com.open.who" }, asked))[0]).toBe(200);
    expect((await site.post({ topic: "com.news" }, asked))[0]).toBe(403);
  }
});

test("credentials that are wrong, or in no form that is taken, are told so and no more", async () => {
  await using site = await BridgeSite.open();
  const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
  for (const wrong of [basic("ada:wrong"), basic("nobody:sesame"), basic("ada"), "Bearer nonsense", "Digest x", "Basic"]) {
    const [status, body] = await site.post({ procedure: "com.open.who" }, wrong);
    expect(status).toBe(401);
    expect(JSON.stringify(body)).not.toContain("sesame");
  }
});

test("one session serves all requests of one user, and ends when the user does", async () => {
  await using site = await BridgeSite.open();
  const sessions = new Set<unknown>();
  await site.callee.register("com.who", ({ details }) => sessions.add(details.caller).size);
  for (let i = 0; i < 5; i++) expect((await site.post({ procedure: "com.who" }, ADA))[0]).toBe(200);
  const ids = (await site.callee.call("wamp.session.list", [["user"]])).value as number[];
  expect(ids).toHaveLength(1);
  await site.callee.call("wamp.session.kill", [ids[0]]);
  expect((await site.post({ procedure: "com.who" }, ADA))[0]).toBe(200);
});

test.each<[what: string, body: unknown, status: number]>([
  ["no JSON", "procedure=com.add", 400],
  ["a list", [], 400],
  ["neither a procedure nor a topic", { args: [] }, 400],
  ["arguments that are no list", { procedure: "com.add", args: { a: 1 } }, 400],
  ["something that is not known", { procedure: "com.add", arg: [] }, 400],
  ["bytes that are no Base64", { procedure: "com.add", args: ["\u0000%"] }, 400],
  ["values too deep", { procedure: "com.add", args: [JSON.parse("[".repeat(40) + "]".repeat(40))] }, 400],
  ["a URI that is none", { procedure: "com add" }, 400],
  ["a procedure that there is not", { procedure: "com.none" }, 404],
  ["too much", { procedure: "com.add", args: ["x".repeat(1 << 20)] }, 413],
])("%s is answered with a status of its own", async (_what, body, status) => {
  await using site = await BridgeSite.open();
  expect((await site.post(body, ADA))[0]).toBe(status);
});

test("an error of the application is 422, with its URI and arguments; a call that is not answered is 504", async () => {
  await using site = await BridgeSite.open();
  await site.callee.register("com.fail", () => {
    throw new ApplicationError("com.error.sold_out", ["none left"], { next: "monday" });
  });
  await site.callee.register("com.never", () => new Promise(() => {}));
  expect(await site.post({ procedure: "com.fail" }, ADA)).toEqual([
    422,
    { error: "com.error.sold_out", args: ["none left"], kwargs: { next: "monday" } },
  ]);
  expect((await site.post({ procedure: "com.never", timeout: 1 }, ADA))[0]).toBe(504);
});

test("other methods, paths and forms are refused; another page could not send this one without asking", async () => {
  await using site = await BridgeSite.open();
  expect((await site.ask("/wamp")).status).toBe(405);
  expect((await site.post({ procedure: "com.add" }, ADA, "/wamp/other"))[0]).toBe(404);
  expect((await site.post({ procedure: "com.add" }, ADA, "/wamp", { "Content-Type": "text/plain" }))[0]).toBe(415);
});
