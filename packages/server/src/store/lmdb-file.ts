/**
 * Looks at an LMDB file before LMDB does. LMDB maps the file into memory and believes what stands in it: where it is cut off
 * or holds something else, the process ends with SIGBUS or SIGSEGV. So all that leads to the values is walked here first:
 * both meta pages, and from the one that counts every page of every tree. The values themselves have checksums of their own.
 *
 *     page 0, 1    header · magic · version · trees: free pages, and the names of the databases · last page · transaction
 *     branch       header · offsets of nodes → pages below
 *     leaf         header · offsets of nodes → keys with values, or with where a long value lies, or with another tree
 *
 * The layout is that of LMDB's data version 2 on 64-bit machines, as mdb.c has it. A page is some 4 KiB and each is read once;
 * long values are not read.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { endianness } from "node:os";

/** @returns what is wrong with the file, or nothing where it is sound, or not of a layout that is known here */
export function damageOf(path: string): string | undefined {
  const file = openSync(path, "r");
  try {
    // LMDB would make a new one of it, without a word about what was there.
    if (fstatSync(file).size === 0) return "it is empty, and one that was ever in use is not";
    if (endianness() !== "LE" || NARROW.has(process.arch)) return undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const walk = new Walk(file);
      try {
        walk.all();
        return undefined;
      } catch (error) {
        if (!(error instanceof Damage)) throw error;
        if (walk.isCurrent()) return error.message;
      }
    }
    return undefined; // another process writes to it faster than this one reads
  } finally {
    closeSync(file);
  }
}

class Damage extends Error {}

interface Tree {
  readonly root: number;
  readonly depth: number;
  readonly isFreeList: boolean;
}

class Walk {
  readonly #file: number;
  readonly #size: number;
  #pageSize = SMALLEST_PAGE;
  #pages = 0;
  /** The highest page that is in use. */
  #last = 0;
  #walked = 0;
  #transaction = -1n;

  constructor(file: number) {
    this.#file = file;
    this.#size = fstatSync(file).size;
  }

  all(): void {
    const meta = this.#lastMeta();
    this.#transaction = transactionOf(meta);
    const [address, mapSize] = [numberAt(meta, HEADER + 8), numberAt(meta, HEADER + 16)];
    this.#last = numberAt(meta, HEADER + 24 + 2 * TREE);
    const pageSize = meta.readUInt32LE(HEADER + 24);
    if (address !== 0 || mapSize > LARGEST_MAP || this.#last * this.#pageSize > LARGEST_MAP || pageSize !== this.#pageSize)
      throw new Damage(`its description ${UNLIKE}`);
    this.#walk(treeOf(meta, HEADER + 24, true));
    this.#walk(treeOf(meta, HEADER + 24 + TREE, false));
  }

  /** Whether nobody has written to the file meanwhile. */
  isCurrent(): boolean {
    try {
      return this.#transaction === -1n || transactionOf(this.#lastMeta()) === this.#transaction;
    } catch (error) {
      if (error instanceof Damage) return true;
      throw error;
    }
  }

  /** The meta page of the last commit. */
  #lastMeta(): Buffer {
    const first = this.#metaAt(0);
    this.#pageSize = first.readUInt32LE(HEADER + 24);
    if (this.#pageSize < SMALLEST_PAGE || this.#pageSize > LARGEST_PAGE || (this.#pageSize & (this.#pageSize - 1)) !== 0)
      throw new Damage(`its pages have ${this.#pageSize} bytes`);
    const second = this.#metaAt(this.#pageSize);
    this.#pages = Math.floor(this.#size / this.#pageSize);
    return transactionOf(second) > transactionOf(first) ? second : first;
  }

  #metaAt(position: number): Buffer {
    const meta = this.#read(position, META);
    if ((meta.readUInt16LE(18) & Flag.meta) === 0 || meta.readUInt32LE(HEADER) !== MAGIC) throw new Damage("it is no LMDB file");
    const version = meta.readUInt32LE(HEADER + 4) & 0xffff;
    if (version !== VERSION) throw new Damage(`it is of LMDB's data version ${version}, not ${VERSION}`);
    return meta;
  }

  #walk({ root, depth, isFreeList }: Tree): void {
    if (root === NO_PAGE) return;
    if (depth === 0 || depth > DEEPEST) throw new Damage(`a tree of it is ${depth} pages deep`);
    this.#walkPage(root, depth, isFreeList);
  }

  /** @param height pages from here to the leaves, both included */
  #walkPage(number: number, height: number, isFreeList: boolean): void {
    this.#within(number, 1);
    if (++this.#walked > this.#pages) throw new Damage("its pages lead in a circle");
    const page = this.#read(number * this.#pageSize, this.#pageSize);
    const [lower, upper] = [page.readUInt16LE(20), page.readUInt16LE(22)];
    const isSound =
      numberAt(page, 0) === number &&
      page.readBigUInt64LE(8) <= this.#transaction &&
      page.readUInt16LE(18) === (height === 1 ? Flag.leaf : Flag.branch) &&
      lower % 2 === 0 &&
      lower <= upper &&
      upper <= this.#pageSize - HEADER &&
      lower >= (height === 1 ? 2 : 4); // nodes there are
    if (!isSound) throw new Damage(`its page ${number} ${UNLIKE}`);
    // The nodes fill the page's end without a gap.
    let left = this.#pageSize - HEADER - upper;
    for (let at = HEADER; at < HEADER + lower; at += 2) {
      const node = page.readUInt16LE(at) + HEADER;
      if (node < HEADER + upper || node + NODE > this.#pageSize) throw new Damage(`its page ${number} ${UNLIKE}`);
      const keySize = page.readUInt16LE(node + 6);
      if (height > 1) this.#walkPage(page.readUIntLE(node, 6), height - 1, isFreeList);
      else if (keySize === 0 || keySize > LONGEST_KEY) throw new Damage(`its page ${number} ${UNLIKE}`);
      const size = NODE + keySize + (height > 1 ? 0 : this.#walkValue(page, number, node, node + NODE + keySize, isFreeList));
      left -= size + (size & 1);
    }
    if (left !== 0) throw new Damage(`its page ${number} ${UNLIKE}`);
  }

  /** @returns the bytes that it takes in the leaf */
  #walkValue(page: Buffer, number: number, node: number, start: number, isFreeList: boolean): number {
    const length = page.readUInt32LE(node);
    const kind = page.readUInt16LE(node + 4);
    const size = kind === Flag.big ? BIG : length;
    const isSound =
      start + size <= this.#pageSize && (kind === 0 || kind === Flag.big || (kind === Flag.tree && length === TREE && !isFreeList));
    if (!isSound) throw new Damage(`its page ${number} ${UNLIKE}`);
    if (kind === Flag.tree) {
      this.#walk(treeOf(page, start, false));
      return size;
    }
    let value: Buffer | undefined;
    if (kind === Flag.big) {
      const first = numberAt(page, start);
      const count = Math.ceil((HEADER + length) / this.#pageSize);
      this.#within(first, count);
      if (page.readBigUInt64LE(start + 8) > this.#transaction || numberAt(page, start + 16) !== count)
        throw new Damage(`its page ${number} ${UNLIKE}`);
      if (isFreeList) value = this.#read(first * this.#pageSize + HEADER, length);
    } else if (isFreeList) value = page.subarray(start, start + size);
    // A list of free pages begins with how many entries it has.
    if (value !== undefined && (value.length < 8 || numberAt(value, 0) > value.length / 8 - 1))
      throw new Damage(`its page ${number} ${UNLIKE}`);
    return size;
  }

  #within(page: number, count: number): void {
    if (page + count > this.#pages) throw new Damage(`it is cut off: page ${page + count - 1} is missing`);
    if (page + count - 1 > this.#last) throw new Damage("it is in use beyond its end");
    if (page < METAS) throw new Damage("its pages lead in a circle");
  }

  #read(position: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let read = 0;
    while (read < length) {
      const count = readSync(this.#file, bytes, read, length - read, position + read);
      if (count === 0) throw new Damage(`it is cut off at ${position + read} bytes`);
      read += count;
    }
    return bytes;
  }
}

function treeOf(bytes: Buffer, at: number, isFreeList: boolean): Tree {
  const flags = bytes.readUInt16LE(at + 4);
  const isKnown = isFreeList ? (flags & ORDER) === INTEGER_KEYS : flags === 0 && bytes.readUInt32LE(at) === 0;
  if (!isKnown) throw new Damage(`a tree of it ${UNLIKE}`);
  return { root: numberAt(bytes, at + 40), depth: bytes.readUInt16LE(at + 6), isFreeList };
}

function transactionOf(meta: Buffer): bigint {
  return meta.readBigUInt64LE(HEADER + 24 + 2 * TREE + 8);
}

/** What a double does not hold is beyond any file. */
function numberAt(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

const UNLIKE = "is not what it was";
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const METAS = 2;
/** Bytes of a page's header, of a meta page up to its transaction, of a node's header, and of what leads to a tree and to a long value. */
const HEADER = 24;
const META = 160;
const NODE = 8;
const TREE = 48;
const BIG = 24;
const NO_PAGE = 2 ** 64;
const DEEPEST = 32;
const SMALLEST_PAGE = 256;
const LARGEST_PAGE = 0x10000;
/** Of pages: branch to meta; of nodes: big and tree */
const Flag = { branch: 1, leaf: 2, meta: 8, big: 1, tree: 2 } as const;
/** How a tree orders its keys and values, among its flags. Ours have none; the list of free pages has those of the whole file beside. */
const ORDER = 0x7f;
const INTEGER_KEYS = 8;
const LONGEST_KEY = 2_048;
/** 128 TiB, all that a process can map. */
const LARGEST_MAP = 2 ** 47;
/** Where a page number has 32 bits. */
const NARROW: ReadonlySet<string> = new Set(["arm", "ia32", "mips", "mipsel"]);
const ATTEMPTS = 5;
