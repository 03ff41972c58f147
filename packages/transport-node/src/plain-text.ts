/**
 * Finds the end of long stretches of plain text in JSON strings, sixteen octets at a time: by WebAssembly, because JavaScript
 * has no vectors. With the copy into its memory 64 KiB take 10 µs, where words of four octets take 26; what JSON.parse needs for
 * the same is 55 (bench/decode.mjs, rpc64k).
 *
 * The module, written by hand; the plain version is in its test:
 *
 *     (memory (export "m") 1)
 *     (func (export "f") (param $at i32) (param $end i32) (result i32) (local $v v128)
 *       (block $out (loop $next
 *         (br_if $out (i32.gt_u (i32.add (local.get $at) (i32.const 16)) (local.get $end)))
 *         (local.set $v (v128.load (local.get $at)))
 *         (br_if $out (v128.any_true (v128.or (v128.or
 *           (i8x16.lt_s (local.get $v) (i8x16.splat (i32.const 0x20))) ;; controls, and what is not ASCII: negative
 *           (i8x16.eq (local.get $v) (i8x16.splat (i32.const 0x22))))
 *           (i8x16.eq (local.get $v) (i8x16.splat (i32.const 0x5c))))))
 *         (local.set $at (i32.add (local.get $at) (i32.const 16)))
 *         (br $next)))
 *       (local.get $at))
 */
import { portableText } from "@junctor/protocol";

const MODULE =
  "AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBAAEHCQIBbQIAAWYAAApKAUgBAXsCQANAIABBEGogAUsNASAA/QAAACECIAJBIP0P/SUgAkEi/Q/9I/1QIAJB3AD9D/0j/VD9Uw0BIABBEGohAAwACwsgAAs=";

interface Scanner {
  readonly m: { readonly buffer: ArrayBuffer };
  /** @returns where the first sixteen octets begin that are not all plain, or do not end before `end` */
  f(at: number, end: number): number;
}

/** `undefined` where the engine has no vectors. */
const scanner = ((): Scanner | undefined => {
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Module: new (bytes: Uint8Array) => object; Instance: new (module: object) => { readonly exports: Scanner } };
  };
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(MODULE, "base64"))).exports;
  } catch {
    return undefined;
  }
})();

/** See `TextCodec.skipPlain`. */
export const skipPlain = scanner === undefined ? portableText.skipPlain : skipBy(scanner);

function skipBy({ m, f }: Scanner): (bytes: Uint8Array, start: number, end: number) => number {
  const memory = new Uint8Array(m.buffer);
  return (bytes, start, end) => {
    const near = start + WORDS_FIRST;
    if (near >= end) return portableText.skipPlain(bytes, start, end);
    let at = portableText.skipPlain(bytes, start, near);
    if (near - at >= 4) return at;
    // Blocks grow, so that a short stretch does not pay for the copy of a long one.
    for (let block = FIRST_BLOCK; ; block = LARGEST_BLOCK) {
      const size = Math.min(block, end - at);
      memory.set(bytes.subarray(at, at + size));
      const plain = f(0, size);
      at += plain;
      if (plain < block) return at;
    }
  };
}

/** Copying pays for what is longer. */
const WORDS_FIRST = 512;
/** Multiples of sixteen. */
const FIRST_BLOCK = 2 << 10;
const LARGEST_BLOCK = 16 << 10;
