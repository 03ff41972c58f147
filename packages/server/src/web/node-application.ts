/**
 * `node`: an application for Node.js, in processes of its own that the service manager looks after, so that neither a crash nor an
 * endless loop there is the router's. Requests reach it over a UNIX socket by the reverse proxy.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { NodeOptions } from "../config/web-schema.ts";
import { proxyToService, serviceNameFor } from "./make-proxy.ts";
import type { ReverseProxy } from "./reverse-proxy.ts";
import type { WebEnvironment } from "./web-service.ts";

/** @throws {UserError} services cannot run on this machine */
export async function makeNodeApplication(options: NodeOptions, environment: WebEnvironment): Promise<ReverseProxy> {
  const { module, workers, env, realm, role, memoryLimit, watch, responseTimeout } = options;
  const { services } = environment;
  const name = serviceNameFor(environment);
  const program = {
    name,
    launch: {
      kind: "process",
      command: () => [process.execPath, RUNNER, module],
      cwd: dirname(module),
      inherits: true,
      env,
      user: undefined,
      group: undefined,
      stopSignal: "SIGTERM",
    },
    login: realm === undefined || role === undefined ? undefined : { realm, role },
    listens: true,
    after: [],
    ready: { kind: "listens" },
    readyTimeoutMs: 30_000,
    instances: workers,
    // A site is to come back, however long its application has been broken.
    restart: { when: "always", delayMs: 500, longestDelayMs: 30_000, attempts: Number.POSITIVE_INFINITY, windowMs: 60_000 },
    stopGraceMs: 10_000,
    memoryLimit,
    watch,
    output: { isLogged: true, keep: 500, bytesPerSecond: 1 << 20 },
  } as const;
  await services.prepare([program]);
  services.put(program);
  return proxyToService(name, environment, () => services.remove(name), { responseTimeout });
}

const RUNNER = fileURLToPath(new URL("../../assets/node-app/main.mjs", import.meta.url));
