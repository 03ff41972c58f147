// `junctor config …` on a file: what it prints, and that no secret is among it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { parseConfig } from "../config/load.ts";
import { configSchema } from "../config/schema.ts";
import { UserError } from "../user-error.ts";
import { check, defaults, explain, schema, show } from "./config.ts";

let folder = "";
let file = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "junctor-config-"));
  file = join(folder, "config.yaml");
  writeFileSync(join(folder, "secret"), "hidden-in-a-file\n");
  writeFileSync(join(folder, "log.yaml"), "log: {level: warn}\n");
  writeFileSync(
    file,
    `version: 1
include: [log.yaml]
listen: [{type: web, port: 0}]
realms:
  app:
    auth: [{method: ticket}, {method: wampcra}]
    users:
      joe: {role: user, ticket: hidden-ticket}
      ann: {role: user, wampcra: {key: hidden-key, salt: abc}, ticket: "\${file:secret}"}
      "a.b": {role: user, wampcra: hidden-cra}
    roles: {user: {}, ghost: {}}
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a command prints. */
function printed(command: () => void): string {
  let text = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    command();
  } finally {
    write.mockRestore();
  }
  return text.replaceAll(`${folder}/`, "");
}

describe("check", () => {
  test("says that a configuration can be used, and what is hardly meant", () => {
    expect(printed(() => check({ config: file }))).toBe(
      `! config.yaml:11:23  realms.app.roles.ghost  (unreachable-role)
  nobody can have the role ghost: no method, user or service of the realm app leads to it
  give it to somebody under auth or users, or take it out
✓ config.yaml can be used, with a warning
`,
    );
  });

  test("says all of it as JSON", () => {
    expect(JSON.parse(printed(() => check({ config: file, json: true })))).toEqual({
      ok: true,
      file: "config.yaml",
      files: ["config.yaml", "secret", "log.yaml"],
      errors: [],
      warnings: [
        {
          place: "config.yaml:11:23",
          file: "config.yaml",
          line: 11,
          column: 23,
          path: "realms.app.roles.ghost",
          message: expect.stringContaining("nobody can have the role ghost"),
          remedy: expect.any(String),
          lint: "unreachable-role",
        },
      ],
    });
  });

  test("--strict fails for what is hardly meant, too", () => {
    expect(() => printed(() => check({ config: file, strict: true }))).toThrow(/config\.yaml has a warning$/);
  });
});

describe("show", () => {
  test("says what the files say together, and no secret", () => {
    const text = printed(() => show({ config: file }));
    expect(parse(text)).toEqual({
      version: 1,
      include: ["log.yaml"],
      listen: [{ type: "web", port: 0 }],
      realms: {
        app: {
          auth: [{ method: "ticket" }, { method: "wampcra" }],
          users: {
            joe: { role: "user", ticket: "••••" },
            ann: { role: "user", wampcra: { key: "••••", salt: "abc" }, ticket: "${file:secret}" },
            "a.b": { role: "user", wampcra: "••••" },
          },
          roles: { user: {}, ghost: {} },
        },
      },
      log: { level: "warn" },
    });
  });

  test("--resolved adds every default, and where each value comes from", () => {
    const text = printed(() => show({ config: file, resolved: true }));
    expect(text).not.toContain("hidden");
    for (const line of [
      "    port: 0 # config.yaml:3:22",
      "    host: 127.0.0.1 # default",
      "    trustedProxies: [] # default",
      "        ticket: ${file:secret} # config.yaml:9:64",
      "  level: warn # log.yaml:1:7",
      "  format: auto # default",
      "  helloTimeout: 5s # default",
      "state: .junctor # default",
    ])
      expect(text.split("\n")).toContain(line);
    // What it shows means the same as what was written, secrets apart.
    const shown = parseConfig(text.replaceAll("- log.yaml # config.yaml:2:11", "[]").replace("include:\n  []", "include: []"), file);
    expect(shown.limits).toEqual(parseConfig("version: 1\nlisten: [{type: web, port: 0}]\nrealms: {}\n", file).limits);
  });

  test("says it as JSON, one path a value", () => {
    const values = JSON.parse(printed(() => show({ config: file, json: true, resolved: true }))) as unknown[];
    expect(values).toContainEqual({ path: 'realms.app.users["a.b"].wampcra', value: "••••", from: "config.yaml:10:27" });
    expect(values).toContainEqual({ path: "log.format", value: "auto", from: "default" });
  });
});

describe("explain", () => {
  test("says what a key means, its type, range and default, and what the file says", () => {
    expect(printed(() => explain("log.level", { config: file }))).toBe(
      `log.level: trace, debug, info, warn, error, silent, default "info"
  The least level that is written.
  log.yaml:1:7  log.level: "warn"
`,
    );
    expect(printed(() => explain("listen[0].port", { config: file }))).toBe(
      `listen[0].port: number, at least 0, at most 65535
  TCP port; 0 takes any that is free.
  config.yaml:3:22  listen[0].port: 0
`,
    );
    expect(printed(() => explain("realms.*.auth", { config: file }))).toMatch(/^realms\.\*\.auth: list of .*, 1 or more, required\n/);
  });

  test("says of a method what that one takes, and no secret", () => {
    const text = printed(() => explain("realms.app.auth[1]", { config: file }));
    expect(text).toMatch(/^realms\.app\.auth\[1\]: map\n {2}WAMP-CRA: .*\n {4}method \(wampcra\)\n {4}users \(users\)/);
    expect(text).not.toContain("rules");
    expect(printed(() => explain('realms.app.users["a.b"]', { config: file }))).toMatch(/realms\.app\.users\["a\.b"\]\.wampcra: "••••"\n$/);
  });

  test("says what was meant where there is no such key", () => {
    const told = (path: string) => {
      try {
        printed(() => explain(path, { config: file }));
      } catch (error) {
        if (error instanceof UserError) return `${error.message} ${error.remedy}`;
      }
      return "";
    };
    expect(told("limits.helloTimeot")).toMatch(
      /^a configuration has no limits\.helloTimeot; did you mean helloTimeout\? known are helloTimeout, /,
    );
    expect(told("lmits.x")).toMatch(/^a configuration has no lmits; did you mean limits\?/);
    expect(told("realms..x")).toMatch(/^"\.\.x" is no part of a path; /);
  });
});

test("defaults are those that the schema fills in, all of them or those below a path", () => {
  const all = JSON.parse(printed(() => defaults(undefined, { json: true }))) as Record<string, unknown>;
  expect(all).toMatchObject({ "listen[].host": "127.0.0.1", "realms.*.uri": "loose", "limits.messageSize": "1MiB", state: ".junctor" });
  const limits = configSchema.parse({ version: 1, listen: [{ type: "web", port: 0 }], realms: {} }).limits;
  expect(Object.keys(all).filter((path) => path.startsWith("limits."))).toHaveLength(Object.keys(limits).length);
  expect(printed(() => defaults("log", {}))).toBe('log.level: "info"\nlog.format: "auto"\n');
});

test("the schema for editors takes what the schema takes: references where a number stands, units as they are written", () => {
  interface Schema {
    readonly $ref?: string;
    readonly properties: Readonly<Record<string, Schema>>;
  }
  const published = JSON.parse(printed(schema)) as Schema & { required: string[]; $defs: Record<string, Schema> };
  expect(published.required).toEqual(["version", "listen", "realms"]);
  const whole = (schema: Schema | undefined): Schema | undefined =>
    schema?.$ref === undefined ? schema : ({ ...whole(published.$defs[schema.$ref.replace("#/$defs/", "")]), ...schema } as Schema);
  const below = (above: Schema | undefined, key: string) => whole(above?.properties[key]);
  const reference = { $ref: "#/$defs/reference" };
  const [limits, log] = [below(published, "limits"), below(published, "log")];
  expect(below(limits, "connections")).toMatchObject({ anyOf: [{ type: "integer", minimum: 1 }, reference] });
  expect(below(limits, "helloTimeout")).toMatchObject({
    default: "5s",
    anyOf: [{ type: "string", pattern: expect.any(String) }, reference],
  });
  expect(below(log, "level")).toMatchObject({ anyOf: [{ enum: expect.arrayContaining(["warn"]) }, reference] });
});
