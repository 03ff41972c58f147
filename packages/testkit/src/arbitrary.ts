/** Random messages and payload values for property tests. */
import { MAX_ID, type Message, MessageType, NO_OPTIONS, Payload } from "@junctor/protocol";
import fc from "fast-check";

export const id = fc.oneof(
  fc.integer({ min: 1, max: 1000 }),
  fc.maxSafeInteger().map((n) => Math.max(1, Math.abs(n))),
  fc.constantFrom(1, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, MAX_ID - 1, MAX_ID),
);

/** Text that every format can carry: none starts with U+0000 (AMB-28), none has half of a surrogate pair. */
const text = fc
  .oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }), fc.string({ minLength: 20, maxLength: 300 }))
  .filter((s) => !s.startsWith("\u0000") && !/\p{Surrogate}/u.test(s));

const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.integer(),
  fc.constantFrom(0, -1, -32, -33, -128, -129, 2 ** 31, -(2 ** 31) - 1, MAX_ID, -MAX_ID),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  text,
  fc.uint8Array({ maxLength: 300 }),
);

export const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(fc.oneof(text, fc.constantFrom("__proto__", "constructor", "toString")), tie("value"), { maxKeys: 20 }),
  ),
})).value;

const kwargs = fc.dictionary(fc.oneof(text, fc.constant("__proto__")), value, { minKeys: 1, maxKeys: 5 });

export const payload = fc.oneof(
  fc.constant(Payload.EMPTY),
  fc.array(value, { minLength: 1, maxLength: 5 }).map((args) => Payload.of(args)),
  fc.tuple(fc.array(value, { maxLength: 3 }), kwargs).map(([args, named]) => Payload.of(args, named)),
);

const bool = fc.boolean();
const uri = fc.stringMatching(/^[a-z0-9_]{1,8}(\.[a-zA-Zé€😀_-]{1,8}){0,3}$/u);
/** Of a message's own: the convention for binary in JSON is for payloads only (AMB-30). */
const dict = fc.dictionary(text, fc.oneof(fc.boolean(), fc.integer(), text, fc.array(text)), { maxKeys: 3 });
/** Some of the keys; the shared empty record where there is none, as a decoder gives it. */
const some = <T extends object>(keys: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(keys, { requiredKeys: [] }).map((options) => (Object.keys(options).length === 0 ? NO_OPTIONS : { ...options }) as Partial<T>);

const ppt = { ppt_scheme: text, ppt_serializer: text, ppt_cipher: text, ppt_keyid: text };
const match = fc.constantFrom("exact", "prefix", "wildcard");
const features = fc.dictionary(fc.stringMatching(/^[a-z][a-z_]{2,20}$/), fc.constant(true), { minKeys: 1, maxKeys: 3 });
const role = fc.oneof(fc.constant({}), fc.record({ features }));
const resultDetails = some({ progress: bool, ...ppt });
const message = <T extends Message["type"]>(type: T, fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record({ type: fc.constant(type), ...fields });

/** One arbitrary per message type. */
export const messages: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  HELLO: message(MessageType.Hello, {
    realm: uri,
    details: fc.record(
      {
        roles: fc.record({ publisher: role, subscriber: role, caller: role, callee: role }, { requiredKeys: ["caller"] }),
        agent: text,
        authmethods: fc.array(text),
        authid: text,
        authextra: dict,
      },
      { requiredKeys: ["roles"] },
    ),
  }),
  WELCOME: message(MessageType.Welcome, {
    session: id,
    details: fc.record(
      {
        roles: fc.record({ broker: role, dealer: role }, { requiredKeys: ["dealer"] }),
        realm: uri,
        authid: text,
        authrole: text,
        authmethod: text,
        authprovider: text,
        authextra: dict,
      },
      { requiredKeys: ["roles"] },
    ),
  }),
  ABORT: message(MessageType.Abort, { details: dict, reason: uri, payload }),
  CHALLENGE: message(MessageType.Challenge, { authmethod: text, extra: dict }),
  AUTHENTICATE: message(MessageType.Authenticate, { signature: text, extra: dict }),
  GOODBYE: message(MessageType.Goodbye, { details: dict, reason: uri }),
  ERROR: message(MessageType.Error, {
    requestType: fc.constantFrom(16, 32, 34, 48, 64, 66, 68),
    request: id,
    details: some(ppt),
    error: uri,
    payload,
  }),
  PUBLISH: message(MessageType.Publish, {
    request: id,
    options: some({
      acknowledge: bool,
      exclude_me: bool,
      exclude: fc.array(id),
      exclude_authid: fc.array(text),
      eligible_authrole: fc.array(text),
      disclose_me: bool,
      retain: bool,
      rkey: text,
      ...ppt,
    }),
    topic: uri,
    payload,
  }),
  PUBLISHED: message(MessageType.Published, { request: id, publication: id }),
  SUBSCRIBE: message(MessageType.Subscribe, { request: id, options: some({ match, get_retained: bool }), topic: uri }),
  SUBSCRIBED: message(MessageType.Subscribed, { request: id, subscription: id }),
  UNSUBSCRIBE: message(MessageType.Unsubscribe, { request: id, subscription: id }),
  UNSUBSCRIBED: fc.oneof(
    message(MessageType.Unsubscribed, { request: id, details: fc.constant(undefined) }),
    message(MessageType.Unsubscribed, { request: fc.constant(0), details: some({ subscription: id, reason: text }) }),
  ),
  EVENT: message(MessageType.Event, {
    subscription: id,
    publication: id,
    details: some({ publisher: id, topic: uri, trustlevel: fc.nat(), retained: bool, ...ppt }),
    payload,
  }),
  CALL: message(MessageType.Call, {
    request: id,
    options: some({ timeout: fc.nat(), receive_progress: bool, progress: bool, disclose_me: bool, rkey: text, ...ppt }),
    procedure: uri,
    payload,
  }),
  CANCEL: message(MessageType.Cancel, { request: id, options: some({ mode: fc.constantFrom("skip", "kill", "killnowait") }) }),
  RESULT: message(MessageType.Result, { request: id, details: resultDetails, payload }),
  REGISTER: message(MessageType.Register, {
    request: id,
    options: some({ match, invoke: fc.constantFrom("single", "roundrobin"), disclose_caller: bool, concurrency: id }),
    procedure: uri,
  }),
  REGISTERED: message(MessageType.Registered, { request: id, registration: id }),
  UNREGISTER: message(MessageType.Unregister, { request: id, registration: id }),
  UNREGISTERED: fc.oneof(
    message(MessageType.Unregistered, { request: id, details: fc.constant(undefined) }),
    message(MessageType.Unregistered, { request: fc.constant(0), details: some({ registration: id, reason: text }) }),
  ),
  INVOCATION: message(MessageType.Invocation, {
    request: id,
    registration: id,
    details: some({ procedure: uri, receive_progress: bool, progress: bool, timeout: fc.nat(), caller: id, caller_authid: text, ...ppt }),
    payload,
  }),
  INTERRUPT: message(MessageType.Interrupt, { request: id, options: some({ mode: fc.constantFrom("kill", "killnowait"), reason: uri }) }),
  YIELD: message(MessageType.Yield, { request: id, options: resultDetails, payload }),
  EVENT_RECEIVED: message(MessageType.EventReceived, { publication: id }),
};

export const anyMessage = fc.oneof(...Object.values(messages)) as fc.Arbitrary<Message>;
