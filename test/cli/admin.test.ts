// The commands that administer a running server, as processes: what they print, for people and for programs, and how they fail.
import { writeFileSync } from "node:fs";
import { connect, type Session } from "@junctor/client";
import { TEST_CERTIFICATE } from "@junctor/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Folder, junctor, Running } from "./junctor.ts";

const folder = new Folder();
const config = folder.file("config.yaml");
writeFileSync(
  config,
  `version: 1
listen: [{type: universal, port: 0}]
realms:
  app:
    auth: [{method: ticket}]
    users: {"e\\e[31mvil": {role: all, ticket: sesame}}
    roles: {all: {allow: {call: ['*'], register: ['*'], publish: ['*'], subscribe: ['*']}}}
admin:
  auth: [{method: ticket}]
  users: {vera: {role: viewer, ticket: sesame}}
log: {format: json}
`,
);
writeFileSync(folder.file("ticket"), "sesame\n");
/** What would steer a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

let server: Running;
let url: string;
let peer: Session;
beforeAll(async () => {
  server = new Running(["start", "-c", config]);
  url = `tcp://${await server.printed(/"address":"([^"]*)"/)}`;
  await server.printed(/server\.ready/);
  const { ticket } = await import("@junctor/client/auth/ticket");
  peer = await connect({ url, realm: "app", auth: [ticket({ authid: "e\u001b[31mvil", ticket: "sesame" })] });
  await peer.register("com.app.\u009b2Jadd", () => 1);
  await peer.subscribe("com.app.", () => {}, { match: "prefix" });
});
afterAll(async () => {
  await peer.leave();
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const here = (...args: string[]) => junctor([...args, "-c", config]);
const viewer = () => ["--url", url, "--authid", "vera", "--ticket-file", folder.file("ticket")];

describe("every list is a table for people and JSON for programs, and nothing in it steers the terminal (T34)", () => {
  test.each([
    ["status", /is running\n.*process .*\n.*node /s, { isDraining: false }],
    ["sessions", /AUTHID.*\n.*e\\u001b\[31mvil/s, { total: expect.any(Number) }],
    ["subs", /TOPIC.*\n.*com\.app\.\*/s, { total: 1 }],
    ["procs", /PROCEDURE.*\n.*com\.app\.\\u009b2Jadd/s, { total: 1 }],
    ["realms", /REALM.*\napp +1 +1 +1/s, [{ name: "app" }, { name: "junctor" }]],
    ["alarms", /no alarms/, { active: [] }],
    ["closed", /CLOSED.*control/s, { total: expect.any(Number) }],
    ["slow", /everybody keeps up/, { sessions: [] }],
  ])("%s", async (verb, text, value) => {
    const [people, programs] = await Promise.all([here(verb), here(verb, "--json")]);
    expect(people).toMatchObject({ code: 0, err: "", out: expect.stringMatching(text) });
    expect(people.out + programs.out).not.toMatch(STEERING);
    expect(JSON.parse(programs.out)).toMatchObject(value);
  });
});

test("one session is shown, and ended", async () => {
  const { ticket } = await import("@junctor/client/auth/ticket");
  const gone = await connect({ url, realm: "app", auth: [ticket({ authid: "e\u001b[31mvil", ticket: "sesame" })] });
  const { out } = await here("sessions", "show", String(gone.id));
  expect(out).toMatch(/authid +e\\u001b\[31mvil\n/);
  expect(await here("sessions", "kill", String(gone.id), "--message", "bye")).toMatchObject({
    code: 0,
    out: `session ${gone.id} has ended\n`,
  });
  expect(await gone.closed).toMatchObject({ reason: "wamp.close.killed", message: "bye" });
});

describe("what goes wrong has a cause, a remedy and an exit code", () => {
  test.each<[string, () => readonly string[], number, RegExp]>([
    [
      "no server",
      () => ["status", "--state", folder.file("nowhere")],
      3,
      /no server runs here: there is no .*control\.sock\n {2}start one with junctor start/,
    ],
    ["no such session", () => ["sessions", "show", "5", "-c", config], 1, /there is no session 5/],
    ["no id", () => ["sessions", "kill", "five", "-c", config], 2, /five is no id\n {2}junctor sessions ls/],
    ["no such order", () => ["sessions", "ls", "--order", "size", "-c", config], 2, /--order opened/],
    ["not let in", () => ["status", "--url", url], 4, /does not let you administer it/],
    ["a viewer who acts", () => ["procs", "unregister", "1", ...viewer()], 4, /this is for the role operator/],
  ])("%s", async (_, args, code, err) => {
    expect(await junctor(args())).toEqual({ code, out: "", err: expect.stringMatching(err) });
  });
});

test("top looks once where nobody watches, and computes rates", async () => {
  const [people, programs] = await Promise.all([here("top", "--every", "0.2"), here("top", "--every", "0.2", "--json")]);
  expect(people.out).toMatch(/a second:.*REALM.*SESSION .*PROCEDURE.*TOPIC/s);
  expect(people.out + programs.out).not.toMatch(STEERING);
  expect(JSON.parse(programs.out)).toMatchObject({ realms: [{ realm: "app" }, { realm: "junctor" }], topics: [{ subscribers: 1 }] });
});

test("a trace prints what passes and ends by itself", async () => {
  await peer.register("com.traced", () => 1);
  await using trace = new Running(["trace", "com.traced", "--count", "4", "--json", "-c", config]);
  const calling = setInterval(() => void peer.call("com.traced").catch(() => {}), 50);
  const { code, out } = await trace.ended;
  clearInterval(calling);
  const lines = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { uri: string });
  expect({ code, uris: lines.map(({ uri }) => uri) }).toEqual({ code: 0, uris: Array(4).fill("com.traced") });
});

test("the level of the log is another one for a while", async () => {
  expect((await here("log", "level", "app", "debug", "--for", "60")).out).toMatch(/^REALM .*\napp +debug +(59|60|1) /s);
  expect(JSON.parse((await here("log", "level", "--json")).out)).toMatchObject([{ realm: "app", level: "debug" }]);
  expect(await here("log", "level", "app", "loud")).toMatchObject({ code: 2, err: expect.stringContaining("there is no level loud") });
});

test("from elsewhere a viewer sees what is there", async () => {
  expect(await junctor(["realms", "--json", ...viewer()])).toMatchObject({ code: 0, err: "" });
});

describe("for monitoring", () => {
  const app = () => ["--url", url, "--realm", "app", "--authid", "e\u001b[31mvil", "--ticket-file", folder.file("ticket")];

  test.each<[string, () => readonly string[], number, RegExp]>([
    [
      "a call in time is ok",
      () => ["check", "call", "com.checked", ...app()],
      0,
      /^OK - call: com\.checked answered in \d+ ms \| call=\d+ms;500;2000\n$/,
    ],
    ["a threshold that is reached is a warning", () => ["check", "call", "com.checked", "--warn", "0", ...app()], 1, /^WARNING - /],
    ["what fails is critical", () => ["check", "call", "com.none", ...app()], 2, /^CRITICAL - call: .*no_such_procedure/],
    ["a refusal is an answer", () => ["check", "connection", "--url", url, "--realm", "app"], 0, /^OK - connection: the router answers/],
    ["but nobody has logged in", () => ["check", "auth", "--url", url, "--realm", "app"], 2, /^CRITICAL - auth: /],
    ["a router that is not there", () => ["check", "connection", "--url", "tcp://127.0.0.1:1"], 2, /^CRITICAL - connection: /],
    ["alarms", () => ["check", "alarms", "-c", config], 0, /^OK - alarms: no alarms \| alarms=0;1;2\n$/],
    [
      "sessions",
      () => ["check", "sessions", "--crit", "1", "-c", config, "--format", "prom"],
      2,
      /junctor_check_status\{check="sessions"\} 2\n/,
    ],
    ["a certificate", () => ["check", "cert", folder.file("cert.pem"), "--json"], 0, /"check":"cert","status":"OK".*"unit":"d"/],
  ])("%s", async (_, args, code, out) => {
    writeFileSync(folder.file("cert.pem"), TEST_CERTIFICATE);
    const registration = await peer.register("com.checked", () => 1);
    expect(await junctor(args())).toEqual({ code, out: expect.stringMatching(out), err: "" });
    await registration.unregister();
  });

  test("a check that there is not is a mistake", async () => {
    expect(await junctor(["check", "luck"])).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(/no check luck\n {2}choose connection/),
    });
  });

  test("health is what a container asks for", async () => {
    expect(await here("health")).toEqual({ code: 0, out: "healthy\n", err: "" });
    expect((await junctor(["health", "--state", folder.file("nowhere")])).code).toBe(3);
  });
});

describe("the doctor", () => {
  test("looks at the machine, the configuration and the server, and tells what to mend", async () => {
    const { code, out } = await here("doctor", "--json");
    const findings = JSON.parse(out) as { about: string; status: string }[];
    expect(code).toBe(0);
    expect(findings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ about: "configuration", status: "ok" }),
        expect.objectContaining({ about: "server", status: "ok" }),
        expect.objectContaining({ about: "state directory", status: "ok" }),
      ]),
    );
  });

  test("ends with 1 where something has to be mended", async () => {
    const broken = folder.file("broken.yaml");
    writeFileSync(folder.file("half.pem"), "half a certi");
    const port = /:(\d+)$/.exec(url)?.[1];
    const tls = "tls: {cert: half.pem, key: half.pem}";
    const realms = "{app: {auth: [{method: anonymous, role: a}], roles: {a: {}}}}";
    writeFileSync(broken, `{version: 1, state: other, listen: [{type: rawsocket, port: ${port}, ${tls}}], realms: ${realms}}`);
    const { code, out } = await junctor(["doctor", "-c", broken]);
    expect(code).toBe(1);
    expect(out).toMatch(/✗ certificate: .*half\.pem holds no certificate/);
    expect(out).toMatch(/✗ listener rawsocket 127\.0\.0\.1:\d+: another program has it\n {4}choose another port/);
    expect(out).toMatch(/! server: no server runs here/);
  });
});

test("a bench counts what it sent and what came back, and compares with an earlier one", async () => {
  const as = ["--url", url, "--realm", "app", "--authid", "e\u001b[31mvil", "--ticket-file", folder.file("ticket")];
  const call = await junctor(["bench", "call", "--rate", "200", "--duration", "0.5", "--json", ...as]);
  expect(JSON.parse(call.out)).toMatchObject({ kind: "call", sent: 100, done: 100, failed: 0, machine: { cores: expect.any(Number) } });
  writeFileSync(folder.file("old.json"), call.out);
  const pub = ["bench", "pub", "--rate", "100", "--duration", "0.5", "--subscribers", "3", "--compare", folder.file("old.json"), ...as];
  expect(await junctor(pub)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^50 publications at 100 a second: 150 done .*0 failed\nLATENCY +MS +BEFORE +×\nmin .*\np99\.9 /s),
  });
  expect(await junctor(["bench", "luck", ...as])).toMatchObject({ code: 2 });
});
