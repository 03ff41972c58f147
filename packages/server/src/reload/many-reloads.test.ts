// A thousand reloads while calls and events go on, a third of them refused: nobody is dropped, and nothing is ever half done (F24).
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@junctor/client";
import { expect, test } from "vitest";
import { parseConfig } from "../config/load.ts";
import { type ServerConfig, startServer } from "../server.ts";
import { serverConfig } from "./reloader.ts";

const RELOADS = 1_000;
const ALL = { allow: { call: ["*"], register: ["*"], publish: ["*"], subscribe: ["*"] } };

test("sessions, their subscriptions and registrations outlive a thousand reloads under load", { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "junctor-reloads-"));
  const [door, more] = [join(folder, "a.sock"), join(folder, "b.sock")];
  /** What is there in round n: a realm, a role, a listener and a limit that change together. */
  const configOf = (n: number, broken = false) => {
    const realms: Record<string, object> = {
      app: { auth: [{ method: "anonymous", role: "guest" }], roles: { guest: ALL, [`role${n % 2}`]: {} } },
      ...(n % 2 === 1 && { [`realm${n}`]: { auth: [{ method: "anonymous", role: "r" }], roles: { r: {} } } }),
      // Found last but for the listeners, when all before it has been made ready.
      ...(broken && { broken: { auth: [{ method: "ticket" }], users: "missing.yaml", roles: { r: {} } } }),
    };
    const listen = [door, ...(n % 2 === 1 ? [more] : [])].map((path) => ({ type: "rawsocket", path }));
    const text = JSON.stringify({ version: 1, listen, realms, limits: { callsPerSession: 1_000 + (n % 2) } });
    return serverConfig(parseConfig(text, join(folder, "config.json")));
  };
  const rounds = Array.from({ length: 6 }, (_, n) => configOf(n, n % 3 === 0)); // round 0 is round 6, and so on
  const server = await startServer({ ...configOf(0), log: () => {} });
  try {
    await using callee = await connect({ url: `unix:${door}`, realm: "app" });
    await using caller = await connect({ url: `unix:${door}`, realm: "app" });
    let events = 0;
    await callee.subscribe("com.tick", () => {
      events++;
    });
    await callee.register("com.add", ({ args: [a, b] }) => Number(a) + Number(b));
    let isOver = false;
    let calls = 0;
    const load = (async () => {
      while (!isOver) {
        const [{ value }] = await Promise.all([
          caller.call("com.add", [calls, 1]),
          caller.publish("com.tick", [], {}, { acknowledge: true }),
        ]);
        expect(value).toBe(++calls);
      }
    })();
    /** All that a configuration says, or nothing of it. */
    const state = () => {
      const realm = server.router.realm("app");
      const realms = [...server.router.realms].map(({ name }) => name).filter((name) => /^realm\d+$|^broken$/.test(name));
      const roles = [0, 1].filter((n) => realm?.role(`role${n}`) !== undefined);
      return { realms, roles, listeners: server.listeners.length, calls: realm?.limits.callsPerSession };
    };
    const expected = (n: number) => ({
      realms: n % 2 === 1 ? [`realm${n % 6}`] : [],
      roles: [n % 2],
      listeners: 1 + (n % 2),
      calls: 1_000 + (n % 2),
    });
    let inForce = 0;
    let refused = 0;
    for (let n = 1; n <= RELOADS; n++) {
      const isBroken = n % 3 === 0;
      const { closedSessions } = await server.apply(rounds[n % 6] as ServerConfig).catch(() => {
        refused++;
        return { closedSessions: {} };
      });
      if (!isBroken) inForce = n;
      await new Promise((resolve) => setImmediate(resolve)); // reloads come by events, like all else
      expect([closedSessions, state()]).toEqual([{}, expected(inForce)]);
    }
    isOver = true;
    await load;
    expect(refused).toBe(Math.floor(RELOADS / 3));
    expect([callee.isOpen, caller.isOpen, events]).toEqual([true, true, calls]);
    expect(calls).toBeGreaterThan(100);
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
});
