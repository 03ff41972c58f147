/**
 * The sessions of those who come by single HTTP requests. Whoever shows credentials joins the realm by its own methods, over a
 * connection within the process, so that everything holds for them that holds for others: throttling, roles, limits, revocation.
 * The session is kept for a while, for the next request with the same credentials.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type AuthMethod, connect, type Session } from "@junctor/client";
import { type Dial, linkedTransports } from "@junctor/protocol";
import type { Router } from "@junctor/router";
import type { RequestOrigin } from "@junctor/transport-node";

interface Kept {
  readonly session: Promise<Session>;
  /** Requests that make use of it now. */
  users: number;
  idleSince: number;
}

export interface Lease {
  readonly session: Session;
  /** The request is over. */
  release(): void;
}

export class HttpSessions {
  readonly #router: Router;
  readonly #realm: string;
  readonly #now: () => number;
  /** By digests of the credentials. */
  readonly #kept = new Map<string, Kept>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(router: Router, realm: string, now: () => number = () => performance.now()) {
    this.#router = router;
    this.#realm = realm;
    this.#now = now;
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  get size(): number {
    return this.#kept.size;
  }

  /**
   * @throws {CredentialsError} what the request shows is in no form that is taken here
   * @throws {JoinError} the realm does not let them in
   */
  async lease(request: IncomingMessage, origin: RequestOrigin): Promise<Lease> {
    const { authorization = "" } = request.headers;
    const method = methodOf(authorization);
    const key = createHash("sha256").update(authorization).digest("base64");
    const kept = this.#kept.get(key) ?? this.#join(key, method, origin);
    kept.users++;
    const release = () => {
      kept.users--;
      kept.idleSince = this.#now();
    };
    try {
      const session = await kept.session;
      return { session, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  #join(key: string, method: AuthMethod | undefined, origin: RequestOrigin): Kept {
    if (this.#kept.size >= MOST_KEPT) this.#forgetOldest();
    const session = connect({
      realm: this.#realm,
      dial: this.#dial(origin.address),
      agent: "Junctor HTTP",
      ...(method && { auth: [method] }),
      onHandlerError: () => {},
    });
    const kept: Kept = { session, users: 0, idleSince: this.#now() };
    this.#kept.set(key, kept);
    const forget = () => {
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
    };
    session.then(({ closed }) => closed.then(forget), forget);
    return kept;
  }

  #dial(address: string | undefined): Dial {
    return async (receiver) => {
      const [near, far] = linkedTransports();
      near.receiver = receiver;
      far.receiver = this.#router.attach(far, { transport: "http", ...(address !== undefined && { address }) });
      return near;
    };
  }

  /** Ends sessions that have not been made use of for a while. */
  sweep(): void {
    const before = this.#now() - IDLE_MS;
    for (const [key, kept] of this.#kept) if (kept.users === 0 && kept.idleSince <= before) this.#end(key, kept);
  }

  #forgetOldest(): void {
    for (const [key, kept] of this.#kept) {
      if (kept.users > 0) continue;
      this.#end(key, kept);
      return;
    }
  }

  #end(key: string, kept: Kept): void {
    this.#kept.delete(key);
    kept.session.then(
      (session) => session.leave(),
      () => {},
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    const sessions = [...this.#kept.values()].map(({ session }) => session);
    this.#kept.clear();
    await Promise.allSettled(sessions.map(async (session) => (await session).leave()));
  }
}

export class CredentialsError extends Error {}

/** `Basic` is an authid and its ticket, `Bearer` a ticket that tells who it is for, as a JSON Web Token does; none is anonymous. */
function methodOf(authorization: string): AuthMethod | undefined {
  if (authorization === "") return undefined;
  const [, scheme = "", value = ""] = AUTHORIZATION.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return ticketOf(undefined, value);
    case "basic": {
      const [, authid, ticket] = /^([^:]*):(.*)$/s.exec(Buffer.from(value, "base64").toString()) ?? [];
      if (authid !== undefined && ticket !== undefined) return ticketOf(authid, ticket);
    }
  }
  throw new CredentialsError("Authorization is Basic, with an authid and its ticket, or Bearer, with a token");
}

function ticketOf(authid: string | undefined, ticket: string): AuthMethod {
  return {
    method: "ticket",
    attempt: () => ({ ...(authid !== undefined && { authid }), respond: async () => ({ signature: ticket }) }),
  };
}

const AUTHORIZATION = /^(\w+) +(\S+) *$/;
const IDLE_MS = 60_000;
const SWEEP_MS = 10_000;
const MOST_KEPT = 1_000;
