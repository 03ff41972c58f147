/** From the configuration of a `proxy` to one: its targets, by name or as the instances of a service, and their health check. */
import type { ProxyFileConfig } from "../config/web-schema.ts";
import type { ServiceManager } from "../service/service-manager.ts";
import { HealthCheck } from "./health-check.ts";
import { type ProxyOptions, ReverseProxy } from "./reverse-proxy.ts";
import { type Target, Targets } from "./targets.ts";
import type { WebEnvironment } from "./web-service.ts";

export function makeProxy({ to, service, health, ...options }: ProxyFileConfig, environment: WebEnvironment): ReverseProxy {
  const targets = targetsFor(environment);
  const unfollow = service === undefined ? undefined : follow(targets, environment.services, service);
  if (to !== undefined) targets.replace(to);
  const check = health && new HealthCheck(targets, health);
  return new ReverseProxy(targets, options, environment.path, () => {
    unfollow?.();
    check?.close();
  });
}

/**
 * A proxy to the ready instances of a service that listens on sockets (`Program.listens`), for web services that run one of
 * their own: they prepare it and put it.
 *
 * @param close ends that service
 */
export function proxyToService(
  name: string,
  environment: WebEnvironment,
  close: () => void,
  options?: Partial<ProxyOptions>,
): ReverseProxy {
  const targets = targetsFor(environment);
  const unfollow = follow(targets, environment.services, name);
  return new ReverseProxy(targets, { ...DEFAULTS, ...options }, environment.path, () => {
    unfollow();
    close();
  });
}

/** For the service that runs what is served at a path. */
export function serviceNameFor({ path, services }: WebEnvironment): string {
  const name = `web${path.replace(/\W+/g, "-").replace(/-$/, "")}`;
  // While an entry is being changed, what it was still runs.
  for (let i = 1; ; i++) if (!services.names.includes(i === 1 ? name : `${name}-${i}`)) return i === 1 ? name : `${name}-${i}`;
}

function targetsFor({ path, log }: WebEnvironment): Targets {
  const changed = ({ name }: Target, isUp: boolean, message: string) =>
    log({ event: "proxy.target", path, target: name, state: isUp ? "up" : "down", message });
  return new Targets(() => performance.now(), changed);
}

/** @returns what ends it */
function follow(targets: Targets, services: ServiceManager, name: string): () => void {
  const look = () => {
    const ready = services.instances(name).filter(({ state, socket }) => state === "ready" && socket !== undefined);
    targets.replace(ready.map(({ socket }) => `unix:${socket}`));
  };
  look();
  return services.observe((change) => {
    if (change.service === name) look();
  });
}

const DEFAULTS: ProxyOptions = { stripPath: false, host: "client", connectTimeout: 5_000, responseTimeout: 60_000 };
