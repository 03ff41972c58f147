/**
 * A stretch of bytes that is written from front to back and grows. Writers keep `position` up to date and ask for room
 * with `ensure` before they write.
 */
export class ByteBuffer {
  bytes: Uint8Array;
  position: number;
  /** Where what is being written starts. A buffer may move it when it grows: offsets that outlive an `ensure` count from here. */
  start = 0;

  constructor(size = 256) {
    this.bytes = new Uint8Array(size);
    this.position = 0;
  }

  /** Makes room for `count` more bytes. `bytes` may be another array afterwards. */
  ensure(count: number): void {
    if (this.position + count > this.bytes.length) this.grow(count);
  }

  protected grow(count: number): void {
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.position + count));
    larger.set(this.bytes.subarray(0, this.position));
    this.bytes = larger;
  }

  /** Appends bytes. Below 64 a loop beats the call into the engine. */
  append(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.ensure(count);
    const target = this.bytes;
    let at = this.position;
    if (count < 64) for (let i = start; i < end; i++) target[at++] = source[i] as number;
    else {
      target.set(start === 0 && end === source.length ? source : source.subarray(start, end), at);
      at += count;
    }
    this.position = at;
  }

  /** Appends the payload of a message, which is whole: nothing before it moves any more. */
  appendPayload(source: Uint8Array, start: number, end: number): void {
    this.append(source, start, end);
  }

  /** Appends a string as UTF-8, without any length or quotes. */
  appendText(text: string): void {
    this.ensure(text.length * 3);
    const target = this.bytes;
    let at = this.position;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c >= 0x80) {
        at += encoder.encodeInto(i === 0 ? text : text.slice(i), target.subarray(at)).written;
        break;
      }
      target[at++] = c;
    }
    this.position = at;
  }

  /** @returns a copy of what was written so far */
  copy(): Uint8Array {
    return copyOf(this.bytes, 0, this.position);
  }
}

/** `bytes[start, end)` on its own. `slice` would not do: on Node.js's `Buffer`, which is a `Uint8Array`, it copies nothing. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

const encoder = new TextEncoder();
