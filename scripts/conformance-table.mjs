// Makes docs/conformance.md: what the conformance suite found of several routers, side by side.
//
//     node scripts/conformance-table.mjs                  makes the page of test/conformance/results
//     node scripts/conformance-table.mjs --print          prints it
//     node scripts/conformance-table.mjs --run DIR [NAME…] first runs the suite on the routers installed in DIR, or on some
//
// DIR is what the routers' installer (bench/peers/install.sh of the project's shared material) was given; Junctor itself runs
// from this repository, built.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const PAGE = join(root, "docs/conformance.md");
const RESULTS = join(root, "test/conformance/results");

/**
 * @typedef {{ id: string, status: string, reason?: string }} Row
 * @typedef {{ name: string, version: string, date: string, options: string[], announced: string[], rows: Row[] }} Result
 * @typedef {{ title: string, requirements: { id: string, level: string, title: string }[] }} Chapter
 */

// --- Running -----------------------------------------------------------------------------------------------------------------

const REALMS = ["realm1", "realm2"];
const HISTORY = "conformance.history.";
const FORBIDDEN = "conformance.forbidden.";
const TRUSTED = "conformance.trusted.";
/** The topics of the tests of event history, for routers that want each of them named. */
const HISTORY_TOPICS = ["01", "02", "03", "04", "05", "10", "11"].map((n) => `${HISTORY}ps_hist_${n}`);
/** What acts on other sessions, which Junctor wants granted by name. */
const POWERS = ["kill", "kill_by_authid", "kill_by_authrole", "kill_all"]
  .map((verb) => `wamp.session.${verb}`)
  .concat("wamp.registration.remove_callee", "wamp.subscription.remove_subscriber");
const ALL = { call: true, register: true, publish: true, subscribe: true };
const NOTHING = { call: false, register: false, publish: false, subscribe: false };

/**
 * How each is started, with all on that its configuration can turn on.
 *
 * @type {Record<string, (dir: string, folder: string, port: number) => { command: string[], cwd?: string, path?: string, options?: string[] }>}
 */
const ROUTERS = {
  junctor: (_dir, folder, port) => {
    const all = { call: ["*", ...POWERS], register: ["*"], publish: ["*"], subscribe: ["*"] };
    const forbidden = Object.fromEntries(Object.keys(ALL).map((action) => [action, [`${FORBIDDEN}*`]]));
    const realm = {
      auth: [{ method: "anonymous", role: "anonymous" }],
      roles: { anonymous: { allow: all, deny: forbidden, disclose: { caller: "allow" } } },
      requestIds: "strict",
      events: { history: [{ topic: `${HISTORY}*` }], sharding: true, trust: [{ topic: `${TRUSTED}*`, level: 3 }] },
      calls: { reroute: true, sharding: true, trust: [{ procedure: `${TRUSTED}*`, level: 3 }] },
    };
    const realms = Object.fromEntries(REALMS.map((name) => [name, realm]));
    const config = write(folder, "junctor.json", { version: 1, listen: [{ type: "web", port }], realms });
    return {
      command: [process.execPath, join(root, "packages/server/dist/cli/main.js"), "start", "--config", config],
      options: ["--other-realm", "realm2", "--history", HISTORY, "--forbidden", FORBIDDEN, "--trusted", `${TRUSTED}=3`],
    };
  },
  nexus: (dir, folder, port) => {
    const history = HISTORY_TOPICS.map((topic) => ({ topic, match: "exact", limit: 1000 }));
    const realm = { anonymous_auth: true, allow_disclose: true, enable_meta_kill: true, event_history: history };
    const config = write(folder, "nexus.json", {
      websocket: { address: `127.0.0.1:${port}` },
      router: { realms: REALMS.map((uri) => ({ uri, ...realm })) },
    });
    return { command: [join(dir, "bin/nexusd"), "-c", config], options: ["--other-realm", "realm2", "--history", HISTORY] };
  },
  xconn: (dir, _folder, port) => ({ command: [join(dir, "bin/xconn-router"), String(port), "0"] }),
  crossbar: (dir, folder, port) => {
    const permissions = [
      { uri: "", match: "prefix", allow: ALL, disclose: { caller: true, publisher: true }, cache: true },
      { uri: FORBIDDEN, match: "prefix", allow: NOTHING, cache: true },
    ];
    const store = { type: "memory", limit: 1000, "event-history": HISTORY_TOPICS.map((uri) => ({ uri, limit: 1000 })) };
    const realms = REALMS.map((name) => ({ name, store, roles: [{ name: "anonymous", permissions }] }));
    const transport = {
      type: "websocket",
      endpoint: { type: "tcp", port, interface: "127.0.0.1" },
      serializers: ["cbor", "msgpack", "json"],
      auth: { anonymous: { type: "static", role: "anonymous" } },
    };
    write(folder, "config.json", { version: 2, workers: [{ type: "router", realms, transports: [transport] }] });
    return {
      command: [join(dir, "crossbar/bin/crossbar"), "start", "--cbdir", folder],
      options: ["--other-realm", "realm2", "--history", HISTORY, "--forbidden", FORBIDDEN],
    };
  },
  "fox-wamp": (dir, _folder, port) => ({
    command: [
      process.execPath,
      "-e",
      `const m = require("fox-wamp"); new (m.FoxRouter || m)().listenWAMP({ host: "127.0.0.1", port: ${port} })`,
    ],
    cwd: join(dir, "fox"),
  }),
};

/** @type {Record<string, (dir: string) => string>} */
const VERSIONS = {
  junctor: () => readJson(join(root, "packages/server/package.json")).version,
  nexus: (dir) => goVersion(dir, "github.com/gammazero/nexus/v3"),
  xconn: (dir) => goVersion(dir, "github.com/xconnio/xconn-go"),
  crossbar: (dir) => {
    const lib = join(dir, "crossbar/lib");
    const packages = readdirSync(lib).flatMap((python) => readdirSync(join(lib, python, "site-packages")));
    return packages.map((name) => /^crossbar-(.*)\.dist-info$/.exec(name)?.[1]).find((version) => version !== undefined) ?? "?";
  },
  "fox-wamp": (dir) => readJson(join(dir, "fox/node_modules/fox-wamp/package.json")).version,
};

async function run(/** @type {string} */ dir, /** @type {string} */ name) {
  if (ROUTERS[name] === undefined) throw new Error(`there is no router ${name}: it must be one of ${Object.keys(ROUTERS).join(", ")}`);
  const first = await runOnce(dir, name, []);
  const rows = first.rows;
  for (;;) {
    // A router that did not survive a test is started again for those after it.
    const place = rows.findIndex(({ reason }) => reason?.startsWith("cannot connect"));
    if (place <= 0) break;
    const rest = await runOnce(
      dir,
      name,
      rows.slice(place).map(({ id }) => id),
    );
    rows.splice(place, rows.length, ...rest.rows);
    const [killer] = rows.slice(place - 1);
    if (killer !== undefined) killer.reason = `${killer.reason ?? killer.status}; the router's process had to be started again`;
  }
  const date = new Date().toISOString().slice(0, 10);
  const { options, announced } = first;
  const version = VERSIONS[name]?.(dir) ?? "?";
  const outcomes = rows.map(({ id, status, reason }) =>
    JSON.stringify({ id, status, ...(reason !== undefined && { reason: stable(reason) }) }),
  );
  const head = JSON.stringify({ name, version, date, options, announced }, null, 1).slice(0, -2);
  writeFileSync(join(RESULTS, `${name}.json`), `${head},\n "rows": [\n  ${outcomes.join(",\n  ")}\n ]\n}\n`);
  console.log(`${name} ${version}: ${rows.length} requirements, ${rows.filter(({ status }) => status === "fail").length} failed`);
}

async function runOnce(/** @type {string} */ dir, /** @type {string} */ name, /** @type {string[]} */ only) {
  const folder = mkdtempSync(join(tmpdir(), "junctor-conformance-"));
  const port = await freePort();
  const { command: [command = "", ...args] = [], cwd, options = [] } = ROUTERS[name]?.(dir, folder, port) ?? {};
  const router = spawn(command, args, { cwd: cwd ?? folder, stdio: "ignore", detached: true });
  const ended = new Promise((done) => router.on("close", done).on("error", done));
  try {
    const chosen = only.length === 0 ? [] : [`--only=${only.join(",")}`];
    return { options, ...(await suite([`--url=ws://127.0.0.1:${port}/ws`, ...options, ...chosen, "--json"], router)) };
  } finally {
    if (router.pid !== undefined && router.exitCode === null && router.signalCode === null) process.kill(-router.pid, "SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs the suite once the router listens. @returns {Promise<{ announced: string[], rows: Row[] }>} */
async function suite(/** @type {string[]} */ options, /** @type {import("node:child_process").ChildProcess} */ router) {
  for (let tries = 0; ; tries++) {
    try {
      const args = [join(root, "scripts/conformance.mjs"), ...options];
      const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 26 });
      return JSON.parse(stdout);
    } catch (error) {
      const { code, stdout, stderr } = /** @type {{ code?: number, stdout?: string, stderr?: string }} */ (error);
      if (code === 1 && stdout?.startsWith("{")) return JSON.parse(stdout); // rows that failed
      if (tries === 60 || router.exitCode !== null) throw new Error(`the router does not start: ${stderr}`);
      await sleep(500);
    }
  }
}

/** Without what is different in every run. */
const stable = (/** @type {string} */ reason) => reason.replaceAll(/conformance\.r[0-9a-z]+\./g, "");

function write(/** @type {string} */ folder, /** @type {string} */ file, /** @type {unknown} */ value) {
  writeFileSync(join(folder, file), JSON.stringify(value));
  return join(folder, file);
}
const readJson = (/** @type {string} */ file) => JSON.parse(readFileSync(file, "utf8"));
const goVersion = (/** @type {string} */ dir, /** @type {string} */ module) =>
  new RegExp(`${module} (v\\S+)`).exec(readFileSync(join(dir, "go/go.mod"), "utf8"))?.[1] ?? "?";

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

// --- The page ----------------------------------------------------------------------------------------------------------------

/** @type {Record<string, string>} */
const MARKS = { pass: "✓", fail: "✗", "not announced": "–", "not configured": "○" };

async function page() {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, "scripts/conformance.mjs"), "--list"]);
  /** @type {Chapter[]} */
  const chapters = JSON.parse(stdout);
  /** @type {Result[]} */
  const results = Object.keys(ROUTERS).map((name) => readJson(join(RESULTS, `${name}.json`)));
  const names = results.map(({ name }) => name);
  const lines = [
    "# Conformance of five routers",
    "",
    "<!-- Made by scripts/conformance-table.mjs of test/conformance/results. Do not edit. -->",
    "",
    "What a router does, asked from outside, one requirement of the WAMP specification at a time: `npm run conformance -- --url",
    "ws://…` runs the same suite against any router. Each router was started with everything on that its configuration can turn on;",
    "all were asked over WebSocket with JSON, but where a requirement is about another serializer.",
    "",
    "| Router | Version | Date | Pass | Fail | Not announced | Not configured |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...results.map(({ name, version, date, rows }) => {
      const count = (/** @type {string} */ status) => rows.filter((row) => row.status === status).length;
      return `| ${[name, version, date, ...Object.keys(MARKS).map(count)].join(" | ")} |`;
    }),
    "",
    "✓ does what the requirement says. ✗ does something else, which the notes below say. – does not announce the feature in WELCOME, so",
    "that the requirement does not bind it (some of these routers have features that they do not announce). ○ the configuration",
    "that the requirement is about was not given, mostly since the router's has no such thing. The ids are those of the",
    "[table of requirements](reference/features.md).",
    "",
    "To make this page again: `node scripts/conformance-table.mjs --run DIR`, where DIR has the routers installed.",
    "",
    "## By chapter",
    "",
    "Requirements that hold, of those that bind the router.",
    "",
    `| Chapter | ${names.join(" | ")} |`,
    `| --- |${" --- |".repeat(names.length)}`,
    ...chapters.map((chapter) => `| ${[chapter.title, ...results.map((result) => score(result, chapter))].join(" | ")} |`),
  ];
  for (const { title: chapter, requirements } of chapters) {
    lines.push(
      "",
      `## ${chapter}`,
      "",
      `| Id | Level | A router … | ${names.join(" | ")} |`,
      `| --- | --- | --- |${" --- |".repeat(names.length)}`,
    );
    for (const { id, level, title } of requirements)
      lines.push(`| ${[id, level, title, ...results.map((result) => MARKS[outcome(result, id)?.status ?? ""] ?? "")].join(" | ")} |`);
    const notes = requirements.flatMap(({ id }) =>
      results.flatMap((result) => {
        const { status, reason = "" } = outcome(result, id) ?? {};
        return status === "fail" ? [`- ${id}, ${result.name}: ${code(reason)}`] : [];
      }),
    );
    if (notes.length > 0) lines.push("", ...notes);
  }
  return `${lines.join("\n")}\n`;
}

const outcome = (/** @type {Result} */ { rows }, /** @type {string} */ id) => rows.find((row) => row.id === id);

function score(/** @type {Result} */ result, /** @type {Chapter} */ { requirements }) {
  const statuses = requirements.map(({ id }) => outcome(result, id)?.status);
  const [passed, failed] = ["pass", "fail"].map((status) => statuses.filter((one) => one === status).length);
  return passed === 0 && failed === 0 ? "–" : `${passed}/${(passed ?? 0) + (failed ?? 0)}`;
}

const code = (/** @type {string} */ text) => `\`${text.replaceAll("`", "'")}\``;

const [option, dir, ...some] = process.argv.slice(2);
if (option === "--run") {
  if (dir === undefined) throw new Error("--run needs the directory in which the routers are installed");
  for (const name of some.length > 0 ? some : Object.keys(ROUTERS)) await run(resolve(dir), name);
}
if (option === "--print") process.stdout.write(await page());
else if (Object.keys(ROUTERS).every((name) => readdirSync(RESULTS).includes(`${name}.json`))) writeFileSync(PAGE, await page());
