// One test or more per feature that the meta API announces, by its name; the last test holds the table against them (FEAT-01).
import { MessageType } from "@junctor/protocol";
import { ALL_POWERS, realmConfig, TestRouter } from "@junctor/testkit";
import { afterAll, describe, expect, test as vitest } from "vitest";
import { ANNOUNCED } from "./feature.ts";

const proven = new Set<string>();
function test(feature: string, sentence: string, body: () => void): void {
  proven.add(feature);
  vitest(`${feature}: ${sentence}`, body);
}

// That each URI is there; what it answers stands in meta/*.test.ts.
describe("meta API", () => {
  const setup = () => {
    const router = new TestRouter({ realms: [realmConfig("realm1", ALL_POWERS)] });
    const [asker, other] = [router.join(), router.join()];
    const hears = (name: string, ...verbs: string[]) => {
      const topics = new Map(verbs.map((verb) => [asker.subscribe(`wamp.${name}.${verb}`), verb]));
      return () => asker.events(topics).map(([verb]) => verb);
    };
    const answers = (name: string, verb: string, ...args: unknown[]) =>
      expect([verb, typeof asker.ask(`wamp.${name}.${verb}`, args)]).toEqual([verb, "object"]);
    return { router, asker, other, hears, answers };
  };

  test("session_meta_api", "all procedures and events are there (META-S-01)", () => {
    const { router, other, hears, answers } = setup();
    const heard = hears("session", "on_join", "on_leave");
    const third = router.join();
    for (const verb of ["count", "list"]) answers("session", verb);
    answers("session", "get", other.session);
    answers("session", "kill", other.session);
    for (const verb of ["kill_by_authid", "kill_by_authrole"]) answers("session", verb, "nobody");
    third.close("transport.lost");
    expect(heard()).toEqual(["on_join", "on_leave", "on_leave"]);
    answers("session", "kill_all");
    expect(ANNOUNCED.broker).toContain("session_meta_api");
    expect(ANNOUNCED.dealer).toContain("session_meta_api");
  });
  test("registration_meta_api", "all procedures and events are there (META-R-01, META-R-03)", () => {
    const { other, hears, answers } = setup();
    const heard = hears("registration", "on_create", "on_register", "on_unregister", "on_delete");
    const id = other.register("com.x");
    answers("registration", "list");
    for (const verb of ["lookup", "match"]) answers("registration", verb, "com.x");
    for (const verb of ["get", "list_callees", "count_callees"]) answers("registration", verb, id);
    answers("registration", "remove_callee", id, other.session);
    expect(heard()).toEqual(["on_create", "on_register", "on_unregister", "on_delete"]);
  });
  test("subscription_meta_api", "all procedures and events are there (META-P-01, META-P-02)", () => {
    const { other, hears, answers } = setup();
    const heard = hears("subscription", "on_create", "on_subscribe", "on_unsubscribe", "on_delete");
    const id = other.subscribe("com.x");
    answers("subscription", "list");
    for (const verb of ["lookup", "match"]) answers("subscription", verb, "com.x");
    for (const verb of ["get", "list_subscribers", "count_subscribers"]) answers("subscription", verb, id);
    answers("subscription", "remove_subscriber", id, other.session);
    expect(heard()).toEqual(["on_create", "on_subscribe", "on_unsubscribe", "on_delete"]);
  });
  test("testament_meta_api", "what a session left is published when it is gone (PS-TEST-01, PS-TEST-02)", () => {
    const { asker, other } = setup();
    const subscription = asker.subscribe("com.last");
    for (const word of ["first", "second"]) {
      expect(other.ask("wamp.session.flush_testaments")).toEqual([]);
      expect(other.ask("wamp.session.add_testament", ["com.last", [word], {}])).toEqual([]);
    }
    other.close("transport.lost");
    expect(asker.take(MessageType.Event)).toMatchObject({ subscription, payload: { args: ["second"] } });
    expect(asker.inbox).toEqual([]);
  });
});

afterAll(() => {
  // What else is announced has its proof in broker/feature.test.ts and dealer/feature.test.ts.
  const announced = [...ANNOUNCED.broker, ...ANNOUNCED.dealer].filter((flag) => flag.endsWith("_meta_api"));
  expect([...proven].sort()).toEqual([...new Set(announced)].sort());
});
