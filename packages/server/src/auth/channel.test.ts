// What is bound to the TLS connection: cryptosign and SCRAM with channel binding, the router's own proof, client certificates.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { type AuthMethod, connect, JoinError } from "@junctor/client";
import { cryptosign } from "@junctor/client/auth/cryptosign";
import { scram } from "@junctor/client/auth/scram";
import { tls } from "@junctor/client/auth/tls";
import { Uri } from "@junctor/protocol";
import { saltedPassword, scramKeys } from "@junctor/protocol/auth";
import { TEST_CERTIFICATE, TEST_KEY } from "@junctor/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.ts";
import { limitsOf } from "../config/schema.ts";
import { type RunningServer, startServer } from "../server.ts";
import { nodeCrypto } from "./node-crypto.ts";

const privateKey = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";
const publicKey = "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d";
const routerKey = "d511fe78e23934b3dadb52fcd022974b80bd92bccc7c5cf404e46cc0a8a2f5cd";
const routerPublicKey = "6ed32739ff04a6074044ff0b0e3bfc7c856bc9d5f1d25efc57363bda0af3a8b0";

const folder = mkdtempSync(join(tmpdir(), "junctor-channel-"));
let server: RunningServer;
beforeAll(async () => {
  for (const [name, text] of [
    ["cert.pem", TEST_CERTIFICATE],
    ["key.pem", TEST_KEY],
    ["router.key", routerKey],
  ] as const)
    writeFileSync(join(folder, name), text);
  const parameters = { kdf: "pbkdf2", salt: "W22ZaJ0SNY7soEsUEjb6gQ==", iterations: 4096 } as const;
  const keys = await scramKeys(nodeCrypto, await saltedPassword(nodeCrypto, "pencil", parameters));
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem"), clientCa: join(folder, "cert.pem") };
  const users = {
    kim: { role: "user", cryptosign: publicKey },
    sam: { role: "user", scram: { ...parameters, storedKey: text(keys.storedKey), serverKey: text(keys.serverKey) } },
  };
  const roles = { user: {}, device: {} };
  const config = parseConfig(
    JSON.stringify({
      version: 1,
      listen: [
        { type: "universal", port: 0, tls: files },
        { type: "rawsocket", port: 0 },
      ],
      realms: {
        app: { users, roles, auth: [{ method: "cryptosign", routerKey: join(folder, "router.key") }, { method: "wamp-scram" }] },
        bound: { users, roles, auth: [{ method: "cryptosign", requireBinding: true }] },
        devices: {
          roles,
          auth: [
            {
              method: "tls",
              rules: [
                { when: { OU: "nobody" }, role: "user" },
                { when: { SAN: "DNS:localhost" }, role: "device", authid: "{CN}/{DNS}/{fingerprint}" },
              ],
            },
          ],
        },
        strangers: { roles, auth: [{ method: "tls", rules: [{ when: { O: "Somebody else" }, role: "user" }] }] },
      },
    }),
    "test.json",
  );
  server = await startServer({ listen: config.listen, realms: config.realms, limits: limitsOf(config), log: () => {} });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const port = () => server.listeners[0]?.port ?? 0;
interface Options {
  readonly version?: "TLSv1.2" | "TLSv1.3";
  readonly scheme?: "tls" | "wss";
  readonly realm?: string;
  readonly own?: object;
}
const joinOver = (auth: AuthMethod, { version = "TLSv1.3", scheme = "tls", realm = "app", own = {} }: Options = {}) =>
  connect({
    url: `${scheme}://localhost:${port()}${scheme === "wss" ? "/ws" : ""}`,
    realm,
    auth: [auth],
    tls: { ca: TEST_CERTIFICATE, maxVersion: version, ...own },
  });
const refusal = (joining: Promise<unknown>) =>
  joining.then(
    () => "let in",
    (error: unknown) => (error instanceof JoinError ? error.reason : String(error)),
  );

describe("cryptosign bound to the TLS channel (AUTH-CS-07, AUTH-CS-08, AMB-108)", () => {
  test.each([
    ["tls-exporter", "TLSv1.3", "tls"],
    ["tls-exporter", "TLSv1.3", "wss"],
    ["tls-unique", "TLSv1.2", "tls"],
    ["tls-unique", "TLSv1.2", "wss"],
  ] as const)("%s over %s, %s", async (channelBinding, version, scheme) => {
    await using session = await joinOver(cryptosign({ privateKey, channelBinding }), { version, scheme });
    expect(session.authid).toBe("kim");
    await using bound = await joinOver(cryptosign({ privateKey, channelBinding }), { version, scheme, realm: "bound" });
    expect(bound.authid).toBe("kim");
  });

  test("TLS 1.3 has no tls-unique, and a connection without TLS has nothing to bind to", async () => {
    expect(await refusal(joinOver(cryptosign({ privateKey, channelBinding: "tls-unique" })))).toContain("no channel binding tls-unique");
    const plain = connect({
      url: `tcp://127.0.0.1:${server.listeners[1]?.port}`,
      realm: "app",
      auth: [cryptosign({ privateKey, channelBinding: "tls-exporter" })],
    });
    expect(await refusal(plain)).toContain("no channel binding tls-exporter");
  });

  test("a realm that requires it refuses clients that do not bind (AMB-110)", async () => {
    expect(await refusal(joinOver(cryptosign({ privateKey }), { realm: "bound" }))).toBe(Uri.authenticationDenied);
  });

  // T7: somebody in between, with a certificate that the client accepts, passes everything on to the router.
  test("what was signed for one channel is worth nothing in another", async () => {
    const relay = createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (client) => {
      const onward = connectTls({ port: port(), host: "localhost", ca: TEST_CERTIFICATE });
      client.pipe(onward).pipe(client);
      for (const socket of [client, onward])
        socket.on("error", () => {}).on("close", () => (socket === client ? onward : client).destroy());
    });
    await new Promise<void>((resolve) => relay.listen(0, "localhost", resolve));
    const { port: relayPort } = relay.address() as { port: number };
    const through = (auth: AuthMethod) =>
      connect({ url: `tls://localhost:${relayPort}`, realm: "app", auth: [auth], tls: { ca: TEST_CERTIFICATE } });
    try {
      await (await through(cryptosign({ privateKey }))).leave(); // unbound, it gets through: that is what binding is for
      expect(await refusal(through(cryptosign({ privateKey, channelBinding: "tls-exporter" })))).toBe(Uri.authenticationDenied);
      expect(await refusal(through(cryptosign({ privateKey, channelBinding: "tls-exporter", routerKey: routerPublicKey })))).toContain(
        "the router did not prove",
      );
    } finally {
      relay.close();
    }
  });
});

describe("the router proves itself (AUTH-CS-09)", () => {
  test.each([
    ["bound", "tls-exporter"],
    ["unbound", undefined],
  ] as const)("%s", async (_name, channelBinding) => {
    const binding = channelBinding === undefined ? {} : { channelBinding };
    await using session = await joinOver(cryptosign({ privateKey, routerKey: routerPublicKey, ...binding }));
    expect(session.authid).toBe("kim");
    expect(await refusal(joinOver(cryptosign({ privateKey, routerKey: publicKey, ...binding })))).toContain("the router did not prove");
    expect(await refusal(joinOver(cryptosign({ privateKey, routerKey: routerPublicKey, ...binding }), { realm: "bound" }))).not.toBe(
      "let in",
    ); // it has no key there
  });
});

describe("SCRAM bound to the TLS channel (AUTH-SCRAM-02, AUTH-SCRAM-09, AUTH-SCRAM-15)", () => {
  test.each([
    ["tls-unique", "TLSv1.2"],
    ["tls-server-end-point", "TLSv1.2"],
    ["tls-server-end-point", "TLSv1.3"],
  ] as const)("%s over %s", async (channelBinding, version) => {
    await using session = await joinOver(scram({ authid: "sam", password: "pencil", channelBinding }), { version });
    expect(session.authid).toBe("sam");
  });
});

describe("client certificates (SEC-03)", () => {
  const certificate = { cert: TEST_CERTIFICATE, key: TEST_KEY };
  test("the first rule that fits gives authid and role", async () => {
    for (const scheme of ["tls", "wss"] as const) {
      await using session = await joinOver(tls(), { realm: "devices", own: certificate, scheme });
      expect(session.details).toMatchObject({ authrole: "device", authmethod: "tls", authprovider: "tls" });
      expect(session.authid).toMatch(/^Junctor test certificate \(worth nothing\)\/localhost\/[0-9a-f]{64}$/);
    }
  });
  test("a client without one, or with one that no rule fits, is not let in", async () => {
    expect(await refusal(joinOver(tls(), { realm: "devices" }))).toBe(Uri.noMatchingAuthMethod);
    expect(await refusal(joinOver(tls(), { realm: "strangers", own: certificate }))).toBe(Uri.authenticationDenied);
  });
});
