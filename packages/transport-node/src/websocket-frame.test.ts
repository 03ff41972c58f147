import { ProtocolError } from "@junctor/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WebSocketFrameParser, type WebSocketHandler } from "./websocket-frame.ts";

const FIN = 0x80;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

interface Frame {
  /** FIN, reserved bits and opcode. */
  readonly first: number;
  readonly payload: Uint8Array;
  readonly mask?: readonly number[];
}

/** The plain version: RFC 6455, 5.2, octet by octet. */
function encode({ first, payload, mask = [0x37, 0xfa, 0x21, 0x3d] }: Frame): number[] {
  const { length } = payload;
  const size = length < 126 ? [length] : length < 0x10000 ? [126, length >> 8, length & 0xff] : [127, 0, 0, 0, 0, ...octets(length)];
  const [short = 0, ...rest] = size;
  return [first, 0x80 | short, ...rest, ...mask, ...Array.from(payload, (octet, i) => octet ^ (mask[i % 4] ?? 0))];
}

const octets = (value: number) => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** What a handler hears of a stream that comes in these chunks. */
function parse(chunks: Iterable<Uint8Array>, maxLength = 1 << 20, maxFragments = 4): string[] {
  const heard: string[] = [];
  const handler: WebSocketHandler = {
    message: (bytes, start, end, isBinary) => void heard.push(`${isBinary ? "binary" : "text"} ${hex(bytes.subarray(start, end))}`),
    pinged: (payload) => void heard.push(`ping ${hex(payload)}`),
    ponged: () => void heard.push("pong"),
    closed: (status, payload) => void heard.push(`close ${status} ${hex(payload)}`),
  };
  const parser = new WebSocketFrameParser(maxLength, maxFragments);
  for (const chunk of chunks) parser.push(chunk, handler);
  return heard;
}

// The parser unmasks in place: each reading of a stream gets a copy, at any place in a larger buffer, as sockets give it.
function* cut(stream: readonly number[], places: readonly number[], padding = 0): Iterable<Uint8Array> {
  const ends = [...places, stream.length];
  for (const [i, end] of ends.entries()) {
    const chunk = stream.slice(i === 0 ? 0 : ends[i - 1], end);
    yield Buffer.from([...new Array<number>(padding).fill(0), ...chunk, 0xff]).subarray(padding, padding + chunk.length);
  }
}

const mask = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 });
// Each length takes another way of unmasking, from any alignment.
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 60, maxLength: 140 }),
  fc.uint8Array({ minLength: 500, maxLength: 700 }),
);
const control = fc.record({ first: fc.constantFrom(FIN | PING, FIN | PONG), payload: fc.uint8Array({ maxLength: 125 }), mask });

/** A message in up to four frames, with control frames between them, and what is heard of it. */
const message = fc
  .record({
    isBinary: fc.boolean(),
    parts: fc.array(fc.record({ payload, mask, before: fc.array(control, { maxLength: 1 }) }), { minLength: 1, maxLength: 4 }),
  })
  .map(({ isBinary, parts }) => {
    const frames: Frame[] = [];
    const heard: string[] = [];
    for (const [i, part] of parts.entries()) {
      for (const frame of part.before) {
        frames.push(frame);
        heard.push(frame.first === (FIN | PING) ? `ping ${hex(frame.payload)}` : "pong");
      }
      const opcode = i > 0 ? 0 : isBinary ? BINARY : TEXT;
      frames.push({ first: (i === parts.length - 1 ? FIN : 0) | opcode, payload: part.payload, mask: part.mask });
    }
    heard.push(`${isBinary ? "binary" : "text"} ${parts.map((part) => hex(part.payload)).join("")}`);
    return { frames, heard };
  });

describe("frames from a client (RFC 6455, 5)", () => {
  test("are heard as they were sent: whole, cut anywhere, byte by byte, at any alignment", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 3 }), fc.array(fc.nat(), { maxLength: 5 }), fc.nat(3), (messages, cuts, padding) => {
        const stream = messages.flatMap(({ frames }) => frames.flatMap(encode));
        const expected = messages.flatMap(({ heard }) => heard);
        const places = cuts.map((place) => place % (stream.length + 1)).sort((a, b) => a - b);
        expect(parse(cut(stream, [], padding))).toEqual(expected);
        expect(parse(cut(stream, places, padding))).toEqual(expected);
        if (stream.length < 2_000) expect(parse(stream.map((octet) => Uint8Array.of(octet)))).toEqual(expected);
      }),
    );
  });

  test.each([125, 126, 0xffff, 0x10000])("may hold %i bytes", (length) => {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
    const stream = encode({ first: FIN | BINARY, payload: bytes });
    expect(parse(cut(stream, []))).toEqual([`binary ${hex(bytes)}`]);
    expect(parse(cut(stream, [3, 9, length >> 1]))).toEqual([`binary ${hex(bytes)}`]);
  });

  test("leave what was handed on as it was: the bytes of a message do not change when the next ones come", () => {
    const kept: Uint8Array[] = [];
    const parser = new WebSocketFrameParser(1_000, 4);
    const handler: WebSocketHandler = {
      message: (bytes, start, end) => void kept.push(bytes.subarray(start, end)),
      pinged: () => {},
      ponged: () => {},
      closed: () => {},
    };
    const stream = ["one", "two", "three"].flatMap((text) => encode({ first: FIN | TEXT, payload: Buffer.from(text) }));
    for (const chunk of cut(stream, [12])) parser.push(chunk, handler);
    expect(kept.map((bytes) => Buffer.from(bytes).toString())).toEqual(["one", "two", "three"]);
  });

  test("are heard as they were sent where each one pauses and what is kept is pushed again, even behind another chunk", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 3 }), fc.nat(), (messages, place) => {
        const stream = messages.flatMap(({ frames }) => frames.flatMap(encode));
        const heard: string[] = [];
        const parser = new WebSocketFrameParser(1 << 20, 4);
        const hear = (what: string) => {
          heard.push(what);
          parser.pause();
        };
        const handler: WebSocketHandler = {
          message: (bytes, start, end, isBinary) => hear(`${isBinary ? "binary" : "text"} ${hex(bytes.subarray(start, end))}`),
          pinged: (payload) => hear(`ping ${hex(payload)}`),
          ponged: () => hear("pong"),
          closed: () => {},
        };
        for (const chunk of cut(stream, [place % (stream.length + 1)])) parser.push(chunk, handler);
        expect(heard.length).toBeLessThanOrEqual(1);
        for (let rest = parser.resume(); rest !== undefined; rest = parser.resume()) {
          const before = heard.length;
          parser.push(rest, handler);
          expect(heard.length - before).toBeLessThanOrEqual(1);
        }
        expect(heard).toEqual(messages.flatMap((sent) => sent.heard));
      }),
    );
  });

  test("after CLOSE are not heard any more", () => {
    const stream = [
      encode({ first: FIN | CLOSE, payload: Uint8Array.of(3, 232, 0x6f, 0x6b) }),
      encode({ first: FIN | TEXT, payload: Buffer.from("late") }),
    ];
    expect(parse(cut(stream.flat(), []))).toEqual(["close 1000 03e86f6b"]);
    expect(parse(cut(stream.flat(), [10]))).toEqual(["close 1000 03e86f6b"]);
  });

  test("CLOSE without a status is heard as 1005", () => {
    expect(parse(cut(encode({ first: FIN | CLOSE, payload: new Uint8Array(0) }), []))).toEqual(["close 1005 "]);
  });
});

describe("what fails the connection", () => {
  const none = new Uint8Array(0);
  const cases: [string, number[], string][] = [
    ["a reserved bit", encode({ first: 0x40 | FIN | TEXT, payload: none }), "FRAMING"],
    ["a frame without a mask", [FIN | TEXT, 0], "FRAMING"],
    ["an unknown opcode", encode({ first: FIN | 3, payload: none }), "FRAMING"],
    ["an unknown control opcode", encode({ first: FIN | 11, payload: none }), "FRAMING"],
    ["a fragmented control frame", encode({ first: PING, payload: none }), "FRAMING"],
    ["a control frame of 126 bytes", encode({ first: FIN | PING, payload: new Uint8Array(126) }), "FRAMING"],
    ["a continuation of nothing", encode({ first: FIN, payload: none }), "FRAMING"],
    ["a message inside a message", [TEXT, FIN | TEXT].flatMap((first) => encode({ first, payload: none })), "FRAMING"],
    ["CLOSE with half a status", encode({ first: FIN | CLOSE, payload: Uint8Array.of(3) }), "FRAMING"],
    ...[999, 1004, 1005, 1006, 1015, 2999, 5000].map((status): [string, number[], string] => [
      `CLOSE with status ${status}`,
      encode({ first: FIN | CLOSE, payload: Uint8Array.of(status >> 8, status & 0xff) }),
      "FRAMING",
    ]),
    ["CLOSE whose reason is no UTF-8", encode({ first: FIN | CLOSE, payload: Uint8Array.of(3, 232, 0xff) }), "MALFORMED_BYTES"],
    ["a message over the limit", encode({ first: FIN | TEXT, payload: new Uint8Array(1001) }), "TOO_LARGE"],
    ["fragments over the limit together", [TEXT, 0].flatMap((first) => encode({ first, payload: new Uint8Array(501) })), "TOO_LARGE"],
    ["more fragments than allowed", [TEXT, 0, 0, 0, 0].flatMap((first) => encode({ first, payload: none })), "TOO_LARGE"],
    ["2^63 bytes announced", [FIN | TEXT, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], "TOO_LARGE"],
  ];
  test.each(cases)("%s", (_name, stream, code) => {
    const whole = () => parse(cut(stream, []), 1_000);
    const bytewise = () =>
      parse(
        stream.map((octet) => Uint8Array.of(octet)),
        1_000,
      );
    for (const reading of [whole, bytewise]) expect(reading).toThrow(expect.objectContaining({ name: "ProtocolError", code }));
  });

  test("too long a message does so at its head, before any of it has arrived (T18)", () => {
    expect(() => parse([Uint8Array.of(FIN | TEXT, 0x80 | 126, 0x03, 0xe9)], 1_000)).toThrow(ProtocolError);
    expect(() => parse([Uint8Array.of(FIN | TEXT, 0x80 | 126, 0x03, 0xe8)], 1_000)).not.toThrow();
  });

  test("a limit that was raised between messages counts for the next one", () => {
    const parser = new WebSocketFrameParser(2, 1);
    const heard: number[] = [];
    const handler: WebSocketHandler = {
      message: (_bytes, start, end) => void heard.push(end - start),
      pinged() {},
      ponged() {},
      closed() {},
    };
    parser.push(Uint8Array.from(encode({ first: FIN | TEXT, payload: new Uint8Array(2) })), handler);
    parser.maxLength = 3;
    parser.push(Uint8Array.from(encode({ first: FIN | TEXT, payload: new Uint8Array(3) })), handler);
    expect(heard).toEqual([2, 3]);
  });
});
