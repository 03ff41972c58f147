/** Trust levels of publications and calls, as a realm's configuration assigns them (PS-TRUST-01, RPC-TRUST-01). Peers have no say (RPC-TRUST-02). */
import type { Pattern } from "../pattern/covers.ts";
import { PatternIndex } from "../pattern/pattern-index.ts";

export interface TrustRule extends Pattern {
  /** Of publishers or callers of this role; without it, of all that no rule for their role concerns. */
  readonly role?: string;
  /** 0 is the lowest. */
  readonly level: number;
}

export class TrustLevels {
  readonly #ofRole = new Map<string, PatternIndex<TrustRule>>();
  readonly #ofAll = new PatternIndex<TrustRule>();

  constructor(rules: readonly TrustRule[]) {
    for (const rule of rules) {
      const index = rule.role === undefined ? this.#ofAll : (this.#ofRole.get(rule.role) ?? new PatternIndex<TrustRule>());
      if (rule.role !== undefined) this.#ofRole.set(rule.role, index);
      index.set(rule.uri, rule.match, rule);
    }
  }

  /** The level that the best pattern assigns, one for the sender's role first. */
  of(uri: string, authrole: string): number | undefined {
    return (this.#ofRole.get(authrole)?.best(uri, true) ?? this.#ofAll.best(uri, true))?.level;
  }
}
