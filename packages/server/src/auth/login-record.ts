/**
 * Browsers' log-ins on the disk, so that they outlive the server: a journal of log-ins and log-outs, one line each. It has no
 * cookie and no credential, but digests that are worth nothing without the cookie they came with.
 *
 *     <16 hex digits of the line's SHA-256> <JSON>
 *
 * What cannot be read, or written, costs log-ins: never the start of the server, and never a log-out.
 */
import { createHash } from "node:crypto";
import { closeSync, fchmodSync, fdatasync, fdatasyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { Payload } from "@junctor/protocol";
import { JsonSerializer } from "@junctor/protocol/serializer/json";
import { z } from "zod";
import type { ServerEvent } from "../log.ts";
import { isMissing, whyUnreadable } from "../user-error.ts";

const storedLogin = z.object({
  /** The first half of the cookie's digest. */
  name: z.string().regex(/^[0-9a-f]{64}$/),
  realm: z.string(),
  /** Milliseconds since 1970. */
  until: z.number(),
  isLease: z.boolean(),
  grant: z.object({
    authid: z.string(),
    roles: z.array(z.string()),
    authprovider: z.string(),
    authextra: z.record(z.string(), z.unknown()).exactOptional(),
  }),
  /** What it was proved with, under a key that only the cookie has. */
  proofs: z.array(z.string()),
});
const line = z.union([z.object({ login: storedLogin }), z.object({ logout: z.string() })]);

export type StoredLogin = z.output<typeof storedLogin>;

export interface LoginRecordOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Told of what was lost, and why. */
  readonly failed: (file: string, message: string) => void;
}

/** What is to be kept when the journal is written anew: those who are logged in. */
export interface LiveLogins {
  readonly size: number;
  stored(): Iterable<StoredLogin>;
}

export class LoginRecord {
  readonly #file: string;
  readonly #options: LoginRecordOptions;
  /** Of the file, once something was written. */
  #descriptor: number | undefined;
  /** Of the one that is to take its place: what happens meanwhile stands in both. */
  #fresh: number | undefined;
  #lines = 0;

  /** @param file made with its directory when the first browser logs in */
  constructor(file: string, options: LoginRecordOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** What a server before this one has left, the oldest first, without what is over. */
  read(): readonly StoredLogin[] {
    let text: string;
    try {
      text = readFileSync(this.#file, "utf8");
    } catch (error) {
      if (!isMissing(error)) this.#tell(`it cannot be read: ${whyUnreadable(error)}`);
      return [];
    }
    const lines = text.split("\n");
    const torn = lines.pop() !== ""; // the machine failed in the middle of it
    const logins = new Map<string, StoredLogin>();
    let damaged = 0;
    for (const entry of lines.map(parsed)) {
      if (entry === undefined) damaged++;
      else if ("logout" in entry) logins.delete(entry.logout);
      else if (entry.login.until > this.#options.now()) logins.set(entry.login.name, entry.login);
    }
    if (damaged > 0) {
      // There may have been a log-out among them.
      this.#tell(`${damaged} of its ${lines.length} lines are not what was written: all browsers have to log in again`);
      logins.clear();
    }
    const kept = [...logins.values()];
    this.#lines = lines.length;
    if (torn || damaged > 0) this.#rewrite({ size: kept.length, stored: () => kept }, Number.POSITIVE_INFINITY);
    return kept;
  }

  login(login: StoredLogin, live: LiveLogins): void {
    this.#append({ login }, live);
  }

  logout(name: string, live: LiveLogins): void {
    this.#append({ logout: name }, live);
    // It is to hold even if the machine fails a moment later.
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    fdatasync(descriptor, (error) => {
      if (error !== null && descriptor === this.#descriptor) this.#abandon(error); // not of a file that another has replaced
    });
  }

  close(): void {
    for (const descriptor of [this.#descriptor, this.#fresh]) if (descriptor !== undefined) closeSync(descriptor);
    if (this.#fresh !== undefined) rmSync(`${this.#file}.new`, { force: true });
    this.#descriptor = undefined;
    this.#fresh = undefined;
  }

  #append(entry: z.input<typeof line>, live: LiveLogins): void {
    try {
      this.#descriptor ??= this.#open();
      const text = written(entry);
      for (const descriptor of [this.#descriptor, this.#fresh]) if (descriptor !== undefined) writeSync(descriptor, text);
      this.#lines++;
      if (this.#lines > 2 * live.size + SLACK) this.#rewrite(live, SLICE);
    } catch (error) {
      this.#abandon(error);
    }
  }

  #open(): number {
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    return privately(this.#file, "a");
  }

  /** Without what is over, so many lines at a time: others want to be served meanwhile. */
  #rewrite(live: LiveLogins, slice: number): void {
    if (this.#fresh !== undefined) return;
    try {
      const fresh = privately(`${this.#file}.new`, "w");
      this.#fresh = fresh;
      this.#lines = live.size;
      const rest = live.stored()[Symbol.iterator]();
      const go = () => {
        if (this.#fresh !== fresh) return; // closed meanwhile
        try {
          for (let i = 0; i < slice; i++) {
            const { done, value } = rest.next();
            if (done === true) return this.#replace(fresh);
            if (value.until > this.#options.now()) writeSync(fresh, written({ login: value }));
          }
          setImmediate(go);
        } catch (error) {
          this.#abandon(error);
        }
      };
      go();
    } catch (error) {
      this.#abandon(error);
    }
  }

  #replace(fresh: number): void {
    fdatasyncSync(fresh);
    renameSync(`${this.#file}.new`, this.#file);
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = fresh;
    this.#fresh = undefined;
  }

  /** A log-out that is not on the disk would be undone by the next start: rather nobody stays logged in. */
  #abandon(error: unknown): void {
    this.#tell(`it cannot be written, and browsers have to log in again after the next start: ${whyUnreadable(error)}`);
    try {
      this.close();
      rmSync(this.#file, { force: true });
    } catch {
      // Its directory is not this user's any more: there is nothing that could be done about it.
    }
    this.#lines = 0;
  }

  #tell(message: string): void {
    this.#options.failed(this.#file, message);
  }
}

/** The record of a server with that state directory. */
export function loginRecord(directory: string, wallClock: () => Date, log: (event: ServerEvent) => void): LoginRecord {
  return new LoginRecord(join(directory, "logins"), {
    now: () => wallClock().getTime(),
    failed: (file, message) => log({ event: "logins.lost", file, message }),
  });
}

const json = new JsonSerializer();

/** WAMP's JSON, which keeps bytes and large integers. */
function written(entry: z.input<typeof line>): string {
  const text = Buffer.from(Payload.of([entry]).bytes(json)).toString("utf8");
  return `${digestOf(text)} ${text}\n`;
}

function parsed(text: string): z.output<typeof line> | undefined {
  const [digest, body] = [text.slice(0, DIGEST_LENGTH), text.slice(DIGEST_LENGTH + 1)];
  if (digestOf(body) !== digest) return undefined;
  try {
    const bytes = Buffer.from(body);
    const [[entry]] = z.tuple([z.array(z.unknown())]).parse(json.decodeValues(bytes, 0, bytes.length, 1));
    return line.parse(entry);
  } catch {
    return undefined;
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, DIGEST_LENGTH);
}

/** Readable for this user only, also where it was there before. */
function privately(file: string, flags: "a" | "w"): number {
  const descriptor = openSync(file, flags, 0o600);
  fchmodSync(descriptor, 0o600);
  return descriptor;
}

const DIGEST_LENGTH = 16;
/** Lines that may be of no use any more, beyond as many as are. */
const SLACK = 1_000;
const SLICE = 200;
