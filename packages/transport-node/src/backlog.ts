/**
 * What waits for a peer that does not read: whole frames, counted in bytes, in the order in which they are to leave. EVENTs
 * may be dropped from it by policy, anything else may not (G5).
 */

interface Entry {
  readonly bytes: Uint8Array;
  /** For EVENTs: what `conflate` keeps the last one of. `undefined` for what must not be dropped. */
  readonly key: string | undefined;
  /** The peer asked for it. */
  readonly isReply: boolean;
}

export class Backlog {
  /** With gaps where entries have left or were dropped. */
  #entries: (Entry | undefined)[] = [];
  /** Entries that are there. */
  #count = 0;
  /** No entry waits before this place. */
  #head = 0;
  /** No EVENT waits before this place. */
  #oldest = 0;
  /** Where each key's newest EVENT waits, once it conflates. */
  #newest: Map<string, number> | undefined = undefined;
  #size = 0;
  #replySize = 0;
  #eventSize = 0;

  /** Bytes, with what keeping an entry costs. */
  get size(): number {
    return this.#size;
  }

  /** Places in its list, taken and gaps. */
  get places(): number {
    return this.#entries.length;
  }

  /** Bytes of what the peer asked for. */
  get replySize(): number {
    return this.#replySize;
  }

  /** Bytes of EVENTs. */
  get eventSize(): number {
    return this.#eventSize;
  }

  /** The same, by the subscription that their keys begin with. */
  get eventSizes(): ReadonlyMap<number, number> {
    const sizes = new Map<number, number>();
    for (const entry of this.#entries) {
      if (entry?.key === undefined) continue;
      const subscription = Number.parseInt(entry.key, 10);
      sizes.set(subscription, (sizes.get(subscription) ?? 0) + costOf(entry.bytes));
    }
    return sizes;
  }

  /** @param bytes owned by the backlog, or shared by several: never a slice of something larger */
  push(bytes: Uint8Array, key: string | undefined, isReply: boolean): void {
    const place = this.#entries.push({ bytes, key, isReply }) - 1;
    if (key !== undefined) {
      this.#newest?.set(key, place);
      this.#eventSize += costOf(bytes);
    }
    this.#count++;
    this.#size += costOf(bytes);
    if (isReply) this.#replySize += costOf(bytes);
  }

  /** Drops the EVENTs that wait longest until `bytes` fit under `limit`. @returns how many were dropped */
  dropOldest(bytes: Uint8Array, limit: number): number {
    const most = limit - costOf(bytes);
    let dropped = 0;
    let place = Math.max(this.#head, this.#oldest);
    for (; place < this.#entries.length && this.#size > most; place++) {
      if (this.#entries[place]?.key === undefined) continue;
      this.#remove(place);
      dropped++;
    }
    this.#oldest = place;
    this.#compact();
    return dropped;
  }

  /** Drops the EVENTs that came last until `bytes` fit under `limit`. @returns how many were dropped */
  dropNewest(bytes: Uint8Array, limit: number): number {
    const most = limit - costOf(bytes);
    let dropped = 0;
    for (let place = this.#entries.length - 1; place >= this.#head && this.#size > most; place--) {
      if (this.#entries[place]?.key === undefined) continue;
      this.#remove(place);
      dropped++;
    }
    this.#compact();
    return dropped;
  }

  /** Drops all EVENTs but the newest of each key, and keeps track of those from now on. @returns how many were dropped */
  conflate(): number {
    const newest = new Map<string, number>();
    let dropped = 0;
    for (let place = this.#entries.length - 1; place >= this.#head; place--) {
      const key = this.#entries[place]?.key;
      if (key === undefined) continue;
      if (newest.has(key)) {
        this.#remove(place);
        dropped++;
      } else newest.set(key, place);
    }
    this.#newest = newest;
    return dropped;
  }

  /** After `conflate`: drops the EVENT of this key, so that a newer one can take over. @returns whether there was one */
  dropKey(key: string): boolean {
    const place = this.#newest?.get(key);
    if (place === undefined || this.#entries[place] === undefined) return false;
    this.#remove(place);
    this.#compact();
    return true;
  }

  /** Takes about `most` bytes from the front, in whole frames. @returns nothing when empty */
  take(most: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let length = 0;
    for (; this.#head < this.#entries.length && length < most; this.#head++) {
      const entry = this.#entries[this.#head];
      if (entry === undefined) continue;
      taken.push(entry.bytes);
      length += entry.bytes.length;
      this.#remove(this.#head);
    }
    this.#compact();
    return taken;
  }

  #remove(place: number): void {
    const entry = this.#entries[place] as Entry;
    this.#entries[place] = undefined;
    if (entry.key !== undefined) {
      if (this.#newest?.get(entry.key) === place) this.#newest.delete(entry.key);
      this.#eventSize -= costOf(entry.bytes);
    }
    this.#count--;
    this.#size -= costOf(entry.bytes);
    if (entry.isReply) this.#replySize -= costOf(entry.bytes);
  }

  /** Closes the gaps when they are most of it: a peer that never reads must not make the list of dropped EVENTs grow. */
  #compact(): void {
    if (this.#entries.length < 2 * this.#count + 64) return;
    this.#entries = this.#entries.filter((entry) => entry !== undefined);
    this.#head = 0;
    this.#oldest = 0;
    if (this.#newest !== undefined) this.conflate();
  }
}

/** What an entry takes: its bytes, the array buffer around them, the object and its slot. */
export function costOf(bytes: Uint8Array): number {
  return bytes.length + ENTRY_COST;
}

const ENTRY_COST = 200;
