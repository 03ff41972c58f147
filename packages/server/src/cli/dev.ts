/** `junctor dev`: a router to try things out, without a configuration, for this machine only. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isUri } from "@junctor/protocol";
import { DEFAULT_LIMITS, POWERS } from "@junctor/router";
import { DEFAULT_CONNECTION_LIMITS, ListenError } from "@junctor/transport-node";
import { type Config, type ListenerConfig, realmSchema } from "../config/schema.ts";
import { staticOptions, webSchema } from "../config/web-schema.ts";
import { startDemo } from "../demo.ts";
import { createLogger } from "../log.ts";
import { LogLevels } from "../log-levels.ts";
import { startServer } from "../server.ts";
import { Exit, UserError } from "../user-error.ts";
import { devPage } from "../web/dev-page.ts";
import { StaticFiles } from "../web/static-files.ts";
import { line, style } from "./print.ts";
import { untilSignal } from "./signals.ts";
import { parsePort } from "./values.ts";

export interface DevOptions {
  readonly port: string;
  readonly realm: string;
  readonly rawPort?: string;
  readonly unix?: string;
  readonly static?: string;
  readonly verbose?: boolean;
}

/**
 * Who joins may do everything; what acts on other sessions has to be granted by its name as well (AMB-97). What is published
 * under `demo.` has a history, to try it out.
 */
const OPEN_REALM = {
  auth: [{ method: "anonymous", role: "anonymous" }],
  roles: {
    anonymous: { allow: { call: ["*", ...POWERS], register: ["*"], publish: ["*"], subscribe: ["*"] }, disclose: { caller: "allow" } },
  },
  events: { history: [{ topic: "demo.*", events: 1_000 }], sharding: true },
};

export async function dev(options: DevOptions): Promise<void> {
  const { realm } = options;
  if (!isUri(realm)) {
    throw new UserError(`${JSON.stringify(realm)} is no name of a realm`, {
      remedy: "a realm is named by a URI, components without white space and # joined by dots, for example --realm com.example.app",
      exitCode: Exit.usage,
    });
  }
  const realms: Config["realms"] = { [realm]: realmSchema.parse(OPEN_REALM) };
  const levels = new LogLevels(createLogger(options.verbose === true ? "debug" : "warn", "auto"));
  const common = {
    host: "127.0.0.1",
    ws: "/ws",
    deflate: false,
    origins: ["same-host", "loopback"],
    trustedProxies: [],
    proxyProtocol: false,
    web: ["/lp"],
  };
  const web: ListenerConfig = { ...common, type: "web", port: parsePort(options.port) };
  const longPoll = webSchema.parse({ "/lp": { longpoll: { origins: common.origins } } });
  const page = devPage(realm, web.ws);
  const listen = [
    {
      ...web,
      services: {
        "/": options.static === undefined ? page.all : new StaticFiles(staticOptions.parse(options.static), { next: page.client }),
      },
    },
    ...(options.rawPort === undefined ? [] : [{ ...common, type: "rawsocket" as const, port: parsePort(options.rawPort) }]),
    ...(options.unix === undefined ? [] : [{ ...common, type: "rawsocket" as const, path: options.unix }]),
  ];
  const limits = { router: DEFAULT_LIMITS, connection: DEFAULT_CONNECTION_LIMITS };
  const state = mkdtempSync(join(tmpdir(), "junctor-"));
  process.once("exit", () => rmSync(state, { recursive: true, force: true }));
  const server = await startServer({ listen, realms, web: longPoll, limits, state, log: levels.log, levels }).catch((error) => {
    throw error instanceof ListenError ? new UserError(error.message, { remedy: OTHER_PLACES }) : error;
  });
  await startDemo(server.router, realm);

  const [http, raw] = server.listeners;
  const url = `ws://${http?.address}${web.ws}`;
  line(`${style("green", "junctor is ready")}, open to nobody but this machine`);
  line(`  web page    ${style("cyan", `http://${http?.address}/`)}`);
  line(`  WebSocket   ${style("cyan", url)}`);
  if (options.rawPort !== undefined) line(`  RawSocket   ${style("cyan", `tcp://${raw?.address}`)}`);
  if (options.unix !== undefined) line(`  RawSocket   ${style("cyan", `unix:${options.unix}`)}`);
  line(`  realm       ${realm} (anonymous may do everything; demo.clock ticks, demo.add adds, demo.* has a history)`);
  line(`  administer  junctor status --state ${state}`);
  line("");
  line(style("dim", "  // paste into a file.mjs beside `npm install @junctor/client`, or see the web page"));
  line(`  import { connect } from "@junctor/client";`);
  line(`  const session = await connect({ url: "${url}", realm: ${JSON.stringify(realm)} });`);
  line(`  await session.subscribe("demo.clock", ({ args }) => console.log(...args));`);
  line(`  console.log((await session.call("demo.add", [2, 3])).value);`);
  line("");
  await untilSignal();
  await server.close();
}

const OTHER_PLACES = "for example: junctor dev --port 8090 --raw-port 8091 --unix /tmp/junctor.sock";
