/** A listener's certificate and key, from the files that the configuration names. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type TlsOptions } from "node:tls";
import type { ListenerConfig } from "./config/schema.ts";
import { UserError, whyUnreadable } from "./user-error.ts";

/** @throws {UserError} a file cannot be read, or does not hold what it should */
export function tlsOptions({ cert, key, clientCa, clientCertificate }: NonNullable<ListenerConfig["tls"]>): TlsOptions {
  const own = { cert: readPem("certificate", cert), key: readPem("key", key) };
  check(`${cert} holds no certificate`, () => new X509Certificate(own.cert));
  check(`${key} holds no key that can be used`, () => createSecureContext({ key: own.key }));
  check(`${key} is not the key of ${cert}`, () => createSecureContext(own));
  if (clientCa === undefined) return own;
  const ca = readPem("client authorities", clientCa);
  check(`${clientCa} holds no certificate`, () => new X509Certificate(ca));
  // One that is optional and not valid counts as none: the method `tls` sees verified ones only.
  return { ...own, ca, requestCert: true, rejectUnauthorized: clientCertificate === "required" };
}

function readPem(what: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError(`cannot read the ${what} ${file}: ${whyUnreadable(error)}`, { remedy: "check the path under listen.tls" });
  }
}

function check(otherwise: string, use: () => unknown): void {
  try {
    use();
  } catch (error) {
    throw new UserError(`${otherwise}: ${error instanceof Error ? error.message : String(error)}`, {
      remedy: "give certificates and an unencrypted key in PEM under listen.tls",
      cause: error,
    });
  }
}
