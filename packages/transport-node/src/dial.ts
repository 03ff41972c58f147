/**
 * Opens connections to a router: `ws:` and `wss:`, RawSocket over `tcp:`, `tls:` and `unix:`, and WebSocket over a UNIX
 * socket, `ws+unix:`.
 */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import {
  type AbortSignalLike,
  announceableLength,
  CloseReason,
  closeReason,
  type Dial,
  decodeReply,
  encodeHandshake,
  errorCloseReason,
  HANDSHAKE_SIZE,
  type Message,
  ProtocolError,
  type Receiver,
  type SendOutcome,
  SerializationError,
  type Serializer,
  subprotocolOf,
  type Transport,
  TransportError,
  webSocketCloseReason,
} from "@junctor/protocol";
import { WebSocket } from "ws";
import type { Connection, ConnectionObserver } from "./connection.ts";
import { encodingOf, nodeSerializers } from "./encodings.ts";
import { rawFraming } from "./framing.ts";
import { DEFAULT_CONNECTION_LIMITS } from "./limits.ts";
import { RawSocketConnection } from "./rawsocket-connection.ts";
import { TlsChannel } from "./tls-channel.ts";

export interface DialOptions {
  /** Offered in this order; RawSocket can offer the first only. Default JSON, MessagePack, CBOR. */
  readonly serializers?: readonly Serializer[];
  /** For `wss:` and `tls:`: certificates, server name, …  The router's certificate is verified unless this says otherwise. */
  readonly tls?: ConnectionOptions;
  /** For `ws:` and `wss:`: additional HTTP headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For `ws:` and `wss:`: offers to compress messages (permessage-deflate). Default false. */
  readonly deflate?: boolean;
  /** Longest message that is taken, in bytes. Default 16 MiB. */
  readonly maxLength?: number;
  /** For the whole of the opening, in ms. Default 10 s. */
  readonly timeoutMs?: number;
}

/** No connection came about. The message names cause and remedy. */
export class DialError extends TransportError {
  override readonly name = "DialError";
  /** The system's code where there is one, for example `ECONNREFUSED`; otherwise `HANDSHAKE`, `TIMEOUT` or `URL`. */
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** @throws {DialError} at once, where the URL is none that can be dialled */
export function dial(url: string, options: DialOptions = {}): Dial {
  const scheme = /^([a-z+]+):/i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case "ws":
    case "wss":
    case "ws+unix":
      return (receiver, signal) => dialWebSocket(url, options, receiver, signal);
    case "tcp":
    case "tls":
    case "unix":
      return (receiver, signal) => dialRawSocket(url, scheme, options, receiver, signal);
    default:
      throw new DialError("URL", `cannot dial ${url}: use ws://, wss://, tcp://, tls://, unix: or ws+unix:`);
  }
}

// --- RawSocket -----------------------------------------------------------------------------------------------------------

async function dialRawSocket(
  url: string,
  scheme: "tcp" | "tls" | "unix",
  options: DialOptions,
  receiver: Receiver,
  signal: AbortSignalLike | undefined,
): Promise<Transport> {
  const serializer = (options.serializers ?? nodeSerializers)[0];
  if (serializer === undefined) throw new DialError("HANDSHAKE", "no serializer to offer");
  const request = { serializer: serializer.rawSocketId, maxLength: announceableLength(options.maxLength ?? MAX_LENGTH) };
  const socket = openSocket(url, scheme, options);
  const octets = await new Promise<Buffer>((resolve, reject) => {
    const settle = guard(socket, url, options, signal, reject);
    let received = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < HANDSHAKE_SIZE) return;
      socket.pause();
      socket.off("data", onData);
      settle();
      resolve(received);
    };
    socket.on("data", onData);
    socket.once(scheme === "tls" ? "secureConnect" : "connect", () => socket.write(encodeHandshake(request)));
  });
  let peerLength: number;
  try {
    peerLength = decodeReply(octets, request).maxLength;
  } catch (error) {
    socket.destroy();
    throw new DialError(
      "HANDSHAKE",
      `${url}: ${error instanceof Error ? error.message : String(error)}. Is this the router's RawSocket port?`,
      error,
    );
  }
  // A client chose its router: the limits that guard a router against strangers do not apply.
  const limits = {
    ...DEFAULT_CONNECTION_LIMITS,
    messageSizeBeforeJoin: request.maxLength,
    bytesBeforeJoin: Number.POSITIVE_INFINITY,
    queueHard: CLIENT_QUEUE,
    queueSoft: CLIENT_QUEUE,
    replyHighMark: CLIENT_QUEUE, // what it sends are requests: it goes on reading, however many there are
  };
  const now = () => performance.now();
  const ticker = new ClientTicker();
  const connection = new RawSocketConnection(
    socket,
    encodingOf(serializer, rawFraming),
    limits,
    ticker,
    undefined,
    now,
    request.maxLength,
    peerLength,
  );
  connection.receiver = receiver;
  connection.channel = TlsChannel.of(socket, false);
  ticker.start(() => connection.tick(now()));
  if (octets.length > HANDSHAKE_SIZE) setImmediate(() => connection.push(octets.subarray(HANDSHAKE_SIZE)));
  setImmediate(() => socket.resume());
  return connection;
}

function openSocket(url: string, scheme: "tcp" | "tls" | "unix", options: DialOptions): Socket {
  if (scheme === "unix") {
    const path = url.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    if (path === "") throw new DialError("URL", `${url} needs the path of a socket`);
    return connectTcp({ path });
  }
  if (!URL.canParse(url)) throw new DialError("URL", `${url} is no URL: it takes a host, and a port up to 65535`);
  const { hostname, port } = new URL(url);
  if (port === "") throw new DialError("URL", `${url} needs a port`);
  const host = hostname.replace(/^\[|\]$/g, "");
  // RFC 6066: a server name is no IP address.
  if (scheme === "tls")
    return connectTls({ host, port: Number(port), ...(isIP(host) === 0 ? { servername: host } : {}), ...options.tls }).setNoDelay();
  return connectTcp({ host, port: Number(port), noDelay: true });
}

/** Rejects on error, end, time-out and abort. @returns what to call when the opening is done */
function guard(
  socket: Socket,
  url: string,
  options: DialOptions,
  signal: AbortSignalLike | undefined,
  reject: (error: unknown) => void,
): () => void {
  const timeoutMs = Math.min(options.timeoutMs ?? TIMEOUT_MS, LONGEST_TIMER);
  const fail = (error: unknown) => {
    settle();
    socket.on("error", () => {});
    socket.destroy();
    reject(error);
  };
  const timer = setTimeout(() => fail(new DialError("TIMEOUT", `${url} did not answer within ${timeoutMs} ms`)), timeoutMs);
  const onError = (error: Error) => fail(dialError(url, error));
  const onEnd = () =>
    fail(
      new DialError(
        "HANDSHAKE",
        `${url} closed the connection during the handshake. Is this the router's RawSocket port${url.startsWith("tls:") ? ", with TLS" : ""}?`,
      ),
    );
  const onAbort = () => fail(signal?.reason);
  const settle = () => {
    clearTimeout(timer);
    socket.off("error", onError);
    socket.off("end", onEnd);
    signal?.removeEventListener("abort", onAbort);
  };
  socket.once("error", onError);
  socket.once("end", onEnd);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  return settle;
}

/** Has a connection looked at once a second: whether its peer is still there, and whether it lets go. */
class ClientTicker implements ConnectionObserver {
  #timer: NodeJS.Timeout | undefined = undefined;

  start(tick: () => void): void {
    // What has arrived while the program was busy is read before its peer is called silent. The timer alone keeps no program alive.
    this.#timer = setInterval(() => setImmediate(tick), TICK_MS).unref();
  }

  joined(): void {}
  slowConsumer(_connection: Connection, _action: string): void {}

  closed(): void {
    clearInterval(this.#timer);
  }
}

// --- WebSocket -----------------------------------------------------------------------------------------------------------

function dialWebSocket(url: string, options: DialOptions, receiver: Receiver, signal: AbortSignalLike | undefined): Promise<Transport> {
  const serializers = options.serializers ?? nodeSerializers;
  const timeoutMs = Math.min(options.timeoutMs ?? TIMEOUT_MS, LONGEST_TIMER);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    let webSocket: WebSocket;
    try {
      webSocket = new WebSocket(url, serializers.map(subprotocolOf), {
        ...options.tls,
        ...(options.headers === undefined ? {} : { headers: options.headers }),
        perMessageDeflate: options.deflate === true,
        maxPayload: options.maxLength ?? MAX_LENGTH,
        handshakeTimeout: timeoutMs,
        skipUTF8Validation: true,
      });
    } catch (error) {
      reject(new DialError("URL", `cannot dial ${url}: ${error instanceof Error ? error.message : String(error)}`, error));
      return;
    }
    let refusal: string | undefined;
    const onAbort = () => {
      webSocket.terminate();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const onError = (error: Error) => {
      signal?.removeEventListener("abort", onAbort);
      reject(refusal === undefined ? dialError(url, error) : new DialError("HANDSHAKE", refusal));
    };
    webSocket.on("error", onError);
    webSocket.once("unexpected-response", (request, response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body = (body + text).slice(0, 300);
      });
      response.on("close", () => {
        refusal = `${url} refused the WebSocket with status ${response.statusCode}${body === "" ? "" : `: ${body.trim()}`}`;
        request.destroy();
        onError(new Error(refusal));
      });
    });
    let socket: Socket | undefined;
    webSocket.once("upgrade", (response) => {
      socket = response.socket;
    });
    webSocket.once("open", () => {
      signal?.removeEventListener("abort", onAbort);
      webSocket.off("error", onError);
      const serializer = serializers.find((candidate) => subprotocolOf(candidate) === webSocket.protocol);
      if (serializer === undefined) {
        webSocket.on("error", () => {});
        webSocket.terminate();
        reject(new DialError("HANDSHAKE", `${url} chose no WAMP subprotocol; offered were ${serializers.map(subprotocolOf).join(", ")}`));
        return;
      }
      resolve(new DialledWebSocket(webSocket, serializer, receiver, socket && TlsChannel.of(socket, false)));
    });
  });
}

class DialledWebSocket implements Transport {
  readonly channel: TlsChannel | undefined;
  readonly #webSocket: WebSocket;
  readonly #serializer: Serializer;
  #reason: string | undefined = undefined;
  #maxLength = Number.POSITIVE_INFINITY;
  readonly #ticker = new ClientTicker();
  /** Ticks since anything arrived. */
  #silence = 0;
  #waitForRoom: (() => void)[] = [];

  constructor(webSocket: WebSocket, serializer: Serializer, receiver: Receiver, channel: TlsChannel | undefined) {
    this.#webSocket = webSocket;
    this.#serializer = serializer;
    this.channel = channel;
    let failure: string | undefined;
    const heard = () => {
      this.#silence = 0;
    };
    webSocket.on("ping", heard);
    webSocket.on("pong", heard);
    this.#ticker.start(() => this.#tick());
    webSocket.on("message", (data: Buffer, isBinary: boolean) => {
      this.#silence = 0;
      if (this.#reason !== undefined) return;
      let message: Message;
      try {
        if (isBinary !== (serializer.frame === "binary"))
          throw new ProtocolError("FRAMING", `the router sent a ${isBinary ? "binary" : "text"} frame on wamp.2.${serializer.name}`);
        message = serializer.decode(data);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        receiver.violated(error);
        return;
      }
      receiver.receive(message);
    });
    webSocket.on("error", (error: Error & { code?: string }) => {
      failure = errorCloseReason(error);
    });
    webSocket.on("close", (code) => {
      this.#ticker.closed();
      this.#tellRoom();
      receiver.lost(this.#reason ?? failure ?? webSocketCloseReason(code));
    });
  }

  send(message: Message): SendOutcome {
    if (this.#webSocket.readyState !== WebSocket.OPEN) return "closed";
    try {
      const bytes = this.#serializer.encode(message);
      if (bytes.length > this.#maxLength) return "too-large";
      this.#webSocket.send(bytes, { binary: this.#serializer.frame === "binary" }, this.#written);
    } catch (error) {
      if (error instanceof SerializationError) return "unserializable";
      throw error;
    }
    return "sent";
  }

  limitTo(length: number): void {
    this.#maxLength = length;
  }

  drained(): Promise<void> | undefined {
    if (this.#webSocket.readyState !== WebSocket.OPEN || this.#webSocket.bufferedAmount < ROOM) return undefined;
    return new Promise((resolve) => {
      this.#waitForRoom.push(resolve);
    });
  }

  readonly #written = (): void => {
    if (this.#waitForRoom.length > 0 && this.#webSocket.bufferedAmount < ROOM / 2) this.#tellRoom();
  };

  #tellRoom(): void {
    for (const tell of this.#waitForRoom.splice(0)) tell();
  }

  /** [G7] As `Connection.tick`, by ticks: time in which the program did not run does not count. */
  #tick(): void {
    const { pingIntervalMs, pingTimeoutMs } = DEFAULT_CONNECTION_LIMITS;
    if (this.#webSocket.readyState !== WebSocket.OPEN) return;
    this.#silence += TICK_MS;
    if (this.#silence === pingIntervalMs) this.#webSocket.ping();
    else if (this.#silence >= pingIntervalMs + pingTimeoutMs) {
      this.#reason ??= CloseReason.pingTimeout;
      this.#webSocket.terminate();
    }
  }

  close(reason: string): void {
    this.#reason ??= reason;
    this.#webSocket.close(1000, closeReason(reason));
  }
}

function dialError(url: string, error: Error & { code?: string }): DialError {
  const code = error.code ?? "UNKNOWN";
  const where = url.split("?", 1)[0] ?? url;
  if (code === "EPROTO" || code.startsWith("ERR_SSL")) {
    return new DialError(
      code,
      `${where} does not speak TLS; use ${url.startsWith("wss:") ? "ws://" : "tcp://"} for a port without it`,
      error,
    );
  }
  const texts: Record<string, string> = {
    ECONNREFUSED: `nothing listens on ${where}; start a router there, or check ${/^(ws\+)?unix:/.test(url) ? "the path" : "host and port"}`,
    ENOENT: `there is no socket at ${where}; check the path, or start a router there`,
    EACCES: `no permission to use the socket ${where}; ask its owner to set its mode or group`,
    ENOTFOUND: `the host of ${where} is not known`,
    ECONNRESET: `${where} closed the connection during the handshake; check that it speaks ${url.startsWith("ws") ? "WebSocket" : "RawSocket"}${/^(wss|tls):/.test(url) ? " with TLS" : " without TLS"}`,
    DEPTH_ZERO_SELF_SIGNED_CERT: `${where} shows a self-signed certificate; pass it as a trusted one (option tls.ca)`,
    SELF_SIGNED_CERT_IN_CHAIN: `${where} shows a certificate of an unknown authority; pass the authority's as a trusted one (option tls.ca)`,
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${where} shows a certificate of an unknown authority; pass the authority's as a trusted one (option tls.ca)`,
    CERT_HAS_EXPIRED: `the certificate of ${where} has expired`,
    ERR_TLS_CERT_ALTNAME_INVALID: `the certificate of ${where} is for another host`,
  };
  return new DialError(code, texts[code] ?? `cannot connect to ${where}: ${error.message}`, error);
}

const MAX_LENGTH = 1 << 24;
const TIMEOUT_MS = 10_000;
const LONGEST_TIMER = 0x7fffffff; // longer ones go off at once
const TICK_MS = 1_000;
const CLIENT_QUEUE = 1 << 28;
/** Bytes in the queue from which on whoever sends much is asked to wait, until half of them are left. */
const ROOM = 1 << 20;
