/**
 * The router: realms, and the transports attached to it. It does no I/O and owns no timer: whoever embeds it hands it
 * transports, a clock and randomness, and wakes it when it asks to be woken.
 */
import {
  type Dial,
  type IdSource,
  linkedTransports,
  type Receiver,
  randomIds,
  type SessionId,
  sequentialIds,
  type Transport,
  Uri,
} from "@junctor/protocol";
import { Acceptor } from "./acceptor.ts";
import type { Origin } from "./access/authenticator.ts";
import { type Clock, Deadlines } from "./deadline.ts";
import { DEFAULT_LIMITS, type RouterLimits } from "./limits.ts";
import type { RouterEvent } from "./log.ts";
import { Realm, type RealmConfig } from "./realm.ts";
import type { Session } from "./session.ts";

export interface RouterOptions {
  readonly clock: Clock;
  /** Fills an array with strong random bytes, as `crypto.getRandomValues` does. Session and publication ids come from it. */
  readonly randomFill: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** In [0, 1), for `invoke: "random"`. Default `Math.random`. */
  readonly random?: () => number;
  readonly log?: (event: RouterEvent) => void;
  /** Told of each session that has ended, with what is known of it; what it held is gone. `reason`: see `RouterEvent`. */
  readonly left?: (session: Session, reason: string) => void;
  readonly limits?: Partial<RouterLimits>;
  /** What WELCOME calls the router. */
  readonly agent?: string;
  /** The realm of a HELLO that names none (AMB-07). Default: such a HELLO is refused. */
  readonly defaultRealm?: string;
}

/** What realms, sessions and acceptors need of the router that they are part of. */
export interface RouterEnvironment {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Global scope. */
  readonly ids: IdSource;
  /** Router scope: subscriptions and registrations (AMB-27). */
  readonly routerIds: IdSource;
  readonly random: () => number;
  readonly limits: RouterLimits;
  readonly agent: string;
  log(event: RouterEvent): void;
  left(session: Session, reason: string): void;
  realm(name: string): Realm | undefined;
  reserveSessionId(): SessionId;
  releaseSessionId(id: SessionId): void;
  detached(acceptor: Acceptor): void;
}

export class Router {
  readonly #environment: RouterEnvironment;
  readonly #realms = new Map<string, Realm>();
  readonly #acceptors = new Set<Acceptor>();
  /** Of live and of joining sessions (AMB-24). */
  readonly #sessionIds = new Set<SessionId>();
  #isClosed = false;

  constructor(options: RouterOptions) {
    const ids = randomIds(options.randomFill);
    this.#environment = {
      clock: options.clock,
      deadlines: new Deadlines(options.clock),
      ids,
      routerIds: sequentialIds(),
      random: options.random ?? Math.random,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      agent: options.agent ?? "Junctor",
      log: options.log ?? (() => {}),
      left: options.left ?? (() => {}),
      realm: (name) => this.#realms.get(name === "" ? (options.defaultRealm ?? "") : name),
      reserveSessionId: () => {
        for (let tries = 0; tries < MOST_TRIES; tries++) {
          const id = ids.next();
          if (this.#sessionIds.has(id)) continue;
          this.#sessionIds.add(id);
          return id;
        }
        throw new TypeError("randomFill does not fill with random bytes: it gives the same session ids again and again");
      },
      releaseSessionId: (id) => void this.#sessionIds.delete(id),
      detached: (acceptor) => void this.#acceptors.delete(acceptor),
    };
  }

  /** @throws {TypeError} where a realm of that name exists */
  addRealm(config: RealmConfig): Realm {
    return this.prepareRealm(config)();
  }

  /** Makes a realm that nobody can join yet. @returns opens it. @throws {TypeError} as `addRealm` does */
  prepareRealm(config: RealmConfig): () => Realm {
    if (this.#realms.has(config.name)) throw new TypeError(`the realm ${config.name} exists already`);
    const realm = new Realm(config, this.#environment);
    return () => {
      this.#realms.set(config.name, realm);
      return realm;
    };
  }

  /** Ends the realm's sessions and forgets it. @returns whether there was one */
  removeRealm(name: string): boolean {
    const realm = this.#realms.get(name);
    this.#realms.delete(name);
    realm?.close(Uri.closeRealm, `the realm ${name} was closed`);
    return realm !== undefined;
  }

  realm(name: string): Realm | undefined {
    return this.#realms.get(name);
  }

  /** From now on, for the sessions that there are as well; time-outs that run keep theirs. */
  setLimits(limits: RouterLimits): void {
    Object.assign(this.#environment.limits, limits); // the one that all look at
    for (const realm of this.#realms.values()) realm.limitsChanged();
  }

  /** Ends what has come by a transport: its session with GOODBYE, or what would become one with ABORT. */
  dismiss(receiver: Receiver, reason: string, message?: string): void {
    if (receiver instanceof Acceptor) receiver.goodbye(reason, message);
  }

  get realms(): IterableIterator<Realm> {
    return this.#realms.values();
  }

  /** Transports that are attached now, with or without a session. */
  get transportCount(): number {
    return this.#acceptors.size;
  }

  /**
   * Takes one end of a transport. @returns whom to tell what arrives on it
   * @param isTrusted the peer is part of the router's own program: it joins without authentication, may do everything, and
   *   may use reserved URIs
   */
  attach(transport: Transport, origin: Origin, isTrusted = false): Receiver {
    const acceptor = new Acceptor(this.#environment, transport, origin, isTrusted);
    this.#acceptors.add(acceptor);
    if (this.#isClosed) acceptor.goodbye(Uri.systemShutdown, SHUTDOWN);
    return acceptor;
  }

  /**
   * A way into the router from the same program, without a port and without serialisation.
   * @param isTrusted see `attach`
   */
  dial(isTrusted = false): Dial {
    return async (receiver) => {
      const [near, far] = linkedTransports();
      near.receiver = receiver;
      far.receiver = this.attach(far, { transport: "memory" }, isTrusted);
      return near;
    };
  }

  /** To be called at the time last asked for by `Clock.wakeAt`, or later. */
  wake(): void {
    this.#environment.deadlines.run();
  }

  /** Ends all sessions with `wamp.close.system_shutdown`; transports close when their peers have answered or time is up (AMB-134). */
  close(): void {
    this.#isClosed = true;
    for (const acceptor of [...this.#acceptors]) acceptor.goodbye(Uri.systemShutdown, SHUTDOWN);
  }
}

const SHUTDOWN = "the router shuts down";
/** Chance needs a second one about never. */
const MOST_TRIES = 100_000;
