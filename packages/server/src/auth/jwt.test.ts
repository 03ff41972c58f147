// Tokens of an identity provider: what they give, and the ways in which they are forged (T6).

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageType, Uri } from "@junctor/protocol";
import type { AuthenticationAnswer, AuthenticationRequest } from "@junctor/router";
import { ALL_ROLES, TestRouter } from "@junctor/testkit";
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.ts";
import { CookieJar } from "./cookie.ts";
import { Decoy } from "./decoy.ts";
import { type AuthEnvironment, authenticatorOf } from "./from-config.ts";
import { Throttle } from "./throttle.ts";

const NOW = Date.UTC(2030, 0, 1);
const seconds = NOW / 1_000;
const folder = mkdtempSync(join(tmpdir(), "junctor-jwt-"));
let privateKey: CryptoKey;
let otherKey: CryptoKey;
let publicJwk: JWK;
let publicPem: string;

beforeAll(async () => {
  const pair = await generateKeyPair("RS256", { extractable: true });
  privateKey = pair.privateKey;
  publicJwk = { ...(await exportJWK(pair.publicKey)), kid: "one", alg: "RS256" };
  publicPem = await exportSPKI(pair.publicKey);
  otherKey = (await generateKeyPair("RS256")).privateKey;
  writeFileSync(join(folder, "keys.json"), JSON.stringify({ keys: [publicJwk] }));
});
afterAll(() => rmSync(folder, { recursive: true }));

const failures: string[] = [];
const noThrottle = { allowance: 1e9, firstWaitMs: 0, longestWaitMs: 0, keys: 10 };
const environment: AuthEnvironment = {
  decoy: new Decoy(),
  askers: { in: () => () => Promise.reject(new Error("not here")) } as unknown as AuthEnvironment["askers"],
  byPrincipal: new Throttle(noThrottle, () => 0),
  byAddress: new Throttle(noThrottle, () => 0),
  now: () => 0,
  cookies: new CookieJar({ now: () => 0, wallClock: () => new Date(0) }),
  watch: () => {},
  wallClock: () => new Date(NOW),
  failed: (_method, error) => failures.push(String(error)),
};

function realm(method: object) {
  const text = JSON.stringify({
    version: 1,
    listen: [{ type: "web", port: 0 }],
    realms: { app: { auth: [{ method: "jwt", issuer: "https://idp", audience: "app", ...method }], roles: { user: {}, admin: {} } } },
  });
  const found = parseConfig(text, "test.json").realms["app"];
  if (found === undefined) throw new Error("no realm");
  return authenticatorOf("app", found, environment);
}

async function ask(authenticate: ReturnType<typeof realm>, token: string, authid?: string): Promise<AuthenticationAnswer> {
  const details = { roles: {}, authmethods: ["ticket"], ...(authid !== undefined && { authid }) };
  const request: AuthenticationRequest = { realm: "app", session: 1, details, origin: { transport: "test" } };
  const challenge = await new Promise<AuthenticationAnswer>((resolve) => authenticate(request, resolve));
  if (challenge.kind !== "challenge") throw new Error(`no challenge but ${challenge.kind}`);
  return new Promise((resolve) => challenge.verify({ type: 5, signature: token, extra: {} }, resolve));
}

interface Forged {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly key?: CryptoKey | Uint8Array;
}
const sign = ({ claims = {}, header = {}, key = privateKey }: Forged = {}) =>
  new SignJWT({ iss: "https://idp", aud: "app", sub: "ada", exp: seconds + 600, ...claims })
    .setProtectedHeader({ alg: "RS256", kid: "one", ...header })
    .sign(key);

describe("a token", () => {
  test("gives authid, role and chosen claims, for as long as it holds", async () => {
    const authenticate = realm({ jwks: join(folder, "keys.json"), role: "user", extra: ["email", "missing"], leeway: "10s" });
    expect(await ask(authenticate, await sign({ claims: { email: "ada@example.com", secret: "x" } }))).toEqual({
      kind: "welcome",
      authid: "ada",
      authrole: "user",
      authmethod: "ticket",
      authprovider: "jwt",
      authextra: { email: "ada@example.com" },
      lifetimeMs: 610_000,
    });
  });

  test("names the role by a claim, through the names that it has here", async () => {
    const authenticate = realm({
      jwks: join(folder, "keys.json"),
      roleClaim: "groups",
      roles: { ops: "admin", staff: "user" },
      authid: "email",
    });
    const roleOf = async (groups: unknown) => {
      const answer = await ask(authenticate, await sign({ claims: { groups, email: "a@b" } }));
      return answer.kind === "welcome" ? [answer.authid, answer.authrole] : answer.kind === "abort" ? answer.reason : answer.kind;
    };
    expect(await roleOf("ops")).toEqual(["a@b", "admin"]);
    expect(await roleOf(["unknown", "staff", "ops"])).toEqual(["a@b", "user"]);
    for (const none of ["admin", "__proto__", [], undefined, 7]) expect(await roleOf(none)).toBe(Uri.authenticationDenied);
  });
});

describe("what is no such token lets nobody in", () => {
  const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: "https://idp", aud: "app", sub: "ada", exp: seconds + 600 };
  test.each<[string, () => string | Promise<string>]>([
    ["nothing", () => ""],
    ["no token", () => "sesame"],
    ["unsigned: alg none", () => `${b64({ alg: "none" })}.${b64(claims)}.`],
    ["unsigned: alg None", () => `${b64({ alg: "None", kid: "one" })}.${b64(claims)}.`],
    ["signed with the public key as an HMAC secret", () => sign({ header: { alg: "HS256" }, key: new TextEncoder().encode(publicPem) })],
    [
      "signed with the public key's JWK as an HMAC secret",
      () => sign({ header: { alg: "HS256" }, key: new TextEncoder().encode(JSON.stringify(publicJwk)) }),
    ],
    ["signed by somebody else", () => sign({ key: otherKey })],
    ["signed by a key that it brings along", async () => sign({ key: otherKey, header: { jwk: publicJwk } })],
    ["by a key that there is not", () => sign({ header: { kid: "two" } })],
    ["expired", () => sign({ claims: { exp: seconds - 61 } })],
    ["without an end", () => sign({ claims: { exp: undefined } })],
    ["not yet valid", () => sign({ claims: { nbf: seconds + 61 } })],
    ["for another audience", () => sign({ claims: { aud: "other" } })],
    ["from another issuer", () => sign({ claims: { iss: "https://evil" } })],
    ["without a name", () => sign({ claims: { sub: undefined } })],
    ["with a name that is none", () => sign({ claims: { sub: 7 } })],
    ["with a critical extension that nobody knows", () => `${b64({ alg: "RS256", kid: "one", crit: ["x"], x: 1 })}.${b64(claims)}.AAAA`],
    ["huge", () => `${b64({ alg: "RS256", kid: "one" })}.${"A".repeat(1 << 20)}.AAAA`],
    ["changed after it was signed", async () => (await sign()).replace(/\.[^.]+\./, `.${b64({ ...claims, sub: "root" })}.`)],
  ])("%s", async (_name, token) => {
    const authenticate = realm({ jwks: join(folder, "keys.json"), role: "user" });
    expect(await ask(authenticate, await token())).toMatchObject({ kind: "abort", reason: Uri.authenticationDenied });
    expect(failures).toEqual([]);
  });

  test("somebody else's, for a name that HELLO claims", async () => {
    const authenticate = realm({ jwks: join(folder, "keys.json"), role: "user" });
    expect(await ask(authenticate, await sign(), "bob")).toMatchObject({ kind: "abort", reason: Uri.authenticationDenied });
    expect(await ask(authenticate, await sign(), "ada")).toMatchObject({ kind: "welcome" });
  });
});

describe("keys from the identity provider", () => {
  test("are fetched when needed, and not again for each key that there is not (T6)", async () => {
    let fetched = 0;
    const provider = createServer((_request, response) => {
      fetched++;
      response.setHeader("Content-Type", "application/json").end(JSON.stringify({ keys: [publicJwk] }));
    });
    await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
    try {
      const authenticate = realm({ jwks: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/keys`, role: "user" });
      expect(await ask(authenticate, await sign())).toMatchObject({ kind: "welcome" });
      for (let i = 0; i < 50; i++)
        expect(await ask(authenticate, await sign({ header: { kid: `unknown-${i}` } }))).toMatchObject({ kind: "abort" });
      expect(fetched).toBe(1);
    } finally {
      provider.close();
      provider.closeAllConnections();
    }
  });

  test("that cannot be fetched let nobody in, and that is the router's fault (F23)", async () => {
    const authenticate = realm({ jwks: "http://127.0.0.1:1/keys", role: "user" });
    expect(await ask(authenticate, await sign())).toMatchObject({ kind: "abort", reason: Uri.authenticationFailed });
    expect(failures.splice(0)).toHaveLength(1);
  });

  test("a file that holds none is a mistake with a remedy", () => {
    writeFileSync(join(folder, "none.json"), "{}");
    expect(() => realm({ jwks: join(folder, "none.json"), role: "user" })).toThrow(/cannot use the keys in .*none\.json/);
    expect(() => realm({ jwks: join(folder, "missing.json"), role: "user" })).toThrow(/ENOENT/);
  });
});

test("the session ends when what let it in expires (T31)", () => {
  const router = new TestRouter({
    realms: [
      {
        name: "realm1",
        roles: [{ name: "user", permissions: [] }],
        authenticate: (_request, answer) =>
          answer({ kind: "welcome", authid: "ada", authrole: "user", authmethod: "ticket", authprovider: "jwt", lifetimeMs: 60_000 }),
      },
    ],
  });
  const [stays, leaves] = [router.attach(), router.attach()];
  for (const peer of [stays, leaves]) {
    peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
    peer.take(MessageType.Welcome);
  }
  leaves.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm });
  leaves.take(MessageType.Goodbye);
  router.clock.advance(59_999);
  expect(stays.inbox).toEqual([]);
  router.clock.advance(1);
  expect(stays.take(MessageType.Goodbye)).toMatchObject({ reason: Uri.authenticationRequired });
  expect([router.router.realm("realm1")?.sessions.size, leaves.inbox]).toEqual([0, []]);
});
