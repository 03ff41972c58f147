/** What is kept of a ticket, and compared with what is shown: a digest always, so that all comparisons take the same time (T3, T4). */
import { createHash } from "node:crypto";

/** As a file gives it: in clear, or as SHA-256 over salt and ticket. */
export type TicketSecret = { readonly plain: string } | HashedTicket;

export interface HashedTicket {
  readonly salt: Uint8Array;
  readonly digest: Uint8Array;
}

export function ticketDigest(salt: Uint8Array, text: string): Buffer {
  return createHash("sha256").update(salt).update(text).digest();
}

/** In the one form. Of the same ticket it is the same each time, which tells after a reload that nothing has changed. */
export function hashed(secret: TicketSecret): HashedTicket {
  return "plain" in secret ? { salt: NO_SALT, digest: ticketDigest(NO_SALT, secret.plain) } : secret;
}

/** As long as `junctor keys hash --ticket` makes them: hashing a longer one would take longer. */
export const SALT_LENGTH = 16;
const NO_SALT = Buffer.alloc(SALT_LENGTH);
