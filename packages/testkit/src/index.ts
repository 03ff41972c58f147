/** The public surface of `@junctor/testkit`. */
export * as arbitrary from "./arbitrary.ts";
export { joinBatch, splitBatch } from "./batched-dial.ts";
export { Inbox } from "./inbox.ts";
export { plain, tidy } from "./plain.ts";
export { failure, ScriptedRouter } from "./scripted-router.ts";
export {
  connections,
  Heard,
  hear,
  SERIALIZER_NAMES,
  type SerializerName,
  type StoryConnection,
  type StoryOptions,
  StoryRouter,
  serializerNamed,
  serializerPairs,
  startRouter,
  type TransportName,
} from "./story-router.ts";
export { TEST_CERTIFICATE, TEST_KEY } from "./test-certificate.ts";
export { ALL_POWERS, ALL_ROLES, ALLOW_ALL, realmConfig, TestPeer, TestRouter } from "./test-router.ts";
export { VIRTUAL_EPOCH, VirtualClock } from "./virtual-clock.ts";
export { CODECS, type Frame, frameOf, HELLO, openSocket, read, WirePeer } from "./wire-peer.ts";
