/**
 * A registration: who answers calls to a procedure, and whose turn it is (requirements 4.8, 4.9).
 */
import type { InvokePolicy, MatchPolicy, RegistrationId } from "@junctor/protocol";
import type { Session } from "../session.ts";

export class Registration {
  readonly id: RegistrationId;
  readonly procedure: string;
  readonly match: MatchPolicy;
  /** Set by the first registrant for as long as the registration lives (RPC-SHARED-02, AMB-37). */
  readonly invoke: InvokePolicy;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** In order of registration. */
  readonly callees: Callee[] = [];
  /** Place of the callee whose turn is next. */
  #next = 0;

  constructor(id: RegistrationId, procedure: string, match: MatchPolicy, invoke: InvokePolicy, created: number) {
    this.id = id;
    this.procedure = procedure;
    this.match = match;
    this.invoke = invoke;
    this.created = created;
  }

  add(callee: Callee): void {
    this.callees.push(callee);
  }

  remove(session: Session): void {
    const place = this.callees.findIndex((callee) => callee.session === session);
    if (place < 0) return;
    this.callees.splice(place, 1);
    // [AMB-68] Nobody is skipped, nobody served twice in a row.
    if (place < this.#next) this.#next--;
    if (this.#next >= this.callees.length) this.#next = 0;
  }

  /** The callee for one call (RPC-SHARED-05). @param random a number in [0, 1), drawn when needed */
  pick(random: () => number): Callee | undefined {
    const { callees } = this;
    switch (this.invoke) {
      case "single":
      case "first":
        return callees[0];
      case "last":
        return callees.at(-1);
      case "random":
        return callees[Math.floor(random() * callees.length)];
      case "roundrobin": {
        const callee = callees[this.#next];
        this.#next = this.#next + 1 >= callees.length ? 0 : this.#next + 1;
        return callee;
      }
    }
  }
}

/** One session's part in a registration. */
export interface Callee {
  readonly session: Session;
  /** It asked to be told the caller, and may be (RPC-CID-05, AMB-66). */
  readonly discloseCaller: boolean;
}
