/**
 * A joined session: calls, registrations, subscriptions and publications over one transport, until it is left or lost.
 *
 * Spec: requirements 2 to 5, client side; AMB-04 to AMB-06, AMB-45, AMB-70, AMB-87, AMB-131.
 */
import {
  type ClientRoles,
  type ErrorMessage,
  type Event as EventMessage,
  hasFeature,
  type Message,
  MessageType,
  messageName,
  NO_OPTIONS,
  nextId,
  Payload,
  ProtocolError,
  type PublicationId,
  type PublishOptions as PublishWire,
  type Receiver,
  type RequestId,
  type SendOutcome,
  type SessionId,
  type SessionState,
  type SubscriptionId,
  type Transport,
  Uri,
  verdict,
  type Welcome,
  type WelcomeDetails,
} from "@junctor/protocol";
import { Callee } from "./callee.ts";
import { Caller, type CallStream } from "./caller.ts";
import { Chunk, payloadOf, type Result, received } from "./chunk.ts";
import { ApplicationError, SessionClosedError, sendError } from "./error.ts";
import { type HistoryFilter, type HistoryPage, historyPage, historyWire } from "./history.ts";
import { InOrder } from "./in-order.ts";
import type { Link } from "./link.ts";
import {
  type CallOptions,
  checkOutgoing,
  checkTimeout,
  type PublishOptions,
  publishWire,
  type RegisterOptions,
  registerWire,
  type StreamOptions,
  type SubscribeOptions,
  subscribeWire,
  type WaitOptions,
} from "./options.ts";
import { Codecs, type PayloadCodec } from "./passthru.ts";
import { type InvocationHandler, Registration } from "./registration.ts";
import { type Request, Requests, requestTypeOf, type Timers } from "./requests.ts";
import { type EventHandler, Subscription } from "./subscription.ts";

/** Why and how a session ended. */
export interface CloseInfo {
  /** A close reason URI, or how the connection ended, for example `transport.lost`. */
  readonly reason: string;
  /** The router's words, where it gave some. */
  readonly message: string | undefined;
  /** Whether both sides said GOODBYE. */
  readonly wasClean: boolean;
}

export interface SessionOptions {
  /** Default for requests, in ms; 0 waits for ever. */
  readonly timeout: number;
  /** Told what a subscriber's handler throws. */
  readonly onHandlerError: (error: unknown, subscription: Subscription) => void;
  readonly timers: Timers;
  readonly codecs: readonly PayloadCodec[];
  /** Bytes that may wait for a loop that reads results or chunks. */
  readonly unreadLimit: number;
  /** Wait for the router's GOODBYE, in ms (AMB-06). */
  readonly goodbyeTimeout: number;
}

export class Session implements AsyncDisposable {
  readonly id: SessionId;
  /** The effective realm, which may differ from the one asked for (AMB-07). */
  readonly realm: string;
  readonly authid: string | undefined;
  readonly authrole: string | undefined;
  /** WELCOME's details as they came. */
  readonly details: WelcomeDetails;
  /** Settles when the session has ended, by whichever side and for whatever reason; never rejects. */
  readonly closed: Promise<CloseInfo>;
  readonly #options: SessionOptions;
  readonly #transport: Transport;
  readonly #requests: Requests;
  readonly #caller: Caller;
  readonly #callee: Callee;
  readonly #codecs: Codecs;
  /** Events that wait to be opened, and those behind them. */
  readonly #events = new InOrder();
  readonly #subscriptions = new Map<SubscriptionId, Set<Subscription>>();
  /** SUBSCRIBEs under way, by topic and match: their handlers will share a subscription that must not be ended meanwhile. */
  readonly #subscribing = new Map<string, number>();
  #lastRequest: RequestId = 0;
  #state: SessionState = "established";
  #closeInfo: CloseInfo | undefined = undefined;
  #settleClosed: (info: CloseInfo) => void = () => {};
  #goodbyeTimer: unknown = undefined;

  /** For `connect`: a session starts with the WELCOME that its transport received. */
  constructor(welcome: Welcome, realm: string, transport: Transport, options: SessionOptions) {
    this.id = welcome.session;
    this.details = welcome.details;
    this.realm = welcome.details.realm ?? realm;
    this.authid = welcome.details.authid;
    this.authrole = welcome.details.authrole;
    this.#options = options;
    this.#transport = transport;
    if (welcome.details.x_message_size !== undefined) transport.limitTo?.(welcome.details.x_message_size);
    this.#requests = new Requests(options.timers);
    this.#codecs = new Codecs(options.codecs);
    const link: Link = {
      codecs: this.#codecs,
      requests: this.#requests,
      timers: options.timers,
      unreadLimit: options.unreadLimit,
      supports: (role, feature) => this.supports(role, feature),
      send: (message) => this.#transport.send(message),
      sendOrThrow: (message, name) => {
        const outcome = this.#transport.send(message);
        if (outcome !== "sent") throw sendError(outcome, name);
      },
      drained: () => this.#transport.drained?.(),
      request: (create, request, options) => this.#request(create, request, options),
    };
    this.#caller = new Caller(link);
    this.#callee = new Callee(link);
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  get isOpen(): boolean {
    return this.#state === "established";
  }

  /** Whether the router announced a feature: `session.supports("dealer", "call_canceling")`. */
  supports(role: "broker" | "dealer", feature: string): boolean {
    return hasFeature(this.details.roles as ClientRoles, role, feature);
  }

  /**
   * Calls a procedure. Given up by signal or time-out, the call is cancelled at the router, if the router can.
   *
   * @throws {ApplicationError} the callee's or the router's ERROR
   * @throws {TimeoutError} there was no sign of the callee in time
   * @throws {SessionClosedError} the session ended before the answer came
   */
  call(
    procedure: string,
    args?: readonly unknown[],
    kwargs?: Readonly<Record<string, unknown>>,
    options: CallOptions = {},
  ): Promise<Result> {
    return this.#caller.call(procedure, args, kwargs, options);
  }

  /** Calls a procedure and reads its progressive results in a loop; with `chunks`, sends and receives at the same time. */
  stream(
    procedure: string,
    args?: readonly unknown[],
    kwargs?: Readonly<Record<string, unknown>>,
    options: StreamOptions = {},
  ): CallStream {
    return this.#caller.stream(procedure, args, kwargs, options);
  }

  /**
   * Publishes an event. Without `acknowledge` the promise settles at once and says nothing about what became of the event.
   *
   * @returns the publication's id, with `acknowledge`
   */
  async publish(
    topic: string,
    args?: readonly unknown[],
    kwargs?: Readonly<Record<string, unknown>>,
    options: PublishOptions = {},
  ): Promise<PublicationId | undefined> {
    const { codec } = options;
    const content = new Chunk(args, kwargs);
    const wire = publishWire(options);
    if (codec === undefined) return this.#publish(topic, wire, payloadOf(content), options);
    // [PPT-07, FEAT-04] A router without it would end the session.
    if (!this.supports("broker", "payload_passthru_mode"))
      throw new ApplicationError(Uri.featureNotSupported, ["the router does not announce payload_passthru_mode"]);
    const about = { kind: "event", uri: topic } as const;
    return this.#codecs.seal(codec, content, about, (sealed) =>
      this.#publish(topic, { ...wire, ...sealed.options }, sealed.payload, options),
    );
  }

  #publish(topic: string, wire: PublishWire, payload: Payload, options: PublishOptions): Promise<PublicationId | undefined> {
    return new Promise((resolve, reject) => {
      const request: Request = {
        type: MessageType.Publish,
        name: `PUBLISH ${topic}`,
        answered: (message) => {
          resolve((message as Extract<Message, { type: typeof MessageType.Published }>).publication);
          return false;
        },
        failed: reject,
      };
      const isSilent = options.acknowledge !== true;
      this.#request((id) => ({ type: MessageType.Publish, request: id, options: wire, topic, payload }), request, options, isSilent);
      if (isSilent) resolve(undefined);
    });
  }

  /** Calls `handler` with each event of the topic, or of all topics that match the pattern. */
  subscribe(topic: string, handler: EventHandler, options: SubscribeOptions = {}): Promise<Subscription> {
    const match = options.match ?? "exact";
    const key = `${match} ${topic}`;
    return new Promise((resolve, reject) => {
      let isAbandoned = false;
      let isUnderWay = false;
      const ended = () => {
        if (isUnderWay) this.#countSubscribing(key, -1);
        isUnderWay = false;
      };
      const request: Request = {
        type: MessageType.Subscribe,
        name: `SUBSCRIBE ${topic}`,
        ended,
        answered: (message) => {
          ended();
          const { subscription: id } = message as Extract<Message, { type: typeof MessageType.Subscribed }>;
          const subscription = new Subscription(
            id,
            topic,
            match,
            handler,
            (ended) => this.#unsubscribe(ended),
            (filter) => this.#history(id, topic, filter),
          );
          const handlers = this.#subscriptions.get(id) ?? new Set();
          this.#subscriptions.set(id, handlers);
          // Who asked last gets what is retained, which comes before anything else.
          for (const other of handlers) other.getsRetained = false;
          subscription.getsRetained = options.getRetained === true;
          handlers.add(subscription);
          if (isAbandoned) subscription.unsubscribe().catch(() => {});
          else resolve(subscription);
          return false;
        },
        failed: reject,
        abandoned: () => {
          isAbandoned = true;
          return "answered";
        },
      };
      const id = this.#request(
        (id) => ({ type: MessageType.Subscribe, request: id, options: subscribeWire(options), topic }),
        request,
        options,
      );
      if (id === 0) return;
      isUnderWay = true;
      this.#countSubscribing(key, 1);
    });
  }

  /** Answers calls of the procedure, or of all procedures that match the pattern. */
  register(procedure: string, handler: InvocationHandler, options: RegisterOptions = {}): Promise<Registration> {
    return new Promise((resolve, reject) => {
      let isAbandoned = false;
      const request: Request = {
        type: MessageType.Register,
        name: `REGISTER ${procedure}`,
        answered: (message) => {
          const { registration: id } = message as Extract<Message, { type: typeof MessageType.Registered }>;
          const registration = new Registration(id, procedure, handler, (ended) => this.#unregister(ended));
          this.#callee.registrations.set(id, registration);
          if (isAbandoned) registration.unregister().catch(() => {});
          else resolve(registration);
          return false;
        },
        failed: reject,
        abandoned: () => {
          isAbandoned = true;
          return "answered";
        },
      };
      this.#request((id) => ({ type: MessageType.Register, request: id, options: registerWire(options), procedure }), request, options);
    });
  }

  /** Says GOODBYE and closes the connection when the router has answered, or does not. Requests that still wait are rejected. */
  leave(reason: string = Uri.closeRealm): Promise<CloseInfo> {
    if (this.#state === "established") {
      this.#state = "shuttingDown";
      this.#transport.send({ type: MessageType.Goodbye, details: NO_OPTIONS, reason });
      this.#goodbyeTimer = this.#options.timers.set(
        () => this.#end({ reason, message: "the router did not answer GOODBYE", wasClean: false }),
        this.#options.goodbyeTimeout,
      );
      this.#release(reason, undefined);
    }
    return this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  // --- Receiving -----------------------------------------------------------------------------------------------------------

  /** What the transport tells; not for applications. */
  readonly receiver: Receiver = {
    receive: (message) => {
      try {
        this.#receive(message);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.#violated(error);
      }
    },
    violated: (error) => this.#violated(error),
    lost: (reason) => this.#end({ reason, message: undefined, wasClean: false }),
  };

  #receive(message: Message): void {
    const what = verdict("client", this.#state, message.type);
    if (what === "ignore" || this.#state === "closed") return;
    if (what === "violation")
      throw new ProtocolError("UNEXPECTED_MESSAGE", `${messageName(message.type)} is not allowed from a router in an established session`);
    switch (message.type) {
      case MessageType.Event:
        this.#event(message);
        return;
      case MessageType.Invocation:
        this.#callee.invoke(message);
        return;
      case MessageType.Interrupt:
        this.#callee.interrupt(message);
        return;
      case MessageType.Error: {
        if (message.requestType === MessageType.Invocation)
          throw new ProtocolError("UNEXPECTED_MESSAGE", "a router does not answer INVOCATION"); // [PERR-04]
        const error = applicationError(message);
        const request: number = message.request;
        if (!this.#requests.fail(request, message, error)) this.#late(request, message);
        return;
      }
      case MessageType.Unsubscribed:
        if (message.request === 0) return this.#revokeSubscription(message.details?.subscription, message.details?.reason);
        break;
      case MessageType.Unregistered:
        if (message.request === 0) return this.#revokeRegistration(message.details?.registration, message.details?.reason);
        break;
      case MessageType.Goodbye:
        this.#goodbye(message.reason, message.details.message);
        return;
      case MessageType.Abort:
        this.#end({ reason: message.reason, message: message.details.message, wasClean: false }); // [AMB-03]
        return;
    }
    const type = requestTypeOf(message);
    if (type === undefined || !("request" in message)) return;
    const request: number = message.request;
    if (!this.#requests.answer(request, type, message)) this.#late(request, message);
  }

  // An answer to a request that was given up is late; one to a request that was never made breaks the protocol.
  #late(request: RequestId, message: Message): void {
    if (request > this.#lastRequest)
      throw new ProtocolError("REQUEST_ID", `${messageName(message.type)} answers request ${request}, which was never made`);
  }

  #event(message: EventMessage): void {
    const handlers = this.#subscriptions.get(message.subscription);
    if (handlers === undefined) return; // [AMB-87]
    const [subscription] = handlers;
    const { details, payload } = message;
    this.#codecs.receive(
      this.#events,
      details,
      payload,
      { kind: "event", uri: details.topic ?? subscription?.topic ?? "" },
      (content) => this.#deliver(message, handlers, content),
      // [PPT-10, AMB-129] The publisher cannot be told.
      (error) => {
        for (const subscription of handlers) void this.#handlerFailed(error, subscription);
      },
    );
  }

  #deliver({ details, publication }: EventMessage, handlers: Iterable<Subscription>, { args, kwargs }: Chunk): void {
    for (const subscription of handlers) {
      if (details.retained === true && !subscription.getsRetained) continue;
      const event = { args, kwargs, topic: details.topic ?? subscription.topic, publication, details };
      try {
        const returned = subscription.handler(event);
        if (returned instanceof Promise) returned.catch((error: unknown) => this.#handlerFailed(error, subscription));
      } catch (error) {
        void this.#handlerFailed(error, subscription);
      }
    }
  }

  /** The last resort is the console: what throws here would end in the connection's own code. */
  async #handlerFailed(error: unknown, subscription: Subscription): Promise<void> {
    try {
      await this.#options.onHandlerError(error, subscription);
    } catch (trouble) {
      console.error(`onHandlerError of the subscription to ${subscription.topic} threw:`, trouble);
    }
  }

  async #history(id: SubscriptionId, topic: string, filter: HistoryFilter = {}): Promise<HistoryPage> {
    return historyPage(await this.call("wamp.subscription.get_events", [id], historyWire(filter), filter), topic);
  }

  #goodbye(reason: string, message: string | undefined): void {
    // [AMB-04] Crossing GOODBYEs answer each other.
    if (this.#state === "established") this.#transport.send({ type: MessageType.Goodbye, details: NO_OPTIONS, reason: Uri.goodbyeAndOut });
    this.#end({ reason, message, wasClean: true });
  }

  /** The router broke the protocol: ABORT, and the end (PERR-01). */
  #violated(error: ProtocolError): void {
    if (this.#state === "closed") return;
    this.#transport.send({
      type: MessageType.Abort,
      details: { message: error.message },
      reason: Uri.protocolViolation,
      payload: Payload.EMPTY,
    });
    this.#end({ reason: Uri.protocolViolation, message: `the router broke the protocol: ${error.message}`, wasClean: false }, error);
  }

  #end(info: CloseInfo, cause?: unknown): void {
    if (this.#closeInfo !== undefined) return;
    this.#closeInfo = info;
    this.#state = "closed";
    if (this.#goodbyeTimer !== undefined) this.#options.timers.clear(this.#goodbyeTimer);
    this.#release(info.message === undefined ? info.reason : `${info.reason} (${info.message})`, cause);
    this.#transport.close(info.reason);
    this.#settleClosed(info);
  }

  /** Settles everything that waits. */
  #release(reason: string, cause: unknown): void {
    const options = cause === undefined ? undefined : { cause };
    this.#requests.failAll(() => new SessionClosedError(reason, true, options));
    this.#callee.close(new SessionClosedError(reason, true, options));
    this.#subscriptions.clear();
  }

  // --- Requests ------------------------------------------------------------------------------------------------------------

  /**
   * Sends a request with the next id and waits for its answer, unless it `isSilent`.
   * @returns the id, or 0 where nothing was sent: the request has failed then
   */
  #request(create: (id: RequestId) => Message, request: Request, options: WaitOptions, isSilent = false): RequestId {
    const { signal, timeout = this.#options.timeout } = options;
    if (signal?.aborted) {
      request.failed(signal.reason);
      return 0;
    }
    if (this.#state !== "established") {
      request.failed(new SessionClosedError(this.#closeInfo?.reason ?? "it was left", false));
      return 0;
    }
    const id = nextId(this.#lastRequest);
    let outcome: SendOutcome;
    try {
      checkTimeout(timeout);
      const message = create(id);
      checkOutgoing(message);
      outcome = this.#transport.send(message);
    } catch (error) {
      request.failed(error);
      return 0;
    }
    if (outcome !== "sent") {
      // [ID-04] Nothing left, so the id is still the next one.
      request.failed(sendError(outcome, request.name));
      return 0;
    }
    this.#lastRequest = id;
    if (!isSilent) this.#requests.add(id, request, signal === undefined ? { timeout } : { signal, timeout });
    return id;
  }

  #countSubscribing(key: string, change: number): void {
    const count = (this.#subscribing.get(key) ?? 0) + change;
    if (count > 0) this.#subscribing.set(key, count);
    else this.#subscribing.delete(key);
  }

  async #unsubscribe(subscription: Subscription): Promise<void> {
    const handlers = this.#subscriptions.get(subscription.id);
    if (handlers === undefined || !handlers.delete(subscription) || handlers.size > 0) return;
    this.#subscriptions.delete(subscription.id);
    // A SUBSCRIBE that is under way gets the same id: its handler inherits the subscription.
    if (this.#subscribing.has(`${subscription.match} ${subscription.topic}`) || !this.isOpen) return;
    await new Promise<void>((resolve, reject) => {
      const request = simpleRequest(MessageType.Unsubscribe, `UNSUBSCRIBE ${subscription.topic}`, resolve, reject);
      this.#request((id) => ({ type: MessageType.Unsubscribe, request: id, subscription: subscription.id }), request, {});
    });
  }

  async #unregister(registration: Registration): Promise<void> {
    if (!this.isOpen || this.#callee.registrations.get(registration.id) !== registration) return;
    await new Promise<void>((resolve, reject) => {
      const done = () => {
        this.#callee.registrations.delete(registration.id); // [AMB-45] callable until the router has answered
        resolve();
      };
      const request = simpleRequest(MessageType.Unregister, `UNREGISTER ${registration.procedure}`, done, reject);
      this.#request((id) => ({ type: MessageType.Unregister, request: id, registration: registration.id }), request, {});
    });
  }

  #revokeSubscription(id: SubscriptionId | undefined, reason: string | undefined): void {
    if (id === undefined) return;
    const handlers = this.#subscriptions.get(id);
    this.#subscriptions.delete(id);
    for (const subscription of handlers ?? []) subscription.revoke(reason);
  }

  #revokeRegistration(id: number | undefined, reason: string | undefined): void {
    if (id === undefined) return;
    this.#callee.registrations.get(id)?.revoke(reason);
    this.#callee.registrations.delete(id);
  }
}

function applicationError({ error, payload }: ErrorMessage): ApplicationError {
  const uri = error === "wamp.error.cancelled" ? Uri.canceled : error; // [AMB-41]
  try {
    const { args, kwargs } = received(payload);
    return new ApplicationError(uri, args, kwargs);
  } catch (cause) {
    return new ApplicationError(uri, [], {}, { cause });
  }
}

function simpleRequest(type: Request["type"], name: string, done: () => void, failed: (error: unknown) => void): Request {
  return {
    type,
    name,
    answered: () => {
      done();
      return false;
    },
    failed,
  };
}
