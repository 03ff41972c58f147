/**
 * What a router allocates dies young, but for its sessions. Each of them that comes lets V8's young generation grow, up to twice
 * 16 MiB, which sessions that do nothing then seem to need: 15 KiB each, with two thousand of them, where 8 do (bench idle). As
 * large as it is when the router has started, twice 4 or 8 MiB, it costs a routed call nothing: between 2 and 16 MiB a half no
 * difference was to be seen (bench/routing.mjs).
 */
import { setFlagsFromString } from "node:v8";

/** The young generation stays as large as it is. V8 asks this flag whenever it would let it grow. */
export function keepYoungGeneration(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
