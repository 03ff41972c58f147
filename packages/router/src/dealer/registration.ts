/**
 * A registration: who answers calls to a procedure, whose turn it is, and which calls wait until somebody is free
 * (requirements 4.8, 4.9; AMB-63, AMB-64, AMB-68).
 */
import type { InvokePolicy, MatchPolicy, RegistrationId } from "@junctor/protocol";
import { score } from "../rendezvous.ts";
import type { Session } from "../session.ts";
import type { CallTerms } from "./call-terms.ts";
import type { Invocation } from "./invocation.ts";

export class Registration {
  readonly id: RegistrationId;
  readonly procedure: string;
  readonly match: MatchPolicy;
  /** Set by the first registrant for as long as the registration lives (RPC-SHARED-02, AMB-37). */
  readonly invoke: InvokePolicy;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** A call without terms of its own goes to whoever `pick` says, and stays there. */
  isPlain = true;
  /** Invocations that it has had a callee picked for. */
  calls = 0;
  /** In order of registration. */
  readonly callees: Callee[] = [];
  /** Place after that of the callee served last; may lie behind the end. */
  #next = 0;
  /** Calls that found everybody busy, in order. */
  readonly #waiting = new Set<Invocation>();
  /** Messages that they hold. */
  #waitingMessages = 0;
  /** A callee has left: there may be calls that nobody can take any more. */
  #hasLost = false;
  /** Callees that may be busy, or may refuse. */
  #uncertain = 0;
  readonly #dealer: RegistrationDealer;

  constructor(
    id: RegistrationId,
    procedure: string,
    match: MatchPolicy,
    invoke: InvokePolicy,
    created: number,
    dealer: RegistrationDealer,
  ) {
    this.id = id;
    this.procedure = procedure;
    this.match = match;
    this.invoke = invoke;
    this.created = created;
    this.#dealer = dealer;
  }

  add(callee: Callee): void {
    this.callees.push(callee);
    if (callee.isUncertain) this.#uncertain++;
    this.isPlain = this.#uncertain === 0 && this.invoke !== "affinity";
    this.changed();
  }

  remove(session: Session): void {
    const place = this.callees.findIndex((callee) => callee.session === session);
    if (place < 0) return;
    if (this.callees.splice(place, 1)[0]?.isUncertain === true) this.#uncertain--;
    this.isPlain = this.#uncertain === 0 && this.invoke !== "affinity";
    this.#hasLost = true;
    // [AMB-68] Nobody is skipped, nobody served twice in a row.
    if (place < this.#next) this.#next--;
    this.changed();
  }

  /** Somebody has become free, has come or has gone: calls that wait may have a callee now, or none any more. */
  changed(): void {
    if (this.#waiting.size > 0) this.#dealer.changed.push(this);
  }

  /**
   * The callee for one call (RPC-SHARED-05): policy first, over those that are free and that the call can go to (AMB-63).
   * @param terms of a call that cannot go to just any of them
   */
  pick(terms: CallTerms | undefined): Callee | undefined {
    this.calls++;
    if (terms?.key !== undefined) return this.#owner(terms.key, terms);
    const { callees } = this;
    switch (this.invoke) {
      case "single":
      case "first":
        for (let i = 0; i < callees.length; i++) if (isOpen(callees[i] as Callee, terms)) return callees[i];
        return undefined;
      case "last":
        for (let i = callees.length - 1; i >= 0; i--) if (isOpen(callees[i] as Callee, terms)) return callees[i];
        return undefined;
      case "random": {
        // Drawing among all, and only then among the open ones, is uniform over the open ones, and mostly needs no list.
        const drawn = callees[Math.floor(this.#dealer.random() * callees.length)];
        if (drawn === undefined || isOpen(drawn, terms)) return drawn;
        const open = callees.filter((callee) => isOpen(callee, terms));
        return open[Math.floor(this.#dealer.random() * open.length)];
      }
      case "roundrobin":
        for (let i = 0; i < callees.length; i++) {
          const place = (this.#next + i) % callees.length;
          const callee = callees[place] as Callee;
          if (!isOpen(callee, terms)) continue;
          this.#next = place + 1;
          return callee;
        }
        return undefined;
      case "least_loaded":
        return this.#leastLoaded(terms);
      case "affinity":
        return undefined; // every call has a key
    }
  }

  /** Whether anybody who is here could take the call, free or not. */
  canServe(terms: CallTerms): boolean {
    return this.callees.some((callee) => terms.suits(callee));
  }

  /** Lets a call wait. @returns whether there was room for it */
  enqueue(invocation: Invocation): boolean {
    if (!this.makeRoom()) return false;
    this.#waiting.add(invocation);
    return true;
  }

  /** For one more message of a call that waits. @returns whether there was room for it */
  makeRoom(): boolean {
    if (this.#waitingMessages >= this.#dealer.queueLength) return false;
    this.#waitingMessages++;
    return true;
  }

  /** @param messages that the call has brought */
  dequeue(invocation: Invocation, messages: number): void {
    if (this.#waiting.delete(invocation)) this.#waitingMessages -= messages;
  }

  /** Gives waiting calls what they can have, the oldest first. */
  serve(): void {
    for (const invocation of this.#waiting) {
      if (!this.#hasLost && !this.callees.some(isFree)) break;
      invocation.route();
    }
    this.#hasLost = false;
  }

  /** Of those with the fewest invocations in flight, in turn. */
  #leastLoaded(terms: CallTerms | undefined): Callee | undefined {
    const { callees } = this;
    let best: Callee | undefined;
    let bestPlace = 0;
    for (let i = 0; i < callees.length; i++) {
      const place = (this.#next + i) % callees.length;
      const callee = callees[place] as Callee;
      if (!isOpen(callee, terms) || (best !== undefined && callee.load >= best.load)) continue;
      best = callee;
      bestPlace = place;
      if (best.load === 0) break;
    }
    if (best !== undefined) this.#next = bestPlace + 1;
    return best;
  }

  /** The one callee that a key belongs to, if it is free; others do not stand in for it. */
  #owner(key: string, terms: CallTerms): Callee | undefined {
    let owner: Callee | undefined;
    let best = -1;
    for (const callee of this.callees) {
      const points = score(key, callee.nodeKey);
      if (points <= best || !terms.suits(callee)) continue;
      owner = callee;
      best = points;
    }
    return owner !== undefined && isFree(owner) ? owner : undefined;
  }
}

/** What registrations need of the dealer that they are part of. */
export interface RegistrationDealer {
  /** In [0, 1). */
  random(): number;
  /** Messages that may wait in one registration. */
  readonly queueLength: number;
  /** To be served before the dealer is left. */
  readonly changed: Registration[];
}

/** One session's part in a registration. */
export class Callee {
  readonly session: Session;
  readonly registration: Registration;
  /** It asked to be told the caller, and may be (RPC-CID-05, AMB-66). */
  readonly discloseCaller: boolean;
  /** It times its calls itself, and has to be told the time-out (RPC-TMO-05, AMB-58). */
  readonly forwardsTimeout: boolean;
  /** It may refuse calls, which then go to another one (RPC-REROUTE-01, AMB-64). */
  readonly mayRefuse: boolean;
  /** Invocations that it takes at a time; `UNLIMITED` where it has not said. */
  readonly concurrency: number;
  /** In rendezvous hashing. */
  readonly nodeKey: string;
  /** Invocations that it works on, since it registered. */
  active = 0;

  constructor(registration: Registration, session: Session, options: CalleeOptions) {
    this.session = session;
    this.registration = registration;
    this.discloseCaller = options.discloseCaller;
    this.forwardsTimeout = options.forwardsTimeout;
    this.mayRefuse = options.mayRefuse;
    this.concurrency = Math.min(options.concurrency ?? UNLIMITED, UNLIMITED);
    this.nodeKey = String(session.id);
  }

  /** It may turn out that a call has to wait for it, or to go elsewhere. */
  get isUncertain(): boolean {
    return this.concurrency !== UNLIMITED || (this.mayRefuse && this.registration.invoke !== "single");
  }

  take(): void {
    this.active++;
  }

  release(): void {
    if (this.active-- === this.concurrency) this.registration.changed(); // else nothing waits for it
  }

  /** Invocations in flight, of all its registrations. */
  get load(): number {
    return this.session.invocations.size;
  }
}

export interface CalleeOptions {
  readonly discloseCaller: boolean;
  readonly forwardsTimeout: boolean;
  readonly mayRefuse: boolean;
  readonly concurrency: number | undefined;
}

/** More than a realm can have in flight; a small integer, because every call compares with it. */
const UNLIMITED = 0x3fffffff;

function isFree(callee: Callee): boolean {
  return callee.active < callee.concurrency;
}

/** Whether a call can go there now. */
function isOpen(callee: Callee, terms: CallTerms | undefined): boolean {
  return callee.active < callee.concurrency && (terms === undefined || terms.suits(callee));
}
