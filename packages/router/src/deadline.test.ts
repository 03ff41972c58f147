import fc from "fast-check";
import { expect, test } from "vitest";
import { Deadlines } from "./deadline.ts";

class ManualClock {
  time = 0;
  wake = Number.POSITIVE_INFINITY;
  now(): number {
    return this.time;
  }
  date(): number {
    return this.time;
  }
  wakeAt(time: number): void {
    this.wake = Math.min(this.wake, time);
  }
}

test("what is due runs in order of time, once, unless cancelled, and the clock is asked for the next", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("add" as const), value: fc.nat(50) }),
    fc.record({ kind: fc.constant("cancel" as const), value: fc.nat(100) }),
    fc.record({ kind: fc.constant("advance" as const), value: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const clock = new ManualClock();
      const deadlines = new Deadlines(clock);
      const made: { time: number; cancel: () => void }[] = [];
      const expected = new Map<number, number>(); // number → time
      const ran: number[] = [];
      for (const { kind, value } of steps) {
        if (kind === "add") {
          const number = made.length;
          made.push(deadlines.after(value, () => ran.push(number)));
          expected.set(number, clock.time + value);
        } else if (kind === "cancel") {
          made[value]?.cancel();
          expected.delete(value);
        } else {
          clock.time += value;
          ran.length = 0;
          clock.wake = Number.POSITIVE_INFINITY;
          deadlines.run();
          const due = [...expected].filter(([, time]) => time <= clock.time).map(([number]) => number);
          expect([...ran].sort()).toEqual(due.sort());
          const times = ran.map((number) => expected.get(number) ?? 0);
          expect(times).toEqual([...times].sort((a, b) => a - b));
          for (const number of due) expected.delete(number);
        }
        expect(deadlines.size).toBe(expected.size);
        const next = Math.min(...expected.values());
        if (Number.isFinite(next)) expect(clock.wake).toBeLessThanOrEqual(next);
      }
    }),
    { numRuns: 500 },
  );
});

test("a task may add and cancel others while it runs", () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const ran: string[] = [];
  const later = deadlines.after(2, () => ran.push("cancelled"));
  deadlines.after(1, () => {
    ran.push("first");
    later.cancel();
    deadlines.after(0, () => ran.push("second"));
  });
  clock.time = 5;
  deadlines.run();
  expect([ran, deadlines.size]).toEqual([["first", "second"], 0]);
});
