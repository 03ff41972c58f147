/**
 * What the proofs of a realm's sessions are looked up in. A reload makes other tables, and what was proved by an old one may hold
 * by them.
 */
import type { Credential, PrincipalTable } from "./principal.ts";
import type { TrustTable } from "./trust.ts";

/** As one configuration has them. */
export interface Tables {
  readonly principals: Map<Credential, PrincipalTable[]>;
  readonly trust: TrustTable[];
}

export function noTables(): Tables {
  return { principals: new Map(), trust: [] };
}

/** As the configuration in force has them. */
export class CurrentTables {
  tables = noTables();
}
