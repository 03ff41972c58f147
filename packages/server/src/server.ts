/**
 * The composition root: configuration in, running router out.
 *
 *     configuration → realms with their roles and stores → router → administration, web services → listeners, each with its
 *     transports → services → the log
 *
 * Another configuration takes the same way: each part makes ready for it, and all put it into force, or none (`reload/part.ts`).
 */
import type { DrainStatus, ReloadReport, ReloadStatus } from "@junctor/admin-api";
import { Router, type RouterLimits } from "@junctor/router";
import { type ConnectionLimits, type Listener, listen, NodeClock } from "@junctor/transport-node";
import { Admin, type AdminOptions } from "./admin/admin.ts";
import { Alarms } from "./admin/alarms.ts";
import { ClosedSessions } from "./admin/closed-sessions.ts";
import { provideOperations } from "./admin/operations.ts";
import { CookieJar } from "./auth/cookie.ts";
import { Decoy } from "./auth/decoy.ts";
import type { FileWatch } from "./auth/file-watch.ts";
import type { AuthEnvironment } from "./auth/from-config.ts";
import { loginRecord } from "./auth/login-record.ts";
import { Askers } from "./auth/procedure.ts";
import { Throttle } from "./auth/throttle.ts";
import type { TrustResolver } from "./auth/trust.ts";
import { usersWatch } from "./auth/users-watch.ts";
import type { Config } from "./config/schema.ts";
import { Drain } from "./drain.ts";
import { Listeners, type Listening } from "./listeners.ts";
import { internalError, type LogEvent } from "./log.ts";
import type { LogLevels } from "./log-levels.ts";
import { Realms, rememberedMs } from "./realms.ts";
import { difference, withoutRestart } from "./reload/difference.ts";
import { NOTHING, type Prepared, prepareAll, Toll } from "./reload/part.ts";
import type { Reloader } from "./reload/reloader.ts";
import { provideServices } from "./service/administration.ts";
import { ServiceManager } from "./service/service-manager.ts";
import { type ComponentService, Services } from "./service/services.ts";
import { VERSION } from "./version.ts";
import { WebServices } from "./web/web-services.ts";

/** What of a configuration a server takes. A section that no part of the server can take while it runs waits for a restart. */
export interface ServerConfig extends Partial<Omit<Config, "listen" | "realms" | "limits" | "log">> {
  readonly listen: readonly Listening[];
  readonly realms: Config["realms"];
  readonly limits: { readonly router: RouterLimits; readonly connection: ConnectionLimits };
  readonly logging?: Config["log"];
}

export interface ServerOptions extends ServerConfig {
  readonly log: (event: LogEvent) => void;
  /** What `log` writes to, where its levels can be changed while the server runs. */
  readonly levels?: LogLevels;
  /** The configuration's file, for people. */
  readonly file?: string;
  /** Services of the program that starts the server, by their names. They run in its own process. */
  readonly components?: Readonly<Record<string, ComponentService>>;
  /** Knows more roots of trust than the configuration: for cryptosign methods without `trustRoots`. */
  readonly trust?: TrustResolver;
  /** What writes the log: its level is the configuration's. */
  readonly logger?: { level: string };
}

export interface RunningServer {
  readonly router: Router;
  readonly listeners: readonly Listener[];
  readonly admin: Admin;
  readonly services: ServiceManager;
  readonly alarms: Alarms;
  /**
   * Takes another configuration, all of it or nothing. What cannot be another thing while the server runs stays as it is, and is
   * told. One after another, in the order of the calls.
   *
   * @param isDryRun tells what would become of it, and changes nothing
   * @throws {ListenError | UserError} it cannot be, and nothing has changed
   */
  apply(config: ServerConfig, isDryRun?: boolean): Promise<ReloadReport>;
  /**
   * Empties the server over a while; what that is, see `drain.ts`. Called again, it goes on with another window.
   */
  drain(overMs: number): DrainStatus;
  /** @returns false: it is over, or had not begun */
  undrain(): boolean;
  readonly drainStatus: DrainStatus;
  /** What `junctor reload` asks, where there is a file to read. */
  reloader: Pick<Reloader, "reload"> | undefined;
  /** For `junctor status`. */
  lastReload: ReloadStatus | undefined;
  /** Resolved once a drain is over. */
  readonly drained: Promise<void>;
  /** Reads users files and certificates that have changed at once; otherwise within half a second. */
  checkFiles(): void;
  /** Sessions end with GOODBYE, listeners close, and what is left after the grace period is cut. */
  close(): Promise<void>;
}

/** @throws {ListenError | UserError} nothing is left running then */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { log, levels, logger, trust, file, components = {}, ...config } = options;
  const server = new Server(config, { log, levels, logger, trust, file });
  try {
    await server.start(components);
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

/** What no configuration says. */
interface Surroundings {
  readonly log: (event: LogEvent) => void;
  readonly levels: LogLevels | undefined;
  readonly logger: { level: string } | undefined;
  readonly trust: TrustResolver | undefined;
  readonly file: string | undefined;
}

class Server implements RunningServer {
  readonly router: Router;
  readonly admin: Admin;
  readonly services: ServiceManager;
  readonly alarms: Alarms;
  readonly #cookies: CookieJar;
  readonly #services: Services;
  readonly #web: WebServices;
  readonly #realms: Realms;
  readonly #listeners: Listeners;
  readonly #drain: Drain;
  readonly drained: Promise<void>;
  reloader: Pick<Reloader, "reload"> | undefined = undefined;
  lastReload: ReloadStatus | undefined = undefined;
  readonly #logger: { level: string } | undefined;
  /** Users files of what is no realm of the configuration. */
  readonly #watches: FileWatch[] = [];
  readonly #watching: NodeJS.Timeout;
  /** In force. */
  #config: ServerConfig;
  #loadedAt = Date.now();
  #control: Listener | undefined = undefined;
  /** The last change of it. */
  #applying: Promise<unknown> = Promise.resolve();

  constructor(config: ServerConfig, { log: tell, levels, logger, trust, file }: Surroundings) {
    this.#config = config;
    this.#logger = logger;
    this.alarms = new Alarms(tell);
    const log = (event: LogEvent) => {
      tell(event);
      this.alarms.noticed(event);
      for (const observer of observers) observer(event);
    };
    const observers = new Set<(event: LogEvent) => void>();
    const observe = (observer: (event: LogEvent) => void) => {
      observers.add(observer);
      return () => void observers.delete(observer);
    };
    const closed = new ClosedSessions();
    const clock = new NodeClock();
    this.router = new Router({
      clock,
      randomFill: (bytes) => crypto.getRandomValues(bytes),
      log,
      left: (session, reason) => closed.add(session, reason),
      limits: config.limits.router,
      agent: `Junctor/${VERSION}`,
    });
    clock.wake = () => this.router.wake();
    const auth = authEnvironment(clock, this.router, this.#watches, { log, trust, state: config.state });
    this.#cookies = auth.cookies;
    let drained = () => {};
    this.drained = new Promise((resolve) => {
      drained = resolve;
    });
    const timers = { set: (task: () => void, ms: number) => setTimeout(task, ms), clear: (timer: NodeJS.Timeout) => clearTimeout(timer) };
    this.#drain = new Drain({ router: this.router, now: () => clock.now(), timers, log, drained: () => drained() });
    this.services = new ServiceManager({
      router: this.router,
      log,
      stateDirectory: config.state,
      listen: (path, mode) => this.#openDoor(path, mode, log),
      webSocketUrl: () => this.#listeners.webSocketUrl,
    });
    this.#services = new Services(this.services);
    const condition = () => ({ isDraining: this.drainStatus.isDraining, alarms: this.alarms.active });
    this.#web = new WebServices({
      router: this.router,
      services: this.services,
      limits: config.limits.connection,
      condition,
      observe,
      log,
    });
    this.#realms = new Realms(this.router, auth, log, (realm, methods) => this.services.authenticator(realm, methods));
    this.#listeners = new Listeners(this.router, auth.cookies, log);
    const { admin, state, limits } = config;
    this.admin = new Admin({
      router: this.router,
      config: admin,
      auth,
      state,
      limits: limits.connection,
      log,
      alarms: this.alarms,
      closed,
      levels,
      view: this.#view(file),
    });
    provideServices(this.admin.api, this.services);
    provideOperations(this);
    this.#watching = setInterval(() => this.checkFiles(), LOOK_AGAIN_MS);
    this.#watching.unref();
  }

  get listeners(): readonly Listener[] {
    return this.#listeners.all;
  }

  /** @throws {ListenError | UserError} */
  async start(components: Readonly<Record<string, ComponentService>>): Promise<void> {
    this.#control = await this.admin.open();
    const prepared = await this.#prepare(this.#config);
    prepared.commit(new Toll());
    this.#services.add(components);
  }

  apply(wanted: ServerConfig, isDryRun = false): Promise<ReloadReport> {
    const applied = this.#applying.then(() => this.#apply(wanted, isDryRun));
    this.#applying = applied.catch(() => {});
    return applied;
  }

  async #apply(wanted: ServerConfig, isDryRun: boolean): Promise<ReloadReport> {
    const before = this.#config;
    const { config, needsRestart } = withoutRestart(before, wanted);
    const prepared = await this.#prepare(config);
    const toll = new Toll();
    if (isDryRun) {
      prepared.foresee(toll);
      await prepared.discard();
    } else {
      prepared.commit(toll);
      this.#config = config;
      this.#loadedAt = Date.now();
    }
    const { sessions, subscriptions, registrations } = toll;
    return { applied: difference(before, config), needsRestart, closedSessions: sessions, revoked: { subscriptions, registrations } };
  }

  /** Makes all parts ready, those first that the later ones need. */
  async #prepare(config: ServerConfig): Promise<Prepared> {
    const { realms, listen, limits, services = {} } = config;
    const web = await this.#web.prepare(config.web ?? {});
    const forListeners = {
      listen,
      limits: limits.connection,
      goodbyeTimeoutMs: limits.router.goodbyeTimeoutMs,
      rememberedMs: Math.max(0, ...Object.values(realms).map(rememberedMs)),
      web: config.web,
      routesFor: web.routesFor,
    };
    return prepareAll([
      () => web,
      () => this.#settings(config),
      () => this.#realms.prepare(realms),
      () => this.#listeners.prepare(forListeners),
      async () => ({ ...NOTHING, commit: await this.#services.prepare(services) }),
    ]);
  }

  /** What is only a value somewhere. */
  #settings({ limits, logging }: ServerConfig): Prepared {
    const commit = () => {
      this.router.setLimits(limits.router);
      if (this.#logger !== undefined && logging !== undefined) this.#logger.level = logging.level;
    };
    return { ...NOTHING, commit };
  }

  drain(overMs: number): DrainStatus {
    this.#drain.begin(overMs);
    return this.#drain.status;
  }

  undrain(): boolean {
    return this.#drain.undo();
  }

  get drainStatus(): DrainStatus {
    return this.#drain.status;
  }

  checkFiles(): void {
    for (const watch of this.#watches) watch.check();
    this.#realms.check();
    this.#listeners.check();
  }

  async close(): Promise<void> {
    clearInterval(this.#watching);
    this.#drain.undo();
    await this.#applying;
    this.admin.close();
    await this.services.close();
    this.router.close();
    await this.#web.close(); // while its connections are there
    const { goodbyeTimeoutMs } = this.#config.limits.router;
    await Promise.all([this.#listeners.close(goodbyeTimeoutMs), this.#control?.close(goodbyeTimeoutMs)]);
    await this.#realms.close();
    this.#cookies.close();
  }

  /** Opens a UNIX socket by which services reach the router, whatever its listeners are. Everything is spoken there. */
  #openDoor(path: string, mode: number, log: (event: LogEvent) => void): Promise<Listener> {
    const { connection: limits } = this.#config.limits;
    const accept = (connection: Parameters<Router["attach"]>[0], info: Parameters<Router["attach"]>[1]) =>
      this.router.attach(connection, info);
    return listen({
      kind: "universal",
      path,
      mode,
      webSocketPath: "*",
      origins: ["same-host"],
      limits,
      accept,
      failed: (error) => log(internalError("message", error)),
      log,
    });
  }

  /** What `junctor status` tells. */
  #view(file: string | undefined): AdminOptions["view"] {
    return {
      version: VERSION,
      listeners: () =>
        this.#listeners.entries.map(({ listener: { address, connections }, config: { type, tls } }) => ({
          type,
          address,
          tls: tls !== undefined,
          connections: connections.size,
        })),
      certificates: () =>
        this.#listeners.entries.flatMap(({ config: { tls } }) => (tls === undefined ? [] : [tls, ...tls.also].map(({ cert }) => cert))),
      isDraining: () => this.#drain.status.isDraining,
      config: () => {
        const { lastReload } = this;
        return file === undefined ? undefined : { file, loadedAt: this.#loadedAt, ...(lastReload !== undefined && { lastReload }) };
      },
    };
  }
}

/** Failed attempts are slowed down over all realms together: a guesser gains nothing by trying several. */
function authEnvironment(
  clock: NodeClock,
  router: Router,
  watches: FileWatch[],
  { log, state, trust }: Pick<Surroundings, "log" | "trust"> & { readonly state: string | undefined },
): AuthEnvironment {
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
    watch: (file, realm, reload) => void watches.push(usersWatch(router, log, file, realm, reload)),
    failed: (method, error) => log({ event: "auth.error", method, message: error instanceof Error ? error.message : String(error) }),
  };
}

/** A changed users file takes effect within a second (T31). */
const LOOK_AGAIN_MS = 500;
