// Services of a configuration in a running server: what those who administer it can do, and what a change of it does.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ADMIN_REALM, type ServiceChange, type ServiceInfo, type ServiceLine } from "@junctor/admin-api";
import { ApplicationError, connect, type Session } from "@junctor/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.ts";
import { limitsOf } from "../config/schema.ts";
import type { LogEvent } from "../log.ts";
import { type RunningServer, startServer } from "../server.ts";

let folder: string;
let log: LogEvent[];
let server: RunningServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "junctor-"));
  log = [];
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

const SLEEP = "exec sleep 1000";

function configOf(services: object) {
  const realms = { app: { auth: [{ method: "anonymous", role: "user" }], roles: { user: { allow: { call: ["*"], register: ["*"] } } } } };
  return parseConfig(JSON.stringify({ version: 1, listen: [{ type: "web", port: 0 }], realms, services }), join(folder, "config.json"));
}

async function start(services: object): Promise<{ admin: Session; changes: Changes }> {
  const config = configOf(services);
  const { listen, realms, state } = config;
  server = await startServer({
    listen,
    realms,
    state,
    services: config.services,
    limits: limitsOf(config),
    log: (event) => log.push(event),
  });
  const admin = await connect({ url: `unix:${join(folder, ".junctor", "control.sock")}`, realm: ADMIN_REALM });
  const changes = new Changes(admin);
  await admin.subscribe("junctor.service.on_change", ({ kwargs }) => changes.take(kwargs));
  return { admin, changes };
}

class Changes {
  readonly seen: string[] = [];
  readonly #admin: Session;
  #heard: () => void = () => {};

  constructor(admin: Session) {
    this.#admin = admin;
  }

  take(kwargs: Readonly<Record<string, unknown>>): void {
    const { service, instance, state } = kwargs as unknown as ServiceChange;
    this.seen.push(`${service} ${instance} ${state}`);
    this.#heard();
  }

  /** Waits until `list` says so. */
  async until(service: string, state: string): Promise<ServiceInfo> {
    for (;;) {
      const heard = new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
      const info = (await list(this.#admin)).find((each) => each.service === service);
      if (info?.instances.every((instance) => instance.state === state) === true) return info;
      await heard;
    }
  }
}

const list = async (admin: Session) => (await admin.call("junctor.service.list")).value as readonly ServiceInfo[];
const call = async (admin: Session, action: string, kwargs: Record<string, unknown>) =>
  (await admin.call(`junctor.service.${action}`, [], kwargs)).value;

describe("whoever administers the server", () => {
  test("sees the services, stops, starts and restarts them, and is told what becomes of them", async () => {
    const { admin, changes } = await start({
      api: { command: SLEEP, instances: 2, after: ["db"] },
      db: { command: SLEEP },
      spare: { command: SLEEP, enabled: false },
    });
    const { instances } = await changes.until("api", "ready");
    expect(instances.map(({ instance, restarts, sessions }) => [instance, restarts, sessions])).toEqual([
      [1, 0, 0],
      [2, 0, 0],
    ]);
    expect(await list(admin)).toMatchObject([
      { service: "api", after: ["db"] },
      { service: "db" },
      { service: "spare", instances: [{ state: "stopped" }] },
    ]);

    expect(await call(admin, "stop", { service: "api" })).toMatchObject({ instances: [{ state: "stopping" }, { state: "stopping" }] });
    expect((await changes.until("api", "stopped")).instances[0]).not.toHaveProperty("pid");
    await call(admin, "start", { service: "api" });
    const before = await changes.until("api", "ready");
    changes.seen.length = 0;
    await call(admin, "restart", { service: "api" });
    await changes.until("api", "ready");
    while (!changes.seen.includes("api 2 ready")) await changes.until("api", "ready");
    expect(changes.seen).toEqual([1, 2].flatMap((n) => ["stopping", "waiting", "starting", "ready"].map((state) => `api ${n} ${state}`)));
    const after = await changes.until("api", "ready");
    expect(after.instances.map(({ pid }) => pid)).not.toEqual(before.instances.map(({ pid }) => pid));
  });

  test("reads what a service prints, and what it prints next; it cannot steer a terminal", async () => {
    const { admin } = await start({ talker: { command: 'echo one; echo two >&2; printf "\\033[31mred\\n"; exec sleep 1000' } });
    const lines = async (after: number) =>
      (await call(admin, "logs", { service: "talker", after, wait: 10_000 })) as readonly ServiceLine[];
    const seen: ServiceLine[] = [];
    while (seen.length < 3) seen.push(...(await lines(seen.at(-1)?.sequence ?? 0)));
    expect(seen.map(({ sequence, instance }) => [sequence, instance])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    expect(seen.map(({ stream, line }) => `${stream} ${line}`).sort()).toEqual(["stderr two", "stdout \u001b[31mred", "stdout one"]);
    expect(await call(admin, "logs", { service: "talker", limit: 1 })).toEqual([seen[2]]);
  });

  test("who names a service that there is not is told which there are", async () => {
    const { admin } = await start({ accounts: { command: SLEEP } });
    const refusal = await call(admin, "restart", { service: "acounts" }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ uri: "junctor.error.not_found", args: ["there is no service acounts; did you mean accounts?"] });
    expect(refusal).toBeInstanceOf(ApplicationError);
  });
});

test("a changed configuration restarts what has changed, starts what is new, stops what is gone, and touches nothing else", async () => {
  const { admin, changes } = await start({});
  const apply = async (services: object) => {
    const config = configOf(services);
    await server?.apply({ ...config, limits: limitsOf(config) });
  };
  const line = { line: "/^ready$/" };
  const same = { command: `echo ready; ${SLEEP}`, ready: line };
  await apply({ same, other: { command: SLEEP }, gone: { command: SLEEP } });
  const pids = async () => Object.fromEntries((await list(admin)).map(({ service, instances }) => [service, instances[0]?.pid]));
  for (const name of ["same", "other", "gone"]) await changes.until(name, "ready");
  const before = await pids();
  await apply({ same, other: { command: SLEEP, env: { A: "1" } }, fresh: { command: SLEEP } });
  await changes.until("fresh", "ready");
  while ((await pids())["gone"] !== undefined || (await changes.until("other", "ready")).instances[0]?.pid === before["other"]);
  const after = await pids();
  expect(Object.keys(after).sort()).toEqual(["fresh", "other", "same"]);
  expect(after["same"]).toBe(before["same"]);
});
