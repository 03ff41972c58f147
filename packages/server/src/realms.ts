/** The realms of a server across its configurations: their roles, who may join them, and where their events are kept. */
import { isDeepStrictEqual } from "node:util";
import { Uri } from "@junctor/protocol";
import type { Authorizer, Realm, RealmConfig, RoleConfig, Router, Session } from "@junctor/router";
import { ProcedureAuthorizer } from "./auth/authorizer.ts";
import type { AuthEnvironment } from "./auth/from-config.ts";
import { type LoginSurroundings, RealmLogins } from "./auth/realm-logins.ts";
import { roleConfig } from "./auth/role-config.ts";
import { GONE, logOut } from "./auth/session-proof.ts";
import { usersWatch } from "./auth/users-watch.ts";
import { callConfig } from "./config/calls-schema.ts";
import { eventsConfig } from "./config/events-schema.ts";
import type { Config, RealmFileConfig } from "./config/schema.ts";
import type { LogEvent } from "./log.ts";
import { NOTHING, type Part, type Prepared, prepareAll } from "./reload/part.ts";
import type { DiskEventStore } from "./store/disk-event-store.ts";

interface OpenRealm {
  readonly realm: Realm;
  readonly logins: RealmLogins;
  readonly store: DiskEventStore | undefined;
  /** As the file has it, and what was made of that. */
  written: RealmFileConfig;
  config: RealmConfig;
}

export class Realms implements Part<Config["realms"]> {
  readonly #router: Router;
  readonly #auth: AuthEnvironment;
  readonly #log: (event: LogEvent) => void;
  readonly #logins: LoginSurroundings;
  readonly #open = new Map<string, OpenRealm>();
  /** Stores of realms that are gone. */
  readonly #closing = new Set<Promise<void>>();

  /** @param before lets those in who come by another way than the realm's methods */
  constructor(router: Router, auth: AuthEnvironment, log: (event: LogEvent) => void, before: LoginSurroundings["before"]) {
    this.#router = router;
    this.#auth = auth;
    this.#log = log;
    const watch: LoginSurroundings["watch"] = (file, realm, reload) => usersWatch(router, log, file, realm, reload);
    this.#logins = { environment: auth, watch, before };
  }

  /** @throws {UserError} a store cannot be opened; a users file or key cannot be read, or has errors */
  prepare(realms: Config["realms"]): Promise<Prepared> {
    const gone = [...this.#open].filter(([name]) => !Object.hasOwn(realms, name));
    return prepareAll([
      ...gone.map(
        ([name, open]) =>
          () =>
            this.#remove(name, open),
      ),
      ...Object.entries(realms).map(([name, written]) => () => {
        const open = this.#open.get(name);
        return open === undefined ? this.#add(name, written) : this.#change(name, written, open);
      }),
    ]);
  }

  /** Has users files that have changed read again. */
  check(): void {
    for (const { logins } of this.#open.values()) logins.check();
  }

  /** Gives the stores' files back; the realms' sessions are to be gone. */
  async close(): Promise<void> {
    await Promise.all([...this.#closing, ...[...this.#open.values()].map(({ store }) => store?.close())]);
  }

  async #add(name: string, written: RealmFileConfig): Promise<Prepared> {
    const logins = new RealmLogins(name, this.#logins);
    const prepared = logins.prepare(written);
    const store = await openStore(written.events, this.#log);
    try {
      const config = this.#configOf(name, written, prepared.authenticate, store, undefined);
      const add = this.#router.prepareRealm(config);
      return {
        ...NOTHING,
        commit: () => {
          prepared.commit();
          this.#open.set(name, { realm: add(), logins, store, written, config });
        },
        discard: () => store?.close(),
      };
    } catch (error) {
      await store?.close();
      throw error;
    }
  }

  #change(name: string, written: RealmFileConfig, open: OpenRealm): Prepared {
    const logins = open.logins.prepare(written);
    const isSame = logins.authenticate === open.config.authenticate && isDeepStrictEqual(written, open.written);
    if (isSame) return NOTHING;
    const config = this.#configOf(name, written, logins.authenticate, open.store, open);
    const { realm } = open;
    const reconfigure = realm.prepare(config);
    const roles = new Set(config.roles.map((role) => role.name));
    const isBarred = (session: Session) => !session.isTrusted && roles.has(session.authrole) && !logins.admits(session);
    return {
      foresee: (toll) => {
        const sessions = [...realm.sessions.values()];
        toll.ended(Uri.noSuchRole, sessions.filter((session) => !session.isTrusted && !roles.has(session.authrole)).length);
        toll.ended(Uri.authenticationRequired, sessions.filter(isBarred).length);
      },
      commit: (toll) => {
        const barred = [...realm.sessions.values()].filter(isBarred);
        logins.commit();
        for (const session of barred) realm.kill(session, Uri.authenticationRequired, GONE);
        const change = reconfigure();
        open.written = written;
        open.config = config;
        toll.ended(Uri.authenticationRequired, barred.length);
        toll.ended(Uri.noSuchRole, change.ended);
        toll.subscriptions += change.subscriptions;
        toll.registrations += change.registrations;
      },
      discard: () => {},
    };
  }

  #remove(name: string, { realm, logins, store }: OpenRealm): Prepared {
    const foresee: Prepared["foresee"] = (toll) =>
      toll.ended(Uri.closeRealm, [...realm.sessions.values()].filter(({ isTrusted }) => !isTrusted).length);
    return {
      foresee,
      commit: (toll) => {
        foresee(toll);
        this.#open.delete(name);
        this.#router.removeRealm(name);
        logins.close();
        if (store === undefined) return;
        const closing = store.close().finally(() => this.#closing.delete(closing));
        this.#closing.add(closing);
      },
      discard: () => {},
    };
  }

  /** @param before roles that are the same are those of before, so that their sessions need not be looked at */
  #configOf(
    realmName: string,
    written: RealmFileConfig,
    authenticate: RealmConfig["authenticate"],
    store: DiskEventStore | undefined,
    before: OpenRealm | undefined,
  ): RealmConfig {
    const roles = Object.entries(written.roles).map(([name, role]): RoleConfig => {
      const same = before?.config.roles.find((known) => known.name === name);
      if (same !== undefined && isDeepStrictEqual(role, before?.written.roles[name])) return same;
      return {
        ...roleConfig(realmName, name, role),
        ...(role.authorizer !== undefined && {
          authorize: procedureAuthorizer(role.authorizer, role.authorizerRealm ?? realmName, role.authorizerCache, this.#auth),
        }),
      };
    });
    return {
      name: realmName,
      roles,
      authenticate,
      loggedOut: (session) => logOut(session, this.#auth.cookies),
      uriRule: written.uri,
      requestIds: written.requestIds,
      events: eventsConfig(written.events, store),
      calls: callConfig(written.calls),
    };
  }
}

/** How long a realm keeps browsers logged in; 0 where it does not. */
export function rememberedMs({ auth }: RealmFileConfig): number {
  return Math.max(0, ...auth.map((config) => (config.method === "cookie" ? config.maxAge : 0)));
}

async function openStore({ store }: RealmFileConfig["events"], log: (event: LogEvent) => void): Promise<DiskEventStore | undefined> {
  if (store === undefined) return undefined;
  const { openDiskStore } = await import("./store/open-disk-store.ts");
  return openDiskStore(store.path, { queueBytes: store.queueSize, log });
}

function procedureAuthorizer(procedure: string, realm: string, cacheMs: number, { askers, now, failed }: AuthEnvironment): Authorizer {
  return new ProcedureAuthorizer({ ask: askers.in(realm), procedure, cacheMs, now, failed: (error) => failed(procedure, error) }).authorize;
}
