/** Listening transports: addresses, TLS, WebSocket and RawSocket options. Their logins are in auth.ts, their paths in web.ts. */
import { isOriginRule } from "@junctor/transport-node";
import { formatSize } from "../../config/units.ts";
import { type Way, waysOf } from "./auth.ts";
import { withEnvironment } from "./environment-text.ts";
import type { Item } from "./source.ts";
import { type WebEntry, webEntries } from "./web.ts";

export interface Transport {
  readonly item: Item;
  readonly listener: Record<string, unknown>;
  readonly ways: readonly Way[];
  /** What it serves over HTTP. */
  readonly web: Readonly<Record<string, WebEntry>>;
  readonly limits: Readonly<Record<string, string>>;
}

/** @param pathOf a file's path as the new configuration has to write it */
export function transportOf(item: Item, pathOf: (path: string) => string): Transport | undefined {
  const type = item.text("type") ?? "";
  item.ignore("transports have no id here", "id");
  const kind = KINDS[type];
  const endpoint = item.item("endpoint");
  const place = endpoint === undefined ? undefined : endpointOf(endpoint, pathOf);
  if (kind === undefined || place === undefined) {
    item.dismiss();
    item.tell("lost", kind === undefined ? `there are no listeners of the type ${type} here` : "its endpoint cannot be kept");
    return undefined;
  }
  const reading: Reading = { listener: { type: kind, ...place }, ways: [], limits: {}, web: {} };
  if (type === "websocket") {
    reading.listener["ws"] = "*";
    webSocket(item, reading);
  } else if (type === "rawsocket") rawSocket(item, reading);
  else if (type === "web") {
    site(item, reading, pathOf);
    item.lose("see log for what is written of requests", "options");
  } else {
    const raw = item.item("rawsocket");
    if (raw !== undefined) rawSocket(raw, reading);
    const [[path, socket] = [undefined, undefined], ...more] = item.entries("websocket");
    if (socket !== undefined) {
      socket.take("type");
      reading.listener["ws"] = `/${path}`;
      webSocket(socket, reading);
    }
    for (const [, other] of more) {
      other.dismiss();
      other.tell("lost", "a listener has one path for WebSocket");
    }
    const web = item.item("web");
    if (web !== undefined) {
      web.lose("see log for what is written of requests", "options");
      site(web, reading, pathOf);
    }
    item.lose("there is no MQTT here", "mqtt");
  }
  return { item, ...reading };
}

interface Reading {
  readonly listener: Record<string, unknown>;
  readonly ways: Way[];
  readonly limits: Record<string, string>;
  web: Readonly<Record<string, WebEntry>>;
}

const KINDS: Readonly<Record<string, string>> = { websocket: "web", web: "web", rawsocket: "rawsocket", universal: "universal" };

function site(item: Item, reading: Reading, pathOf: (path: string) => string): void {
  const { entries, sockets } = webEntries(item.entries("paths"), pathOf);
  reading.web = entries;
  const [first, ...more] = sockets;
  if (first === undefined) {
    if (reading.listener["ws"] === undefined)
      item.tell("changed", "WebSocket clients connect to /ws here, where there was no path for them", "paths");
  } else {
    first.item.take("type");
    reading.listener["ws"] = first.path;
    webSocket(first.item, reading);
  }
  for (const { item: other } of more) {
    other.dismiss();
    other.tell("lost", "a listener has one path for WebSocket: give this one a listener of its own");
  }
}

// --- Endpoints -----------------------------------------------------------------------------------------------------------

function endpointOf(item: Item, pathOf: (path: string) => string): Record<string, unknown> | undefined {
  const type = item.text("type");
  item.ignore("sockets are tuned by the system", "backlog", "user_timeout", "shared");
  if (type === "unix") return { path: pathOf(item.text("path") ?? "") };
  if (type !== "tcp") return undefined;
  const range = item.list("portrange");
  const port = item.take("port") ?? range[0];
  if (range.length > 0) item.tell("changed", "of a range of ports the first is taken", "portrange");
  const host = item.text("interface") ?? (item.number("version") === 6 ? "::" : "0.0.0.0");
  item.take("version");
  const tls = item.item("tls");
  return {
    host,
    port: typeof port === "string" ? withEnvironment(port) : port,
    ...(tls !== undefined && { tls: tlsOf(tls, pathOf) }),
  };
}

function tlsOf(item: Item, pathOf: (path: string) => string): Record<string, string> {
  const authorities = item.texts("ca_certificates");
  if (authorities.length > 1) item.tell("changed", "put all authorities into one file: only the first is taken", "ca_certificates");
  if (item.texts("chain_certificates").length > 0)
    item.tell("changed", "append these certificates to the file of the server's own: it holds all of them", "chain_certificates");
  item.ignore("ciphers are those of Node.js, for TLS 1.2 and newer", "dhparam", "ciphers");
  return {
    cert: pathOf(item.text("certificate") ?? ""),
    key: pathOf(item.text("key") ?? ""),
    ...(authorities[0] !== undefined && { clientCa: pathOf(authorities[0]) }),
  };
}

// --- WebSocket and RawSocket ---------------------------------------------------------------------------------------------

function rawSocket(item: Item, reading: Reading): void {
  const options = item.item("options");
  size(item.number("max_message_size") ?? options?.number("max_message_size"), reading);
  serializers(item, reading);
  reading.ways.push(...waysOf(item, undefined));
  item.ignore("nothing is written of frames", "debug");
}

function webSocket(item: Item, reading: Reading): void {
  const options = item.item("options");
  serializers(item, reading);
  if (options !== undefined) webSocketOptions(options, reading);
  else item.tell("changed", ORIGINS);
  item.ignore("addresses are told by the listener", "url");
  item.ignore("nothing is written of frames", "debug");
  const cookie = cookieOf(item.item("cookie"), reading);
  reading.ways.push(...waysOf(item, cookie));
}

const ORIGINS = "pages of any host could connect; here those of the listener's own host can: see origins";

function webSocketOptions(options: Item, reading: Reading): void {
  const { limits, listener } = reading;
  const origins = options.texts("allowed_origins");
  const rules = origins.map((origin) => origin.replace(/^\*:\/\//, "https://")).filter((origin) => isOriginRule(origin));
  if (rules.length < origins.length) options.tell("changed", "some of these are no origins here: see origins", "allowed_origins");
  if (rules.length > 0)
    listener["origins"] = options.flag("allow_null_origin") === true && !rules.includes("*") ? [...rules, "null"] : rules;
  else options.tell("changed", ORIGINS);
  options.take("allow_null_origin");
  size(options.number("max_message_size"), reading);
  const times: Readonly<Record<string, string>> = {
    open_handshake_timeout: "handshakeTimeout",
    close_handshake_timeout: "closeTimeout",
    auto_ping_interval: "pingInterval",
    auto_ping_timeout: "pingTimeout",
  };
  for (const [name, limit] of Object.entries(times)) {
    const ms = options.number(name);
    if (ms !== undefined && ms > 0) limits[limit] = `${ms}ms`;
    else if (ms === 0) options.tell("changed", "0 was no limit; the standard limit holds", name);
  }
  const deflate = options.item("compression")?.item("deflate");
  if (deflate !== undefined) {
    listener["deflate"] = true;
    deflate.ignore("how messages are compressed is not to be set", ...deflate.keys());
  }
  options.ignore(
    "what RFC 6455 says always holds",
    "enable_hybi10",
    "enable_rfc6455",
    "validate_utf8",
    "require_masked_client_frames",
    "apply_mask",
  );
  options.ignore(
    "what RFC 6455 says always holds",
    "mask_server_frames",
    "require_websocket_subprotocol",
    "echo_close_codereason",
    "fail_by_drop",
  );
  options.ignore("frames are limited as messages are", "max_frame_size", "auto_fragment_size");
  options.ignore(
    "there is nothing to set here",
    "auto_ping_size",
    "auto_ping_restart_on_any_traffic",
    "tcp_nodelay",
    "show_server_version",
  );
  options.ignore("a listener's path for WebSocket shows no page", "enable_webstatus");
  options.ignore("the port is that of the URL", "external_port");
  options.ignore("there is no Flash any more", "enable_flash_policy", "flash_policy");
}

/** Messages before WELCOME are limited to less. */
function size(bytes: number | undefined, { limits }: Reading): void {
  if (bytes !== undefined && bytes > 0) limits["messageSize"] = formatSize(Math.max(bytes, 16_384));
}

function serializers(item: Item, { listener }: Reading): void {
  const names = item.texts("serializers").map((name) => name.replace(/\.batched$/, ""));
  const known = ["json", "msgpack", "cbor"].filter((name) => names.includes(name));
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) item.tell("lost", `there is no serializer ${unknown.join(", ")}`, "serializers");
  if (known.length > 0 && known.length < 3) listener["serializers"] = known;
}

function cookieOf(item: Item | undefined, { listener }: Reading): { readonly maxAge: string } | undefined {
  if (item === undefined) return undefined;
  const origins = listener["origins"];
  const named = Array.isArray(origins) && origins.every((origin) => typeof origin === "string" && origin.includes("://"));
  if (!named) {
    item.dismiss();
    item.tell("lost", "cookies need origins that are named one by one: set origins, cookie: {} of the listener, and the method cookie");
    return undefined;
  }
  const site = item.text("same_site")?.toLowerCase();
  const isSecure = item.flag("secure");
  listener["cookie"] = {
    ...(site !== undefined && ["strict", "lax"].includes(site) && { sameSite: site }),
    ...(isSecure !== undefined && { secure: isSecure }),
  };
  item.ignore("the cookie has a name and a length of its own, and scripts never see it", "name", "length", "http_strict");
  item.lose("log-ins by cookie are kept in memory, and end when the server does", "store");
  return { maxAge: `${item.number("max_age") ?? 604_800}s` };
}
