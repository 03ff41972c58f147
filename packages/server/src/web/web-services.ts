/** The web services of a server, and which of them each listener serves. */
import type { Router } from "@junctor/router";
import type { ConnectionLimits } from "@junctor/transport-node";
import { staticOptions, type WebConfig, type WebEntry } from "../config/web-schema.ts";
import type { LogEvent } from "../log.ts";
import { NOTHING, type Prepared } from "../reload/part.ts";
import { makeService } from "./kinds.ts";
import { type WebRoute, WebRoutes } from "./web-routes.ts";
import type { WebService } from "./web-service.ts";

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
  readonly #router: Router;
  readonly #limits: ConnectionLimits;
  readonly #log: (event: LogEvent) => void;
  #entries: ReadonlyMap<string, OpenEntry> = new Map();

  constructor(router: Router, limits: ConnectionLimits, log: (event: LogEvent) => void) {
    this.#router = router;
    this.#limits = limits;
    this.#log = log;
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
        entries.set(path, { written, route: { path, service, headers: entry.headers } });
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
    if (directory !== undefined)
      routes.set("/", { path: "/", service: await this.#make("/", { static: staticOptions.parse(directory), headers: {} }) });
    for (const [path, service] of Object.entries(services)) routes.set(path, { path, service });
    return new WebRoutes(routes.values());
  }

  async close(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ route }) => route.service.close?.()));
  }

  #make(path: string, entry: WebEntry): Promise<WebService> {
    return makeService(entry, { path, router: this.#router, limits: this.#limits, log: this.#log });
  }
}
