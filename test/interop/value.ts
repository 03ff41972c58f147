/**
 * Values as the line protocol writes them (peers/README.md): JSON, in which bytes, floats and integers beyond 2^53 - 1 are
 * dicts with one key that starts with $, so that every language can tell what it was given, and what it got.
 */
export type Scalar = null | boolean | string | number | Bytes | Float | Wide | Other;
export type Value = Scalar | readonly Value[] | Dict;
export interface Dict {
  readonly [key: string]: Value;
}
interface Bytes {
  /** Base64. */
  readonly $bytes: string;
  readonly $tag?: number;
}
interface Float {
  readonly $float: number;
}
interface Wide {
  readonly $int: string;
  readonly $tag?: number;
}
/** What a client made of a value that is nothing of the above: the name of its type. */
interface Other {
  readonly $other: string;
}

export interface Message {
  readonly args: readonly Value[];
  readonly kwargs: Dict;
}

export const bytes = (...octets: readonly number[]): Value => ({ $bytes: Buffer.from(octets).toString("base64") });
export const float = (value: number): Value => ({ $float: value });
export const wide = (value: bigint): Value => ({ $int: String(value) });

export const isBytes = (value: Value): value is Bytes => hasTag(value, "$bytes");
export const isFloat = (value: Value): value is Float => hasTag(value, "$float");
export const isWide = (value: Value): value is Wide => hasTag(value, "$int");

function hasTag(value: Value, tag: string): boolean {
  return typeof value === "object" && value !== null && tag in value;
}

/** With a tag of CBOR around it: on the wire only, peers neither say nor are told of it. */
export const isTagged = (value: Value): boolean => hasTag(value, "$tag");
export function untagged(value: Scalar): Scalar {
  if (isBytes(value)) return { $bytes: value.$bytes };
  return isWide(value) ? { $int: value.$int } : value;
}

/** Rewrites every scalar, at any depth. @returns undefined where `change` answers so for one of them */
export function mapScalars({ args, kwargs }: Message, change: (scalar: Scalar) => Value | undefined): Message | undefined {
  let isWhole = true;
  const map = (value: Value): Value => {
    if (isList(value)) return value.map(map);
    if (!isScalar(value)) return mapDict(value);
    const changed = change(value);
    isWhole &&= changed !== undefined;
    return changed ?? null;
  };
  const mapDict = (dict: Dict): Dict => Object.fromEntries(Object.entries(dict).map(([key, value]) => [key, map(value)]));
  const mapped = { args: args.map(map), kwargs: mapDict(kwargs) };
  return isWhole ? mapped : undefined;
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function isScalar(value: Scalar | Dict): value is Scalar {
  return typeof value !== "object" || value === null || Object.keys(value).some((key) => key.startsWith("$"));
}
