// Cryptosign by certificates: keys that no user has, for which a root of trust vouches (requirements 7.5, AMB-111).
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, JoinError } from "@junctor/client";
import { type CryptosignOptions, cryptosign } from "@junctor/client/auth/cryptosign";
import { cbor } from "@junctor/client/cbor";
import { msgpack } from "@junctor/client/msgpack";
import { Uri } from "@junctor/protocol";
import { checksummed } from "@junctor/protocol/auth";
import { TEST_CHAIN, TestAccount, type TestCertificate, testCertificateCrypto } from "@junctor/testkit/test-chain";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.ts";
import { limitsOf } from "../config/schema.ts";
import { type RunningServer, startServer } from "../server.ts";
import { admitted, type TrustClaim, TrustTable, trustClaim } from "./trust.ts";

const privateKey = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";
const publicKey = "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d";
const knownKey = "d511fe78e23934b3dadb52fcd022974b80bd92bccc7c5cf404e46cc0a8a2f5cd";
const knownPublicKey = "6ed32739ff04a6074044ff0b0e3bfc7c856bc9d5f1d25efc57363bda0af3a8b0";

const account = (name: string) => new TestAccount(name);
const [root, other, device, sensor] = [account("root"), account("other root"), account("device"), account("sensor")];
const [PROVIDER, CONSUMER, ALL] = [1 << 6, 1 << 7, 0xff];
const TOP = root.authority(root.address, ALL);
const DEVICE = root.authority(device.address, PROVIDER);
const SENSOR = root.authority(sensor.address, CONSUMER);
const full = (own: TestAccount, above: TestCertificate, key = publicKey) => [own.delegate(key), above, TOP];

const folder = mkdtempSync(join(tmpdir(), "junctor-trust-"));
const claims: TrustClaim[] = [];
const trusted = { contract: TEST_CHAIN.verifyingContract, realm: TEST_CHAIN.realm };
let resolve: () => Promise<never> | undefined = () => undefined;
let server: RunningServer;
beforeEach(async () => {
  writeFileSync(join(folder, "authorities.json"), JSON.stringify([DEVICE, SENSOR, TOP]));
  const trustRoots = [
    { ...trusted, root: root.address, requires: ["provider"], role: "device", certificates: join(folder, "authorities.json") },
    { ...trusted, root: root.address, requires: ["consumer"], role: "sensor" },
    { ...trusted, root: checksummed(testCertificateCrypto, other.address), block: 99, role: "device" },
  ];
  const config = parseConfig(
    JSON.stringify({
      version: 1,
      listen: [{ type: "universal", port: 0 }],
      realms: {
        app: {
          users: { kim: { role: "user", cryptosign: knownPublicKey } },
          roles: { user: {}, device: {}, sensor: {} },
          auth: [{ method: "cryptosign", trustRoots }],
        },
        without: { users: {}, roles: { a: {}, b: {} }, auth: [{ method: "cryptosign" }] },
      },
    }),
    "test.json",
  );
  server = await startServer({
    listen: config.listen,
    realms: config.realms,
    limits: limitsOf(config),
    log: () => {},
    trust: async (claim) => {
      claims.push(claim);
      await resolve();
      const { verifyingContract, realm } = TEST_CHAIN;
      return claim.trustRoot === root.address
        ? [
            {
              trustRoot: root.address.toUpperCase().replace("X", "x"),
              chainId: 1n,
              verifyingContract,
              realm,
              requires: [],
              roles: ["a", "b"],
            },
          ]
        : [];
    },
  });
});
afterEach(() => server.close());
afterAll(() => rmSync(folder, { recursive: true }));

interface More extends Partial<CryptosignOptions> {
  readonly realm?: string;
  readonly root?: string;
}
const joining = (certificates: readonly TestCertificate[], { realm = "app", root: anchor = root.address, ...more }: More = {}) =>
  connect({
    url: `tcp://${server.listeners[0]?.address}`,
    realm,
    auth: [cryptosign({ privateKey, trust: { root: anchor, certificates }, ...more })],
  });
const refusal = (certificates: readonly TestCertificate[], more?: More) =>
  joining(certificates, more).then(
    (session) => expect.fail(`${session.authid} was let in`),
    (error: unknown) => (error instanceof JoinError ? { reason: error.reason, message: error.message } : error),
  );

describe("a client whose key nobody has registered", () => {
  test("joins under the address of its delegate, in the role of the first root that it fits (AUTH-CS-06, AUTH-CS-11)", async () => {
    await using one = await joining(full(device, DEVICE));
    expect(one.details).toMatchObject({
      ...{
        authid: checksummed(testCertificateCrypto, device.address),
        authrole: "device",
        authmethod: "cryptosign",
        authprovider: "static",
      },
    });
    await using two = await joining(full(sensor, SENSOR), { authid: sensor.address });
    expect([two.authid, two.authrole]).toEqual([checksummed(testCertificateCrypto, sensor.address), "sensor"]);
  });

  test("may bring its own certificate only, where the router has the others (AUTH-CS-11)", async () => {
    await using session = await joining([device.delegate(publicKey)]);
    expect(session.authrole).toBe("device");
  });

  test.each([[msgpack()], [cbor()]])("joins by any serializer, with integers beyond 2^53", async (serializer) => {
    const certificates = full(device, DEVICE);
    const auth = [cryptosign({ privateKey, trust: { root: root.address, certificates } })];
    await using session = await connect({
      url: `ws://${server.listeners[0]?.address}/ws`,
      realm: "app",
      auth,
      serializers: [serializer],
    });
    expect(session.authrole).toBe("device");
  });

  test.each<[string, readonly TestCertificate[], More, string]>([
    ["for another key (AUTH-CS-13)", full(device, DEVICE, knownPublicKey), {}, "for another key"],
    ["under another name (AMB-115)", full(device, DEVICE), { authid: sensor.address }, "the credentials are not valid"],
    ["of an unknown root", full(device, DEVICE), { root: device.address }, "not known here"],
    ["of another root than it names", full(device, DEVICE), { root: other.address }, "CCR-1"],
    [
      "from a later block",
      [device.delegate(publicKey), other.authority(device.address, ALL), other.authority(other.address, ALL)],
      { root: other.address },
      "CCR-1",
    ],
    ["without what the role requires", full(device, root.authority(device.address, 0)), {}, "do not entitle to"],
    ["that another chain's authorities complete", [other.delegate(publicKey)], {}, "CCR"],
  ])("is refused with certificates %s", async (_what, certificates, more, why) => {
    const refused = await refusal(certificates, more);
    expect(refused).toMatchObject({ reason: Uri.authenticationDenied });
    expect(String((refused as { message: string }).message)).toContain(why);
  });

  test("whose signature is wrong is not told about its certificates: they are not looked at", async () => {
    // The client's own certificate is for a key that it does not have.
    const auth = {
      method: "cryptosign",
      attempt: () => ({
        authextra: { pubkey: publicKey, trustroot: root.address, certificates: full(device, DEVICE) },
        respond: async () => ({ signature: "00".repeat(96) }),
      }),
    };
    const error = await connect({ url: `tcp://${server.listeners[0]?.address}`, realm: "app", auth: [auth] }).catch(
      (error: unknown) => error,
    );
    expect(String(error)).toContain("the credentials are not valid");
  });
});

test("a user's key goes on being enough, and certificates are taken before it where they are shown", async () => {
  await using kim = await connect({
    url: `tcp://${server.listeners[0]?.address}`,
    realm: "app",
    auth: [cryptosign({ privateKey: knownKey })],
  });
  expect(kim.authid).toBe("kim");
  await using session = await joining(full(device, DEVICE, knownPublicKey), { privateKey: knownKey });
  expect(session.authid).toBe(checksummed(testCertificateCrypto, device.address));
});

describe("a function that resolves roots", () => {
  test("is asked with what the client claims, and its roles may be chosen from", async () => {
    await using session = await joining(full(device, DEVICE), { realm: "without" });
    expect([session.authrole, session.details.authprovider]).toEqual(["a", "dynamic"]);
    expect(claims.at(-1)).toMatchObject({ trustRoot: root.address, request: { realm: "without" } });
    expect(claims.at(-1)?.certificates.map(({ certificate }) => certificate.kind)).toEqual(["delegate", "authority", "authority"]);
  });

  test("that knows no such root, or throws, lets nobody in", async () => {
    expect(await refusal(full(device, DEVICE), { realm: "without", root: other.address })).toMatchObject({
      reason: Uri.authenticationDenied,
    });
    resolve = () => Promise.reject(new Error("the blockchain is gone"));
    expect(await refusal(full(device, DEVICE), { realm: "without" })).toMatchObject({ reason: Uri.authenticationFailed });
    resolve = () => undefined;
  });
});

test("what was granted holds as long as the root is trusted, for that and that role (T31)", async () => {
  const { verifyingContract, realm } = TEST_CHAIN;
  const trusting = { trustRoot: root.address, chainId: 1n, verifyingContract, realm, requires: [], roles: ["device"] };
  const table = new TrustTable([trusting]);
  const request = {
    ...{ realm: "app", session: 1, origin: { transport: "test" } },
    details: { roles: {}, authextra: { trustroot: root.address, certificates: full(device, DEVICE) } },
  };
  const step = await admitted(trustClaim(request) ?? expect.fail("no claim"), table, publicKey);
  const [proof] = step.kind === "granted" ? (step.grant.proofs ?? []) : [];
  const holds = () => ["device", "user"].map((role) => proof?.holds(role));
  expect(holds()).toEqual([true, false]);
  table.replace([{ ...trusting, roles: ["user"] }]);
  expect(holds()).toEqual([false, true]);
  table.replace([{ ...trusting, requires: ["consumer"] }]);
  expect(holds()).toEqual([false, false]);
  table.replace([]);
  expect(holds()).toEqual([false, false]);
});

test.each([
  ["root: '0xF766dc789CF04CD18aE75af2c5fAf2DA6650Ff57'", "a mistake in it"],
  ["root: '0xf766'", "expected an Ethereum address"],
  ["root: '0xf766dc789cf04cd18ae75af2c5faf2da6650ff57', role: nobody", 'got "nobody", expected a role of this realm'],
  ["root: '0xf766dc789cf04cd18ae75af2c5faf2da6650ff57', requires: [everything]", "requires[0]"],
])("a trust root %s is an error of the configuration", (wrong, message) => {
  const address = "'0xf766dc789cf04cd18ae75af2c5faf2da6650ff57'";
  const trustRoot = `{role: r, contract: ${address}, realm: ${address}, ${wrong}}`.replace(/role: r, (.*role: )/, "$1");
  const text = `{version: 1, listen: [{type: web, port: 0}], realms: {app: {auth: [{method: cryptosign, trustRoots: [${trustRoot}]}], roles: {r: {}}}}}`;
  expect(() => parseConfig(text, "config.yaml")).toThrow(message);
});

test("a client is told at once of certificates that are none", () => {
  const make = (certificates: readonly TestCertificate[], anchor = root.address) =>
    cryptosign({ privateKey, trust: { root: anchor, certificates } });
  expect(() => make([TOP])).toThrow(TypeError);
  expect(() => make([])).toThrow(TypeError);
  expect(() => make(full(device, DEVICE), "root")).toThrow("a trust root is an Ethereum address");
});
