import { MemoryEventStore } from "@junctor/router";
import { describeEventStore } from "@junctor/testkit/event-store-suite";

describeEventStore("memory", async () => ({ store: new MemoryEventStore(), [Symbol.asyncDispose]: async () => {} }));
