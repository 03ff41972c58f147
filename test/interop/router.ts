/** The router under test: the product's own composition, on every kind of listener that clients ask for. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RouterEvent } from "@junctor/router";
import { TEST_CERTIFICATE, TEST_KEY } from "@junctor/testkit";
import { configSchema, limitsOf } from "../../packages/server/src/config/schema.ts";
import type { LogEvent } from "../../packages/server/src/log.ts";
import { startServer } from "../../packages/server/src/server.ts";
import type { Connection } from "./libraries.ts";
import type { Endpoint } from "./peer.ts";

export interface InteropRouter extends AsyncDisposable {
  readonly events: readonly LogEvent[];
  /** How the router sees the session that joined last. */
  lastJoined(): Extract<RouterEvent, { event: "session.open" }> | undefined;
  endpoint(connection: Connection): Endpoint;
  /** For programs that are to trust the router's certificate: Node.js, Python and Go have no other common way. */
  readonly environment: NodeJS.ProcessEnv;
}

const REALM = "interop";

export async function startInteropRouter(): Promise<InteropRouter> {
  const folder = mkdtempSync(join(tmpdir(), "junctor-interop-"));
  const path = join(folder, "router.sock");
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  writeFileSync(cert, TEST_CERTIFICATE);
  writeFileSync(key, TEST_KEY);
  const allow = { call: ["*"], register: ["*"], publish: ["*"], subscribe: ["*"] };
  const config = configSchema.parse({
    version: 1,
    listen: [
      { type: "web", port: 0 },
      { type: "rawsocket", port: 0 },
      // xconn asks for the path of the socket, the others for /ws.
      { type: "universal", path, ws: "*" },
      { type: "universal", port: 0, tls: { cert, key } },
    ],
    realms: { [REALM]: { auth: [{ method: "anonymous", role: "peer" }], roles: { peer: { allow } } } },
  });
  const events: LogEvent[] = [];
  const { listen, realms } = config;
  const server = await startServer({ listen, realms, limits: limitsOf(config), log: (event) => events.push(event) });
  const [web = 0, raw = 0, , tls = 0] = server.listeners.map(({ port }) => port);
  return {
    events,
    lastJoined: () => events.findLast((event) => event.event === "session.open"),
    environment: { NODE_EXTRA_CA_CERTS: cert, SSL_CERT_FILE: cert },
    endpoint: ({ transport, serializer }) => ({
      transport,
      serializer,
      url: transport === "websocket-tls" ? `wss://127.0.0.1:${tls}/ws` : `ws://127.0.0.1:${web}/ws`,
      host: "127.0.0.1",
      port: transport === "rawsocket-tls" ? tls : raw,
      path,
      realm: REALM,
    }),
    async [Symbol.asyncDispose]() {
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}
