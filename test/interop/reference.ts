/** docs/reference/interop.md, made from the matrix that matrix.test.ts walks. */
import { CASES } from "./cases.ts";
import {
  CONNECTIONS,
  type Exception,
  LIBRARIES,
  type Library,
  SERIALIZERS,
  type Serializer,
  TRANSPORTS,
  type Transport,
} from "./libraries.ts";

const TRANSPORT_NAMES: Record<Transport, string> = {
  websocket: "WebSocket",
  "websocket-batched": "WebSocket, batched",
  rawsocket: "RawSocket",
  "unix-websocket": "WebSocket, UNIX socket",
  "unix-rawsocket": "RawSocket, UNIX socket",
  "websocket-tls": "WebSocket, TLS",
  "rawsocket-tls": "RawSocket, TLS",
};
const FORMAT_NAMES: Record<Serializer, string> = { json: "JSON", msgpack: "MessagePack", cbor: "CBOR" };

export function interopReference(): string {
  return `# Interoperability

<!-- Made from test/interop by \`npx vitest run test/interop/reference.test.ts -u\`; a test fails where the two differ. -->

Other people's clients, unmodified and in the versions below, meet through the router in every run of the tests. Each ✓ is one
of ${CONNECTIONS.length} connections, and every connection

- calls every one, itself included, and answers every one: both sides get what the other sent, or the error with its URI,
  arguments and keyword arguments;
- publishes to all others and receives from all others, in order;
- carries messages of some 200 kB in both directions;
- gets the router's own errors by their URI, and leaves with GOODBYE.

The payloads are ${CASES.length}:
${CASES.map(({ name }) => name.replaceAll("_", " ")).join(", ")}.

What arrives is compared value by value: that bytes are bytes, that 9007199254740991 is exact, that an integer is no float. TLS
lies below the formats, so one format shows it.

| Client | Version | Transport | ${SERIALIZERS.map((serializer) => FORMAT_NAMES[serializer]).join(" | ")} |
| --- | --- | --- | ${SERIALIZERS.map(() => ":-:").join(" | ")} |
${LIBRARIES.flatMap(rowsOf).join("\n")}

## Calls that last, and the meta API

Every client calls every one for progressive results and cancels calls to it, in the modes that it has, over one connection each; each
asks the router's meta API for the same things and is answered the same. Where a callee sends no progress or cannot be interrupted,
the caller gets the result alone, and a call that it cancels ends at once.

| Client | Takes progress | Sends progress | Is interrupted | Cancels | Calls in pieces | Why not |
| --- | :-: | :-: | :-: | --- | :-: | --- |
${LIBRARIES.map(streamsRow).join("\n")}

## What clients do to values

A client that changes a value is not the router's to mend, but good to know of. The tests expect exactly these changes; they
fail for any other, and for one that a newer version of the client no longer makes.

| Client | Format | When | What happens | Why |
| --- | --- | --- | --- | --- |
${LIBRARIES.flatMap(({ name, exceptions }) => exceptions.map((exception) => exceptionRow(name, exception))).join("\n")}

## What clients send that the specification does not foresee

None of it costs them their session; \`test/interop/quirks.test.ts\` has each of them byte by byte.

- Options that are \`null\`, or \`undefined\` in a format that can say so, count as not given; unknown ones are ignored.
- \`null\` in place of arguments or keyword arguments counts as none.
- Ids may be floats without a fraction.
- Request ids may come in any order, unless the realm is told to be strict
  ([\`realms.*.requestIds\`](config.md)).
- UNSUBSCRIBE and UNREGISTER may carry options.
- Bytes with CBOR's tag 64 are bytes to whoever speaks another format; to whoever speaks CBOR they go as they came.

What these clients cannot take is not sent: \`null\` for arguments that are not there, INTERRUPT to a callee that has not
announced \`call_canceling\`, a second answer to a call, an EVENT outside a subscription.

## What does not work, on the client's side

Read in the clients' sources; no router can mend it.

- Autobahn|JS: \`cancel()\` forgets the call at once, and takes the router's ERROR for it, which the protocol demands, for a
  violation: it closes the connection. Call \`cancel({ mode: "kill" })\`, with which it waits for the answer.
- kraftfahrstrasse: \`CancelCall\` without a mode sends \`mode: ""\`, which is none of the three: the router ends the session.
- xconn: a callee announces \`call_canceling\`, and its session breaks off when a call to it is cancelled.
- Autobahn|JS: a callee's progressive results reach nobody, since it does not announce \`call_canceling\`, which the protocol demands
  of who sends them.
- xconn: \`rss://\` is dialled without TLS. Use \`wss://\`.
- xconn: every event is handled in a goroutine of its own, so that handlers may see events of one publisher in another order
  than they arrived in.
`;
}

function rowsOf({ name, version, connections }: Library): string[] {
  return TRANSPORTS.flatMap((transport) => {
    const formats = connections[transport];
    if (formats === undefined) return [];
    const marks = SERIALIZERS.map((serializer) => (formats.includes(serializer) ? "✓" : ""));
    return [`| ${[cell(name), version, TRANSPORT_NAMES[transport], ...marks].join(" | ")} |`];
  });
}

function exceptionRow(name: string, { when, formats, what, why }: Exception): string {
  const where = formats.length === SERIALIZERS.length ? "all" : formats.map((format) => FORMAT_NAMES[format]).join(", ");
  return `| ${[name, where, when, what, why].map(cell).join(" | ")} |`;
}

function streamsRow({ name, streams: { sends, interrupted, cancels, chunks, why } }: Library): string {
  const isInterrupted = interrupted !== undefined && interrupted !== "breaks";
  const marks = ["✓", sends === true ? "✓" : "", isInterrupted ? "✓" : "", Object.keys(cancels).join(", "), chunks === true ? "✓" : ""];
  return `| ${[cell(name), ...marks, cell(why ?? "")].join(" | ")} |`;
}

const cell = (text: string) => text.replaceAll("|", "\\|");
