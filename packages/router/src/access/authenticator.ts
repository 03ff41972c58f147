/**
 * The seam through which a session is let in. The router asks and goes on with other things; the answer may come at once
 * or later. Time-outs are the router's.
 *
 * Spec: requirements 7.1, AMB-08, AMB-09.
 */
import { type Authenticate, type ChannelBinding, type Dict, type HelloDetails, type SessionId, Uri } from "@junctor/protocol";

/** What the listener knows of the peer, for methods that use it and for logs. */
export interface Origin {
  /** `websocket`, `rawsocket`, `memory`, … */
  readonly transport: string;
  readonly serializer?: string;
  /** The transport carries several messages as one (9.2). */
  readonly isBatched?: boolean;
  /** The peer's address, for people. */
  readonly address?: string;
  /** Present where TLS encrypts the connection up to this listener. */
  readonly tls?: TlsOrigin;
  /** Present where the listener keeps log-in cookies, and a page that it names opened the connection. */
  readonly cookie?: LoginCookie;
}

/** Digests of the values, in hex: nobody can log in with them. */
export interface LoginCookie {
  /** Which browser it is, where the listener gives them a cookie for that: a name, and no proof of anything. */
  readonly browser?: string;
  /** What the browser came with. */
  readonly presented?: string;
  /** What it was given when the connection was opened: a log-in on this connection makes it worth something. */
  readonly issued?: string;
}

/** The TLS channel that a connection runs over. */
export interface TlsOrigin extends ChannelBinding {
  /** The client's certificate, where it showed one that the listener's authorities vouch for. */
  readonly certificate: ClientCertificate | undefined;
}

export interface ClientCertificate {
  /** By the short names: `CN`, `O`, `OU`, … */
  readonly subject: Readonly<Record<string, string>>;
  /** As in `DNS:example.com`, `email:ada@example.com`, `URI:urn:…`. */
  readonly alternativeNames: readonly string[];
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint: string;
}

export interface AuthenticationRequest {
  readonly realm: string;
  /** The id that WELCOME will carry (AMB-24). */
  readonly session: SessionId;
  readonly details: HelloDetails;
  readonly origin: Origin;
}

export type AuthenticationAnswer =
  | {
      readonly kind: "welcome";
      readonly authid: string;
      readonly authrole: string;
      readonly authmethod: string;
      readonly authprovider: string;
      readonly authextra?: Dict;
      /** The session ends after so many ms: what it proved holds no longer (T31). */
      readonly lifetimeMs?: number;
      /** What the session was let in with, in whatever form the authenticator has use for: kept with the session. */
      readonly proof?: unknown;
    }
  | {
      readonly kind: "challenge";
      readonly authmethod: string;
      readonly extra: Dict;
      /** Asked with the peer's AUTHENTICATE; may answer with a further challenge (AUTH-03). */
      readonly verify: (response: Authenticate, answer: (outcome: AuthenticationAnswer) => void) => void | Promise<void>;
    }
  /** @property details for ABORT, beside the message */
  | { readonly kind: "abort"; readonly reason: string; readonly message: string; readonly details?: Dict };

/** Answers exactly once, at once or later. A throw, or a promise rejected, is a denial with `wamp.error.authentication_failed`. */
export type Authenticator = (request: AuthenticationRequest, answer: (outcome: AuthenticationAnswer) => void) => void | Promise<void>;

/** Lets everybody in under one role. */
export function anonymous(authrole: string): Authenticator {
  return (request, answer) => {
    const offered = request.details.authmethods ?? [];
    if (offered.length > 0 && !offered.includes("anonymous")) {
      answer({
        kind: "abort",
        reason: Uri.noMatchingAuthMethod,
        message: `the realm takes the authentication method anonymous; offered were ${offered.join(", ")}`,
      });
      return;
    }
    answer({
      kind: "welcome",
      authid: `anonymous-${request.session.toString(36)}`,
      authrole,
      authmethod: "anonymous",
      authprovider: "static",
    });
  };
}
