/** Who may log in, and what they prove it with. Secrets stay in here: no log, meta result or error is made of these records. */
import { isDeepStrictEqual } from "node:util";
import type { Dict } from "@junctor/protocol";
import type { Awaitable, CraSalting, ScramKeys, ScramParameters } from "@junctor/protocol/auth";
import type { AuthenticationRequest } from "@junctor/router";
import type { Step } from "./method.ts";
import type { CurrentTables, Tables } from "./realm-tables.ts";
import { hashed, type TicketSecret } from "./ticket-secret.ts";

export interface Principal {
  readonly authid: string;
  readonly roles: readonly string[];
  readonly ticket?: TicketSecret;
  readonly wampcra?: { readonly key: string; readonly salting: CraSalting | undefined };
  readonly scram?: { readonly parameters: ScramParameters; readonly keys: ScramKeys };
  /** Public keys, 64 lower-case hex digits each. */
  readonly cryptosign?: readonly string[];
  readonly extra?: Dict;
}

/** Where principals are kept: a file, the configuration, a procedure, a function. */
export interface PrincipalSource {
  /** WELCOME's `authprovider`. */
  readonly name: string;
  byAuthid(authid: string, method: string, request: AuthenticationRequest): Awaitable<Principal | undefined>;
  /** @param publicKey 64 lower-case hex digits */
  byPublicKey(publicKey: string, request: AuthenticationRequest): Awaitable<Principal | undefined>;
  /** Compares the ticket itself, where principals do not come with theirs. */
  byTicket?(authid: string, ticket: string, request: AuthenticationRequest): Awaitable<Principal | undefined>;
  /** What salted users' records look like, so that a challenge for nobody looks the same. */
  readonly typicalSalting: CraSalting | undefined;
  readonly typicalScram: Pick<ScramParameters, "kdf" | "iterations" | "memory"> | undefined;
}

/** A table of them. */
export class PrincipalTable implements PrincipalSource {
  readonly name: string;
  typicalSalting: CraSalting | undefined = undefined;
  typicalScram: ScramParameters | undefined = undefined;
  #byAuthid: ReadonlyMap<string, Principal> = new Map();
  #byPublicKey: ReadonlyMap<string, Principal> = new Map();
  /** Those of its realm that count now; where there are none, this one does. */
  readonly current: CurrentTables | undefined;

  constructor(name: string, principals: Iterable<Principal>, current?: CurrentTables) {
    this.name = name;
    this.current = current;
    this.replace(principals);
  }

  /** Who is there now. What was proved before may not hold any more: see `PrincipalProof`. */
  replace(principals: Iterable<Principal>): void {
    const all = [...principals].map((principal) => (principal.ticket ? { ...principal, ticket: hashed(principal.ticket) } : principal));
    this.#byAuthid = new Map(all.map((principal) => [principal.authid, principal]));
    this.#byPublicKey = new Map(all.flatMap((principal) => (principal.cryptosign ?? []).map((key) => [key, principal] as const)));
    this.typicalSalting = all.find(({ wampcra }) => wampcra?.salting !== undefined)?.wampcra?.salting;
    this.typicalScram = all.find(({ scram }) => scram !== undefined)?.scram?.parameters;
  }

  byAuthid(authid: string): Principal | undefined {
    return this.#byAuthid.get(authid);
  }

  byPublicKey(publicKey: string): Principal | undefined {
    return this.#byPublicKey.get(publicKey);
  }

  /** What somebody could prove itself with today. */
  proofsOf(authid: string, credential: Credential): readonly Proof[] {
    const principal = this.#byAuthid.get(authid);
    if (principal?.[credential] === undefined) return [];
    const keys = credential === "cryptosign" ? (principal.cryptosign ?? []) : [undefined];
    return keys.map((key) => new PrincipalProof(this, principal, credential, key));
  }
}

/** What somebody proved itself with, where that may come to hold no more. */
export interface Proof {
  /** What was proved, in full: two are the same where their statements are. It is as secret as the credential. */
  readonly statement: string;
  /** Whether it would be granted today, for that role (T31). @param tables as another configuration has them */
  holds(role: string, tables?: Tables): boolean;
}

/** The principal is there, may have that role, and the credential is what it was. */
export class PrincipalProof implements Proof {
  readonly #table: PrincipalTable;
  /** As it was then. */
  readonly #principal: Principal;
  readonly #credential: Credential;
  /** The one of several. */
  readonly #publicKey: string | undefined;

  constructor(table: PrincipalTable, principal: Principal, credential: Credential, publicKey: string | undefined) {
    this.#table = table;
    this.#principal = principal;
    this.#credential = credential;
    this.#publicKey = publicKey;
  }

  get statement(): string {
    const { authid, [this.#credential]: credential } = this.#principal;
    return JSON.stringify([this.#credential, authid, this.#publicKey ?? credential]);
  }

  holds(role: string, tables = this.#table.current?.tables): boolean {
    const asked = tables === undefined ? [this.#table] : (tables.principals.get(this.#credential) ?? []);
    return asked.some((table) => this.#holdsBy(table, role));
  }

  #holdsBy(table: PrincipalTable, role: string): boolean {
    const now = table.byAuthid(this.#principal.authid);
    if (now === undefined || !now.roles.includes(role)) return false;
    if (now === this.#principal) return true;
    if (this.#publicKey !== undefined) return now.cryptosign?.includes(this.#publicKey) === true;
    return isDeepStrictEqual(now[this.#credential], this.#principal[this.#credential]);
  }
}

export type Credential = "ticket" | "wampcra" | "scram" | "cryptosign";

/** The principal has proved itself. */
export function grantTo(principal: Principal, source: PrincipalSource, credential: Credential, publicKey?: string): Step {
  const { authid, roles, extra } = principal;
  const proofs = source instanceof PrincipalTable ? [new PrincipalProof(source, principal, credential, publicKey)] : [];
  const grant = { authid, roles, authprovider: source.name, proofs };
  return { kind: "granted", grant: extra === undefined ? grant : { ...grant, authextra: extra } };
}
