/**
 * Lets somebody see what sessions say and are told, for as long as they look. Nobody looks nearly always, and then nothing of it
 * is on the way of a message: the two methods that all messages pass are replaced for the time, and put back. While it lasts, every
 * message of every session costs a call of the observer.
 */
import type { Message, SendOutcome } from "@junctor/protocol";
import { Session } from "./session.ts";

export interface SessionObserver {
  /** Before anything has become of it. The payload is to be read now: its bytes live as long as the turn. */
  received(session: Session, message: Message): void;
  sent(session: Session, message: Message, outcome: SendOutcome): void;
}

/** @returns ends it */
export function tapSessions(observer: SessionObserver): () => void {
  observers.add(observer);
  if (observers.size === 1) install();
  return () => {
    if (observers.delete(observer) && observers.size === 0) Object.assign(Session.prototype, plain);
  };
}

const observers = new Set<SessionObserver>();
const plain = { receive: Session.prototype.receive, send: Session.prototype.send };

function install(): void {
  Session.prototype.receive = function (message) {
    for (const observer of observers) observer.received(this, message);
    plain.receive.call(this, message);
  };
  Session.prototype.send = function (message) {
    const outcome = plain.send.call(this, message);
    for (const observer of observers) observer.sent(this, message, outcome);
    return outcome;
  };
}
