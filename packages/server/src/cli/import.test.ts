// `junctor import crossbar`: nodes as people have them, what becomes of them, and what they are told is not there any more.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApplicationError, connect } from "@junctor/client";
import { ticket } from "@junctor/client/auth/ticket";
import { TEST_CERTIFICATE, TEST_KEY } from "@junctor/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { checkConfig } from "../config/check.ts";
import { limitsOf } from "../config/schema.ts";
import { startServer } from "../server.ts";
import { importCrossbar, imported } from "./import.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "junctor-import-"));
  for (const name of [".crossbar", "web", "node"]) mkdirSync(join(folder, name));
  for (const name of ["a.pem", "ca.pem"]) writeFileSync(join(folder, ".crossbar", name), TEST_CERTIFICATE);
  writeFileSync(join(folder, ".crossbar/a.key"), TEST_KEY);
  for (const name of ["PORT", "JOE", "LEVEL"]) vi.stubEnv(name, "8082");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

type Values = Readonly<Record<string, unknown>>;

/** A node of one router worker. */
const router = (worker: Values, ...workers: readonly Values[]): Values => ({
  version: 2,
  workers: [{ type: "router", ...worker }, ...workers],
});
const tcp = (port: unknown, more: Values = {}): Values => ({ type: "tcp", port, ...more });
const ALL = { call: true, register: true, publish: true, subscribe: true };
const OPEN_ROLE = {
  name: "anonymous",
  permissions: [{ uri: "", match: "prefix", allow: ALL, disclose: { caller: false, publisher: false }, cache: true }],
};
const socket = (auth: Values | undefined, more: Values = {}): Values => ({
  type: "websocket",
  endpoint: tcp(8080, { interface: "127.0.0.1" }),
  ...(auth && { auth }),
  ...more,
});

/** What becomes of a node, and what is told of it. The result has no mistakes, whatever the node. */
function converted(node: Values): {
  readonly config: Values & { readonly realms: Readonly<Record<string, Values & { readonly roles: Values }>> };
  readonly told: (severity: string) => string[];
} {
  const source = join(folder, ".crossbar/config.json");
  writeFileSync(source, JSON.stringify(node, undefined, 2));
  const output = join(folder, "config.yaml");
  const { text, told } = imported(source, output);
  writeFileSync(output, text);
  expect(checkConfig(output).errors).toEqual([]);
  return {
    config: parse(text),
    told: (severity) =>
      told.filter((each) => each.severity === severity).map(({ path, message }) => `${path}: ${message.replaceAll(folder, "…")}`),
  };
}

test("a node that is open to everybody becomes one that is open to this machine, and is told", () => {
  const { config, told } = converted({
    $schema: "https://example.com/schema.json",
    version: 2,
    controller: { options: { title: "node" } },
    workers: [
      {
        type: "router",
        id: "worker001",
        realms: [{ name: "realm1", roles: [OPEN_ROLE] }],
        transports: [
          {
            type: "rawsocket",
            endpoint: tcp(8081, { backlog: 64 }),
            options: { max_message_size: 1_048_576 },
            serializers: ["cbor", "ubjson"],
          },
          {
            type: "web",
            endpoint: tcp("$PORT"),
            paths: {
              "/": { type: "static", directory: "../web", options: { enable_directory_listing: true, cache_timeout: 5 } },
              ws: {
                type: "websocket",
                options: {
                  allowed_origins: ["*"],
                  auto_ping_interval: 10_000,
                  compression: { deflate: { memory_level: 5 } },
                  enable_webstatus: false,
                },
              },
              info: { type: "nodeinfo" },
              old: { type: "redirect", url: "https://example.com/new" },
              deep: { type: "path", paths: { value: { type: "json", value: { a: [1] } } } },
              zip: { type: "archive", archive: "a.zip" },
            },
          },
        ],
      },
    ],
  });
  expect(config).toEqual({
    version: 1,
    listen: [
      { type: "rawsocket", host: "127.0.0.1", port: 8081, serializers: ["cbor"] },
      { type: "web", host: "127.0.0.1", port: "${env:PORT}", ws: "/ws", origins: ["*"], deflate: true },
    ],
    realms: {
      realm1: {
        auth: [{ method: "anonymous", role: "anonymous" }],
        roles: { anonymous: { allow: { call: ["*"], register: ["*"], publish: ["*"], subscribe: ["*"] } } },
      },
    },
    web: {
      "/": { static: "./web" },
      "/info": { info: true },
      "/old": { redirect: "https://example.com/new" },
      "/deep/value": { json: { a: [1] }, headers: { "Access-Control-Allow-Origin": "*" } },
    },
    limits: { messageSize: "1MiB", pingInterval: "10000ms" },
  });
  expect(told("lost")).toEqual([
    "workers[0].transports[0].serializers: there is no serializer ubjson",
    "workers[0].transports[1].paths./.options.enable_directory_listing: directories are not listed",
    "workers[0].transports[1].paths.zip: unpack the archive, and serve its directory by static",
  ]);
  expect(told("changed")).toEqual([
    expect.stringMatching(/^workers\[0\]\.realms\[0\]\.roles\[0\]: what acts on other sessions/),
    expect.stringMatching(/^listen\[0\]\.host: it was 0\.0\.0\.0: whoever comes may do everything/),
    expect.stringMatching(/^listen\[1\]\.host: it was 0\.0\.0\.0/),
  ]);
  expect(told("ignored").map((text) => text.split(":")[0])).toContain("workers[0].transports[0].endpoint.backlog");
});

describe("permissions", () => {
  const roleOf = (role: Values) => {
    const { config, told } = converted(
      router({ realms: [{ name: "r", roles: [{ name: "anonymous", ...role }] }], transports: [socket(undefined)] }),
    );
    return { role: config.realms["r"]?.roles["anonymous"], told };
  };

  test("are patterns of ours: exact, prefix by either way of writing, wildcard; with disclosure", () => {
    const permissions = [
      { uri: "com.a", allow: { call: true } },
      { uri: "com.b.", match: "prefix", allow: { call: true }, disclose: { caller: true } },
      { uri: "com.c.*", allow: { publish: true }, disclose: { publisher: true } },
      { uri: "com..state", match: "wildcard", allow: { subscribe: true } },
      { uri: "com.old.*", publish: true, subscribe: true, call: false },
    ];
    expect(roleOf({ permissions }).role).toEqual({
      allow: {
        call: ["com.a", { uri: "com.b.*", disclose: "force" }],
        publish: [{ uri: "com.c.*", disclose: "force" }, "com.old.*"],
        subscribe: ["com.*.state", "com.old.*"],
      },
    });
  });

  test("of a prefix that ends within a component are for whole components, which is told", () => {
    const { role, told } = roleOf({ permissions: [{ uri: "com.user", match: "prefix", allow: { call: true } }] });
    expect(role).toEqual({ allow: { call: ["com.user", "com.user.*"] } });
    expect(told("changed")).toContain(
      "workers[0].realms[0].roles[0].permissions[0].uri: stands for com.user and what begins with com.user. here, and no longer for com.userx",
    );
  });

  test("that allow nothing within something wider are exceptions from it", () => {
    const permissions = [
      { uri: "", match: "prefix", allow: { call: true, publish: true } },
      { uri: "com.secret.*", allow: { call: false, publish: true } },
      { uri: "com.none", allow: {} },
    ];
    expect(roleOf({ permissions }).role).toEqual({
      allow: { call: ["*"], publish: ["*", "com.secret.*"] },
      deny: { call: ["com.secret.*", "com.none"], publish: ["com.none"] },
    });
  });

  test("of an authorizer are its own matter; what is checked beyond that is told", () => {
    expect(roleOf({ authorizer: "com.may" }).role).toEqual({ authorizer: "com.may" });
    const { told } = roleOf({ permissions: [{ uri: "com.a", allow: { call: true }, validate: { call: "x.Y" } }] });
    expect(told("lost")).toEqual(["workers[0].realms[0].roles[0].permissions[0].validate: payloads are not validated here"]);
  });
});

describe("log-ins", () => {
  const roles = [OPEN_ROLE, { name: "user", permissions: [] }, { name: "guest", permissions: [] }];
  const ways = (...transports: readonly Values[]) => {
    const { config, told } = converted(router({ realms: [{ name: "r", roles }], transports }));
    return { auth: config.realms["r"]?.["auth"], told };
  };
  const KEY = "5".repeat(64);

  test("by each method keep their users, and secrets from the environment stay there", () => {
    const hex = (byte: string) => byte.repeat(32);
    const { auth } = ways(
      socket({
        ticket: { type: "static", principals: { joe: { ticket: "${JOE}", role: "user" } } },
        wampcra: {
          type: "static",
          users: { ann: { secret: "x", role: "user" }, sal: { secret: "a2V5", salt: "s", iterations: 100, keylen: 16, role: "guest" } },
        },
        scram: {
          type: "static",
          principals: {
            sam: {
              kdf: "pbkdf2",
              iterations: 4096,
              memory: 0,
              salt: "00ff",
              "stored-key": hex("01"),
              "server-key": hex("02"),
              role: "user",
            },
          },
        },
        cryptosign: {
          type: "static",
          principals: {
            kim: { authorized_keys: [KEY], realm: "r", role: "user" },
            far: { authorized_keys: ["6".repeat(64)], realm: "other", role: "user" },
          },
        },
        anonymous: { type: "static", role: "guest" },
      }),
    );
    const base64 = (byte: number) => Buffer.alloc(32, byte).toString("base64");
    expect(auth).toEqual([
      { method: "ticket", users: { joe: { role: "user", ticket: "${env:JOE}" } } },
      {
        method: "wampcra",
        users: {
          ann: { role: "user", wampcra: "x" },
          sal: { role: "guest", wampcra: { key: "a2V5", salt: "s", iterations: 100, keylen: 16 } },
        },
      },
      {
        method: "scram",
        users: {
          sam: { role: "user", scram: { kdf: "pbkdf2", iterations: 4096, salt: "AP8=", storedKey: base64(1), serverKey: base64(2) } },
        },
      },
      { method: "cryptosign", users: { kim: { role: "user", cryptosign: KEY } } },
      { method: "anonymous", role: "guest" },
    ]);
  });

  test("by a procedure ask the same procedure; by a Python function or a certificate's SHA-1 they are told to be lost", () => {
    const { auth, told } = ways(
      socket({
        ticket: {
          type: "dynamic",
          authenticator: "com.who",
          "authenticator-realm": "r",
          "authenticator-role": "user",
          "default-role": "guest",
        },
        wampcra: { type: "function", create: "a.b" },
        tls: { type: "static", principals: { dev: { "certificate-sha1": "AA", role: "user" } } },
      }),
    );
    expect(auth).toEqual([{ method: "ticket", authenticator: "com.who", authenticatorRealm: "r", defaultRole: "guest" }]);
    expect(told("lost")).toEqual([
      expect.stringMatching(/^workers\[0\]\.transports\[0\]\.auth\.wampcra: a Python function/),
      expect.stringMatching(/^workers\[0\]\.transports\[0\]\.auth\.tls: certificates are told apart by their subject/),
    ]);
  });

  test("that one transport asks for are not let through by another that asked for none", () => {
    const { auth, told } = ways(socket({ wampcra: { type: "static", users: { ann: { secret: "x", role: "user" } } } }), {
      type: "rawsocket",
      endpoint: { type: "unix", path: "sock" },
    });
    expect(auth).toEqual([{ method: "wampcra", users: { ann: { role: "user", wampcra: "x" } } }]);
    expect(told("changed")).toContainEqual(
      expect.stringMatching(/^workers\[0\]\.transports\[1\]: whoever came by this transport needed no log-in/),
    );
  });

  test("of which none is left leave a realm that nobody gets into, which is told", () => {
    const { auth, told } = ways(socket({ ticket: { type: "function", create: "a.b" } }));
    expect(auth).toEqual([{ method: "wampcra", users: {} }]);
    expect(told("changed")).toContainEqual(expect.stringMatching(/^workers\[0\]\.realms\[0\]: nobody can log in/));
  });

  test("by cookie are kept where pages are named one by one", () => {
    const auth = { cookie: {}, wampcra: { type: "static", users: { ann: { secret: "x", role: "user" } } } };
    const cookie = { name: "cbtid", max_age: 60, same_site: "Lax", store: { type: "file", filename: "c.dat" } };
    const options = { allowed_origins: ["https://app.example.com"] };
    expect(ways(socket(auth, { cookie, options })).auth).toContainEqual({ method: "cookie", maxAge: "60s" });
    const { auth: without, told } = ways(socket(auth, { cookie }));
    expect(without).toEqual([{ method: "wampcra", users: { ann: { role: "user", wampcra: "x" } } }]);
    expect(told("lost")).toContainEqual(expect.stringMatching(/^workers\[0\]\.transports\[0\]\.cookie: cookies need origins/));
  });
});

test("a listener keeps its address, its certificate and what it serves", () => {
  const { config, told } = converted(
    router({
      realms: [{ name: "r", options: { uri_check: "strict" }, roles: [{ name: "anonymous", permissions: [] }] }],
      transports: [
        {
          type: "universal",
          endpoint: tcp(443, {
            version: 6,
            tls: { key: "a.key", certificate: "a.pem", chain_certificates: ["c.pem"], ca_certificates: ["ca.pem"], ciphers: "X" },
          }),
          rawsocket: { serializers: ["json"] },
          websocket: { ws: { type: "websocket", auth: { anonymous: { type: "static", role: "anonymous" } } }, two: { type: "websocket" } },
          mqtt: { options: {} },
          web: { paths: { "/": { type: "static", directory: "../web" } } },
        },
        {
          type: "web",
          endpoint: tcp(81),
          paths: { "/": { type: "static", directory: "../web" }, only: { type: "json", value: 1, options: { allow_cross_origin: false } } },
        },
        {
          type: "websocket",
          endpoint: { type: "unix", path: "/run/a.sock" },
          options: { max_message_size: 65_536, open_handshake_timeout: 0 },
        },
        { type: "mqtt", endpoint: tcp(1883) },
      ],
    }),
  );
  expect(config["listen"]).toEqual([
    {
      type: "universal",
      host: "::",
      port: 443,
      tls: { cert: "./.crossbar/a.pem", key: "./.crossbar/a.key", clientCa: "./.crossbar/ca.pem" },
      serializers: ["json"],
      ws: "/ws",
      web: ["/"],
    },
    { type: "web", host: "0.0.0.0", port: 81 },
    { type: "web", path: "/run/a.sock", ws: "*", web: false },
  ]);
  expect(config.realms).toMatchObject({ r: { uri: "strict" } });
  expect(config["limits"]).toEqual({ messageSize: "64KiB" });
  expect(told("lost")).toEqual([
    "workers[0].transports[0].websocket.two: a listener has one path for WebSocket",
    "workers[0].transports[0].mqtt: there is no MQTT here",
    "workers[0].transports[3]: there are no listeners of the type mqtt here",
  ]);
});

test("what is served over HTTP has its path and its settings", () => {
  const { config, told } = converted(
    router({
      realms: [{ name: "r", roles: [{ name: "anonymous", permissions: [] }] }],
      transports: [
        {
          type: "web",
          endpoint: tcp(8080),
          paths: {
            "/": { type: "static", directory: "../web", options: { default_file: "index.html" } },
            ws: { type: "websocket" },
            lp: { type: "longpoll", options: { request_timeout: 20, session_timeout: 40, queue_limit_bytes: 1 } },
            app: { type: "wsgi", module: "app", object: "app" },
            call: { type: "caller", realm: "r", role: "anonymous" },
            publish: { type: "publisher", realm: "r", role: "anonymous", options: { key: "k", secret: "s", post_body_limit: 1000 } },
          },
        },
      ],
    }),
  );
  expect(config["web"]).toEqual({
    "/": { static: { directory: "./web", fallback: "index.html" } },
    "/lp": { longpoll: { hold: "20s", silence: "40s" } },
    "/call": { bridge: { realm: "r" } },
    "/publish": { bridge: { realm: "r" } },
  });
  expect(told("lost")).toEqual([
    "workers[0].transports[0].paths.app: run the application by gunicorn or uvicorn as a service, and lead to it by a proxy",
    "workers[0].transports[0].paths.publish.options.key: requests are not signed here: clients send Authorization, with a ticket or a token",
    "workers[0].transports[0].paths.publish.options.secret: requests are not signed here: clients send Authorization, with a ticket or a token",
  ]);
});

test("guests, containers and components in the router are services", () => {
  const { config, told } = converted(
    router(
      {
        realms: [
          {
            name: "r",
            roles: [
              { name: "anonymous", permissions: [] },
              { name: "backend", permissions: [] },
            ],
          },
        ],
        transports: [socket(undefined)],
        options: { pythonpath: [".."] },
        components: [
          { type: "class", classname: "app.embedded.Clock", realm: "r", extra: { every: 5 }, references: ["x"] },
          { type: "function", callbacks: { join: "app.join" }, realm: "r", role: "backend" },
        ],
      },
      {
        type: "container",
        options: { pythonpath: ["../src"], env: { inherit: false, vars: { LEVEL: "${LEVEL}" } }, restart: "restart-on-failed" },
        components: [
          {
            type: "class",
            classname: "app.Backend",
            realm: "r",
            transport: { type: "websocket", url: "ws://localhost", endpoint: tcp(8080) },
          },
          { type: "class", classname: "app.Far", realm: "elsewhere", transport: {} },
        ],
      },
      {
        type: "guest",
        executable: "node",
        arguments: ["app.js", "--port", "1"],
        options: { workdir: "../node", env: { vars: { A: "1" } }, stdout: "log", watch: { directories: ["../src"], action: "restart" } },
      },
      { type: "guest", executable: "node" },
      { type: "hostmonitor", interval: 5 },
    ),
  );
  expect(config["services"]).toEqual({
    clock: {
      command: ["python3", "crossbar_component.py", "app.embedded.Clock", '{"every":5}'],
      env: { PYTHONPATH: ".crossbar/.." },
      realm: "r",
      role: "trusted",
    },
    backend: {
      command: ["python3", "crossbar_component.py", "app.Backend"],
      env: { PYTHONPATH: ".crossbar/../src", LEVEL: "${env:LEVEL}" },
      inheritEnv: false,
      realm: "r",
      role: "anonymous",
      restart: "on-failure",
    },
    node: { command: ["node", "app.js", "--port", "1"], cwd: ".crossbar/../node", env: { A: "1" }, watch: [".crossbar/../src"] },
    "node-2": { command: ["node"], cwd: ".crossbar" },
  });
  expect(config.realms).toMatchObject({ r: { roles: { trusted: { allow: { call: ["*"] } } } } });
  expect(told("lost").map((text) => text.replace(/: .*/, ""))).toEqual([
    "workers[0].components[0].references",
    "workers[0].components[1]",
    "workers[1].components[1]",
    "workers[4]",
  ]);
});

test("a store keeps its history, and calls that wait", () => {
  const store = {
    type: "memory",
    limit: 50,
    "event-history": [
      { uri: "com.a", limit: 10 },
      { uri: "com.b.", match: "prefix" },
    ],
    "call-queue": [{ uri: "com.slow", limit: 7 }],
  };
  const { config } = converted(
    router({ realms: [{ name: "r", store, roles: [{ name: "anonymous", permissions: [] }] }], transports: [socket(undefined)] }),
  );
  expect(config.realms).toMatchObject({
    r: {
      events: {
        history: [
          { topic: "com.a", events: 10 },
          { topic: "com.b.*", events: 50 },
        ],
      },
      calls: { queue: 7 },
    },
  });
});

test("whatever nobody has thought of is told, and what the result may not say is left out", () => {
  const { config, told } = converted(
    router({
      realms: [{ name: "r", novelty: 1, roles: [{ name: "anonymous", permissions: [], extra: {} }] }, { name: "no realm" }],
      transports: [
        socket(undefined, { invention: true }),
        {
          type: "web",
          endpoint: tcp(8081),
          paths: {
            ws: { type: "websocket" },
            files: { type: "static", directory: ".." },
            gone: { type: "static", package: "a.b", resource: "c" },
          },
        },
      ],
    }),
  );
  expect(told("lost").sort()).toEqual([
    "web./files.static: everybody could read …/config.yaml: name a directory without secrets, for example ./public",
    "workers[0].realms[0].novelty: there is nothing like it here, or it is not known",
    "workers[0].realms[0].roles[0].extra: there is nothing like it here, or it is not known",
    'workers[0].realms[1]: "no realm" is no name of a realm here',
    "workers[0].transports[0].invention: there is nothing like it here, or it is not known",
    "workers[0].transports[1].paths.gone: files of a Python package are not found here: copy them into a directory",
  ]);
  expect(config["web"]).toBeUndefined();
});

test("a server runs with it: who could log in can, and may what he might", async () => {
  const roles = [{ name: "user", permissions: [{ uri: "com.app.", match: "prefix", allow: ALL }] }];
  const auth = { ticket: { type: "static", principals: { joe: { ticket: "open sesame", role: "user" } } } };
  converted(router({ realms: [{ name: "r", roles }], transports: [socket(auth, { endpoint: tcp(0, { interface: "127.0.0.1" }) })] }));
  const { loaded } = checkConfig(join(folder, "config.yaml"));
  if (loaded === undefined) throw new Error("no configuration");
  const server = await startServer({ ...loaded.config, file: join(folder, "config.yaml"), limits: limitsOf(loaded.config), log: () => {} });
  try {
    const url = `ws://${server.listeners[0]?.address}/any/path`;
    const joe = await connect({ url, realm: "r", auth: [ticket({ authid: "joe", ticket: "open sesame" })] });
    await joe.register("com.app.add", ({ args }) => Number(args[0]) + 1);
    expect((await joe.call("com.app.add", [1])).value).toBe(2);
    await expect(joe.register("com.other", () => 1)).rejects.toBeInstanceOf(ApplicationError);
    await expect(connect({ url, realm: "r" })).rejects.toThrow();
    await joe.leave();
  } finally {
    await server.close();
  }
});

describe("the command", () => {
  const said = () => {
    const texts = { out: "", err: "" };
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      texts.out += String(text);
      return true;
    });
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      texts.err += String(text);
      return true;
    });
    return texts;
  };
  afterEach(() => vi.restoreAllMocks());
  const node = (component: boolean) => {
    const components = component ? [{ type: "class", classname: "a.B", realm: "r", role: "anonymous" }] : [];
    const source = join(folder, ".crossbar/config.json");
    writeFileSync(
      source,
      JSON.stringify(
        router({ realms: [{ name: "r", roles: [{ name: "anonymous", permissions: [] }] }], transports: [socket(undefined)], components }),
      ),
    );
    return source;
  };

  test("prints the configuration, and beside it what is to be said", () => {
    const texts = said();
    importCrossbar(node(false), {});
    expect(parse(texts.out)).toMatchObject({ version: 1, realms: { r: {} } });
    expect(texts.err).toMatch(
      /What is there in another way: .*\n {2}\S+config\.json:1:\d+ {2}workers\[0\]\.transports\[0\]\n {4}pages of any host/s,
    );
  });

  test("writes it for this user only, with the program that runs components, and overwrites nothing", () => {
    const source = node(true);
    said();
    const output = join(folder, "new.yaml");
    importCrossbar(source, { output });
    expect(statSync(output).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, "crossbar_component.py"), "utf8")).toContain("JUNCTOR_TICKET");
    expect(() => importCrossbar(source, { output })).toThrow(/new\.yaml is there already, and is not overwritten/);
    importCrossbar(source, { output: join(folder, "other.yaml") });
  });

  test("says what is no configuration of a node", () => {
    const file = join(folder, "x.json");
    writeFileSync(file, '{"version": 1}');
    expect(() => imported(file, "config.yaml")).toThrow(/no configuration of a Crossbar\.io node: it has no workers/);
    writeFileSync(file, '{"workers": [}');
    expect(() => imported(file, "config.yaml")).toThrow(/x\.json:1:\d+/);
    expect(() => imported(join(folder, "none.json"), "config.yaml")).toThrow(/cannot read .*none\.json: it does not exist/);
  });
});
