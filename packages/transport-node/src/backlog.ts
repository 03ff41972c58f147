/**
 * What waits for a peer that does not read: whole frames, counted in bytes, in the order in which they are to leave. EVENTs
 * may be dropped from it by policy, anything else may not (G5).
 */

interface Entry {
  readonly bytes: Uint8Array;
  /** For EVENTs: what `conflate` keeps the last one of. `undefined` for what must not be dropped. */
  readonly key: string | undefined;
}

export class Backlog {
  #entries: (Entry | undefined)[] = [];
  /** Entries before this one have left or were dropped. */
  #head = 0;
  /** No EVENT waits before this place. */
  #oldest = 0;
  /** Where each key's newest EVENT waits, in a backlog that conflates. */
  #places: Map<string, number> | undefined = undefined;
  #size = 0;
  #replySize = 0;

  /** Bytes, with what keeping an entry costs. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of what is no EVENT. */
  get replySize(): number {
    return this.#replySize;
  }

  /** @param bytes owned by the backlog, or shared by several: never a slice of something larger */
  push(bytes: Uint8Array, key: string | undefined): void {
    const place = this.#entries.push({ bytes, key }) - 1;
    if (key !== undefined) this.#places?.set(key, place);
    const cost = bytes.length + ENTRY_COST;
    this.#size += cost;
    if (key === undefined) this.#replySize += cost;
  }

  /** Drops the EVENTs that wait longest until `room` bytes fit under `limit`. @returns how many were dropped */
  dropOldest(room: number, limit: number): number {
    let dropped = 0;
    let place = Math.max(this.#head, this.#oldest);
    for (; place < this.#entries.length && this.#size + room + ENTRY_COST > limit; place++) {
      if (this.#entries[place]?.key === undefined) continue;
      this.#drop(place);
      dropped++;
    }
    this.#oldest = place;
    return dropped;
  }

  /** Drops the EVENT with this key, so that a newer one can take over; from the first call on, keys are indexed. */
  dropKey(key: string): boolean {
    if (this.#places === undefined) {
      this.#places = new Map();
      for (let i = this.#head; i < this.#entries.length; i++) {
        const known = this.#entries[i]?.key;
        if (known !== undefined) this.#places.set(known, i);
      }
    }
    const place = this.#places.get(key);
    if (place === undefined || place < this.#head || this.#entries[place] === undefined) return false;
    this.#drop(place);
    return true;
  }

  /** Takes about `most` bytes from the front, in whole frames. @returns nothing when empty */
  take(most: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let length = 0;
    while (this.#head < this.#entries.length && length < most) {
      const entry = this.#entries[this.#head];
      this.#entries[this.#head] = undefined;
      this.#head++;
      if (entry === undefined) continue;
      taken.push(entry.bytes);
      length += entry.bytes.length;
      this.#forget(entry);
    }
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
      this.#oldest = 0;
      this.#places = undefined;
    } else if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
      this.#oldest = 0;
      this.#places = undefined;
    }
    return taken;
  }

  #drop(place: number): void {
    const entry = this.#entries[place];
    this.#entries[place] = undefined;
    if (entry !== undefined) this.#forget(entry);
  }

  #forget(entry: Entry): void {
    const cost = entry.bytes.length + ENTRY_COST;
    this.#size -= cost;
    if (entry.key === undefined) this.#replySize -= cost;
  }
}

/** What an entry takes besides its bytes: the object, its slot, and the array buffer around the bytes. */
export const ENTRY_COST = 200;
