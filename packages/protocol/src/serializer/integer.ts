/** Integers as applications get them: a number up to ±2^53, a bigint beyond (AMB-31). */
import { MAX_ID } from "../id.ts";

export function narrow(value: bigint): number | bigint {
  return value >= -LIMIT && value <= LIMIT ? Number(value) : value;
}

const LIMIT = BigInt(MAX_ID);
