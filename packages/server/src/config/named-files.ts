/**
 * The files and directories that a configuration names: whether they are there, can be read, and hold what they should. It looks
 * at what the file holds, valid or not, so that their mistakes are told together with all others.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { accessSync, constants, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { readPrivateKey } from "../auth/key-file.ts";
import { UserError, whyUnreadable } from "../user-error.ts";
import { isRecord } from "./auth-schema.ts";
import { methodsOf } from "./consistency.ts";
import type { Finding, Path } from "./finding.ts";

export interface FileFindings {
  readonly errors: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/** @param data with absolute paths */
export function fileFindings(data: unknown, now: Date): FileFindings {
  const errors: Finding[] = [];
  const warnings: Finding[] = [];
  const found = { errors, warnings };
  for (const [path, { tls, static: files }] of entriesAt(data, "listen")) {
    if (isRecord(tls)) certificates([...path, "tls"], tls, now, found);
    for (const [within, pair] of entriesAt(tls, "also")) certificates([...path, "tls", ...within], pair, now, found);
    if (isText(files)) check([...path, "static"], errors, () => canBeServed(files));
  }
  for (const [path, realm] of [...entriesAt(data, "realms"), ...administration(data)]) {
    for (const [within, { routerKey, jwks }] of methodsOf(realm)) {
      const at = [...path, ...within];
      if (isText(routerKey) && check([...at, "routerKey"], errors, () => readPrivateKey(routerKey)))
        readableByOthers([...at, "routerKey"], routerKey, warnings);
      if (isText(jwks) && !jwks.includes("://")) check([...at, "jwks"], errors, () => keySet(jwks));
    }
    const { events } = realm;
    const store = isRecord(events) && isRecord(events["store"]) ? events["store"]["path"] : undefined;
    if (isText(store)) check([...path, "events", "store", "path"], errors, () => canHoldStore(store));
  }
  for (const [path, { module, cwd }] of entriesAt(data, "services")) {
    if (isText(module)) check([...path, "module"], errors, () => accessSync(module, constants.R_OK));
    if (isText(cwd)) check([...path, "cwd"], errors, () => directory(cwd));
  }
  for (const [path, entry] of entriesAt(data, "web")) {
    const files = isRecord(entry["static"]) ? entry["static"]["directory"] : entry["static"];
    const module = isRecord(entry["node"]) ? entry["node"]["module"] : entry["node"];
    if (isText(module))
      check([...path, "node", ...(isRecord(entry["node"]) ? ["module"] : [])], errors, () => accessSync(module, constants.R_OK));
    if (isText(files)) check([...path, "static", ...(isRecord(entry["static"]) ? ["directory"] : [])], errors, () => canBeServed(files));
  }
  return found;
}

function directory(path: string): void {
  if (!statSync(path).isDirectory()) throw new UserError(`${path} is no directory`, { remedy: "name a directory" });
}

/** Days before its end from which on a certificate is told about. */
const SOON_DAYS = 21;
const DAY_MS = 86_400_000;

function certificates(
  path: Path,
  { cert, key, clientCa }: Readonly<Record<string, unknown>>,
  now: Date,
  { errors, warnings }: { errors: Finding[]; warnings: Finding[] },
): void {
  const read = (name: string, what: string, file: unknown): X509Certificate | undefined => {
    if (!isText(file)) return undefined;
    const at = [...path, name];
    const chain = check(at, errors, () => certificatesIn(what, file));
    for (const certificate of chain ?? []) warnings.push(...validity(certificate, now).map((finding) => ({ ...finding, path: at })));
    return chain?.[0];
  };
  const own = read("cert", "certificate", cert);
  read("clientCa", "client authorities", clientCa);
  if (!isText(key)) return;
  const at = [...path, "key"];
  const privateKey = check(at, errors, () => keyIn(key));
  if (privateKey === undefined) return;
  readableByOthers(at, key, warnings);
  if (own !== undefined && !own.checkPrivateKey(privateKey))
    errors.push({
      path: at,
      message: `${key} is not the key of ${String(cert)}`,
      remedy: PEM,
    });
}

const PEM = "give certificates and an unencrypted key in PEM under listen.tls";

function readPem(what: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError(`cannot read the ${what} ${file}: ${whyUnreadable(error)}`, { remedy: "check the path under listen.tls" });
  }
}

function certificatesIn(what: string, file: string): X509Certificate[] {
  const blocks = readPem(what, file).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (blocks === null) throw new UserError(`${file} holds no certificate`, { remedy: PEM });
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new UserError(`${file} holds no certificate that can be read: ${String(error)}`, { remedy: PEM });
    }
  });
}

function keyIn(file: string): KeyObject {
  const text = readPem("key", file);
  try {
    return createPrivateKey(text);
  } catch {
    const isEncrypted = text.includes("ENCRYPTED");
    throw new UserError(`${file} holds ${isEncrypted ? "a key that is encrypted" : "no key that can be used"}`, {
      remedy: isEncrypted ? `take the passphrase away: openssl pkey -in ${file} -out plain.pem` : PEM,
    });
  }
}

function validity(certificate: X509Certificate, now: Date): Omit<Finding, "path">[] {
  const [from, to] = [certificate.validFrom, certificate.validTo].map((text) => new Date(text));
  const name = `the certificate of ${certificate.subject?.replaceAll("\n", ", ") ?? "nobody"}`;
  const day = (date: Date) => date.toISOString().slice(0, 10);
  if (from === undefined || to === undefined) return [];
  const left = Math.floor((to.getTime() - now.getTime()) / DAY_MS);
  const remedy = "renew it";
  if (now > to) return [{ message: `${name} has expired on ${day(to)}`, lint: "certificate-expired", remedy }];
  if (left < SOON_DAYS) {
    const rest = `${left} day${left === 1 ? "" : "s"}`;
    return [{ message: `${name} expires on ${day(to)}, in ${rest}`, lint: "certificate-expires", remedy }];
  }
  if (now < from)
    return [{ message: `${name} is not valid before ${day(from)}`, lint: "certificate-early", remedy: "is the clock right?" }];
  return [];
}

function readableByOthers(path: Path, file: string, warnings: Finding[]): void {
  if (process.platform === "win32" || (statSync(file).mode & 0o007) === 0) return;
  warnings.push({ path, message: `every user of this machine may read ${file}`, lint: "key-readable", remedy: `chmod 600 ${file}` });
}

function keySet(file: string): void {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserError(`${file} is no JSON`, { remedy: "name a file with a JSON Web Key Set" });
    throw error;
  }
  if (!isRecord(value) || !Array.isArray(value["keys"]))
    throw new UserError(`${file} holds no key set`, { remedy: 'expected a JSON Web Key Set: {"keys": […]}' });
}

const DISK = "name a directory on a local disk that this user may write to";

/** What is there already has to be a directory that can be written; what is not there is made. */
function canHoldStore(directory: string): void {
  let at = directory;
  while (!exists(at)) at = dirname(at);
  if (!statSync(at).isDirectory())
    throw new UserError(`cannot open the event store ${directory}: ${at === directory ? "it" : at} is no directory`, { remedy: DISK });
  try {
    accessSync(at, constants.W_OK | constants.X_OK);
  } catch {
    throw new UserError(`cannot open the event store ${directory}: this user may not write to ${at}`, { remedy: DISK });
  }
}

/** A part of the path may be a file, below which there is nothing. */
function exists(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function canBeServed(directory: string): void {
  try {
    readdirSync(directory);
  } catch (error) {
    const why = exists(directory) && !statSync(directory).isDirectory() ? "it is no directory" : whyUnreadable(error);
    throw new UserError(`cannot serve the files of ${directory}: ${why}`, {
      remedy: "name a directory that exists and that this user may read",
    });
  }
}

/** What `use` returns; where it throws, that is an error of the path. */
function check<T>(path: Path, errors: Finding[], use: () => T): T | undefined {
  try {
    return use();
  } catch (error) {
    if (error instanceof UserError)
      errors.push({ path, message: error.message, ...(error.remedy !== undefined && { remedy: error.remedy }) });
    else errors.push({ path, message: `cannot read ${fileOf(error)}${whyUnreadable(error)}`, remedy: "check the path" });
    return undefined;
  }
}

function fileOf(error: unknown): string {
  return error instanceof Error && "path" in error ? `${String(error.path)}: ` : "";
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

type Entry = readonly [Path, Readonly<Record<string, unknown>>];

/** What is a realm, too. */
function administration(data: unknown): Entry[] {
  return isRecord(data) && isRecord(data["admin"]) ? [[["admin"], data["admin"]]] : [];
}

/** The mappings in a list or mapping. */
function entriesAt(data: unknown, section: string): Entry[] {
  const all: unknown = isRecord(data) ? data[section] : undefined;
  if (!isRecord(all)) return [];
  return Object.entries(all).flatMap(([key, value]): Entry[] =>
    isRecord(value) ? [[[section, Array.isArray(all) ? Number(key) : key], value]] : [],
  );
}
