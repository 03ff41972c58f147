/** Opens a connection and joins a realm (requirements 2.2, 7.1; AMB-08, AMB-109, AMB-113). */
import {
  type Challenge,
  type ClientRoles,
  type Dial,
  type Message,
  MessageType,
  messageName,
  Payload,
  ProtocolError,
  type Receiver,
  type RoleDetails,
  type Serializer,
  type Transport,
  Uri,
  verdict,
} from "@junctor/protocol";
import type { AuthAttempt, AuthMethod } from "./auth/method.ts";
import { JoinError, TimeoutError, TransportError } from "./error.ts";
import { checkTimeout } from "./options.ts";
import type { PayloadCodec } from "./passthru.ts";
import type { Timers } from "./requests.ts";
import { Session, type SessionOptions } from "./session.ts";
import type { Subscription } from "./subscription.ts";
import { webSocket } from "./websocket.ts";

export interface ConnectOptions {
  /** `ws://…` or `wss://…`; the Node.js entry takes `tcp:`, `tls:` and `unix:` as well. Or give `dial`. */
  readonly url?: string;
  /** Opens the connection in another way: into a router in the same program, or through a transport of one's own. */
  readonly dial?: Dial;
  readonly realm: string;
  /** Offered in this order. Default JSON. */
  readonly serializers?: readonly Serializer[];
  /** Ways to prove who the client is, offered in this order; the router chooses (AMB-09). Default: anonymous. */
  readonly auth?: readonly AuthMethod[];
  /** For arguments that only the peers read (payload passthru mode), by their schemes. Default: none. */
  readonly codecs?: readonly PayloadCodec[];
  /**
   * Bytes of results (`stream`), or of chunks (`invocation.chunks`), that may wait for a loop that reads them more slowly than they
   * come. With more, the loop reads what has come and then fails with `junctor.error.limit_exceeded`; the call of a `stream` is
   * given up, and of an invocation nothing more is kept. Default 16 MiB.
   */
  readonly unreadLimit?: number;
  /** Default for everything that waits, the join included, in ms; 0 waits for ever. Default 10 000. */
  readonly timeout?: number;
  /** Gives up joining. */
  readonly signal?: AbortSignal;
  /** What HELLO calls this client. */
  readonly agent?: string;
  /** Told what a subscriber's handler throws. Default: the console. */
  readonly onHandlerError?: (error: unknown, subscription: Subscription) => void;
  /** For tests. */
  readonly timers?: Timers;
}

/**
 * @throws {JoinError} the router refused, with its reason
 * @throws {TransportError} no connection came about, or it was lost before the router answered
 */
export async function connect(options: ConnectOptions): Promise<Session> {
  if (options.timeout !== undefined) checkTimeout(options.timeout);
  const { url, dial = url === undefined ? undefined : webSocket(url, options.serializers, options.timeout) } = options;
  if (dial === undefined) throw new TypeError("connect needs a url or a dial");
  const join = new Join(options);
  const transport = await dial(join, options.signal);
  return join.start(transport);
}

/** Requests may wait as long as this where nothing else is said. */
const DEFAULT_TIMEOUT = 10_000;
const GOODBYE_TIMEOUT = 5_000;
const UNREAD_LIMIT = 16 * 1024 * 1024;

/** What this client does (FEAT-01, FEAT-05). A flag stands here when a test in `feature.test.ts` proves it. */
const ROLES: ClientRoles = {
  publisher: features("publisher_exclusion", "publisher_identification", "sharded_subscription", "subscriber_blackwhite_listing"),
  subscriber: features(
    "pattern_based_subscription",
    "publication_trustlevels",
    "publisher_identification",
    "sharded_subscription",
    "subscription_revocation",
  ),
  caller: features(
    "call_canceling",
    "call_timeout",
    "caller_identification",
    "progressive_call_invocations",
    "progressive_call_results",
    "sharded_registration",
  ),
  callee: features(
    "call_canceling",
    "call_reroute",
    "call_timeout",
    "call_trustlevels",
    "caller_identification",
    "pattern_based_registration",
    "progressive_call_invocations",
    "progressive_call_results",
    "registration_revocation",
    "sharded_registration",
    "shared_registration",
  ),
};

function features(...names: string[]): RoleDetails {
  return { features: Object.fromEntries(names.map((name) => [name, true])) };
}

/** A client without a codec says so, and the router tells callers that it cannot take what is sealed (PPT-08). */
function withPassthru(roles: ClientRoles): ClientRoles {
  return Object.fromEntries(
    Object.entries(roles).map(([role, { features }]) => [role, { features: { ...features, payload_passthru_mode: true } }]),
  );
}

const systemTimers: Timers = {
  set: (task, ms) => setTimeout(task, Math.min(ms, LONGEST_TIMER)),
  clear: (timer) => clearTimeout(timer),
};
const LONGEST_TIMER = 0x7fffffff; // longer ones go off at once

/** The session before WELCOME. Afterwards it only passes on to the session what the transport tells. */
class Join implements Receiver {
  readonly #options: ConnectOptions;
  readonly #timers: Timers;
  #session: Session | undefined = undefined;
  #transport: Transport | undefined = undefined;
  #state: "establishing" | "challenging" = "establishing";
  #settle: { resolve(session: Session): void; reject(error: unknown): void } | undefined = undefined;
  #lost: string | undefined = undefined;
  /** By method name. */
  readonly #attempts = new Map<string, AuthAttempt>();
  /** Those that the router has challenged. */
  readonly #answered = new Set<AuthAttempt>();

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
  }

  start(transport: Transport): Promise<Session> {
    const { realm, auth, signal, timeout = DEFAULT_TIMEOUT } = this.#options;
    this.#transport = transport;
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#fail(signal?.reason);
      const timer = timeout > 0 ? this.#timers.set(() => this.#fail(new TimeoutError(`HELLO to ${realm}`, timeout)), timeout) : undefined;
      const done = () => {
        this.#settle = undefined;
        if (timer !== undefined) this.#timers.clear(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      this.#settle = {
        resolve: (session) => {
          done();
          resolve(session);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      if (this.#lost !== undefined) return this.lost(this.#lost);
      if (signal?.aborted) return onAbort();
      signal?.addEventListener("abort", onAbort, { once: true });
      if (auth === undefined) this.#hello(transport);
      else
        this.#beginAttempts(auth, transport).then(
          () => this.#hello(transport),
          (error: unknown) => this.#fail(error),
        );
    });
  }

  async #beginAttempts(methods: readonly AuthMethod[], transport: Transport): Promise<void> {
    for (const method of methods) this.#attempts.set(method.method, await method.attempt(transport.channel));
  }

  #hello(transport: Transport): void {
    if (this.#settle === undefined) return; // given up, or lost, meanwhile
    const { realm, agent, codecs = [] } = this.#options;
    const attempts = [...this.#attempts.values()];
    const authid = attempts.find((attempt) => attempt.authid !== undefined)?.authid;
    const authextra = Object.assign({}, ...attempts.map((attempt) => attempt.authextra).reverse()) as Record<string, unknown>;
    transport.send({
      type: MessageType.Hello,
      realm,
      details: {
        roles: codecs.length === 0 ? ROLES : withPassthru(ROLES),
        agent: agent ?? "Junctor client",
        authmethods: attempts.length === 0 ? ["anonymous"] : [...this.#attempts.keys()],
        ...(authid === undefined ? {} : { authid }),
        ...(Object.keys(authextra).length === 0 ? {} : { authextra }),
      },
    });
  }

  receive(message: Message): void {
    if (this.#session !== undefined) {
      this.#session.receiver.receive(message);
      return;
    }
    if (this.#settle === undefined) return;
    if (verdict("client", this.#state, message.type) === "violation") {
      this.violated(new ProtocolError("UNEXPECTED_MESSAGE", `${messageName(message.type)} is not allowed from a router before WELCOME`));
      return;
    }
    if (message.type === MessageType.Welcome) {
      try {
        for (const attempt of this.#attempts.values()) if (this.#answered.has(attempt)) attempt.welcomed?.(message.details);
      } catch (error) {
        this.#fail(error);
        return;
      }
      const session = new Session(message, this.#options.realm, this.#transport as Transport, this.#sessionOptions());
      this.#session = session;
      this.#settle.resolve(session);
    } else if (message.type === MessageType.Abort) {
      this.#settle.reject(new JoinError(message.reason, message.details.message)); // [SES-17]
      this.#transport?.close(message.reason);
    } else if (message.type === MessageType.Challenge) {
      this.#state = "challenging";
      void this.#respond(message);
    }
  }

  violated(error: ProtocolError): void {
    if (this.#session !== undefined) this.#session.receiver.violated(error);
    else {
      this.#abort(Uri.protocolViolation, error.message);
      this.#settle?.reject(error);
    }
  }

  lost(reason: string): void {
    if (this.#session !== undefined) this.#session.receiver.lost(reason);
    else if (this.#settle === undefined) this.#lost = reason;
    else this.#settle.reject(new TransportError(`the connection was lost before the router answered HELLO: ${reason}`));
  }

  // [AMB-113] Every CHALLENGE is answered, until WELCOME or ABORT.
  async #respond(challenge: Challenge): Promise<void> {
    const attempt = this.#attempts.get(challenge.authmethod);
    try {
      if (attempt === undefined)
        throw new JoinError(
          Uri.noMatchingAuthMethod,
          `the router asks for the authentication method ${challenge.authmethod}, which was not offered`,
        );
      this.#answered.add(attempt);
      const { signature, extra } = await attempt.respond(challenge);
      this.#transport?.send({ type: MessageType.Authenticate, signature, extra: extra ?? {} });
    } catch (error) {
      this.#abort(Uri.authenticationFailed, "the client could not answer the challenge");
      this.#settle?.reject(error);
    }
  }

  #fail(error: unknown): void {
    const settle = this.#settle;
    this.#abort(Uri.closeRealm, "the client gave up joining");
    settle?.reject(error);
  }

  #abort(reason: string, message: string): void {
    this.#transport?.send({ type: MessageType.Abort, details: { message }, reason, payload: Payload.EMPTY });
    this.#transport?.close(reason);
  }

  #sessionOptions(): SessionOptions {
    return {
      timeout: this.#options.timeout ?? DEFAULT_TIMEOUT,
      onHandlerError:
        this.#options.onHandlerError ?? ((error, { topic }) => console.error(`The handler of the subscription to ${topic} threw:`, error)),
      timers: this.#timers,
      codecs: this.#options.codecs ?? [],
      unreadLimit: this.#options.unreadLimit ?? UNREAD_LIMIT,
      goodbyeTimeout: GOODBYE_TIMEOUT,
    };
  }
}
