/**
 * A Crossbar.io node as a configuration of ours. There, a node is processes with realms, transports and components each; here, it
 * is one process with one list of each.
 */
import { isUri } from "@junctor/protocol";
import { isRecord } from "../../config/auth-schema.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../config/units.ts";
import type { User, Way } from "./auth.ts";
import { classOf, guestOf, RUNNER, type Service } from "./components.ts";
import { everything, type Role, roleOf } from "./roles.ts";
import { Item, type Remark, Remarks } from "./source.ts";
import { type Transport, transportOf } from "./transports.ts";
import type { WebEntry } from "./web.ts";

export interface Converted {
  readonly config: Readonly<Record<string, unknown>>;
  readonly remarks: readonly Remark[];
  /** Whether services need the program that runs component classes. */
  readonly needsRunner: boolean;
}

/** @param folder where the files of the source are, seen from where the new configuration will be */
export function convertCrossbar(source: unknown, folder: string): Converted {
  const remarks = new Remarks();
  const node = new Node(folder);
  if (isRecord(source) && !Array.isArray(source)) node.read(new Item(source, [], remarks));
  else remarks.add([], "lost", "expected a mapping");
  const config = node.config(remarks);
  remarks.finish();
  return { config, remarks: remarks.all, needsRunner: node.needsRunner };
}

interface Realm {
  readonly roles: Record<string, Role>;
  readonly settings: Record<string, unknown>;
  readonly item: Item;
  readonly auth: Record<string, unknown>[];
}

class Node {
  needsRunner = false;
  readonly #folder: string;
  readonly #realms = new Map<string, Realm>();
  readonly #services: Record<string, Service> = {};
  readonly #listeners: { readonly transport: Transport; readonly web: readonly string[] }[] = [];
  readonly #web: Record<string, WebEntry> = {};
  readonly #limits: Record<string, string> = {};

  constructor(folder: string) {
    this.#folder = folder;
  }

  read(root: Item): void {
    root.take("version");
    const controller = root.item("controller");
    controller?.ignore("there is one process, and no controller", "id", "options");
    controller?.item("options")?.dismiss();
    const workers = root.items("workers");
    for (const worker of workers) worker.ignore("workers have no id here", "id");
    const of = (...types: string[]) => workers.filter((worker) => types.includes(String(worker.take("type"))));
    for (const worker of of("router")) this.#router(worker);
    for (const worker of of("container")) this.#container(worker);
    for (const worker of of("guest"))
      this.#service(worker.text("id") ?? nameOf(worker.take("executable")), guestOf(worker, this.#folder), worker);
    for (const worker of workers) {
      const type = String(worker.take("type"));
      if (["router", "container", "guest"].includes(type)) continue;
      worker.dismiss();
      worker.tell("lost", WORKERS[type] ?? `there is nothing like a worker of the type ${type} here`);
    }
  }

  /** Sections in the order in which a file has them. */
  config(remarks: Remarks): Readonly<Record<string, unknown>> {
    const listen = this.#listeners.map(({ transport: { listener }, web }): Record<string, unknown> => {
      const paths = Object.keys(this.#web);
      const narrowed = listener["type"] === "rawsocket" || web.length === paths.length ? {} : { web: web.length === 0 ? false : web };
      return { ...listener, ...narrowed };
    });
    if (listen.length === 0) {
      listen.push({ type: "web", host: "127.0.0.1", port: 8080 });
      remarks.add([], "changed", "a server has a listener: one was added, for this machine only");
    }
    const realms = Object.fromEntries(
      [...this.#realms].map(([name, { roles, settings, auth, item }]) => {
        if (auth.length === 0) {
          auth.push({ method: "wampcra", users: {} });
          item.tell("changed", "nobody can log in: no way into this realm could be kept. Write one under auth");
        }
        return [name, { auth, roles, ...settings }];
      }),
    );
    const sections = { services: this.#services, web: this.#web, limits: this.#limits };
    const given = Object.entries(sections).filter(([, section]) => Object.keys(section).length > 0);
    return { version: 1, listen, realms, ...Object.fromEntries(given) };
  }

  // --- Routers -----------------------------------------------------------------------------------------------------------

  #router(worker: Item): void {
    const options = worker.item("options");
    options?.ignore("there is one process", "title", "cpu_affinity", "disabled", "python", "reactor", "expose_controller", "expose_shared");
    worker.lose("there is no shell into the server", "manhole");
    worker.lose("connections belong to applications", "connections");
    const names: string[] = [];
    for (const item of worker.items("realms")) {
      const name = item.text("name") ?? "";
      if (!isUri(name)) {
        item.dismiss();
        item.tell("lost", `${JSON.stringify(name)} is no name of a realm here`);
      } else {
        names.push(name);
        this.#realm(name, item);
      }
    }
    const transports = worker.items("transports").flatMap((item) => transportOf(item, this.#pathOf) ?? []);
    for (const transport of transports) this.#listen(transport);
    this.#letIn(names, transports);
    for (const component of worker.items("components")) {
      const role = component.text("role") ?? "trusted";
      const realm = component.text("realm") ?? "";
      const roles = this.#realms.get(realm)?.roles;
      if (roles !== undefined && !Object.hasOwn(roles, role) && role === "trusted") {
        roles["trusted"] = everything();
        component.tell("changed", `the role trusted, which was there without being written, was added to the realm ${realm}`);
      }
      this.#component(component, options, realm, role);
    }
    options?.ignore("there is one process", "env", "pythonpath");
    options?.item("env")?.dismiss();
  }

  #realm(name: string, item: Item): void {
    item.ignore("realms have no id here", "id");
    item.lose("routers are not linked here", "links", "rlinks");
    item.lose("payloads are not validated here", "inventory");
    item.lose("see the metrics of the server", "stats");
    const settings: Record<string, unknown> = {};
    const options = item.item("options");
    if (options?.text("uri_check") === "strict") settings["uri"] = "strict";
    if (options?.flag("enable_meta_api") === false)
      options.tell("changed", "who may call wamp.* is a matter of permissions", "enable_meta_api");
    options?.ignore("there is nothing to set here", "event_dispatching_chunk_size", "bridge_meta_api");
    Object.assign(settings, storeOf(item.item("store"), this.#pathOf));
    const known = this.#realms.get(name);
    if (known !== undefined) item.tell("changed", `the realm ${name} was in several processes; here it is one`);
    const roles = known?.roles ?? {};
    for (const role of item.items("roles")) {
      const roleName = role.text("name") ?? "";
      if (Object.hasOwn(roles, roleName)) {
        role.dismiss();
        role.tell("lost", `the realm ${name} has a role ${roleName} already`);
      } else roles[roleName] = roleOf(role);
    }
    if (known === undefined) this.#realms.set(name, { roles, settings, item, auth: [] });
  }

  #listen(transport: Transport): void {
    for (const [path, entry] of Object.entries(transport.web)) {
      const known = this.#web[path];
      if (known === undefined) this.#web[path] = entry;
      else if (JSON.stringify(known) !== JSON.stringify(entry))
        transport.item.tell("lost", `another listener serves something else at ${path}: a path serves one thing here`);
    }
    for (const [name, value] of Object.entries(transport.limits)) {
      const known = this.#limits[name];
      if (known !== undefined && known !== value)
        transport.item.tell("changed", `limits hold for all listeners: the larger ${name} was taken`);
      this.#limits[name] = known === undefined ? value : larger(known, value);
    }
    this.#listeners.push({ transport, web: Object.keys(transport.web) });
  }

  /** The ways into transports as those into the realms behind them. */
  #letIn(names: readonly string[], transports: readonly Transport[]): void {
    const groups = transports.map(({ ways }) => ways).filter((ways) => ways.length > 0);
    const isOpenEverywhere = groups.every((ways) => ways.some(({ method }) => method === "anonymous"));
    for (const { ways, item } of transports) {
      for (const way of ways) {
        if (way.method === "anonymous" && !isOpenEverywhere)
          item.tell(
            "changed",
            "whoever came by this transport needed no log-in, and others did: ways in are a realm's here, so all need one",
          );
        else for (const name of names) if (way.realm === undefined || way.realm === name) this.#add(name, way);
      }
    }
  }

  #add(name: string, way: Way): void {
    const realm = this.#realms.get(name);
    if (realm === undefined) return;
    const { method, role, authenticator, users, maxAge, item } = way;
    if (role !== undefined) {
      if (!Object.hasOwn(realm.roles, role)) return; // nobody could join that realm this way
      if (!realm.auth.some((each) => each["method"] === method)) realm.auth.push({ method, role });
      else if (!realm.auth.some((each) => each["method"] === method && each["role"] === role))
        item?.tell("lost", `whoever comes without a log-in has one role in the realm ${name}`);
      return;
    }
    if (authenticator !== undefined) {
      if (!realm.auth.some((each) => JSON.stringify(each) === JSON.stringify({ method, ...authenticator })))
        realm.auth.push({ method, ...authenticator });
      return;
    }
    if (maxAge !== undefined) {
      if (!realm.auth.some((each) => each["method"] === method)) realm.auth.push({ method, maxAge });
      return;
    }
    this.#addUsers(name, realm, method, users ?? [], item);
  }

  #addUsers(name: string, realm: Realm, method: string, users: readonly User[], item: Item | undefined): void {
    const those = users.filter((user) => (user.realm === undefined || user.realm === name) && Object.hasOwn(realm.roles, user.role));
    if (those.length === 0) return;
    const existing = realm.auth.find((each) => each["method"] === method && isRecord(each["users"]));
    const table: Record<string, unknown> = {};
    if (existing === undefined) realm.auth.push({ method, users: table });
    else Object.assign(table, existing["users"]);
    for (const { authid, role, credential } of those) {
      const user = { role, ...credential };
      if (table[authid] !== undefined && JSON.stringify(table[authid]) !== JSON.stringify(user))
        item?.tell("lost", `${authid} is known to another transport in another way: that was kept`);
      else table[authid] = user;
    }
    if (existing !== undefined) existing["users"] = table;
  }

  // --- Services ----------------------------------------------------------------------------------------------------------

  #container(worker: Item): void {
    const options = worker.item("options");
    const restart = RESTARTS[options?.text("restart") ?? ""];
    options?.ignore(
      "a service ends for itself",
      "shutdown",
      "title",
      "reactor",
      "python",
      "cpu_affinity",
      "expose_controller",
      "expose_shared",
    );
    worker.lose("there is no shell into a service", "manhole");
    worker.lose("connections belong to applications", "connections");
    for (const component of worker.items("components")) {
      const realm = component.text("realm") ?? "";
      const open = this.#realms.get(realm)?.auth.find(({ method }) => method === "anonymous");
      const role = component.text("role") ?? (typeof open?.["role"] === "string" ? open["role"] : undefined);
      this.#component(component, options, realm, role, restart);
    }
    options?.take("env");
    options?.take("pythonpath");
  }

  #component(item: Item, worker: Item | undefined, realm: string, role: string | undefined, restart?: string): void {
    const type = item.text("type");
    const known = this.#realms.get(realm);
    if (type !== "class") {
      item.dismiss();
      item.tell("lost", "functions of a Python module that are called when a session is there: write a program of them");
      return;
    }
    if (known === undefined || role === undefined || !Object.hasOwn(known.roles, role)) {
      item.dismiss();
      item.tell(
        "lost",
        known === undefined
          ? `this server has no realm ${realm}`
          : "it logged in by itself: give it a role of its realm, and start it by a service",
      );
      return;
    }
    const service = classOf(item, worker, { realm, role }, this.#folder);
    if (service !== undefined) this.needsRunner = true;
    this.#service(
      item.text("id") ?? nameOf(item.take("classname")),
      service && { ...service, ...(restart !== undefined && { restart }) },
      item,
    );
    if (service !== undefined) item.tell("changed", `a process of its own, by ${RUNNER}: it needs python3 with autobahn and twisted`);
  }

  #service(wanted: string, service: Service | undefined, item: Item): void {
    if (service === undefined) {
      item.tell("lost", "it says nothing that could be run");
      return;
    }
    const base = wanted.replace(/[^\w-]+/g, "-").replace(/^-+|-+$/g, "") || "service";
    let name = base;
    for (let n = 2; Object.hasOwn(this.#services, name); n++) name = `${base}-${n}`;
    this.#services[name] = service;
  }

  readonly #pathOf = (path: string): string => {
    if (path.startsWith("/")) return path;
    const parts: string[] = [];
    for (const part of `${this.#folder}/${path}`.split("/")) {
      const last = parts.at(-1);
      if (part === "." || part === "") continue;
      if (part === ".." && last !== undefined && last !== "..") parts.pop();
      else parts.push(part);
    }
    return parts[0] === ".." ? parts.join("/") : `./${parts.join("/")}`;
  };
}

const WORKERS: Readonly<Record<string, string>> = {
  proxy: "one process serves all connections: give its transports to listen",
  "websocket-testee": "there is no server for tests of WebSocket clients here",
  hostmonitor: "see the metrics of the server",
};

const RESTARTS: Readonly<Record<string, string>> = {
  "restart-always": "always",
  "restart-on-failed": "on-failure",
  "restart-never": "never",
};

/** `com.example.backend.Backend` is called `backend` there and here. */
function nameOf(text: unknown): string {
  return (
    String(text)
      .split(/[./]/)
      .filter((part) => part !== "")
      .at(-1)
      ?.toLowerCase() ?? ""
  );
}

function larger(one: string, other: string): string {
  const [a, b] = [parseDuration(one), parseDuration(other)];
  if (a !== undefined && b !== undefined) return formatDuration(Math.max(a, b));
  return formatSize(Math.max(parseSize(one) ?? 0, parseSize(other) ?? 0));
}

/** Event history, and calls that wait. */
function storeOf(item: Item | undefined, pathOf: (path: string) => string): Record<string, unknown> {
  if (item === undefined) return {};
  const type = item.text("type");
  const limit = item.number("limit");
  const topicOf = (rule: Item) => {
    const [uri, match] = [rule.text("uri") ?? "", rule.text("match") ?? "exact"];
    if (match === "prefix") return uri === "" ? "*" : uri.endsWith(".") ? `${uri}*` : `${uri}.*`;
    return match === "wildcard"
      ? uri
          .split(".")
          .map((part) => (part === "" ? "*" : part))
          .join(".")
      : uri;
  };
  const history = item.items("event-history").map((rule) => {
    const events = rule.number("limit") ?? limit;
    return { topic: topicOf(rule), ...(events !== undefined && { events }) };
  });
  const waiting = item.items("call-queue").map((rule) => {
    rule.take("uri");
    rule.take("match");
    return rule.number("limit") ?? limit ?? 100;
  });
  if (waiting.length > 0) item.tell("changed", "calls of all procedures may wait here, not of some", "call-queue");
  const path = item.text("path");
  const isOnDisk = type !== "memory" && path !== undefined;
  if (isOnDisk) item.tell("changed", "the store is of another kind: what it holds is not taken along", "path");
  item.ignore("the store grows as it needs", "maxsize", "readonly", "sync", "max-buffer", "max_buffer", "buffer-flush", "purge_on_startup");
  const events = {
    ...(history.length > 0 && { history }),
    ...(isOnDisk && { store: { path: `${pathOf(path)}-events` } }),
  };
  return {
    ...(Object.keys(events).length > 0 && { events }),
    ...(waiting.length > 0 && { calls: { queue: Math.max(...waiting) } }),
  };
}
