/** Messages as plain values that tests can compare: payloads as their arguments, caches left out. */
import type { Message } from "@junctor/protocol";

export function plain(message: Message): Record<string, unknown> {
  const {
    payload,
    encoded: _encoded,
    ...rest
  } = message as Message & { payload?: Extract<Message, { payload: unknown }>["payload"]; encoded?: unknown };
  if (payload === undefined) return { ...rest };
  const { length, args, kwargs, item } = payload;
  return { ...rest, length, args: tidy(args), kwargs: tidy(kwargs), item: tidy(item) };
}

/** Byte arrays of any class are the same bytes. */
export function tidy(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: [...value] };
  if (Array.isArray(value)) return value.map(tidy);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [`.${key}`, tidy(item)]));
  return value;
}
