// Authenticators and authorizers that are procedures: what they are asked, and what becomes of their answers.
import { ApplicationError, type AuthMethod, connect, JoinError, Result, type Session } from "@junctor/client";
import { cryptosign } from "@junctor/client/auth/cryptosign";
import { scram } from "@junctor/client/auth/scram";
import { ticket } from "@junctor/client/auth/ticket";
import { wampcra } from "@junctor/client/auth/wampcra";
import { Uri } from "@junctor/protocol";
import { saltedPassword, scramKeys, toHex } from "@junctor/protocol/auth";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.ts";
import { limitsOf } from "../config/schema.ts";
import type { LogEvent } from "../log.ts";
import { type RunningServer, startServer } from "../server.ts";
import { nodeCrypto } from "./node-crypto.ts";

const privateKey = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";
const publicKey = "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d";

const config = parseConfig(
  `version: 1
listen: [{type: rawsocket, port: 0}]
realms:
  app:
    auth:
      - {method: cryptosign, authenticator: com.auth.who, authenticatorRealm: back}
      - {method: wamp-scram, authenticator: com.auth.who, authenticatorRealm: back}
      - {method: wampcra, authenticator: com.auth.who, authenticatorRealm: back}
      - {method: ticket, authenticator: com.auth.who, authenticatorRealm: back, defaultRole: user}
    roles:
      user: {allow: {call: ["*"], register: ["*"], publish: ["*"], subscribe: ["*"]}}
      guarded: {authorizer: com.auth.may, authorizerRealm: back}
  back:
    auth: [{method: anonymous, role: backend}]
    roles: {backend: {allow: {register: ["com.auth.*"]}}}
`,
  "config.yaml",
);

let server: RunningServer;
let back: Session;
let log: LogEvent[];
let url: string;
beforeEach(async () => {
  log = [];
  server = await startServer({ listen: config.listen, realms: config.realms, limits: limitsOf(config), log: (event) => log.push(event) });
  url = `tcp://${server.listeners[0]?.address}`;
  back = await connect({ url, realm: "back" });
});
afterEach(async () => {
  await back.leave();
  await server.close();
});

const join = (...auth: AuthMethod[]) => connect({ url, realm: "app", auth });
const outcome = (...auth: AuthMethod[]) =>
  join(...auth).then(
    (session) => session.leave().then(() => "let in"),
    (error: unknown) => (error instanceof JoinError ? error.reason : String(error)),
  );

describe("a dynamic authenticator", () => {
  test("is asked as Crossbar.io asks, and grants with each method", async () => {
    const asked: unknown[][] = [];
    const parameters = { kdf: "pbkdf2", salt: "W22ZaJ0SNY7soEsUEjb6gQ==", iterations: 4096 } as const;
    const keys = await scramKeys(nodeCrypto, await saltedPassword(nodeCrypto, "pencil", parameters));
    await back.register("com.auth.who", ({ args }) => {
      asked.push([...args]);
      const details = args[2] as Record<string, unknown>;
      switch (details["authmethod"]) {
        case "ticket":
          if (details["ticket"] !== "sesame") throw new ApplicationError("com.auth.wrong", ["no"]);
          return "user";
        case "wampcra":
          return { role: "user", secret: "secret1", extra: { a: 1 } };
        case "wamp-scram":
          return {
            role: "user",
            kdf: "pbkdf2",
            salt: Buffer.from(parameters.salt, "base64").toString("hex"),
            iterations: 4096,
            memory: null,
            "stored-key": toHex(keys.storedKey),
            "server-key": toHex(keys.serverKey),
          };
        default:
          return { role: "user", authid: "kim", pubkey: publicKey };
      }
    });
    const methods = [
      ticket({ authid: "joe", ticket: "sesame" }),
      wampcra({ authid: "joe", secret: "secret1" }),
      scram({ authid: "joe", password: "pencil" }),
      cryptosign({ privateKey }),
    ];
    const authids: unknown[] = [];
    for (const method of methods) {
      await using session = await join(method);
      expect(session.details).toMatchObject({ authrole: "user", authprovider: "dynamic", authmethod: method.method });
      authids.push(session.authid);
    }
    expect(authids).toEqual(["joe", "joe", "joe", "kim"]);
    expect(asked[0]).toEqual([
      "app",
      "joe",
      {
        session: expect.any(Number),
        authmethod: "ticket",
        authrole: null,
        authextra: null,
        transport: expect.objectContaining({ type: "rawsocket" }),
        ticket: "sesame",
      },
    ]);
    expect(await outcome(ticket({ authid: "joe", ticket: "wrong" }))).toBe(Uri.authenticationDenied);
    expect(await outcome(wampcra({ authid: "joe", secret: "wrong" }))).toBe(Uri.authenticationDenied);
  });

  test.each([
    ["is not there", undefined],
    ["answers garbage", () => 17],
    ["answers with another realm", () => ({ role: "user", realm: "elsewhere" })],
    ["grants a role that there is not", () => "emperor"],
    ["breaks", () => Promise.reject(new Error("database gone"))],
    [
      "throws what looks like an answer",
      () => {
        throw new ApplicationError("com.auth.unknown_user");
      },
    ],
  ])("that %s lets nobody in (G14, F22)", async (_what, handler) => {
    if (handler !== undefined) await back.register("com.auth.who", handler);
    expect(await outcome(ticket({ authid: "joe", ticket: "sesame" }))).not.toBe("let in");
    expect(await outcome(wampcra({ authid: "joe", secret: "" }))).not.toBe("let in");
  });

  test("that hangs holds nobody else up", async () => {
    await back.register("com.auth.who", () => new Promise(() => {}));
    const waiting = outcome(ticket({ authid: "joe", ticket: "sesame" }));
    await using other = await connect({ url, realm: "back" });
    expect(other.isOpen).toBe(true);
    await back.leave(); // its calls are cancelled, and that lets nobody in
    expect(await waiting).toBe(Uri.authenticationFailed);
  });
});

describe("a dynamic authorizer", () => {
  beforeEach(() => back.register("com.auth.who", () => "guarded").then(() => {}));
  const guarded = () => join(ticket({ authid: "joe", ticket: "x" }));

  test("is asked as Crossbar.io asks, for each action; its answer is the decision (AUTHZ-08)", async () => {
    const asked: unknown[] = [];
    await back.register("com.auth.may", ({ args }) => {
      asked.push(args.slice(1));
      expect(args[0]).toMatchObject({ realm: "app", authid: "joe", authrole: "guarded", session: expect.any(Number) });
      return args[2] === "call" ? { allow: false } : true;
    });
    await using session = await guarded();
    await session.subscribe("com.a", () => {}, { match: "prefix" });
    await session.register("com.p", () => 1);
    await session.publish("com.t", [], {}, { acknowledge: true });
    await expect(session.call("com.p")).rejects.toMatchObject({ uri: Uri.notAuthorized });
    expect(asked).toEqual([
      ["com.a", "subscribe", { match: "prefix" }],
      ["com.p", "register", { match: "exact" }],
      ["com.t", "publish", { match: "exact" }],
      ["com.p", "call", { match: "exact" }],
    ]);
  });

  test("may let an answer hold, for the session, action, URI and match that it was given for only", async () => {
    let asked = 0;
    await back.register("com.auth.may", () => ({ allow: ++asked > 0, cache: true }));
    await using first = await guarded();
    await using second = await guarded();
    for (const session of [first, first, second, first]) await session.publish("com.t", [], {}, { acknowledge: true });
    expect(asked).toBe(2);
    await first.subscribe("com.t", () => {});
    await first.subscribe("com.t", () => {}, { match: "prefix" });
    await first.publish("com.u", [], {}, { acknowledge: true });
    expect(asked).toBe(5);
  });

  test("keeps the order of a session's messages, and holds nobody else up (AMB-126, ORD-01)", async () => {
    const answers: (() => void)[] = [];
    let isAsked = () => {};
    const asked = new Promise<void>((resolve) => {
      isAsked = resolve;
    });
    await back.register("com.auth.may", ({ args }) => {
      if (args[1] !== "com.slow") return true;
      return new Promise((resolve) => {
        answers.push(() => resolve(true));
        isAsked();
      });
    });
    await using session = await guarded();
    await using other = await guarded();
    const heard: unknown[] = [];
    let onThird = () => {};
    const third = new Promise<void>((resolve) => {
      onThird = resolve;
    });
    await other.subscribe("com.", ({ args, topic }) => (heard.push([topic, args[0]]) === 3 ? onThird() : undefined), { match: "prefix" });
    void session.publish("com.slow", [1]);
    void session.publish("com.fast", [2]);
    await asked;
    await other.publish("com.other", [0], {}, { acknowledge: true, excludeMe: false }); // not held up
    for (const answer of answers) answer();
    await third;
    expect(heard).toEqual([
      ["com.other", 0],
      ["com.slow", 1],
      ["com.fast", 2],
    ]);
  });

  test.each([
    ["is not there", undefined, Uri.authorizationFailed],
    ["answers garbage", () => "yes", Uri.authorizationFailed],
    ["answers nothing", () => new Result(), Uri.authorizationFailed],
    ["breaks", () => Promise.reject(new Error("gone")), Uri.notAuthorized],
  ])("that %s denies (G14)", async (_what, handler, error) => {
    if (handler !== undefined) await back.register("com.auth.may", handler);
    await using session = await guarded();
    await expect(session.call("com.p")).rejects.toMatchObject({ uri: error });
  });
});
