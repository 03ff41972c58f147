/**
 * How services log in: each start of an instance gets a ticket of its own through its environment, which lets it into one
 * realm under one role, by the ordinary method `ticket`. It holds as long as that instance runs, so that the process can
 * connect again and as often as it likes, and nowhere but on this machine. Only its digest is kept.
 */
import { createHash, randomBytes } from "node:crypto";
import { type SessionId, Uri } from "@junctor/protocol";
import type { AuthenticationAnswer, Authenticator, Origin, Router, Session } from "@junctor/router";

/** One start of an instance, and what it may join as. Kept with its sessions. */
export interface ServiceRun {
  readonly service: string;
  readonly instance: number;
  readonly realm: string;
  readonly role: string;
  readonly sessions: Set<SessionId>;
}

export interface ServiceLogin {
  readonly authid: string;
  readonly ticket: string;
  readonly run: ServiceRun;
}

/** WELCOME's `authprovider`. */
export const SERVICE = "service";

export class ServiceTickets {
  /** By the digest of the ticket. */
  readonly #runs = new Map<string, ServiceRun>();
  readonly #router: Router;

  constructor(router: Router) {
    this.#router = router;
  }

  issue(service: string, instance: number, realm: string, role: string): ServiceLogin {
    const ticket = randomBytes(32).toString("base64url");
    const run: ServiceRun = { service, instance, realm, role, sessions: new Set() };
    this.#runs.set(digestOf(ticket), run);
    return { authid: `${PREFIX}${service}`, ticket, run };
  }

  /** It has ended: its ticket lets nobody in any more, and who came in with it and is still there, goes. */
  revoke(run: ServiceRun): void {
    for (const [digest, other] of this.#runs) if (other === run) this.#runs.delete(digest);
    for (const session of this.sessionsOf(run)) session.realm.kill(session, Uri.authenticationRequired, "the service has ended");
  }

  /** Those that are there. */
  sessionsOf(run: ServiceRun): Session[] {
    const sessions = this.#router.realm(run.realm)?.sessions;
    for (const id of run.sessions) if (sessions?.get(id)?.proof !== run) run.sessions.delete(id);
    return [...run.sessions].flatMap((id) => sessions?.get(id) ?? []);
  }

  /** Asked before the methods of a realm: names that begin with `service:` are the services'. */
  before(realm: string, methods: Authenticator): Authenticator {
    return (request, answer) => {
      const { authid, authmethods, authrole } = request.details;
      if (authid?.startsWith(PREFIX) !== true || authmethods?.includes("ticket") !== true) return methods(request, answer);
      answer({
        kind: "challenge",
        authmethod: "ticket",
        extra: {},
        verify: ({ signature }, answer) => {
          // A look-up by digest takes no longer for a ticket that is nearly right (T3).
          const run = this.#runs.get(digestOf(signature));
          if (run === undefined || run.realm !== realm || authid !== `${PREFIX}${run.service}` || !isLocal(request.origin))
            return answer(DENIED);
          if (authrole !== undefined && authrole !== run.role)
            return answer({ kind: "abort", reason: Uri.noSuchRole, message: `this service may not join as ${authrole}` });
          this.sessionsOf(run); // forgets those that are gone
          run.sessions.add(request.session);
          answer({
            kind: "welcome",
            authid,
            authrole: run.role,
            authmethod: "ticket",
            authprovider: SERVICE,
            authextra: { service: run.service, instance: run.instance },
            proof: run,
          });
        },
      });
    };
  }
}

/** A ticket goes over no network: it is known on this machine only, to one user of it. */
function isLocal({ address, transport }: Origin): boolean {
  return transport === "memory" || address === undefined || address === "::1" || address.startsWith("127.");
}

function digestOf(ticket: string): string {
  return createHash("sha256").update(ticket).digest("base64");
}

const PREFIX = "service:";
const DENIED: AuthenticationAnswer = { kind: "abort", reason: Uri.authenticationDenied, message: "the credentials are not valid" };
