/**
 * The subscribers of one subscription that gave a node key: of the events with a resource key each goes to one of them.
 * The specification names the keys and no rule (PS-SHARD-01); this rule is Junctor's own, off unless a realm turns it on.
 */
import { score } from "../rendezvous.ts";
import type { Session } from "../session.ts";

export class ConsumerGroup {
  readonly #nodeKeys = new Map<Session, string>();

  get size(): number {
    return this.#nodeKeys.size;
  }

  has(session: Session): boolean {
    return this.#nodeKeys.has(session);
  }

  add(session: Session, nodeKey: string): void {
    this.#nodeKeys.set(session, nodeKey);
  }

  delete(session: Session): void {
    this.#nodeKeys.delete(session);
  }

  /** The member whose node key has the highest score; of several with that key the one that came first. */
  pick(resourceKey: string, isEligible: (session: Session) => boolean): Session | undefined {
    let picked: Session | undefined;
    let highest = -1;
    for (const [session, nodeKey] of this.#nodeKeys) {
      const candidate = score(resourceKey, nodeKey);
      if (candidate <= highest || !isEligible(session)) continue;
      picked = session;
      highest = candidate;
    }
    return picked;
  }
}
