/**
 * Routers side by side: each is started on core 0 and driven from core 1 by one load generator, workload by workload, round
 * by round, so that whatever else the machine does falls on all of them alike. Prints medians, and the ratio to the first
 * router named with --reference. See README.md.
 *
 *     node bench/compare.mjs --load DIR/bin/wampload --router NAME=WSPORT:RAWPORT:PATH:COMMAND … [--workloads rpc64,fan100]
 *                            [--rounds 5] [--secs 3] [--reference NAME] [--json FILE]
 *
 * `junctor` is always there: this clone's build with bench/router.yaml.
 */
import { execFile, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const UNIX = "/tmp/junctor-bench.sock";

const WORKLOADS = {
  rpc1: ["ws", "--mode rpc --window 1"],
  rpc64: ["ws", "--mode rpc --window 64"],
  "rpc64-mp": ["ws", "--mode rpc --window 64 --ser msgpack"],
  "rpc64-cbor": ["ws", "--mode rpc --window 64 --ser cbor"],
  "rpc64-raw": ["raw", "--mode rpc --window 64"],
  "rpc64-unix": ["unix", "--mode rpc --window 64"],
  "rpc-many": ["ws", "--mode rpc --callers 100 --callees 1 --window 1"],
  rpc4k: ["ws", "--mode rpc --window 64 --payload 4096"],
  rpc64k: ["ws", "--mode rpc --window 16 --payload 65536"],
  fan100: ["ws", "--mode pubsub --subs 100 --window 16"],
  fan1000: ["ws", "--mode pubsub --subs 1000 --window 4"],
  "fan100-4k": ["ws", "--mode pubsub --subs 100 --window 8 --payload 4096"],
  topics: ["ws", "--mode pubsub --pubs 10 --subs 100 --topics 100 --window 16"],
  join: ["ws", "--mode join --conns 64"],
  "join-raw": ["raw", "--mode join --conns 64"],
  idle: ["ws", "--mode idle --conns 2000"],
};

const { values: options } = parseArgs({
  options: {
    load: { type: "string" },
    router: { type: "string", multiple: true, default: [] },
    only: { type: "string" },
    workloads: { type: "string" },
    rounds: { type: "string", default: "5" },
    secs: { type: "string", default: "3" },
    reference: { type: "string" },
    json: { type: "string" },
  },
});
if (options.load === undefined) {
  console.error("✗ no load generator\n  give it with --load; bench/README.md says where it comes from");
  process.exit(2);
}

const routers = new Map([
  [
    "junctor",
    { ws: 9100, raw: 9101, unix: UNIX, path: "/ws", command: `node packages/server/dist/cli/main.js start --config bench/router.yaml` },
  ],
]);
for (const text of options.router) {
  const [, name, ws, raw, path, command] = /^([^=]+)=(\d+):(\d*):([^:]*):(.+)$/.exec(text) ?? [];
  if (name === undefined) {
    console.error(`✗ ${text} is no router\n  write NAME=WSPORT:RAWPORT:PATH:COMMAND; RAWPORT is 0 where it speaks no RawSocket`);
    process.exit(2);
  }
  routers.set(name, { ws: Number(ws), raw: Number(raw), unix: undefined, path, command });
}
const names = options.only?.split(",") ?? [...routers.keys()];
const workloads = options.workloads?.split(",") ?? Object.keys(WORKLOADS);
const results = new Map(names.map((name) => [name, new Map(workloads.map((workload) => [workload, []]))]));

for (let round = 0; round < Number(options.rounds); round++) {
  for (const workload of workloads) {
    // Who goes first changes, so that nobody always runs on a machine that has just rested.
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) {
      const figures = await measure(routers.get(name), WORKLOADS[workload]);
      if (figures !== undefined) results.get(name).get(workload).push(figures);
    }
  }
}
report();

async function measure(router, [kind, args]) {
  const url =
    kind === "ws"
      ? `ws://127.0.0.1:${router.ws}${router.path}`
      : kind === "raw" && router.raw > 0
        ? `tcp://127.0.0.1:${router.raw}`
        : kind === "unix" && router.unix !== undefined
          ? `unix:${router.unix}`
          : undefined;
  if (url === undefined) return undefined;
  const [command, ...rest] = router.command.split(" ");
  const child = spawn("taskset", ["-c", "0", command, ...rest], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    await listening(router.ws, child);
    const loadArgs = ["-c", "1", options.load, "--url", url, "--pid", `${child.pid}`, "--secs", options.secs, ...args.split(" ")];
    const text = await new Promise((resolve, reject) =>
      execFile("taskset", loadArgs, { timeout: 90_000 }, (error, stdout, stderr) =>
        error === null ? resolve(stdout) : reject(new Error(stderr.trim().slice(0, 200) || error.message)),
      ),
    );
    return JSON.parse(text);
  } catch (error) {
    console.error(`${router.command.slice(0, 60)} … ${args}: ${error.message}`);
    return undefined;
  } finally {
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(kill);
  }
}

async function listening(port, child) {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    if (child.exitCode !== null) throw new Error(`ended with exit code ${child.exitCode} at start`);
    const isUp = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isUp) return new Promise((resolve) => setTimeout(resolve, 300));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`does not listen on port ${port}`);
}

function report() {
  const reference = options.reference ?? names.at(-1);
  for (const [title, key] of [
    ["router CPU µs per operation (a call, a delivered event, a join)", "cpu_us_op"],
    ["operations per second", "ops_s"],
    ["latency p50, µs", "p50_us"],
    ["latency p99, µs", "p99_us"],
    ["KiB per idle session", "kb_session"],
  ]) {
    const rows = workloads.flatMap((workload) => {
      const row = names.map((name) =>
        median(
          results
            .get(name)
            .get(workload)
            .map((figures) => figures[key]),
        ),
      );
      return row.some((value) => value > 0) ? [[workload, row]] : [];
    });
    if (rows.length === 0) continue;
    console.log(
      `\n### ${title}\n| workload | ${names.map((name) => (name === reference ? name : `${name} | ÷ ${reference}`)).join(" | ")} |`,
    );
    console.log(`|---|${"---|".repeat(names.length * 2 - 1)}`);
    for (const [workload, row] of rows) {
      const base = row[names.indexOf(reference)];
      const cells = row.map((value, i) => (names[i] === reference ? text(value) : `${text(value)} | ${text(value / base)}`));
      console.log(`| ${workload} | ${cells.join(" | ")} |`);
    }
  }
  if (options.json !== undefined)
    writeFileSync(options.json, JSON.stringify([...results].map(([name, byWorkload]) => [name, [...byWorkload]])));
}

function median(values) {
  const sorted = values.filter((value) => typeof value === "number").sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function text(value) {
  return Number.isNaN(value) ? "–" : value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
