/**
 * The whole table: ours, the floor and the other routers under every workload, in one run, as Markdown.
 *
 *     npm run build
 *     node bench/table.mjs --peers DIR [--shared ../shared] [--rounds 3] [--secs 2] [--workloads rpc64,join] [--only junctor,floor]
 *                          [--json FILE] > table.md
 *
 * DIR is what `../shared/bench/peers/install.sh DIR` filled: the other routers, and bin/wampload, the load generator. Ours and
 * the floor are measured in every round, the others in the first only. About 15 minutes; two processors, and nothing beside it.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { format, JUNCTOR, measure, median, root, WORKLOADS } from "./side-by-side.mjs";

const { values: options } = parseArgs({
  options: {
    peers: { type: "string" },
    shared: { type: "string", default: process.env.JUNCTOR_SHARED ?? resolve(root, "../shared") },
    rounds: { type: "string", default: "3" },
    secs: { type: "string", default: "2" },
    workloads: { type: "string" },
    only: { type: "string" },
    json: { type: "string" },
  },
});
if (options.peers === undefined) {
  console.error("✗ no other routers\n  give their directory with --peers; bench/README.md says how to fill it");
  process.exit(2);
}
const peersAt = resolve(options.peers);
const load = join(peersAt, "bin/wampload");
const floorAt = join(resolve(options.shared), "bench/floor.cjs");
for (const [file, remedy] of [
  [load, "../shared/bench/peers/install.sh DIR builds it"],
  [floorAt, "give the directory that has bench/floor.cjs with --shared"],
]) {
  if (existsSync(file)) continue;
  console.error(`✗ there is no ${file}\n  ${remedy}`);
  process.exit(2);
}

// How a goal is told, and by which factor it is reached: 1 just so.
const timesFloor = (times, workload) => ({
  text: `≤ ${times} × floor${workload === undefined ? "" : `'s ${workload}`}`,
  isKnown: (at) => at("floor", workload) > 0,
  by: (at) => (times * at("floor", workload)) / at("junctor"),
});
const timesOwn = (times, workload) => ({
  text: `≤ ${times} × ${workload}`,
  isKnown: (at) => at("junctor", workload) > 0,
  by: (at) => (times * at("junctor", workload)) / at("junctor"),
});
const bestPeer = (times) => ({
  text: `best peer ≥ ${times} ×`,
  isKnown: (_at, best) => Number.isFinite(best),
  by: (at, best) => best / (times * at("junctor")),
});
const most = (limit) => ({ text: `≤ ${limit}`, isKnown: () => true, by: (at) => limit / at("junctor") });
const GOALS = {
  rpc1: [bestPeer(1)],
  rpc64: [timesFloor(1.4), bestPeer(4)],
  "rpc64-mp": [timesOwn(1.1, "rpc64")],
  "rpc64-cbor": [timesOwn(1.1, "rpc64")],
  "rpc64-raw": [timesOwn(1.1, "rpc64")],
  "rpc64-unix": [timesOwn(1.1, "rpc64")],
  "rpc-many": [timesFloor(1.3)],
  rpc4k: [timesFloor(1.2)],
  rpc64k: [timesFloor(0.8)],
  fan100: [timesFloor(1.4), bestPeer(10)],
  fan1000: [timesFloor(1.3)],
  "fan100-4k": [timesFloor(1.3)],
  topics: [timesFloor(1.2)],
  join: [timesFloor(1.2)],
  "join-raw": [timesFloor(0.5, "join")],
  idle: [most(12)],
};
const KEYS = { rpc1: ["p50_us", ", p50 in µs"], idle: ["kb_session", ", KiB"] };
const FOX = 'const m = require("fox-wamp"); const F = m.FoxRouter || m; new F().listenWAMP({ host: "127.0.0.1", port: 9410 })';

const scratch = mkdtempSync(join(tmpdir(), "junctor-bench-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

const floor = { command: ["node", floorAt, root], env: { PORT: "9102" }, ws: "ws://127.0.0.1:9102/ws" };
const ownPorts = { ws: "ws://127.0.0.1:9410/ws", raw: "tcp://127.0.0.1:9411", isTalkative: true };
const routers = [
  JUNCTOR,
  { ...floor, name: "floor" },
  // Unmasking in JavaScript: what `ws` does where bufferutil is not installed.
  { ...floor, name: "floor-js", env: { ...floor.env, WS_NO_BUFFER_UTIL: "1" } },
  { name: "ws", command: ["node", "bench/naive.mjs"], env: { PORT: "9103" }, ws: "ws://127.0.0.1:9103/ws" },
  { name: "nexus", command: [join(peersAt, "bin/nexusd"), "-c", nexusConfig()], ...ownPorts },
  { name: "xconn", command: [join(peersAt, "bin/xconn-router"), "9410", "9411"], ...ownPorts },
  { name: "crossbar", command: [join(peersAt, "crossbar/bin/crossbar"), "start", "--cbdir", crossbarDirectory()], ...ownPorts },
  { name: "fox-wamp", command: ["node", "-e", FOX], cwd: join(peersAt, "fox"), ...ownPorts, raw: undefined },
].filter(({ name }) => options.only === undefined || options.only.split(",").includes(name));
const EVERY_ROUND = new Set(["junctor", "floor", "floor-js"]);
const workloads = options.workloads?.split(",") ?? Object.keys(WORKLOADS);
const results = new Map(routers.map(({ name }) => [name, new Map(workloads.map((workload) => [workload, []]))]));

for (let round = 0; round < Number(options.rounds); round++) {
  for (const workload of workloads) {
    // Who goes first changes, so that nobody always runs on a machine that has just rested.
    for (const router of round % 2 === 0 ? routers : [...routers].reverse()) {
      if (round > 0 && !EVERY_ROUND.has(router.name)) continue;
      const figures = await measure(load, router, workload, options.secs);
      if (figures !== undefined) results.get(router.name).get(workload).push(figures);
      console.error(`${round + 1} ${workload} ${router.name}: ${figures === undefined ? "–" : JSON.stringify(figures)}`);
    }
  }
}
if (options.json !== undefined)
  writeFileSync(options.json, JSON.stringify([...results].map(([name, byWorkload]) => [name, [...byWorkload]])));
report();

function value(name, workload, key) {
  return median((results.get(name)?.get(workload) ?? []).map((figures) => figures[key]));
}

function report() {
  const commit = execFileSync("git", ["-C", root, "rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  console.log(
    `Commit ${commit}, Node.js ${process.versions.node}, ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 16)} UTC; ` +
      `${options.rounds} rounds of ${options.secs} s (other routers: one). Router CPU in µs per operation, where nothing else is said.\n`,
  );
  const peers = ["nexus", "xconn", "crossbar", "fox-wamp"].filter((name) => results.has(name));
  const head = ["workload", ...peers, "ws", "floor-js", "floor", "**junctor**", "÷ floor", "best peer ÷", "goal", "reached"];
  console.log(`| ${head.join(" | ")} |\n|${" --- |".repeat(head.length)}`);
  for (const workload of workloads) {
    const [key, unit] = KEYS[workload] ?? ["cpu_us_op", ""];
    const at = (name, other = workload) => value(name, other, key);
    const ours = at("junctor");
    const best = Math.min(...peers.map((name) => at(name)).filter((figure) => figure > 0));
    const goals = GOALS[workload].filter(({ isKnown }) => isKnown(at, best));
    const row = [
      `${workload}${unit}`,
      ...peers.map((name) => format(at(name))),
      ...["ws", "floor-js", "floor"].map((name) => format(at(name))),
      `**${format(ours)}**`,
      format(ours / at("floor")),
      format(Number.isFinite(best) ? best / ours : Number.NaN),
      goals.map(({ text }) => text).join("; "),
      goals.map(({ by }) => (by(at, best) >= 1 ? "yes" : `**missed by ${format(100 / by(at, best) - 100)} %**`)).join("; "),
    ];
    console.log(`| ${row.join(" | ")} |`);
  }
}

function nexusConfig() {
  return file("nexus.json", {
    websocket: { address: "127.0.0.1:9410", out_queue_size: 65536 }, // so that it does not gain by dropping
    rawsocket: { tcp_address: "127.0.0.1:9411", out_queue_size: 65536 },
    router: { realms: [{ uri: "realm1", anonymous_auth: true, allow_disclose: true }] },
  });
}

function crossbarDirectory() {
  const endpoint = (port) => ({ type: "tcp", port, interface: "127.0.0.1", backlog: 4096 });
  const shared = { serializers: ["cbor", "msgpack", "json"], auth: { anonymous: { type: "static", role: "anonymous" } } };
  const allow = { call: true, register: true, publish: true, subscribe: true };
  const permission = { uri: "", match: "prefix", allow, disclose: { caller: false, publisher: false }, cache: true };
  mkdirSync(join(scratch, "crossbar"));
  file("crossbar/config.json", {
    version: 2,
    workers: [
      {
        type: "router",
        realms: [{ name: "realm1", roles: [{ name: "anonymous", permissions: [permission] }] }],
        transports: [
          { type: "websocket", endpoint: endpoint(9410), ...shared },
          { type: "rawsocket", endpoint: endpoint(9411), ...shared, options: { max_message_size: 16777216 } },
        ],
      },
    ],
  });
  return join(scratch, "crossbar");
}

function file(name, content) {
  writeFileSync(join(scratch, name), JSON.stringify(content));
  return join(scratch, name);
}
