/**
 * A requirement of WAMP on a router as data: its id in the project's catalogue, its level, and the conversation that shows
 * whether a router meets it. What runs it, in this process, over a transport, or against any router by URL, is a `Target`.
 */

import type { SerializerName } from "../story-router.ts";
import { type Dict, Failure, isDict, Peer } from "./peer.ts";
import { NotOffered, type Wire, type WireReceiver } from "./wire.ts";

export type Level = "MUST" | "SHOULD" | "MAY" | "ruling";

/** `broker.event_history`: a flag that a router announces in WELCOME, under one of its roles. */
export type FeatureName = `${"broker" | "dealer"}.${string}`;

export interface Requirement {
  readonly id: string;
  readonly level: Level;
  /** What a router does. */
  readonly title: string;
  /** Features without which the requirement does not bind a router. */
  readonly needs: readonly FeatureName[];
  readonly run: (context: Context) => Promise<void>;
}

/** The requirements of one chapter of the catalogue. */
export interface Chapter {
  readonly title: string;
  readonly requirements: readonly Requirement[];
}

/** What a router was configured with for the tests: what nobody can ask for by a message. */
export interface Configured {
  /** A second realm that lets anonymous clients in. */
  readonly otherRealm?: string;
  /** Topics under this prefix have a history. */
  readonly history?: string;
  /** URIs under this prefix may be used for nothing. */
  readonly forbidden?: string;
  /** Calls and publications of URIs under this prefix have this trust level. */
  readonly trusted?: { readonly prefix: string; readonly level: number };
}

export interface Target {
  readonly realm: string;
  readonly serializer: SerializerName;
  readonly configured: Configured;
  /** How long to wait for a message, in ms; 0: what does not come at once never comes. */
  readonly patienceMs: number;
  open(serializer: SerializerName, receiver: WireReceiver): Promise<Wire>;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
}

export type Status = "pass" | "fail" | "not announced" | "not configured";

export interface Outcome {
  readonly status: Status;
  /** Why not, in one line. */
  readonly reason?: string;
}

export interface JoinOptions {
  /** Features that each role announces; default: all. A role that is not named is announced with none. */
  readonly features?: Readonly<Partial<Record<ClientRole, readonly string[]>>>;
  readonly details?: Dict;
  readonly realm?: string;
  readonly serializer?: SerializerName;
}

type ClientRole = keyof typeof ALL_FEATURES;

/** What a test has at hand. */
export class Context implements AsyncDisposable {
  readonly realm: string;
  readonly configured: Configured;
  readonly serializer: SerializerName;
  readonly #target: Target;
  readonly #prefix: string;
  readonly #peers: Peer[] = [];

  constructor(target: Target, prefix: string) {
    this.#target = target;
    this.#prefix = prefix;
    this.realm = target.realm;
    this.serializer = target.serializer;
    this.configured = target.configured;
  }

  /** A URI that no other test uses. */
  readonly uri = (...components: readonly string[]): string => [this.#prefix, ...components].join(".");

  /** A peer that has not said anything yet. */
  readonly connect = async (serializer: SerializerName = this.#target.serializer): Promise<Peer> => {
    const peer = new Peer(this.#target.patienceMs, this.uri("nowhere", String(this.#peers.length)));
    try {
      peer.attach(await this.#target.open(serializer, peer));
    } catch (error) {
      if (error instanceof NotOffered || !(error instanceof Error)) throw error;
      throw new Failure(`cannot connect: ${error.message || ("code" in error ? String(error.code) : error.name)}`, { cause: error });
    }
    this.#peers.push(peer);
    return peer;
  };

  /** A peer with a session. */
  readonly join = async (options: JoinOptions = {}): Promise<Peer> => {
    const peer = await this.connect(options.serializer);
    await peer.join(options.realm ?? this.realm, { roles: rolesOf(options.features), ...options.details });
    return peer;
  };

  readonly two = async (): Promise<[Peer, Peer]> => [await this.join(), await this.join()];
  readonly three = async (): Promise<[Peer, Peer, Peer]> => [await this.join(), await this.join(), await this.join()];

  /** What the configuration of the router must give for the requirement to be tested. */
  readonly needs = <K extends keyof Configured>(what: K): NonNullable<Configured[K]> => {
    const value = this.configured[what];
    if (value === undefined) throw new NotConfigured(what);
    return value;
  };

  readonly pass = (ms: number): Promise<void> => this.#target.pass(ms);

  /** For what no message tells of: tries until it holds. */
  readonly eventually = async <T>(attempt: () => Promise<T>): Promise<T> => {
    const deadline = Date.now() + this.#target.patienceMs;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof Failure) || Date.now() >= deadline) throw error;
      }
    }
  };

  /** What the router of the target announces. */
  readonly announced = async (): Promise<ReadonlySet<string>> => announcedIn((await this.join()).welcome);

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer.drop();
  }
}

class NotConfigured extends Error {}

/** The flags in a WELCOME, as `broker.event_history`. Reflection stands under the role itself (AMB-130). */
export function announcedIn(welcome: Dict): ReadonlySet<string> {
  const roles = isDict(welcome["roles"]) ? welcome["roles"] : {};
  return new Set(
    Object.entries(roles).flatMap(([role, details]) => {
      const { features, ...rest } = isDict(details) ? details : {};
      const flags = Object.entries({ ...rest, ...(isDict(features) ? features : {}) });
      return flags.flatMap(([flag, value]) => (value === true ? [`${role}.${flag}`] : []));
    }),
  );
}

/** Whether a router meets a requirement. @param announced what its WELCOME says @param run told apart from other runs by this */
export async function check(requirement: Requirement, target: Target, announced: ReadonlySet<string>, run: string): Promise<Outcome> {
  const missing = requirement.needs.filter((feature) => !announced.has(feature));
  if (missing.length > 0) return { status: "not announced", reason: missing.join(", ") };
  await using context = new Context(target, `conformance.${run}.${requirement.id.toLowerCase().replaceAll("-", "_")}`);
  try {
    await requirement.run(context);
    return { status: "pass" };
  } catch (error) {
    if (error instanceof NotConfigured) return { status: "not configured", reason: error.message };
    if (error instanceof NotOffered) return { status: "not announced", reason: error.message };
    if (error instanceof Failure) return { status: "fail", reason: error.message };
    throw error;
  }
}

export type Run = Requirement["run"];

/** Requirements that need no feature, or that all need the same. */
export function chapter(title: string, needs: FeatureName | readonly FeatureName[], requirements: readonly Requirement[]): Chapter {
  const all = typeof needs === "string" ? [needs] : needs;
  return { title, requirements: requirements.map((one) => ({ ...one, needs: [...all, ...one.needs] })) };
}

const requirement =
  (level: Level) =>
  (id: string, title: string, run: Run, ...needs: readonly FeatureName[]): Requirement => ({ id, level, title, needs, run });
export const must = requirement("MUST");
export const should = requirement("SHOULD");
export const may = requirement("MAY");
export const ruling = requirement("ruling");

function rolesOf(features: JoinOptions["features"]): Dict {
  const flags = features ?? ALL_FEATURES;
  const roles = Object.keys(ALL_FEATURES) as ClientRole[];
  return Object.fromEntries(roles.map((role) => [role, { features: Object.fromEntries((flags[role] ?? []).map((flag) => [flag, true])) }]));
}

const ALL_FEATURES = {
  publisher: ["payload_passthru_mode", "publisher_exclusion", "publisher_identification", "subscriber_blackwhite_listing"],
  subscriber: [
    "pattern_based_subscription",
    "payload_passthru_mode",
    "publication_trustlevels",
    "publisher_identification",
    "subscription_revocation",
  ],
  caller: [
    "call_canceling",
    "call_timeout",
    "caller_identification",
    "payload_passthru_mode",
    "progressive_call_invocations",
    "progressive_call_results",
  ],
  callee: [
    "call_canceling",
    "call_reroute",
    "call_timeout",
    "call_trustlevels",
    "caller_identification",
    "pattern_based_registration",
    "payload_passthru_mode",
    "progressive_call_invocations",
    "progressive_call_results",
    "registration_revocation",
    "shared_registration",
  ],
} as const;
