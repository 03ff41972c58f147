// The specification's own test vectors (requirements 13), read from the folder beside the project; the project holds no copy.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { JsonSerializer, type Message, MessageType, ProtocolError } from "@junctor/protocol";
import { CborSerializer } from "@junctor/protocol/serializer/cbor";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import { plain, tidy } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

const folder = new URL("../../../shared/vectors/singlemessage/", import.meta.url);

interface Sample {
  readonly description: string;
  readonly serializers?: Readonly<Record<string, readonly { bytes?: string; bytes_hex?: string }[]>>;
  readonly expected_attributes?: Readonly<Record<string, unknown>>;
  readonly wmsg?: readonly unknown[];
  readonly expected_error?: { readonly type: string };
}
interface VectorFile {
  readonly wamp_message_type: string;
  readonly samples: readonly Sample[];
}

const options = { transparentPayloads: true };
const serializers = [new JsonSerializer(options), new MsgpackSerializer(options), new CborSerializer(options)];

if (!existsSync(folder)) {
  console.log("skipped: the specification's test vectors are not beside this project (../shared/vectors)");
  test.skip("the specification's vectors", () => {});
} else {
  const files = ["basic", "advanced"].flatMap((profile) =>
    readdirSync(new URL(`${profile}/`, folder)).map(
      (name) => JSON.parse(readFileSync(new URL(`${profile}/${name}`, folder), "utf8")) as VectorFile,
    ),
  );
  for (const file of files)
    describe(file.wamp_message_type, () => {
      for (const [i, sample] of file.samples.entries()) walk(sample, i);
    });
}

function walk(sample: Sample, number: number): void {
  if (sample.wmsg !== undefined) {
    const bytes = new TextEncoder().encode(JSON.stringify(sample.wmsg));
    const decode = () => serializers[0]?.decode(bytes);
    test(`${number}: ${sample.description} (13.2)`, () => {
      if (sample.expected_error === undefined) expect(decode()?.type).toBe(sample.wmsg?.[0]);
      else expect(decode).toThrow(ProtocolError);
    });
    return;
  }
  for (const serializer of serializers) {
    const variants = (sample.serializers?.[serializer.name] ?? []).map(({ bytes_hex, bytes }) =>
      bytes_hex !== undefined ? Uint8Array.from(Buffer.from(bytes_hex, "hex")) : new TextEncoder().encode(bytes ?? ""),
    );
    test(`${number}: ${sample.description}, ${serializer.name} (SUITE-04)`, () => {
      expect(variants.length).toBeGreaterThan(0);
      for (const bytes of variants) {
        const message = serializer.decode(bytes);
        expectAttributes(message, sample.expected_attributes ?? {});
        expect(variants).toContainEqual(serializer.encode(message));
      }
    });
  }
}

// [SUITE-07] The names of attributes are not uniform.
const RENAMED: Readonly<Record<string, string>> = {
  message_type: "type",
  request_id: "request",
  request_type: "requestType",
  subscription_id: "subscription",
  registration_id: "registration",
  publication_id: "publication",
  session_id: "session",
  method: "authmethod",
};

function expectAttributes(message: Message, expected: Readonly<Record<string, unknown>>): void {
  const actual = plain(message);
  const dict = (actual["details"] ?? actual["options"]) as Record<string, unknown> | undefined;
  for (const [name, value] of Object.entries(expected)) {
    if (name === "roles") expect(dict?.["roles"], name).toEqual(value);
    else if (name === "payload") {
      if (value !== null)
        expect(tidy("payload" in message ? message.payload.item : undefined), name).toEqual({
          bytes: [...Buffer.from(String(value), "hex")],
        });
    } else if (name === "args" || name === "kwargs") expect(actual[name], name).toEqual(value === null ? undefined : tidy(value));
    else if (name.startsWith("enc_") || name === "forward_for" || name === "exclude_me" || name === "acknowledge")
      expect(dict?.[name], name).toEqual(value ?? undefined);
    else expect(actual[RENAMED[name] ?? name], name).toEqual(value);
  }
  expect(Object.values(MessageType)).toContain(message.type);
}
