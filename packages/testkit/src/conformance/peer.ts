/**
 * A client of the conformance suite: it says exactly what a test makes it say, and fails the test, with one line of reason,
 * where something else comes back than the test expects.
 *
 * That something does *not* come is shown without waiting: `quiet` sends requests that the broker and the dealer answer on the
 * same session, and what was to come would have come before the answers.
 */
import { isDeepStrictEqual } from "node:util";
import { MessageType, messageName, Uri } from "@junctor/protocol";
import type { Wire, WireReceiver } from "./wire.ts";

export type Dict = Readonly<Record<string, unknown>>;
type Payload = readonly [args?: readonly unknown[], kwargs?: Dict];

/** What a requirement asks for did not happen. */
export class Failure extends Error {}

/** A message with a payload, whichever way the router spells an empty one. */
export interface Delivery {
  /** Of an INVOCATION the request, of an EVENT the subscription, of a RESULT the call. */
  readonly id: number;
  /** Of an INVOCATION the registration, of an EVENT the publication. */
  readonly second: number;
  readonly details: Dict;
  readonly args: readonly unknown[];
  readonly kwargs: Dict;
  /** As it came. */
  readonly message: readonly unknown[];
}

export class Peer implements WireReceiver {
  /** What has arrived and nobody has taken yet. */
  readonly inbox: (readonly unknown[])[] = [];
  /** Why the transport is gone, once it is. */
  gone: string | undefined = undefined;
  /** Set by WELCOME. */
  session = 0;
  welcome: Dict = {};
  readonly #patienceMs: number;
  readonly #nowhere: string;
  #wire: Wire | undefined = undefined;
  #request = 0;
  #arrived: () => void = () => {};

  /**
   * @param patienceMs how long to wait for what is to come; 0: what is not there at once never comes
   * @param nowhere a URI that nobody else uses
   */
  constructor(patienceMs: number, nowhere: string) {
    this.#patienceMs = patienceMs;
    this.#nowhere = nowhere;
  }

  attach(wire: Wire): void {
    this.#wire = wire;
  }

  message(message: unknown): void {
    if (Array.isArray(message)) this.inbox.push(message);
    else this.gone ??= `the router sent no list: ${JSON.stringify(message)}`;
    this.#arrived();
  }

  closed(reason: string): void {
    this.gone ??= reason;
    this.#arrived();
  }

  // --- What it says --------------------------------------------------------------------------------------------------------

  send(message: readonly unknown[]): void {
    this.#wire?.send(message);
  }

  sendBytes(bytes: Uint8Array): void {
    this.#wire?.sendBytes(bytes);
  }

  /** Sends a request with the next id. @returns the id */
  request(type: MessageType, ...rest: readonly unknown[]): number {
    this.send([type, ++this.#request, ...rest]);
    return this.#request;
  }

  /** The id of the last request. */
  get lastRequest(): number {
    return this.#request;
  }

  call(procedure: string, options: Dict = {}, ...payload: Payload): number {
    return this.request(MessageType.Call, options, procedure, ...payload);
  }

  /** A further message of a call that progresses. */
  continueCall(request: number, procedure: string, options: Dict, ...payload: Payload): void {
    this.send([MessageType.Call, request, options, procedure, ...payload]);
  }

  cancel(request: number, mode?: string): void {
    this.send([MessageType.Cancel, request, mode === undefined ? {} : { mode }]);
  }

  publish(topic: string, options: Dict = {}, ...payload: Payload): number {
    return this.request(MessageType.Publish, options, topic, ...payload);
  }

  yield(invocation: number, options: Dict = {}, ...payload: Payload): void {
    this.send([MessageType.Yield, invocation, options, ...payload]);
  }

  /** Answers an invocation with an error. */
  refuse(invocation: number, error: string, details: Dict = {}, ...payload: Payload): void {
    this.send([MessageType.Error, MessageType.Invocation, invocation, details, error, ...payload]);
  }

  /** Ends the transport without a word. */
  drop(): void {
    this.#wire?.close();
  }

  // --- What it hears -------------------------------------------------------------------------------------------------------

  /** Sends HELLO and takes WELCOME. */
  async join(realm: string, details: Dict): Promise<void> {
    this.send([MessageType.Hello, realm, details]);
    const [, session, welcome] = await this.take(MessageType.Welcome);
    if (typeof session !== "number" || !isDict(welcome)) throw new Failure("WELCOME has no session id or no details");
    this.session = session;
    this.welcome = welcome;
  }

  /** The next message of a type; whatever else has come stays. */
  take(type: MessageType): Promise<readonly unknown[]> {
    return this.#find((message) => message[0] === type, messageName(type));
  }

  /** What answers a request: a result, an acknowledgement or an ERROR. */
  answer(request: number): Promise<readonly unknown[]> {
    return this.#find((message) => isAnswer(message, request), `an answer to request ${request}`);
  }

  /** The answer, which must be of this type. @returns it */
  async accepted(request: number, type: MessageType): Promise<readonly unknown[]> {
    const answer = await this.answer(request);
    if (answer[0] !== type) throw new Failure(`expected ${messageName(type)}, got ${shown(answer)}`);
    return answer;
  }

  /** The answer, which must be an ERROR. @param error its URI, or any of several @returns it */
  async refused(request: number, ...error: readonly string[]): Promise<readonly unknown[]> {
    const answer = await this.answer(request);
    const uri = answer[4];
    if (answer[0] !== MessageType.Error || typeof uri !== "string" || (error.length > 0 && !error.includes(uri)))
      throw new Failure(`expected ERROR ${error.join(" or ")}, got ${shown(answer)}`);
    return answer;
  }

  async subscribe(topic: string, options: Dict = {}): Promise<number> {
    return idAt(await this.accepted(this.request(MessageType.Subscribe, options, topic), MessageType.Subscribed), 2);
  }

  async unsubscribe(subscription: number): Promise<void> {
    await this.accepted(this.request(MessageType.Unsubscribe, subscription), MessageType.Unsubscribed);
  }

  async register(procedure: string, options: Dict = {}): Promise<number> {
    return idAt(await this.accepted(this.request(MessageType.Register, options, procedure), MessageType.Registered), 2);
  }

  async unregister(registration: number): Promise<void> {
    await this.accepted(this.request(MessageType.Unregister, registration), MessageType.Unregistered);
  }

  /** Publishes with acknowledgement. @returns the publication */
  async published(topic: string, options: Dict = {}, ...payload: Payload): Promise<number> {
    return idAt(await this.accepted(this.publish(topic, { ...options, acknowledge: true }, ...payload), MessageType.Published), 2);
  }

  /** The next RESULT of a call. */
  async result(request: number): Promise<Delivery> {
    return delivery(await this.accepted(request, MessageType.Result), 1);
  }

  /** Calls a procedure of the router. @returns the arguments of the result */
  async ask(procedure: string, args: readonly unknown[] = [], kwargs: Dict = {}): Promise<readonly unknown[]> {
    return (await this.result(this.call(procedure, {}, args, kwargs))).args;
  }

  async invocation(): Promise<Delivery> {
    return delivery(await this.take(MessageType.Invocation), 2);
  }

  /** @param subscription of this one, whatever comes for others */
  async event(subscription?: number): Promise<Delivery> {
    const isIt = (message: readonly unknown[]) => message[0] === MessageType.Event && message[1] === (subscription ?? message[1]);
    return delivery(await this.#find(isIt, "EVENT"), 2);
  }

  /** Takes the INTERRUPT of an invocation. @returns its options */
  async interrupted(invocation: number): Promise<Dict> {
    const [, id, options] = await this.take(MessageType.Interrupt);
    same(id, invocation, "the invocation that INTERRUPT names");
    return isDict(options) ? options : {};
  }

  /** The session ends with ABORT. */
  async aborted(reason: string = Uri.protocolViolation): Promise<void> {
    const message = await this.#find(
      ([type]) => type === MessageType.Abort || ANSWERS.has(type) || type === MessageType.Error || type === MessageType.Welcome,
      `ABORT ${reason}`,
    );
    if (message[0] !== MessageType.Abort || message[2] !== reason) throw new Failure(`expected ABORT ${reason}, got ${shown(message)}`);
  }

  /** What HELLO is answered with. */
  first(): Promise<readonly unknown[]> {
    return this.#find(([type]) => type === MessageType.Welcome || type === MessageType.Abort, "WELCOME or ABORT");
  }

  /** What comes until the transport has ended, or for a moment where the router keeps it open. */
  async last(): Promise<readonly (readonly unknown[])[]> {
    const deadline = Date.now() + Math.min(this.#patienceMs, MOMENT_MS);
    while (this.gone === undefined && Date.now() < deadline) await this.#arrival(deadline);
    return this.inbox.splice(0);
  }

  async leave(): Promise<void> {
    this.send([MessageType.Goodbye, {}, Uri.closeRealm]);
    await this.take(MessageType.Goodbye);
  }

  /** Resolves when broker and dealer have answered this session, so that all that was to come before has come, or when it has ended. */
  async flush(): Promise<void> {
    for (const request of [this.publish(this.#nowhere, { acknowledge: true }), this.call(this.#nowhere)]) {
      const isIt = (message: readonly unknown[]) => isAnswer(message, request) || isEnd(message);
      if (this.gone !== undefined || this.inbox.some(isEnd)) return;
      const message = await this.#find(isIt, `an answer to request ${request}`);
      if (isEnd(message)) this.inbox.push(message);
    }
  }

  /** Nothing has come but what the test has taken. */
  async quiet(): Promise<void> {
    await this.flush();
    const [message] = this.inbox;
    if (message !== undefined) throw new Failure(`expected nothing more, got ${shown(message)}`);
  }

  async #find(isIt: (message: readonly unknown[]) => boolean, what: string): Promise<readonly unknown[]> {
    const deadline = Date.now() + this.#patienceMs;
    for (;;) {
      const place = this.inbox.findIndex(isIt);
      const [found] = place < 0 ? [] : this.inbox.splice(place, 1);
      if (found !== undefined) return found;
      const end = this.inbox.find(isEnd);
      if (end !== undefined) throw new Failure(`expected ${what}, got ${shown(end)}`);
      if (this.gone !== undefined) throw new Failure(`expected ${what}, but the transport ended: ${this.gone}`);
      if (Date.now() >= deadline) throw new Failure(`expected ${what}, but ${this.#nothing()} came`);
      await this.#arrival(deadline);
    }
  }

  #nothing(): string {
    const [message] = this.inbox;
    return message === undefined ? "nothing" : `only ${shown(message)}`;
  }

  #arrival(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, deadline - Date.now());
      this.#arrived = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const MOMENT_MS = 300;
const ANSWERS: ReadonlySet<unknown> = new Set([
  MessageType.Published,
  MessageType.Subscribed,
  MessageType.Unsubscribed,
  MessageType.Result,
  MessageType.Registered,
  MessageType.Unregistered,
]);

const isAnswer = ([type, first, second]: readonly unknown[], request: number) =>
  ANSWERS.has(type) ? first === request : type === MessageType.Error && second === request;
const isEnd = ([type]: readonly unknown[]) => type === MessageType.Abort || type === MessageType.Goodbye;

export function isDict(value: unknown): value is Dict {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

export function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 2 ** 53;
}

/** Fails where a condition does not hold. @param expected "expected …" */
export function ensure(condition: boolean, expected: string): asserts condition {
  if (!condition) throw new Failure(`expected ${expected}`);
}

/** Fails where two values are not the same, all the way down. */
export function same(actual: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(plain(actual), plain(expected))) throw new Failure(`${what}: expected ${json(expected)}, got ${json(actual)}`);
}

function idAt(message: readonly unknown[], place: number): number {
  const id = message[place];
  if (!isId(id)) throw new Failure(`expected an id, got ${shown(message)}`);
  return id;
}

/** @param idCount ids after the type */
function delivery(message: readonly unknown[], idCount: 1 | 2): Delivery {
  const [details, first, second] = message.slice(1 + idCount);
  const [args, kwargs] = [first ?? [], second ?? {}]; // null for what is absent is MSG-10's and MSG-11's matter
  if (!isDict(details) || !Array.isArray(args) || !isDict(kwargs)) throw new Failure(`not a message of WAMP: ${shown(message)}`);
  return { id: idAt(message, 1), second: idCount === 2 ? idAt(message, 2) : 0, details, args, kwargs, message };
}

/** Byte arrays of any class are the same bytes. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  return isDict(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)])) : value;
}

/** A message, with its name. */
function shown([type, ...rest]: readonly unknown[]): string {
  return `${typeof type === "number" ? messageName(type) : json(type)} ${json(rest)}`;
}

function json(value: unknown): string {
  const text = JSON.stringify(value, (_key, item: unknown) => {
    if (item instanceof Uint8Array) return `0x${Buffer.from(item).toString("hex")}`;
    return typeof item === "bigint" ? String(item) : item;
  });
  return text === undefined ? "nothing" : text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
const LONGEST = 160;
