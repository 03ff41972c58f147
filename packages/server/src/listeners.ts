/**
 * The listeners of a server across its configurations. One is known by its place, the port or path; all else of it can be
 * another thing while it listens. Certificates are read again when their files change.
 */
import { isDeepStrictEqual } from "node:util";
import type { Router } from "@junctor/router";
import { type ConnectionLimits, Listener, type ListenOptions, nodeSerializers } from "@junctor/transport-node";
import { type CookieJar, cookieExchange } from "./auth/cookie.ts";
import { FileWatch } from "./auth/file-watch.ts";
import type { Config, ListenerConfig } from "./config/schema.ts";
import { internalError, type LogEvent } from "./log.ts";
import { type Part, type Prepared, prepareAll } from "./reload/part.ts";
import { tlsOptions } from "./tls.ts";
import { UserError } from "./user-error.ts";
import type { WebService } from "./web/web-service.ts";
import type { PreparedWeb } from "./web/web-services.ts";

/** With web services of its own, by path, beside those of the configuration. */
export type Listening = ListenerConfig & { readonly services?: Readonly<Record<string, WebService>> };

export interface ListenersConfig {
  readonly listen: readonly Listening[];
  /** The web services, as the configuration has them, and those that are made of them. */
  readonly web: Config["web"] | undefined;
  readonly routesFor: PreparedWeb["routesFor"];
  readonly limits: ConnectionLimits;
  readonly goodbyeTimeoutMs: number;
  /** How long browsers stay logged in. */
  readonly rememberedMs: number;
}

/** What GOODBYE says to the sessions of a listener that is gone. */
export const LISTENER_REMOVED = "junctor.close.listener_removed";

interface OpenListener {
  readonly listener: Listener;
  /** As the file has it, and what was made of that. */
  written: ListenersConfig;
  config: Listening;
  options: ListenOptions;
  certificates: readonly FileWatch[];
}

export class Listeners implements Part<ListenersConfig> {
  readonly #router: Router;
  readonly #cookies: CookieJar;
  readonly #log: (event: LogEvent) => void;
  /** By place, in the order of the configuration. */
  #open: ReadonlyMap<string, OpenListener> = new Map();
  readonly #closing = new Set<Promise<void>>();

  constructor(router: Router, cookies: CookieJar, log: (event: LogEvent) => void) {
    this.#router = router;
    this.#cookies = cookies;
    this.#log = log;
  }

  /** In the order of the configuration. */
  get entries(): readonly { readonly listener: Listener; readonly config: Listening }[] {
    return [...this.#open.values()];
  }

  get all(): readonly Listener[] {
    return this.entries.map(({ listener }) => listener);
  }

  /** @throws {ListenError | UserError} a port is taken; a certificate cannot be used */
  async prepare(written: ListenersConfig): Promise<Prepared> {
    const wanted = byPlace(written.listen);
    const gone = [...this.#open].filter(([place]) => !wanted.has(place));
    const next = new Map<string, OpenListener>();
    const prepared = await prepareAll([
      ...[...wanted].map(([place, config]) => async () => {
        const open = this.#open.get(place);
        if (open !== undefined) {
          next.set(place, open);
          return this.#change(open, config, written);
        }
        for (const [, other] of gone) refuseOverlap(other.config, config, place);
        return this.#add(config, written, (added) => next.set(place, added));
      }),
    ]);
    const removals = gone.map(([, open]) => this.#remove(open, written));
    return {
      foresee: (toll) => {
        prepared.foresee(toll);
        for (const removal of removals) removal.foresee(toll);
      },
      commit: (toll) => {
        prepared.commit(toll);
        this.#open = next;
        for (const removal of removals) removal.commit(toll);
      },
      discard: () => prepared.discard(),
    };
  }

  /** Where clients on this machine that know no UNIX sockets reach the router. */
  get webSocketUrl(): string | undefined {
    const open = this.entries.find(({ config: { type, tls, path } }) => type !== "rawsocket" && tls === undefined && path === undefined);
    if (open === undefined) return undefined;
    const { listener, config } = open;
    const host = EVERYWHERE.has(config.host) ? "127.0.0.1" : config.host.includes(":") ? `[${config.host}]` : config.host;
    return `ws://${host}:${listener.port}${config.ws === "*" ? "/" : config.ws}`;
  }

  /** Reads certificates that have changed. */
  check(): void {
    for (const open of this.#open.values()) this.#checkCertificate(open);
  }

  async close(goodbyeTimeoutMs: number): Promise<void> {
    await Promise.all([...this.#closing, ...this.all.map((listener) => listener.close(goodbyeTimeoutMs))]);
  }

  async #add(config: Listening, written: ListenersConfig, added: (open: OpenListener) => void): Promise<Prepared> {
    const certificates = certificateWatches(config.tls);
    const options = await this.#optionsOf(config, written, config.tls && tlsOptions(config.tls));
    const listener = new Listener(options);
    await listener.open();
    added({ listener, written, config, options, certificates });
    return {
      foresee: () => {},
      commit: () => {
        listener.start();
        this.#log({ event: "listener.up", type: config.type, address: listener.address, tls: config.tls !== undefined });
      },
      discard: () => listener.close(0),
    };
  }

  async #change(open: OpenListener, config: Listening, written: ListenersConfig): Promise<Prepared> {
    const hasSameTls = isDeepStrictEqual(config.tls, open.config.tls) && !open.certificates.some((watch) => watch.hasChanged);
    const certificates = hasSameTls ? open.certificates : certificateWatches(config.tls);
    const tls = hasSameTls ? open.options.tls : config.tls && tlsOptions(config.tls);
    const isSame =
      hasSameTls &&
      isDeepStrictEqual(config, open.config) &&
      isDeepStrictEqual(written.limits, open.written.limits) &&
      isDeepStrictEqual(written.web, open.written.web) &&
      written.rememberedMs === open.written.rememberedMs;
    const options = isSame ? open.options : await this.#optionsOf(config, written, tls);
    const reconfigure = isSame ? () => {} : open.listener.prepare(options);
    return {
      foresee: () => {},
      commit: () => {
        reconfigure();
        Object.assign(open, { written, config, options, certificates });
      },
      discard: () => {},
    };
  }

  #remove({ listener }: OpenListener, { goodbyeTimeoutMs }: ListenersConfig): Pick<Prepared, "foresee" | "commit"> {
    const foresee: Prepared["foresee"] = (toll) =>
      toll.ended(LISTENER_REMOVED, [...listener.connections].filter(({ hasJoined }) => hasJoined).length);
    return {
      foresee,
      commit: (toll) => {
        foresee(toll);
        const { address, connections } = listener;
        for (const { receiver } of connections)
          if (receiver !== undefined) this.#router.dismiss(receiver, LISTENER_REMOVED, `the router listens on ${address} no more`);
        const closing = listener.close(goodbyeTimeoutMs).finally(() => this.#closing.delete(closing));
        this.#closing.add(closing);
        this.#log({ event: "listener.down", address });
      },
    };
  }

  #checkCertificate(open: OpenListener): void {
    const { tls } = open.config;
    // All of them, so that each is looked at from its present state on.
    const changed = open.certificates.filter((watch) => watch.takeChange());
    if (tls === undefined || changed.length === 0) return;
    const where = { address: open.listener.address, cert: tls.cert };
    try {
      const options = { ...open.options, tls: tlsOptions(tls) };
      open.listener.prepare(options)();
      open.options = options;
      this.#log({ event: "cert.reloaded", ...where });
    } catch (error) {
      // Half written, or the other of the two is still to come: it is looked at again when a file changes.
      this.#log({ event: "cert.rejected", ...where, message: error instanceof Error ? error.message : String(error) });
    }
  }

  async #optionsOf(
    config: Listening,
    { limits, rememberedMs, routesFor }: ListenersConfig,
    tls: ListenOptions["tls"],
  ): Promise<ListenOptions> {
    const { type, host, port, path, mode, ws, cookie, serializers, deflate, origins, hosts, trustedProxies, proxyProtocol } = config;
    const exchange =
      cookie &&
      cookieExchange(this.#cookies, {
        ...cookie,
        isTracking: cookie.tracking,
        isSecure: cookie.secure ?? config.tls !== undefined,
        maxAgeMs: rememberedMs,
      });
    const routes = await routesFor(config);
    return {
      kind: type,
      host,
      origins,
      trustedProxies,
      proxyProtocol,
      ...defined({ port, path, mode, hosts, tls, cookie: exchange }),
      ...(routes.size > 0 && {
        onRequest: (request, response, origin) => routes.handle(request, response, origin),
        onUpgrade: (request, socket, head, origin) => routes.upgrade(request, socket, head, origin),
      }),
      webSocketPath: ws,
      serializers:
        serializers === undefined ? nodeSerializers : nodeSerializers.filter(({ name }) => serializers.some((wanted) => wanted === name)),
      deflate,
      limits,
      accept: (connection, info) => this.#router.attach(connection, info),
      failed: (error) => this.#log(internalError("message", error)),
      log: this.#log,
    };
  }
}

/** Listeners by where they listen; those that take any port, by their order. */
function byPlace(listen: readonly Listening[]): Map<string, Listening> {
  const places = new Map<string, Listening>();
  for (const config of listen) {
    const place = placeOf(config);
    let key = place;
    for (let n = 2; places.has(key); n++) key = `${place}#${n}`;
    places.set(key, config);
  }
  return places;
}

export function placeOf({ path, host, port }: Pick<ListenerConfig, "path" | "host" | "port">): string {
  return path ?? `${host}:${port}`;
}

/** A port cannot be taken before it is given up, and not be given up before it is sure that it can be taken. */
function refuseOverlap(gone: ListenerConfig, wanted: ListenerConfig, place: string): void {
  if (wanted.port === undefined || wanted.port === 0 || wanted.port !== gone.port) return;
  if (!EVERYWHERE.has(wanted.host) && !EVERYWHERE.has(gone.host)) return;
  throw new UserError(`cannot listen on ${place} while this server listens on ${placeOf(gone)}, which this configuration gives up`, {
    remedy: "take the old listener out first and reload, then put the new one in and reload again; or restart the server",
  });
}

const EVERYWHERE: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

function certificateWatches(tls: ListenerConfig["tls"]): readonly FileWatch[] {
  if (tls === undefined) return [];
  return [tls, ...tls.also]
    .flatMap(({ cert, key }) => [cert, key])
    .concat(tls.clientCa ?? [])
    .map((file) => new FileWatch(file));
}

function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
