/**
 * `wamp.session.*` (requirements 6.1): who is in the realm, and how a session is ended by another. Sessions of the
 * router's own program are none of it: they are not listed and cannot be killed (AMB-132).
 */
import { isId, isUri, Payload, Uri } from "@junctor/protocol";
import { type Refusal, refusal } from "../error.ts";
import type { Realm } from "../realm.ts";
import type { Session } from "../session.ts";
import { invalidArgument, isAbsent, isTexts, provide } from "./meta-procedure.ts";

export class SessionMeta {
  readonly #realm: Realm;

  constructor(realm: Realm) {
    this.#realm = realm;
  }

  joined(session: Session): void {
    const { broker } = this.#realm;
    if (broker.isHeard(ON_JOIN) && !session.isTrusted) broker.announce(ON_JOIN, Payload.of([sessionDetails(session)]));
  }

  /** [AMB-91] Three positional arguments, not a dict. */
  left(session: Session): void {
    const { broker } = this.#realm;
    if (!broker.isHeard(ON_LEAVE) || session.isTrusted || session.leavesSilently) return;
    broker.announce(ON_LEAVE, Payload.of([session.id, session.authid, session.authrole]));
  }

  provide(): void {
    const others = (caller: Session) => (session: Session) => session !== caller; // [META-S-06]
    provide(this.#realm.dealer, {
      "wamp.session.count": (_, [authroles]) => {
        const sessions = this.#list(authroles);
        return sessions === undefined ? invalidArgument(AUTHROLES) : [sessions.length];
      },
      "wamp.session.list": (_, [authroles]) => {
        const sessions = this.#list(authroles);
        return sessions === undefined ? invalidArgument(AUTHROLES) : [sessions.map(({ id }) => id)];
      },
      "wamp.session.get": (_, [id]) => {
        if (!isId(id)) return invalidArgument("the id of a session");
        const session = this.#session(id);
        return session === undefined ? noSuchSession(id) : [sessionDetails(session)];
      },
      "wamp.session.kill": (caller, [id], kwargs) => {
        if (!isId(id)) return invalidArgument("the id of a session");
        const farewell = farewellOf(kwargs);
        if ("error" in farewell) return farewell;
        const session = this.#session(id);
        if (session === undefined || session === caller) return noSuchSession(id);
        this.#kill([session], farewell);
        return [];
      },
      "wamp.session.kill_by_authid": (caller, [authid], kwargs) => {
        if (typeof authid !== "string") return invalidArgument("an authid");
        const farewell = farewellOf(kwargs);
        if ("error" in farewell) return farewell;
        const sessions = this.#sessions((session) => session.authid === authid).filter(others(caller));
        this.#kill(sessions, farewell);
        return [sessions.map(({ id }) => id)]; // [AMB-94]
      },
      "wamp.session.kill_by_authrole": (caller, [authrole], kwargs) => {
        if (typeof authrole !== "string") return invalidArgument("an authrole");
        const farewell = farewellOf(kwargs);
        if ("error" in farewell) return farewell;
        const sessions = this.#sessions((session) => session.authrole === authrole).filter(others(caller));
        this.#kill(sessions, farewell);
        return [sessions.length]; // [AMB-94]
      },
      "wamp.session.kill_all": (caller, _, kwargs) => {
        const farewell = farewellOf(kwargs);
        if ("error" in farewell) return farewell;
        const sessions = this.#sessions(others(caller));
        for (const session of sessions) session.leavesSilently = true; // [META-S-07, AMB-93]
        this.#kill(sessions, farewell);
        return [sessions.length];
      },
    });
  }

  #session(id: number): Session | undefined {
    const session = this.#realm.sessions.get(id);
    return session?.isTrusted === false ? session : undefined;
  }

  #sessions(isWanted: (session: Session) => boolean): Session[] {
    return [...this.#realm.sessions.values()].filter((session) => !session.isTrusted && isWanted(session));
  }

  /** @returns `undefined` where the filter is no list of strings (META-S-08) */
  #list(authroles: unknown): readonly Session[] | undefined {
    if (isAbsent(authroles)) return this.#sessions(() => true);
    return isTexts(authroles) ? this.#sessions(({ authrole }) => authroles.includes(authrole)) : undefined;
  }

  #kill(sessions: readonly Session[], { reason, message }: Farewell): void {
    for (const session of sessions) this.#realm.kill(session, reason, message);
  }
}

const ON_JOIN = "wamp.session.on_join";
const ON_LEAVE = "wamp.session.on_leave";
const AUTHROLES = "a list of authroles, or nothing";

/** Of the transport no more than its kind: no address, no header, no cookie (AMB-133). */
function sessionDetails({ id, authid, authrole, authmethod, authprovider, origin }: Session): Readonly<Record<string, unknown>> {
  const { transport: type, serializer, isBatched } = origin;
  return {
    session: id,
    authid,
    authrole,
    authmethod,
    authprovider,
    transport: { type, ...(serializer !== undefined && { serializer }), ...(isBatched && { batched: true }) },
  };
}

interface Farewell {
  readonly reason: string;
  readonly message: string | undefined;
}

/** [META-S-05, AMB-92] */
function farewellOf({ reason, message }: Readonly<Record<string, unknown>>): Farewell | Refusal {
  const uri = reason ?? Uri.killed;
  if (typeof uri !== "string" || !isUri(uri)) return refusal(Uri.invalidUri, "the reason must be a URI");
  if (!isAbsent(message) && typeof message !== "string") return invalidArgument("message: string");
  return { reason: uri, message: message ?? undefined };
}

function noSuchSession(id: number): Refusal {
  return refusal(Uri.noSuchSession, `there is no session ${id} that you could mean`);
}
