/** `junctor.closed` and `junctor.slow`: the sessions that have ended lately, and why; and those that do not keep up. */
import type { ClosedFilter, ClosedSession, SlowConsumer } from "@junctor/admin-api";
import type { Router, Session } from "@junctor/router";
import { z } from "zod";
import type { AdminApi } from "./admin-api.ts";
import { identityOf, sessionInfo } from "./sessions.ts";

const limit = z.int().min(1).max(10_000).exactOptional();
const filter = z.strictObject({
  realm: z.string().exactOptional(),
  authid: z.string().exactOptional(),
  reason: z.string().exactOptional(),
  limit,
});

/** The last ones to end, in a ring: what is kept of a session is some hundred bytes. */
export class ClosedSessions {
  readonly #ring: ClosedSession[] = [];
  #next = 0;

  /** Told by the router. */
  add(session: Session, reason: string): void {
    if (session.isTrusted) return;
    const closedAt = Date.now();
    const identity = identityOf(session);
    this.#ring[this.#next] = { ...identity, closedAt, durationMs: closedAt - identity.openedAt, reason };
    this.#next = (this.#next + 1) % KEPT;
  }

  /** The newest first. */
  *[Symbol.iterator](): IterableIterator<ClosedSession> {
    for (let i = 1; i <= this.#ring.length; i++) yield this.#ring[(this.#next - i + KEPT) % KEPT] as ClosedSession;
  }

  provide(api: AdminApi): void {
    api.provide("junctor.closed", filter, ({ limit = 100, ...wanted }) => {
      const sessions = [...this].filter((session) => isWanted(session, wanted));
      return { sessions: sessions.slice(0, limit), total: sessions.length };
    });
  }
}

export function provideSlow(api: AdminApi, router: Router): void {
  api.provide("junctor.slow", z.strictObject({ limit }), ({ limit = 20 }) => {
    const waiting: { session: Session; queued: number }[] = [];
    for (const { sessions } of router.realms) {
      for (const session of sessions.values()) {
        const { queued = 0 } = session.traffic ?? {};
        if (queued > 0 && !session.isTrusted) waiting.push({ session, queued });
      }
    }
    waiting.sort((a, b) => b.queued - a.queued);
    return { sessions: waiting.slice(0, limit).map(({ session }) => slowConsumer(session)) };
  });
}

function slowConsumer(session: Session): SlowConsumer {
  const [most] = [...session.waitingEvents].sort(([, a], [, b]) => b - a);
  if (most === undefined) return sessionInfo(session);
  const [subscription, bytes] = most;
  const topic = session.realm.broker.subscription(subscription)?.topic ?? "";
  return { ...sessionInfo(session), cause: { subscription, topic, bytes } };
}

function isWanted(session: ClosedSession, { realm, authid, reason = "" }: ClosedFilter): boolean {
  return (
    (realm === undefined || session.realm === realm) &&
    (authid === undefined || session.authid === authid) &&
    session.reason.startsWith(reason)
  );
}

const KEPT = 10_000;
