/**
 * What authentication can bind to in a TLS connection: the client's certificate, and data that only the two ends of the
 * channel know. Both sides use it.
 *
 * Spec: requirements 7.4, 7.5; AMB-108; RFC 5929, RFC 9266.
 */
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { ChannelBinding } from "@junctor/protocol";

export class TlsChannel implements ChannelBinding {
  readonly #socket: TLSSocket;
  readonly #isServer: boolean;

  constructor(socket: TLSSocket, isServer: boolean) {
    this.#socket = socket;
    this.#isServer = isServer;
  }

  /** @returns `undefined` for a connection without TLS */
  static of(socket: Socket, isServer: boolean): TlsChannel | undefined {
    return socket instanceof TLSSocket ? new TlsChannel(socket, isServer) : undefined;
  }

  /** The client's certificate, on the router's side, if it was verified. */
  get certificate(): { subject: Record<string, string>; alternativeNames: string[]; fingerprint: string } | undefined {
    if (!this.#isServer || !this.#socket.authorized) return undefined;
    const { subject, subjectaltname, fingerprint256 } = this.#socket.getPeerCertificate();
    if (fingerprint256 === undefined) return undefined;
    return {
      // A part that occurs several times is a list; the last one is the most specific.
      subject: Object.fromEntries(
        Object.entries(subject ?? {}).map(([name, value]) => [name, String(Array.isArray(value) ? value.at(-1) : value)]),
      ),
      alternativeNames: (subjectaltname ?? "").split(", ").filter((name) => name !== ""),
      fingerprint: fingerprint256.replaceAll(":", "").toLowerCase(),
    };
  }

  channelId(type: "tls-unique" | "tls-exporter"): Uint8Array | undefined {
    if (type === "tls-exporter") {
      return this.#isTls13 ? this.#socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0)) : undefined;
    }
    const finished = this.#firstFinished();
    return finished === undefined ? undefined : createHash("sha256").update(finished).digest();
  }

  bindingData(type: string): Uint8Array | undefined {
    if (type === "tls-unique") return this.#firstFinished();
    if (type === "tls-server-end-point")
      return this.#isServer ? certificateHash(this.#localCertificate()) : certificateHash(this.#socket.getPeerX509Certificate()?.raw);
    return undefined;
  }

  get #isTls13(): boolean {
    return this.#socket.getProtocol() === "TLSv1.3";
  }

  // The first Finished message of the handshake: the client's, or the server's where a session was resumed. TLS 1.3 has no
  // tls-unique (AMB-108).
  #firstFinished(): Buffer | undefined {
    if (this.#isTls13) return undefined;
    const isOwn = this.#isServer === this.#socket.isSessionReused();
    return isOwn ? this.#socket.getFinished() : this.#socket.getPeerFinished();
  }

  #localCertificate(): Buffer | undefined {
    const certificate = this.#socket.getCertificate();
    return certificate !== null && typeof certificate === "object" && "raw" in certificate ? certificate.raw : undefined;
  }
}

/** The certificate's hash under the digest that it is signed with; SHA-256 in place of MD5 and SHA-1 (RFC 5929, 4.1). */
function certificateHash(der: Buffer | undefined): Buffer | undefined {
  if (der === undefined) return undefined;
  const digest = DIGESTS.find(([oid]) => signatureAlgorithm(der)?.equals(oid))?.[1];
  return digest === undefined ? undefined : createHash(digest).update(der).digest();
}

/** The object identifier behind the part of the certificate that is signed (RFC 5280, 4.1). */
function signatureAlgorithm(der: Buffer): Buffer | undefined {
  const signed = element(der, element(der, 0).start);
  const algorithm = element(der, signed.end);
  const oid = element(der, algorithm.start);
  return der.subarray(oid.start, oid.end);
}

/** Where the contents of the DER element at an offset begin and end. */
function element(der: Buffer, at: number): { start: number; end: number } {
  const length = der[at + 1] ?? 0;
  if (length < 0x80) return { start: at + 2, end: at + 2 + length };
  const octets = length & 0x7f;
  const start = at + 2 + octets;
  return { start, end: start + der.readUIntBE(at + 2, octets) };
}

const RSA = "2a864886f70d0101";
const ECDSA = "2a8648ce3d0403";
const DIGESTS: readonly (readonly [oid: Buffer, digest: string])[] = (
  [
    [`${RSA}04`, "sha256"],
    [`${RSA}05`, "sha256"],
    [`${RSA}0b`, "sha256"],
    [`${RSA}0c`, "sha384"],
    [`${RSA}0d`, "sha512"],
    ["2a8648ce3d0401", "sha256"],
    [`${ECDSA}02`, "sha256"],
    [`${ECDSA}03`, "sha384"],
    [`${ECDSA}04`, "sha512"],
  ] as const
).map(([oid, digest]) => [Buffer.from(oid, "hex"), digest] as const);
