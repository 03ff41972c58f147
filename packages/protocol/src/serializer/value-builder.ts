/** A `ValueSink` that makes JavaScript values: payloads for applications, and the option maps of message headers. */
import { ProtocolError } from "../error.ts";
import type { ValueSink } from "./serializer.ts";

type Container = unknown[] | Record<string, unknown>;

export class ValueBuilder implements ValueSink {
  /** What was built at top level, in order. */
  readonly values: unknown[] = [];
  readonly #isHeader: boolean;
  readonly #stack: Container[] = [];
  readonly #keys: string[] = [];
  #top: Container = this.values;
  #key = "";
  #keyCount = 0;

  /** @param isHeader refuses what only payloads may hold: a key twice in a map, and more than 1024 keys (T21) */
  constructor(isHeader = false) {
    this.#isHeader = isHeader;
  }

  null(): void {
    this.#add(null);
  }
  bool(value: boolean): void {
    this.#add(value);
  }
  int(value: number | bigint): void {
    this.#add(value);
  }
  float(value: number): void {
    this.#add(value);
  }
  text(value: string): void {
    this.#add(value);
  }
  binary(value: Uint8Array): void {
    this.#add(value);
  }
  listStart(): void {
    this.#open([]);
  }
  listEnd(): void {
    this.#close();
  }
  mapStart(): void {
    this.#open({});
  }
  key(value: string): void {
    this.#key = value;
    if (!this.#isHeader) return;
    if (Object.hasOwn(this.#top, value)) {
      throw new ProtocolError("MALFORMED_BYTES", `the key ${JSON.stringify(value.slice(0, 64))} stands twice in one map`); // [MSG-03]
    }
    if (++this.#keyCount > MAX_HEADER_KEYS) throw new ProtocolError("MALFORMED_MESSAGE", `options hold more than ${MAX_HEADER_KEYS} keys`);
  }
  mapEnd(): void {
    this.#close();
  }

  #add(value: unknown): void {
    const top = this.#top;
    if (Array.isArray(top)) top.push(value);
    else if (this.#key === "__proto__") {
      // An ordinary key, as in JSON.parse: plain assignment would set the prototype (T19).
      Object.defineProperty(top, "__proto__", { value, enumerable: true, configurable: true, writable: true });
    } else top[this.#key] = value;
  }

  #open(container: Container): void {
    this.#add(container);
    this.#stack.push(this.#top);
    this.#keys.push(this.#key);
    this.#top = container;
  }

  #close(): void {
    this.#top = this.#stack.pop() as Container;
    this.#key = this.#keys.pop() as string;
  }
}

const MAX_HEADER_KEYS = 1024;
