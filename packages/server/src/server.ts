/**
 * The composition root: configuration in, running router out.
 *
 *     configuration → realms with their roles and stores → router → services, web services, administration → listeners, each
 *     with its transports → the log
 */
import { resolve } from "node:path";
import type { RouterLimits } from "@junctor/router";
import { type Authorizer, type RealmConfig, Router } from "@junctor/router";
import { type ConnectionLimits, type Listener, listen, NodeClock, nodeSerializers } from "@junctor/transport-node";
import { Admin, type AdminOptions } from "./admin/admin.ts";
import { Alarms } from "./admin/alarms.ts";
import { ProcedureAuthorizer } from "./auth/authorizer.ts";
import { CookieJar, cookieExchange } from "./auth/cookie.ts";
import { Decoy } from "./auth/decoy.ts";
import { FileWatch } from "./auth/file-watch.ts";
import { type AuthEnvironment, authenticatorOf } from "./auth/from-config.ts";
import { loginRecord } from "./auth/login-record.ts";
import { Askers } from "./auth/procedure.ts";
import { roleConfig } from "./auth/role-config.ts";
import { endRevoked, logOut } from "./auth/session-proof.ts";
import { Throttle } from "./auth/throttle.ts";
import type { TrustResolver } from "./auth/trust.ts";
import type { AdminConfig } from "./config/admin-schema.ts";
import { callConfig } from "./config/calls-schema.ts";
import { eventsConfig } from "./config/events-schema.ts";
import type { Config, ListenerConfig, RealmFileConfig } from "./config/schema.ts";
import { internalError, type LogEvent } from "./log.ts";
import { ServiceManager } from "./service/service-manager.ts";
import { type ComponentService, Services } from "./service/services.ts";
import type { DiskEventStore } from "./store/disk-event-store.ts";
import { tlsOptions } from "./tls.ts";
import { UserError } from "./user-error.ts";
import { VERSION } from "./version.ts";
import type { WebService } from "./web/web-service.ts";
import { WebServices } from "./web/web-services.ts";

export interface ServerOptions {
  /** With web services of its own, by path, beside those of `web`. */
  readonly listen: readonly (ListenerConfig & { readonly services?: Readonly<Record<string, WebService>> })[];
  readonly realms: Config["realms"];
  readonly web?: Config["web"];
  readonly services?: Config["services"];
  /** Services of the program that starts the server, by their names. They run in its own process. */
  readonly components?: Readonly<Record<string, ComponentService>>;
  readonly admin?: AdminConfig;
  /** Directory for what has to survive a restart. Default: none; with it no control socket, and no log-ins of browsers. */
  readonly state?: string;
  /** The configuration's file, for people. */
  readonly file?: string;
  readonly limits: { readonly router: RouterLimits; readonly connection: ConnectionLimits };
  readonly log: (event: LogEvent) => void;
  /** Knows more roots of trust than the configuration: for cryptosign methods without `trustRoots`. */
  readonly trust?: TrustResolver;
}

export interface RunningServer {
  readonly router: Router;
  readonly listeners: readonly Listener[];
  readonly admin: Admin;
  readonly services: ServiceManager;
  readonly alarms: Alarms;
  /** Reads users files that have changed at once; otherwise within half a second. */
  reload(): void;
  /** Sessions end with GOODBYE, listeners close, and what is left after the grace period is cut. */
  close(): Promise<void>;
}

/** @throws {ListenError | UserError} nothing is left running then */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { limits } = options;
  const alarms = new Alarms(options.log);
  const log = (event: LogEvent) => {
    options.log(event);
    alarms.noticed(event);
  };
  const clock = new NodeClock();
  const router = new Router({
    clock,
    randomFill: (bytes) => crypto.getRandomValues(bytes),
    log,
    limits: limits.router,
    agent: `Junctor/${VERSION}`,
  });
  clock.wake = () => router.wake();
  const watches: FileWatch[] = [];
  const auth = authEnvironment(clock, router, watches, options);
  const reload = () => {
    for (const watch of watches) watch.check();
  };
  const watching = setInterval(reload, LOOK_AGAIN_MS);
  watching.unref();

  const web = new WebServices(router, limits.connection, log);
  const stores: DiskEventStore[] = [];
  const listeners: Listener[] = [];
  let control: Listener | undefined;
  let admin: Admin | undefined;
  const serviceManager = new ServiceManager({
    router,
    log,
    stateDirectory: resolve(options.state ?? ".junctor"),
    listen: (path, mode) => openListener(serviceDoor(path, mode), router, limits.connection, log, undefined, undefined),
    webSocketUrl: () => webSocketUrl(options.listen, listeners),
  });
  const services = new Services(serviceManager);
  const close = async () => {
    clearInterval(watching);
    admin?.close();
    await serviceManager.close();
    router.close();
    await Promise.all([...listeners, ...(control ? [control] : [])].map((listener) => listener.close(limits.router.goodbyeTimeoutMs)));
    await Promise.all([web.close(), ...stores.map((store) => store.close())]);
    auth.cookies.close();
  };
  try {
    for (const [name, realm] of Object.entries(options.realms)) {
      const store = await openStore(realm.events, log);
      if (store !== undefined) stores.push(store);
      const config = realmConfig(name, realm, auth);
      const authenticate = serviceManager.authenticator(name, config.authenticate);
      router.addRealm({ ...config, authenticate, events: eventsConfig(realm.events, store), calls: callConfig(realm.calls) });
    }
    (await web.prepare(options.web ?? {})).commit();
    const view = viewOf(options, listeners);
    admin = new Admin({ router, config: options.admin, auth, state: options.state, limits: limits.connection, log, alarms, view });
    control = await admin.open();
    const startServices = await services.prepare(options.services ?? {});
    const maxAgeMs = Math.max(...Object.values(options.realms).map(rememberedMs));
    for (const listener of options.listen) {
      const { cookie, tls } = listener;
      const exchange =
        cookie &&
        cookieExchange(auth.cookies, { ...cookie, isTracking: cookie.tracking, isSecure: cookie.secure ?? tls !== undefined, maxAgeMs });
      listeners.push(await openListener(listener, router, limits.connection, log, exchange, web));
    }
    services.add(options.components ?? {});
    startServices();
  } catch (error) {
    await close();
    throw error;
  }
  return { router, listeners, services: serviceManager, admin, alarms, reload, close };
}

/** What `junctor status` tells. */
function viewOf({ listen, file }: ServerOptions, listeners: readonly Listener[]): AdminOptions["view"] {
  const loadedAt = Date.now();
  return {
    version: VERSION,
    listeners: () =>
      listeners.map(({ address, connections }, i) => {
        const { type = "?", tls } = listen[i] ?? {};
        return { type, address, tls: tls !== undefined, connections: connections.size };
      }),
    certificates: () => listen.flatMap(({ tls }) => (tls === undefined ? [] : [tls.cert])),
    isDraining: () => false,
    config: () => (file === undefined ? undefined : { file, loadedAt }),
  };
}

/** Failed attempts are slowed down over all realms together: a guesser gains nothing by trying several. */
function authEnvironment(clock: NodeClock, router: Router, watches: FileWatch[], { log, state, trust }: ServerOptions): AuthEnvironment {
  const now = () => clock.now();
  const wallClock = () => new Date();
  const waits = { firstWaitMs: 500, longestWaitMs: 60_000, keys: 10_000 };
  return {
    decoy: new Decoy(),
    askers: new Askers(router),
    trust,
    now,
    byPrincipal: new Throttle({ allowance: 5, ...waits }, now),
    byAddress: new Throttle({ allowance: 50, ...waits }, now),
    wallClock,
    cookies: new CookieJar({ now, wallClock, record: state === undefined ? undefined : loginRecord(state, wallClock, log) }),
    watch: (file, realm, reload) => {
      const changed = () => {
        try {
          const users = reload();
          log({ event: "users.reloaded", realm, file, users, ended: endRevoked(router) });
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          log({ event: "users.rejected", realm, file, message: error.message }); // [G13]
        }
      };
      watches.push(new FileWatch(file, changed));
    },
    failed: (method, error) => log({ event: "auth.error", method, message: error instanceof Error ? error.message : String(error) }),
  };
}

function realmConfig(realmName: string, realm: RealmFileConfig, auth: AuthEnvironment): RealmConfig {
  const roles = Object.entries(realm.roles).map(([name, role]) => ({
    ...roleConfig(realmName, name, role),
    ...(role.authorizer !== undefined && {
      authorize: procedureAuthorizer(role.authorizer, role.authorizerRealm ?? realmName, role.authorizerCache, auth),
    }),
  }));
  return {
    name: realmName,
    roles,
    authenticate: authenticatorOf(realmName, realm, auth),
    loggedOut: (session) => logOut(session, auth.cookies),
    uriRule: realm.uri,
    requestIds: realm.requestIds,
  };
}

/** How long a realm keeps browsers logged in; 0 where it does not. */
function rememberedMs({ auth }: RealmFileConfig): number {
  return Math.max(0, ...auth.map((config) => (config.method === "cookie" ? config.maxAge : 0)));
}

/** A changed users file takes effect within a second (T31). */
const LOOK_AGAIN_MS = 500;

async function openStore({ store }: RealmFileConfig["events"], log: (event: LogEvent) => void): Promise<DiskEventStore | undefined> {
  if (store === undefined) return undefined;
  const { openDiskStore } = await import("./store/open-disk-store.ts");
  return openDiskStore(store.path, { queueBytes: store.queueSize, log });
}

function procedureAuthorizer(procedure: string, realm: string, cacheMs: number, { askers, now, failed }: AuthEnvironment): Authorizer {
  return new ProcedureAuthorizer({ ask: askers.in(realm), procedure, cacheMs, now, failed: (error) => failed(procedure, error) }).authorize;
}

function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** By which services reach the router, whatever its listeners are. Everything is spoken there. */
function serviceDoor(path: string, mode: number): ListenerConfig {
  return {
    type: "universal",
    host: "",
    path,
    mode,
    ws: "*",
    deflate: false,
    origins: ["same-host"],
    trustedProxies: [],
    proxyProtocol: false,
    web: false,
  };
}

/** Where clients on this machine that know no UNIX sockets reach the router. */
function webSocketUrl(configs: ServerOptions["listen"], listeners: readonly Listener[]): string | undefined {
  const i = configs.findIndex(({ type, tls, path }) => type !== "rawsocket" && tls === undefined && path === undefined);
  const config = configs[i];
  const listener = listeners[i];
  if (config === undefined || listener === undefined) return undefined;
  const host = ANYWHERE.has(config.host) ? "127.0.0.1" : config.host.includes(":") ? `[${config.host}]` : config.host;
  return `ws://${host}:${listener.port}${config.ws === "*" ? "/" : config.ws}`;
}

const ANYWHERE: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

async function openListener(
  config: ServerOptions["listen"][number],
  router: Router,
  limits: ConnectionLimits,
  log: (event: LogEvent) => void,
  cookie: ReturnType<typeof cookieExchange> | undefined,
  web: WebServices | undefined,
): Promise<Listener> {
  const { type, host, port, path, mode, ws, tls, serializers, deflate, origins, hosts, trustedProxies, proxyProtocol } = config;
  const routes = await web?.routesFor(config);
  return listen({
    kind: type,
    host,
    origins,
    trustedProxies,
    proxyProtocol,
    ...defined({ port, path, mode, hosts, cookie }),
    ...(routes !== undefined &&
      routes.size > 0 && {
        onRequest: (request, response, origin) => routes.handle(request, response, origin),
        onUpgrade: (request, socket, head, origin) => routes.upgrade(request, socket, head, origin),
      }),
    webSocketPath: ws,
    ...(tls && { tls: tlsOptions(tls) }),
    serializers:
      serializers === undefined ? nodeSerializers : nodeSerializers.filter(({ name }) => serializers.some((wanted) => wanted === name)),
    deflate,
    limits,
    accept: (connection, info) => router.attach(connection, info),
    failed: (error) => log(internalError("message", error)),
    log,
  });
}
