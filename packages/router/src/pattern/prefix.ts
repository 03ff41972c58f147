/**
 * Prefix patterns: plain string prefixes, not component-aware (AMB-84). A map by prefix and the lengths that occur, so that
 * a URI is looked up once for each length that some prefix has: the cost depends on the URI's length at most, never on
 * the number of prefixes that do not match, and a prefix costs one map entry, where a trie of characters costs one per
 * character.
 */
export class PrefixMap<T> {
  readonly #values = new Map<string, T>();
  /** Lengths in use, ascending, each with the number of prefixes that have it. */
  readonly #lengths: { readonly length: number; count: number }[] = [];

  get size(): number {
    return this.#values.size;
  }

  get(prefix: string): T | undefined {
    return this.#values.get(prefix);
  }

  set(prefix: string, value: T): void {
    if (!this.#values.has(prefix)) this.#count(prefix.length);
    this.#values.set(prefix, value);
  }

  delete(prefix: string): boolean {
    if (!this.#values.delete(prefix)) return false;
    const i = this.#lengths.findIndex((entry) => entry.length === prefix.length);
    const entry = this.#lengths[i];
    if (entry !== undefined && --entry.count === 0) this.#lengths.splice(i, 1);
    return true;
  }

  /** Appends the values of all prefixes of `uri`, shortest first. */
  collect(uri: string, into: T[]): void {
    for (const { length } of this.#lengths) {
      if (length > uri.length) return;
      const value = this.#values.get(uri.slice(0, length));
      if (value !== undefined) into.push(value);
    }
  }

  /** The longest prefix of `uri` (AMB-38); `undefined` where there is none. */
  longest(uri: string): string | undefined {
    for (let i = this.#lengths.length - 1; i >= 0; i--) {
      const length = this.#lengths[i]?.length ?? 0;
      if (length > uri.length) continue;
      const prefix = uri.slice(0, length);
      if (this.#values.has(prefix)) return prefix;
    }
    return undefined;
  }

  values(): IterableIterator<T> {
    return this.#values.values();
  }

  #count(length: number): void {
    let i = 0;
    while (i < this.#lengths.length && (this.#lengths[i]?.length ?? 0) < length) i++;
    const entry = this.#lengths[i];
    if (entry?.length === length) entry.count++;
    else this.#lengths.splice(i, 0, { length, count: 1 });
  }
}
