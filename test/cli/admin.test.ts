// The commands that administer a running server, as processes: what they print, for people and for programs, and how they fail.
import { writeFileSync } from "node:fs";
import { connect, type Session } from "@junctor/client";
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
