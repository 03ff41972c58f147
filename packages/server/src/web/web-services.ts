/** The web services of a server, and which of them each listener serves. */
import { type SecurityOptions, type WebConfig, type WebEntry, webEntrySchema } from "../config/web-schema.ts";
import { NOTHING, type Prepared } from "../reload/part.ts";
import { Cors } from "./cors.ts";
import { makeService } from "./kinds.ts";
import { RequestBodies } from "./request-bodies.ts";
import { type WebRoute, WebRoutes } from "./web-routes.ts";
import type { WebEnvironment, WebService } from "./web-service.ts";

interface OpenEntry {
  /** As the configuration has it: an entry that stays the same keeps its service. */
  readonly written: string;
  readonly route: WebRoute;
}

/** What a listener serves: see `listen[].web` and `listen[].static`. */
export interface ListenerWeb {
  readonly web: boolean | readonly string[];
  readonly static?: string | undefined;
  /** Ready-made services, which go before those of the configuration. */
  readonly services?: Readonly<Record<string, WebService>> | undefined;
}

export interface PreparedWeb extends Prepared {
  /** @throws {UserError} the directory of `static` cannot be read */
  routesFor(listener: ListenerWeb): Promise<WebRoutes>;
}

export class WebServices {
  readonly #environment: Omit<WebEnvironment, "path">;
  readonly #bodies = new RequestBodies();
  #entries: ReadonlyMap<string, OpenEntry> = new Map();

  constructor(environment: Omit<WebEnvironment, "path">) {
    this.#environment = environment;
  }

  /**
   * Makes the services of a configuration; those that it has already go on.
   *
   * @returns what puts them in place: it cannot fail, and ends those that have gone; and what each listener then serves
   * @throws {UserError} one cannot be made; all is as before
   */
  async prepare(config: WebConfig): Promise<PreparedWeb> {
    const before = this.#entries;
    const entries = new Map<string, OpenEntry>();
    const fresh: WebService[] = [];
    const discard = () => {
      for (const service of fresh) void service.close?.();
    };
    try {
      for (const [path, entry] of Object.entries(config)) {
        const written = JSON.stringify(entry);
        const kept = before.get(path);
        if (kept?.written === written) {
          entries.set(path, kept);
          continue;
        }
        const service = await this.#make(path, entry);
        fresh.push(service);
        entries.set(path, { written, route: routeOf(path, service, entry) });
      }
    } catch (error) {
      discard();
      throw error;
    }
    const commit = () => {
      this.#entries = entries;
      for (const [path, entry] of before) if (entries.get(path) !== entry) void entry.route.service.close?.();
    };
    return { ...NOTHING, commit, discard, routesFor: (listener) => this.#routesFor(listener, entries) };
  }

  async #routesFor({ web, static: directory, services = {} }: ListenerWeb, entries: ReadonlyMap<string, OpenEntry>): Promise<WebRoutes> {
    const routes = new Map<string, WebRoute>();
    for (const [path, { route }] of entries) if (web === true || (web !== false && web.includes(path))) routes.set(path, route);
    if (directory !== undefined) {
      const entry = webEntrySchema.parse({ static: directory });
      routes.set("/", routeOf("/", await this.#make("/", entry), entry));
    }
    for (const [path, service] of Object.entries(services)) routes.set(path, routeOf(path, service, webEntrySchema.parse(PLAIN)));
    return new WebRoutes(routes.values(), { bodies: this.#bodies, log: this.#environment.log });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ route }) => route.service.close?.()));
  }

  #make(path: string, entry: WebEntry): Promise<WebService> {
    return makeService(entry, { ...this.#environment, path });
  }
}

function routeOf(path: string, service: WebService, { headers, security, cors, bodySize, accessLog }: WebEntry): WebRoute {
  return {
    path,
    service,
    headers: [...securityHeaders(security), ...Object.entries(headers)].flat(),
    hsts: security?.hsts === undefined ? undefined : `max-age=${Math.floor(security.hsts / 1_000)}`,
    cors: cors && new Cors(cors),
    bodySize,
    isLogged: accessLog,
  };
}

function securityHeaders(security: SecurityOptions | undefined): [string, string][] {
  if (security === undefined) return [];
  const { frames, csp, referrerPolicy } = security;
  return [
    ["X-Content-Type-Options", "nosniff"],
    ["Referrer-Policy", referrerPolicy],
    ...(frames === "allow" ? [] : [["X-Frame-Options", frames === "deny" ? "DENY" : "SAMEORIGIN"] as [string, string]]),
    ...(csp === undefined ? [] : [["Content-Security-Policy", csp] as [string, string]]),
  ];
}

/** What ready-made services are served as: they bring headers of their own. */
const PLAIN = { info: true, security: false };
