import { arbitrary, plain, tidy } from "@junctor/testkit";
import { decode as cborgDecode, encode as cborgEncode } from "cborg";
import fc from "fast-check";
import { Packr, Unpackr } from "msgpackr";
import { describe, expect, test } from "vitest";
import { ProtocolError, SerializationError } from "../error.ts";
import type { Message } from "../message/message.ts";
import { Payload } from "../message/payload.ts";
import { MessageType } from "../message/type.ts";
import { CborSerializer } from "./cbor.ts";
import { JsonSerializer } from "./json.ts";
import { MsgpackSerializer } from "./msgpack.ts";
import type { Serializer } from "./serializer.ts";

const json = new JsonSerializer();
const msgpack = new MsgpackSerializer();
const cbor = new CborSerializer();
const serializers: readonly Serializer[] = [json, msgpack, cbor];
const utf8 = new TextEncoder();
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const decodeJson = (text: string) => json.decode(utf8.encode(text));

/** As a router does: in one format, through its bytes, out in another. */
function transcode(payload: Payload, from: Serializer, to: Serializer): Payload {
  const bytes = payload.length === 0 ? new Uint8Array(0) : payload.bytes(from);
  return Payload.encoded(
    to,
    Payload.encoded(from, bytes, 0, bytes.length, payload.length).bytes(to),
    0,
    Payload.encoded(from, bytes, 0, bytes.length, payload.length).bytes(to).length,
    payload.length,
  );
}

describe.each(serializers)("$name", (serializer) => {
  test.each(Object.entries(arbitrary.messages))("%s survives encoding and decoding (SER-12)", (_name, messages) => {
    fc.assert(
      fc.property(messages as fc.Arbitrary<Message>, (message) => {
        expect(plain(serializer.decode(serializer.encode(message)))).toEqual(plain(message));
      }),
      { numRuns: 100 },
    );
  });

  test("encodes the message that it decoded to the same bytes", () => {
    fc.assert(
      fc.property(arbitrary.anyMessage, (message) => {
        const bytes = serializer.encode(message);
        expect(serializer.encode(serializer.decode(bytes))).toEqual(bytes);
      }),
    );
  });

  test("gives a message or a ProtocolError for any bytes, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          serializer.decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test("refuses every truncation of a message, and anything behind it", () => {
    fc.assert(
      fc.property(arbitrary.anyMessage, fc.nat(), (message, cut) => {
        const bytes = serializer.encode(message);
        expect(() => serializer.decode(bytes.subarray(0, cut % bytes.length))).toThrow(ProtocolError);
        expect(() => serializer.decode(Uint8Array.of(...bytes, 0x01))).toThrow(ProtocolError);
      }),
    );
  });

  test("reads a message wherever it lies in its buffer", () => {
    const message = serializer.encode({
      type: MessageType.Yield,
      request: 7,
      options: {},
      payload: Payload.of(["é".repeat(3) + "x".repeat(500)]),
    } as Message);
    for (let offset = 0; offset < 9; offset++) {
      const room = new Uint8Array(message.length + 16).fill(0xff);
      room.set(message, offset);
      expect(plain(serializer.decode(room.subarray(offset, offset + message.length)))).toEqual(plain(serializer.decode(message)));
      expect(plain(serializer.decode(room, offset, offset + message.length))).toEqual(plain(serializer.decode(message)));
    }
  });

  test("writes values behind the bytes of another message without touching them, however little room there is", () => {
    for (const size of [0, 1, 5, 30, 1000]) {
      const message = {
        type: MessageType.Publish,
        request: 1,
        options: { acknowledge: true },
        topic: "com.é.x",
        payload: Payload.of(["a".repeat(40)], { k: 1 }),
      } as Message;
      expect(serializer.decode(serializer.encode(message)).type, `${size}`).toBe(MessageType.Publish);
    }
  });

  test("keeps `__proto__` an ordinary key (T19)", () => {
    const kwargs = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}') as Record<string, unknown>;
    const { payload } = serializer.decode(
      serializer.encode({ type: MessageType.Yield, request: 1, options: {}, payload: Payload.of([], kwargs) } as Message),
    ) as Extract<Message, { type: 70 }>;
    expect(Object.keys(payload.kwargs ?? {})).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(payload.kwargs)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  test("refuses a value that contains itself, with a clear error", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => serializer.encode({ type: MessageType.Yield, request: 1, options: {}, payload: Payload.of([cycle]) } as Message)).toThrow(
      SerializationError,
    );
  });

  test.each<[string, unknown]>([
    ["a function", () => 1],
    ["a symbol", Symbol("x")],
    ["a function in a list", [() => 1]],
    [
      "a getter that throws",
      {
        get x(): never {
          throw new Error("no");
        },
      },
    ],
  ])("refuses %s among the arguments", (_what, value) => {
    expect(() => Payload.of([value]).bytes(serializer)).toThrow(SerializationError);
  });

  test("writes an object's own data, without its functions, as JSON does", () => {
    const values = [{ a: 1, f: () => 1, s: Symbol("x"), u: undefined }, new Set([1]), new Error("x"), undefined, new Map([["k", 1]])];
    const bytes = Payload.of(values).bytes(serializer);
    expect(Payload.encoded(serializer, bytes, 0, bytes.length, 1).args).toEqual([{ a: 1 }, {}, {}, null, { k: 1 }]);
  });

  test("takes 32 levels of nesting and refuses 33 (T17)", () => {
    const nested = (levels: number) => {
      let value: unknown = 1;
      for (let i = 0; i < levels; i++) value = [value];
      return value as unknown[];
    };
    // The message list and Args are two of the levels.
    const encode = (levels: number) => {
      const writer = serializer.valueWriter();
      for (let i = 0; i < levels; i++) writer.listStart(1);
      writer.int(1);
      for (let i = 0; i < levels; i++) writer.listEnd();
      const tail = writer.finish();
      return serializer.encode({
        type: MessageType.Yield,
        request: 1,
        options: {},
        payload: Payload.encoded(serializer, tail, 0, tail.length, 1),
      } as Message);
    };
    expect((serializer.decode(encode(31)) as Extract<Message, { type: 70 }>).payload.args).toEqual(nested(31));
    expect(() => serializer.decode(encode(32))).toThrow(expect.objectContaining({ code: "TOO_DEEP" }));
    expect(() => serializer.decode(encode(100_000))).toThrow(expect.objectContaining({ code: "TOO_DEEP" }));
  });
});

test("transcoding JSON → CBOR → MessagePack → JSON keeps every value (SER-10)", () => {
  fc.assert(
    fc.property(arbitrary.payload, (payload) => {
      const first =
        payload.length === 0 ? payload : Payload.encoded(json, payload.bytes(json), 0, payload.bytes(json).length, payload.length);
      const last = payload.length === 0 ? payload : transcode(transcode(transcode(payload, json, cbor), cbor, msgpack), msgpack, json);
      expect(Buffer.from(last.length === 0 ? [] : last.bytes(json)).toString()).toBe(
        Buffer.from(first.length === 0 ? [] : first.bytes(json)).toString(),
      );
      expect(tidy([last.args, last.kwargs])).toEqual(tidy([payload.args, payload.kwargs]));
    }),
    { numRuns: 500 },
  );
});

describe("numbers", () => {
  const through = (tail: string, from: Serializer, to: Serializer) => {
    const bytes = from === json ? utf8.encode(tail) : hex(tail);
    const made = Payload.encoded(from, bytes, 0, bytes.length, 1).bytes(to);
    return to === json ? Buffer.from(made).toString() : Buffer.from(made).toString("hex");
  };

  test("a float without a fraction stays a float (AMB-31)", () => {
    expect(through("[1.0,1,-0.0]", json, cbor)).toBe("83fb3ff000000000000001fb8000000000000000");
    expect(through("[1.0,1]", json, msgpack)).toBe("92cb3ff000000000000001");
    expect(through("92cb3ff000000000000001", msgpack, json)).toBe("[1.0,1]");
    expect(through("82f93c0001", cbor, json)).toBe("[1.0,1]");
    expect(through("82fb3ff000000000000001", cbor, msgpack)).toBe("92cb3ff000000000000001");
  });

  test("64-bit integers are exact between MessagePack and CBOR", () => {
    expect(through("92cfffffffffffffffffd38000000000000000", msgpack, cbor)).toBe("821bffffffffffffffff3b7fffffffffffffff");
    expect(through("821bffffffffffffffff3b7fffffffffffffff", cbor, msgpack)).toBe("92cfffffffffffffffffd38000000000000000");
    expect(through("91cf0020000000000001", msgpack, json)).toBe("[9007199254740993]");
    expect(through("[9007199254740993,-9007199254740993]", json, cbor)).toBe("821b00200000000000013b0020000000000000");
  });

  test("what a format cannot hold is refused: integers beyond 64 bits in MessagePack (AMB-32)", () => {
    expect(() => through("[18446744073709551616]", json, msgpack)).toThrow(SerializationError);
    expect(through("[18446744073709551616]", json, cbor)).toBe("81c249010000000000000000");
    expect(through("81c249010000000000000000", cbor, json)).toBe("[18446744073709551616]");
  });

  test("NaN and infinities are null in JSON (AMB-31)", () => {
    expect(through("93cb7ff8000000000000cb7ff0000000000000cbfff0000000000000", msgpack, json)).toBe("[null,null,null]");
    expect(through("83f97e00f97c00f9fc00", cbor, json)).toBe("[null,null,null]");
  });

  test("a number in JSON beyond all doubles is infinite elsewhere, and then null in JSON (AMB-31)", () => {
    expect(through("[1e999,-1e999]", json, msgpack)).toBe("92cb7ff0000000000000cbfff0000000000000");
    expect(through("[1e999]", json, json)).toBe("[1e999]");
  });

  test("large integers reach the application exactly", () => {
    for (const serializer of serializers) {
      const args = [2n ** 63n - 1n, -(2n ** 63n), Number.MAX_SAFE_INTEGER];
      const message = serializer.decode(
        serializer.encode({ type: MessageType.Yield, request: 1, options: {}, payload: Payload.of(args) } as Message),
      );
      expect((message as Extract<Message, { type: 70 }>).payload.args).toEqual(args);
    }
  });
});

describe("half of a surrogate pair", () => {
  const written = String.raw`["\ud83d","\ude00 \ud83d\ude00",{"\udfff":1}]`;

  test("stays between speakers of JSON, and is U+FFFD in the other formats, which have no form for it", () => {
    const bytes = utf8.encode(written);
    const payload = Payload.encoded(json, bytes, 0, bytes.length, 1);
    expect(Buffer.from(payload.bytes(json)).toString()).toBe(written);
    expect(payload.args).toEqual(["\ud83d", "\ude00 😀", { "\udfff": 1 }]);
    for (const other of [msgpack, cbor]) {
      const made = payload.bytes(other);
      expect(Payload.encoded(other, made, 0, made.length, 1).args).toEqual(["\ufffd", "\ufffd 😀", { "\ufffd": 1 }]);
      expect(Payload.of(["\ud83d"]).bytes(other)).toEqual(Payload.of(["\ufffd"]).bytes(other));
    }
    expect(Buffer.from(Payload.of(["\ud83d"]).bytes(json)).toString()).toBe(String.raw`["\ud83d"]`);
  });

  test.each([
    String.raw`[48,1,{},"com.\ud83d"]`,
    String.raw`[48,1,{"x_\ude00":1},"com.a"]`,
    String.raw`[1,"realm1",{"authid":"\ude00\ud83d","roles":{"caller":{}}}]`,
    String.raw`[6,{"message":"\ud83d"},"wamp.close.normal"]`,
  ])("is refused in what the router reads: %s (AMB-19)", (message) => {
    expect(() => json.decode(utf8.encode(message))).toThrow(/surrogate pair/);
    expect(json.decode(utf8.encode(message.replace(/(\\u\w{4})+/, String.raw`\ud83d\ude00`)))).toBeDefined();
  });
});

describe("binary in JSON", () => {
  test("is U+0000 and padded Base64, and is bytes again (SER-07 to SER-09)", () => {
    const message = {
      type: MessageType.Yield,
      request: 1,
      options: {},
      payload: Payload.of([hex("10e3ff9053075c526f5fc06d4fe37cdb"), hex("000102030405060708090a0b0c0d0e0f")]),
    } as Message;
    expect(Buffer.from(json.encode(message)).toString()).toBe(
      '[70,1,{},["\\u0000EOP/kFMHXFJvX8BtT+N82w==","\\u0000AAECAwQFBgcICQoLDA0ODw=="]]',
    );
    expect(plain(json.decode(json.encode(message)))).toEqual(plain(message));
  });

  test("text that starts with U+0000 has no form (AMB-28)", () => {
    const message = { type: MessageType.Yield, request: 1, options: {}, payload: Payload.of(["\u0000x"]) } as Message;
    expect(() => json.encode(message)).toThrow(SerializationError);
    expect(plain(cbor.decode(cbor.encode(message)))).toEqual(plain(message));
  });

  test("missing padding is tolerated, other garbage is not (AMB-29)", () => {
    const args = (text: string) => (decodeJson(`[70,1,{},["\\u0000${text}"]]`) as Extract<Message, { type: 70 }>).payload.args;
    expect(tidy(args("AAE"))).toEqual([{ bytes: [0, 1] }]);
    expect(() => args("A A=")).toThrow(SerializationError);
    expect(() => args("é")).toThrow(SerializationError);
  });

  test("does not apply to keys, URIs and options (AMB-30)", () => {
    const message = decodeJson('[3,{"message":"\\u0000AAA="},"com.x"]') as Extract<Message, { type: 3 }>;
    expect(message.details.message).toBe("\u0000AAA=");
  });
});

describe("types of one format only (AMB-32)", () => {
  const to = (tail: string, from: Serializer) =>
    Buffer.from(Payload.encoded(from, hex(tail), 0, hex(tail).length, 1).bytes(json)).toString();
  test.each([
    ["a MessagePack timestamp of 32 bits", "91d6ff5cf2e1a0", msgpack, '["2019-06-01T20:35:44Z"]'],
    ["a MessagePack timestamp of 64 bits", "91d7ff77359400 5cf2e1a0", msgpack, '["2019-06-01T20:35:44.5Z"]'],
    ["a CBOR date as a number", "81c11a5cf2e1a0", cbor, '["2019-06-01T20:35:44Z"]'],
    ["a CBOR date as text", "81c074323031332d30332d32315432303a30343a30305a", cbor, '["2013-03-21T20:04:00Z"]'],
    ["a CBOR array of bytes, tag 64", "81d84042 0102", cbor, '["\\u0000AQI="]'],
    ["undefined", "81f7", cbor, "[null]"],
    ["undefined, as msgpackr writes it", "91d40000", msgpack, "[null]"],
    ["CBOR lists and text of unknown length", "9f9f01ff7f61616162ffff", cbor, '[[1],"ab"]'],
    ["numbers as keys", "91810105", msgpack, '[{"1":5}]'],
  ])("%s", (_name, tail, from, expected) => {
    expect(to(tail, from)).toBe(expected);
  });

  test("others are refused, but pass through where both sides speak the format", () => {
    expect(() => to("91d4 0100", msgpack)).toThrow(SerializationError);
    expect(() => to("81d9ffff00", cbor)).toThrow(SerializationError);
    const bytes = hex("94 46 01 80 91d40100");
    const message = msgpack.decode(bytes);
    expect(msgpack.encode(message)).toEqual(bytes);
  });

  test("an option that is `undefined` is absent, in MessagePack as well", () => {
    const subscribe = msgpack.decode(hex("94 20 01 82 a56d61746368 d40000 ac6765745f7265746169 6e6564 d40000 a161"));
    expect(subscribe).toMatchObject({ type: 32, request: 1, options: {}, topic: "a" });
  });

  test("extension types and tags are refused in options", () => {
    expect(() => msgpack.decode(hex("93 06 81 a161 d40100 a161"))).toThrow(ProtocolError);
    expect(() => cbor.decode(hex("83 06 a1 6161 c100 6161"))).toThrow(ProtocolError);
  });
});

describe("against other people's codecs", () => {
  const auto: object = { int64AsType: "auto" }; // its types do not know it
  const packr = new Packr({ useRecords: false, moreTypes: false, ...auto });
  const unpackr = new Unpackr({ useRecords: false, ...auto });
  // What they do otherwise: msgpackr renames `__proto__`, cborg makes -0 an integer and 2^53 a bigint.
  const isTame = (value: unknown): boolean =>
    typeof value === "object" && value !== null && !(value instanceof Uint8Array)
      ? Object.entries(value).every(([key, item]) => key !== "__proto__" && isTame(item))
      : !Object.is(value, -0) && Math.abs(Number(value)) !== 2 ** 53;
  const tame = fc.array(arbitrary.value, { maxLength: 6 }).filter(isTame);

  test("msgpackr reads what we write, and we read what it writes (SER-05)", () => {
    fc.assert(
      fc.property(tame, (args) => {
        const tail = Payload.of([args]).bytes(msgpack);
        expect(tidy(unpackr.unpack(tail))).toEqual(tidy([args]));
        const theirs = packr.pack([args]);
        expect(tidy(msgpack.decodeValues(theirs, 0, theirs.length, 1))).toEqual(tidy([[args]]));
      }),
      { numRuns: 300 },
    );
  });

  test("cborg reads what we write, and we read what it writes (SER-06)", () => {
    fc.assert(
      fc.property(tame, (args) => {
        expect(tidy(cborgDecode(Payload.of([args]).bytes(cbor), { allowBigInt: false }))).toEqual(tidy([args]));
        const theirs = cborgEncode([args]);
        expect(tidy(cbor.decodeValues(theirs, 0, theirs.length, 1))).toEqual(tidy([[args]]));
      }),
      { numRuns: 300 },
    );
  });

  test("our JSON reader takes exactly the texts that JSON.parse takes (SER-04)", () => {
    const fragment = fc.constantFrom(
      '"',
      "\\",
      "\\u00",
      "\\ud83d",
      "e",
      "E",
      ".",
      "-",
      "0",
      "01",
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      "tru",
      "null",
      " ",
      "\n",
      "\u0001",
      "é",
      "€",
      "😀",
      "\u007f",
      "x".repeat(40),
      "\t",
    );
    const mutated = fc
      .tuple(fc.json({ maxDepth: 4 }), fc.nat(), fragment, fc.integer({ min: 0, max: 3 }))
      .map(([text, at, insert, drop]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + insert + text.slice(place + drop);
      });
    const strings = fc
      .tuple(fc.nat({ max: 200 }), fragment, fc.nat({ max: 200 }))
      .map(([before, middle, after]) => `"${"a".repeat(before)}${middle}${"b".repeat(after)}"`);
    fc.assert(
      fc.property(fc.oneof(mutated, strings), (text) => {
        let parsed: { value: unknown } | undefined;
        try {
          parsed = { value: JSON.parse(text) };
        } catch {}
        let read: { value: unknown } | undefined;
        try {
          read = { value: (decodeJson(`[70,1,{},[${text}]]`) as Extract<Message, { type: 70 }>).payload.args?.[0] };
        } catch (error) {
          if (!(error instanceof ProtocolError) && !(error instanceof SerializationError)) throw error;
        }
        if (/\\u0000|[0-9]{16}|^\s*$/.test(text) || text.includes("],[")) return; // binary, large integers: ours on purpose
        if (!text.trim().includes(",") || parsed !== undefined) expect(read, text).toEqual(parsed);
      }),
      { numRuns: 20_000 },
    );
  });
});

describe("illegal messages", () => {
  test.each([
    ["an empty list (MSG-01)", "[]"],
    ["no list", "{}"],
    ["an unknown type (MSG-01)", "[99,1]"],
    ["a type that is no integer", '["48",1,{},"a"]'],
    ["a missing element (MSG-07)", "[48,1,{}]"],
    ["a surplus element (AMB-13)", '[48,1,{},"a",[],{},1]'],
    ["Args that are no list", '[48,1,{},"a",{}]'],
    ["Kwargs that are no dict", '[48,1,{},"a",[],[]]'],
    ["options that are no dict", '[48,1,[],"a"]'],
    ["a URI that is no string", "[48,1,{},1]"],
    ["a key that stands twice (MSG-03)", '[48,1,{"timeout":1,"timeout":2},"a"]'],
    ["an escaped key that stands twice", '[48,1,{"timeout":1,"t\\u0069meout":2},"a"]'],
    ["the id 0 (ID-01)", '[48,0,{},"a"]'],
    ["a negative id", '[48,-1,{},"a"]'],
    ["a fractional id (AMB-26)", '[48,1.5,{},"a"]'],
    ["an id of 2^53 + 1 (AMB-21)", '[48,9007199254740993,{},"a"]'],
    ["an id of a hundred digits", `[48,${"9".repeat(100)},{},"a"]`],
    ["roles that are missing (SES-02)", '[1,"realm",{}]'],
    ["roles that are none of a client's (SES-02)", '[1,"realm",{"roles":{"broker":{}}}]'],
    ["an ERROR for a request that knows none (PERR-04)", '[8,17,1,{},"a"]'],
    ["a revocation without details (AMB-131)", "[35,0]"],
    ["details in an answer that is no revocation", "[35,1,{}]"],
    ["bytes behind the message", "[17,1,2] 3"],
    ["a bad escape", '[3,{},"a\\x"]'],
    ["bad UTF-8", '[3,{},"\u00ff"]'],
  ])("%s", (name, text) => {
    const bytes = name === "bad UTF-8" ? Uint8Array.from(Buffer.from(text, "latin1")) : utf8.encode(text);
    expect(() => json.decode(bytes)).toThrow(ProtocolError);
  });

  test.each([
    ["2^53 (AMB-21)", '[48,9007199254740992,{},"a"]', 9007199254740992],
    ["1.0 (AMB-26)", '[48,1.0,{},"a"]', 1],
    ["1e3", '[48,1e3,{},"a"]', 1000],
    ["white space everywhere (SER-13)", ' [ 48 , 7 , { } , "a" , [ ] ] ', 7],
  ])("the id %s is legal", (_name, text, request) => {
    expect(decodeJson(text)).toMatchObject({ request });
  });

  test("null for Args or Kwargs is absent (AMB-14), and for an option too (AMB-12)", () => {
    expect(plain(decodeJson('[48,1,{"timeout":null},"a",null,null]'))).toMatchObject({ options: {}, length: 0 });
    expect(plain(decodeJson('[48,1,{},"a",[1],null]'))).toMatchObject({ length: 1, args: [1] });
    expect(plain(decodeJson('[48,1,{},"a",null,{"k":1}]'))).toMatchObject({ length: 2, args: [], kwargs: { ".k": 1 } });
    expect(plain(msgpack.decode(hex("96 30 01 80 a161 c0 81a16b01")))).toMatchObject({ length: 2, args: [] });
    expect(plain(cbor.decode(hex("86 1830 01 a0 6161 f6 a1616b01")))).toMatchObject({ length: 2, args: [] });
  });

  test("UNSUBSCRIBE and UNREGISTER tolerate options (AMB-13)", () => {
    expect(decodeJson("[34,1,2,{}]")).toEqual({ type: 34, request: 1, subscription: 2 });
    expect(decodeJson('[66,1,2,{"x":1}]')).toEqual({ type: 66, request: 1, registration: 2 });
    expect(() => decodeJson("[34,1,2,3]")).toThrow(ProtocolError);
  });

  test.each(["ff", "5b ff", "5b 34 38 2c ff", "5b 31 2c 31 2c c3 28", "5b 5d ff", `${"5b".repeat(40)} c0 80`])(
    "JSON that is no UTF-8 is no bytes of JSON, wherever reading it stops (PERR-08): %s",
    (bytes) => {
      expect(() => json.decode(hex(bytes))).toThrow(expect.objectContaining({ code: "MALFORMED_BYTES" }));
      expect(() => json.decode(hex("20 ff 20"), 2, 3)).toThrow(expect.objectContaining({ code: "MALFORMED_MESSAGE" }));
    },
  );

  test.each([
    ["a list of 4e9 elements", "dd ee6b2800", msgpack],
    ["a text of 4 GiB", "93 06 80 dbffffffff", msgpack],
    ["binary of 4 GiB in a payload", "94 46 01 80 91 c6ffffffff", msgpack],
    ["a list of 2^64 elements", "9bffffffffffffffff", cbor],
    ["a text of 2^63 bytes", "83 06 a0 7b8000000000000000", cbor],
    ["an endless list", "9f 06 a0", cbor],
    ["bad UTF-8", "93 06 80 a2 c328", msgpack],
    ["an overlong character", "93 06 80 a2 c080", msgpack],
    ["a surrogate", "93 06 80 a3 eda080", msgpack],
    ["the unused code 0xc1", "94 46 01 80 91 c1", msgpack],
    ["a break outside of a list", "83 06 a0 ff", cbor],
    ["a chunk of another type", "83 06 a0 7f 41 61 ff", cbor],
    ["keys that are no strings", "93 06 81 01 01 a161", msgpack],
    ["an id that is NaN", "93 11 cb7ff8000000000000 01", msgpack],
    ["an id of 2^53 + 1", "93 11 cf0020000000000001 01", msgpack],
  ])("%s is refused without allocating it (T18, T20)", (_name, bytes, serializer) => {
    expect(() => serializer.decode(hex(bytes))).toThrow(ProtocolError);
  });
});
