import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_RETENTION, type Refusal, RouterError } from "@junctor/router";
import { append, describeEventStore, everything, publications, retainedEvent, storedEvent } from "@junctor/testkit/event-store-suite";
import { nodeSerializers } from "@junctor/transport-node";
import * as lmdb from "lmdb";
import { describe, expect, test } from "vitest";
import type { StoreEvent } from "../log.ts";
import { DiskEventStore, type DiskPort, type DiskStoreOptions } from "./disk-event-store.ts";
import type { DiskReply, DiskRequest } from "./disk-messages.ts";
import { DiskService } from "./disk-service.ts";

/** A store whose disk is served in this thread, between two turns. The worker has its own test: crash.test.ts. */
function open(path: string, log: (event: StoreEvent) => void = () => {}, options: Partial<DiskStoreOptions> = {}) {
  const service = new DiskService(path, `${process.pid} ${Math.random()}`, nodeSerializers);
  const port: DiskPort = {
    post: (request) => void setImmediate(() => port.onReply(service.handle(request))),
    onReply: () => {},
    onLost: () => {},
    end: () => service.close(),
  };
  const opened = service.opened();
  const store = new DiskEventStore(port, {
    path,
    retained: opened.kind === "opened" ? opened.retained : [],
    damaged: opened.kind === "opened" ? opened.damaged : 0,
    serializers: nodeSerializers,
    queueBytes: 1_000_000,
    date: () => 0,
    afterTurn: (task) => void setImmediate(task),
    log,
    ...options,
  });
  return { store, service, port, [Symbol.asyncDispose]: () => store.close() };
}

function directory() {
  const path = mkdtempSync(join(tmpdir(), "junctor-store-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

describeEventStore("disk", async () => {
  const { path, [Symbol.dispose]: remove } = directory();
  const opened = open(path);
  return {
    store: opened.store,
    [Symbol.asyncDispose]: async () => {
      await opened.store.close();
      remove();
    },
  };
});

describe("what was stored is there again", () => {
  test("when the store is opened again, in the same order, and goes on from there (G12)", async () => {
    using place = directory();
    {
      await using opened = open(place.path);
      const log = opened.store.openLog(everything);
      const other = opened.store.openLog({ ...everything, uri: "org.", match: "prefix" });
      for (const id of [1, 2, 3]) await append(opened.store, storedEvent(id), [log]);
      await append(opened.store, storedEvent(4), [other]);
    }
    {
      await using opened = open(place.path);
      // The configuration names them in another order now, and one more.
      const added = opened.store.openLog({ ...everything, uri: "com.x", match: "exact" });
      const other = opened.store.openLog({ ...everything, uri: "org.", match: "prefix" });
      const log = opened.store.openLog(everything);
      await append(opened.store, storedEvent(5), [log, added]);
      expect([await publications(log), await publications(other), await publications(added)]).toEqual([[1, 2, 3, 5], [4], [5]]);
      expect(await publications(log, { afterPublication: 2, reverse: true })).toEqual([5, 3]);
    }
  });

  test("but not more than the limits of now allow", async () => {
    using place = directory();
    {
      await using opened = open(place.path);
      const log = opened.store.openLog(everything);
      for (const id of [10, 20, 30, 40]) await append(opened.store, storedEvent(id), [log]);
    }
    await using opened = open(place.path, () => {}, { date: () => 125 });
    const log = opened.store.openLog({ ...everything, events: 3, ageMs: 100 });
    expect(await publications(log, { now: 125 })).toEqual([30, 40]);
    expect(await publications(log, { now: 0 })).toEqual([30, 40]);
  });

  test("values that a topic retains, and the order of their changes (PS-RETAIN-05)", async () => {
    using place = directory();
    const restricted = retainedEvent(3, { topic: "com.b", audience: { eligible_authid: ["anna"] }, excluded: 77 });
    {
      await using opened = open(place.path);
      const { retained } = opened.store;
      retained.keep(retainedEvent(9, { topic: "com.gone", time: 0 }), DEFAULT_RETENTION);
      for (const [id, topic] of [
        [1, "com.a"],
        [2, "com.b"],
        [4, "com.a"],
      ] as const)
        retained.keep(retainedEvent(id, { topic }), DEFAULT_RETENTION);
      retained.keep(restricted, DEFAULT_RETENTION);
      expect(retained.refuses("com.new", 1, 100, { ...DEFAULT_RETENTION, ageMs: 100 })).toBeUndefined(); // forgets com.gone
    }
    await using opened = open(place.path);
    const found = (authid: string, id = 1) =>
      opened.store.retained
        .matching({ uri: "com.", match: "prefix" }, { id, authid, authrole: "reader" }, 100, DEFAULT_RETENTION)
        .map(({ publication }) => publication);
    expect([found("anna"), found("bert"), found("anna", 77), opened.store.retained.size]).toEqual([[3, 4], [2, 4], [2, 4], 2]);
  });
});

describe("one writer at a time", () => {
  test("a store that another process has opened takes nothing more, and says so", async () => {
    using place = directory();
    const events: StoreEvent[] = [];
    await using first = open(place.path, (event) => events.push(event));
    const log = first.store.openLog(everything);
    await append(first.store, storedEvent(1), [log]);
    await using second = open(place.path);
    const later = second.store.openLog(everything);
    expect(await append(first.store, storedEvent(2), [log])).toMatchObject({
      error: RouterError.storeFailed,
      args: [expect.stringContaining("another process")],
    });
    expect(await append(first.store, storedEvent(3), [log])).toMatchObject({ error: RouterError.storeFailed });
    expect(await append(second.store, storedEvent(4), [later])).toBeUndefined();
    expect(await publications(later)).toEqual([1, 4]);
    expect(events).toMatchObject([{ event: "store.failed", isFinal: true }]);
  });

  test("a store of an unknown format is left alone, and the message names the way out (G16)", async () => {
    using place = directory();
    const future = lmdb.open({ path: place.path, encoding: "json" });
    const meta = future.openDB({ name: "meta", encoding: "json" });
    await meta.put("format", 2);
    await future.close();
    expect(() => open(place.path)).toThrow("its format is 2, and this version of Junctor knows 1");
    expect(() => open(place.path)).toThrow("its format is 2"); // nothing was changed
  });
});

describe("a disk that is damaged (F18)", () => {
  /** Changes the first value of one of the store's databases. */
  const damage = async (path: string, name: string, keyEncoding: "binary" | "ordered-binary" = "ordered-binary") => {
    const root = lmdb.open({ path, encoding: "binary" });
    const database = root.openDB<Buffer, lmdb.Key>({ name, encoding: "binary", keyEncoding });
    for (const { key, value } of [...database.getRange({ limit: 1 })]) await database.put(key, flipped(value));
    await root.close();
  };
  const flipped = (value: Buffer) => {
    value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
    return value;
  };

  test("what is damaged is never given for what it was, and the rest is there", async () => {
    using place = directory();
    {
      await using opened = open(place.path);
      const log = opened.store.openLog(everything);
      for (const id of [1, 2, 3]) await append(opened.store, storedEvent(id), [log]); // a block each
    }
    await damage(place.path, "history");
    const logged: StoreEvent[] = [];
    await using opened = open(place.path, (event) => void logged.push(event));
    const log = opened.store.openLog(everything);
    await expect(publications(log)).rejects.toThrow(RouterError.storeFailed);
    await expect(publications(log)).rejects.toThrow(RouterError.storeFailed);
    const message = expect.stringMatching(/^the history of all topics \(prefix\): ./);
    expect(logged).toEqual([{ event: "store.damaged", path: place.path, message }]);
    expect(await publications(log, { reverse: true, limit: 1 })).toEqual([3]);
    expect(await publications(log, { afterPublication: 2 })).toEqual([3]);
    expect(await append(opened.store, storedEvent(4), [log])).toBeUndefined();
    expect(await publications(log, { afterPublication: 2 })).toEqual([3, 4]);
  });

  test("a retained value that is damaged is missing, not wrong", async () => {
    using place = directory();
    {
      await using opened = open(place.path);
      for (const [id, topic] of ["com.a", "com.b"].entries())
        opened.store.retained.keep(retainedEvent(id + 1, { topic }), DEFAULT_RETENTION);
    }
    await damage(place.path, "retained", "binary");
    const logged: StoreEvent[] = [];
    await using opened = open(place.path, (event) => void logged.push(event));
    expect(opened.store.retained.size).toBe(1);
    expect(logged).toEqual([{ event: "store.damaged", path: place.path, message: "a retained value is missing" }]);
  });

  test("the end of a log is found out again", async () => {
    using place = directory();
    {
      await using opened = open(place.path);
      const log = opened.store.openLog(everything);
      for (const id of [1, 2, 3]) await append(opened.store, storedEvent(id), [log]);
    }
    await damage(place.path, "ends");
    await using opened = open(place.path);
    const log = opened.store.openLog(everything);
    await append(opened.store, storedEvent(4), [log]);
    expect(await publications(log)).toEqual([1, 2, 3, 4]);
  });
});

describe("waiting for the disk", () => {
  /** A worker that answers when it is told to. */
  function held(options: Partial<DiskStoreOptions> = {}) {
    const requests: DiskRequest[] = [];
    const events: StoreEvent[] = [];
    let turn: (() => void) | undefined;
    const port: DiskPort = {
      post: (request) => {
        requests.push(request);
        if (request.kind !== "commit") queueMicrotask(() => port.onReply({ kind: "done" }));
      },
      onReply: () => {},
      onLost: () => {},
      end: async () => {},
    };
    const store = new DiskEventStore(port, {
      path: "/data",
      retained: [],
      damaged: 0,
      serializers: nodeSerializers,
      queueBytes: 1_000_000,
      date: () => 0,
      afterTurn: (task) => {
        turn = task;
      },
      log: (event) => events.push(event),
      ...options,
    });
    const log = store.openLog(everything);
    const settled: string[] = [];
    const settle = (name: string) => (refused: Refusal | undefined) => settled.push(refused === undefined ? name : `${name}!`);
    const put = (name: string) => store.append({ event: storedEvent(1), logs: [log], settle: settle(name) });
    const putPlain = (name: string) => store.append({ event: undefined, logs: [], settle: settle(name) });
    const commits = () => requests.filter((request) => request.kind === "commit");
    return {
      port,
      events,
      settled,
      put,
      putPlain,
      commits,
      store,
      endTurn: () => turn?.(),
      committed: (reply: DiskReply = { kind: "done" }) => port.onReply(reply),
    };
  }
  const full: DiskReply = { kind: "failed", message: "the disk is full", isFinal: false };
  const broken: DiskReply = { kind: "failed", message: "Input/output error", isFinal: true };

  test("one commit takes what came in one turn, the next what came meanwhile (G3)", async () => {
    const disk = held();
    await Promise.resolve();
    for (const name of ["a", "b"]) disk.put(name);
    expect([disk.commits().length, disk.settled]).toEqual([0, []]);
    disk.endTurn();
    for (const name of ["c", "d", "e"]) disk.put(name);
    disk.putPlain("plain");
    expect([disk.commits().length, disk.settled]).toEqual([1, []]);
    disk.committed();
    expect(disk.settled).toEqual(["a", "b"]);
    expect(disk.commits().map((commit) => commit.kind === "commit" && commit.blocks.map(({ count }) => count))).toEqual([[2], [3]]);
    disk.committed();
    expect(disk.settled).toEqual(["a", "b", "c", "d", "e", "plain"]);
  });

  test("a commit that fails refuses its events and no others; a full disk may have room again (F15)", async () => {
    const disk = held();
    await Promise.resolve();
    disk.put("a");
    disk.putPlain("plain");
    disk.endTurn();
    disk.put("b");
    disk.committed(full);
    expect(disk.settled).toEqual(["a!", "plain"]);
    disk.committed(full);
    disk.put("c");
    disk.endTurn();
    disk.committed();
    expect(disk.settled).toEqual(["a!", "plain", "b!", "c"]);
    expect(disk.events.map(({ event }) => event)).toEqual(["store.failed", "store.recovered"]);
  });

  test("after a write that failed for any other reason nothing is written any more (F16)", async () => {
    const disk = held();
    await Promise.resolve();
    disk.put("a");
    disk.endTurn();
    disk.put("b");
    disk.putPlain("plain");
    disk.committed(broken);
    disk.put("c");
    expect(disk.settled).toEqual(["a!", "b!", "plain", "c!"]);
    expect(disk.commits().length).toBe(1);
    expect(disk.events).toMatchObject([{ event: "store.failed", isFinal: true }]);
  });

  test("a worker that is gone answers everything that waits, with an error", async () => {
    const disk = held();
    await Promise.resolve();
    disk.put("a");
    disk.endTurn();
    disk.put("b");
    disk.port.onLost("its worker has ended");
    disk.put("c");
    expect(disk.settled).toEqual(["a!", "b!", "c!"]);
    await expect(publications(disk.store.openLog(everything))).rejects.toThrow(RouterError.storeFailed);
    await disk.store.close();
  });

  test("what waits is bounded: more is refused at once (G8)", async () => {
    const disk = held({ queueBytes: 100 });
    await Promise.resolve();
    for (const name of ["a", "b", "c", "d", "e"]) disk.put(name);
    expect(disk.settled).toEqual(["d!", "e!"]);
    disk.endTurn();
    disk.put("f");
    disk.committed();
    disk.put("g");
    expect(disk.settled).toEqual(["d!", "e!", "f!", "a", "b", "c"]);
  });

  test("values that could not be retained on the disk are tried again, unless there are newer ones (PS-RETAIN-06)", async () => {
    const disk = held();
    await Promise.resolve();
    const topics = () => disk.commits().map((commit) => commit.kind === "commit" && commit.retained.map(({ topic }) => topic));
    for (const [id, topic] of ["a", "b"].entries()) disk.store.retained.keep(retainedEvent(id + 1, { topic }), DEFAULT_RETENTION);
    disk.endTurn();
    disk.store.retained.keep(retainedEvent(3, { topic: "b" }), DEFAULT_RETENTION);
    disk.committed(full);
    disk.put("event");
    disk.endTurn();
    expect(topics()).toEqual([
      ["a", "b"],
      ["b", "a"],
    ]);
  });
});
