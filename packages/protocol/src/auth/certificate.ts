/**
 * The certificates of cryptosign: a chain that vouches for a public key which the router does not know, from the client's own
 * certificate up to a root that the router trusts (requirements 7.5, AUTH-CS-11 to AUTH-CS-14; AMB-111).
 *
 *     delegate ── authority ── … ── authority whose issuer and subject are the root
 *
 * A certificate is EIP-712 typed data, signed by an Ethereum account. What it says of its own domain and types is not looked
 * at: what was signed is computed from the types of the specification, so that a signature over other ones does not fit.
 */
import { fromHex, toHex } from "./hex.ts";

export interface CertificateCrypto {
  keccak256(data: Uint8Array): Uint8Array;
  /**
   * The key that made a signature on secp256k1.
   *
   * @param signature r and s, 64 octets
   * @returns x and y, 64 octets; `undefined` for a signature that is none
   */
  secp256k1Signer(digest: Uint8Array, signature: Uint8Array, recovery: 0 | 1): Uint8Array | undefined;
}

interface AnyCertificate {
  readonly chainId: bigint;
  /** Addresses are 0x and 40 lower-case hex digits, as `addressOf` makes them. */
  readonly verifyingContract: string;
  /** The block from which on it is valid. */
  readonly validFrom: bigint;
  readonly meta: string;
}

/** A client's own: its account vouches for the key of a session. */
export interface DelegateCertificate extends AnyCertificate {
  readonly kind: "delegate";
  readonly delegate: string;
  /** 64 lower-case hex digits. */
  readonly csPubKey: string;
  readonly bootedAt: bigint;
}

export interface AuthorityCertificate extends AnyCertificate {
  readonly kind: "authority";
  readonly issuer: string;
  readonly subject: string;
  readonly realm: string;
  /** Bits of `CAPABILITIES`. */
  readonly capabilities: bigint;
}

export interface SignedCertificate {
  readonly certificate: DelegateCertificate | AuthorityCertificate;
  /** r, s and v: 65 octets. */
  readonly signature: Uint8Array;
}

/** What a router takes a chain for. */
export interface ExpectedChain {
  /** The root's address. */
  readonly trustRoot: string;
  readonly chainId: bigint;
  readonly verifyingContract: string;
  /** The realm's address. */
  readonly realm: string;
  /** The block that the blockchain is at. Where it is not known, no certificate is too young. */
  readonly currentBlock?: bigint | undefined;
}

/** What holders of a certificate are entitled to, by bit. */
export const CAPABILITIES = [
  "root_ca",
  "intermediate_ca",
  "public_relay",
  "private_relay",
  "gateway",
  "exchange",
  "provider",
  "consumer",
] as const;

/** HELLO's `certificates`. @returns `undefined` for anything that is no list of one to ten signed certificates */
export function certificatesOf(value: unknown): readonly SignedCertificate[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > LONGEST_CHAIN) return undefined;
  const certificates = value.map(signedCertificate);
  return certificates.every((each) => each !== undefined) ? certificates : undefined;
}

/** An address in one form. It comes as text, in any case; or as 20 octets where the serializer has octets. */
export function addressOf(value: unknown): string | undefined {
  const text = value instanceof Uint8Array ? `0x${toHex(value)}` : value;
  return typeof text === "string" && /^0x[0-9a-fA-F]{40}$/.test(text) ? text.toLowerCase() : undefined;
}

/** With upper-case digits as a checksum (EIP-55): the form that people are shown. */
export function checksummed({ keccak256 }: Pick<CertificateCrypto, "keccak256">, address: string): string {
  const digits = address.slice(2).toLowerCase();
  const hash = toHex(keccak256(UTF8.encode(digits)));
  return `0x${digits.replace(/[a-f]/g, (digit, at: number) => (Number.parseInt(hash.charAt(at), 16) >= 8 ? digit.toUpperCase() : digit))}`;
}

/** What its account signs (EIP-712). */
export function certificateDigest(
  { keccak256 }: Pick<CertificateCrypto, "keccak256">,
  certificate: SignedCertificate["certificate"],
): Uint8Array {
  const hashed = (text: string) => keccak256(UTF8.encode(text));
  const words = (type: string, ...members: readonly Uint8Array[]) => keccak256(joined([hashed(type), ...members]));
  const { chainId, verifyingContract, validFrom, meta } = certificate;
  const common = [uint(chainId), address(verifyingContract), uint(validFrom)];
  const struct =
    certificate.kind === "delegate"
      ? words(DELEGATE_TYPE, ...common, address(certificate.delegate), hex(certificate.csPubKey), uint(certificate.bootedAt), hashed(meta))
      : words(
          AUTHORITY_TYPE,
          ...common,
          ...[address(certificate.issuer), address(certificate.subject), address(certificate.realm)],
          ...[uint(certificate.capabilities), hashed(meta)],
        );
  const domain = words("EIP712Domain(string name,string version)", hashed("WMP"), hashed("1"));
  return keccak256(joined([new Uint8Array([0x19, 0x01]), domain, struct]));
}

/** The account that signed a certificate. */
export function signerOf(crypto: CertificateCrypto, { certificate, signature }: SignedCertificate): string | undefined {
  const recovery = (signature[64] ?? 0) - 27;
  if (recovery !== 0 && recovery !== 1) return undefined;
  const key = crypto.secp256k1Signer(certificateDigest(crypto, certificate), signature.subarray(0, 64), recovery);
  return key === undefined ? undefined : `0x${toHex(crypto.keccak256(key).subarray(-20))}`;
}

/** Goes on towards the root with certificates that both sides have agreed on before (AUTH-CS-11). */
export function continued(chain: readonly SignedCertificate[], known: readonly SignedCertificate[]): readonly SignedCertificate[] {
  const whole = [...chain];
  while (whole.length < LONGEST_CHAIN) {
    const last = whole.at(-1)?.certificate;
    if (last === undefined || (last.kind === "authority" && last.issuer === last.subject)) break;
    const wanted = last.kind === "delegate" ? last.delegate : last.issuer;
    const next = known.find(({ certificate }) => certificate.kind === "authority" && certificate.subject === wanted);
    if (next === undefined) break;
    whole.push(next);
  }
  return whole;
}

/** What a chain that breaks no rule says: who holds the key, and what the certificate above its own entitles it to. */
export interface Holder {
  readonly delegate: string;
  readonly csPubKey: string;
  readonly capabilities: bigint;
}

/**
 * Whether a chain is what the router expects, the cheap rules before the signatures (AUTH-CS-12).
 *
 * @returns the rule that it breaks, in words, or whose it is
 */
export function checkChain(crypto: CertificateCrypto, chain: readonly SignedCertificate[], expected: ExpectedChain): Holder | string {
  const [first, ...others] = chain.map(({ certificate }) => certificate);
  const authorities = others.flatMap((certificate) => (certificate.kind === "authority" ? [certificate] : []));
  const [lowest] = authorities;
  const root = authorities.at(-1);
  if (first?.kind !== "delegate" || lowest === undefined || root === undefined || authorities.length < others.length)
    return "CCR-3: the first is a delegate's certificate, and all others, of which there is one at least, are an authority's";
  for (const { chainId, verifyingContract, validFrom } of [first, ...authorities]) {
    if (chainId !== expected.chainId || verifyingContract !== expected.verifyingContract)
      return "CCR-1: each certificate is of the chain and the contract that the router expects";
    if (expected.currentBlock !== undefined && validFrom > expected.currentBlock)
      return "CCR-1: no certificate is valid from a later block on";
  }
  if (authorities.some(({ realm }) => realm !== expected.realm)) return "CCR-2: each certificate is of the realm that the router expects";
  if (root.issuer !== root.subject || root.subject !== expected.trustRoot) return "CCR-4: the last certificate is the trust root's own";
  if (lowest.subject !== first.delegate) return "CCR-8: the delegate is the subject of the certificate above its own";
  if (lowest.validFrom > first.validFrom) return "CCR-9: no certificate is valid before the one above it";
  for (const [i, { issuer, validFrom, capabilities }] of authorities.entries()) {
    const above = authorities[i + 1];
    if (capabilities >> BigInt(CAPABILITIES.length) !== 0n) return "CCR-7: a certificate has capabilities that nobody knows";
    if (above === undefined) {
      if ((capabilities & ROOT_CA) === 0n) return "the last certificate is not entitled to be a root";
      continue;
    }
    if (issuer !== above.subject) return "CCR-5: each certificate's issuer is the subject of the one above it";
    if (validFrom < above.validFrom) return "CCR-6: no certificate is valid before the one above it";
    if ((capabilities & ~above.capabilities) !== 0n) return "CCR-7: no certificate entitles to more than the one above it";
    // The rules do not say what these bits are for, and without it any holder could vouch for others.
    if (i > 0 && (capabilities & INTERMEDIATE_CA) === 0n) return "a certificate vouches for another, which it is not entitled to";
  }
  for (const signed of chain) {
    const { certificate } = signed;
    const isDelegate = certificate.kind === "delegate";
    if (signerOf(crypto, signed) !== (isDelegate ? certificate.delegate : certificate.issuer))
      return isDelegate ? "CCR-12: the delegate signs its certificate" : "CCR-10, CCR-11: the issuer signs its certificate";
  }
  return { delegate: first.delegate, csPubKey: first.csPubKey, capabilities: lowest.capabilities };
}

function signedCertificate(value: unknown): SignedCertificate | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [typed, signed] = value as readonly unknown[];
  const signature = fromHex(signed, 65);
  if (!isRecord(typed) || !isRecord(typed["message"]) || signature === undefined) return undefined;
  const certificate =
    typed["primaryType"] === "EIP712DelegateCertificate"
      ? delegateCertificate(typed["message"])
      : typed["primaryType"] === "EIP712AuthorityCertificate"
        ? authorityCertificate(typed["message"])
        : undefined;
  return certificate === undefined ? undefined : { certificate, signature };
}

function delegateCertificate(message: Fields): DelegateCertificate | undefined {
  const common = anyCertificate(message);
  const delegate = addressOf(message["delegate"]);
  const csPubKey = keyOf(message["csPubKey"]);
  const bootedAt = uintOf(message["bootedAt"], 64);
  if (common === undefined || delegate === undefined || csPubKey === undefined || bootedAt === undefined) return undefined;
  return { kind: "delegate", ...common, delegate, csPubKey, bootedAt };
}

function authorityCertificate(message: Fields): AuthorityCertificate | undefined {
  const common = anyCertificate(message);
  const issuer = addressOf(message["issuer"]);
  const subject = addressOf(message["subject"]);
  const realm = addressOf(message["realm"]);
  const capabilities = uintOf(message["capabilities"], 64);
  if (common === undefined || issuer === undefined || subject === undefined || realm === undefined || capabilities === undefined)
    return undefined;
  return { kind: "authority", ...common, issuer, subject, realm, capabilities };
}

function anyCertificate(message: Fields): AnyCertificate | undefined {
  const chainId = uintOf(message["chainId"], 256);
  const verifyingContract = addressOf(message["verifyingContract"]);
  const validFrom = uintOf(message["validFrom"], 256);
  const { meta } = message;
  if (chainId === undefined || verifyingContract === undefined || validFrom === undefined || typeof meta !== "string") return undefined;
  return { chainId, verifyingContract, validFrom, meta };
}

/** @returns `undefined` as well for a number that is not exact any more: JSON's reader in JavaScript makes such ones */
function uintOf(value: unknown, bits: number): bigint | undefined {
  if (typeof value !== "bigint" && !(typeof value === "number" && Number.isSafeInteger(value))) return undefined;
  const exact = BigInt(value);
  return exact >= 0n && exact >> BigInt(bits) === 0n ? exact : undefined;
}

function keyOf(value: unknown): string | undefined {
  const key = value instanceof Uint8Array ? value : fromHex(value, 32);
  return key?.length === 32 ? toHex(key) : undefined;
}

function uint(value: bigint): Uint8Array {
  return hex(value.toString(16).padStart(64, "0"));
}

function address(value: string): Uint8Array {
  return hex(value.slice(2).padStart(64, "0"));
}

/** One word of the encoding: 32 octets. */
function hex(digits: string): Uint8Array {
  return fromHex(digits, 32) ?? new Uint8Array(32);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

type Fields = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

const UTF8 = new TextEncoder();
const LONGEST_CHAIN = 10;
const ROOT_CA = 1n;
const INTERMEDIATE_CA = 2n;
const COMMON_TYPE = "uint256 chainId,address verifyingContract,uint256 validFrom";
const DELEGATE_TYPE = `EIP712DelegateCertificate(${COMMON_TYPE},address delegate,bytes32 csPubKey,uint64 bootedAt,string meta)`;
const AUTHORITY_TYPE = `EIP712AuthorityCertificate(${COMMON_TYPE},address issuer,address subject,address realm,uint64 capabilities,string meta)`;
