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
  /** The one literal component that leads on, and where: most nodes have no other. Bench: match. */
  name: string;
  next: Node<T> | undefined;
  /** In place of that one, once there have been several. */
  literals: Map<string, Node<T>> | undefined;
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
      node = component === "" ? node.any : literal(node, component);
      if (node === undefined) return undefined;
    }
    return node.value;
  }

  set(pattern: string, value: T): void {
    let node = this.#root;
    for (const component of pattern.split(".")) {
      let next = component === "" ? node.any : literal(node, component);
      if (next === undefined) {
        next = createNode();
        if (component === "") node.any = next;
        else addLiteral(node, component, next);
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
  return { name: "", next: undefined, literals: undefined, any: undefined, value: undefined };
}

function literal<T>(node: Node<T>, component: string): Node<T> | undefined {
  if (node.literals !== undefined) return node.literals.get(component);
  return node.name === component ? node.next : undefined;
}

function addLiteral<T>(node: Node<T>, component: string, next: Node<T>): void {
  if (node.literals !== undefined) node.literals.set(component, next);
  else if (node.next === undefined) {
    node.name = component;
    node.next = next;
  } else {
    node.literals = new Map([
      [node.name, node.next],
      [component, next],
    ]);
    node.name = "";
    node.next = undefined;
  }
}

function removeLiteral<T>(node: Node<T>, component: string): void {
  if (node.literals === undefined) {
    node.name = "";
    node.next = undefined;
    return;
  }
  node.literals.delete(component);
  if (node.literals.size === 0) node.literals = undefined;
}

function collect<T>(node: Node<T>, components: readonly string[], depth: number, into: T[]): void {
  if (depth === components.length) {
    if (node.value !== undefined) into.push(node.value);
    return;
  }
  const next = literal(node, components[depth] as string);
  if (next !== undefined) collect(next, components, depth + 1, into);
  if (node.any !== undefined) collect(node.any, components, depth + 1, into);
}

function best<T>(node: Node<T>, components: readonly string[], depth: number): T | undefined {
  if (depth === components.length) return node.value;
  const next = literal(node, components[depth] as string);
  const found = next === undefined ? undefined : best(next, components, depth + 1);
  return found ?? (node.any === undefined ? undefined : best(node.any, components, depth + 1));
}

/** @returns whether the node has become empty */
function remove<T>(node: Node<T>, components: readonly string[], depth: number): boolean {
  const component = components[depth];
  if (component === undefined) node.value = undefined;
  else if (component === "") {
    if (node.any !== undefined && remove(node.any, components, depth + 1)) node.any = undefined;
  } else {
    const next = literal(node, component);
    if (next !== undefined && remove(next, components, depth + 1)) removeLiteral(node, component);
  }
  return node.value === undefined && node.any === undefined && node.next === undefined && node.literals === undefined;
}

function* values<T>(node: Node<T>): IterableIterator<T> {
  if (node.value !== undefined) yield node.value;
  if (node.next !== undefined) yield* values(node.next);
  if (node.literals !== undefined) for (const next of node.literals.values()) yield* values(next);
  if (node.any !== undefined) yield* values(node.any);
}
