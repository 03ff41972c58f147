/** A router in the process, with virtual time and small repeatable ids, and peers that speak single messages to it. */
import {
  type Message,
  MessageType,
  NO_OPTIONS,
  Payload,
  type ProtocolError,
  type Receiver,
  type SendOutcome,
  type Transport,
} from "@junctor/protocol";
import {
  anonymous,
  type Permission,
  POWERS,
  type Realm,
  type RealmConfig,
  Router,
  type RouterEvent,
  type RouterLimits,
  type Session,
} from "@junctor/router";
import { VirtualClock } from "./virtual-clock.ts";

export const ALLOW_ALL: Permission = {
  uri: "",
  match: "prefix",
  allow: { call: true, register: true, publish: true, subscribe: true },
  disclose: { caller: "allow" },
};

export interface TestRouterOptions {
  readonly limits?: Partial<RouterLimits>;
  readonly realms?: readonly RealmConfig[];
  /** Default: a generator that repeats. */
  readonly randomFill?: (bytes: Uint8Array) => void;
}

export class TestRouter {
  readonly clock = new VirtualClock();
  readonly events: RouterEvent[] = [];
  readonly router: Router;

  constructor(options: TestRouterOptions = {}) {
    let random = 1;
    this.router = new Router({
      clock: this.clock,
      randomFill:
        options.randomFill ??
        ((bytes) => {
          // A generator with a period longer than any test (xorshift32).
          for (let i = 0; i < bytes.length; i++) {
            random ^= random << 13;
            random ^= random >>> 17;
            random ^= random << 5;
            bytes[i] = random & 0xff;
          }
        }),
      random: () => 0.5,
      log: (event) => this.events.push(event),
      limits: options.limits ?? {},
    });
    this.clock.wake = () => this.router.wake();
    for (const realm of options.realms ?? [realmConfig("realm1")]) this.router.addRealm(realm);
  }

  /** A peer that has not said anything yet. */
  attach(isTrusted = false): TestPeer {
    return new TestPeer(this.router, isTrusted);
  }

  /** A peer with a session. */
  join(roles: object = ALL_ROLES, realm = "realm1", isTrusted = false): TestPeer {
    const peer = this.attach(isTrusted);
    peer.send({ type: MessageType.Hello, realm, details: { roles } });
    peer.take(MessageType.Welcome);
    return peer;
  }

  /** The broker of a realm. */
  broker(realm = "realm1"): Realm["broker"] {
    return this.#realm(realm).broker;
  }

  /** The dealer of a realm. */
  dealer(realm = "realm1"): Realm["dealer"] {
    return this.#realm(realm).dealer;
  }

  /** The router's side of a peer's session. */
  session(peer: TestPeer, realm = "realm1"): Session {
    const session = this.#realm(realm).sessions.get(peer.session);
    if (session === undefined) throw new Error(`the peer has no session in ${realm}`);
    return session;
  }

  #realm(name: string): Realm {
    const realm = this.router.realm(name);
    if (realm === undefined) throw new Error(`no realm ${name}`);
    return realm;
  }

  /** Names of events, for comparing. */
  log(event: RouterEvent["event"]): RouterEvent[] {
    return this.events.filter((entry) => entry.event === event);
  }
}

export function realmConfig(name: string, permissions: readonly Permission[] = [ALLOW_ALL]): RealmConfig {
  return { name, roles: [{ name: "anonymous", permissions }], authenticate: anonymous("anonymous"), requestIds: "strict" };
}

/** Everything, and what has to be granted by its name (AMB-97). */
export const ALL_POWERS: readonly Permission[] = [
  ALLOW_ALL,
  ...POWERS.map((uri) => ({ uri, match: "exact", allow: { call: true } }) as const),
];

const flags = (...names: string[]) => ({ features: Object.fromEntries(names.map((name) => [name, true])) });
const calls = ["call_canceling", "call_timeout", "payload_passthru_mode", "progressive_call_invocations", "progressive_call_results"];
export const ALL_ROLES = {
  publisher: {},
  subscriber: {},
  caller: flags(...calls),
  callee: flags(...calls, "call_reroute", "registration_revocation"),
};

type Typed<T extends Message["type"]> = Extract<Message, { type: T }>;

/** The client's end of a synchronous transport: what the router sends is there when `send` returns. */
export class TestPeer implements Transport {
  readonly receiver: Receiver;
  /** What the router sent and nobody has taken yet. */
  inbox: Message[] = [];
  /** Why the router closed the transport, once it has. */
  closed: string | undefined = undefined;
  /** What `send` of the router's side answers from now on to messages with a payload, but for errors. */
  outcome: SendOutcome = "sent";
  /** Set when joined. */
  session = 0;
  request = 0;
  readonly #router: { readonly send: (message: Message) => SendOutcome; readonly close: (reason: string) => void };

  constructor(router: Router, isTrusted = false) {
    this.#router = {
      send: (message) => {
        if (this.closed !== undefined) return "closed";
        if (this.outcome !== "sent" && message.type !== MessageType.Error && "payload" in message && message.payload.length > 0) {
          return this.outcome;
        }
        if (message.type === MessageType.Welcome) this.session = message.session;
        this.inbox.push(message);
        return "sent";
      },
      close: (reason) => {
        this.closed ??= reason;
      },
    };
    this.receiver = router.attach(this.#router, { transport: "test" }, isTrusted);
  }

  send(message: Message): SendOutcome {
    this.receiver.receive(message);
    return "sent";
  }

  close(reason: string): void {
    this.closed ??= reason;
    this.receiver.lost(reason);
  }

  violate(error: ProtocolError): void {
    this.receiver.violated(error);
  }

  /** The next message, which must be of this type. */
  take<T extends Message["type"]>(type: T): Typed<T> {
    const message = this.inbox.shift();
    if (message?.type !== type) throw new Error(`expected a message of type ${type}, got ${JSON.stringify(message)}`);
    return message as Typed<T>;
  }

  subscribe(topic: string, options: object = NO_OPTIONS): number {
    this.send({ type: MessageType.Subscribe, request: ++this.request, options, topic });
    return this.take(MessageType.Subscribed).subscription;
  }

  register(procedure: string, options: object = NO_OPTIONS): number {
    this.send({ type: MessageType.Register, request: ++this.request, options, procedure });
    return this.take(MessageType.Registered).registration;
  }

  publish(topic: string, args: readonly unknown[] = [], options: object = NO_OPTIONS): void {
    this.send({ type: MessageType.Publish, request: ++this.request, options, topic, payload: Payload.of(args) });
  }

  call(procedure: string, args: readonly unknown[] = [], options: object = NO_OPTIONS): number {
    this.send({ type: MessageType.Call, request: ++this.request, options, procedure, payload: Payload.of(args) });
    return this.request;
  }

  /**
   * Calls a procedure that the router answers itself, at once, and takes the answer out of whatever else has arrived.
   * @returns the arguments of the result, or the URI of the error
   */
  ask(procedure: string, args: readonly unknown[] = [], kwargs: Readonly<Record<string, unknown>> = {}): readonly unknown[] | string {
    const request = ++this.request;
    this.send({ type: MessageType.Call, request, options: NO_OPTIONS, procedure, payload: Payload.of(args, kwargs) });
    const place = this.inbox.findIndex((message) => "request" in message && message.request === request);
    const [answer] = place < 0 ? [] : this.inbox.splice(place, 1);
    if (answer?.type === MessageType.Result) return answer.payload.args ?? [];
    if (answer?.type === MessageType.Error) return answer.error;
    throw new Error(`${procedure} was not answered at once`);
  }

  /** Takes the events that have arrived, as topics and arguments, by the topics they were subscribed under. */
  events(topics: ReadonlyMap<number, string>): readonly unknown[][] {
    const events: unknown[][] = [];
    this.inbox = this.inbox.filter((message) => {
      if (message.type !== MessageType.Event) return true;
      events.push([topics.get(message.subscription), ...(message.payload.args ?? [])]);
      return false;
    });
    return events;
  }

  yield(request: number, args: readonly unknown[] = [], options: object = NO_OPTIONS): void {
    this.send({ type: MessageType.Yield, request, options, payload: Payload.of(args) });
  }
}
