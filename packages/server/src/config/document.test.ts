// What a configuration takes from elsewhere: secrets from the environment and from files, and included files; each mistake with
// its place in the file that it stands in.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { ConfigDocument, placeText } from "./document.ts";
import { ConfigError, loadConfig, loadUsers, parseConfig, readConfig } from "./load.ts";
import type { Config } from "./schema.ts";

const LISTEN = "listen: [{type: web, port: 0}]";
const REALM = "{auth: [{method: anonymous, role: user}], roles: {user: {}}}";

let folder: string | undefined;
afterEach(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true });
  folder = undefined;
});

/** Files that go with the test. @returns the first */
function written(files: Readonly<Record<string, string>>): string {
  folder ??= mkdtempSync(join(tmpdir(), "junctor-document-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return join(folder, Object.keys(files)[0] ?? "");
}

/** What is wrong, with file names as the test wrote them. */
function problems(load: () => unknown): string[] {
  try {
    load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => `${placeText(problem)} ${problem.path}: ${problem.message}`.replaceAll(`${folder}/`, ""));
  }
  return [];
}

describe("a reference", () => {
  const parse = (lines: string, environment: Readonly<Record<string, string>> = {}): Config =>
    parseConfig(`version: 1\n${lines}\n`, join(folder ?? "", "config.yaml"), environment);
  const realm = (ticket: string) =>
    `${LISTEN}\nrealms: {app: {auth: [{method: ticket}], users: {joe: {role: user, ticket: ${ticket}}}, roles: {user: {}}}}`;
  const ticketOf = (config: Config): unknown => {
    const [joe] = [config.realms["app"]?.users].flat();
    return typeof joe === "string" ? joe : joe?.ticket;
  };

  test("stands for a variable, or for a file beside the one that it stands in, alone or within a text", () => {
    written({ "secret.txt": "from a file\n", "sub/other": "two\nlines\r\n" });
    expect(ticketOf(parse(realm("'${env:T}'"), { T: "from outside" }))).toEqual({ plain: "from outside" });
    expect(ticketOf(parse(realm("'${file:secret.txt}'")))).toEqual({ plain: "from a file" });
    expect(ticketOf(parse(realm('"a-${env:A}-${file:./sub/other}${env:A}"'), { A: "${env:B}" }))).toEqual({
      plain: "a-${env:B}-two\nlines${env:B}",
    });
  });

  test("may be a number or a truth value, where one is expected", () => {
    const config = parse(`listen: [{type: web, port: "\${env:PORT}", deflate: "\${env:DEFLATE}"}]\nrealms: {}`, {
      PORT: "8080",
      DEFLATE: "true",
    });
    expect(config.listen[0]).toMatchObject({ port: 8_080, deflate: true });
    expect(ticketOf(parse(realm("'${env:T}'"), { T: "123456" }))).toEqual({ plain: "123456" });
  });

  test("is quoted by another $, and what is none is left alone", () => {
    const text = "$" + "${env:T} ${HOME} ${HOME:-x} $T ${env} {env:T}";
    expect(ticketOf(parse(realm(`'${text}'`)))).toEqual({ plain: text.slice(1) });
    expect(ticketOf(parse(`x: &a {role: user, ticket: "$\${env:T}"}\n`.replace("x: ", "include: []\n# ") + realm("'$${env:T}'")))).toEqual({
      plain: "${env:T}",
    });
  });

  test("that leads nowhere is an error at its place, with what to do", () => {
    written({ "config.yaml": "" });
    expect(problems(() => parse(realm("'${env:TOKN}'"), { TOKEN: "x" }))).toEqual([
      "config.yaml:3:68 realms.app.users.joe.ticket: the environment has no TOKN; did you mean TOKEN? Set it where the server is started: TOKN=… junctor start",
    ]);
    const wrong = ["${file:none.txt}", "${file:.}", "${file: }", "${env:a b}", "${envv:T}", "${File:x}"];
    expect(problems(() => parse(`${LISTEN}\nrealms: {}\nlog: {level: [${wrong.map((text) => `"${text}"`).join(", ")}]}`))).toEqual([
      "config.yaml:4:15 log.level[0]: cannot read none.txt: it does not exist",
      expect.stringMatching(/^config\.yaml:4:\d+ log\.level\[1\]: cannot read \S+: it is a directory$/),
      expect.stringMatching(/^config\.yaml:4:\d+ log\.level\[2\]: expected the path of a file behind file:$/),
      expect.stringMatching(/^config\.yaml:4:\d+ log\.level\[3\]: "a b" is no name of a variable of the environment$/),
      expect.stringMatching(/^config\.yaml:4:\d+ log\.level\[4\]: \$\{envv:…\} stands for nothing; did you mean \$\{env:T\}\?$/),
      expect.stringMatching(/^config\.yaml:4:\d+ log\.level\[5\]: \$\{File:…\} stands for nothing; did you mean \$\{file:x\}\?$/),
    ]);
  });

  test("is what an error shows, and never what it stands for", () => {
    const secret = 'hidden-"7f3a"';
    const lines = `listen: [{type: "\${env:S}", port: "\${env:S}"}, "x-\${env:S}"]
realms:
  app:
    auth: [{method: anonymous, role: "\${env:S}"}]
    roles: {user: {allow: {call: ["{\${env:S}}", "com.*\${env:S}"]}}}
log: ["\${env:S}"]`;
    const told = problems(() => parse(lines, { S: secret }));
    expect(told).toEqual([
      'config.yaml:2:11 listen[0].type: got "${env:S}", expected web, rawsocket or universal',
      'config.yaml:2:29 listen[0].port: got "${env:S}", expected a number',
      'config.yaml:2:48 listen[1]: got "x-${env:S}", expected a mapping',
      'config.yaml:5:32 realms.app.auth[0].role: got "${env:S}", expected a role of this realm, which has user',
      expect.stringMatching(/^config\.yaml:6:35 \S+call\[0\]: got "\{\$\{env:S\}\}", expected a URI pattern; /),
      expect.stringMatching(/^config\.yaml:6:49 \S+call\[1\]: got "com\.\*\$\{env:S\}", expected a URI pattern; /),
      'config.yaml:7:1 log: got ["${env:S}"], expected a mapping',
    ]);
    expect(told.join("\n")).not.toMatch(/hidden|7f3a/);
  });

  test("works in a users file, and a file with a secret is nothing that a web listener may serve", () => {
    const users = written({ "users.yaml": "joe: {role: user, ticket: '${file:secrets/joe}'}", "secrets/joe": "open sesame\n" });
    expect(loadUsers(users, ["user"])).toMatchObject([{ authid: "joe", ticket: { plain: "open sesame" } }]);
    const config = written({
      "config.yaml": `version: 1\nlisten: [{type: web, port: 0, static: secrets}]\nrealms: {app: ${REALM}}\nlog: {format: '\${file:secrets/joe}'}`,
    });
    expect(problems(() => loadConfig(config))).toContainEqual(
      expect.stringMatching(/^config\.yaml:2:31 listen\[0\]\.static: everybody could read \S*secrets\/joe:/),
    );
  });
});

describe("included files", () => {
  test("add their sections, each with paths and files of its own", () => {
    const file = written({
      "config.yaml": `version: 1\ninclude: [realms/*.yaml, more/listen.yaml]\nrealms: {main: ${REALM}}\n`,
      "realms/b.yaml": `version: 1\nrealms: {b: {auth: [{method: ticket}], users: users.yaml, roles: {user: {}}}}\n`,
      "realms/a.yaml": `realms:\n  a: ${REALM}\n  "a.x": ${REALM}\n`,
      "realms/.hidden.yaml": "not: looked at",
      "realms/none.yml": "not: looked at",
      "more/listen.yaml": "include: [../log.yaml]\nlisten: [{type: web, port: 0, static: '${file:where}'}]\n",
      "more/where": "public\n",
      "log.yaml": "log: {level: warn}",
    });
    const { config, document } = readConfig(file);
    expect(Object.keys(config.realms)).toEqual(["main", "a", "a.x", "b"]);
    expect(config.realms["b"]?.users).toBe(join(folder ?? "", "realms/users.yaml"));
    expect(config.listen[0]?.static).toBe(join(folder ?? "", "more/public"));
    expect(config.log.level).toBe("warn");
    expect(config.state).toBe(join(folder ?? "", ".junctor"));
    const at = (...path: (string | number)[]) => placeText(document.placeOf(path)).replace(`${folder}/`, "");
    expect(at("realms", "a", "roles", "user")).toBe("realms/a.yaml:2:56");
    expect(at("realms", "main", "auth", 0, "role")).toBe("config.yaml:3:44");
    expect(at("log", "level")).toBe("log.yaml:1:7");
    expect(at("limits")).toBe("config.yaml:1:1");
  });

  test("have their mistakes told at their places, together with those of the others", () => {
    const file = written({
      "config.yaml": `version: 1\n${LISTEN}\ninclude: [realms/a.yaml, realms/b.yaml]\nrealms: {}\nlogg: {}\n`,
      "realms/a.yaml": `realms:\n  a: {auth: [{method: anonymous, role: usr}], roles: {user: {}}}\n`,
      "realms/b.yaml": `realms:\n  b: {roles: {user: {alow: {}}}}\nlimits: {connections: none}\n`,
    });
    expect(problems(() => loadConfig(file))).toEqual([
      "config.yaml:5:1 logg: unknown key; did you mean log?",
      'realms/a.yaml:2:34 realms.a.auth[0].role: got "usr", expected a role of this realm, which has user; did you mean user?',
      "realms/b.yaml:2:3 realms.b.auth: is missing, expected a list",
      "realms/b.yaml:2:22 realms.b.roles.user.alow: unknown key; did you mean allow?",
      'realms/b.yaml:3:10 limits.connections: got "none", expected a number',
    ]);
  });

  test("say nothing that another file says, name files that are there, and each file once", () => {
    const file = written({
      "config.yaml": `version: 1\n${LISTEN}\ninclude: [a.yaml, none.yaml, empty/*.yaml, config.yaml, list.yaml, wrong.yaml, b.yaml]\nrealms: {one: ${REALM}}\n`,
      "a.yaml": `version: 2\nrealms:\n  one: ${REALM}\n  two: ${REALM}\n${LISTEN}\ninclude: [a.yaml]\n`,
      "b.yaml": `realms: {two: ${REALM}}\ninclude: a.yaml\n`,
      "list.yaml": "- 1",
      "wrong.yaml": "realms: [\n",
    });
    expect(problems(() => loadConfig(file))).toEqual([
      "config.yaml:3:19 include[1]: cannot read none.yaml: it does not exist",
      "config.yaml:3:44 include[3]: config.yaml is read already",
      "a.yaml:1:1 version: this stands at config.yaml:1:1 already",
      "a.yaml:3:3 realms.one: this stands at config.yaml:4:10 already",
      "a.yaml:5:1 listen: this stands at config.yaml:2:1 already",
      "a.yaml:6:11 include[0]: a.yaml is read already",
      "list.yaml:1:1 : an included file is a mapping, as the file that includes it",
      expect.stringMatching(/^wrong\.yaml:2:1 : Flow sequence /),
      "b.yaml:1:10 realms.two: this stands at a.yaml:4:3 already",
      "b.yaml:2:1 include: expected a list of files",
    ]);
  });
});

test("a key that is a list or a mapping is an error at its place, and nothing is printed beside it", () => {
  const warnings: unknown[] = [];
  const warned = (warning: unknown) => warnings.push(warning);
  process.on("warning", warned);
  const text = `version: 1\n${LISTEN}\nrealms: {}\n? [a]: b\n: c\n? {d: e}\n: f\n`;
  const { problems: found } = new ConfigDocument(text, "config.yaml");
  expect(found.map(({ place, message }) => `${placeText(place)} ${message}`)).toEqual([
    "config.yaml:4:3 a key is a text, and this is a list or a mapping: leave out the ?, or quote it",
    "config.yaml:6:3 a key is a text, and this is a list or a mapping: leave out the ?, or quote it",
  ]);
  process.off("warning", warned);
  expect(warnings).toEqual([]);
});
