// What the router sends, as the lists that leave it (requirements 1.1), read with the platform's JSON and not with our decoder.
import { JsonSerializer, type Message, MessageType, Payload, Uri } from "@junctor/protocol";
import { CborSerializer } from "@junctor/protocol/serializer/cbor";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import { type TestPeer, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

const json = new JsonSerializer();
const serializers = [json, new MsgpackSerializer(), new CborSerializer()];
const flags = ["call_canceling", "progressive_call_results", "registration_revocation", "subscription_revocation", "payload_passthru_mode"];
const features = Object.fromEntries(flags.map((flag) => [flag, true]));
const ROLES = { publisher: { features }, subscriber: { features }, caller: { features }, callee: { features } };

/** Sends a list as it stands, and reads what came as lists. */
const send = (peer: TestPeer, ...list: readonly unknown[]) => peer.send(json.decode(new TextEncoder().encode(JSON.stringify(list))));
const lists = (peer: TestPeer) => peer.inbox.splice(0).map(listOf);
const listOf = (message: Message) => JSON.parse(new TextDecoder().decode(json.encode(message))) as unknown[];

test("every message that a router sends has the form of the specification (MSG-07, PS-01, PS-08, RPC-01, RPC-03, ID-07)", () => {
  const router = new TestRouter();
  const [a, b] = [router.join(ROLES), router.join(ROLES)];
  send(b, 32, 1, {}, "com.t");
  send(b, 64, 2, {}, "com.p");
  const [subscribed, registered] = lists(b);
  expect([subscribed, registered]).toEqual([
    [33, 1, expect.any(Number)],
    [65, 2, expect.any(Number)],
  ]);
  const [subscription, registration] = [subscribed?.[2], registered?.[2]];

  send(a, 16, 1, { acknowledge: true }, "com.t", [1], { k: "v" });
  const [published] = lists(a);
  expect(published).toEqual([17, 1, expect.any(Number)]);
  expect(lists(b)).toEqual([[36, subscription, published?.[2], {}, [1], { k: "v" }]]);
  send(a, 16, 2, {}, "com.t");
  expect(lists(b)).toEqual([[36, subscription, expect.any(Number), {}]]);

  send(a, 48, 3, { receive_progress: true }, "com.p", [2]);
  expect(lists(b)).toEqual([[68, 1, registration, { receive_progress: true }, [2]]]);
  send(b, 70, 1, { progress: true }, [3]);
  send(b, 70, 1, {}, [], { k: 4 });
  expect(lists(a)).toEqual([
    [50, 3, { progress: true }, [3]],
    [50, 3, {}, [], { k: 4 }],
  ]);
  send(a, 48, 4, {}, "com.p");
  expect(lists(b)).toEqual([[68, 2, registration, {}]]);
  send(b, 8, 68, 2, {}, "com.error", ["why"], { k: 5 });
  expect(lists(a)).toEqual([[8, 48, 4, {}, "com.error", ["why"], { k: 5 }]]);
  send(a, 48, 5, {}, "com.nobody");
  expect(lists(a)).toEqual([[8, 48, 5, {}, Uri.noSuchProcedure, [expect.any(String)]]]);

  send(b, 34, 3, subscription);
  send(b, 66, 4, registration);
  send(b, 34, 5, subscription);
  expect(lists(b)).toEqual([
    [35, 3],
    [67, 4],
    [8, 34, 5, {}, Uri.noSuchSubscription],
  ]);
});

test.each([
  ["kill", [69, 1, { mode: "kill", reason: Uri.canceled }], undefined],
  ["killnowait", [69, 1, { mode: "killnowait", reason: Uri.canceled }], [8, 48, 1, {}, Uri.canceled]],
  ["skip", undefined, [8, 48, 1, {}, Uri.canceled]],
])("CANCEL with mode %s, on the wire (RPC-CANCEL-02, RPC-CANCEL-07, RPC-CANCEL-08, AMB-55)", (mode, interrupt, error) => {
  const router = new TestRouter();
  const [a, b] = [router.join(ROLES), router.join(ROLES)];
  send(b, 64, 1, {}, "com.p");
  send(a, 48, 1, {}, "com.p");
  b.inbox = [];
  send(a, 49, 1, { mode });
  expect([lists(b), lists(a)]).toEqual([interrupt === undefined ? [] : [interrupt], error === undefined ? [] : [error]]);
});

test("revocations carry request 0 and details (RPC-REVOKE-01, PS-REVOKE-01, AMB-131)", () => {
  const router = new TestRouter();
  const peer = router.join(ROLES);
  const [subscription, registration] = [peer.subscribe("com.t"), peer.register("com.p")];
  router.broker().revoke(subscription, router.session(peer), "com.why");
  router.dealer().revoke(registration, router.session(peer));
  expect(lists(peer)).toEqual([
    [35, 0, { subscription, reason: "com.why" }],
    [67, 0, { registration }],
  ]);
});

test("its elements are integers, strings, booleans, lists and dicts, in all three serializers (SER-01, SER-03)", () => {
  const router = new TestRouter();
  const sent: Message[] = [];
  const keep = (peer: TestPeer) => void sent.push(...peer.inbox.splice(0));
  const [a, b] = [router.attach(), router.attach()];
  for (const peer of [a, b]) peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ROLES } });
  send(b, 32, 1, { match: "prefix" }, "");
  send(b, 64, 2, { match: "prefix", disclose_caller: true }, "com.");
  send(a, 16, 1, { acknowledge: true, disclose_me: true, ppt_scheme: "x_own", ppt_keyid: "1" }, "com.t");
  send(a, 48, 2, { receive_progress: true, disclose_me: true }, "com.p");
  send(b, 70, 1, { progress: true });
  send(a, 49, 2, { mode: "killnowait" });
  send(a, 48, 3, {}, "wamp.session.list");
  send(a, 48, 4, {}, "nobody");
  router.router.close();
  router.attach().send({ type: MessageType.Hello, realm: "realm1", details: { roles: ROLES } });
  for (const peer of [a, b]) keep(peer);
  expect(new Set(sent.map(({ type }) => type)).size).toBeGreaterThan(9);

  const isElement = (value: unknown): boolean =>
    typeof value === "number"
      ? Number.isInteger(value) && value >= 0
      : typeof value === "object" && value !== null
        ? Object.values(value).every(isElement)
        : typeof value === "string" || typeof value === "boolean";
  for (const message of sent) {
    const header = "payload" in message ? ({ ...message, payload: Payload.EMPTY } as Message) : message;
    expect(listOf(header).filter((element) => !isElement(element))).toEqual([]);
    for (const serializer of serializers) expect(listOf(serializer.decode(serializer.encode(message)))).toEqual(listOf(message));
  }
});

test("an opaque payload of one binary item crosses to JSON and back as it was, its attributes with it (PPT-02, PPT-05, SER-10)", () => {
  const router = new TestRouter();
  const roles = { publisher: { features: { payload_passthru_mode: true } }, subscriber: { features: { payload_passthru_mode: true } } };
  const [a, b] = [router.join(roles), router.join(roles)];
  const subscription = b.subscribe("com.t");
  const attributes = { ppt_scheme: "wamp", ppt_serializer: "cbor", ppt_cipher: "xsalsa20poly1305", ppt_keyid: "0x12" };
  for (const from of serializers) {
    const bytes = from.encode({
      type: MessageType.Publish,
      request: ++a.request,
      options: attributes,
      topic: "com.t",
      payload: Payload.of([new Uint8Array([0, 1, 255])]),
    });
    a.send(from.decode(bytes));
    const event = b.take(MessageType.Event);
    expect(listOf(event)).toEqual([36, subscription, event.publication, attributes, ["\u0000AAH/"]]);
    for (const to of serializers) {
      const received = to.decode(to.encode(event));
      expect("payload" in received && received.payload.args).toEqual([new Uint8Array([0, 1, 255])]);
    }
  }
});

test("a call in chunks keeps the attributes of its first chunk, whatever later ones say (PPT-13, RPC-PCI-13, RPC-PCI-14)", () => {
  const router = new TestRouter();
  const all = Object.fromEntries([...flags, "progressive_call_invocations"].map((flag) => [flag, true]));
  const roles = { caller: { features: all }, callee: { features: all } };
  const [a, b] = [router.join(roles), router.join(roles)];
  const registration = b.register("com.p");
  const attributes = { ppt_scheme: "wamp", ppt_serializer: "cbor", ppt_keyid: "1" };
  send(a, 48, 1, { progress: true, receive_progress: true, ...attributes }, "com.p", [1]);
  send(a, 48, 1, { progress: true, ppt_scheme: "x_other", ppt_keyid: "2" }, "com.p", [2]);
  send(a, 48, 1, {}, "com.p", [3]);
  const frozen = { receive_progress: true, ...attributes };
  expect(lists(b)).toEqual([
    [68, 1, registration, { progress: true, ...frozen }, [1]],
    [68, 1, registration, { progress: true, ...frozen }, [2]],
    [68, 1, registration, frozen, [3]],
  ]);
  send(b, 70, 1, { progress: true, ...attributes }, [4]);
  send(b, 70, 1, attributes, [5]);
  expect(lists(a)).toEqual([
    [50, 1, { progress: true, ...attributes }, [4]],
    [50, 1, attributes, [5]],
  ]);
});
