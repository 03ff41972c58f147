/**
 * A Crossbar.io configuration as it is read: whatever nobody asks for is told in the end, so that nothing of it gets lost without
 * a word.
 */
import { isRecord } from "../../config/auth-schema.ts";
import { type Path, pathText } from "../../config/finding.ts";

/** What is not there any more, what is there in another way, and what makes no difference. */
export type Severity = "lost" | "changed" | "ignored";

export interface Remark {
  readonly path: Path;
  readonly severity: Severity;
  readonly message: string;
}

export class Remarks {
  readonly all: Remark[] = [];
  readonly #items: Item[] = [];

  add(path: Path, severity: Severity, message: string): void {
    if (!this.all.some((other) => other.message === message && pathText(other.path) === pathText(path)))
      this.all.push({ path, severity, message });
  }

  watch(item: Item): void {
    this.#items.push(item);
  }

  /** Tells of all keys that nobody has asked for. */
  finish(): void {
    for (const item of this.#items)
      for (const key of item.untaken()) this.add([...item.path, key], "lost", "there is nothing like it here, or it is not known");
  }
}

/** A mapping of the source. */
export class Item {
  readonly path: Path;
  readonly remarks: Remarks;
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #taken = new Set<string>();

  constructor(value: Readonly<Record<string, unknown>>, path: Path, remarks: Remarks) {
    this.#value = value;
    this.path = path;
    this.remarks = remarks;
    remarks.watch(this);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#value, key);
  }

  keys(): string[] {
    return Object.keys(this.#value);
  }

  untaken(): string[] {
    return this.keys().filter((key) => !this.#taken.has(key) && !key.startsWith("$"));
  }

  take(key: string): unknown {
    this.#taken.add(key);
    return this.has(key) ? this.#value[key] : undefined;
  }

  text(key: string): string | undefined {
    return this.#typed(key, (value) => (typeof value === "string" ? value : undefined), "a text");
  }

  number(key: string): number | undefined {
    return this.#typed(key, (value) => (typeof value === "number" ? value : undefined), "a number");
  }

  flag(key: string): boolean | undefined {
    return this.#typed(key, (value) => (typeof value === "boolean" ? value : undefined), "true or false");
  }

  texts(key: string): readonly string[] {
    return this.list(key).filter((each) => typeof each === "string");
  }

  list(key: string): readonly unknown[] {
    return this.#typed(key, (value) => (Array.isArray(value) ? (value as readonly unknown[]) : undefined), "a list") ?? [];
  }

  item(key: string): Item | undefined {
    const value = this.#typed(key, (value) => (isMapping(value) ? value : undefined), "a mapping");
    return value === undefined ? undefined : new Item(value, [...this.path, key], this.remarks);
  }

  items(key: string): Item[] {
    return this.list(key).flatMap((value, i) => {
      if (isMapping(value)) return [new Item(value, [...this.path, key, i], this.remarks)];
      this.remarks.add([...this.path, key, i], "lost", "expected a mapping");
      return [];
    });
  }

  /** The mappings in a mapping. */
  entries(key: string): [string, Item][] {
    const inner = this.item(key);
    return inner === undefined ? [] : inner.named();
  }

  /** What is in it, all of it mappings by names of somebody's own. */
  named(): [string, Item][] {
    return this.keys().flatMap((name): [string, Item][] => {
      const value = this.item(name);
      return value === undefined ? [] : [[name, value]];
    });
  }

  tell(severity: Severity, message: string, key?: string): void {
    if (key !== undefined) this.#taken.add(key);
    this.remarks.add(key === undefined ? this.path : [...this.path, key], severity, message);
  }

  /** Keys that make no difference here, if they are there and nothing has been made of them. */
  ignore(message: string, ...keys: readonly string[]): void {
    for (const key of keys) if (this.has(key) && !this.#taken.has(key)) this.tell("ignored", message, key);
  }

  /** Keys of which nothing is made, if they are there. */
  lose(message: string, ...keys: readonly string[]): void {
    for (const key of keys) if (this.has(key) && !this.#taken.has(key)) this.tell("lost", message, key);
  }

  /** Nothing of it is asked for, and that has been told. */
  dismiss(): void {
    for (const key of this.keys()) this.#taken.add(key);
  }

  #typed<T>(key: string, as: (value: unknown) => T | undefined, what: string): T | undefined {
    const value = this.take(key);
    if (value === undefined || value === null) return undefined;
    const typed = as(value);
    if (typed === undefined) this.remarks.add([...this.path, key], "lost", `expected ${what}`);
    return typed;
  }
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && !Array.isArray(value);
}
