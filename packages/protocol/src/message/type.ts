/** Type codes, the first element of every message (requirements 1.1). */
export const MessageType = {
  Hello: 1,
  Welcome: 2,
  Abort: 3,
  Challenge: 4,
  Authenticate: 5,
  Goodbye: 6,
  Error: 8,
  Publish: 16,
  Published: 17,
  Subscribe: 32,
  Subscribed: 33,
  Unsubscribe: 34,
  Unsubscribed: 35,
  Event: 36,
  Call: 48,
  Cancel: 49,
  Result: 50,
  Register: 64,
  Registered: 65,
  Unregister: 66,
  Unregistered: 67,
  Invocation: 68,
  Interrupt: 69,
  Yield: 70,
  /** Experimental, in the specification's test vectors only (ACK-01). */
  EventReceived: 337,
} as const;

export type MessageType = (typeof MessageType)[keyof typeof MessageType];

const NAMES = new Map<number, string>(
  Object.entries(MessageType).map(([name, code]) => [code, name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase()]),
);

/** `WELCOME` for 2, and so on: the specification's spelling, for logs and error texts. */
export function messageName(type: number): string {
  return NAMES.get(type) ?? `message type ${type}`;
}
