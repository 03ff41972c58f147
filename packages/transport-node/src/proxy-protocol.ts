/**
 * The header that a proxy puts before a connection to say whose it is: the PROXY protocol of HAProxy, versions 1 (a line of
 * text) and 2 (binary). Only what trusted proxies send is read.
 *
 * Spec: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, 2.1 and 2.2.
 */
import { isIPv4, isIPv6 } from "node:net";
import { canonicalAddress } from "./address.ts";

export interface ProxyHeader {
  /** Octets of the header. */
  readonly length: number;
  /** The client's; `undefined` where the connection is the proxy's own, or its client has none. */
  readonly address: string | undefined;
}

/**
 * @returns `"more"` while the header may still become whole
 * @throws {SyntaxError} what arrives is no such header
 */
export function parseProxyHeader(octets: Buffer): ProxyHeader | "more" {
  if (startsAlike(octets, SIGNATURE)) return octets.length < SIGNATURE.length + 4 ? "more" : parseBinary(octets);
  if (startsAlike(octets, PREFIX)) return octets.length < PREFIX.length ? "more" : parseText(octets);
  throw new SyntaxError("a trusted proxy has to begin with a PROXY protocol header, and this is none");
}

function parseText(octets: Buffer): ProxyHeader | "more" {
  const end = octets.subarray(0, LONGEST_LINE).indexOf("\r\n");
  if (end < 0) {
    if (octets.length < LONGEST_LINE) return "more";
    throw new SyntaxError(`a PROXY line has at most ${LONGEST_LINE} octets`);
  }
  const length = end + 2;
  const [, family, source = "", target = "", ...ports] = octets.toString("latin1", 0, end).split(" ");
  if (family === "UNKNOWN") return { length, address: undefined };
  const isAddress = family === "TCP4" ? isIPv4 : family === "TCP6" ? isIPv6 : () => false;
  if (!isAddress(source) || !isAddress(target) || ports.length !== 2 || !ports.every(isPort))
    throw new SyntaxError("a PROXY line names family, two addresses and two ports");
  return { length, address: canonicalAddress(source) };
}

function parseBinary(octets: Buffer): ProxyHeader | "more" {
  const versionAndCommand = octets.readUInt8(12);
  const familyAndProtocol = octets.readUInt8(13);
  const rest = octets.readUInt16BE(14);
  const length = HEAD + rest;
  const command = versionAndCommand & 0x0f;
  if (versionAndCommand >> 4 !== 2 || command > 1)
    throw new SyntaxError("a binary PROXY header has version 2 and the command LOCAL or PROXY");
  if (length > LONGEST_BINARY) throw new SyntaxError(`a binary PROXY header of ${length} octets; at most ${LONGEST_BINARY} are taken`);
  const family = familyAndProtocol >> 4;
  const least = ADDRESSES[family];
  if (least === undefined || (command === 1 && rest < least))
    throw new SyntaxError("a binary PROXY header whose addresses are not all there");
  if (octets.length < length) return "more";
  if (command === 0) return { length, address: undefined };
  if (family === 1) return { length, address: octets.subarray(HEAD, HEAD + 4).join(".") };
  if (family === 2) return { length, address: canonicalAddress(ipv6(octets.subarray(HEAD, HEAD + 16))) };
  return { length, address: undefined };
}

function ipv6(octets: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i).toString(16)).join(":");
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

/** As far as both go. */
function startsAlike(octets: Buffer, prefix: Buffer): boolean {
  const length = Math.min(octets.length, prefix.length);
  return octets.subarray(0, length).equals(prefix.subarray(0, length));
}

const PREFIX = Buffer.from("PROXY ");
const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const HEAD = 16;
/** Octets of the addresses, by family: unspecified, IPv4, IPv6, UNIX. */
const ADDRESSES: readonly (number | undefined)[] = [0, 12, 36, 216];
/** With its end. */
const LONGEST_LINE = 107;
/** Addresses, and what else a proxy may want to say. */
const LONGEST_BINARY = HEAD + 2_048;
