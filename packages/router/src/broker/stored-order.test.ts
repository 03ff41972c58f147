// Events that have to be stored first: when they are heard, and what waits for them (ORD-01, AMB-126, G3).
import { MessageType, NO_OPTIONS, Uri } from "@junctor/protocol";
import { type Append, type EventStore, MemoryEventStore, type Refusal, RouterError, refusal } from "@junctor/router";
import { ALL_ROLES, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";

/** A store that settles when it is told to. */
class HeldStore implements EventStore {
  readonly kind = "disk";
  readonly held: Append[] = [];
  readonly #inner = new MemoryEventStore();
  readonly retained = this.#inner.retained;
  readonly openLog = this.#inner.openLog;

  append(append: Append): void {
    this.held.push(append);
  }

  commit(count = this.held.length, refused?: Refusal): void {
    for (const append of this.held.splice(0, count)) {
      if (refused === undefined) this.#inner.append(append);
      else append.settle(append.event === undefined ? undefined : refused);
    }
  }
}

function setup() {
  const store = new HeldStore();
  const events = { store, history: [{ uri: "kept.", match: "prefix" as const }] };
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), events }] });
  const [publisher, listener] = [router.join(), router.join()];
  for (const prefix of ["kept.", "plain."]) listener.subscribe(prefix, { match: "prefix" });
  /** Topics that the listener has heard since. */
  const heard = () =>
    listener.inbox.splice(0).map((message) => (message.type === MessageType.Event ? message.details.topic : message.type));
  return { store, router, publisher, listener, heard };
}

test("an event is heard, and acknowledged, when it is stored, and not before (G3, AMB-73)", () => {
  const { store, publisher, heard } = setup();
  publisher.subscribe("kept.a");
  publisher.publish("kept.a", [1], { acknowledge: true, exclude_me: false });
  expect([publisher.inbox, heard()]).toEqual([[], []]);
  store.commit();
  const { publication } = publisher.take(MessageType.Published);
  expect(publisher.take(MessageType.Event)).toMatchObject({ publication, payload: { args: [1] } });
  expect(heard()).toEqual(["kept.a"]);
});

test("later publications of the same session wait, whatever their topic; those of others do not (ORD-01, AMB-126)", () => {
  const { store, router, publisher, heard } = setup();
  const other = router.join();
  publisher.publish("plain.0");
  for (const topic of ["kept.1", "plain.2", "kept.3", "plain.4"]) publisher.publish(topic, [], { acknowledge: true });
  other.publish("plain.other");
  expect(heard()).toEqual(["plain.0", "plain.other"]);
  store.commit(1);
  expect(heard()).toEqual(["kept.1"]);
  store.commit();
  expect(heard()).toEqual(["plain.2", "kept.3", "plain.4"]);
  expect(publisher.inbox.map(({ type }) => type)).toEqual(Array(4).fill(MessageType.Published));
  publisher.publish("plain.5");
  expect([heard(), store.held]).toEqual([["plain.5"], []]);
});

test("nothing but publications waits for a disk", () => {
  const { store, router, publisher } = setup();
  const callee = router.join();
  callee.register("com.add");
  publisher.publish("kept.a");
  publisher.subscribe("com.x");
  publisher.register("com.y");
  publisher.call("com.add");
  callee.yield(callee.take(MessageType.Invocation).request);
  publisher.take(MessageType.Result);
  expect(store.held).toHaveLength(1);
});

test("an event that cannot be stored is heard by nobody, and its publisher is told if it asked (F15, PS-08, AMB-17)", () => {
  const { store, router, publisher, heard } = setup();
  publisher.publish("kept.a", [], { acknowledge: true });
  publisher.publish("kept.b");
  publisher.publish("plain.c");
  store.commit(3, refusal(RouterError.storeFailed, "the disk is full"));
  expect(publisher.take(MessageType.Error)).toMatchObject({
    requestType: MessageType.Publish,
    request: 1,
    error: "junctor.error.store_failed",
    payload: { args: ["the disk is full"] },
  });
  expect([publisher.inbox, heard()]).toEqual([[], ["plain.c"]]);
  expect(router.router.realm("realm1")?.counters).toMatchObject({ publications: 1, publicationsRefused: 1 });
});

test("a publisher that leaves meanwhile has published, under the name it had (PS-PID-01)", () => {
  const { store, publisher, listener } = setup();
  publisher.publish("kept.a", [], { disclose_me: true, acknowledge: true });
  publisher.publish("plain.b");
  publisher.close("transport.lost");
  expect(listener.inbox).toEqual([]);
  store.commit();
  expect(listener.take(MessageType.Event)).toMatchObject({ details: { topic: "kept.a", publisher: publisher.session } });
  expect(listener.take(MessageType.Event).details.topic).toBe("plain.b");
});

test("what a session leaves behind comes after what it had published (PS-TEST-03, ORD-01)", () => {
  const { store, publisher, heard } = setup();
  publisher.ask("wamp.session.add_testament", ["plain.last", [], {}]);
  publisher.publish("kept.a");
  publisher.close("transport.lost");
  expect(heard()).toEqual([]);
  store.commit();
  expect(heard()).toEqual(["kept.a", "plain.last"]);
});

test("a topic retains an event when it is stored (PS-RETAIN-02)", () => {
  const { store, router, publisher } = setup();
  publisher.publish("kept.a", [1], { retain: true });
  const retained = (peer: TestPeer) => {
    peer.subscribe("kept.a", { get_retained: true });
    return peer.inbox.length;
  };
  expect(retained(router.join())).toBe(0);
  store.commit(1, refusal(RouterError.storeFailed));
  expect(retained(router.join())).toBe(0);
  publisher.publish("kept.a", [2], { retain: true });
  store.commit();
  expect(retained(router.join())).toBe(1);
});

test("what is addressed to sessions is not stored, so it waits for nothing (PS-HIST-11)", () => {
  const { store, publisher, listener, heard } = setup();
  publisher.publish("kept.a", [], { eligible: [listener.session] });
  publisher.publish("kept.b", [], { exclude: [publisher.session] });
  expect([store.held, heard()]).toEqual([[], ["kept.a", "kept.b"]]);
  publisher.publish("kept.c", [], { exclude: [] });
  expect(store.held).toHaveLength(1);
});

test("a realm says where its history is, which is what PUBLISHED means there (G3)", () => {
  const peer = setup().router.attach();
  peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
  expect(peer.take(MessageType.Welcome).details.x_history).toBe("disk");
});

test("any interleaving of publishers and commits: in order for each publisher, once, and never before it is stored (ORD-01)", () => {
  const step = fc.oneof(
    fc.record({ publisher: fc.nat(2), topic: fc.constantFrom("kept.a", "kept.b", "plain.a"), ack: fc.boolean() }),
    fc.record({ commit: fc.integer({ min: 1, max: 3 }), fails: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { store, router, listener } = setup();
      const publishers = [router.join(), router.join(), router.join()];
      const published: [number, number][] = [];
      const refused = new Set<number>();
      for (const each of steps) {
        if ("commit" in each) {
          const group = store.held.slice(0, each.commit);
          if (each.fails) for (const { event } of group) if (event !== undefined) refused.add(Number(event.payload.args?.[1]));
          store.commit(each.commit, each.fails ? refusal(RouterError.storeFailed) : undefined);
        } else {
          const number = published.push([each.publisher, published.length]) - 1;
          publishers[each.publisher]?.publish(each.topic, [each.publisher, number], each.ack ? { acknowledge: true } : NO_OPTIONS);
        }
        const unstored = new Set(store.held.map(({ event }) => event?.payload.args?.[1]));
        for (const message of listener.inbox)
          if (message.type === MessageType.Event) expect(unstored.has(message.payload.args?.[1])).toBe(false);
      }
      store.commit();
      const heard = listener.inbox.flatMap((message) => (message.type === MessageType.Event ? [message.payload.args] : []));
      for (const [publisher] of publishers.entries()) {
        const all = published.filter(([by, number]) => by === publisher && !refused.has(number));
        expect(heard.filter((args) => args?.[0] === publisher)).toEqual(all);
      }
    }),
    { numRuns: 300 },
  );
});

test("values of a program in the same process that have no form in any serializer are refused (AMB-28)", () => {
  const { publisher, store } = setup();
  const loop: unknown[] = [];
  loop.push(loop);
  publisher.publish("kept.a", [loop], { acknowledge: true });
  expect(publisher.take(MessageType.Error).error).toBe(Uri.invalidArgument);
  expect(store.held).toEqual([]);
});
