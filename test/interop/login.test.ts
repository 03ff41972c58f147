/**
 * Other people's clients, unmodified, log in to the router by every method that they have, and it runs from one
 * configuration file. An authenticator and an authorizer written with Autobahn|Python decide for it.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApplicationError, connect, JoinError, type Session } from "@junctor/client";
import { cryptosign } from "@junctor/client/auth/cryptosign";
import { ticket } from "@junctor/client/auth/ticket";
import { wampcra } from "@junctor/client/auth/wampcra";
import { TEST_CERTIFICATE, TEST_KEY } from "@junctor/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { loadConfig } from "../../packages/server/src/config/load.ts";
import { limitsOf } from "../../packages/server/src/config/schema.ts";
import type { LogEvent } from "../../packages/server/src/log.ts";
import { type RunningServer, startServer } from "../../packages/server/src/server.ts";
import { LIBRARIES, type Transport } from "./libraries.ts";
import { type Credentials, type Endpoint, type Peer, PeerProcess } from "./peer.ts";
import { commandOf } from "./peers/install.mjs";

vi.setConfig({ testTimeout: 20_000 });

const KIM = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";
const OTHER_KEY = "d511fe78e23934b3dadb52fcd022974b80bd92bccc7c5cf404e46cc0a8a2f5cd";

// What `junctor keys hash --scram --autobahn` printed for the password pencil.
const SCRAM = `{kdf: argon2id13, salt: "aFNZQYxxw13b/4ml4NLPww==", iterations: 3, memory: 65536, storedKey: "vYruxH32wn3B4juABFYBh1GG2j8Dyj2yCLB2f2nn06Q=", serverKey: "2sd7sqryA5TjyLx3Z/sSbiQ1Tm+dB1c7Us1DgRu7n1M="}`;

const config = (folder: string) => `version: 1
listen:
  - {type: universal, port: 0}
  - {type: universal, port: 0, tls: {cert: ${folder}/cert.pem, key: ${folder}/key.pem}}
realms:
  app:
    auth: [{method: cryptosign}, {method: scram}, {method: wampcra}, {method: ticket}]
    users:
      joe: {role: user, ticket: sesame}
      ann: {role: user, wampcra: secret1}
      peter: {role: user, wampcra: {key: 64xfzBvZhGDT7PB0bQwDeI8/WR1M9x6Cw5dt0yP9koc=, salt: salt123}}
      sam: {role: user, scram: ${SCRAM}}
      kim: {role: user, cryptosign: 1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d}
    roles: {user: {}}
  bound:
    auth: [{method: cryptosign, requireBinding: true}]
    users: {kim: {role: user, cryptosign: 1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d}}
    roles: {user: {}}
  asking:
    auth:
      - {method: cryptosign, authenticator: com.example.authenticate, authenticatorRealm: back}
      - {method: wampcra, authenticator: com.example.authenticate, authenticatorRealm: back}
      - {method: ticket, authenticator: com.example.authenticate, authenticatorRealm: back}
    roles: {user: {authorizer: com.example.authorize, authorizerRealm: back}}
  back:
    auth: [{method: anonymous, role: backend}]
    roles: {backend: {allow: {register: ["com.example.*"]}}}
`;

interface Login extends Credentials {
  readonly library: string;
  readonly transport: Transport;
  readonly realm?: string;
  /** A secret that is wrong. */
  readonly wrong: string;
}

const shared = (library: string, transport: Transport): readonly Login[] => [
  { library, transport, method: "ticket", authid: "joe", secret: "sesame", wrong: "sesam" },
  { library, transport, method: "wampcra", authid: "ann", secret: "secret1", wrong: "secret2" },
  { library, transport, method: "wampcra", authid: "peter", secret: "secret1", wrong: "secret2" },
];
const signed = (library: string, transport: Transport, more: { realm?: string; binding?: string } = {}): Login => ({
  ...{ library, transport, method: "cryptosign", authid: "kim", secret: KIM, wrong: OTHER_KEY },
  ...more,
});

const LOGINS: readonly Login[] = [
  ...shared("autobahn_js", "websocket"),
  signed("autobahn_js", "websocket"),
  ...shared("wampy", "websocket"),
  signed("wampy", "websocket"),
  ...shared("autobahn_python", "websocket"),
  { library: "autobahn_python", transport: "rawsocket", method: "scram", authid: "sam", secret: "pencil", wrong: "pen" },
  signed("autobahn_python", "rawsocket"),
  signed("autobahn_python", "rawsocket-tls"),
  signed("autobahn_python", "rawsocket-tls", { realm: "bound", binding: "tls-unique" }),
  signed("autobahn_python", "websocket-tls", { realm: "bound", binding: "tls-unique" }),
  ...shared("nexus", "rawsocket"),
  ...shared("xconn", "rawsocket"),
  signed("xconn", "rawsocket"),
];

const folder = mkdtempSync(join(tmpdir(), "junctor-login-"));
const events: LogEvent[] = [];
const peers = new Map<string, Peer>();
let server: RunningServer;

beforeAll(async () => {
  const files = { "cert.pem": TEST_CERTIFICATE, "key.pem": TEST_KEY, "config.yaml": config(folder) };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { listen, realms, ...rest } = loadConfig(join(folder, "config.yaml"));
  server = await startServer({ listen, realms, limits: limitsOf(rest), log: (event) => events.push(event) });
});
afterAll(async () => {
  await Promise.all([...peers.values()].map((peer) => peer[Symbol.asyncDispose]()));
  await server.close();
  rmSync(folder, { recursive: true });
});

/** The program that runs a library, started when it is first needed. */
function peerOf(library: string): Peer | undefined {
  const known = peers.get(library);
  if (known !== undefined) return known;
  const program = LIBRARIES.find(({ id }) => id === library)?.program;
  const command = program && commandOf(...program);
  if (command === undefined) return undefined;
  const cert = join(folder, "cert.pem");
  const peer = new PeerProcess(library, command, { NODE_EXTRA_CA_CERTS: cert, SSL_CERT_FILE: cert });
  peers.set(library, peer);
  return peer;
}

/** Where CI runs, what is missing is a failure. */
function isSkipped(library: string): boolean {
  const program = LIBRARIES.find(({ id }) => id === library)?.program;
  return process.env["CI"] === undefined && (program === undefined || commandOf(...program) === undefined);
}

function endpoint({ transport, realm = "app" }: Login): Endpoint {
  const port = server.listeners[transport.endsWith("tls") ? 1 : 0]?.port ?? 0;
  const url = `${transport === "websocket-tls" ? "wss" : "ws"}://127.0.0.1:${port}/ws`;
  return { transport, serializer: "json", url, host: "127.0.0.1", port, path: "", realm };
}

const nameOf = ({ library, method, authid, transport, binding = "no binding" }: Login) =>
  [library, method, authid, transport, binding].join(" ");

describe("a client logs in", () => {
  for (const login of LOGINS) {
    test.skipIf(isSkipped(login.library))(`${nameOf(login)}, and not with a wrong secret`, async () => {
      const { library, method, authid = "", secret, wrong, binding } = login;
      const peer = peerOf(library);
      if (peer === undefined) throw new Error(`${library} is not installed, or not in the version asked for. To get it: bash .ci/install`);
      const auth = { method, authid, ...(binding !== undefined && { binding }) };
      const where = { do: "connect", session: nameOf(login), ...endpoint(login) } as const;
      const { welcome } = await peer.execute({ ...where, auth: { ...auth, secret } });
      expect(welcome).toEqual({ authid, authrole: "user", authmethod: method });
      await peer.execute({ do: "leave", session: nameOf(login) });

      const before = events.length;
      await expect(peer.execute({ ...where, session: `${nameOf(login)} wrong`, auth: { ...auth, secret: wrong } })).rejects.toThrow();
      const refused = () => events.slice(before).flatMap((event) => (event.event === "join.refused" ? [event.reason] : []));
      expect(refused()).toEqual(["wamp.error.authentication_denied"]);
    });
  }
});

test.skipIf(isSkipped("autobahn_python"))(
  "a binding that TLS 1.3 does not have is refused where one is required, and so is none (AMB-108, AMB-110)",
  async () => {
    const peer = peerOf("autobahn_python");
    for (const transport of ["rawsocket", "rawsocket-tls"] as const) {
      const login = signed("autobahn_python", transport, { realm: "bound" });
      const auth = { method: "cryptosign", authid: "kim", secret: KIM };
      await expect(peer?.execute({ do: "connect", session: `unbound ${transport}`, ...endpoint(login), auth })).rejects.toThrow();
    }
  },
);

describe.skipIf(isSkipped("autobahn_python"))("a program on Autobahn|Python, as one writes it for Crossbar.io,", () => {
  let url = "";
  let stop: () => Promise<unknown>;
  beforeAll(async () => {
    const port = server.listeners[0]?.port ?? 0;
    url = `tcp://127.0.0.1:${port}`;
    const [command, ...args] = commandOf("python", "auth_backend") ?? ["python3"];
    const backend = spawn(command, [...args, "127.0.0.1", String(port), "back"], { stdio: ["pipe", "pipe", "ignore"] }); // it tells of each refusal
    const closed = once(backend, "close");
    stop = () => {
      backend.stdin.end();
      return closed;
    };
    expect(String((await once(backend.stdout, "data"))[0])).toBe("ready\n");
  });
  afterAll(() => stop());

  const log = (session: Session) => [session.authid, session.authrole, session.details.authmethod];
  const joining = (auth: Parameters<typeof connect>[0]["auth"]) => connect({ url, realm: "asking", ...(auth && { auth }) });

  test("says who may log in, by ticket, WAMP-CRA and cryptosign (AUTH-09)", async () => {
    await using ada = await joining([ticket({ authid: "ada", ticket: "sesame" })]);
    await using peter = await joining([wampcra({ authid: "peter", secret: "secret1" })]);
    await using kim = await joining([cryptosign({ privateKey: KIM })]);
    expect([log(ada), log(peter), log(kim)]).toEqual([
      ["ada", "user", "ticket"],
      ["peter", "user", "wampcra"],
      ["kim", "user", "cryptosign"],
    ]);
    expect(kim.details.authextra).toEqual({ realm: "asking" });
  });

  test.each([
    ["a wrong ticket", ticket({ authid: "ada", ticket: "wrong" })],
    ["a ticket of nobody", ticket({ authid: "eve", ticket: "sesame" })],
    ["a wrong secret", wampcra({ authid: "peter", secret: "wrong" })],
    ["a secret of nobody", wampcra({ authid: "eve", secret: "secret1" })],
    ["a key of nobody", cryptosign({ privateKey: OTHER_KEY })],
  ])("refuses %s, always with the same error (AMB-112)", async (_what, auth) => {
    const error = await joining([auth]).catch((error: unknown) => error);
    expect(error instanceof JoinError ? error.reason : error).toBe("wamp.error.authentication_denied");
  });

  test("decides what sessions may do, and one that fails denies (AUTHZ-04)", async () => {
    await using ada = await joining([ticket({ authid: "ada", ticket: "sesame" })]);
    await using peter = await joining([wampcra({ authid: "peter", secret: "secret1" })]);
    await ada.register("com.example.ada.name", () => "Ada Lovelace");
    const uriOf = (outcome: Promise<unknown>) => outcome.catch((error: unknown) => (error instanceof ApplicationError ? error.uri : error));
    expect(await uriOf(peter.register("com.example.ada.other", () => 1))).toBe("wamp.error.not_authorized");
    expect(await uriOf(peter.call("com.example.ada.name"))).toBe("wamp.error.not_authorized");
    expect(await uriOf(peter.subscribe("com.example.", () => {}, { match: "prefix" }))).toBe("wamp.error.not_authorized");
    await peter.subscribe("com.example.peter.", () => {}, { match: "prefix" });
    expect((await ada.call("com.example.ada.name")).value).toBe("Ada Lovelace");
    expect(await uriOf(peter.call("com.example.public"))).toBe("wamp.error.no_such_procedure");
    expect(await uriOf(peter.call("com.example.broken"))).toMatch(/^wamp\.error\.(not_authorized|authorization_failed)$/);
  });
});
