// Bad input, as one table: every wrong type, value or combination that a client can put into a message, and what it gets for
// it (requirements 1.2, 13.2, 14.2). Written with other people's encoders, over all three serializers, with two bystanders who
// must not lose a message by any of it.

import { JsonSerializer, type Message, MessageType, ProtocolError, type Serializer, Uri } from "@junctor/protocol";
import { CborSerializer } from "@junctor/protocol/serializer/cbor";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import { ALLOW_ALL, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import { encode as cborEncode } from "cborg";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, test } from "vitest";

const packr = new Packr({ useRecords: false });
const FORMATS: readonly { readonly serializer: Serializer; readonly encode: (value: unknown) => Uint8Array }[] = [
  { serializer: new JsonSerializer(), encode: (value) => new TextEncoder().encode(JSON.stringify(value)) },
  { serializer: new MsgpackSerializer(), encode: (value) => new Uint8Array(packr.pack(value)) },
  { serializer: new CborSerializer(), encode: (value) => cborEncode(value) },
];

/** ABORT and the end, no reaction at all, a positive answer, or ERROR with this URI. */
type Verdict = "abort" | "silent" | "ok" | `wamp.${string}`;
type Wire = readonly unknown[];

const FLAGS = {
  callee: ["call_canceling", "progressive_call_results", "progressive_call_invocations", "call_timeout", "payload_passthru_mode"],
  caller: ["progressive_call_invocations", "payload_passthru_mode"],
  publisher: ["payload_passthru_mode"],
  subscriber: ["payload_passthru_mode"],
};
const EVERYTHING = Object.fromEntries(
  Object.entries(FLAGS).map(([role, names]) => [role, { features: Object.fromEntries(names.map((name) => [name, true])) }]),
);

/** A router with somebody who misbehaves, and two who do not notice. */
class Scene {
  readonly router = new TestRouter({ realms: [realmConfig("realm1", [ALLOW_ALL, { uri: "com.secret", match: "prefix", allow: DENY }])] });
  readonly #speaker = this.router.join();
  readonly #listener = this.router.join();
  readonly peer: TestPeer;
  readonly #format: (typeof FORMATS)[number];
  #count = 0;

  /** @param isJoined the misbehaving one has a session, a registration `com.own`, and an invocation 1 to answer */
  constructor(format: (typeof FORMATS)[number], isJoined = true, roles: object = EVERYTHING) {
    this.#format = format;
    this.#listener.subscribe("com.bystander");
    this.#listener.register("com.bystander");
    this.peer = isJoined ? this.router.join(roles) : this.router.attach();
    if (!isJoined) return;
    this.peer.register("com.own", { invoke: "roundrobin" });
    this.#speaker.call("com.own", [], { receive_progress: true });
    this.peer.take(MessageType.Invocation);
  }

  /** The number that the next request takes. */
  get next(): number {
    return this.peer.request + 1;
  }

  send(wire: Wire): void {
    this.feed(this.#format.encode(wire));
  }

  feed(bytes: Uint8Array): void {
    let message: Message;
    try {
      message = this.#format.serializer.decode(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.peer.violate(error);
      return;
    }
    this.peer.send(message);
  }

  verdict(): Verdict {
    const [first, ...more] = this.peer.inbox.splice(0);
    if (first === undefined) return this.peer.closed === undefined ? "silent" : "abort";
    expect(more).toEqual([]);
    if (first.type === MessageType.Abort) {
      expect(first.details.message).toMatch(/\w/); // a cause for people
      expect(this.peer.closed).toBeDefined();
      return first.reason === Uri.protocolViolation ? "abort" : (first.reason as Verdict);
    }
    expect(this.peer.closed).toBeUndefined();
    return first.type === MessageType.Error ? (first.error as Verdict) : "ok";
  }

  /** An event, a call and its result between the two others. */
  expectBystandersUnharmed(): void {
    const [speaker, listener] = [this.#speaker, this.#listener];
    const count = ++this.#count;
    // What the third one called, published and left may have arrived, and the answer of com.own: all of it more, none less.
    listener.inbox = [];
    speaker.inbox = [];
    speaker.publish("com.bystander", ["by", count], { acknowledge: true });
    expect(speaker.take(MessageType.Published).publication).toBeGreaterThan(0);
    expect(listener.take(MessageType.Event).payload.args).toEqual(["by", count]);
    const request = speaker.call("com.bystander", ["by", count]);
    listener.yield(listener.take(MessageType.Invocation).request, [count]);
    expect(speaker.take(MessageType.Result)).toMatchObject({ request, payload: { args: [count] } });
    expect([speaker.inbox, listener.inbox, speaker.closed, listener.closed]).toEqual([[], [], undefined, undefined]);
  }
}
const DENY = { call: false, register: false, publish: false, subscribe: false };

function judge(expected: Verdict, wire: (next: number) => Wire, isJoined = true): void {
  for (const format of FORMATS) {
    const scene = new Scene(format, isJoined);
    scene.send(wire(scene.next));
    expect([format.serializer.name, wire(0), scene.verdict()]).toEqual([format.serializer.name, wire(0), expected]);
    scene.expectBystandersUnharmed();
  }
}

// --- Options -----------------------------------------------------------------------------------------------------------------

/** Wrong values by kind, and right ones. */
const KINDS: Readonly<Record<string, { readonly wrong: readonly unknown[]; readonly right: readonly unknown[] }>> = {
  bool: { wrong: [1, 0, "true", "", [], {}, 1.5], right: [true, false] },
  text: { wrong: [1, true, [], {}, ["x"]], right: ["x", ""] },
  uint: { wrong: [-1, 1.5, "1", true, [], {}], right: [0, 1, 2 ** 31, 2 ** 53] },
  count: { wrong: [0, -1, 1.5, "1", true, []], right: [1, 1000] },
  ids: { wrong: ["hello", 1, true, {}, ["hello"], [0], [-1], [1.5], [true], [null], [[1]]], right: [[], [123, 456, 2 ** 53]] },
  texts: { wrong: ["alice", 1, true, {}, [1], [null], [["x"]], [true]], right: [[], ["alice", "bob"], [""]] },
  dict: { wrong: [1, "x", [], true], right: [{}, { x: [1] }] },
  hops: {
    wrong: ["hello", 1, {}, [1], [{}], [{ session: "x" }], [{ session: 0 }], [{ session: 1, authid: 2 }], [{ session: 1, authrole: [] }]],
    right: [[], [{ session: 123, authid: "router1", authrole: "router" }], [{ session: 1, authid: null }]],
  },
  algorithm: { wrong: ["invalid", "", 1, true], right: ["cryptobox", "mqtt", "x_own"] },
  match: { wrong: ["invalid", 123, "", "EXACT", true, []], right: ["exact", "prefix", "wildcard"] },
  invoke: { wrong: ["invalid", 1, "", "Single", true], right: ["single", "roundrobin", "random", "first", "last"] },
  mode: { wrong: ["invalid", 1, "", "Kill", true], right: ["skip", "kill", "killnowait"] },
};

const PASSTHRU = {
  ppt_scheme: "text",
  ppt_serializer: "text",
  ppt_cipher: "text",
  ppt_keyid: "text",
  enc_algo: "algorithm",
  enc_key: "text",
  enc_serializer: "text",
  forward_for: "hops",
};
const LISTS = {
  exclude: "ids",
  exclude_authid: "texts",
  exclude_authrole: "texts",
  eligible: "ids",
  eligible_authid: "texts",
  eligible_authrole: "texts",
};
const CALLEE = { callee: "count", callee_authid: "text", callee_authrole: "text" };

interface Row {
  readonly options: Readonly<Record<string, string>>;
  readonly wire: (options: unknown, next: number) => Wire;
  /** What the message gets whose options are fine. */
  readonly fine: Verdict;
}
/** The messages with options that the router reads (requirements 1.2). */
const MESSAGES: Readonly<Record<string, Row>> = {
  PUBLISH: {
    options: {
      acknowledge: "bool",
      exclude_me: "bool",
      ...LISTS,
      disclose_me: "bool",
      retain: "bool",
      rkey: "text",
      transaction_hash: "text",
      ...PASSTHRU,
    },
    wire: (options, next) => [16, next, options, "com.topic"],
    fine: "silent",
  },
  SUBSCRIBE: {
    options: { match: "match", get_retained: "bool", nkey: "text", forward_for: "hops" },
    wire: (options, next) => [32, next, options, "com.topic"],
    fine: "ok",
  },
  CALL: {
    options: {
      timeout: "uint",
      receive_progress: "bool",
      progress: "bool",
      disclose_me: "bool",
      runmode: "text",
      rkey: "text",
      ...PASSTHRU,
    },
    wire: (options, next) => [48, next, options, "com.nobody"],
    fine: Uri.noSuchProcedure,
  },
  CANCEL: { options: { mode: "mode" }, wire: (options) => [49, 4711, options], fine: "silent" },
  REGISTER: {
    options: {
      match: "match",
      invoke: "invoke",
      disclose_caller: "bool",
      forward_timeout: "bool",
      concurrency: "count",
      force_reregister: "bool",
      forward_for: "hops",
    },
    wire: (options, next) => [64, next, options, "com.procedure"],
    fine: "ok",
  },
  YIELD: { options: { progress: "bool", ...CALLEE, ...PASSTHRU }, wire: (options) => [70, 1, options], fine: "silent" },
  ERROR: { options: { ...CALLEE, ...PASSTHRU }, wire: (options) => [8, 68, 1, options, "com.error"], fine: "silent" },
};

describe.each(Object.entries(MESSAGES))("options of %s", (_name, { options, wire, fine }) => {
  test.each(Object.entries(options))("%s: a wrong %s ends the session (MSG-02, MSG-06, AMB-15, AMB-47)", (key, kind) => {
    for (const value of KINDS[kind]?.wrong ?? []) judge("abort", (next) => wire({ [key]: value }, next));
  });

  test.each(Object.entries(options))("%s: a right %s does not (13.2)", (key, kind) => {
    for (const value of KINDS[kind]?.right ?? []) {
      const expected = key === "acknowledge" && value === true ? "ok" : fine;
      judge(expected, (next) => wire({ [key]: value }, next));
    }
  });

  test("null is absent, whatever the option (AMB-12)", () => {
    judge(fine, (next) => wire(Object.fromEntries(Object.keys(options).map((key) => [key, null])), next));
  });

  test("what nobody has heard of is ignored, of any type (MSG-04, MSG-05, FEAT-02)", () => {
    judge(fine, (next) => wire({ x_own: [1, { y: null }], _own: "text", unheard_of: -1.5, "": true }, next));
    judge(fine, (next) => wire({ constructor: 1, __defineGetter__: 2, toString: 3 }, next));
  });

  test.each([
    ["a list", []],
    ["a string", "x"],
    ["null", null],
    ["a number", 1],
    ["a boolean", true],
  ])("%s is no dict of options (MSG-07)", (_what, value) => judge("abort", (next) => wire(value, next)));
});

describe("details of HELLO", () => {
  const roles = { caller: {} };
  const hello = (details: unknown, realm: unknown = "realm1") => [1, realm, details];
  test.each([
    ["agent", "text"],
    ["authmethods", "texts"],
    ["authid", "text"],
    ["authrole", "text"],
    ["authextra", "dict"],
    ["resumable", "bool"],
  ])("%s: a wrong %s is refused (MSG-06, AMB-15)", (key, kind) => {
    for (const value of KINDS[kind]?.wrong ?? []) judge("abort", () => hello({ roles, [key]: value }), false);
    judge("ok", () => hello({ roles, [key]: null }), false); // [AMB-12]
  });

  test.each<[string, unknown, Verdict]>([
    ["none at all", {}, "abort"],
    ["an empty dict", { roles: {} }, "abort"],
    ["null", { roles: null }, "abort"],
    ["a list", { roles: ["caller"] }, "abort"],
    ["a string", { roles: "caller" }, "abort"],
    ["the router's own", { roles: { broker: {}, dealer: {} } }, "abort"],
    ["one that nobody knows beside one (FEAT-02)", { roles: { caller: {}, oracle: {} } }, "ok"],
    ["an unknown one that is no dict beside one (FEAT-02)", { roles: { caller: {}, oracle: 1 } }, "ok"],
    ["one that is null beside one (AMB-12)", { roles: { caller: {}, callee: null } }, "ok"],
    ["one that is no dict beside one (MSG-06)", { roles: { caller: {}, callee: true } }, "abort"],
    ["features that are null (AMB-12)", { roles: { caller: { features: null } } }, "ok"],
    ["features that are a list (SES-03, MSG-06)", { roles: { caller: { features: [] } } }, "abort"],
    ["features that are a number (SES-03, MSG-06)", { roles: { caller: { features: 1 } } }, "abort"],
    ["a feature that is a number (SES-03, MSG-06, MSG-02)", { roles: { caller: { features: { call_canceling: 1 } } } }, "abort"],
    ["a feature that is null (AMB-12)", { roles: { caller: { features: { call_canceling: null } } } }, "ok"],
    ["unknown features that are no booleans (FEAT-02)", { roles: { caller: { features: { x: "yes", __proto__: 1 } } } }, "ok"],
  ])("roles: %s (SES-02)", (_what, details, expected) => judge(expected, () => hello(details), false));

  test.each<[unknown, Verdict]>([
    ["nowhere", Uri.noSuchRealm],
    ["", Uri.noSuchRealm],
    [null, Uri.noSuchRealm],
    ["a b", Uri.invalidUri],
    ["a..b", Uri.invalidUri],
    [1, "abort"],
    [{}, "abort"],
    [true, "abort"],
  ])("the realm %j is answered with %s (SES-14, SES-15, AMB-07)", (realm, expected) =>
    judge(expected, () => hello({ roles }, realm), false),
  );
});

// --- Elements ----------------------------------------------------------------------------------------------------------------

describe("elements", () => {
  /** A legal message of each type that a client sends, and how many elements it may have. */
  const LEGAL: Readonly<Record<string, { readonly wire: (next: number) => Wire; readonly longest: number; readonly fine: Verdict }>> = {
    PUBLISH: { wire: (next) => [16, next, {}, "com.topic"], longest: 6, fine: "silent" },
    SUBSCRIBE: { wire: (next) => [32, next, {}, "com.topic"], longest: 4, fine: "ok" },
    UNSUBSCRIBE: { wire: (next) => [34, next, 4711], longest: 4, fine: Uri.noSuchSubscription },
    CALL: { wire: (next) => [48, next, {}, "com.nobody"], longest: 6, fine: Uri.noSuchProcedure },
    CANCEL: { wire: () => [49, 4711, {}], longest: 3, fine: "silent" },
    REGISTER: { wire: (next) => [64, next, {}, "com.procedure"], longest: 4, fine: "ok" },
    UNREGISTER: { wire: (next) => [66, next, 4711], longest: 4, fine: Uri.noSuchRegistration },
    YIELD: { wire: () => [70, 1, {}], longest: 5, fine: "silent" },
    ERROR: { wire: () => [8, 68, 1, {}, "com.error"], longest: 7, fine: "silent" },
    EVENT_RECEIVED: { wire: () => [337, 4711], longest: 2, fine: "silent" },
  };
  /** In place of an element of each type. */
  const OTHERS: Readonly<Record<string, readonly unknown[]>> = {
    number: ["1", -1, 1.5, true, null, [], {}, 2 ** 53 + 2],
    string: [1, true, null, [], {}],
    object: [1, "x", true, null, []],
  };

  test.each(Object.entries(LEGAL))("%s: every element has its type (MSG-07, PERR-07, ID-01)", (_name, { wire, fine }) => {
    judge(fine, wire);
    for (let place = 1; place < wire(1).length; place++) {
      const own = wire(1)[place];
      for (const other of OTHERS[typeof own] ?? []) judge("abort", (next) => wire(next).with(place, other));
      if (typeof own === "number") judge("abort", (next) => wire(next).with(place, 0));
    }
  });

  test.each(Object.entries(LEGAL))("%s: is neither too short nor too long (MSG-07, AMB-13)", (_name, { wire, longest, fine }) => {
    for (let length = 1; length < wire(1).length; length++) judge("abort", (next) => wire(next).slice(0, length));
    const filled = (next: number, length: number) => [...wire(next), ...[[], {}, 1, 1]].slice(0, length);
    if (longest - wire(1).length === 2) {
      judge(fine, (next) => filled(next, longest)); // [MSG-12]
      judge("abort", (next) => filled(next, longest + 1));
    } else if (longest > wire(1).length) {
      judge(fine, (next) => [...wire(next), {}]);
      for (const surplus of [1, "x", []]) judge("abort", (next) => [...wire(next), surplus]);
      judge("abort", (next) => [...wire(next), {}, {}]);
    } else for (const surplus of [{}, 1]) judge("abort", (next) => [...wire(next), surplus]);
  });

  test.each(["PUBLISH", "CALL", "YIELD", "ERROR"])(
    "%s: Args is a list, Kwargs a dict, and null is neither here (AMB-14, MSG-12)",
    (name) => {
      const { wire, fine } = LEGAL[name] ?? { wire: () => [], fine: "abort" };
      for (const args of [1, "x", {}, true]) judge("abort", (next) => [...wire(next), args]);
      for (const kwargs of [1, "x", [], true]) judge("abort", (next) => [...wire(next), [], kwargs]);
      for (const payload of [[null], [[], null], [null, {}], [null, null], [[]], [[], {}]])
        judge(fine, (next) => [...wire(next), ...payload]);
    },
  );

  test.each<[string, unknown]>([
    ["no list", { 0: 48 }],
    ["a string", "48"],
    ["a number", 48],
    ["nothing", null],
    ["an empty list", []],
    ["a type that is no integer", ["48", 1, {}, "com.x"]],
    ["a type with a fraction", [48.5, 1, {}, "com.x"]],
    ["a negative type", [-48, 1, {}, "com.x"]],
    ["the type 0", [0]],
    ["an unknown type", [99, 1]],
    ["a type of nobody's", [1023, 1]],
  ])("%s is no message (MSG-01, PERR-07)", (_what, value) => {
    judge("abort", () => value as Wire);
    judge("abort", () => value as Wire, false);
  });

  test("what a client never sends ends the session (PERR-02, PERR-03, MSG-09)", () => {
    for (const wire of [
      [1, "realm1", { roles: { caller: {} } }],
      [2, 1, { roles: { broker: {} } }],
      [4, "ticket", {}],
      [5, "secret", {}],
      [17, 1, 1],
      [33, 1, 1],
      [35, 1],
      [36, 1, 1, {}],
      [50, 1, {}],
      [65, 1, 1],
      [67, 1],
      [68, 1, 1, {}],
      [69, 1, {}],
    ])
      judge("abort", () => wire);
  });

  test.each<[string, Uint8Array]>([
    ["nothing", new Uint8Array(0)],
    ["zeros", new Uint8Array(64)],
    ["ones", new Uint8Array(64).fill(0xff)],
    ["text", new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")],
  ])("bytes that are no value of the format end the session: %s (PERR-08)", (_what, bytes) => {
    for (const format of FORMATS) {
      const scene = new Scene(format);
      scene.feed(bytes);
      expect(scene.verdict()).toBe("abort");
      scene.expectBystandersUnharmed();
    }
  });
});

// --- Values and combinations -------------------------------------------------------------------------------------------------

test.each<[string, (next: number) => Wire, Verdict]>([
  // URIs (URI-02, URI-03, URI-04, URI-07, URI-08, URI-10, AMB-19, AMB-86)
  ["a call of an empty URI", (n) => [48, n, {}, ""], Uri.invalidUri],
  ["a call of a pattern", (n) => [48, n, {}, "com..x"], Uri.invalidUri],
  ["a call with white space", (n) => [48, n, {}, "com.a b"], Uri.invalidUri],
  ["a call with a line break at the end", (n) => [48, n, {}, "com.x\n"], Uri.invalidUri],
  ["a call with a number sign", (n) => [48, n, {}, "com.#x"], Uri.invalidUri],
  ["a call of a very long URI", (n) => [48, n, {}, "x".repeat(256)], Uri.invalidUri],
  ["a call of a very deep URI", (n) => [48, n, {}, "x.".repeat(40).concat("x")], Uri.invalidUri],
  ["a call of what nobody registered (RPC-07)", (n) => [48, n, {}, "com.nobody"], Uri.noSuchProcedure],
  ["a call that is denied (AUTHZ-04)", (n) => [48, n, {}, "com.secret.x"], Uri.notAuthorized],
  ["a subscription to an empty URI", (n) => [32, n, {}, ""], Uri.invalidUri],
  ["a subscription to a pattern without saying so", (n) => [32, n, {}, "com..x"], Uri.invalidUri],
  ["a prefix with a wildcard", (n) => [32, n, { match: "prefix" }, "com..x"], Uri.invalidUri],
  ["everything", (n) => [32, n, { match: "prefix" }, "com.app."], "ok"],
  ["a subscription that is denied (PS-11)", (n) => [32, n, {}, "com.secret.x"], Uri.notAuthorized],
  ["a pattern over what is denied (AUTHZ-07)", (n) => [32, n, { match: "prefix" }, "com."], Uri.notAuthorized],
  ["a registration of a reserved URI", (n) => [64, n, {}, "wamp.x"], Uri.invalidUri],
  ["a registration of wamp itself", (n) => [64, n, {}, "wamp"], Uri.invalidUri],
  ["a registration of what only looks reserved", (n) => [64, n, {}, "wampum.x"], "ok"],
  ["a registration of an invalid URI", (n) => [64, n, {}, "com..x"], Uri.invalidUri],
  ["a registration that is denied", (n) => [64, n, {}, "com.secret.x"], Uri.notAuthorized],
  ["an acknowledged publication on an invalid URI", (n) => [16, n, { acknowledge: true }, "com..x"], Uri.invalidUri],
  ["an acknowledged publication on a reserved URI", (n) => [16, n, { acknowledge: true }, "wamp.x"], Uri.invalidUri],
  ["an acknowledged publication that is denied (PS-11)", (n) => [16, n, { acknowledge: true }, "com.secret.x"], Uri.notAuthorized],
  // Never an answer to what asked for none (PS-07, AMB-17)
  ["a publication on an invalid URI", (n) => [16, n, {}, "com..x"], "silent"],
  ["a publication on a reserved URI", (n) => [16, n, { acknowledge: false }, "wamp.x"], "silent"],
  ["a publication that is denied", (n) => [16, n, {}, "com.secret.x"], "silent"],
  ["a publication with lists that are too long (AMB-135)", (n) => [16, n, { exclude: Array(1025).fill(1) }, "com.x"], "silent"],
  // Registrations (RPC-02, RPC-SHARED-03, RPC-SHARED-04, AMB-34 to AMB-36)
  ["a procedure of somebody else", (n) => [64, n, {}, "com.bystander"], Uri.procedureAlreadyExists],
  ["a procedure of somebody else, shared", (n) => [64, n, { invoke: "random" }, "com.bystander"], Uri.procedureAlreadyExists],
  ["one's own procedure again", (n) => [64, n, { invoke: "roundrobin" }, "com.own"], Uri.procedureAlreadyExists],
  ["the same text with another match", (n) => [64, n, { match: "prefix" }, "com.bystander"], "ok"],
  ["an empty URI, exactly", (n) => [64, n, {}, ""], Uri.invalidUri],
  // Ids (PERR-05, PERR-06, ID-08, AMB-42, AMB-48)
  ["a request id that was used", (n) => [32, n - 1, {}, "com.topic"], "abort"],
  ["a request id that was used, by a caller that streams (RPC-PCI-11, AMB-62 h)", (n) => [48, n - 1, {}, "com.nobody"], "silent"],
  ["a request id that skips one", (n) => [48, n + 1, {}, "com.nobody"], "abort"],
  ["an answer to an invocation that never was", () => [70, 2, {}], "abort"],
  ["an error for an invocation that never was", () => [8, 68, 2, {}, "com.error"], "abort"],
  ["a subscription of somebody else (PS-06)", (n) => [34, n, 1], Uri.noSuchSubscription],
  ["a registration of somebody else (RPC-03)", (n) => [66, n, 1], Uri.noSuchRegistration],
  ["a cancellation of somebody else's call (AMB-48)", () => [49, 1, { mode: "kill" }], "silent"],
  // Errors (PERR-04, AMB-18)
  ["an error for a call", () => [8, 48, 1, {}, "com.error"], "abort"],
  ["an error for a type that is none", () => [8, 17, 1, {}, "com.error"], "abort"],
  ["an error whose URI is none", () => [8, 68, 1, {}, "no uri"], "abort"],
  ["an error that nobody predefined (ERR-02)", () => [8, 68, 1, {}, "wamp.error.cancelled"], "silent"],
  // Endings (AMB-18, SES-20, SES-21)
  ["a farewell with an invalid reason", () => [6, {}, "no uri"], "ok"],
  ["a farewell without details", () => [6, "com.x"], "abort"],
  ["a farewell with unknown details", () => [6, { message: 1 }, "com.x"], "ok"],
  ["an ABORT with an invalid reason gets no answer", () => [3, {}, ""], "abort"],
])("%s: %o", (_what, wire, expected) => {
  judge(expected, wire);
});

test.each<[string, (next: number) => Wire]>([
  ["a chunk of a call", (n) => [48, n, { progress: true }, "com.nobody"]],
  ["a call whose payload is opaque", (n) => [48, n, { ppt_scheme: "x_own" }, "com.nobody", [1]]],
  ["a publication whose payload is opaque", (n) => [16, n, { ppt_scheme: "x_own" }, "com.topic", [1]]],
  ["a result whose payload is opaque", () => [70, 1, { ppt_scheme: "x_own" }, [1]]],
])("%s ends the session of who did not announce that (PERR-10, RPC-PCI-04, PPT-07, AMB-10)", (_what, wire) => {
  const plain = { publisher: {}, subscriber: {}, caller: {}, callee: {} };
  for (const format of FORMATS) {
    const scene = new Scene(format, true, plain);
    scene.send(wire(scene.next));
    expect([format.serializer.name, scene.verdict()]).toEqual([format.serializer.name, "abort"]);
    scene.expectBystandersUnharmed();
  }
});

test("a session that broke the protocol is heard no more (PERR-01)", () => {
  for (const format of FORMATS) {
    const scene = new Scene(format);
    scene.send([99]);
    expect(scene.verdict()).toBe("abort");
    const { next } = scene;
    scene.send([16, next, {}, "com.bystander", ["by", "late"]]);
    scene.send([64, next + 1, {}, "com.late"]);
    scene.send([1, "realm1", { roles: { caller: {} } }]);
    expect(scene.peer.inbox).toEqual([]);
    scene.expectBystandersUnharmed();
  }
});

// --- Whatever it is ----------------------------------------------------------------------------------------------------------

test("nothing that a client sends makes another session lose a message", () => {
  const scalar = fc.oneof(
    fc.constantFrom<unknown>(
      0,
      1,
      2,
      3,
      -1,
      1.5,
      2 ** 53,
      true,
      null,
      "",
      "com.bystander",
      "com.own",
      "com.secret",
      "wamp.session.kill_all",
      "wamp.x",
      "exact",
    ),
    fc.string({ maxLength: 5 }),
  );
  const keys = [...new Set(Object.values(MESSAGES).flatMap(({ options }) => Object.keys(options)))];
  const kinds = Object.values(KINDS).flatMap(({ right, wrong }) => [...right, ...wrong]);
  const options = fc.dictionary(fc.constantFrom(...keys), fc.oneof(scalar, fc.constantFrom(...kinds)), { maxKeys: 3 });
  const element = fc.oneof(scalar, options, fc.array(scalar, { maxLength: 3 }));
  /** Mostly well-formed, so that it gets far. */
  const wire = fc.oneof(
    fc.tuple(fc.constantFrom(16, 32, 48, 64), fc.constant("next"), options, scalar, fc.array(scalar, { maxLength: 2 })),
    fc.tuple(fc.constantFrom(32, 64), fc.constant("next"), options, scalar),
    fc.tuple(fc.constantFrom(34, 66), fc.constant("next"), fc.nat(9)),
    fc.tuple(fc.constantFrom(70), fc.nat(4), options, fc.array(scalar, { maxLength: 2 })),
    fc.tuple(fc.constant(49), fc.nat(9), options),
    fc.tuple(fc.constant(8), fc.constant(68), fc.nat(3), options, scalar),
    fc.array(element, { maxLength: 6 }),
  );
  const act = fc.oneof(
    { weight: 8, arbitrary: wire },
    { weight: 1, arbitrary: fc.constant("rejoin" as const) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  );
  fc.assert(
    fc.property(fc.constantFrom(...FORMATS), fc.array(act, { maxLength: 30 }), (format, acts) => {
      const scene = new Scene(format);
      let request = scene.peer.request;
      for (const act of acts) {
        if (act === "rejoin") {
          scene.send([6, {}, "wamp.close.close_realm"]);
          scene.send([1, "realm1", { roles: EVERYTHING }]);
          if (scene.peer.closed === undefined) request = 0;
        } else if (act instanceof Uint8Array) scene.feed(act);
        else {
          const counts = act[1] === "next";
          if (counts) request++;
          scene.send(counts ? act.with(1, request) : act);
        }
        scene.expectBystandersUnharmed();
      }
    }),
    { numRuns: 300 },
  );
});
