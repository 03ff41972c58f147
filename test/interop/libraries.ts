/**
 * The matrix: whose clients meet through the router, over which transports and in which formats, and what they do to
 * values. The page docs/reference/interop.md is made from what stands here.
 */
import { readFileSync } from "node:fs";
import type { Runtime } from "./peers/install.mjs";
import { isBytes, isFloat, isTagged, isWide, type Scalar, type Value } from "./value.ts";

export const TRANSPORTS = [
  "websocket",
  "websocket-batched",
  "rawsocket",
  "unix-websocket",
  "unix-rawsocket",
  "websocket-tls",
  "rawsocket-tls",
] as const;
export type Transport = (typeof TRANSPORTS)[number];
export const SERIALIZERS = ["json", "msgpack", "cbor"] as const;
export type Serializer = (typeof SERIALIZERS)[number];

export interface Library {
  /** In URIs. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** The program under peers/ that runs it; our own client runs in the test. */
  readonly program: readonly [Runtime, string] | undefined;
  readonly connections: Partial<Record<Transport, readonly Serializer[]>>;
  readonly exceptions: readonly Exception[];
  readonly streams: Streams;
  /** Set where it hands events to its application in another order than they arrived in. */
  readonly scramblesEvents?: true;
}

/** How a library takes part in calls that last (streams.test.ts). All of them take progressive results. */
export interface Streams {
  /** As a callee it sends progressive results to those who ask. */
  readonly sends?: true;
  /** The error URI that it answers with, as a callee, when it is interrupted; `breaks` for one that does not survive it. */
  readonly interrupted?: string;
  /** In which modes it cancels, and whether the call then ends with what the router answers, or with something of its own. */
  readonly cancels: Readonly<Partial<Record<CancelMode, "answer" | "own">>>;
  /** Sends and takes calls in pieces. */
  readonly chunks?: true;
  /** Where in the library it comes from that it does less than others. */
  readonly why?: string;
}
export const CANCEL_MODES = ["kill", "killnowait"] as const;
export type CancelMode = (typeof CANCEL_MODES)[number];

/**
 * What a library makes of some values, other than what they are. Nothing is left out for it: the test expects exactly
 * this, so an exception that is not the library's, or not any more, fails.
 */
export interface Exception {
  readonly when: "sending" | "receiving";
  readonly formats: readonly Serializer[];
  readonly what: string;
  /** Where in the library it comes from. */
  readonly why: string;
  /** `undefined` for values that it cannot send at all: nothing is sent in place of a payload with one of them. */
  readonly change: (value: Scalar) => Value | undefined;
}

// --- What happens to values --------------------------------------------------------------------------------------------

const JAVASCRIPT_NUMBERS: Exception = {
  when: "sending",
  formats: SERIALIZERS,
  what: "a float without a fraction becomes an integer",
  why: "JavaScript has one type for both",
  change: wholeFloatToInteger,
};
const JAVASCRIPT_NUMBERS_RECEIVED: Exception = { ...JAVASCRIPT_NUMBERS, when: "receiving" };

const BYTES_AS_DICT: Exception = {
  when: "sending",
  formats: ["json"],
  what: "bytes become a dict of their indices",
  why: "that is what `JSON.stringify` makes of a Uint8Array; the rule of the protocol is not applied",
  change: (value) => (isBytes(value) ? Object.fromEntries(Buffer.from(value.$bytes, "base64").entries()) : value),
};
const BYTES_AS_TEXT: Exception = {
  when: "receiving",
  formats: ["json"],
  what: "bytes stay the text that stands for them in JSON, U+0000 and Base64",
  why: "the rule of the protocol is not applied to what is received",
  change: (value) => (isBytes(value) ? `\u0000${value.$bytes}` : value),
};

const NO_BIGINT: Exception = {
  when: "sending",
  formats: ["json"],
  what: "integers beyond 2^53 cannot be sent",
  why: "`JSON.stringify` takes no BigInt",
  change: (value) => (isWide(value) ? undefined : value),
};
const INEXACT: Exception = {
  when: "receiving",
  formats: ["json"],
  what: "integers beyond 2^53 become the nearest float",
  why: "`JSON.parse` knows floats only",
  change: (value) => (isWide(value) && !isTagged(value) ? { $float: Number(value.$int) } : value),
};

const BYTES_TAGGED: Exception = {
  when: "sending",
  formats: ["cbor"],
  what: "bytes have the tag 64 around them",
  why: "that is how node-cbor and cbor-x write a Uint8Array, and only a Buffer of Node.js without it",
  change: (value) => (isBytes(value) ? { ...value, $tag: 64 } : value),
};
/** The router hands a payload on as it came where both sides speak the same format, tags included. */
const bytesTaggedReceived = (type: string, why: string): Exception => ({
  when: "receiving",
  formats: ["cbor"],
  what: `bytes with the tag 64, as Autobahn|JS and wampy send them, become a \`${type}\``,
  why,
  change: (value) => (isBytes(value) && isTagged(value) ? { $other: type } : value),
});

/** cbor-x and msgpackr write numbers as integers where 32 bits suffice. */
const floatsBeyond = (least: number, formats: readonly Serializer[], why: string): Exception => ({
  when: "sending",
  formats,
  what: "integers of more than 32 bits become floats",
  why,
  change: (value) => (typeof value === "number" && (value < least || value > 0xffffffff) ? { $float: value } : value),
});

function wholeFloatToInteger(value: Scalar): Value {
  return isFloat(value) && Number.isSafeInteger(value.$float) ? value.$float : value;
}

// --- Libraries -----------------------------------------------------------------------------------------------------------

const ALL = SERIALIZERS;
/** TLS lies below the formats: one of them shows it. */
const WEBSOCKET_TLS = { "websocket-tls": ["cbor"] } as const;
const TLS = { ...WEBSOCKET_TLS, "rawsocket-tls": ["msgpack"] } as const;

export const LIBRARIES: readonly Library[] = [
  {
    id: "junctor",
    name: "@junctor/client",
    version: "this one",
    program: undefined,
    connections: { websocket: ALL, rawsocket: ALL, "unix-websocket": ALL, "unix-rawsocket": ALL, ...TLS },
    streams: { sends: true, interrupted: "wamp.error.canceled", cancels: { kill: "answer", killnowait: "answer" }, chunks: true },
    exceptions: [JAVASCRIPT_NUMBERS, JAVASCRIPT_NUMBERS_RECEIVED],
  },
  {
    id: "autobahn_js",
    name: "Autobahn|JS",
    version: pinned("js/package.json", /"autobahn": "(.+)"/),
    program: ["node.js", "autobahn"],
    // lib/transport/rawsocket.js: JSON only, and no TLS.
    connections: { websocket: ALL, rawsocket: ["json"], "unix-rawsocket": ["json"], ...WEBSOCKET_TLS },
    streams: {
      cancels: { kill: "answer" },
      why: "as a callee it does not announce `call_canceling`, without which no router may ask it for progress (RPC-PCR-03); `cancel()` in another mode than `kill`: see below",
    },
    exceptions: [
      BYTES_AS_DICT,
      BYTES_AS_TEXT,
      { ...NO_BIGINT, formats: ["json", "msgpack"], why: "neither `JSON.stringify` nor msgpack5 takes a BigInt" },
      { ...INEXACT, formats: ["json", "msgpack"], why: "neither `JSON.parse` nor msgpack5 makes a BigInt" },
      BYTES_TAGGED,
      {
        when: "sending",
        formats: ["cbor"],
        what: "integers beyond 2^53 are tagged as big integers",
        why: "that is how node-cbor writes a BigInt",
        change: (value) => (isWide(value) ? { ...value, $tag: 2 } : value),
      },
      JAVASCRIPT_NUMBERS,
      JAVASCRIPT_NUMBERS_RECEIVED,
    ],
  },
  {
    id: "wampy",
    name: "wampy",
    version: pinned("js/package.json", /"wampy": "(.+)"/),
    program: ["node.js", "wampy"],
    // WebSocket only, and only by a ws: or wss: URL (src/utils.ts).
    connections: { websocket: ALL, ...WEBSOCKET_TLS },
    streams: {
      cancels: { kill: "answer", killnowait: "answer" },
      why: "as a callee it announces neither `call_canceling` nor `progressive_call_results`",
    },
    exceptions: [
      BYTES_AS_DICT,
      BYTES_AS_TEXT,
      NO_BIGINT,
      { ...INEXACT, formats: ["json", "cbor"], why: "`JSON.parse` knows floats only, and cbor-x is told `int64AsNumber`" },
      BYTES_TAGGED,
      JAVASCRIPT_NUMBERS,
      floatsBeyond(-0x80000000, ["msgpack"], "msgpackr writes a number as an integer where 32 bits suffice"),
      floatsBeyond(-0x100000000, ["cbor"], "cbor-x writes a number as an integer where 32 bits suffice"),
      JAVASCRIPT_NUMBERS_RECEIVED,
    ],
  },
  {
    id: "autobahn_python",
    name: "Autobahn|Python",
    version: pinned("python/requirements.txt", /^autobahn==(.+)$/m),
    program: ["python", "autobahn_peer"],
    // The default of asyncio/wamp.py is wamp.2.cbor.batched (wamp/websocket.py).
    connections: { websocket: ALL, "websocket-batched": ALL, rawsocket: ALL, "unix-websocket": ALL, "unix-rawsocket": ALL, ...TLS },
    streams: {
      sends: true,
      interrupted: "interop.interrupted",
      cancels: { killnowait: "own" },
      why: "a call is cancelled by cancelling its future, which knows no mode and waits for nothing",
    },
    exceptions: [bytesTaggedReceived("CBORTag", "cbor2 does not know the tag")],
  },
  {
    id: "nexus",
    name: "nexus",
    version: pinned("go/go.mod", /nexus\/v3 v(\S+)/),
    program: ["go", "nexus"],
    // client/network.go: unix:// is RawSocket.
    connections: { websocket: ALL, rawsocket: ALL, "unix-rawsocket": ALL, ...TLS },
    streams: { sends: true, interrupted: "wamp.error.canceled", cancels: { kill: "own", killnowait: "own" }, chunks: true },
    exceptions: [
      bytesTaggedReceived("codec.RawExt", "ugorji/go/codec does not know the tag"),
      {
        when: "receiving",
        formats: ["cbor"],
        what: "big integers with a tag, as Autobahn|JS sends them, become floats",
        why: "ugorji/go/codec reads tags 2 and 3 as float64",
        change: (value) => (isWide(value) && isTagged(value) ? { $float: Number(value.$int) } : value),
      },
      {
        ...BYTES_AS_TEXT,
        why: "only a `serialize.BinaryData` is decoded, and a payload holds none (transport/serialize/jsonserializer.go)",
      },
    ],
  },
  {
    id: "xconn",
    name: "xconn",
    version: pinned("go/go.mod", /xconn-go v(\S+)/),
    program: ["go", "xconn"],
    // joiner.go: rss: is dialled without TLS.
    connections: { websocket: ALL, rawsocket: ALL, "unix-websocket": ALL, "unix-rawsocket": ALL, ...WEBSOCKET_TLS },
    scramblesEvents: true, // session.go: a goroutine for each
    streams: {
      sends: true,
      interrupted: "breaks",
      cancels: {},
      chunks: true,
      why: "it announces `call_canceling` as a callee, and breaks off over INTERRUPT, of which session.go knows nothing: its calls are not cancelled here; it cannot cancel",
    },
    exceptions: [
      bytesTaggedReceived("cbor.Tag", "fxamacker/cbor does not know the tag"),
      {
        when: "receiving",
        formats: ["cbor"],
        what: "big integers with a tag, as Autobahn|JS sends them, become a `big.Int`",
        why: "fxamacker/cbor reads tags 2 and 3 so",
        change: (value) => (isWide(value) && isTagged(value) ? { $other: "big.Int" } : value),
      },
      {
        when: "sending",
        formats: ["json"],
        what: "bytes become Base64 text",
        why: "that is what `encoding/json` makes of a []byte; the rule of the protocol is not applied (wampproto-go, serializers/json.go)",
        change: (value) => (isBytes(value) ? value.$bytes : value),
      },
      {
        when: "sending",
        formats: ["json"],
        what: "a float without a fraction becomes an integer",
        why: "`encoding/json` writes 1 for 1.0",
        change: wholeFloatToInteger,
      },
      BYTES_AS_TEXT,
      {
        when: "receiving",
        formats: ["json"],
        what: "every number becomes a float",
        why: "`encoding/json` reads numbers as float64 where no type is asked for",
        change: (value) => (typeof value === "number" ? { $float: value } : isWide(value) ? { $float: Number(value.$int) } : value),
      },
    ],
  },
];

/** The version that a peer's lock file asks for. */
function pinned(file: string, pattern: RegExp): string {
  const version = pattern.exec(readFileSync(new URL(`peers/${file}`, import.meta.url), "utf8"))?.[1];
  if (version === undefined) throw new Error(`${file} pins no version like ${pattern}`);
  return version;
}

// --- Connections -----------------------------------------------------------------------------------------------------------

/** One way for a library to reach the router. */
export interface Connection {
  readonly library: Library;
  readonly transport: Transport;
  readonly serializer: Serializer;
  /** Several components of a URI, of letters, digits and underscores, as wampy's strict check wants them. */
  readonly name: string;
}

export const CONNECTIONS: readonly Connection[] = LIBRARIES.flatMap((library) =>
  TRANSPORTS.flatMap((transport) =>
    (library.connections[transport] ?? []).map((serializer) => ({
      library,
      transport,
      serializer,
      name: `${library.id}.${transport.replaceAll("-", "_")}.${serializer}`,
    })),
  ),
);
