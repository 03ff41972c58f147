// The supervisor in a world of its own: no process, no clock. What it orders is carried out, late or never, as the test says.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { RestartPolicy } from "./restart-policy.ts";
import { type Effect, type ServiceSpec, Supervisor } from "./supervisor.ts";

const RESTART: RestartPolicy = { when: "always", delayMs: 500, longestDelayMs: 30_000, attempts: 5, windowMs: 60_000 };
const GRACE = 10_000;

function spec(name: string, rest: Partial<ServiceSpec> = {}): ServiceSpec {
  return { name, instances: 1, after: [], restart: RESTART, readyTimeoutMs: 30_000, stopGraceMs: GRACE, ...rest };
}

/** Carries effects out at once, on processes that are a line in a table. */
class World {
  now = 0;
  readonly supervisor = new Supervisor(() => 1 - Number.EPSILON);
  readonly processes = new Map<string, { stoppedAt: number | undefined; isReady: boolean; leaderEnded: boolean }>();
  readonly spawns: { readonly key: string; readonly time: number }[] = [];
  readonly changes: string[] = [];

  do(effects: readonly Effect[]): void {
    for (const effect of effects) {
      const key = `${effect.service}/${effect.instance}`;
      const process = this.processes.get(key);
      switch (effect.kind) {
        case "spawn":
          expect(process, `${key} has one process at most`).toBe(undefined);
          this.processes.set(key, { stoppedAt: undefined, isReady: false, leaderEnded: false });
          this.spawns.push({ key, time: this.now });
          break;
        case "stop":
          expect(process, `only what runs is stopped: ${key}`).toBeDefined();
          if (process) process.stoppedAt = this.now;
          break;
        case "kill":
          expect(this.now - (process?.stoppedAt ?? Number.NaN), `${key} has its grace`).toBeGreaterThanOrEqual(GRACE);
          this.processes.delete(key);
          this.do(this.supervisor.vanished(effect.service, effect.instance, this.now));
          break;
        case "changed":
          this.changes.push(`${key} ${effect.state}${effect.reason === "" ? "" : `: ${effect.reason}`}`);
      }
    }
  }

  /** Moves time on, waking the supervisor when it wants to be. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (let wakes = 0; this.supervisor.deadline <= end; wakes++) {
      expect(wakes, "time goes on").toBeLessThan(10_000);
      this.now = Math.max(this.now, this.supervisor.deadline);
      this.do(this.supervisor.wake(this.now));
    }
    this.now = end;
  }

  put(...specs: readonly ServiceSpec[]): void {
    for (const each of specs) this.do(this.supervisor.put(each, true, this.now));
  }

  ready(service: string, instance = 1): void {
    const process = this.processes.get(`${service}/${instance}`);
    if (process) process.isReady = true;
    this.do(this.supervisor.ready(service, instance, this.now));
  }

  exit(service: string, instance = 1, code: number | null = 0, hasRemnants = false): void {
    const process = this.processes.get(`${service}/${instance}`);
    if (process === undefined || process.leaderEnded) return;
    process.leaderEnded = true;
    if (!hasRemnants) this.processes.delete(`${service}/${instance}`);
    this.do(this.supervisor.exited(service, instance, { code, signal: code === null ? "SIGKILL" : null }, hasRemnants, this.now));
  }

  vanish(service: string, instance = 1): void {
    const key = `${service}/${instance}`;
    if (this.processes.get(key)?.leaderEnded !== true) return;
    this.processes.delete(key);
    this.do(this.supervisor.vanished(service, instance, this.now));
  }

  states(service: string): string[] {
    return this.supervisor.instancesOf(service).map(({ state, reason }) => (reason === "" ? state : `${state}: ${reason}`));
  }

  take(): string[] {
    return this.changes.splice(0);
  }
}

test("a service starts when those are ready that it comes after, and ends before them", () => {
  const world = new World();
  world.put(spec("api", { after: ["db"] }), spec("db"));
  world.advance(1_000);
  expect(world.states("api")).toEqual(["waiting: waits for db"]);
  world.ready("db");
  world.advance(1_000);
  world.ready("api");
  world.take();
  world.do(world.supervisor.close(world.now));
  expect(world.states("db")).toEqual(["ready"]);
  world.exit("api");
  expect(world.take()).toEqual(["api/1 stopping", "api/1 stopped", "db/1 stopping"]);
  world.exit("db");
  expect(world.supervisor.isIdle).toBe(true);
});

test("a service whose dependency has failed waits, says so, and starts when that one is started and comes up", () => {
  const world = new World();
  world.put(spec("db", { restart: { ...RESTART, when: "never" } }), spec("api", { after: ["db"] }));
  world.exit("db", 1, 1);
  expect(world.states("db")).toEqual(["failed: ended with exit code 1"]);
  expect(world.states("api")).toEqual(["waiting: waits for db, which has failed"]);
  world.do(world.supervisor.start("db", world.now));
  world.advance(100);
  world.ready("db");
  world.advance(100);
  expect(world.states("api")).toEqual(["starting"]);
});

test("one that loses its dependency goes on; it waits for it when it has to start again", () => {
  const world = new World();
  world.put(spec("db"), spec("api", { after: ["db"] }));
  world.ready("db");
  world.advance(100);
  world.ready("api");
  world.exit("db", 1, 1);
  expect(world.states("api")).toEqual(["ready"]);
  world.do(world.supervisor.stop("db", world.now));
  world.exit("api", 1, 1);
  world.advance(1_000);
  expect(world.states("api")).toEqual(["waiting: waits for db"]);
});

test("a crash loop is slowed down, twice as long each time, and given up; whoever stays up for the window begins anew", () => {
  const world = new World();
  world.put(spec("api"));
  const waits: number[] = [];
  const crash = () => {
    world.exit("api", 1, null);
    const from = world.now;
    while (world.states("api")[0]?.startsWith("backing_off") === true) world.advance(50);
    waits.push(world.now - from);
  };
  for (let i = 0; i < 5; i++) crash();
  world.ready("api");
  world.advance(60_000);
  for (let i = 0; i < 6; i++) crash();
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 500, 1_000, 2_000, 4_000, 8_000, 0]);
  expect(world.states("api")).toEqual(["failed: ended by SIGKILL; started again 5 times within 60 s"]);
});

test("on-failure starts again what has failed only, never nothing; what ends well has stopped", () => {
  const world = new World();
  world.put(spec("job", { restart: { ...RESTART, when: "on-failure" } }), spec("once", { restart: { ...RESTART, when: "never" } }));
  world.advance(100);
  world.exit("job", 1, 1);
  world.exit("once", 1, 0);
  world.advance(1_000);
  expect([...world.states("job"), ...world.states("once")]).toEqual(["starting", "stopped: ended with exit code 0"]);
  world.exit("job", 1, 0);
  world.advance(60_000);
  expect(world.states("job")).toEqual(["stopped: ended with exit code 0"]);
});

test("one that is not ready in time is stopped and counts as failed", () => {
  const world = new World();
  world.put(spec("api", { readyTimeoutMs: 3_000, restart: { ...RESTART, when: "on-failure" } }));
  world.advance(3_000);
  expect(world.take().at(-1)).toBe("api/1 stopping: was not ready within 3 s");
  world.exit("api", 1, 0); // it is polite, and all the same it has failed
  expect(world.states("api")).toEqual(["backing_off: was not ready within 3 s"]);
});

test("one that ignores its stop signal is killed after the grace, and once more where that does not help at once", () => {
  const world = new World();
  world.put(spec("api"));
  world.ready("api");
  world.do(world.supervisor.stop("api", world.now));
  world.advance(GRACE - 1);
  expect(world.states("api")).toEqual(["stopping"]);
  world.advance(1);
  expect(world.states("api")).toEqual(["stopped"]);
});

test("processes that a service leaves behind end before it is started again", () => {
  const world = new World();
  world.put(spec("api"));
  world.ready("api");
  world.exit("api", 1, 1, true);
  world.advance(GRACE / 2);
  expect(world.states("api")).toEqual(["stopping: ended with exit code 1, and processes of it are left"]);
  world.vanish("api");
  expect(world.states("api")).toEqual(["backing_off: ended with exit code 1"]);
});

test("a restart takes an instance at a time, each when the one before is ready", () => {
  const world = new World();
  world.put(spec("api", { instances: 3 }));
  world.advance(1_000);
  for (const number of [1, 2, 3]) world.ready("api", number);
  world.do(world.supervisor.restart("api", "asked for", world.now));
  for (const number of [1, 2, 3]) {
    expect(world.states("api").map((state) => state.split(":")[0])).toEqual(
      [1, 2, 3].map((each) => (each === number ? "stopping" : "ready")),
    );
    world.exit("api", number);
    world.advance(1_000);
    expect(world.states("api")[number - 1]).toBe("starting");
    world.ready("api", number);
  }
  expect(world.states("api")).toEqual(["ready", "ready", "ready"]);
});

test("a new configuration that does not come up leaves the other instances as they are", () => {
  const world = new World();
  world.put(spec("api", { instances: 2 }));
  world.advance(1_000);
  for (const number of [1, 2]) world.ready("api", number);
  world.put(spec("api", { instances: 2, restart: { ...RESTART, when: "never" } }));
  world.exit("api", 1);
  world.advance(1_000);
  world.exit("api", 1, 2);
  world.advance(60_000);
  expect(world.states("api")).toEqual(["failed: ended with exit code 2", "ready"]);
});

test("a service that is removed stops and is forgotten; one that is put back while it stops comes back", () => {
  const world = new World();
  world.put(spec("api"));
  world.ready("api");
  world.do(world.supervisor.remove("api", world.now));
  world.put(spec("api"));
  world.exit("api");
  world.advance(1_000);
  expect(world.states("api")).toEqual(["starting"]);
  world.do(world.supervisor.remove("api", world.now));
  world.exit("api");
  expect(world.supervisor.specs).toEqual([]);
});

test("processes are started one after another, whoever waits longest first", () => {
  const world = new World();
  world.put(spec("many", { instances: 40 }), spec("late"));
  world.advance(1_000);
  expect(world.spawns.filter(({ time }) => time < 1_000)).toHaveLength(20);
  world.advance(1_100);
  expect(world.spawns.at(-1)?.key).toBe("late/1");
});

// --- any order of events --------------------------------------------------------------------------------------------------

const NAMES = ["db", "api", "job"] as const;
const AFTER: Readonly<Record<string, readonly string[]>> = { db: [], api: ["db"], job: ["api", "db"] };
const name = fc.constantFrom(...NAMES);
const instance = fc.integer({ min: 1, max: 3 });
const step = fc.oneof(
  fc.record({ do: fc.constant("put" as const), name, instances: instance, when: fc.constantFrom("always", "on-failure", "never") }),
  fc.record({ do: fc.constantFrom("start", "stop", "restart", "remove"), name }),
  fc.record({ do: fc.constant("exit" as const), name, instance, code: fc.constantFrom(0, 1), hasRemnants: fc.boolean() }),
  fc.record({ do: fc.constantFrom("ready", "vanish", "condemn"), name, instance }),
  fc.record({ do: fc.constant("advance" as const), ms: fc.constantFrom(10, 60, 1_000, 20_000) }),
);

test("whatever happens: no second process, none before its dependencies, none killed without grace, none left in the end", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World();
      const { supervisor } = world;
      for (const each of steps) {
        const before = world.spawns.length;
        switch (each.do) {
          case "put":
            world.put(
              spec(each.name, { instances: each.instances, after: AFTER[each.name] ?? [], restart: { ...RESTART, when: each.when } }),
            );
            break;
          case "start":
          case "stop":
          case "remove":
            world.do(supervisor[each.do](each.name, world.now));
            break;
          case "restart":
            world.do(supervisor.restart(each.name, "asked for", world.now));
            break;
          case "exit":
            world.exit(each.name, each.instance, each.code, each.hasRemnants);
            break;
          case "ready":
          case "vanish":
            world[each.do](each.name, each.instance);
            break;
          case "condemn":
            world.do(supervisor.condemn(each.name, each.instance, "too large", world.now));
            break;
          case "advance":
            world.advance(each.ms);
        }
        for (const { key } of world.spawns.slice(before)) {
          // Exits within the same step may have taken a dependency away again; only a step that cannot is looked at.
          if (each.do !== "ready" && each.do !== "start" && each.do !== "put") continue;
          for (const needed of AFTER[key.split("/")[0] ?? ""] ?? []) expect(supervisor.isReady(needed), `${needed} for ${key}`).toBe(true);
        }
        for (const service of NAMES)
          for (const { number, isRunning } of supervisor.instancesOf(service))
            expect(world.processes.has(`${service}/${number}`), `${service}/${number}`).toBe(isRunning);
      }
      for (const [i, { time }] of world.spawns.entries())
        if (i > 0) expect(time - (world.spawns[i - 1]?.time ?? 0)).toBeGreaterThanOrEqual(50);
      // Whoever comes up at once, and does not end, is ready in the end, unless somebody stopped it or it failed for good.
      for (let i = 0; i < 40; i++) {
        world.advance(1_000);
        for (const key of [...world.processes.keys()]) {
          const [service = "", number] = key.split("/");
          world.vanish(service, Number(number));
          if (world.processes.get(key)?.stoppedAt === undefined) world.ready(service, Number(number));
          else world.exit(service, Number(number));
        }
      }
      for (const service of NAMES)
        for (const { state, reason } of supervisor.instancesOf(service))
          expect(["ready", "stopped", "failed", "waiting"], `${service} ${state} ${reason}`).toContain(state);
      world.do(supervisor.close(world.now));
      world.advance(3 * GRACE);
      expect(world.processes.size).toBe(0);
      expect(supervisor.isIdle).toBe(true);
      expect(supervisor.deadline).toBe(Number.POSITIVE_INFINITY);
    }),
    { numRuns: 300 },
  );
});
