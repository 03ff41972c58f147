/** A listener's certificate and key, from the files that the configuration names. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext, type TlsOptions } from "node:tls";
import type { ListenerConfig } from "./config/schema.ts";
import { UserError, whyUnreadable } from "./user-error.ts";

/** @throws {UserError} a file cannot be read, or does not hold what it should */
export function tlsOptions({ cert, key, also, clientCa, clientCertificate }: NonNullable<ListenerConfig["tls"]>): TlsOptions {
  const own = readPair(cert, key);
  const ca = clientCa === undefined ? undefined : readPem("client authorities", clientCa);
  if (ca !== undefined) check(`${clientCa} holds no certificate`, () => new X509Certificate(ca));
  // One that is optional and not valid counts as none: the method `tls` sees verified ones only.
  const clients = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: clientCertificate === "required" };
  if (also.length === 0) return { ...own, ...clients };
  // Whom a client's certificate is checked against goes with the context that the name chooses.
  const pairs = [own, ...also.map((pair) => readPair(pair.cert, pair.key))];
  const contexts = pairs.map((pair) => ({
    certificate: new X509Certificate(pair.cert),
    context: createSecureContext({ ...pair, ...(ca && { ca }) }),
  }));
  const choose = (name: string, answer: (error: null, context: SecureContext | undefined) => void) =>
    answer(null, contexts.find(({ certificate }) => certificate.checkHost(name) !== undefined)?.context);
  return { ...own, ...clients, SNICallback: choose };
}

interface Pair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

function readPair(cert: string, key: string): Pair {
  const pair = { cert: readPem("certificate", cert), key: readPem("key", key) };
  check(`${cert} holds no certificate`, () => new X509Certificate(pair.cert));
  check(`${key} holds no key that can be used`, () => createSecureContext({ key: pair.key }));
  check(`${key} is not the key of ${cert}`, () => createSecureContext(pair));
  return pair;
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
