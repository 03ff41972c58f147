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
  name: Name | undefined;
  next: Node<T> | undefined;
  /** In place of that one, once there have been several. */
  literals: Map<Name, Node<T>> | undefined;
  any: Node<T> | undefined;
  value: T | undefined;
}

/** A literal component. A walk looks up each of its URI's once, and compares no text any more. */
interface Name {
  readonly text: string;
  /** Nodes that it leads to. */
  count: number;
}

export class WildcardTrie<T> {
  readonly #root: Node<T> = createNode();
  readonly #names = new Map<string, Name>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(pattern: string): T | undefined {
    let node: Node<T> | undefined = this.#root;
    for (const component of pattern.split(".")) {
      node = component === "" ? node.any : literal(node, this.#names.get(component));
      if (node === undefined) return undefined;
    }
    return node.value;
  }

  set(pattern: string, value: T): void {
    let node = this.#root;
    for (const component of pattern.split(".")) {
      let next = component === "" ? node.any : literal(node, this.#names.get(component));
      if (next === undefined) {
        next = createNode();
        if (component === "") node.any = next;
        else addLiteral(node, this.#take(component), next);
      }
      node = next;
    }
    if (node.value === undefined) this.#size++;
    node.value = value;
  }

  delete(pattern: string): boolean {
    const found = this.get(pattern) !== undefined;
    if (found) {
      this.#remove(this.#root, pattern.split("."), 0);
      this.#size--;
    }
    return found;
  }

  /** Appends the values of all patterns that match `uri`. */
  collect(uri: string, into: T[]): void {
    if (this.#size === 0) return;
    const names = this.#namesOf(uri);
    collect(this.#root, names, 0, names.length - 1, into);
  }

  /**
   * The value of the most specific pattern that matches: the longest runs of literal components win, from the front
   * (RPC-PAT-05, AMB-39). That order is the order in which a walk that tries the literal way first finds them.
   */
  best(uri: string): T | undefined {
    return this.#size > 0 ? best(this.#root, this.#namesOf(uri), 0) : undefined;
  }

  *values(): IterableIterator<T> {
    yield* values(this.#root);
  }

  /** Of a URI's components; `undefined` for those that stand in no pattern. */
  #namesOf(uri: string): readonly (Name | undefined)[] {
    return uri.split(".").map((component) => this.#names.get(component));
  }

  #take(component: string): Name {
    let name = this.#names.get(component);
    if (name === undefined) {
      name = { text: component, count: 0 };
      this.#names.set(component, name);
    }
    name.count++;
    return name;
  }

  /** @returns whether the node has become empty */
  #remove(node: Node<T>, components: readonly string[], depth: number): boolean {
    const component = components[depth];
    if (component === undefined) node.value = undefined;
    else if (component === "") {
      if (node.any !== undefined && this.#remove(node.any, components, depth + 1)) node.any = undefined;
    } else {
      const name = this.#names.get(component);
      const next = literal(node, name);
      if (name !== undefined && next !== undefined && this.#remove(next, components, depth + 1)) {
        removeLiteral(node, name);
        if (--name.count === 0) this.#names.delete(component);
      }
    }
    return node.value === undefined && node.any === undefined && node.next === undefined && node.literals === undefined;
  }
}

function createNode<T>(): Node<T> {
  return { name: undefined, next: undefined, literals: undefined, any: undefined, value: undefined };
}

function literal<T>(node: Node<T>, name: Name | undefined): Node<T> | undefined {
  if (name === undefined) return undefined;
  if (node.literals !== undefined) return node.literals.get(name);
  return node.name === name ? node.next : undefined;
}

function addLiteral<T>(node: Node<T>, name: Name, next: Node<T>): void {
  if (node.literals !== undefined) node.literals.set(name, next);
  else if (node.name === undefined || node.next === undefined) {
    node.name = name;
    node.next = next;
  } else {
    node.literals = new Map([
      [node.name, node.next],
      [name, next],
    ]);
    node.name = undefined;
    node.next = undefined;
  }
}

function removeLiteral<T>(node: Node<T>, name: Name): void {
  if (node.literals === undefined) {
    node.name = undefined;
    node.next = undefined;
    return;
  }
  node.literals.delete(name);
  if (node.literals.size === 0) node.literals = undefined;
}

/** @param last place of the last component: where most walks end, without a step of their own into what they find there. Bench: match. */
function collect<T>(node: Node<T>, names: readonly (Name | undefined)[], depth: number, last: number, into: T[]): void {
  const next = literal(node, names[depth]);
  const { any } = node;
  if (depth < last) {
    if (next !== undefined) collect(next, names, depth + 1, last, into);
    if (any !== undefined) collect(any, names, depth + 1, last, into);
  } else {
    if (next?.value !== undefined) into.push(next.value);
    if (any?.value !== undefined) into.push(any.value);
  }
}

function best<T>(node: Node<T>, names: readonly (Name | undefined)[], depth: number): T | undefined {
  if (depth === names.length) return node.value;
  const next = literal(node, names[depth]);
  const found = next === undefined ? undefined : best(next, names, depth + 1);
  return found ?? (node.any === undefined ? undefined : best(node.any, names, depth + 1));
}

function* values<T>(node: Node<T>): IterableIterator<T> {
  if (node.value !== undefined) yield node.value;
  if (node.next !== undefined) yield* values(node.next);
  if (node.literals !== undefined) for (const next of node.literals.values()) yield* values(next);
  if (node.any !== undefined) yield* values(node.any);
}
