/**
 * One page of history: `wamp.subscription.get_events` of 500 events of 256 B, from the call's bytes to the RESULT's, by the
 * format in which the events came and the one in which they are asked for. Processor time of the whole process.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Payload } from "@junctor/protocol";
import { nodeSerializers } from "@junctor/transport-node";
import { openDiskStore } from "../packages/server/dist/store/open-disk-store.js";
import { measureTurns } from "./measure.mjs";
import { startRouter } from "./wire.mjs";

const EVENTS = 500;
const [json, msgpack] = nodeSerializers;
const everything = { call: true, register: true, publish: true, subscribe: true };
const directory = mkdtempSync(join(tmpdir(), "junctor-page-"));
const store = await openDiskStore(directory, { log: (event) => console.error(event) });

/** A session whose transport is a serializer and nothing else. */
class Speaker {
  #receiver;
  #request = 0;
  #answered = undefined;
  #serializer;

  constructor(router, serializer) {
    this.#serializer = serializer;
    this.#receiver = router.attach(this, { transport: "none", serializer: serializer.name });
    this.#receiver.receive(this.#wire({ type: 1, realm: "realm1", details: { roles: { caller: {}, publisher: {}, subscriber: {} } } }));
  }

  send(message) {
    const { length } = this.#serializer.encode(message);
    this.#answered?.(length);
    return "sent";
  }
  close() {}

  ask(message) {
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#receiver.receive(this.#wire({ request: ++this.#request, ...message }));
    });
  }

  #wire(message) {
    return this.#serializer.decode(this.#serializer.encode(message));
  }
}

for (const [place, kept] of Object.entries({ memory: {}, disk: { store } })) {
  for (const written of [json, msgpack]) {
    const uri = `com.example.${place}.${written.name}`;
    const router = startRouter({
      roles: [
        {
          name: "anonymous",
          permissions: ["com.example.", "wamp."].map((uri) => ({ uri, match: "prefix", allow: everything })),
        },
      ],
      events: { history: [{ uri, match: "exact", events: 10_000, bytes: 64 << 20 }], ...kept },
    });
    const publisher = new Speaker(router, written);
    const data = { text: "x".repeat(200), number: 1.5, list: [1, 2, 3] };
    for (let i = 0; i < EVENTS; i++)
      await publisher.ask({ type: 16, options: { acknowledge: true }, topic: uri, payload: Payload.of([data], { i }) });
    for (const reader of [json, msgpack]) {
      const speaker = new Speaker(router, reader);
      const { id } = router.realm("realm1").broker.find(uri, "exact");
      const call = { type: 48, options: {}, procedure: "wamp.subscription.get_events", payload: Payload.of([id], { limit: EVENTS }) };
      await measureTurns(`${place}, written as ${written.name}, read as ${reader.name}`, async (count) => {
        for (let i = 0; i < count; i++) if ((await speaker.ask(call)) < EVENTS * 256) throw new Error("not a whole page");
        return count;
      });
    }
  }
}
await store.close();
rmSync(directory, { recursive: true });
