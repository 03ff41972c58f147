/** Hexadecimal, as cryptosign writes keys and signatures (AMB-115). */

export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** Both cases, no prefix. @returns `undefined` for anything else, and for another length than `length` bytes */
export function fromHex(text: unknown, length: number): Uint8Array | undefined {
  if (typeof text !== "string" || text.length !== length * 2 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
