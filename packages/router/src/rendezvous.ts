/**
 * Rendezvous hashing: each key picks the candidate that it has the highest score with. A candidate that comes or goes moves
 * its own keys only, and everybody who knows the candidates picks the same, without a table.
 */

/** @returns a 32-bit score of a key with a candidate, evenly spread */
export function score(key: string, candidate: string): number {
  // FNV-1a over both texts with a separator that is in neither, then the finish of MurmurHash3, which FNV lacks: without it
  // candidates that differ in their last characters only would come in the same order for all keys.
  let hash = mix(mix(0x811c9dc5, candidate) ^ 0xffff, key);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mix(hash: number, text: string): number {
  let mixed = hash;
  for (let i = 0; i < text.length; i++) mixed = Math.imul(mixed ^ text.charCodeAt(i), 0x01000193);
  return mixed;
}
