/** Messages of publish and subscribe (requirements 1.1, 3.1, 5). */
import type { PublicationId, RequestId, SessionId, SubscriptionId } from "../id.ts";
import type { MatchPolicy } from "../uri.ts";
import type { Payload } from "./payload.ts";
import type { MessageType } from "./type.ts";

/** Attributes of payload passthru mode, copied by the router unread (PPT-02, PPT-03). */
export interface PassthruOptions {
  readonly ppt_scheme?: string;
  readonly ppt_serializer?: string;
  readonly ppt_cipher?: string;
  readonly ppt_keyid?: string;
}

/** Attributes of Autobahn's older end-to-end encryption (E2EE-02). */
export interface TransparentOptions {
  readonly enc_algo?: string;
  readonly enc_key?: string;
  readonly enc_serializer?: string;
}

/** One hop of a message that travelled through several routers (R2R-02). Never trusted from ordinary clients. */
export interface ForwardedFor {
  readonly session: SessionId;
  readonly authid?: string;
  readonly authrole?: string;
}

export interface PublishOptions extends PassthruOptions, TransparentOptions {
  readonly acknowledge?: boolean;
  readonly exclude_me?: boolean;
  readonly exclude?: readonly SessionId[];
  readonly exclude_authid?: readonly string[];
  readonly exclude_authrole?: readonly string[];
  readonly eligible?: readonly SessionId[];
  readonly eligible_authid?: readonly string[];
  readonly eligible_authrole?: readonly string[];
  readonly disclose_me?: boolean;
  readonly retain?: boolean;
  readonly rkey?: string;
  readonly transaction_hash?: string;
  readonly forward_for?: readonly ForwardedFor[];
}

/** [16, Request, Options, Topic, Args?, Kwargs?] */
export interface Publish {
  readonly type: typeof MessageType.Publish;
  readonly request: RequestId;
  readonly options: PublishOptions;
  readonly topic: string;
  readonly payload: Payload;
}

/** [17, PUBLISH.Request, Publication] */
export interface Published {
  readonly type: typeof MessageType.Published;
  readonly request: RequestId;
  readonly publication: PublicationId;
}

export interface SubscribeOptions {
  readonly match?: MatchPolicy;
  readonly get_retained?: boolean;
  readonly nkey?: string;
  readonly forward_for?: readonly ForwardedFor[];
}

/** [32, Request, Options, Topic] */
export interface Subscribe {
  readonly type: typeof MessageType.Subscribe;
  readonly request: RequestId;
  readonly options: SubscribeOptions;
  readonly topic: string;
}

/** [33, SUBSCRIBE.Request, Subscription] */
export interface Subscribed {
  readonly type: typeof MessageType.Subscribed;
  readonly request: RequestId;
  readonly subscription: SubscriptionId;
}

/** [34, Request, Subscription] */
export interface Unsubscribe {
  readonly type: typeof MessageType.Unsubscribe;
  readonly request: RequestId;
  readonly subscription: SubscriptionId;
}

export interface UnsubscribedDetails {
  readonly subscription?: SubscriptionId;
  readonly reason?: string;
}

/** [35, UNSUBSCRIBE.Request], or [35, 0, Details] when the router revokes (PS-REVOKE-01, AMB-131). */
export interface Unsubscribed {
  readonly type: typeof MessageType.Unsubscribed;
  /** 0 in a revocation. */
  readonly request: RequestId;
  /** Present in a revocation only. */
  readonly details: UnsubscribedDetails | undefined;
}

export interface EventDetails extends PassthruOptions, TransparentOptions {
  readonly publisher?: SessionId;
  readonly publisher_authid?: string;
  readonly publisher_authrole?: string;
  /** Set for prefix and wildcard subscriptions (PS-PAT-04). */
  readonly topic?: string;
  readonly trustlevel?: number;
  readonly retained?: boolean;
  readonly payload_limit_exceeded?: boolean;
  readonly transaction_hash?: string;
  readonly x_acknowledged_delivery?: boolean;
  readonly forward_for?: readonly ForwardedFor[];
}

/**
 * [36, Subscription, Publication, Details, Args?, Kwargs?]
 *
 * One object serves all receivers that get the same details; a transport may keep what it encoded from it in `encoded`.
 */
export interface Event {
  readonly type: typeof MessageType.Event;
  readonly subscription: SubscriptionId;
  readonly publication: PublicationId;
  readonly details: EventDetails;
  readonly payload: Payload;
  /** A transport's own: the frames made of this event, by encoding. The codec neither reads nor writes it. */
  encoded: unknown;
}

/** [337, EVENT.Publication] (ACK-01) */
export interface EventReceived {
  readonly type: typeof MessageType.EventReceived;
  readonly publication: PublicationId;
}
