/**
 * Values by URI pattern, and the two questions about them: which patterns match a URI (events), and which is the best
 * (calls, permissions). Exact, prefix and wildcard patterns of the same text do not conflict (AMB-34).
 *
 * Answers are kept in a bounded cache by URI. An exact pattern that comes or goes concerns its own URI only; any other
 * empties the cache.
 */
import { isReserved, type MatchPolicy } from "@junctor/protocol";
import { endsComponent } from "./covers.ts";
import { PrefixMap } from "./prefix.ts";
import { WildcardTrie } from "./wildcard.ts";

export class PatternIndex<T extends object> {
  readonly #exact = new Map<string, T>();
  readonly #prefix = new PrefixMap<T>();
  readonly #wildcard = new WildcardTrie<T>();
  readonly #matching = new Map<string, readonly T[]>();
  /** Values in all of its lists. */
  #listed = 0;
  readonly #best = new Map<string, T>();

  get(uri: string, match: MatchPolicy): T | undefined {
    return this.#of(match).get(uri);
  }

  set(uri: string, match: MatchPolicy, value: T): void {
    this.#of(match).set(uri, value);
    this.#forget(uri, match);
  }

  delete(uri: string, match: MatchPolicy): void {
    this.#of(match).delete(uri);
    this.#forget(uri, match);
  }

  /** All values whose pattern matches (PS-PAT-02). The list is shared: it must not be changed, nor kept. */
  matching(uri: string): readonly T[] {
    return this.#matching.get(uri) ?? this.#findMatching(uri);
  }

  /**
   * The value of the best pattern: exact, else the longest prefix, else the most specific wildcard (RPC-PAT-04). A prefix
   * that ends inside a component of the URI gives way to a wildcard: `a1.b2.c3` matches `a1.b2.c33.d4.e5`, but
   * `a1.b2.c33..e5` is what the caller means. Without that the vectors of RPC-PAT-06 contradict AMB-38. Reserved URIs are
   * matched by exact patterns only (AMB-20) unless `isReservedToo`.
   */
  best(uri: string, isReservedToo = false): T | undefined {
    return this.#best.get(uri) ?? this.#findBest(uri, isReservedToo);
  }

  *values(match?: MatchPolicy): IterableIterator<T> {
    if (match === undefined || match === "exact") yield* this.#exact.values();
    if (match === undefined || match === "prefix") yield* this.#prefix.values();
    if (match === undefined || match === "wildcard") yield* this.#wildcard.values();
  }

  #of(match: MatchPolicy): Pick<Map<string, T>, "get" | "delete"> & { set(uri: string, value: T): unknown } {
    return match === "exact" ? this.#exact : match === "prefix" ? this.#prefix : this.#wildcard;
  }

  #findMatching(uri: string): readonly T[] {
    const found: T[] = [];
    const exact = this.#exact.get(uri);
    if (exact !== undefined) found.push(exact);
    this.#prefix.collect(uri, found);
    this.#wildcard.collect(uri, found);
    this.#keepMatching(uri, found);
    return found;
  }

  #keepMatching(uri: string, found: readonly T[]): void {
    if (this.#matching.size >= CACHE_SIZE || this.#listed + found.length > CACHE_VALUES) this.#forgetMatching();
    this.#listed += found.length;
    this.#matching.set(uri, found);
  }

  #findBest(uri: string, isReservedToo: boolean): T | undefined {
    let found = this.#exact.get(uri);
    if (found === undefined && (isReservedToo || !isReserved(uri))) found = this.#findBestPattern(uri);
    if (found !== undefined) {
      if (this.#best.size >= CACHE_SIZE) this.#best.clear();
      this.#best.set(uri, found);
    }
    return found;
  }

  #findBestPattern(uri: string): T | undefined {
    const prefix = this.#prefix.longest(uri);
    if (prefix === undefined) return this.#wildcard.best(uri);
    const isWhole = endsComponent(prefix, uri);
    return (isWhole ? undefined : this.#wildcard.best(uri)) ?? this.#prefix.get(prefix);
  }

  #forget(uri: string, match: MatchPolicy): void {
    if (match === "exact") {
      this.#listed -= this.#matching.get(uri)?.length ?? 0;
      this.#matching.delete(uri);
      this.#best.delete(uri);
    } else {
      this.#forgetMatching();
      this.#best.clear();
    }
  }

  #forgetMatching(): void {
    this.#matching.clear();
    this.#listed = 0;
  }
}

/** A cache that is full starts over: simpler than an order of use, and a peer that sweeps URIs gains nothing by either. */
const CACHE_SIZE = 10_000;
/** In the lists of the cache together: few topics that many patterns match must not make it large. */
const CACHE_VALUES = 1 << 20;
