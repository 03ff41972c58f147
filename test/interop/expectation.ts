/** What one client is told to send, and what of it another one is expected to get. */
import type { Connection, Exception } from "./libraries.ts";
import { type Message, mapScalars, untagged } from "./value.ts";

export const NOTHING: Message = { args: [], kwargs: {} };

/** The payload, or nothing where the sender cannot send it. */
export function sendable(sender: Connection, { args, kwargs }: Message): Message {
  return applied(exceptionsOf(sender, "sending"), { args, kwargs }) === undefined ? NOTHING : { args, kwargs };
}

export function expected(sender: Connection, receiver: Connection, payload: Message): Message {
  const sent = applied(exceptionsOf(sender, "sending"), sendable(sender, payload));
  // What is peculiar to a format is levelled where the router turns one into another, and only there (AMB-31, AMB-32).
  const routed = sent && (sender.serializer === receiver.serializer ? sent : mapScalars(sent, untagged));
  const received = routed && applied(exceptionsOf(receiver, "receiving"), routed);
  return (received && mapScalars(received, untagged)) ?? NOTHING;
}

export function exceptionsOf({ library, serializer }: Connection, when: Exception["when"]): readonly Exception[] {
  return library.exceptions.filter((exception) => exception.when === when && exception.formats.includes(serializer));
}

/** @returns undefined where one of them says that the message cannot be sent */
function applied(exceptions: readonly Exception[], message: Message): Message | undefined {
  return exceptions.reduce<Message | undefined>((result, { change }) => result && mapScalars(result, change), message);
}
