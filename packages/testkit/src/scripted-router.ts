/** A router that says what a test says: for what no real one would, and for moments that it would not choose. */
import { type ConnectOptions, connect, type Session } from "@junctor/client";
import {
  linkedTransports,
  type Message,
  MessageType,
  NO_OPTIONS,
  Payload,
  type Receiver,
  type RequestType,
  type Transport,
  Uri,
} from "@junctor/protocol";
import { Inbox } from "./inbox.ts";
import { VirtualClock } from "./virtual-clock.ts";

export class ScriptedRouter {
  readonly clock = new VirtualClock();
  /** What the client sent. */
  readonly sent = new Inbox<Message>();
  /** Why the connection ended, when it has. */
  readonly lost = new Inbox<string>();
  /** The client's end, while it dials. */
  readonly dial: ConnectOptions["dial"] & {};
  readonly #far: Transport;

  constructor() {
    const [near, far] = linkedTransports();
    far.receiver = { receive: (message) => this.sent.push(message), violated: () => {}, lost: (reason) => this.lost.push(reason) };
    this.#far = far;
    this.dial = async (receiver: Receiver) => {
      near.receiver = receiver;
      return near;
    };
  }

  /** A session with a router whose dealer announces these features. HELLO has been taken. */
  static async join(...features: string[]): Promise<{ session: Session; router: ScriptedRouter; sent: Inbox<Message> }> {
    const router = new ScriptedRouter();
    const joining = router.connect();
    await router.take(MessageType.Hello);
    router.welcome(...features);
    return { session: await joining, router, sent: router.sent };
  }

  connect(options: Partial<ConnectOptions> = {}): Promise<Session> {
    return connect({ realm: "realm1", dial: this.dial, timers: this.clock, ...options });
  }

  /** The next message of the client, which must be of this type. */
  async take<T extends Message["type"]>(type: T): Promise<Extract<Message, { type: T }>> {
    const message = await this.sent.next();
    if (message.type !== type) throw new Error(`expected a message of type ${type}, got ${JSON.stringify(message)}`);
    return message as Extract<Message, { type: T }>;
  }

  send(message: Message): void {
    this.#far.send(message);
  }

  close(reason: string): void {
    this.#far.close(reason);
  }

  welcome(...features: string[]): void {
    const dealer = { features: Object.fromEntries(features.map((flag) => [flag, true])) };
    this.send({ type: MessageType.Welcome, session: 1, details: { roles: { broker: {}, dealer } } });
  }

  result(request: number, args: readonly unknown[] = []): void {
    this.send({ type: MessageType.Result, request, details: NO_OPTIONS, payload: Payload.of(args) });
  }

  error(requestType: RequestType, request: number, error: string): void {
    this.send({ type: MessageType.Error, requestType, request, details: NO_OPTIONS, error, payload: Payload.EMPTY });
  }

  event(subscription: number, args: readonly unknown[] = []): void {
    const payload = Payload.of(args);
    this.send({ type: MessageType.Event, subscription, publication: 1, details: NO_OPTIONS, payload, encoded: undefined });
  }

  invoke(request: number, registration: number, args: readonly unknown[] = [], details: object = NO_OPTIONS): void {
    this.send({ type: MessageType.Invocation, request, registration, details, payload: Payload.of(args) });
  }

  goodbye(reason: string = Uri.goodbyeAndOut): void {
    this.send({ type: MessageType.Goodbye, details: NO_OPTIONS, reason });
  }
}

/** What a promise is rejected with. */
export function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`expected a failure, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
