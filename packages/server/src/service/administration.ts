/** `junctor.service.*`: the services, for those who administer the server. */
import { AdminError, type ServiceInfo } from "@junctor/admin-api";
import { ApplicationError } from "@junctor/client";
import { z } from "zod";
import type { AdminApi } from "../admin/admin-api.ts";
import { closest } from "../closest.ts";
import type { ServiceManager } from "./service-manager.ts";

const service = z.string();
const one = z.strictObject({ service });
const request = z.strictObject({
  service,
  after: z.int().min(0).exactOptional(),
  limit: z.int().min(1).max(10_000).exactOptional(),
  wait: z.int().min(0).max(30_000).exactOptional(),
});

export function provideServices(api: AdminApi, services: ServiceManager): void {
  const info = (name: string): ServiceInfo => {
    const program = services.program(name);
    if (program === undefined) throw noSuchService(name, services.names);
    const instances = services.instances(name).map(({ socket: _, ...instance }) => instance);
    return { service: name, instances, after: program.after, ...program.login };
  };
  const doing = (act: (name: string) => void) => (takes: { readonly service: string }) => {
    info(takes.service);
    act(takes.service);
    return info(takes.service);
  };
  api.provide("junctor.service.list", z.strictObject({}), () => services.names.map(info));
  api.provide(
    "junctor.service.start",
    one,
    doing((name) => services.start(name)),
  );
  api.provide(
    "junctor.service.stop",
    one,
    doing((name) => services.stop(name)),
  );
  api.provide(
    "junctor.service.restart",
    one,
    doing((name) => services.restart(name, "somebody has asked for it")),
  );
  api.provide("junctor.service.logs", request, async ({ service, after = 0, limit = 100, wait = 0 }) => {
    info(service);
    const lines = () => services.lines(service, after, limit);
    if (wait > 0 && lines().length === 0) await services.nextLine(service, wait);
    return lines();
  });
  services.observe((change) => api.publish("junctor.service.on_change", change));
}

function noSuchService(name: string, known: readonly string[]): ApplicationError {
  const meant = closest(name, known);
  const hint = meant === undefined ? `; there ${known.length === 0 ? "are none" : `are ${known.join(", ")}`}` : `; did you mean ${meant}?`;
  return new ApplicationError(AdminError.notFound, [`there is no service ${name}${hint}`]);
}
