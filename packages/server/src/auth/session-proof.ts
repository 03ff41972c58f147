/** What a session was let in with, kept with the session: so that it ends when that no longer holds (T31). */
import { Uri } from "@junctor/protocol";
import type { Realm, Router, Session } from "@junctor/router";
import type { CookieJar } from "./cookie.ts";
import type { Proof } from "./principal.ts";

export class SessionProof {
  readonly proofs: readonly Proof[];
  /** The digest of the browser's log-in cookie. */
  readonly cookie: string | undefined;

  constructor(proofs: readonly Proof[], cookie: string | undefined) {
    this.proofs = proofs;
    this.cookie = cookie;
  }
}

/** Ends the sessions of users that are gone, or have another role or other credentials now. @returns how many */
export function endRevoked(router: Router): number {
  let ended = 0;
  for (const realm of router.realms) {
    ended += end(realm, ({ proofs }, { authrole }) => !proofs.every((proof) => proof.holds(authrole)), Uri.authenticationRequired, GONE);
  }
  return ended;
}

/** A page has logged out: its cookie is worth nothing any more, and neither are the sessions of the browser's other pages. */
export function logOut({ realm, proof }: Session, jar: CookieJar): void {
  if (!(proof instanceof SessionProof) || proof.cookie === undefined) return;
  const { cookie } = proof;
  jar.forget(cookie);
  end(realm, (other) => other.cookie === cookie, Uri.logout, "the browser has logged out");
}

function end(realm: Realm, isConcerned: (proof: SessionProof, session: Session) => boolean, reason: string, message: string): number {
  const concerned = [...realm.sessions.values()].filter(
    (session) => session.proof instanceof SessionProof && isConcerned(session.proof, session),
  );
  for (const session of concerned) realm.kill(session, reason, message);
  return concerned.length;
}

export const GONE = "what the session was let in with does not hold any more: the user, the role or the credentials have changed";
