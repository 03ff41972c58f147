// What proved somebody once proves nothing again: on another connection, a second time, too late, or in another realm (T6).
import { Uri } from "@junctor/protocol";
import { craKey, craSignature, fromHex, saltedPassword, scramKeys, scramProof, signChallenge } from "@junctor/protocol/auth";
import { WirePeer } from "@junctor/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeCrypto } from "../../packages/server/src/auth/node-crypto.ts";
import { parseConfig } from "../../packages/server/src/config/load.ts";
import { limitsOf } from "../../packages/server/src/config/schema.ts";
import { type RunningServer, startServer } from "../../packages/server/src/server.ts";

const PRIVATE_KEY = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";
const PUBLIC_KEY = "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d";
const SCRAM = { kdf: "pbkdf2", salt: "W22ZaJ0SNY7soEsUEjb6gQ==", iterations: 4096 } as const;
const SALTING = { salt: "salt123", iterations: 1_000, keylen: 32 };
const NONCE = "rOprNGfwEbeRWgbNEkqO";

let server: RunningServer;
let where: string;
beforeAll(async () => {
  const { storedKey, serverKey } = await scramKeys(nodeCrypto, await saltedPassword(nodeCrypto, "pencil", SCRAM));
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const users = {
    ann: { role: "user", wampcra: { key: await craKey(nodeCrypto, "secret", SALTING), ...SALTING } },
    sam: { role: "user", scram: { ...SCRAM, storedKey: text(storedKey), serverKey: text(serverKey) } },
    kim: { role: "user", cryptosign: PUBLIC_KEY },
  };
  const realm = { users, roles: { user: {} }, auth: [{ method: "wampcra" }, { method: "wamp-scram" }, { method: "cryptosign" }] };
  const config = parseConfig(
    JSON.stringify({
      version: 1,
      listen: [{ type: "rawsocket", port: 0 }],
      realms: { app: realm, other: realm },
      limits: { joinTimeout: "1s" },
    }),
    "test.json",
  );
  server = await startServer({ listen: config.listen, realms: config.realms, limits: limitsOf(config), log: () => {} });
  where = server.listeners[0]?.address ?? "";
});
afterAll(() => server.close());

type Answer = readonly [signature: string, extra: object];
interface Method {
  readonly hello: object;
  /** What an honest client answers to CHALLENGE. */
  readonly answer: (extra: Readonly<Record<string, unknown>>) => Promise<Answer>;
}

const METHODS: Readonly<Record<string, Method>> = {
  wampcra: {
    hello: { authid: "ann" },
    answer: async ({ challenge }) => [await craSignature(nodeCrypto, await craKey(nodeCrypto, "secret", SALTING), String(challenge)), {}],
  },
  "wamp-scram": {
    hello: { authid: "sam", authextra: { nonce: NONCE } },
    answer: async ({ nonce }) => {
      const exchange = { authid: "sam", clientNonce: NONCE, nonce: String(nonce), salt: SCRAM.salt, iterations: SCRAM.iterations };
      const salted = await saltedPassword(nodeCrypto, "pencil", SCRAM);
      const { proof } = await scramProof(nodeCrypto, salted, { ...exchange, channelBinding: undefined, bindingData: undefined });
      return [proof, { nonce, channel_binding: null, cbind_data: null }];
    },
  },
  cryptosign: {
    hello: { authid: "kim", authextra: { pubkey: PUBLIC_KEY } },
    answer: async ({ challenge }) => {
      const [key, octets] = [fromHex(PRIVATE_KEY, 32), fromHex(challenge, 32)];
      if (key === undefined || octets === undefined) throw new Error("no challenge");
      return [await signChallenge(nodeCrypto, key, octets, undefined), {}];
    },
  },
};

async function challenged(method: string, realm = "app"): Promise<[WirePeer, Readonly<Record<string, unknown>>]> {
  const peer = await WirePeer.connect(where);
  peer.send([1, realm, { roles: { caller: {} }, authmethods: [method], ...METHODS[method]?.hello }]);
  const [type, , extra] = (await peer.receive()) as [number, string, Record<string, unknown>];
  expect(type).toBe(4);
  return [peer, extra];
}

/** WELCOME's type, or the reason of ABORT. */
async function outcome(peer: WirePeer): Promise<unknown> {
  const [type, , reason] = await peer.receive();
  return type === 3 ? reason : type;
}

describe.each(Object.keys(METHODS))("%s: an answer that was right", (method) => {
  const right = async (extra: Readonly<Record<string, unknown>>) => (await METHODS[method]?.answer(extra)) ?? (["", {}] as Answer);

  test("lets in once, and not on another connection, nor in another realm", async () => {
    const [peer, extra] = await challenged(method);
    const answer = await right(extra);
    peer.send([5, ...answer]);
    expect(await outcome(peer)).toBe(2);
    for (const realm of ["app", "other"]) {
      const [thief] = await challenged(method, realm);
      thief.send([5, ...answer]);
      expect(await outcome(thief)).toBe(Uri.authenticationDenied);
      await thief[Symbol.asyncDispose]();
    }
    await peer[Symbol.asyncDispose]();
  });

  test("is not heard twice on its own", async () => {
    const [peer, extra] = await challenged(method);
    const answer = await right(extra);
    peer.send([5, "wrong", {}]);
    peer.send([5, ...answer]);
    expect([Uri.authenticationDenied, Uri.protocolViolation]).toContain(await outcome(peer));
    await peer.ended;
    await peer[Symbol.asyncDispose]();
  });

  test("comes too late when the time for joining is over (AMB-102)", async () => {
    const [peer, extra] = await challenged(method);
    const answer = await right(extra);
    expect(await outcome(peer)).toBe(Uri.authenticationFailed); // after a second
    peer.send([5, ...answer]);
    await peer.ended;
    await peer[Symbol.asyncDispose]();
  });
});
