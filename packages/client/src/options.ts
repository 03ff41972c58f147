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
import { NO_OPTIONS } from "@junctor/protocol";

/** For everything that waits. */
export interface WaitOptions {
  /** Gives up when aborted; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Gives up after so many milliseconds, with a `TimeoutError`. 0 waits for ever. Default: the session's. */
  readonly timeout?: number;
}

export interface CallOptions extends WaitOptions {
  /** Asks the router to tell the callee who calls (`disclose_me`). */
  readonly discloseMe?: boolean;
  /** Receives progressive results (`receive_progress`), in order, before the promise settles. */
  readonly onProgress?: (result: Result) => void;
  /** How the call is cancelled when it is given up (CANCEL.Options.mode). Default `killnowait`. */
  readonly cancelMode?: CancelMode;
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
}

/** The answer to a call. Always this shape, whatever the callee sent. */
export class Result {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;

  constructor(args: readonly unknown[] = [], kwargs: Readonly<Record<string, unknown>> = {}) {
    this.args = args;
    this.kwargs = kwargs;
  }

  /** The first positional value, which is all that most procedures return. */
  get value(): unknown {
    return this.args[0];
  }
}

export function callWire(options: CallOptions): CallWire {
  return wire<CallWire>({ disclose_me: options.discloseMe, receive_progress: options.onProgress === undefined ? undefined : true });
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
  return wire<RegisterWire>({ match: options.match, invoke: options.invoke, disclose_caller: options.discloseCaller });
}

/** Without the keys that are not given. */
function wire<T extends object>(options: { [K in keyof T]?: T[K] | undefined }): T {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return given.length === 0 ? (NO_OPTIONS as T) : (Object.fromEntries(given) as T);
}
