/** `junctor keys`: makes keys, and entries for a users file that hold no secret in clear. Secrets come from a file or from standard input. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { autobahnSalted, craKey, type ScramParameters, saltedPassword, saslprep, scramKeys, toHex } from "@junctor/protocol/auth";
import { readPrivateKey, readSecret } from "../auth/key-file.ts";
import { nodeCrypto } from "../auth/node-crypto.ts";
import { SALT_LENGTH, ticketDigest } from "../auth/ticket-secret.ts";
import { Exit, UserError, whyUnreadable } from "../user-error.ts";
import { line } from "./print.ts";
import { selfSigned } from "./self-signed.ts";

/** The private key goes to standard output, for a file; the public one to standard error, for people. */
export async function ed25519(options: { readonly json?: boolean }): Promise<void> {
  const privateKey = randomBytes(32);
  const publicKey = toHex(await nodeCrypto.ed25519PublicKey(privateKey));
  if (options.json === true) {
    line(JSON.stringify({ privateKey: toHex(privateKey), publicKey }));
    return;
  }
  line(toHex(privateKey));
  process.stderr.write(`public key, for the users file: ${publicKey}\n`);
}

export async function publicKey(file: string): Promise<void> {
  line(toHex(await nodeCrypto.ed25519PublicKey(readPrivateKey(file))));
}

export function token(): void {
  line(randomBytes(32).toString("base64url"));
}

export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
  readonly host: readonly string[];
  readonly days: string;
}

/** Writes a certificate that vouches for itself, and its key. What is there already is not overwritten. */
export function tlsSelf({ cert, key, host, days }: TlsOptions): void {
  const hosts = host.length === 0 ? ["localhost", "127.0.0.1", "::1"] : host;
  const wrong = hosts.find((name) => isIP(name) === 0 && !/^(\*\.)?[a-zA-Z0-9]([a-zA-Z0-9.-]{0,250}[a-zA-Z0-9])?$/.test(name));
  const count = Number(days);
  if (wrong !== undefined)
    throw new UserError(`${JSON.stringify(wrong)} is no host name and no address`, {
      remedy: "for example --host router.example --host 10.0.0.7",
      exitCode: Exit.usage,
    });
  if (!Number.isInteger(count) || count < 1 || count > 3_650)
    throw new UserError(`a certificate cannot be valid for ${days} days`, { remedy: "give a number from 1 to 3650", exitCode: Exit.usage });
  const made = selfSigned(hosts, new Date(), count);
  write(key, made.key, 0o600);
  write(cert, made.cert, 0o644);
  line(`tls: {cert: ${cert}, key: ${key}}`);
  process.stderr.write(`valid ${count} days for ${hosts.join(", ")}; clients have to be given ${cert} as an authority\n`);
}

function write(file: string, text: string, mode: number): void {
  try {
    writeFileSync(file, text, { mode, flag: "wx" });
  } catch (error) {
    const exists = error instanceof Error && "code" in error && error.code === "EEXIST";
    throw new UserError(exists ? `${file} is there already, and is not overwritten` : `cannot write ${file}: ${whyUnreadable(error)}`, {
      remedy: "name another file",
    });
  }
}

export interface HashOptions {
  readonly ticket?: boolean;
  readonly cra?: boolean;
  readonly scram?: boolean;
  readonly argon2id?: boolean;
  readonly autobahn?: boolean;
  readonly file?: string;
}

/** Prints the value of `ticket`, `wampcra` or `scram` in a users file. */
export async function hash(options: HashOptions): Promise<void> {
  const kinds = [options.ticket, options.cra, options.scram].filter((kind) => kind === true);
  if (kinds.length !== 1)
    throw new UserError("hash makes one kind of entry", { remedy: "give one of --ticket, --cra and --scram", exitCode: Exit.usage });
  if (options.scram !== true && (options.argon2id === true || options.autobahn === true))
    throw new UserError("--argon2id and --autobahn say how a SCRAM entry is made", {
      remedy: "give them with --scram",
      exitCode: Exit.usage,
    });
  const secret = readSecret(options.file);
  if (options.ticket === true) {
    const salt = randomBytes(SALT_LENGTH);
    line(`ticket: "sha256:${salt.toString("base64")}:${ticketDigest(salt, secret).toString("base64")}"`);
  } else if (options.cra === true) {
    const salting = { salt: randomBytes(16).toString("base64"), iterations: 100_000, keylen: 32 };
    line(
      `wampcra: {key: "${await craKey(nodeCrypto, secret, salting)}", salt: "${salting.salt}", iterations: ${salting.iterations}, keylen: ${salting.keylen}}`,
    );
  } else line(await scramEntry(secret, options.argon2id === true || options.autobahn === true, options.autobahn === true));
}

async function scramEntry(secret: string, isArgon: boolean, isAutobahn: boolean): Promise<string> {
  const password = saslprep(secret);
  if (password === undefined)
    throw new UserError("the password holds characters that WAMP-SCRAM does not allow (RFC 4013)", {
      remedy: "leave out control characters",
    });
  const salt = randomBytes(16).toString("base64");
  const parameters: ScramParameters = isArgon
    ? { kdf: "argon2id13", salt, iterations: 3, memory: 65_536 }
    : { kdf: "pbkdf2", salt, iterations: 100_000 };
  const salted = await saltedPassword(nodeCrypto, password, parameters);
  const { storedKey, serverKey } = await scramKeys(nodeCrypto, isAutobahn ? autobahnSalted(salted) : salted);
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const memory = parameters.memory === undefined ? "" : `, memory: ${parameters.memory}`;
  return `scram: {kdf: ${parameters.kdf}, salt: "${salt}", iterations: ${parameters.iterations}${memory}, storedKey: "${text(storedKey)}", serverKey: "${text(serverKey)}"}`;
}
