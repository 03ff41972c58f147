// Services in three languages, started by a server: each joins with the ticket in its environment, and one calls the others.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@junctor/client";
import { expect, test } from "vitest";
import { parseConfig } from "../../packages/server/src/config/load.ts";
import { limitsOf } from "../../packages/server/src/config/schema.ts";
import type { LogEvent } from "../../packages/server/src/log.ts";
import { startServer } from "../../packages/server/src/server.ts";
import { commandOf } from "./peers/install.mjs";

const python = commandOf("python", "service");
const go = commandOf("go", "service");
const missing = python === undefined || go === undefined;

test.skipIf(missing)("services in Python, Go and TypeScript answer each other's calls, and end with the server", async () => {
  const folder = mkdtempSync(join(tmpdir(), "junctor-"));
  const service = (command: readonly string[] | undefined, procedure: string) => ({
    command: [...(command ?? [])],
    realm: "app",
    role: "backend",
    ready: { registered: [procedure] },
  });
  const everything = { call: ["*"], register: ["*"] };
  const config = parseConfig(
    JSON.stringify({
      version: 1,
      listen: [{ type: "web", port: 0 }],
      realms: {
        app: {
          auth: [{ method: "anonymous", role: "visitor" }],
          roles: { backend: { allow: everything }, visitor: { allow: { call: ["com.app.*"] } } },
        },
      },
      services: { python: service(python, "com.app.python.add"), go: service(go, "com.app.go.add") },
    }),
    join(folder, "config.json"),
  );
  const log: LogEvent[] = [];
  const { listen, realms, services, state } = config;
  const server = await startServer({
    listen,
    realms,
    services,
    state,
    limits: limitsOf(config),
    log: (event) => log.push(event),
    components: {
      typescript: {
        component: async (session) => {
          const add = async (language: string, a: unknown, b: unknown) => (await session.call(`com.app.${language}.add`, [a, b])).value;
          await session.register("com.app.sum", async ({ args: [a, b, c] }) => add("go", await add("python", a, b), c));
        },
        realm: "app",
        role: "backend",
        after: ["python", "go"],
        registered: ["com.app.sum"],
      },
    },
  });
  try {
    const ready = new Promise<void>((resolve) =>
      server.services.observe(({ service, state }) => {
        if (service === "typescript" && state === "ready") resolve();
      }),
    );
    await ready;
    const visitor = await connect({ url: `ws://${server.listeners[0]?.address}/ws`, realm: "app" });
    expect((await visitor.call("com.app.sum", [1, 2, 3])).value).toBe(6);
    await visitor.leave();
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
  const stopped = log.flatMap((event) =>
    event.event === "service.state" && event.state === "stopped" ? [`${event.service} ${event.reason}`] : [],
  );
  expect(stopped.sort()).toEqual(["go ", "python ", "typescript "]);
  expect(log.filter(({ event }) => event === "service.failed")).toEqual([]);
});
