// The transport of browsers, over a WebSocket that does what the test says (requirements 9.1).
import { webSocket } from "@junctor/client";
import { type Message, MessageType, NO_OPTIONS, Payload, type ProtocolError } from "@junctor/protocol";
import { failure, Inbox } from "@junctor/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

class FakeWebSocket {
  static last: FakeWebSocket;
  binaryType = "blob";
  protocol = "";
  readyState = 0;
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: unknown[] = [];
  readonly closed: unknown[] = [];
  readonly url: string;
  readonly protocols: string[];

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
    FakeWebSocket.last = this;
  }

  open(protocol: string): void {
    this.protocol = protocol;
    this.readyState = 1;
    this.onopen?.();
  }

  send(data: unknown): void {
    this.sent.push(data);
  }

  close(...args: unknown[]): void {
    this.readyState = 2;
    this.closed.push(args);
  }
}

beforeEach(() => {
  vi.stubGlobal("WebSocket", FakeWebSocket);
  vi.useFakeTimers();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function dialling(timeout?: number, signal?: AbortSignal) {
  const received = new Inbox<Message>();
  const violations = new Inbox<ProtocolError>();
  const lost = new Inbox<string>();
  const receiver = {
    receive: (message: Message) => received.push(message),
    violated: (error: ProtocolError) => violations.push(error),
    lost: (reason: string) => lost.push(reason),
  };
  const dialled = webSocket("ws://router.example/ws", undefined, timeout)(receiver, signal);
  dialled.catch(() => {});
  return { dialled, socket: FakeWebSocket.last, received, violations, lost };
}

async function opened() {
  const { dialled, socket, ...rest } = dialling();
  socket.open("wamp.2.json");
  return { transport: await dialled, socket, ...rest };
}

const call = (args: readonly unknown[]): Message => ({
  type: MessageType.Call,
  request: 1,
  options: NO_OPTIONS,
  procedure: "com.x",
  payload: Payload.of(args),
});

test("a connection that does not open in time is given up", async () => {
  const { dialled, socket } = dialling(500);
  vi.advanceTimersByTime(500);
  expect(await failure(dialled)).toMatchObject({ name: "TransportError", message: expect.stringContaining("within 500 ms") });
  expect(socket.closed).toHaveLength(1);
  socket.open("wamp.2.json"); // too late
  expect(vi.getTimerCount()).toBe(0);
});

test("a connection that opened has no time-out any more; 0 waits for ever", async () => {
  const { transport } = await opened();
  expect(vi.getTimerCount()).toBe(0);
  expect(transport.send(call([]))).toBe("sent");
  dialling(0);
  expect(vi.getTimerCount()).toBe(0);
});

test("a signal ends the attempt, before it begins or while it lasts", async () => {
  const before = FakeWebSocket.last;
  expect(await failure(dialling(500, AbortSignal.abort("before")).dialled)).toBe("before");
  expect(FakeWebSocket.last).toBe(before);
  const button = new AbortController();
  const { dialled, socket } = dialling(500, button.signal);
  button.abort("enough");
  expect(await failure(dialled)).toBe("enough");
  expect([socket.closed.length, vi.getTimerCount()]).toEqual([1, 0]);
});

test("a connection that is refused, or chooses no subprotocol of ours, is an error that says so (TRN-WS-02)", async () => {
  const refused = dialling();
  refused.socket.onclose?.({ code: 1006, reason: "" });
  expect(await failure(refused.dialled)).toMatchObject({ message: expect.stringContaining("refused or closed (code 1006)") });
  const strange = dialling();
  strange.socket.open("");
  expect(await failure(strange.dialled)).toMatchObject({ message: expect.stringContaining("chose no WAMP subprotocol") });
  expect(() => webSocket("tcp://router.example:8080")).toThrow("a browser connects to ws:// and wss://");
});

test("a message is a text frame; a binary one, or nonsense, breaks the protocol (TRN-WS-03)", async () => {
  const { socket, received, violations } = await opened();
  socket.onmessage?.({ data: '[50,1,{},["ü"]]' });
  expect(await received.next()).toMatchObject({ type: MessageType.Result, payload: { args: ["ü"] } });
  socket.onmessage?.({ data: new ArrayBuffer(2) });
  socket.onmessage?.({ data: "[50," });
  expect([(await violations.next()).code, (await violations.next()).code]).toEqual(["FRAMING", expect.stringMatching(/^MALFORMED/)]);
});

test("what cannot be sent is told, and sends nothing: without a form, too long, after the end (AMB-67)", async () => {
  const { transport, socket, lost } = await opened();
  const cycle: unknown[] = [];
  cycle.push(cycle);
  expect(transport.send(call(cycle))).toBe("unserializable");
  transport.limitTo?.(100);
  expect(transport.send(call(["x".repeat(100)]))).toBe("too-large");
  expect(transport.send(call(["x"]))).toBe("sent");
  expect(socket.sent).toEqual(['[48,1,{},"com.x",["x"]]']);
  transport.close("wamp.close.normal");
  expect(transport.send(call([]))).toBe("closed");
  socket.onclose?.({ code: 1000, reason: "" });
  expect(await lost.next()).toBe("wamp.close.normal");
});

test("a connection that is lost has the reason that its status stands for", async () => {
  const { socket, lost } = await opened();
  socket.onclose?.({ code: 1006, reason: "" });
  expect(await lost.next()).toBe("transport.lost");
});

test("whoever sends much waits until the browser has sent enough of it, or the connection is gone", async () => {
  const { transport, socket } = await opened();
  expect(transport.drained?.()).toBeUndefined();
  socket.bufferedAmount = 2 << 20;
  let hasRoom = false;
  void transport.drained?.()?.then(() => {
    hasRoom = true;
  });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(hasRoom).toBe(false);
  socket.bufferedAmount = 0;
  await vi.advanceTimersByTimeAsync(100);
  expect(hasRoom).toBe(true);
  socket.bufferedAmount = 2 << 20;
  const waiting = transport.drained?.();
  socket.readyState = 3;
  await vi.advanceTimersByTimeAsync(100);
  await waiting;
});
