/**
 * One connection: its outgoing queue, its liveness and its end. What comes in differs between WebSocket and RawSocket and
 * is in the subclasses.
 *
 * Outgoing, in a turn in which the peer keeps up: frames of its own lie in a row in the pool and are one region; frames
 * that are shared with other receivers are a `Batch`. At the end of the turn all of it is one write. A peer that does not
 * keep up, so that the kernel has not taken the last write, has a `Backlog` instead until it drains.
 *
 * Spec: reliability G5 to G7; AMB-67, AMB-125.
 */
import type { Socket } from "node:net";
import {
  type ChannelBinding,
  CloseReason,
  copyOf,
  type Event,
  type Message,
  MessageType,
  type ProtocolError,
  type Receiver,
  type SendOutcome,
  SerializationError,
  type Transport,
} from "@junctor/protocol";
import { Backlog } from "./backlog.ts";
import { type Batch, Frame } from "./batch.ts";
import { type Encoding, pool } from "./encoding.ts";
import type { ConnectionLimits } from "./limits.ts";
import { type Flushable, flushLater } from "./turn.ts";

/** Told of what happens to connections, for logs and metrics. */
export interface ConnectionObserver {
  closed(connection: Connection, reason: string): void;
  /** The policy for slow consumers was applied: the connection ends, or drops EVENTs until its queue is shorter. */
  slowConsumer(connection: Connection, action: string): void;
}

export abstract class Connection implements Transport, Flushable {
  /** Whom to tell what arrives. To be set at once by whoever made the connection. */
  receiver: Receiver | undefined = undefined;
  readonly openedAt: number;
  readonly address: string | undefined;
  /** EVENTs dropped by the policy for slow consumers. */
  dropped = 0;
  /** A session is or was established on it. */
  hadSession = false;
  /** Set by the side that dials, over TLS. */
  channel: ChannelBinding | undefined = undefined;
  protected readonly encoding: Encoding;
  protected readonly limits: ConnectionLimits;
  /** The longest message that the peer takes. */
  protected maxLength = Number.POSITIVE_INFINITY;
  protected readonly socket: Socket;
  /** Milliseconds on a scale that never goes back. */
  protected readonly now: () => number;
  /** Anything arrived since the last tick. */
  protected isAlive = true;
  readonly #observer: ConnectionObserver;
  #hasJoined = false;

  // Output of this turn: closed pieces, then either an open region of the pool or an open batch.
  #pieces: Uint8Array[] | undefined = undefined;
  #region: Uint8Array | undefined = undefined;
  #regionStart = 0;
  #regionEnd = 0;
  #batch: Batch | undefined = undefined;
  #isDirty = false;

  /** Exists while the kernel has not taken the last write. */
  #backlog: Backlog | undefined = undefined;
  /** Since when the queue has been above the soft limit; 0 when it is not. */
  #overSoftSince = 0;
  #isDropping = false;
  #isPaused = false;

  #silentSince: number;
  #pingedAt = 0;
  /** Why this side ends the connection, once it does. */
  #reason: string | undefined = undefined;
  #closingSince = 0;
  /** The end has begun, from whichever side: nothing more is taken for sending. */
  #isFinished = false;
  #isLost = false;

  constructor(
    socket: Socket,
    encoding: Encoding,
    limits: ConnectionLimits,
    observer: ConnectionObserver,
    address: string | undefined,
    now: () => number,
  ) {
    this.socket = socket;
    this.now = now;
    this.encoding = encoding;
    this.limits = limits;
    this.address = address;
    this.openedAt = now();
    this.#silentSince = this.openedAt;
    this.#observer = observer;
  }

  /** Bytes that wait for the peer, in our queue and in the socket's. */
  get queued(): number {
    return this.socket.writableLength + (this.#backlog?.size ?? 0);
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

  // --- Sending -----------------------------------------------------------------------------------------------------------

  send(message: Message): SendOutcome {
    if (this.#isFinished) return "closed";
    try {
      if (message.type === MessageType.Event) return this.#sendEvent(message);
      if (message.type === MessageType.Welcome || message.type === MessageType.Goodbye) this.joined(message.type === MessageType.Welcome);
      if (this.encoding.write(message) > this.maxLength) {
        pool.position = pool.start;
        return "too-large";
      }
      return this.#sendOwn();
    } catch (error) {
      if (error instanceof SerializationError) return "unserializable";
      throw error;
    }
  }

  /** A session was established, or ended. */
  protected joined(hasJoined: boolean): void {
    this.#hasJoined = hasJoined;
    this.hadSession ||= hasJoined;
  }

  /** What was written to the pool last, for this connection alone. */
  #sendOwn(): SendOutcome {
    const { bytes, start, position } = pool;
    if (this.#backlog !== undefined) {
      const copy = copyOf(bytes, start, position);
      pool.position = start;
      return this.#enqueue(this.#backlog, copy, undefined);
    }
    if (this.#batch !== undefined) this.#closeBatch(this.#batch);
    if (this.#region === bytes && this.#regionEnd === start) this.#regionEnd = position;
    else {
      this.#closeRegion();
      this.#region = bytes;
      this.#regionStart = start;
      this.#regionEnd = position;
    }
    if (!this.#isDirty) this.#markDirty();
    return "sent";
  }

  // Hot path: with a frame that exists, an event costs its receiver a few comparisons and no allocation. Bench: fan100.
  #sendEvent(event: Event): SendOutcome {
    const { index } = this.encoding;
    const frames = event.encoded as (Frame | undefined)[] | undefined;
    const frame = frames?.[index] ?? this.#encodeEvent(event);
    if (frame.end - frame.start > this.maxLength) return "too-large";
    if (this.#backlog !== undefined) return this.#enqueue(this.#backlog, frame.copy, frame.key);
    const batch = this.#batch;
    if (batch !== undefined) this.#batch = batch.with(frame);
    else {
      this.#closeRegion();
      this.#batch = frame.first;
      if (!this.#isDirty) this.#markDirty();
    }
    return "sent";
  }

  #encodeEvent(event: Event): Frame {
    this.encoding.write(event);
    const frame = new Frame(pool.bytes, pool.start, pool.position, `${event.subscription} ${event.details.topic ?? ""}`);
    event.encoded ??= [];
    (event.encoded as (Frame | undefined)[])[this.encoding.index] = frame;
    return frame;
  }

  /** Queues bytes that are no WAMP message, PONG for example. */
  protected sendControl(bytes: Uint8Array): void {
    if (this.#isFinished) return;
    if (this.#backlog !== undefined) {
      this.#enqueue(this.#backlog, bytes, undefined);
      return;
    }
    if (this.#batch !== undefined) this.#closeBatch(this.#batch);
    this.#closeRegion();
    this.#pieces ??= [];
    this.#pieces.push(bytes);
    if (!this.#isDirty) this.#markDirty();
  }

  #markDirty(): void {
    this.#isDirty = true;
    flushLater(this);
  }

  #closeRegion(): void {
    if (this.#region === undefined) return;
    this.#pieces ??= [];
    this.#pieces.push(this.#region.subarray(this.#regionStart, this.#regionEnd));
    this.#region = undefined;
  }

  #closeBatch(batch: Batch): void {
    this.#pieces ??= [];
    this.#pieces.push(batch.joined);
    this.#batch = undefined;
  }

  /** Writes what this turn has queued. */
  flush(): void {
    this.#isDirty = false;
    if (this.#isLost) return;
    const pieces = this.#pieces;
    if (pieces === undefined) {
      // The common case: one piece.
      if (this.#batch !== undefined) {
        this.socket.write(this.#batch.joined);
        this.#batch = undefined;
      } else if (this.#region !== undefined) {
        this.socket.write(this.#region.subarray(this.#regionStart, this.#regionEnd));
        this.#region = undefined;
      } else return;
    } else {
      if (this.#batch !== undefined) this.#closeBatch(this.#batch);
      this.#closeRegion();
      this.#pieces = undefined;
      this.#write(pieces);
    }
    if (this.socket.writableLength > 0) this.#wait();
  }

  #write(pieces: readonly Uint8Array[]): void {
    const only = pieces[0];
    if (only !== undefined && pieces.length === 1) {
      this.socket.write(only);
      return;
    }
    this.socket.cork();
    for (const piece of pieces) this.socket.write(piece);
    this.socket.uncork();
  }

  // --- A peer that does not read ------------------------------------------------------------------------------------------

  /** The kernel took less than it was given: from now on frames wait here, in an order that the policy may change. */
  #wait(): void {
    if (this.#backlog !== undefined || this.#isFinished) return;
    this.#backlog = new Backlog();
    this.socket.once("drain", () => this.#drained());
  }

  #drained(): void {
    const backlog = this.#backlog;
    if (backlog === undefined || this.#isLost) return;
    const pieces = backlog.take(DRAIN_SIZE);
    if (pieces.length === 0) {
      this.#backlog = undefined;
      this.#overSoftSince = 0;
      this.#isDropping = false;
    } else {
      this.#write(pieces);
      if (this.socket.writableLength > 0) this.socket.once("drain", () => this.#drained());
      else setImmediate(() => this.#drained());
    }
    if (this.#isPaused && backlog.replySize <= this.limits.replyHighMark / 2) {
      this.#isPaused = false;
      this.resume();
    }
  }

  #enqueue(backlog: Backlog, bytes: Uint8Array, key: string | undefined): SendOutcome {
    const { limits } = this;
    const queued = this.socket.writableLength + backlog.size;
    if (queued + bytes.length > limits.queueHard || (this.#isDropping && queued > limits.queueSoft)) {
      const outcome = this.#overflow(backlog, bytes, key);
      if (outcome !== undefined) return outcome;
    }
    backlog.push(bytes, key);
    if (this.#overSoftSince === 0 && backlog.size > limits.queueSoft) this.#overSoftSince = OVER_SINCE_NEXT_TICK;
    if (key === undefined && !this.#isPaused && backlog.replySize > limits.replyHighMark) {
      // [G6] Its own requests caused these replies: it is not read until it has taken some.
      this.#isPaused = true;
      this.pause();
    }
    return "sent";
  }

  /** Over the limit. @returns what became of the message where it is not to be queued */
  #overflow(backlog: Backlog, bytes: Uint8Array, key: string | undefined): SendOutcome | undefined {
    const { limits } = this;
    const limit = this.#isDropping ? limits.queueSoft : limits.queueHard;
    if (limits.slowConsumer === "disconnect") {
      this.#endSlow();
      return "closed";
    }
    if (!this.#isDropping) {
      this.#isDropping = true;
      this.#observer.slowConsumer(this, limits.slowConsumer);
    }
    let dropped = 0;
    if (limits.slowConsumer === "conflate" && key !== undefined && backlog.dropKey(key)) dropped = 1;
    else if (limits.slowConsumer !== "drop_newest") dropped = backlog.dropOldest(bytes.length, limit);
    this.dropped += dropped;
    if (this.socket.writableLength + backlog.size + bytes.length <= limits.queueHard) {
      if (key === undefined || limits.slowConsumer !== "drop_newest") return undefined;
    }
    if (key !== undefined) {
      this.dropped++;
      return "dropped";
    }
    this.#endSlow();
    return "closed";
  }

  #endSlow(): void {
    this.#observer.slowConsumer(this, "disconnect");
    this.destroy(CloseReason.slowConsumer);
  }

  // --- Liveness ------------------------------------------------------------------------------------------------------------

  /** Called about once a second: finds peers that are gone, that do not read, or that do not let go. */
  tick(now: number): void {
    const { limits } = this;
    if (this.#closingSince !== 0) {
      if (now - this.#closingSince >= limits.closeTimeoutMs) this.socket.destroy();
      return;
    }
    if (this.#overSoftSince === OVER_SINCE_NEXT_TICK) this.#overSoftSince = now;
    if (this.#overSoftSince > 0) {
      if ((this.#backlog?.size ?? 0) <= limits.queueSoft) this.#overSoftSince = 0;
      else if (now - this.#overSoftSince >= limits.queueSoftMs) {
        if (limits.slowConsumer === "disconnect") this.#endSlow();
        else if (!this.#isDropping) {
          this.#isDropping = true;
          this.#observer.slowConsumer(this, limits.slowConsumer);
        }
      }
    }
    if (this.isAlive) {
      this.isAlive = false;
      this.#silentSince = now;
      this.#pingedAt = 0;
    } else if (this.#pingedAt === 0) {
      if (now - this.#silentSince >= limits.pingIntervalMs) {
        this.#pingedAt = now;
        this.ping();
      }
    } else if (now - this.#pingedAt >= limits.pingTimeoutMs) this.destroy(CloseReason.pingTimeout);
  }

  // --- The end -------------------------------------------------------------------------------------------------------------

  close(reason: string): void {
    if (this.#reason !== undefined || this.#isLost) return;
    this.#reason = reason;
    this.#closingSince = this.now();
    this.finish();
    this.end(reason);
  }

  /** The closing handshake of the transport begins: what is queued leaves before it, and nothing after it. */
  protected finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.flush();
    this.#write(this.#backlog?.take(Number.POSITIVE_INFINITY) ?? []);
  }

  /** Ends the connection at once; what is queued is lost. */
  destroy(reason: string): void {
    this.#reason ??= reason;
    this.#isFinished = true;
    this.socket.destroy();
  }

  /** To be called by the subclass, once, when the socket is gone. */
  protected gone(reason: string): void {
    if (this.#isLost) return;
    this.#isFinished = true;
    this.#isLost = true;
    this.#backlog = undefined;
    const cause = this.#reason ?? reason;
    this.#observer.closed(this, cause);
    this.receiver?.lost(cause);
  }

  /** Input that is no message: the session answers ABORT and closes. */
  protected violated(error: ProtocolError): void {
    if (this.#reason === undefined) this.receiver?.violated(error);
  }

  /** Asks the peer for a sign of life. */
  protected abstract ping(): void;
  /** Stops and starts reading. */
  protected abstract pause(): void;
  protected abstract resume(): void;
  /** The closing handshake of the transport, behind what was written. */
  protected abstract end(reason: string): void;
}

/** Written to a socket that has drained, at a time. */
const DRAIN_SIZE = 256 << 10;
const OVER_SINCE_NEXT_TICK = -1;
