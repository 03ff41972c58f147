/**
 * All that can be told of a configuration without starting it: its mistakes, those of the files that it names, and what is hardly
 * meant. `junctor config check` tells all of it; a server starts only where there are no errors.
 */
import { ADMIN_REALM, ADMIN_ROLES } from "@junctor/admin-api";
import type { ListenError } from "@junctor/transport-node";
import type { Principal } from "../auth/principal.ts";
import { UserError } from "../user-error.ts";
import { isRecord } from "./auth-schema.ts";
import { methodsOf } from "./consistency.ts";
import type { ConfigDocument } from "./document.ts";
import type { Finding, Path } from "./finding.ts";
import { lints } from "./lints.ts";
import { ConfigError, type ConfigProblem, type LoadedConfig, loadUsers, problemAt, readConfig } from "./load.ts";
import { fileFindings } from "./named-files.ts";
import { openListeners } from "./open-listener.ts";
import type { Config } from "./schema.ts";

export interface CheckOptions {
  readonly now?: Date;
  /** Somebody has said that an open listener is meant. */
  readonly isOpenMeant?: boolean;
}

export interface Verdict {
  /** `undefined` where it has mistakes of its own. */
  readonly loaded: LoadedConfig | undefined;
  readonly files: readonly string[];
  readonly errors: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

/**
 * A configuration that a server can start with.
 *
 * @throws {UserError} the file cannot be read, or has errors
 */
export function checkedConfig(file: string, options: CheckOptions = {}): LoadedConfig {
  const { loaded, errors } = checkConfig(file, options);
  if (loaded === undefined || errors.length > 0) throw new ConfigError(file, errors);
  return loaded;
}

/** @throws {UserError} the file cannot be read */
export function checkConfig(file: string, options: CheckOptions = {}): Verdict {
  const { now = new Date(), isOpenMeant = false } = options;
  let loaded: LoadedConfig | undefined;
  let errors: readonly ConfigProblem[] = [];
  let document: ConfigDocument;
  try {
    loaded = readConfig(file);
    document = loaded.document;
  } catch (error) {
    if (!(error instanceof ConfigError) || error.document === undefined) throw error;
    ({ document } = error);
    errors = error.problems;
  }
  const placed = (findings: readonly Finding[]) => findings.map((finding) => problemAt(document, finding));
  const named = fileFindings(document.data, now);
  const users = new UsersFiles(document);
  const warnings: Finding[] = [...named.warnings];
  const further: Finding[] = [...named.errors];
  if (loaded !== undefined) {
    const { config } = loaded;
    warnings.push(...lints(config, (realm) => users.of(config, realm)));
    (isOpenMeant ? warnings : further).push(...openListeners(config));
  }
  const order = (a: ConfigProblem, b: ConfigProblem) => document.order(a, b);
  return {
    loaded,
    files: document.files,
    errors: [...errors, ...placed(further), ...users.errors].sort(order),
    warnings: placed(warnings).sort(order),
  };
}

/** That a listener cannot listen, with its place in the file. */
export function notListening({ message, code, where }: ListenError, file: string): UserError {
  const { config, document } = readConfig(file);
  const i = config.listen.findIndex(({ host, port, path }) => where === (path ?? `${host}:${port}`));
  const remedy = `change it under listen in ${file}`;
  const listener = config.listen[i];
  if (listener === undefined) return new UserError(message, { remedy });
  const key = listener.path !== undefined ? "path" : HOSTS.has(code) ? "host" : "port";
  return new ConfigError(file, [problemAt(document, { path: ["listen", i, key], message, remedy })], document);
}

const HOSTS: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "ENOTFOUND"]);

/** The users files of a configuration, each read once, and their mistakes. */
class UsersFiles {
  readonly errors: ConfigProblem[] = [];
  readonly #known = new Map<string, readonly Principal[] | undefined>();

  constructor(document: ConfigDocument) {
    const data = isRecord(document.data) ? document.data : {};
    const realms = isRecord(data["realms"]) ? data["realms"] : {};
    for (const [name, realm] of Object.entries(realms))
      if (isRecord(realm)) this.#read(document, name, ["realms", name], realm, Object.keys(isRecord(realm["roles"]) ? realm["roles"] : {}));
    if (isRecord(data["admin"])) this.#read(document, ADMIN_REALM, ["admin"], data["admin"], ADMIN_ROLES);
  }

  #read(document: ConfigDocument, name: string, above: Path, realm: Readonly<Record<string, unknown>>, roles: readonly string[]): void {
    for (const [path, file] of usersNamed(realm)) {
      const key = `${name} ${file}`;
      if (this.#known.has(key)) continue;
      this.#known.set(key, undefined);
      try {
        this.#known.set(key, loadUsers(file, roles));
      } catch (error) {
        if (error instanceof ConfigError) this.errors.push(...error.problems);
        else if (error instanceof UserError) this.errors.push(problemAt(document, { path: [...above, ...path], message: error.message }));
        else throw error;
      }
    }
  }

  /** All users of a realm; `undefined` where a file has errors. */
  of({ realms }: Config, name: string): readonly Principal[] | undefined {
    const realm = realms[name];
    if (realm === undefined) return undefined;
    const found: Principal[] = [];
    const methods = realm.auth.flatMap((method) => [method, ...("also" in method ? (method.also ?? []) : [])]);
    for (const users of [realm.users, ...methods.map((method) => ("users" in method ? method.users : undefined))]) {
      const known = typeof users === "string" ? this.#known.get(`${name} ${users}`) : (users ?? []);
      if (known === undefined) return undefined;
      found.push(...known);
    }
    return found;
  }
}

function usersNamed(realm: Readonly<Record<string, unknown>>): [Path, string][] {
  const all: [Path, unknown][] = [[["users"], realm["users"]]];
  for (const [path, { users }] of methodsOf(realm)) all.push([[...path, "users"], users]);
  return all.flatMap(([path, users]): [Path, string][] => (typeof users === "string" && users !== "" ? [[path, users]] : []));
}
