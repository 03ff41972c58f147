/** What services say of others: realms and roles that have to be there, services that they come after, modules that can be run. */
import { extname } from "node:path";
import { isRecord } from "./auth-schema.ts";
import { type Finding, missing, type Path } from "./finding.ts";

/** Nothing of it is known to be right. */
export function servicesFindings(config: Readonly<Record<string, unknown>>): Finding[] {
  const services = isRecord(config["services"]) ? config["services"] : {};
  const realms = isRecord(config["realms"]) ? config["realms"] : {};
  const found = cycles(services);
  for (const [name, service] of Object.entries(services)) {
    if (!isRecord(service)) continue;
    const at = (...path: Path): Path => ["services", name, ...path];
    const { realm, role, module, after } = service;
    found.push(...missing([[at("realm"), realm]], Object.keys(realms), "realm of this file"));
    const joined = typeof realm === "string" ? realms[realm] : undefined;
    if (isRecord(joined) && isRecord(joined["roles"]))
      found.push(...missing([[at("role"), role]], Object.keys(joined["roles"]), "role of its realm"));
    const named = afterOf(after).map((other, i): [Path, unknown] => [at("after", i), other]);
    found.push(...missing(named, Object.keys(services), "service of this file"));
    if (typeof module === "string" && module !== "") found.push(...unrunnable(module, at("module")));
    if (service["memoryLimit"] !== undefined && process.platform !== "linux")
      found.push({ path: at("memoryLimit"), message: "memory can be measured on Linux only: leave it out" });
  }
  return found;
}

function unrunnable(module: string, path: Path): Finding[] {
  const extension = extname(module);
  if ([".js", ".mjs", ".cjs"].includes(extension)) return [];
  if (![".ts", ".mts", ".cts"].includes(extension))
    return [
      {
        path,
        message: `a module is JavaScript or TypeScript: ${module} ends in neither .js, .mjs nor .ts; use command for other programs`,
      },
    ];
  if ("typescript" in process.features && process.features.typescript !== false) return [];
  const version = process.versions.node;
  return [{ path, message: `Node.js ${version} does not run TypeScript: use Node.js 22.18 or newer, or compile it and name the .js file` }];
}

/** Each cycle once, at the place where the service of it that stands first names the next one. */
function cycles(services: Readonly<Record<string, unknown>>): Finding[] {
  const names = Object.keys(services);
  const found: Finding[] = [];
  const told = new Set<string>();
  for (const name of names) {
    const cycle = told.has(name) ? undefined : cycleThrough(name, services);
    if (cycle === undefined) continue;
    for (const member of cycle) told.add(member);
    const [, next = name] = cycle;
    const place = afterOf(entryOf(services, name)).indexOf(next);
    const text = [...cycle, name].join(" → ");
    found.push({ path: ["services", name, "after", place], message: `none of them could ever start: ${text} waits for itself` });
  }
  return found;
}

/** The shortest way from a service back to itself. */
function cycleThrough(name: string, services: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  const seen = new Set<string>();
  const ways: string[][] = [[name]];
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    for (const next of afterOf(entryOf(services, way.at(-1) ?? ""))) {
      if (next === name) return way;
      if (!seen.has(next)) ways.push([...way, next]);
      seen.add(next);
    }
  }
  return undefined;
}

function entryOf(services: Readonly<Record<string, unknown>>, name: string): unknown {
  const service = Object.hasOwn(services, name) ? services[name] : undefined;
  return isRecord(service) ? service["after"] : undefined;
}

function afterOf(after: unknown): string[] {
  return Array.isArray(after) ? after.filter((name) => typeof name === "string") : [];
}
