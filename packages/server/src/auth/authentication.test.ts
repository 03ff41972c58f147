// Each method from a configuration alone, with our client; what is refused, and that refusals tell nothing.
import { createHash, randomBytes } from "node:crypto";
import { connect, JoinError } from "@junctor/client";
import { cryptosign } from "@junctor/client/auth/cryptosign";
import { scram } from "@junctor/client/auth/scram";
import { ticket } from "@junctor/client/auth/ticket";
import { wampcra } from "@junctor/client/auth/wampcra";
import { JsonSerializer, type Message, MessageType, type Receiver, Uri } from "@junctor/protocol";
import { autobahnSalted, craKey, saltedPassword, scramKeys, toHex } from "@junctor/protocol/auth";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.ts";
import { limitsOf } from "../config/schema.ts";
import type { LogEvent } from "../log.ts";
import { type RunningServer, startServer } from "../server.ts";
import { nodeCrypto } from "./node-crypto.ts";

const privateKey = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";
const publicKey = "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d";
const otherKey = "d511fe78e23934b3dadb52fcd022974b80bd92bccc7c5cf404e46cc0a8a2f5cd";

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

async function scramRecord(kdf: "pbkdf2" | "argon2id13", password: string, isAutobahn = false) {
  const parameters =
    kdf === "pbkdf2"
      ? ({ kdf, salt: "W22ZaJ0SNY7soEsUEjb6gQ==", iterations: 4096 } as const)
      : ({ kdf, salt: "aBc+fx0NAVBaBc+fx0NAVA==", iterations: 2, memory: 64 } as const);
  const salted = await saltedPassword(nodeCrypto, password, parameters);
  const { storedKey, serverKey } = await scramKeys(nodeCrypto, isAutobahn ? autobahnSalted(salted) : salted);
  return { ...parameters, storedKey: base64(storedKey), serverKey: base64(serverKey) };
}

let server: RunningServer;
let url: string;
const log: LogEvent[] = [];

beforeAll(async () => {
  const salt = randomBytes(16);
  const users = {
    plain: { role: "user", ticket: "open sesame" },
    hashed: { role: "user", ticket: `sha256:${base64(salt)}:${createHash("sha256").update(salt).update("open sesame").digest("base64")}` },
    peter: { roles: ["user", "admin"], wampcra: "secret1", extra: { team: 7 } },
    salted: {
      role: "user",
      wampcra: { key: await craKey(nodeCrypto, "secret1", { salt: "salt123", keylen: 32, iterations: 1000 }), salt: "salt123" },
    },
    sam: { role: "user", scram: await scramRecord("pbkdf2", "pencil") },
    argon: { role: "user", scram: await scramRecord("argon2id13", "pencil") },
    bob: { role: "user", scram: await scramRecord("argon2id13", "pencil", true) },
    kim: { role: "admin", cryptosign: publicKey },
    both: { role: "admin", ticket: "one", wampcra: "two" },
  };
  const config = parseConfig(
    JSON.stringify({
      version: 1,
      listen: [{ type: "universal", port: 0 }],
      realms: {
        app: {
          auth: [
            { method: "cryptosign" },
            { method: "wamp-scram" },
            { method: "scram" },
            { method: "wampcra" },
            { method: "ticket" },
            { method: "anonymous", role: "guest" },
          ],
          users,
          roles: { user: {}, admin: {}, guest: {} },
        },
        closed: { auth: [{ method: "ticket" }], users, roles: { user: {}, admin: {} } },
        two: { auth: [{ method: "wampcra", also: [{ method: "ticket" }] }], users, roles: { user: {}, admin: {} } },
      },
    }),
    "test.json",
  );
  server = await startServer({ listen: config.listen, realms: config.realms, limits: limitsOf(config), log: (event) => log.push(event) });
  url = `tcp://${server.listeners[0]?.address}`;
});
afterAll(() => server.close());

const join = (auth: NonNullable<Parameters<typeof connect>[0]["auth"]> | undefined, realm = "app") =>
  connect({ url, realm, ...(auth && { auth }) });
const refusal = (auth: Parameters<typeof join>[0], realm?: string) =>
  join(auth, realm).then(
    () => "let in",
    (error: unknown) => (error instanceof JoinError ? error.reason : String(error)),
  );

describe("a configuration gives each method", () => {
  test.each([
    ["ticket", [ticket({ authid: "plain", ticket: "open sesame" })], "plain", "user"],
    ["ticket, stored as a digest", [ticket({ authid: "hashed", ticket: async () => "open sesame" })], "hashed", "user"],
    ["wampcra", [wampcra({ authid: "peter", secret: "secret1" })], "peter", "user"],
    ["wampcra, salted", [wampcra({ authid: "salted", secret: "secret1" })], "salted", "user"],
    ["wamp-scram, pbkdf2", [scram({ authid: "sam", password: "pencil" })], "sam", "user"],
    ["wamp-scram, argon2id13", [scram({ authid: "argon", password: "pencil" })], "argon", "user"],
    ["scram, as Autobahn speaks it (AMB-103)", [scram({ authid: "bob", password: "pencil", dialect: "autobahn" })], "bob", "user"],
    ["scram, pbkdf2", [scram({ authid: "sam", password: "pencil", dialect: "autobahn" })], "sam", "user"],
    ["cryptosign", [cryptosign({ privateKey, authid: "kim" })], "kim", "admin"],
    ["cryptosign, without an authid", [cryptosign({ privateKey })], "kim", "admin"],
    ["anonymous", undefined, expect.stringMatching(/^anonymous-/), "guest"],
  ])("%s (AUTH-02, AUTH-05)", async (name, auth, authid, authrole) => {
    await using session = await join(auth);
    expect(session.details).toMatchObject({ authid, authrole, authmethod: name.split(",")[0], authprovider: "static" });
  });

  test("a user's extra values are in WELCOME", async () => {
    await using session = await join([wampcra({ authid: "peter", secret: "secret1" })]);
    expect(session.details.authextra).toEqual({ team: 7 });
  });

  test("two factors are asked for one after another, and both have to be right (AUTH-03, AMB-113)", async () => {
    const first = wampcra({ authid: "both", secret: "two" });
    await using session = await join([first, ticket({ authid: "both", ticket: "one" })], "two");
    expect(session.authid).toBe("both");
    expect(await refusal([first, ticket({ authid: "both", ticket: "wrong" })], "two")).toBe(Uri.authenticationDenied);
    expect(await refusal([wampcra({ authid: "both", secret: "wrong" }), ticket({ authid: "both", ticket: "one" })], "two")).toBe(
      Uri.authenticationDenied,
    );
    // Whoever has passed the first factor cannot pass the second one as somebody else.
    expect(await refusal([wampcra({ authid: "peter", secret: "secret1" }), ticket({ authid: "both", ticket: "one" })], "two")).toBe(
      Uri.authenticationDenied,
    );
  });
});

describe("wrong credentials", () => {
  test.each([
    ["ticket", [ticket({ authid: "plain", ticket: "wrong" })]],
    ["the digest in place of the ticket", [ticket({ authid: "hashed", ticket: "sha256:" })]],
    ["wampcra", [wampcra({ authid: "peter", secret: "wrong" })]],
    ["wampcra, signed for nobody", [wampcra({ authid: "peter", sign: () => "" })]],
    ["wamp-scram", [scram({ authid: "sam", password: "pen" })]],
    ["a key that is nobody's", [cryptosign({ privateKey: otherKey })]],
    ["somebody else's key", [cryptosign({ privateKey: otherKey, authid: "kim" })]],
    ["a name that does not own the key", [cryptosign({ privateKey, authid: "peter" })]],
    ["nobody's ticket", [ticket({ authid: "nobody", ticket: "open sesame" })]],
    ["nobody's secret", [wampcra({ authid: "nobody", secret: "secret1" })]],
    ["nobody's password", [scram({ authid: "nobody", password: "pencil" })]],
    ["a prototype's name", [ticket({ authid: "__proto__", ticket: "x" })]],
  ])("%s: one and the same answer (AMB-112, AMB-114, AMB-115, T4)", async (_name, auth) => {
    expect(await refusal(auth)).toBe(Uri.authenticationDenied);
  });

  test("a failed method is not followed by a weaker one (AMB-09, T2)", async () => {
    expect(await refusal([wampcra({ authid: "both", secret: "wrong" }), ticket({ authid: "both", ticket: "one" })])).toBe(
      Uri.authenticationDenied,
    );
    const anonymous = { method: "anonymous", attempt: () => ({ respond: async () => ({ signature: "" }) }) };
    expect(await refusal([ticket({ authid: "plain", ticket: "wrong" }), anonymous])).toBe(Uri.authenticationDenied);
  });

  test("offered methods that the client's user has no credentials for are passed over (AUTH-04, AMB-09)", async () => {
    await using session = await join([
      cryptosign({ privateKey: otherKey, authid: "plain" }),
      scram({ authid: "plain", password: "x" }),
      ticket({ authid: "plain", ticket: "open sesame" }),
    ]);
    expect(session.details.authmethod).toBe("ticket");
  });

  test("a realm that lets nobody in without authentication says so, and one that has none of the methods too (AMB-08)", async () => {
    expect(await refusal(undefined, "closed")).toBe(Uri.authenticationRequired);
    expect(await refusal([cryptosign({ privateKey })], "closed")).toBe(Uri.noMatchingAuthMethod);
  });
});

// What a client sees before it is refused, message by message.
async function hear(details: object, answer: { signature: string; extra: object } | undefined): Promise<Message[]> {
  const heard: Message[] = [];
  return new Promise((resolve) => {
    const receiver: Receiver = {
      receive: (message) => {
        heard.push(message);
        if (message.type === MessageType.Challenge && answer !== undefined)
          transport.then((it) => it.send({ type: MessageType.Authenticate, ...answer } as Message));
        else resolve(heard);
      },
      violated: () => {},
      lost: () => resolve(heard),
    };
    const transport = server.router.dial()(receiver);
    void transport.then((it) =>
      it.send({ type: MessageType.Hello, realm: "app", details: { roles: { caller: {} }, ...details } } as Message),
    );
  });
}

describe("who does not exist is not told (T4)", () => {
  const shape = (message: Message | undefined) => {
    const text = new TextDecoder().decode(new JsonSerializer().encode(message as Message));
    return text
      .replace(/[A-Za-z0-9+/]{22,}={0,2}/g, "B")
      .replace(/"session\\":\d+/, "S")
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, "T")
      .replaceAll(/salted|nobody/g, "N")
      .replace(/"salt":"[^"]{7}"/, "SALT");
  };
  test.each([
    ["ticket", { authmethods: ["ticket"], authid: "hashed" }, { authmethods: ["ticket"], authid: "nobody" }],
    ["wampcra", { authmethods: ["wampcra"], authid: "salted" }, { authmethods: ["wampcra"], authid: "nobody" }],
    [
      "wamp-scram",
      { authmethods: ["wamp-scram"], authid: "sam", authextra: { nonce: "egVDf3DMJh0=" } },
      { authmethods: ["wamp-scram"], authid: "nobody", authextra: { nonce: "egVDf3DMJh0=" } },
    ],
    [
      "cryptosign",
      { authmethods: ["cryptosign"], authextra: { pubkey: publicKey } },
      { authmethods: ["cryptosign"], authextra: { pubkey: toHex(randomBytes(32)) } },
    ],
  ])("%s: challenge and refusal look alike for a user and for nobody", async (_method, known, unknown) => {
    const wrong = { signature: "00", extra: {} };
    const [a, b] = [await hear(known, wrong), await hear(unknown, wrong)];
    expect(a.map(({ type }) => type)).toEqual([MessageType.Challenge, MessageType.Abort]);
    expect(b.map(shape)).toEqual(a.map(shape));
  });

  test("nobody's salt stays the same from one attempt to the next (AUTH-SCRAM-04)", async () => {
    const saltOf = async (details: object) =>
      (await hear(details, undefined)).map((message) => (message.type === MessageType.Challenge ? message.extra["salt"] : undefined))[0];
    const nonce = { authextra: { nonce: "egVDf3DMJh0=" } };
    const scramSalt = await saltOf({ authmethods: ["wamp-scram"], authid: "nobody", ...nonce });
    expect(scramSalt).toMatch(/^[A-Za-z0-9+/]{22}==$/);
    expect(await saltOf({ authmethods: ["wamp-scram"], authid: "nobody", ...nonce })).toBe(scramSalt);
    expect(await saltOf({ authmethods: ["wamp-scram"], authid: "nobody2", ...nonce })).not.toBe(scramSalt);
    expect(await saltOf({ authmethods: ["wampcra"], authid: "nobody" })).toHaveLength("salt123".length);
  });
});

describe("roles", () => {
  const withRole = (authrole: string) =>
    hear({ authmethods: ["ticket"], authid: "plain", authrole }, { signature: "open sesame", extra: {} });
  test("a role that HELLO asks for is one of the user's, or none is given (T2)", async () => {
    expect((await withRole("user")).at(-1)).toMatchObject({ type: MessageType.Welcome, details: { authrole: "user" } });
    expect((await withRole("admin")).at(-1)).toMatchObject({ type: MessageType.Abort, reason: Uri.noSuchRole });
    const peter = await hear({ authmethods: ["anonymous"], authrole: "admin" }, undefined);
    expect(peter.at(-1)).toMatchObject({ type: MessageType.Abort, reason: Uri.noSuchRole });
  });
});

test("nothing secret is in the log (AUTH-10)", () => {
  const text = JSON.stringify(log);
  for (const secret of ["open sesame", "secret1", "pencil", privateKey, "64xfzBvZhGDT7PB0bQwDeI8/WR1M9x6Cw5dt0yP9koc="])
    expect(text).not.toContain(secret);
  expect(text).toContain(Uri.authenticationDenied);
});
