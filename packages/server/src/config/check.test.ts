// All that `junctor config check` tells: mistakes of the file and of those that it names, open listeners, and what is hardly meant.
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { selfSigned } from "../cli/self-signed.ts";
import { type CheckOptions, checkConfig, checkedConfig } from "./check.ts";
import { placeText } from "./document.ts";
import { ConfigError, type ConfigProblem } from "./load.ts";

const NOW = new Date("2026-06-01T12:00:00Z");
const OPEN = '{call: ["*"], register: ["*"], publish: ["*"], subscribe: ["*"]}';

let folder = "";
const file = (name: string, text?: string | Buffer): string => {
  if (text !== undefined) writeFileSync(join(folder, name), text);
  return join(folder, name);
};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "junctor-check-"));
  const certificate = (name: string, from: string, days: number) => {
    const { cert, key } = selfSigned([`${name}.example`], new Date(from), days);
    file(`${name}.pem`, cert);
    file(`${name}.key`, key);
    chmodSync(file(`${name}.key`), 0o600);
  };
  certificate("good", "2026-05-01", 365);
  certificate("old", "2026-01-01", 90);
  certificate("soon", "2026-05-01", 36);
  certificate("early", "2026-07-01", 90);
  file("text.txt", "nothing in particular\n");
  file("plain.txt", "nothing in particular\n");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  file("locked.key", privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Told {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

const text = (problem: ConfigProblem) =>
  `${placeText(problem)} ${problem.path}: ${problem.message}${problem.lint === undefined ? "" : ` (${problem.lint})`}`.replaceAll(
    `${folder}/`,
    "",
  );

function told(config: string, options: CheckOptions = {}): Told {
  const { errors, warnings } = checkConfig(file("config.yaml", config), { now: NOW, ...options });
  return { errors: errors.map(text), warnings: warnings.map(text) };
}

const REALM = "{auth: [{method: anonymous, role: user}], roles: {user: {}}}";
const listening = (listener: string, realm = REALM) => `version: 1\nlisten: [${listener}]\nrealms: {app: ${realm}}\n`;
const withTls = (cert: string, key: string) => listening(`{type: web, port: 0, tls: {cert: ${cert}, key: ${key}}}`);

test("a configuration that is right is told nothing about", () => {
  expect(told(withTls("good.pem", "good.key"))).toEqual({ errors: [], warnings: [] });
});

describe("files that are named", () => {
  test("have to be there and to hold what they should: each is told at its place", () => {
    const config = `version: 1
listen:
  - {type: web, port: 0, static: none, tls: {cert: none.pem, key: text.txt, clientCa: text.txt}}
  - {type: web, port: 0, static: plain.txt, tls: {cert: good.pem, key: old.key}}
  - {type: web, port: 0, tls: {cert: good.pem, key: locked.key}}
realms:
  app:
    users: none.yaml
    auth:
      - {method: cryptosign, routerKey: text.txt, also: [{method: ticket, users: wrong.yaml}]}
      - {method: jwt, jwks: text.txt, issuer: a, audience: b, role: user}
    roles: {user: {}}
    events: {store: {path: text.txt/deeper}}
services: {worker: {command: x, cwd: text.txt}, joiner: {module: none.js, realm: app, role: user}}
web: {/a: {static: none}, /b: {static: {directory: plain.txt}}}
admin: {auth: [{method: ticket}], users: other.yaml}
`;
    file("wrong.yaml", "joe: {role: usr, ticket: secret}\n");
    const { errors, warnings } = told(config);
    expect(warnings.filter((warning) => !warning.includes("key-readable"))).toEqual([]);
    expect(errors).toEqual([
      "config.yaml:3:26 listen[0].static: cannot serve the files of none: it does not exist",
      "config.yaml:3:46 listen[0].tls.cert: cannot read the certificate none.pem: it does not exist",
      "config.yaml:3:62 listen[0].tls.key: text.txt holds no key that can be used",
      "config.yaml:3:77 listen[0].tls.clientCa: text.txt holds no certificate",
      "config.yaml:4:26 listen[1].static: cannot serve the files of plain.txt: it is no directory",
      "config.yaml:4:67 listen[1].tls.key: old.key is not the key of good.pem",
      "config.yaml:5:48 listen[2].tls.key: locked.key holds a key that is encrypted",
      "config.yaml:8:5 realms.app.users: cannot read none.yaml: it does not exist",
      "config.yaml:10:30 realms.app.auth[0].routerKey: text.txt holds no private key: a line of 64 hex digits is expected",
      "config.yaml:11:23 realms.app.auth[1].jwks: text.txt is no JSON",
      "config.yaml:13:22 realms.app.events.store.path: cannot open the event store text.txt/deeper: text.txt is no directory",
      "config.yaml:14:33 services.worker.cwd: text.txt is no directory",
      "config.yaml:14:58 services.joiner.module: cannot read none.js: it does not exist",
      "config.yaml:15:12 web./a.static: cannot serve the files of none: it does not exist",
      "config.yaml:15:41 web./b.static.directory: cannot serve the files of plain.txt: it is no directory",
      "config.yaml:16:35 admin.users: cannot read other.yaml: it does not exist",
      'wrong.yaml:1:7 joe.role: got "usr", expected a role of this realm, which has user; did you mean user?',
    ]);
  });

  test("are told of together with the mistakes of the configuration itself", () => {
    const { errors } = told(`version: 1\nlisten: [{type: wab, port: 0, tls: {cert: none.pem, key: good.key}}]\nrealms: {app: ${REALM}}\n`);
    expect(errors).toEqual([
      'config.yaml:2:11 listen[0].type: got "wab", expected web, rawsocket or universal; did you mean web?',
      "config.yaml:2:37 listen[0].tls.cert: cannot read the certificate none.pem: it does not exist",
    ]);
  });

  test("keep the server from starting", () => {
    const config = file("config.yaml", withTls("none.pem", "good.key"));
    expect(() => checkedConfig(config)).toThrow(ConfigError);
    expect(() => checkedConfig(config)).toThrow(
      /:2:37 {2}listen\[0\]\.tls\.cert: cannot read the certificate \S+none\.pem: it does not exist/,
    );
  });
});

describe("certificates", () => {
  test.each([
    ["old", "the certificate of CN=old.example has expired on 2026-04-01 (certificate-expired)"],
    ["soon", "the certificate of CN=soon.example expires on 2026-06-06, in 4 days (certificate-expires)"],
    ["early", "the certificate of CN=early.example is not valid before 2026-07-01 (certificate-early)"],
  ])("that are not valid now, or not for long, are told of: %s", (name, expected) => {
    expect(told(withTls(`${name}.pem`, `${name}.key`))).toEqual({
      errors: [],
      warnings: [`config.yaml:2:37 listen[0].tls.cert: ${expected}`],
    });
  });

  test("whose key every user of the machine may read are told of, with what to do", () => {
    chmodSync(file("good.key"), 0o644);
    const { warnings } = checkConfig(file("config.yaml", withTls("good.pem", "good.key")), { now: NOW });
    chmodSync(file("good.key"), 0o600);
    expect(warnings.map(text)).toEqual(["config.yaml:2:53 listen[0].tls.key: every user of this machine may read good.key (key-readable)"]);
    expect(warnings[0]?.remedy).toBe(`chmod 600 ${file("good.key")}`);
  });
});

describe("a listener that other machines reach, before a realm in which anybody may do everything", () => {
  const open = (host: string, role = `{allow: ${OPEN}}`, listener = "") =>
    listening(`{type: web, port: 0, host: "${host}"${listener}}`, `{auth: [{method: anonymous, role: all}], roles: {all: ${role}}}`);
  const refused = (config: string) => told(config).errors.some((error) => error.includes("(open-listener)"));

  test("is refused, with the lines to write instead, and let through by an option only", () => {
    const config = file("config.yaml", open("0.0.0.0"));
    const { errors } = checkConfig(config);
    expect(errors.map(text)).toEqual([
      "config.yaml:2:31 listen[0].host: other machines reach 0.0.0.0, and whoever comes from there may do everything in app (role all) (open-listener)",
    ]);
    expect(errors[0]?.remedy).toContain("listen[0].host: 127.0.0.1");
    expect(errors[0]?.remedy).toContain("realms.app.auth: [{method: wampcra, users: ./users.yaml}]");
    expect(errors[0]?.remedy).toContain("realms.app.roles.all.allow: {call:");
    expect(errors[0]?.remedy).toContain("--i-know-this-is-open");
    expect(() => checkedConfig(config)).toThrow("may do everything");
    expect(checkedConfig(config, { isOpenMeant: true }).config.listen).toHaveLength(1);
    expect(told(open("0.0.0.0"), { isOpenMeant: true })).toMatchObject({
      errors: [],
      warnings: [expect.stringContaining("open-listener"), expect.anything()],
    });
  });

  test.each(["0.0.0.0", "::", "10.0.0.7", "2001:db8::1", "router.example", "::ffff:10.0.0.1"])("by %s is one", (host) => {
    expect(refused(open(host))).toBe(true);
  });

  test.each(["127.0.0.1", "127.1.2.3", "::1", "localhost", "::ffff:127.0.0.1"])("by %s is none", (host) => {
    expect(refused(open(host))).toBe(false);
  });

  test("is one whatever is taken out of everything, and none where something is left out or somebody decides", () => {
    expect(refused(open("::", `{allow: ${OPEN}, deny: {call: [com.secret]}}`))).toBe(true);
    expect(refused(open("::", '{allow: {call: ["*"], publish: ["*"], subscribe: ["*"]}}'))).toBe(false);
    expect(refused(open("::", `{allow: ${OPEN}, authorizer: com.may}`))).toBe(false);
    expect(
      refused(open("::", `{allow: ${OPEN}}`, ", tls: {cert: good.pem, key: good.key, clientCa: good.pem, clientCertificate: required}")),
    ).toBe(false);
    expect(
      refused(listening("{type: rawsocket, path: a.sock}", `{auth: [{method: anonymous, role: all}], roles: {all: {allow: ${OPEN}}}}`)),
    ).toBe(false);
  });
});

describe("what is hardly meant", () => {
  const realm = (roles: string, more = "") =>
    `version: 1\nlisten: [{type: web, port: 0}]\nrealms:\n  app:\n    auth: [{method: anonymous, role: user}]\n    ${more}\n    roles:\n      ${roles}\n`;

  test("a role that nobody can have; one that a user, a token, a service or a procedure leads to is none", () => {
    const roles = "{user: {}, ghost: {}}";
    const ghost = [
      "config.yaml:8:18 realms.app.roles.ghost: nobody can have the role ghost: no method, user or service of the realm app leads to it (unreachable-role)",
    ];
    expect(told(realm(roles)).warnings).toEqual(ghost);
    expect(told(realm(roles, "users: {joe: {roles: [user, ghost], ticket: x}}")).warnings).toEqual([]);
    file("users.yaml", "joe: {role: ghost, ticket: x}");
    expect(told(realm(roles, "users: users.yaml")).warnings).toEqual([]);
    const auth = (method: string) => told(realm(roles).replace("[{", `[${method}, {`)).warnings;
    expect(auth("{method: jwt, jwks: 'https://x', issuer: a, audience: b, roleClaim: r, roles: {admin: ghost}}")).toEqual([]);
    expect(auth("{method: ticket, authenticator: com.who}")).toEqual([]);
    expect(auth("{method: ticket, users: {joe: {role: ghost, ticket: x}}}")).toEqual([]);
  });

  test("permissions that never match: of a denial, twice, of the router's own URIs, against the realm's rule, beside an authorizer", () => {
    const config = realm(
      `user:
        allow: {call: [com.a.*, com.a.*, com.b], register: [wamp.x, "com.{authid}.*", com.c.*], publish: [Com.x, com.ü.*, com.ok.*], subscribe: [com.s.t.*]}
        deny: {call: [com.b], register: [com.c.*], publish: ["com.-"], subscribe: [com.s.*]}
      other: {authorizer: com.may, allow: {call: [com.x]}}`,
      "uri: strict\n    users: {joe: {role: other, ticket: x}}",
    );
    const at = (rest: string) => expect.stringMatching(new RegExp(`realms\\.app\\.roles\\.${rest}`));
    expect(told(config).warnings).toEqual([
      at(String.raw`user\.allow\.call\[0\]: never matches: the same pattern stands here again, and the last one counts`),
      at(String.raw`user\.allow\.call\[2\]: never matches: deny\.call has the same pattern, and of the same pattern a denial wins`),
      at(String.raw`user\.allow\.register\[0\]: never matches: URIs that begin with wamp\. are the router's own`),
      at(String.raw`user\.allow\.register\[2\]: never matches: deny\.register has the same pattern`),
      at(String.raw`user\.allow\.publish\[0\]: never matches: uri: strict of this realm takes lower-case letters`),
      at(String.raw`user\.allow\.publish\[1\]: never matches: uri: strict`),
      at(String.raw`user\.allow\.subscribe\[0\]: lies within what deny\.subscribe has`),
      at(String.raw`user\.deny\.publish\[0\]: never matches: uri: strict`),
      at(String.raw`other\.allow\.call: never matches: com\.may decides in place of these permissions`),
    ]);
  });

  test("tickets and tokens in clear over a network, and anybody who offers or publishes whatever he likes there", () => {
    const config = (listener: string) =>
      listening(
        `{type: web, port: 0, host: "::"${listener}}`,
        `{auth: [{method: ticket}, {method: anonymous, role: user}], users: {joe: {role: user, ticket: x}}, roles: {user: {allow: {register: ["*"]}}}}`,
      );
    const anybody = expect.stringMatching(/allow\.register: whoever reaches a listener may register under any name.*\(open-to-anybody\)$/);
    const clear = expect.stringMatching(/^config\.yaml:2:10 listen\[0\]: .*\(ticket in app\) \(secrets-in-clear\)$/);
    expect(told(config("")).warnings).toEqual([clear, anybody]);
    expect(told(config(", trustedProxies: [10.0.0.1]")).warnings).toEqual([anybody]);
    expect(told(config(", tls: {cert: good.pem, key: good.key}")).warnings).toEqual([anybody]);
  });
});
