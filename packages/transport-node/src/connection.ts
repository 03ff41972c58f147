/**
 * One connection: its outgoing queue, its liveness and its end. What comes in differs between WebSocket and RawSocket and
 * is in the subclasses.
 *
 * Outgoing, in a turn in which the peer keeps up: frames of its own lie in a row in the pool and are one region; frames
 * that are shared with other receivers are a `Batch`. At the end of the turn all of it is one write; what passes a mark
 * within a turn leaves at once, so that it shows within the turn whether the peer takes it. A peer that does not keep up, so
 * that the kernel has not taken the last write, has a `Backlog` instead until it drains.
 *
 * Spec: reliability G5 to G7; AMB-67, AMB-125.
 */
import {
  type ChannelBinding,
  CloseReason,
  copyOf,
  type Event,
  type Message,
  MessageType,
  ProtocolError,
  type SendOutcome,
  SerializationError,
  type Traffic,
  type Transport,
} from "@junctor/protocol";
import { isLoopback } from "./address.ts";
import { Backlog, costOf } from "./backlog.ts";
import { type Batch, Frame } from "./batch.ts";
import { type Encoding, pool } from "./encoding.ts";
import { Hold, Intake, traffic } from "./intake.ts";
import type { ConnectionLimits } from "./limits.ts";
import { type Flushable, flushLater } from "./turn.ts";

/** Told of what happens to connections, for logs and metrics. */
export interface ConnectionObserver {
  /** A session was established on it, or ended. */
  joined(connection: Connection, hasJoined: boolean): void;
  closed(connection: Connection, reason: string): void;
  /** The policy for slow consumers was applied: the connection ends, or drops EVENTs until its queue is shorter. */
  slowConsumer(connection: Connection, action: string): void;
  /** An error in the program, while a message was handled: the connection ends. Without it the error is thrown. */
  readonly failed?: ((error: unknown) => void) | undefined;
}

/** Where output goes: a socket, or what stands for one. */
export interface Sink {
  /** Bytes that have been written and not been taken. */
  readonly writableLength: number;
  /** All that ever came from there, and went there. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** @param taken called when nothing of it waits any more, or never will */
  write(bytes: Uint8Array, taken?: (error?: Error | null) => void): unknown;
  /** Between these, what is written leaves together. */
  cork(): void;
  uncork(): void;
  destroy(): unknown;
}

export abstract class Connection<S extends Sink = Sink> extends Intake implements Transport, Flushable {
  readonly openedAt: number;
  readonly address: string | undefined;
  /** On this machine a process that ends closes its sockets. */
  readonly #isRemote: boolean;
  /** EVENTs dropped by the policy for slow consumers. */
  dropped = 0;
  /** A session is or was established on it. */
  hadSession = false;
  /** Set by the side that dials, over TLS. */
  channel: ChannelBinding | undefined = undefined;
  protected encoding: Encoding;
  protected readonly limits: ConnectionLimits;
  /** The longest message that the peer takes. */
  protected maxLength = Number.POSITIVE_INFINITY;
  protected readonly socket: S;
  /** Milliseconds on a scale that never goes back. */
  protected readonly now: () => number;
  readonly #observer: ConnectionObserver;
  #hasJoined = false;
  #octetsBeforeJoin = 0;

  // Output of this turn: closed pieces, then either an open region of the pool or an open batch.
  #pieces: Uint8Array[] | undefined = undefined;
  #region: Uint8Array | undefined = undefined;
  #regionStart = 0;
  #regionEnd = 0;
  #batch: Batch | undefined = undefined;
  /** Bytes of it, without those of the open batch. */
  #gathered = 0;
  /** [G5, G6] More than this is not gathered: the limits act within the turn, not when it is over. */
  readonly #mostGathered: number;
  #isDirty = false;

  /** Writes that the kernel has not taken yet: two at most, then frames wait in the backlog. */
  #writes = 0;
  #backlog: Backlog | undefined = undefined;
  /** Since when the queue has been above the soft limit, at the ticks. */
  #overSoftSince: number | undefined = undefined;
  #isDropping = false;
  /** To be told when there is room again. */
  #waitForRoom: (() => void)[] | undefined = undefined;
  /** A write had to wait for the peer at the last tick. */
  #wasWaiting = false;

  #silentSince: number;
  #pingedAt: number | undefined = undefined;
  /** Why this side ends the connection, once it does. */
  #reason: string | undefined = undefined;
  /** Since when the end is under way, from whichever side: nothing more is taken for sending. */
  #closingSince: number | undefined = undefined;
  #isLost = false;
  /** What waited when it ended. */
  #queuedAtEnd: number | undefined = undefined;

  constructor(
    socket: S,
    encoding: Encoding,
    limits: ConnectionLimits,
    observer: ConnectionObserver,
    address: string | undefined,
    now: () => number,
  ) {
    super();
    this.socket = socket;
    this.now = now;
    this.encoding = encoding;
    this.limits = limits;
    this.#mostGathered = Math.min(limits.replyHighMark, limits.queueHard / 4);
    this.address = address;
    this.#isRemote = address !== undefined && !isLoopback(address);
    this.openedAt = now();
    this.#silentSince = this.openedAt;
    this.#observer = observer;
  }

  /** Bytes that wait for the peer: in our queue, in the socket's, and for the end of the turn. */
  get queued(): number {
    return this.socket.writableLength + (this.#backlog?.size ?? 0) + this.#gathered + (this.#batch?.size ?? 0);
  }

  get traffic(): Traffic {
    const { dropped } = this;
    const queued = this.#queuedAtEnd ?? this.queued;
    return { bytesReceived: this.socket.bytesRead, bytesSent: this.socket.bytesWritten, queued, dropped };
  }

  get waitingEvents(): ReadonlyMap<number, number> {
    return this.#backlog?.eventSizes ?? NOTHING_WAITS;
  }

  get serializerName(): string {
    return this.encoding.serializer.name;
  }

  /** Whether a session is established on it: that raises the limit on message size. */
  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  get isClosing(): boolean {
    return this.#reason !== undefined;
  }

  protected get isEnding(): boolean {
    return this.#closingSince !== undefined;
  }

  protected override heard(octets: number): void {
    if (!this.hadSession) this.heardBeforeJoin(octets);
    super.heard(octets);
  }

  /** Octets have arrived while there was no session (T13). */
  protected heardBeforeJoin(octets: number): void {
    this.#octetsBeforeJoin += octets;
    const { bytesBeforeJoin } = this.limits;
    if (this.#octetsBeforeJoin > bytesBeforeJoin)
      this.violated(new ProtocolError("TOO_LARGE", `more than ${bytesBeforeJoin} bytes before WELCOME`));
  }

  // --- Sending -----------------------------------------------------------------------------------------------------------

  send(message: Message): SendOutcome {
    if (this.#closingSince !== undefined) return "closed";
    try {
      if (message.type === MessageType.Event) return this.#sendEvent(message);
      if (this.encoding.write(message, this.#backlog === undefined) > this.maxLength) {
        pool.position = pool.start;
        return "too-large";
      }
      const outcome = this.#sendOwn(message);
      if (message.type === MessageType.Welcome || message.type === MessageType.Goodbye) this.joined(message.type === MessageType.Welcome);
      return outcome;
    } catch (error) {
      if (error instanceof SerializationError) return "unserializable";
      throw error;
    }
  }

  drained(): Promise<void> | undefined {
    if (this.#closingSince !== undefined || this.queued + this.#gathered < ROOM) return undefined;
    this.#waitForRoom ??= [];
    const waiting = this.#waitForRoom;
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  }

  #tellRoom(waiting: readonly (() => void)[]): void {
    this.#waitForRoom = undefined;
    for (const tell of waiting) tell();
  }

  /** A session was established, or ended. */
  protected joined(hasJoined: boolean): void {
    if (this.#hasJoined === hasJoined) return;
    this.#hasJoined = hasJoined;
    this.#octetsBeforeJoin = 0;
    this.hadSession ||= hasJoined;
    this.#observer.joined(this, hasJoined);
  }

  /** What was written to the pool last, for this connection alone. */
  #sendOwn(message: Message): SendOutcome {
    traffic.sent++;
    const { bytes, start, position, referred } = pool;
    if (this.#backlog !== undefined) {
      if (mayBeTurnedDown(message) && this.#isNearlyFull(this.#backlog, position - start)) {
        pool.position = start;
        return "full";
      }
      const isReply = message.type !== MessageType.Invocation && message.type !== MessageType.Interrupt;
      const copy = copyOf(bytes, start, position);
      pool.position = start;
      return this.#enqueue(this.#backlog, copy, undefined, isReply);
    }
    if (this.#batch !== undefined) this.#closeBatch(this.#batch);
    if (this.#region === bytes && this.#regionEnd === start) this.#regionEnd = position;
    else {
      this.#closeRegion();
      this.#region = bytes;
      this.#regionStart = start;
      this.#regionEnd = position;
    }
    this.#gathered += position - start;
    if (referred !== undefined) this.#insert(referred, start + pool.referredAt, position);
    if (!this.#isDirty) this.#markDirty();
    return this.#gathered <= this.#mostGathered ? "sent" : this.#writeEarly();
  }

  /** A payload that is not in the region whose message is written last: between what is before it there, and what is behind. */
  #insert(payload: Uint8Array, at: number, end: number): void {
    const region = this.#region;
    this.#regionEnd = at;
    this.#closeRegion();
    this.#pieces ??= [];
    this.#pieces.push(payload);
    this.#gathered += payload.length;
    pool.referred = undefined;
    if (at === end) return;
    this.#region = region;
    this.#regionStart = at;
    this.#regionEnd = end;
  }

  #writeEarly(): SendOutcome {
    this.#writeGathered();
    return this.#closingSince === undefined ? "sent" : "closed";
  }

  // Hot path: with a frame that exists, an event costs its receiver a few comparisons and no allocation. Bench: fan100.
  #sendEvent(event: Event): SendOutcome {
    traffic.sent++;
    const { index } = this.encoding;
    const frames = event.encoded as (Frame | undefined)[] | undefined;
    const frame = frames?.[index] ?? this.#encodeEvent(event);
    if (frame.length > this.maxLength) return "too-large";
    if (this.#backlog !== undefined) return this.#enqueue(this.#backlog, frame.copy, frame.key, false);
    let batch = this.#batch;
    if (batch !== undefined) batch = batch.with(frame);
    else {
      this.#closeRegion();
      batch = frame.first;
      if (!this.#isDirty) this.#markDirty();
    }
    this.#batch = batch;
    return this.#gathered + batch.size <= this.#mostGathered ? "sent" : this.#writeEarly();
  }

  #encodeEvent(event: Event): Frame {
    const length = this.encoding.write(event);
    const frame = new Frame(pool.bytes, pool.start, pool.position, length, `${event.subscription} ${event.details.topic ?? ""}`);
    event.encoded ??= [];
    (event.encoded as (Frame | undefined)[])[this.encoding.index] = frame;
    return frame;
  }

  /** Queues bytes that are no WAMP message. @param isReply the peer asked for it, as for PONG */
  protected sendControl(bytes: Uint8Array, isReply: boolean): void {
    if (this.#closingSince !== undefined) return;
    if (this.#backlog !== undefined) {
      this.#enqueue(this.#backlog, bytes, undefined, isReply);
      return;
    }
    if (this.#batch !== undefined) this.#closeBatch(this.#batch);
    this.#closeRegion();
    this.#pieces ??= [];
    this.#pieces.push(bytes);
    if (!this.#isDirty) this.#markDirty();
    this.#gathered += bytes.length;
    if (this.#gathered > this.#mostGathered) this.#writeGathered();
  }

  #markDirty(): void {
    this.#isDirty = true;
    flushLater(this);
  }

  #closeRegion(): void {
    if (this.#region === undefined) return;
    this.#pieces ??= [];
    this.#pieces.push(this.#regionBytes(this.#region));
    this.#region = undefined;
  }

  #regionBytes(region: Uint8Array): Uint8Array {
    const bytes = region.subarray(this.#regionStart, this.#regionEnd);
    return this.encoding.framing.join?.(bytes) ?? bytes;
  }

  #closeBatch(batch: Batch): void {
    this.#pieces ??= [];
    this.#pieces.push(batch.joined(this.encoding.framing));
    this.#gathered += batch.size;
    this.#batch = undefined;
  }

  /** Writes what this turn has queued. */
  flush(): void {
    this.#isDirty = false;
    this.#writeGathered();
  }

  #writeGathered(): void {
    const pieces = this.#pieces;
    if (pieces === undefined) {
      // The common case: one piece.
      let only: Uint8Array;
      if (this.#batch !== undefined) only = this.#batch.joined(this.encoding.framing);
      else if (this.#region !== undefined) only = this.#regionBytes(this.#region);
      else return;
      this.#batch = undefined;
      this.#region = undefined;
      this.#gathered = 0;
      this.#writes++;
      this.socket.write(only, this.#written);
    } else {
      if (this.#batch !== undefined) this.#closeBatch(this.#batch);
      this.#closeRegion();
      this.#pieces = undefined;
      this.#gathered = 0;
      this.#write(pieces);
    }
    if (this.#writes > 1) this.#fallBehind();
  }

  #write(pieces: readonly Uint8Array[]): void {
    const last = pieces.length - 1;
    this.socket.cork();
    for (let i = 0; i <= last; i++) {
      const piece = pieces[i] as Uint8Array;
      if (i < last) this.socket.write(piece);
      else {
        this.#writes++;
        this.socket.write(piece, this.#written);
      }
    }
    this.socket.uncork();
  }

  // Not the socket's `drain`, which is told only of writes above its high-water mark.
  readonly #written = (error?: Error | null): void => {
    this.#writes--;
    // What the peer's side has taken after a while is as good as an answer to a PING, which would wait behind it.
    if (this.#wasWaiting && !error) this.isAlive = true;
    this.#wasWaiting = false;
    if (this.#backlog !== undefined && this.#writes === 0 && !error) this.#drain(this.#backlog);
    if (this.#waitForRoom !== undefined && this.queued < ROOM / 2) this.#tellRoom(this.#waitForRoom);
  };

  // --- A peer that does not read ------------------------------------------------------------------------------------------

  /**
   * Output was handed over and the one before had not been taken: from now on frames wait here, in an order that the policy
   * may change. (One write may be under way: TLS always takes a while.)
   */
  #fallBehind(): void {
    this.#backlog ??= new Backlog();
    if (this.limits.slowConsumer === "disconnect" && this.queued > this.limits.queueHard) this.#endSlow();
  }

  #drain(backlog: Backlog): void {
    const pieces = backlog.take(DRAIN_SIZE);
    if (pieces.length > 0) this.#write(pieces);
    else {
      this.#backlog = undefined;
      this.#overSoftSince = undefined;
      this.#isDropping = false;
    }
    // In a turn of its own, so that a peer that takes its replies at once does not keep all others waiting.
    if (this.isHeld(Hold.replies) && backlog.replySize <= this.limits.replyHighMark / 2) setImmediate(Connection.#goOn, this);
  }

  static #goOn(connection: Connection): void {
    const backlog = connection.#backlog;
    if (backlog !== undefined && backlog.replySize > connection.limits.replyHighMark / 2) return;
    connection.release(Hold.replies);
  }

  /**
   * Whether one more call or progressive result would bring the peer near the end that a queue too long brings: its callers and
   * callees shall not be able to end it (T33). EVENTs that the policy may drop take no room from those.
   */
  #isNearlyFull(backlog: Backlog, length: number): boolean {
    const { slowConsumer, queueSoft, queueHard } = this.limits;
    const most = this.#overSoftSince === undefined ? CALL_SHARE * queueHard : queueSoft;
    return this.queued - (slowConsumer === "disconnect" ? 0 : backlog.eventSize) + length > most;
  }

  #enqueue(backlog: Backlog, bytes: Uint8Array, key: string | undefined, isReply: boolean): SendOutcome {
    const { limits } = this;
    const { queued } = this;
    const isFull = queued + costOf(bytes) > limits.queueHard;
    if (isFull || (this.#isDropping && (queued > limits.queueSoft || limits.slowConsumer === "conflate"))) {
      const outcome = this.#overflow(backlog, bytes, key);
      if (outcome !== undefined) return outcome;
    }
    backlog.push(bytes, key, isReply);
    // [G6] Its own requests caused these replies: it is not read until it has taken some.
    if (isReply && backlog.replySize > limits.replyHighMark) this.hold(Hold.replies);
    return "sent";
  }

  /** Over a limit. @returns what became of the message where it is not to be queued */
  #overflow(backlog: Backlog, bytes: Uint8Array, key: string | undefined): SendOutcome | undefined {
    const { slowConsumer, queueHard, queueSoft } = this.limits;
    if (slowConsumer === "disconnect") {
      this.#endSlow();
      return "closed";
    }
    this.#startDropping(backlog);
    // What the socket holds already cannot be dropped any more.
    const held = this.socket.writableLength;
    if (slowConsumer === "drop_newest") {
      if (key !== undefined) {
        this.dropped++;
        return "dropped";
      }
      this.dropped += backlog.dropNewest(bytes, queueHard - held);
    } else if (slowConsumer === "drop_oldest") this.dropped += backlog.dropOldest(bytes, queueSoft - held);
    else {
      if (key !== undefined && backlog.dropKey(key)) this.dropped++;
      this.dropped += backlog.dropOldest(bytes, queueHard - held);
    }
    if (held + backlog.size + costOf(bytes) <= queueHard) return undefined;
    if (key !== undefined) {
      this.dropped++;
      return "dropped";
    }
    this.#endSlow();
    return "closed";
  }

  /** From now until the peer has caught up, EVENTs are conflated, or dropped where the queue is above the soft limit. */
  #startDropping(backlog: Backlog): void {
    if (this.#isDropping) return;
    this.#isDropping = true;
    this.#observer.slowConsumer(this, this.limits.slowConsumer);
    if (this.limits.slowConsumer === "conflate") this.dropped += backlog.conflate();
  }

  #endSlow(): void {
    this.#observer.slowConsumer(this, "disconnect");
    this.destroy(CloseReason.slowConsumer);
  }

  // --- Liveness ------------------------------------------------------------------------------------------------------------

  /** Called about once a second: finds peers that are gone, that do not read, or that do not let go. */
  tick(now: number): void {
    const { limits } = this;
    if (this.#closingSince !== undefined) {
      if (now - this.#closingSince >= limits.closeTimeoutMs) this.socket.destroy();
      return;
    }
    this.release(Hold.rate);
    this.#wasWaiting = this.#writes > 0;
    if (this.queued <= limits.queueSoft) this.#overSoftSince = undefined;
    else {
      this.#overSoftSince ??= now;
      if (now - this.#overSoftSince >= limits.queueSoftMs) {
        if (limits.slowConsumer === "disconnect") this.#endSlow();
        else if (this.#backlog !== undefined) this.#startDropping(this.#backlog);
      }
    }
    if (this.isAlive) {
      this.isAlive = false;
      this.#silentSince = now;
      this.#pingedAt = undefined;
    }
    // [G7] A callee that vanished is found within seconds while somebody waits for it.
    const isAwaited = this.#isRemote && this.receiver?.isAwaited === true;
    if (this.#pingedAt === undefined) {
      if (now - this.#silentSince >= (isAwaited ? limits.awaitedPingIntervalMs : limits.pingIntervalMs)) {
        this.#pingedAt = now;
        this.ping();
      }
    } else if (now - this.#pingedAt >= (isAwaited ? limits.awaitedPingTimeoutMs : limits.pingTimeoutMs))
      this.destroy(CloseReason.pingTimeout);
  }

  // --- The end -------------------------------------------------------------------------------------------------------------

  close(reason: string): void {
    if (this.#reason !== undefined || this.#isLost) return;
    this.#reason = reason;
    this.finish();
    this.end(reason);
  }

  /** The closing handshake of the transport begins: what is queued leaves before it, and nothing after it. */
  protected finish(): void {
    if (this.#closingSince !== undefined) return;
    this.flush();
    const rest = this.#backlog?.take(Number.POSITIVE_INFINITY) ?? [];
    if (rest.length > 0) this.#write(rest);
    this.discard();
  }

  /** Nothing more can be sent: what is queued is lost. */
  protected discard(): void {
    this.#queuedAtEnd ??= this.queued;
    this.#closingSince ??= this.now();
    this.#pieces = undefined;
    this.#region = undefined;
    this.#batch = undefined;
    this.#gathered = 0;
    this.#backlog = undefined;
    if (this.#waitForRoom !== undefined) this.#tellRoom(this.#waitForRoom);
  }

  /** Ends the connection at once. */
  destroy(reason: string): void {
    this.#reason ??= reason;
    this.discard();
    this.socket.destroy();
  }

  /** To be called by the subclass, once, when the socket is gone. */
  protected gone(reason: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.discard();
    const cause = this.#reason ?? reason;
    this.#observer.closed(this, cause);
    this.receiver?.lost(cause);
  }

  // [T45] Nobody else's connection is to pay for it.
  protected failed(error: unknown): void {
    const { failed } = this.#observer;
    if (failed === undefined) throw error;
    failed(error);
    this.destroy(CloseReason.internalError);
  }

  /** Input that is no message: the session answers ABORT and closes. */
  protected violated(error: ProtocolError): void {
    if (this.#reason === undefined) this.receiver?.violated(error);
  }

  /** Asks the peer for a sign of life. */
  protected abstract ping(): void;
  /** The closing handshake of the transport, behind what was written. */
  protected abstract end(reason: string): void;
}

/** What others make as many of as they like, while the peer can do nothing about it. */
function mayBeTurnedDown(message: Message): boolean {
  return message.type === MessageType.Invocation || (message.type === MessageType.Result && message.details.progress === true);
}

const NOTHING_WAITS: ReadonlyMap<number, number> = new Map();

/** Bytes in the queue from which on whoever sends much is asked to wait, until half of them are left. */
const ROOM = 1 << 20;
/** Of the hard limit, what calls and progressive results may fill: the rest is for what the peer must get. */
const CALL_SHARE = 0.75;
/** Written to a socket that has drained, at a time. */
const DRAIN_SIZE = 256 << 10;
