// Time that a test moves. It is the router's clock and the client's timers in one.
export function manualClock() {
  let now = 0;
  const timers = new Map();
  const clock = {
    wake: () => {},
    now: () => now,
    date: () => now,
    wakeAt: (time) => timers.set("router", { time, task: () => clock.wake() }),
    set: (task, ms) => {
      const timer = {};
      timers.set(timer, { time: now + ms, task });
      return timer;
    },
    clear: (timer) => timers.delete(timer),
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const [due] = [...timers].filter(([, { time }]) => time <= end).sort(([, a], [, b]) => a.time - b.time);
        if (due === undefined) break;
        timers.delete(due[0]);
        now = Math.max(now, due[1].time);
        due[1].task();
      }
      now = end;
    },
  };
  return clock;
}
