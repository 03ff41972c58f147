/** Messages of remote procedure calls (requirements 1.1, 3.2, 4), and ERROR, which answers any request. */
import type { InvocationId, RegistrationId, RequestId, SessionId } from "../id.ts";
import type { MatchPolicy } from "../uri.ts";
import type { Payload } from "./payload.ts";
import type { ForwardedFor, PassthruOptions, TransparentOptions } from "./pubsub.ts";
import type { MessageType } from "./type.ts";

/** The request types that an ERROR can answer (PERR-04). */
export type RequestType =
  | typeof MessageType.Publish
  | typeof MessageType.Subscribe
  | typeof MessageType.Unsubscribe
  | typeof MessageType.Call
  | typeof MessageType.Register
  | typeof MessageType.Unregister
  | typeof MessageType.Invocation;

export interface CallOptions extends PassthruOptions, TransparentOptions {
  /** Milliseconds; 0 or absent is none (RPC-TMO-01). */
  readonly timeout?: number;
  readonly receive_progress?: boolean;
  readonly progress?: boolean;
  readonly disclose_me?: boolean;
  readonly runmode?: string;
  readonly rkey?: string;
  readonly forward_for?: readonly ForwardedFor[];
}

/** [48, Request, Options, Procedure, Args?, Kwargs?] */
export interface Call {
  readonly type: typeof MessageType.Call;
  readonly request: RequestId;
  readonly options: CallOptions;
  readonly procedure: string;
  readonly payload: Payload;
}

export type CancelMode = "skip" | "kill" | "killnowait";

/** [49, CALL.Request, Options] */
export interface Cancel {
  readonly type: typeof MessageType.Cancel;
  readonly request: RequestId;
  /** Absent means killnowait (AMB-46). */
  readonly options: { readonly mode?: CancelMode };
}

export interface ResultDetails extends PassthruOptions, TransparentOptions {
  readonly progress?: boolean;
  readonly callee?: SessionId;
  readonly callee_authid?: string;
  readonly callee_authrole?: string;
  readonly forward_for?: readonly ForwardedFor[];
}

/** [50, CALL.Request, Details, Args?, Kwargs?] */
export interface Result {
  readonly type: typeof MessageType.Result;
  readonly request: RequestId;
  readonly details: ResultDetails;
  readonly payload: Payload;
}

export type ErrorDetails = Omit<ResultDetails, "progress">;

/** [8, REQUEST.Type, REQUEST.Request, Details, Error, Args?, Kwargs?] */
export interface ErrorMessage {
  readonly type: typeof MessageType.Error;
  readonly requestType: RequestType;
  /** An invocation's where `requestType` is INVOCATION. */
  readonly request: RequestId | InvocationId;
  readonly details: ErrorDetails;
  readonly error: string;
  readonly payload: Payload;
}

/** The last two are Junctor's own. */
export type InvokePolicy = "single" | "roundrobin" | "random" | "first" | "last" | "least_loaded" | "affinity";

export interface RegisterOptions {
  readonly match?: MatchPolicy;
  readonly invoke?: InvokePolicy;
  readonly disclose_caller?: boolean;
  readonly forward_timeout?: boolean;
  readonly concurrency?: number;
  readonly force_reregister?: boolean;
  readonly forward_for?: readonly ForwardedFor[];
}

/** [64, Request, Options, Procedure] */
export interface Register {
  readonly type: typeof MessageType.Register;
  readonly request: RequestId;
  readonly options: RegisterOptions;
  readonly procedure: string;
}

/** [65, REGISTER.Request, Registration] */
export interface Registered {
  readonly type: typeof MessageType.Registered;
  readonly request: RequestId;
  readonly registration: RegistrationId;
}

/** [66, Request, Registration] */
export interface Unregister {
  readonly type: typeof MessageType.Unregister;
  readonly request: RequestId;
  readonly registration: RegistrationId;
}

export interface UnregisteredDetails {
  readonly registration?: RegistrationId;
  readonly reason?: string;
}

/** [67, UNREGISTER.Request], or [67, 0, Details] when the router revokes (RPC-REVOKE-01, AMB-131). */
export interface Unregistered {
  readonly type: typeof MessageType.Unregistered;
  /** 0 in a revocation. */
  readonly request: RequestId;
  /** Present in a revocation only. */
  readonly details: UnregisteredDetails | undefined;
}

export interface InvocationDetails extends PassthruOptions, TransparentOptions {
  /** Set for prefix and wildcard registrations (RPC-PAT-07). */
  readonly procedure?: string;
  readonly receive_progress?: boolean;
  readonly progress?: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly caller?: SessionId;
  readonly caller_authid?: string;
  readonly caller_authrole?: string;
  readonly trustlevel?: number;
  readonly forward_for?: readonly ForwardedFor[];
}

/** [68, Request, Registration, Details, Args?, Kwargs?] */
export interface Invocation {
  readonly type: typeof MessageType.Invocation;
  readonly request: InvocationId;
  readonly registration: RegistrationId;
  readonly details: InvocationDetails;
  readonly payload: Payload;
}

/** [69, INVOCATION.Request, Options] */
export interface Interrupt {
  readonly type: typeof MessageType.Interrupt;
  readonly request: InvocationId;
  readonly options: { readonly mode?: "kill" | "killnowait"; readonly reason?: string };
}

export type YieldOptions = ResultDetails;

/** [70, INVOCATION.Request, Options, Args?, Kwargs?] */
export interface Yield {
  readonly type: typeof MessageType.Yield;
  readonly request: InvocationId;
  readonly options: YieldOptions;
  readonly payload: Payload;
}
