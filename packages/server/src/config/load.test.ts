// From a file to a configuration, or to all that is wrong with it: place, path, what is there, what is expected, what was meant.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { placeText } from "./document.ts";
import { ConfigError, loadConfig, loadUsers, parseConfig } from "./load.ts";

function problems(text: string): string[] {
  try {
    parseConfig(text, "config.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => `${placeText(problem)} ${problem.path}: ${problem.message}`);
    throw error;
  }
  return [];
}

/** What is wrong with a configuration that is right but for these lines; the first of them is line 2. */
function wrong(lines: string): string[] {
  const keys = ["listen", "realms"].filter((key) => !new RegExp(`^${key}:`, "m").test(lines));
  const rest = {
    listen: "listen: [{type: web, port: 0}]\n",
    realms: "realms: {app: {auth: [{method: anonymous, role: user}], roles: {user: {}}}}\n",
  };
  return problems(`version: 1\n${lines}\n${keys.map((key) => rest[key as "listen" | "realms"]).join("")}`);
}

test("every mistake of a file is told at once, in the order of the file", () => {
  const text = `version: 2
listn: []
listen:
  - {type: webb, port: 80800}
  - {type: web}
  - {type: rawsocket, port: 1, static: x, mode: "0660", colour: 1}
  - {type: web, port: "8080", tls: {cert: a}}
  - {type: web, port: 2, serializers: [jsn], ws: ws}
  - 5
realms:
  app:
    auth: [{method: anonymus, role: user}, {method: anonymous, role: usr}]
    roles:
      user: {allow: {call: ["com.*app", ""], subscribe: com.x, publsh: []}, disclose: {caller: yes}}
  "a b": {auth: [], roles: {}}
limits: {helloTimeout: 5, messageSize: 1XB, callsPerSession: 0, connections: 1.5, slowConsumer: drop_oldst}
log: {level: warning, format:}
`;
  expect(problems(text)).toEqual([
    "config.yaml:1:1 version: got 2, expected 1",
    "config.yaml:2:1 listn: unknown key; did you mean listen?",
    'config.yaml:4:6 listen[0].type: got "webb", expected web, rawsocket or universal; did you mean web?',
    "config.yaml:4:18 listen[0].port: got 80800, expected at most 65535",
    "config.yaml:5:5 listen[1]: a listener needs either a port (TCP) or a path (UNIX socket)",
    "config.yaml:6:32 listen[2].static: a rawsocket listener speaks no HTTP: use type web or universal",
    "config.yaml:6:43 listen[2].mode: mode is for UNIX sockets: give a path",
    expect.stringMatching(/^config\.yaml:6:57 listen\[2\]\.colour: unknown key; known are type, host, port, /),
    'config.yaml:7:17 listen[3].port: got "8080", expected a number',
    "config.yaml:7:31 listen[3].tls.key: is missing, expected text",
    'config.yaml:8:40 listen[4].serializers[0]: got "jsn", expected json, msgpack or cbor; did you mean json?',
    'config.yaml:8:46 listen[4].ws: got "ws", expected a path that starts with /, or "*" for any',
    "config.yaml:9:5 listen[5]: got 5, expected a mapping",
    expect.stringMatching(
      /^config\.yaml:12:13 realms\.app\.auth\[0\]\.method: got "anonymus", expected anonymous, .* or \w+; did you mean anonymous\?$/,
    ),
    'config.yaml:12:64 realms.app.auth[1].role: got "usr", expected a role of this realm, which has user; did you mean user?',
    expect.stringMatching(
      /^config\.yaml:14:29 realms\.app\.roles\.user\.allow\.call\[0\]: got "com\.\*app", expected a URI pattern; a \* stands for/,
    ),
    'config.yaml:14:41 realms.app.roles.user.allow.call[1]: got "", expected a URI pattern; there is nothing in it; * stands for every URI',
    'config.yaml:14:46 realms.app.roles.user.allow.subscribe: got "com.x", expected a list',
    "config.yaml:14:64 realms.app.roles.user.allow.publsh: unknown key; did you mean publish?",
    'config.yaml:14:88 realms.app.roles.user.disclose.caller: got "yes", expected allow, deny or force',
    expect.stringMatching(/^config\.yaml:15:3 realms\.a b: the name of a realm is a URI/),
    "config.yaml:15:11 realms.a b.auth: got [], expected at least 1 item",
    "config.yaml:16:10 limits.helloTimeout: got 5, expected a duration with its unit (ms, s, m, h, d), for example 25s",
    'config.yaml:16:27 limits.messageSize: got "1XB", expected a size with its unit (B, KiB, MiB, GiB), for example 1MiB',
    "config.yaml:16:45 limits.callsPerSession: got 0, expected at least 1",
    "config.yaml:16:65 limits.connections: got 1.5, expected a whole number",
    'config.yaml:16:83 limits.slowConsumer: got "drop_oldst", expected disconnect, drop_newest, drop_oldest or conflate; did you mean drop_oldest?',
    'config.yaml:17:7 log.level: got "warning", expected trace, debug, info, warn, error or silent',
    "config.yaml:17:23 log.format: got nothing, expected json, pretty or auto",
  ]);
});

describe("a mistake of form", () => {
  test.each([
    ["limits:\n\thelloTimeout: 5s", "config.yaml:3:1 : a tab: YAML is indented with spaces"],
    ["log: {}\nlog: {}", "config.yaml:3:1 : this key is there already"],
    ["log: !level {level: info}", "config.yaml:2:6 : Unresolved tag: !level"],
    ["log: *other", "config.yaml:1:1 : Unresolved alias (the anchor must be set before the alias): other"],
  ])("%j", (lines, expected) => {
    expect(wrong(lines)).toContain(expected);
  });

  test.each([
    ["", "config.yaml:1:1 : got nothing, expected a mapping"],
    ["listen: [\n", "config.yaml:2:1 : Flow sequence in block collection must be sufficiently indented and end with a ]"],
    ["- 1\n", "config.yaml:1:1 : got [1], expected a mapping"],
    [
      "version: 1\n---\nversion: 1\n",
      "config.yaml:2:1 : a file holds one document: remove this line and what follows, or make it another file",
    ],
    ['{"version": 1, "version": 1}', "config.yaml:1:16 : this key is there already"],
  ])("the whole file is %j", (text, expected) => {
    expect(problems(text)).toEqual([expected]);
  });

  test("aliases that multiply without bounds", () => {
    const bomb = ["a: &a [1,1,1,1,1,1,1,1,1]", "b: &b [*a,*a,*a,*a,*a,*a,*a]", "c: &c [*b,*b,*b,*b,*b,*b,*b]", "d: [*c,*c,*c,*c,*c]"].join(
      "\n",
    );
    expect(problems(bomb)).toEqual(["config.yaml:1:1 : Excessive alias count indicates a resource exhaustion attack"]);
  });
});

test("what is missing is told where it should be", () => {
  expect(problems("version: 1\n")).toEqual([
    "config.yaml:1:1 listen: is missing, expected a list",
    "config.yaml:1:1 realms: is missing, expected a mapping",
  ]);
  expect(wrong("realms:\n  app:\n    roles: {}")).toEqual(["config.yaml:3:3 realms.app.auth: is missing, expected a list"]);
});

test("what is named has to be there: roles, realms, users, and who asks for client certificates", () => {
  const text = `realms:
  app:
    users: {ann: {role: usr, ticket: a}, bob: {roles: [user, admin], ticket: b}}
    auth:
      - {method: ticket, authenticator: com.auth, authenticatorRealm: ap, defaultRole: use}
      - {method: wampcra, users: {cid: {role: guest, wampcra: c}}, also: [{method: ticket, authenticator: com.auth, authenticatorRealm: apps}]}
      - {method: tls, rules: [{role: user}, {role: usre}]}
    roles: {user: {authorizer: com.may, authorizerRealm: admin}}
  apps:
    auth: [{method: ticket}, {method: cryptosign, authenticator: com.auth}, {method: wampcra, users: wampcra.yaml, also: [{method: scram}]}]
    roles: {user: {}}`;
  const expected = [
    '4:19 realms.app.users.ann.role: got "usr", expected a role of this realm, which has user; did you mean user?',
    '4:62 realms.app.users.bob.roles[1]: got "admin", expected a role of this realm, which has user',
    '6:51 realms.app.auth[0].authenticatorRealm: got "ap", expected a realm of this file, which has app, apps; did you mean app?',
    '6:75 realms.app.auth[0].defaultRole: got "use", expected a role of this realm, which has user; did you mean user?',
    '7:41 realms.app.auth[1].users.cid.role: got "guest", expected a role of this realm, which has user',
    "8:9 realms.app.auth[2]: nobody can log in by tls: no listener has tls.clientCa",
    '8:46 realms.app.auth[2].rules[1].role: got "usre", expected a role of this realm, which has user; did you mean user?',
    '9:41 realms.app.roles.user.authorizerRealm: got "admin", expected a realm of this file, which has app, apps',
    "11:12 realms.apps.auth[0]: nobody can log in by ticket: give users, here or to the realm, or an authenticator",
    "11:123 realms.apps.auth[2].also[0]: nobody can log in by scram: give users, here or to the realm, or an authenticator",
  ];
  expect(wrong(text)).toEqual(expected.map((line) => `config.yaml:${line}`));
});

test("a bridge and an event stream lead to a realm that is there", () => {
  const text = `version: 1
listen: [{type: web, port: 0}]
realms: {app: {auth: [{method: anonymous, role: user}], roles: {user: {}}}}
web: {/wamp: {bridge: {realm: ap}}, /events: {sse: {realm: other}}}`;
  expect(problems(text)).toEqual([
    expect.stringContaining('web./wamp.bridge.realm: got "ap", expected a realm of this file, which has app; did you mean app?'),
    expect.stringContaining('web./events.sse.realm: got "other", expected a realm of this file, which has app'),
  ]);
});

test("a users file is held to the roles of its realm, with the place of each mistake", () => {
  const folder = mkdtempSync(join(tmpdir(), "junctor-users-"));
  const file = join(folder, "users.yaml");
  writeFileSync(file, "ann: {role: usr, ticket: a}\nbob: {roles: [user, 5], ticket: 6}\n");
  expect(() => loadUsers(file, ["user"])).toThrow(
    new RegExp(
      `${file} has 3 errors:\\n.*:1:7  ann.role: got "usr", expected a role .*did you mean user\\?\\n.*:2:21  bob.roles.*\\n.*:2:25  bob.ticket`,
    ),
  );
  writeFileSync(file, "ann: {role: user, ticket: a}\n");
  expect(loadUsers(file, ["user"])).toMatchObject([{ authid: "ann", roles: ["user"] }]);
  rmSync(folder, { recursive: true });
});

test("two listeners cannot share a place", () => {
  const listen = (...listeners: string[]) => wrong(`listen:\n${listeners.map((each) => `  - {type: web, ${each}}`).join("\n")}`);
  expect(listen("port: 1", "port: 0", "port: 0", "port: 1")).toEqual(["config.yaml:6:17 listen[3].port: listen[0] listens there already"]);
  expect(listen("port: 1, host: 127.0.0.2", "port: 1", "port: 1, host: 0.0.0.0")).toEqual([
    "config.yaml:5:17 listen[2].port: listen[0] listens there already",
  ]);
  expect(listen("path: a.sock", "path: b.sock", "path: ./x/../a.sock")).toEqual([
    "config.yaml:5:17 listen[2].path: listen[0] listens there already",
  ]);
});

test("paths are relative to the file that they stand in, and nothing else is taken for one", () => {
  const config = parseConfig(
    `version: 1
listen: [{type: web, path: web.sock, static: ../public, tls: {cert: /etc/cert.pem, key: key.pem, clientCa: ./ca.pem}}]
realms:
  app:
    users: users.yaml
    auth:
      - {method: ticket, users: more.yaml, also: [{method: cryptosign, routerKey: router.key}]}
      - {method: jwt, jwks: keys.json, issuer: me, audience: you, role: user}
      - {method: jwt, jwks: "https://id.example/keys.json", issuer: me, audience: you, role: user}
    roles: {user: {}}
    events: {store: {path: data}}
`,
    "/srv/junctor/config.yaml",
  );
  const { path, static: files, tls } = config.listen[0] ?? {};
  expect([path, files, tls?.cert, tls?.key, tls?.clientCa]).toEqual([
    "/srv/junctor/web.sock",
    "/srv/public",
    "/etc/cert.pem",
    "/srv/junctor/key.pem",
    "/srv/junctor/ca.pem",
  ]);
  const app = config.realms["app"];
  expect([app?.users, app?.events.store?.path]).toEqual(["/srv/junctor/users.yaml", "/srv/junctor/data"]);
  expect(app?.auth).toMatchObject([
    { users: "/srv/junctor/more.yaml", also: [{ routerKey: "/srv/junctor/router.key" }] },
    { jwks: "/srv/junctor/keys.json" },
    { jwks: "https://id.example/keys.json" },
  ]);
});

test("a directory that is served holds no secret: this file, users, keys, stores", () => {
  const listen = (directory: string) => `listen: [{type: web, port: 0, static: ${directory}, tls: {cert: public/c.pem, key: tls/k.pem}}]`;
  const realms = `realms:
  app:
    auth: [{method: ticket, users: users/u.yaml}]
    roles: {user: {}}
    events: {store: {path: data/store}}`;
  const told = (directory: string) => wrong(`${listen(directory)}\n${realms}`);
  for (const directory of ["./public", "use", "user"]) expect(told(directory)).toEqual([]);
  for (const [directory, secret] of Object.entries({ ".": "config.yaml", users: "users/u.yaml", tls: "tls/k.pem", data: "data/store" }))
    expect(told(directory)).toEqual([
      `config.yaml:2:31 listen[0].static: everybody could read ${resolve(secret)}: name a directory without secrets, for example ./public`,
    ]);
});

test("a procedure that is asked has a URI, and a realm a name", () => {
  const realms = (authenticator: string, authorizer: string) => `realms:
  app:
    auth: [{method: ticket, authenticator: ${authenticator}}]
    roles: {user: {authorizer: ${authorizer}}}`;
  expect(wrong(realms("com.auth.check", "com.auth.may"))).toEqual([]);
  expect(wrong(realms("bad uri", "x y"))).toEqual([
    expect.stringMatching(/^config.yaml:4:29 .*authenticator: .*the URI of a procedure/),
    expect.stringMatching(/^config.yaml:5:20 .*authorizer: .*the URI of a procedure/),
  ]);
  expect(wrong("realms: {__proto__: {auth: [{method: anonymous, role: user}], roles: {user: {}}}}")).toEqual([
    "config.yaml:2:10 realms.__proto__: a realm cannot have this name",
  ]);
});

test("two realms cannot keep their events in one place", () => {
  const realm = (path: string) => `{auth: [{method: anonymous, role: user}], roles: {user: {}}, events: {store: {path: ${path}}}}`;
  expect(wrong(`realms:\n  a: ${realm("events")}\n  b: ${realm("other")}\n  c: ${realm("./events")}`)).toEqual([
    expect.stringMatching(/^config\.yaml:5:\d+ realms\.c\.events\.store\.path: the realm a keeps its events there$/),
  ]);
});

test("a long value is cut short", () => {
  expect(wrong(`log: [${"x, ".repeat(100)}]`)).toEqual([
    expect.stringMatching(/^config\.yaml:2:1 log: got \["x",.{54}…, expected a mapping$/),
  ]);
});

describe("what is right", () => {
  const right = {
    version: 1,
    listen: [{ type: "web", port: 8080 }],
    realms: { app: { auth: [{ method: "anonymous", role: "user" }], roles: { user: { allow: { call: ["com.app.*"] } } } } },
    limits: { helloTimeout: "2.5s", messageSize: "64 KiB" },
  };

  test("is taken as YAML, as JSON, and as JSON indented with tabs", () => {
    const yaml = `# a comment
version: 1
listen:
  - {type: web, port: 8080}
realms:
  app:
    auth: [{method: anonymous, role: user}]
    roles:
      user: {allow: {call: [com.app.*]}}
limits: {helloTimeout: 2.5s, messageSize: 64 KiB}
`;
    const config = parseConfig(yaml, "config.yaml");
    expect(parseConfig(JSON.stringify(right), "config.json")).toEqual(config);
    expect(parseConfig(JSON.stringify(right, undefined, "\t"), "config.json")).toEqual(config);
    expect(config.listen).toEqual([expect.objectContaining({ type: "web", host: "127.0.0.1", port: 8080, ws: "/ws", deflate: false })]);
    expect(config.limits).toMatchObject({ helloTimeout: 2_500, messageSize: 65_536 });
    expect(config.log).toEqual({ level: "info", format: "auto" });
    expect(config.realms["app"]?.roles["user"]?.allow.call).toMatchObject([{ uri: { uri: "com.app.", match: "prefix" } }]);
  });

  test("is taken with a byte order mark, and with lines that end as Windows ends them", () => {
    const text = "version: 1\r\nlisten: [{type: web, port: 0}]\r\nrealms: {}\r\n";
    expect(parseConfig(text, "config.yaml").realms).toEqual({});
    expect(parseConfig(`\ufeff${text}`, "config.yaml").realms).toEqual({});
  });
});

test("a file that is no text is no configuration", () => {
  const folder = mkdtempSync(join(tmpdir(), "junctor-config-"));
  const file = join(folder, "config.yaml");
  writeFileSync(file, Buffer.from([0x76, 0xff, 0xfe]));
  expect(() => loadConfig(file)).toThrow(`${file} is no text in UTF-8`);
  rmSync(folder, { recursive: true });
});

test("origins, hosts and proxies that are none are told, and a PROXY header that nobody may send", () => {
  const listen = (rest: string) => wrong(`listen: [{type: web, port: 0, ${rest}}]`).map((text) => text.replace(/^\S+ /, ""));
  expect(listen("origins: [shop.example], hosts: [https://shop.example], trustedProxies: [proxy.example]")).toEqual([
    expect.stringMatching(/^listen\[0\]\.origins\[0\]: .*expected same-host, loopback, null, \* or an origin/),
    expect.stringMatching(/^listen\[0\]\.hosts\[0\]: .*expected a host name without port/),
    expect.stringMatching(/^listen\[0\]\.trustedProxies\[0\]: .*expected an address, a network or unix/),
  ]);
  expect(listen("proxyProtocol: true")).toEqual(["listen[0].proxyProtocol: proxyProtocol needs trustedProxies: whose headers are taken"]);
  expect(listen("origins: ['https://*.shop.example', loopback], hosts: ['*.shop.example'], trustedProxies: [10.0.0.0/8, unix]")).toEqual(
    [],
  );
});
