/** What a web transport serves, path by path. */
import type { Item } from "./source.ts";

export type WebEntry = Readonly<Record<string, unknown>>;

export interface Site {
  readonly entries: Readonly<Record<string, WebEntry>>;
  /** Where WebSocket clients connect. */
  readonly sockets: readonly { readonly path: string; readonly item: Item }[];
}

export function webEntries(paths: readonly [string, Item][], pathOf: (path: string) => string, above = ""): Site {
  const entries: Record<string, WebEntry> = {};
  const sockets: { path: string; item: Item }[] = [];
  for (const [name, item] of paths) {
    const path = name === "/" ? above || "/" : `${above}/${name}`;
    const type = item.take("type");
    item.ignore("paths have no id here", "id");
    if (type === "websocket") sockets.push({ path, item });
    else if (type === "path" || type === "nested") {
      const inner = webEntries(item.entries("paths"), pathOf, path === "/" ? "" : path);
      Object.assign(entries, inner.entries);
      sockets.push(...inner.sockets);
    } else if (type !== "none") {
      const entry = KINDS[String(type)]?.(item, pathOf);
      if (entry !== undefined) entries[path] = entry;
      else {
        item.dismiss();
        item.tell("lost", MISSING[String(type)] ?? `nothing here is like ${String(type)}`);
      }
    }
  }
  return { entries, sockets };
}

const KINDS: Readonly<Record<string, (item: Item, pathOf: (path: string) => string) => WebEntry | undefined>> = {
  static: (item, pathOf) => {
    const directory = item.text("directory");
    if (directory === undefined) return undefined;
    const options = item.item("options");
    if (options?.flag("enable_directory_listing") === true) options.tell("lost", "directories are not listed", "enable_directory_listing");
    options?.lose("there is no such setting", "mime_types");
    options?.ignore("see cacheControl: without it, browsers ask whether a file has changed", "cache_timeout");
    const fallback = options?.text("default_file");
    return { static: fallback === undefined ? pathOf(directory) : { directory: pathOf(directory), fallback } };
  },
  redirect: (item) => {
    const url = item.text("url");
    return url === undefined ? undefined : { redirect: /^(https?:\/\/|\/)/.test(url) ? url : `/${url}` };
  },
  json: (item) => {
    const options = item.item("options");
    const headers = {
      ...((options?.flag("allow_cross_origin") ?? true) && { "Access-Control-Allow-Origin": "*" }),
      ...(options?.flag("discourage_caching") === true && { "Cache-Control": "no-store" }),
    };
    options?.ignore("JSON is written without spaces", "prettify");
    return { json: item.take("value") ?? null, headers };
  },
  nodeinfo: () => ({ info: true }),
  longpoll: (item) => {
    const options = item.item("options");
    const [hold, silence] = [options?.number("request_timeout"), options?.number("session_timeout")];
    options?.ignore("queues are limited as those of every connection", "queue_limit_bytes", "queue_limit_messages");
    options?.ignore("nothing is written of messages", "debug", "debug_transport_id");
    item.tell("changed", "pages of any host could use it; here those of the listener's own host can: see origins");
    const settings = { ...(hold !== undefined && { hold: `${hold}s` }), ...(silence !== undefined && { silence: `${silence}s` }) };
    return { longpoll: Object.keys(settings).length === 0 ? true : settings };
  },
  publisher: bridge,
  caller: bridge,
  reverseproxy: (item) => {
    const [host, port, path] = [item.text("host"), item.number("port") ?? 80, item.text("path") ?? ""];
    item.ignore("targets are told the scheme and port that the client used", "forwarded_port", "forwarded_proto");
    if (host === undefined) return undefined;
    return { proxy: { to: `http://${host}:${port}${path === "" || path.startsWith("/") ? path : `/${path}`}`, stripPath: true } };
  },
};

/** Both kinds take what programs POST, in the same form. */
function bridge(item: Item): WebEntry | undefined {
  const realm = item.text("realm");
  if (realm === undefined) return undefined;
  item.tell("changed", "whoever posts joins the realm by its own methods, and has the role that those give: see Authorization", "role");
  const options = item.item("options");
  options?.lose("requests are not signed here: clients send Authorization, with a ticket or a token", "key", "secret");
  options?.ignore("bodies are limited as messages are", "post_body_limit");
  options?.ignore("it belongs to signed requests", "timestamp_delta_limit");
  options?.ignore("see listen[].tls and the limits of listeners", "require_ip", "require_tls");
  options?.ignore("nothing is written of messages", "debug");
  return { bridge: { realm } };
}

/** What to use in place of it. */
const MISSING: Readonly<Record<string, string>> = {
  static: "files of a Python package are not found here: copy them into a directory",
  archive: "unpack the archive, and serve its directory by static",
  cgi: "run the program as a service that speaks HTTP",
  resource: "a resource of Twisted is Python code: run it as a service",
  wap: "pages from templates are Python code: make it an application of its own",
  reverseproxy: "it does not say where to",
  wsgi: "run the application by gunicorn or uvicorn as a service, and lead to it by a proxy",
  webhook: "publish by a program of your own",
  "websocket-reverseproxy": "a proxy passes WebSockets on",
  catalog: "there are no type catalogues here",
  upload: "make it an application of its own",
};
