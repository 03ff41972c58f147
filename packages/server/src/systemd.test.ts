// systemd is told in order, by a program of its own, and only where it listens.
import { expect, test } from "vitest";
import type { LogEvent } from "./log.ts";
import { Systemd } from "./systemd.ts";

test("what has happened is told in its order, to the socket that systemd named, which services do not inherit", async () => {
  const told: string[] = [];
  const environment = { NOTIFY_SOCKET: "@notify", WATCHDOG_USEC: "60000000", WATCHDOG_PID: "1", PATH: "/bin" };
  const systemd = new Systemd(
    environment,
    () => {},
    async (assignments, socket) => {
      await new Promise((resolve) => setImmediate(resolve));
      told.push(`${socket} ${assignments.join(" ")}`);
    },
  );
  void systemd.ready("2 realms");
  void systemd.reloading();
  void systemd.ready("3 realms");
  await systemd.stopping();
  expect(told).toEqual(["@notify READY=1 STATUS=2 realms", "@notify RELOADING=1", "@notify READY=1 STATUS=3 realms", "@notify STOPPING=1"]);
  expect(environment).toEqual({ PATH: "/bin" });
});

test("without systemd nothing is run", async () => {
  const systemd = new Systemd(
    {},
    () => {},
    () => Promise.reject(new Error("run")),
  );
  await systemd.ready("");
  await systemd.stopping();
});

test("a failure is logged once, and nothing ends by it", async () => {
  const log: LogEvent[] = [];
  const systemd = new Systemd(
    { NOTIFY_SOCKET: "/x" },
    (event) => log.push(event),
    () => Promise.reject(new Error("no systemd-notify")),
  );
  await systemd.ready("");
  await systemd.stopping();
  expect(log).toEqual([{ event: "systemd.failed", message: "no systemd-notify" }]);
});
