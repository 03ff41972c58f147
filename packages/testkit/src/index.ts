/** The public surface of `@junctor/testkit`. */
export * as arbitrary from "./arbitrary.ts";
export { plain, tidy } from "./plain.ts";
export { ALL_ROLES, ALLOW_ALL, realmConfig, TestPeer, TestRouter } from "./test-router.ts";
export { VIRTUAL_EPOCH, VirtualClock } from "./virtual-clock.ts";
