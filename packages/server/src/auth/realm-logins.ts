/** Who may join a realm, and how: what outlives the realm's configurations. */
import { isDeepStrictEqual } from "node:util";
import type { Authenticator, Session } from "@junctor/router";
import type { FileWatch } from "./file-watch.ts";
import { type AuthEnvironment, authenticatorOf, type RealmAuth } from "./from-config.ts";
import { CurrentTables, noTables } from "./realm-tables.ts";
import { isStillLetIn } from "./ways-in.ts";

export interface PreparedLogins {
  readonly authenticate: Authenticator;
  /** Whether a session of the realm may go on. */
  admits(session: Session): boolean;
  commit(): void;
}

/** What a realm's logins stand in. */
export interface LoginSurroundings {
  readonly environment: AuthEnvironment;
  readonly watch: (file: string, realm: string, reload: () => number) => FileWatch;
  /** Who comes by another way than the realm's methods is let in before they are asked. */
  readonly before: (realm: string, methods: Authenticator) => Authenticator;
}

export class RealmLogins {
  readonly #name: string;
  readonly #surroundings: LoginSurroundings;
  readonly #tables = new CurrentTables();
  #config: RealmAuth | undefined = undefined;
  #watches: readonly FileWatch[] = [];
  #authenticate: Authenticator | undefined = undefined;

  constructor(name: string, surroundings: LoginSurroundings) {
    this.#name = name;
    this.#surroundings = surroundings;
  }

  /**
   * Makes the realm's methods, and reads its users files; where nothing of that is different, all goes on.
   *
   * @throws {UserError} a users file or key cannot be read, or has errors
   */
  prepare({ auth, users, roles }: RealmAuth): PreparedLogins {
    // Of the roles their names count: users files name them.
    const config: RealmAuth = { auth, users, roles: Object.fromEntries(Object.keys(roles).map((role) => [role, true])) };
    const before = this.#authenticate;
    if (before !== undefined && isDeepStrictEqual(config, this.#config) && !this.#watches.some((watch) => watch.hasChanged))
      return { authenticate: before, admits: () => true, commit: () => {} };
    const watches: FileWatch[] = [];
    const made = noTables();
    const { environment, watch, before: asked } = this.#surroundings;
    const watching: AuthEnvironment = { ...environment, watch: (file, realm, reload) => void watches.push(watch(file, realm, reload)) };
    const methods = authenticatorOf(this.#name, config, watching, { current: this.#tables, made });
    const authenticate = asked(this.#name, methods);
    return {
      authenticate,
      admits: (session) => isStillLetIn(session, auth, made),
      commit: () => {
        this.#config = config;
        this.#authenticate = authenticate;
        this.#watches = watches;
        this.#tables.tables = made;
      },
    };
  }

  /** Has users files that have changed read again. */
  check(): void {
    for (const watch of this.#watches) watch.check();
  }

  /** The realm is gone: what was proved there holds nowhere. */
  close(): void {
    this.#watches = [];
    this.#tables.tables = noTables();
  }
}
