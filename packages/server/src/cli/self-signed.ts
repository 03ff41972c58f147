/**
 * A certificate that vouches for itself, for tests and machines of one's own: X.509 version 3 (RFC 5280) for an ECDSA key on
 * P-256, valid for the names and addresses given.
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

export function selfSigned(hosts: readonly string[], from: Date, days: number): { readonly cert: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(set(sequence(COMMON_NAME, der(0x0c, Buffer.from(hosts[0] ?? "localhost")))));
  const serial = randomBytes(16);
  serial.writeUInt8((serial.readUInt8(0) & 0x7f) | 0x40, 0); // positive, and of one length
  const until = new Date(from.getTime() + days * 24 * 60 * 60_000);
  const names = sequence(...hosts.map((host) => (isIP(host) === 0 ? der(0x82, Buffer.from(host)) : der(0x87, addressOctets(host)))));
  const extensions = sequence(
    sequence(SUBJECT_ALTERNATIVE_NAME, der(0x04, names)),
    sequence(BASIC_CONSTRAINTS, TRUE, der(0x04, sequence(TRUE))), // so that it may stand among the authorities that one trusts
  );
  const signed = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, serial),
    sequence(ECDSA_SHA256),
    name,
    sequence(time(from), time(until)),
    name,
    publicKey.export({ format: "der", type: "spki" }),
    der(0xa3, extensions),
  );
  const signature = sign("sha256", signed, privateKey);
  const certificate = sequence(signed, sequence(ECDSA_SHA256), der(0x03, Buffer.concat([Buffer.of(0), signature])));
  return { cert: pem("CERTIFICATE", certificate), key: String(privateKey.export({ format: "pem", type: "pkcs8" })) };
}

function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const length = body.length < 0x80 ? Buffer.of(body.length) : Buffer.of(0x82, body.length >> 8, body.length & 0xff);
  return Buffer.concat([Buffer.of(tag), length, body]);
}

function sequence(...content: readonly Buffer[]): Buffer {
  return der(0x30, ...content);
}

function set(content: Buffer): Buffer {
  return der(0x31, content);
}

/** GeneralizedTime from 2050 on, UTCTime before (RFC 5280, 4.1.2.5). */
function time(date: Date): Buffer {
  const text = `${date.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
}

function addressOctets(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function pem(label: string, octets: Buffer): string {
  const lines = octets.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

const TRUE = Buffer.from("0101ff", "hex");
const COMMON_NAME = Buffer.from("0603550403", "hex");
const SUBJECT_ALTERNATIVE_NAME = Buffer.from("0603551d11", "hex");
const BASIC_CONSTRAINTS = Buffer.from("0603551d13", "hex");
const ECDSA_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");
