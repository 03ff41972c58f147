/** Secrets and keys, from files or standard input: nowhere else do they belong. */
import { readFileSync } from "node:fs";
import { fromHex } from "@junctor/protocol/auth";
import { UserError, whyUnreadable } from "../user-error.ts";

/** The first line of a file, or of standard input. */
export function readSecret(file: string | undefined): string {
  const source = file ?? 0;
  if (file === undefined && process.stdin.isTTY) process.stderr.write("secret (it shows; end with Enter and Ctrl-D): ");
  const [secret = ""] = read(source, file ?? "standard input").split(/\r?\n/, 1);
  if (secret === "") throw new UserError(`${file ?? "standard input"} holds no secret`, { remedy: "write it into the first line" });
  return secret;
}

/** 32 octets, as a line of 64 hex digits. @throws {UserError} */
export function readPrivateKey(file: string): Uint8Array {
  const key = fromHex(/^[0-9a-f]{64}$/im.exec(read(file, file))?.[0], 32);
  if (key === undefined)
    throw new UserError(`${file} holds no private key: a line of 64 hex digits is expected`, {
      remedy: "make one with: junctor keys ed25519 > alice.key",
    });
  return key;
}

/** @throws {UserError} */
export function readText(file: string): string {
  return read(file, file);
}

function read(source: string | number, name: string): string {
  try {
    return readFileSync(source, "utf8");
  } catch (error) {
    throw new UserError(`cannot read ${name}: ${whyUnreadable(error)}`, { remedy: "check the path" });
  }
}
