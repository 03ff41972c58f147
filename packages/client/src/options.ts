/** Options of requests: camelCase here, the protocol's spelling on the wire. What is not given is not sent. */
import type {
  CallOptions as CallWire,
  CancelMode,
  InvokePolicy,
  MatchPolicy,
  PublishOptions as PublishWire,
  RegisterOptions as RegisterWire,
  SubscribeOptions as SubscribeWire,
} from "@junctor/protocol";
import { checkRequest, type Message, NO_OPTIONS } from "@junctor/protocol";
import type { ChunkSource, Result } from "./chunk.ts";
import type { PayloadCodec } from "./passthru.ts";

/** For everything that waits. */
export interface WaitOptions {
  /** Gives up when aborted; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Gives up after so many milliseconds, with a `TimeoutError`. 0 waits for ever. Default: the session's. */
  readonly timeout?: number;
}

export interface StreamOptions extends WaitOptions {
  /**
   * Without a sign of the callee for so long, in ms, the call fails with a `TimeoutError`; each progressive result starts the
   * time anew. What is given here is also told to the router, which then ends the call on its side, too. The session's default
   * is kept by the client alone, and does not run while there are chunks to come. 0 waits for ever.
   */
  readonly timeout?: number;
  /** Asks the router to tell the callee who calls (`disclose_me`). */
  readonly discloseMe?: boolean;
  /** What is sent after `args` and `kwargs`, piece by piece: the callee reads it while it comes (`invocation.chunks`). */
  readonly chunks?: ChunkSource;
  /**
   * How the call is cancelled when it is given up (CANCEL.Options.mode). `killnowait`, the default, and `skip` reject at once
   * with the signal's reason; `kill` waits for what the callee says to it, which may be a result after all.
   */
  readonly cancelMode?: CancelMode;
  /** Seals the arguments, so that only a callee that has the codec reads them; its answers come sealed, too. One of `connect`'s `codecs`. */
  readonly codec?: PayloadCodec;
  /** Resource key: of several callees, the same one gets all calls with this key, where the realm shards calls. */
  readonly rkey?: string;
}

export interface CallOptions extends StreamOptions {
  /** Receives progressive results (`receive_progress`), in order, before the promise settles. If it fails, the call is given up. */
  readonly onProgress?: (result: Result) => void;
}

export interface PublishOptions extends WaitOptions {
  /** Waits until the router has accepted the event. Default false: fire and forget. */
  readonly acknowledge?: boolean;
  /** Default true: the publisher does not receive its own event. */
  readonly excludeMe?: boolean;
  readonly discloseMe?: boolean;
  /** Session ids, authids and authroles that must not, or that alone may, receive the event. */
  readonly exclude?: readonly number[];
  readonly excludeAuthid?: readonly string[];
  readonly excludeAuthrole?: readonly string[];
  readonly eligible?: readonly number[];
  readonly eligibleAuthid?: readonly string[];
  readonly eligibleAuthrole?: readonly string[];
  /** Becomes the value that the topic retains: later subscribers may ask for it (`getRetained`). */
  readonly retain?: boolean;
  /** Seals the arguments, so that only subscribers that have the codec read them. One of `connect`'s `codecs`. */
  readonly codec?: PayloadCodec;
  /** Resource key: of each consumer group, the same member gets all events with this key, where the realm shares events. */
  readonly rkey?: string;
}

export interface SubscribeOptions extends WaitOptions {
  /** Default `exact`. A prefix is any text; a wildcard pattern has empty components: `com.app..state`. */
  readonly match?: MatchPolicy;
  /** Asks for the retained value of each matching topic: the handler gets them first, with `details.retained`. */
  readonly getRetained?: boolean;
  /** Node key: makes the session a member of the subscription's consumer group, where the realm shares events. */
  readonly nkey?: string;
}

export interface RegisterOptions extends WaitOptions {
  /** Default `exact`. */
  readonly match?: MatchPolicy;
  /** How calls are spread over several callees. Default `single`: only one may register. */
  readonly invoke?: InvokePolicy;
  /** Asks to be told who calls (`disclose_caller`). */
  readonly discloseCaller?: boolean;
  /** Invocations that the router gives this callee at a time; further calls wait at the router. Default: no limit. */
  readonly concurrency?: number;
  /** Asks to be told the callers' time-outs: this client then keeps them in place of the router (`forward_timeout`). */
  readonly forwardTimeout?: boolean;
}

export function callWire(options: CallOptions, supports: (feature: string) => boolean): CallWire {
  const { timeout = 0, chunks, onProgress, rkey } = options;
  return wire<CallWire>({
    disclose_me: options.discloseMe,
    receive_progress: onProgress === undefined ? undefined : true,
    progress: chunks === undefined ? undefined : true,
    timeout: timeout > 0 && Number.isFinite(timeout) && supports("call_timeout") ? Math.ceil(timeout) : undefined, // [RPC-TMO-01]
    runmode: rkey === undefined ? undefined : "partition", // [RPC-SHARD-01]
    rkey,
  });
}

export function publishWire(options: PublishOptions): PublishWire {
  return wire<PublishWire>({
    acknowledge: options.acknowledge,
    exclude_me: options.excludeMe,
    disclose_me: options.discloseMe,
    exclude: options.exclude,
    exclude_authid: options.excludeAuthid,
    exclude_authrole: options.excludeAuthrole,
    eligible: options.eligible,
    eligible_authid: options.eligibleAuthid,
    eligible_authrole: options.eligibleAuthrole,
    retain: options.retain,
    rkey: options.rkey,
  });
}

export function subscribeWire(options: SubscribeOptions): SubscribeWire {
  return wire<SubscribeWire>({ match: options.match, get_retained: options.getRetained, nkey: options.nkey });
}

export function registerWire(options: RegisterOptions): RegisterWire {
  return wire<RegisterWire>({
    match: options.match,
    invoke: options.invoke,
    disclose_caller: options.discloseCaller,
    concurrency: options.concurrency,
    forward_timeout: options.forwardTimeout,
  });
}

/**
 * What programs without types get wrong, before it is sent: a router would end the session over it.
 *
 * @throws {TypeError}
 */
export function checkOutgoing(message: Message): void {
  try {
    checkRequest(message);
  } catch (error) {
    throw new TypeError(error instanceof Error ? error.message : String(error));
  }
}

/** @throws {TypeError} */
export function checkTimeout(timeout: number): void {
  if (typeof timeout !== "number" || Number.isNaN(timeout)) throw new TypeError("timeout must be a number of ms; 0 waits for ever");
}

/** Without the keys that are not given. */
function wire<T extends object>(options: { [K in keyof T]?: T[K] | undefined }): T {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return given.length === 0 ? (NO_OPTIONS as T) : (Object.fromEntries(given) as T);
}
