import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ProtocolError } from "../error.ts";
import { FrameParser, type FrameType, MAX_FRAME_LENGTH, writeFrameHead } from "./rawsocket-frame.ts";
import { announceableLength, decodeReply, decodeRequest, encodeHandshake, encodeRefusal, HandshakeError } from "./rawsocket-handshake.ts";

const octets = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("handshake", () => {
  test("octets of the specification (9.3)", () => {
    expect(hex(encodeHandshake({ serializer: 1, maxLength: 2 ** 24 }))).toBe("7ff10000");
    expect(hex(encodeHandshake({ serializer: 2, maxLength: 2 ** 24 }))).toBe("7ff20000");
    expect(hex(encodeHandshake({ serializer: 3, maxLength: 512 }))).toBe("7f030000");
    expect(hex(encodeRefusal(HandshakeError.serializerUnsupported))).toBe("7f100000");
    expect(hex(encodeRefusal(HandshakeError.tooManyConnections))).toBe("7f400000");
  });
  test("reads every length that can be asked for", () => {
    for (let exponent = 0; exponent < 16; exponent++)
      expect(decodeRequest(Uint8Array.of(0x7f, (exponent << 4) | 2, 0, 0))).toEqual({ serializer: 2, maxLength: 2 ** (9 + exponent) });
  });
  test("announces no more than the limit", () => {
    expect([511, 512, 1023, 1024, 1_000_000, 2 ** 24, 2 ** 30].map(announceableLength)).toEqual([
      512,
      512,
      512,
      1024,
      2 ** 19,
      2 ** 24,
      2 ** 24,
    ]);
  });
  test("refuses reserved bits with error 3 (TRN-RAW-03)", () => {
    expect(decodeRequest(octets("7ff10001"))).toBe(HandshakeError.reservedBits);
    expect(decodeRequest(octets("7ff10100"))).toBe(HandshakeError.reservedBits);
  });
  test.each(["7ff00000", "00f10000", "47455420"])("fails the connection for %s (TRN-RAW-02, TRN-RAW-04)", (request) => {
    expect(() => decodeRequest(octets(request))).toThrow(ProtocolError);
  });
  test("a client takes the echo of its serializer only (TRN-RAW-05)", () => {
    const request = { serializer: 2, maxLength: 2 ** 24 };
    expect(decodeReply(octets("7f520000"), request)).toEqual({ serializer: 2, maxLength: 2 ** 14 });
    for (const reply of ["7f510000", "00520000", "7f520001"]) expect(() => decodeReply(octets(reply), request)).toThrow(ProtocolError);
  });
  test.each([
    ["7f100000", /does not support the serializer/],
    ["7f200000", /maximum message length/],
    ["7f300000", /reserved bits/],
    ["7f400000", /number of connections/],
    ["7f900000", /error code 9/],
  ])("a client says why it was refused: %s", (reply, reason) => {
    expect(() => decodeReply(octets(reply), { serializer: 1, maxLength: 512 })).toThrow(reason);
  });
});

describe("frames", () => {
  const frame = (type: number, payload: Uint8Array) => {
    const bytes = new Uint8Array(4 + payload.length);
    writeFrameHead(bytes, 0, type as FrameType, payload.length);
    bytes.set(payload, 4);
    return bytes;
  };
  const parse = (chunks: readonly Uint8Array[], maxLength = MAX_FRAME_LENGTH) => {
    const frames: [number, string][] = [];
    const parser = new FrameParser(maxLength);
    const take = {
      frame: (type: number, bytes: Uint8Array, start: number, end: number) => void frames.push([type, hex(bytes.subarray(start, end))]),
    };
    for (const chunk of chunks) parser.push(chunk, take);
    return frames;
  };

  test("are the same whole, split anywhere and byte by byte (TRN-RAW-13)", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.uint8Array({ maxLength: 20 })), { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 5 }),
        (frames, cuts) => {
          const stream = Uint8Array.from(frames.flatMap(([type, payload]) => [...frame(type, payload)]));
          const expected = frames.map(([type, payload]) => [type, hex(payload)]);
          const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
          expect(parse([stream])).toEqual(expected);
          expect(parse(places.slice(1).map((end, i) => stream.subarray(places[i], end)))).toEqual(expected);
          expect(parse([...stream].map((byte) => Uint8Array.of(byte)))).toEqual(expected);
        },
      ),
    );
  });
  test("are the same where each one pauses and what is kept is pushed again, even behind another chunk", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 6 }), fc.nat(), (payloads, cut) => {
        const stream = Uint8Array.from(payloads.flatMap((payload) => [...frame(0, payload)]));
        const heard: string[] = [];
        const parser = new FrameParser(100);
        const take = {
          frame(_type: FrameType, bytes: Uint8Array, start: number, end: number) {
            heard.push(hex(bytes.subarray(start, end)));
            parser.pause();
          },
        };
        const place = cut % (stream.length + 1);
        parser.push(stream.subarray(0, place), take);
        expect(heard.length).toBeLessThanOrEqual(1);
        parser.push(stream.subarray(place), take);
        for (let rest = parser.resume(); rest !== undefined; rest = parser.resume()) {
          const before = heard.length;
          parser.push(rest, take);
          expect(heard.length - before).toBeLessThanOrEqual(1);
        }
        expect(heard).toEqual(payloads.map(hex));
      }),
    );
  });
  test("a frame of 2^24 octets has the 25th bit set (AMB-118)", () => {
    const longest = frame(0, new Uint8Array(MAX_FRAME_LENGTH));
    expect(hex(longest.subarray(0, 4))).toBe("08000000");
    const parser = new FrameParser(MAX_FRAME_LENGTH);
    let length = 0;
    const take = {
      frame(_type: FrameType, _bytes: Uint8Array, start: number, end: number) {
        length = end - start;
      },
    };
    parser.push(longest.subarray(0, 1000), take);
    parser.push(longest.subarray(1000), take);
    expect(length).toBe(MAX_FRAME_LENGTH);
    expect(hex(frame(0, new Uint8Array(MAX_FRAME_LENGTH - 1)).subarray(0, 4))).toBe("00ffffff");
  });
  test.each([
    ["reserved bits (TRN-RAW-09)", "10000001"],
    ["a reserved type (TRN-RAW-09)", "03000001"],
    ["the 25th bit with others (TRN-RAW-12)", "08000001"],
    ["a length beyond the announced one (TRN-RAW-08)", "00000201"],
  ])("%s fail the connection, at the head already", (_name, head) => {
    expect(() => parse([octets(head)], 512)).toThrow(ProtocolError);
    expect(() =>
      parse(
        [...octets(head)].map((byte) => Uint8Array.of(byte)),
        512,
      ),
    ).toThrow(ProtocolError);
  });
});
