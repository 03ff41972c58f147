/** What the halves of a session — caller, callee — need of it. */
import type { Message, RequestId, SendOutcome } from "@junctor/protocol";
import type { WaitOptions } from "./options.ts";
import type { Codecs } from "./passthru.ts";
import type { Request, Requests, Timers } from "./requests.ts";

export interface Link {
  readonly requests: Requests;
  readonly timers: Timers;
  readonly codecs: Codecs;
  /** Bytes that may wait for a loop that reads results or chunks. */
  readonly unreadLimit: number;
  /** Whether the router announced a feature. */
  supports(role: "broker" | "dealer", feature: string): boolean;
  send(message: Message): SendOutcome;
  /** @throws where the message was not sent. @param name for the error's text: `CALL com.app.add` */
  sendOrThrow(message: Message, name: string): void;
  /** Resolves when the connection has room for more; never rejects. */
  drained(): Promise<void> | undefined;
  /**
   * Sends a request with the next id and waits for its answer.
   * @returns the id, or 0 where nothing was sent: the request has failed then
   */
  request(create: (id: RequestId) => Message, request: Request, options: WaitOptions): RequestId;
}
