/** Messages that open, authenticate and close a session (requirements 1.1; basic/sessions). */

import type { ClientRoles, RouterRoles } from "../feature.ts";
import type { SessionId } from "../id.ts";
import type { Payload } from "./payload.ts";
import type { MessageType } from "./type.ts";

/** Values that the application or an authentication method defines: the router passes them on unread. */
export type Dict = Readonly<Record<string, unknown>>;

export interface HelloDetails {
  readonly roles: ClientRoles;
  readonly agent?: string;
  /** In the client's order of preference; absent or empty means `anonymous` (AMB-08). */
  readonly authmethods?: readonly string[];
  readonly authid?: string;
  readonly authrole?: string;
  readonly authextra?: Dict;
  readonly resumable?: boolean;
}

/** [1, Realm, Details] */
export interface Hello {
  readonly type: typeof MessageType.Hello;
  /** `null` asks the router to choose (AMB-07). */
  readonly realm: string | null;
  readonly details: HelloDetails;
}

export interface WelcomeDetails {
  readonly roles: RouterRoles;
  readonly agent?: string;
  readonly realm?: string;
  readonly authid?: string;
  readonly authrole?: string;
  readonly authmethod?: string;
  readonly authprovider?: string;
  readonly authextra?: Dict;
  /**
   * Junctor's own, where the realm keeps event history: `memory`, or `disk`, where PUBLISHED for a topic with history means
   * that the event is on disk (PUBLISHED itself has no room to say so).
   */
  readonly x_history?: string;
  /** Junctor's own: the longest message that the router takes on this connection, in bytes, where its handshake does not say. */
  readonly x_message_size?: number;
}

/** [2, Session, Details] */
export interface Welcome {
  readonly type: typeof MessageType.Welcome;
  readonly session: SessionId;
  readonly details: WelcomeDetails;
}

/** Free of keys that the protocol reads; `message` is for people (ERR-03). */
export interface CloseDetails {
  readonly message?: string;
  readonly [key: string]: unknown;
}

/** [3, Details, Reason, Args?, Kwargs?] */
export interface Abort {
  readonly type: typeof MessageType.Abort;
  readonly details: CloseDetails;
  readonly reason: string;
  readonly payload: Payload;
}

/** [4, AuthMethod, Extra] */
export interface Challenge {
  readonly type: typeof MessageType.Challenge;
  readonly authmethod: string;
  readonly extra: Dict;
}

/** [5, Signature, Extra] */
export interface Authenticate {
  readonly type: typeof MessageType.Authenticate;
  readonly signature: string;
  readonly extra: Dict;
}

/** [6, Details, Reason] */
export interface Goodbye {
  readonly type: typeof MessageType.Goodbye;
  readonly details: CloseDetails;
  readonly reason: string;
}
