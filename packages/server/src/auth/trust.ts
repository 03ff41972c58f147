/**
 * Roots of trust: whose certificates vouch for keys that no user has (cryptosign, requirements 7.5). The roots stand in the
 * configuration; whoever embeds the server may bring a function that knows more of them, for example from a blockchain.
 */
import { isDeepStrictEqual } from "node:util";
import {
  type Awaitable,
  addressOf,
  CAPABILITIES,
  certificatesOf,
  checkChain,
  checksummed,
  continued,
  type ExpectedChain,
  type SignedCertificate,
} from "@junctor/protocol/auth";
import type { AuthenticationRequest } from "@junctor/router";
import type { TrustRootConfig } from "../config/auth-schema.ts";
import { UserError } from "../user-error.ts";
import { readText } from "./key-file.ts";
import { denied, granted, type Step } from "./method.ts";
import type { Proof } from "./principal.ts";
import type { CurrentTables } from "./realm-tables.ts";

export type Capability = (typeof CAPABILITIES)[number];

/** A root that is trusted, for what, and who its delegates are here. */
export interface TrustRoot extends ExpectedChain {
  /** As in HELLO's `certificates`: those above the clients' own, for clients that bring only that (AUTH-CS-11). */
  readonly certificates?: readonly SignedCertificate[];
  /** What the certificate above the client's own has to entitle to. */
  readonly requires: readonly Capability[];
  /** The first is the role of a session that asks for none. */
  readonly roles: readonly string[];
}

export interface TrustClaim {
  /** The address that HELLO names. */
  readonly trustRoot: string;
  /** As HELLO has it: nothing of it is proved. */
  readonly certificates: readonly SignedCertificate[];
  readonly request: AuthenticationRequest;
}

/** Where roots are looked up. None: no such root is trusted. Of several, the first whose requirements are met decides. */
export interface TrustSource {
  /** WELCOME's `authprovider`. */
  readonly name: string;
  rootsFor(claim: TrustClaim): Awaitable<readonly TrustRoot[]>;
}

/** For those who embed the server. What it throws, and what it takes too long for, lets nobody in. */
export type TrustResolver = (claim: TrustClaim) => Awaitable<readonly TrustRoot[]>;

/** The roots of a configuration. */
export class TrustTable implements TrustSource {
  readonly name = "static";
  #roots: readonly TrustRoot[];
  /** The tables of its realm that count now; where there are none, this one does. */
  readonly current: CurrentTables | undefined;

  constructor(roots: readonly TrustRoot[], current?: CurrentTables) {
    this.#roots = roots;
    this.current = current;
  }

  /** What was proved before may not hold any more. */
  replace(roots: readonly TrustRoot[]): void {
    this.#roots = roots;
  }

  rootsFor({ trustRoot }: Pick<TrustClaim, "trustRoot">): readonly TrustRoot[] {
    return this.#roots.filter((root) => root.trustRoot === trustRoot);
  }

  /** What somebody could be vouched for by today. */
  get proofs(): readonly Proof[] {
    return this.#roots.map((root) => new TrustProof(this, root));
  }
}

/** A root as the configuration names it. @throws {UserError} its certificates cannot be read */
export function trustRoot({ root, chainId, contract, realm, block, certificates, requires, role }: TrustRootConfig): TrustRoot {
  return {
    trustRoot: root,
    chainId: BigInt(chainId),
    verifyingContract: contract,
    realm,
    ...(block !== undefined && { currentBlock: BigInt(block) }),
    ...(certificates !== undefined && { certificates: readCertificates(certificates) }),
    requires,
    roles: [role],
  };
}

/** A root as somebody else may write it: addresses in any case. */
export function oneForm(root: TrustRoot): TrustRoot {
  const { trustRoot, verifyingContract, realm } = root;
  const [lower, contract, realmAddress] = [trustRoot, verifyingContract, realm].map(addressOf);
  if (lower === undefined || contract === undefined || realmAddress === undefined)
    throw new TypeError("the resolver named a trust root, contract or realm that is no address");
  return { ...root, trustRoot: lower, verifyingContract: contract, realm: realmAddress };
}

/** What a client claims by HELLO's `trustroot` and `certificates`; `undefined` where it claims nothing that could be looked at. */
export function trustClaim(request: AuthenticationRequest): TrustClaim | undefined {
  const { trustroot, certificates: listed } = request.details.authextra ?? {};
  const trustRoot = addressOf(trustroot);
  const certificates = certificatesOf(listed);
  return trustRoot === undefined || certificates === undefined ? undefined : { trustRoot, certificates, request };
}

/**
 * Looks through a chain once its client has proved to have the key: verifying certificates takes the router's time.
 *
 * @param publicKey of the session, 64 lower-case hex digits
 */
export async function admitted(claim: TrustClaim, source: TrustSource, publicKey: string): Promise<Step> {
  const { certificateCrypto } = await import("./certificate-crypto.ts"); // tens of milliseconds to load, for those who need it
  const { authid } = claim.request.details;
  let why = "their trust root is not known here";
  for (const root of await source.rootsFor(claim)) {
    const holder = checkChain(certificateCrypto, continued(claim.certificates, root.certificates ?? []), root);
    if (typeof holder === "string") {
      why = holder;
    } else if (holder.csPubKey !== publicKey) {
      why = "they are for another key"; // [AUTH-CS-13]
    } else if (!root.requires.every((capability) => entitles(holder.capabilities, capability))) {
      why = `they do not entitle to ${root.requires.join(", ")}`;
    } else if (authid !== undefined && addressOf(authid) !== holder.delegate) {
      return denied(); // [AMB-115]
    } else {
      const proofs = source instanceof TrustTable ? [new TrustProof(source, root)] : [];
      const { roles } = root;
      return granted({ authid: checksummed(certificateCrypto, holder.delegate), roles, authprovider: source.name, proofs });
    }
  }
  return denied(`the certificates are not accepted: ${why}`);
}

/** A root that the router trusted then. */
class TrustProof implements Proof {
  readonly #table: TrustTable;
  readonly #root: TrustRoot;

  constructor(table: TrustTable, root: TrustRoot) {
    this.#table = table;
    this.#root = root;
  }

  get statement(): string {
    const { trustRoot, chainId, verifyingContract, realm, requires } = this.#root;
    return JSON.stringify(["trustRoot", trustRoot, String(chainId), verifyingContract, realm, requires]);
  }

  holds(role: string, tables = this.#table.current?.tables): boolean {
    const { roles: _before, ...root } = this.#root;
    return (tables?.trust ?? [this.#table]).some((table) =>
      table.rootsFor(root).some(({ roles, ...now }) => roles.includes(role) && isDeepStrictEqual(now, root)),
    );
  }
}

function entitles(capabilities: bigint, capability: Capability): boolean {
  return ((capabilities >> BigInt(CAPABILITIES.indexOf(capability))) & 1n) === 1n;
}

function readCertificates(file: string): readonly SignedCertificate[] {
  let listed: unknown;
  try {
    listed = JSON.parse(readText(file));
  } catch (error) {
    if (error instanceof UserError) throw error;
  }
  const certificates = certificatesOf(listed);
  if (certificates === undefined)
    throw new UserError(`${file} holds no certificates: a list of one to ten pairs of typed data and signature is expected, in JSON`, {
      remedy: "write them as HELLO's authextra.certificates has them; see docs/guide/authentication.md",
    });
  return certificates;
}
