/**
 * Wildcard patterns: an empty component stands for exactly one whole component (PS-PAT-01, RPC-PAT-03). A trie of
 * components:
 *
 *     com ─ app ─ (any) ─ state        "com.app..state"
 *             └── door ── (any)        "com.app.door."
 *
 * A walk goes down at most two ways at each component, and only where patterns lead.
 */
interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  any: Node<T> | undefined;
  value: T | undefined;
}

export class WildcardTrie<T> {
  readonly #root: Node<T> = createNode();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(pattern: string): T | undefined {
    let node: Node<T> | undefined = this.#root;
    for (const component of pattern.split(".")) {
      node = component === "" ? node.any : node.literals.get(component);
      if (node === undefined) return undefined;
    }
    return node.value;
  }

  set(pattern: string, value: T): void {
    let node = this.#root;
    for (const component of pattern.split(".")) {
      let next = component === "" ? node.any : node.literals.get(component);
      if (next === undefined) {
        next = createNode();
        if (component === "") node.any = next;
        else node.literals.set(component, next);
      }
      node = next;
    }
    if (node.value === undefined) this.#size++;
    node.value = value;
  }

  delete(pattern: string): boolean {
    const found = this.get(pattern) !== undefined;
    if (found) {
      remove(this.#root, pattern.split("."), 0);
      this.#size--;
    }
    return found;
  }

  /** Appends the values of all patterns that match `uri`. */
  collect(uri: string, into: T[]): void {
    if (this.#size > 0) collect(this.#root, uri.split("."), 0, into);
  }

  /**
   * The value of the most specific pattern that matches: the longest runs of literal components win, from the front
   * (RPC-PAT-05, AMB-39). That order is the order in which a walk that tries the literal way first finds them.
   */
  best(uri: string): T | undefined {
    return this.#size > 0 ? best(this.#root, uri.split("."), 0) : undefined;
  }

  *values(): IterableIterator<T> {
    yield* values(this.#root);
  }
}

function createNode<T>(): Node<T> {
  return { literals: new Map(), any: undefined, value: undefined };
}

function collect<T>(node: Node<T>, components: readonly string[], depth: number, into: T[]): void {
  if (depth === components.length) {
    if (node.value !== undefined) into.push(node.value);
    return;
  }
  const literal = node.literals.get(components[depth] as string);
  if (literal !== undefined) collect(literal, components, depth + 1, into);
  if (node.any !== undefined) collect(node.any, components, depth + 1, into);
}

function best<T>(node: Node<T>, components: readonly string[], depth: number): T | undefined {
  if (depth === components.length) return node.value;
  const literal = node.literals.get(components[depth] as string);
  const found = literal === undefined ? undefined : best(literal, components, depth + 1);
  return found ?? (node.any === undefined ? undefined : best(node.any, components, depth + 1));
}

/** @returns whether the node has become empty */
function remove<T>(node: Node<T>, components: readonly string[], depth: number): boolean {
  const component = components[depth];
  if (component === undefined) node.value = undefined;
  else if (component === "") {
    if (node.any !== undefined && remove(node.any, components, depth + 1)) node.any = undefined;
  } else {
    const next = node.literals.get(component);
    if (next !== undefined && remove(next, components, depth + 1)) node.literals.delete(component);
  }
  return node.value === undefined && node.any === undefined && node.literals.size === 0;
}

function* values<T>(node: Node<T>): IterableIterator<T> {
  if (node.value !== undefined) yield node.value;
  for (const next of node.literals.values()) yield* values(next);
  if (node.any !== undefined) yield* values(node.any);
}
