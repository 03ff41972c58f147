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
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { format, JUNCTOR, measure, median, WORKLOADS } from "./side-by-side.mjs";

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

const routers = new Map([[JUNCTOR.name, JUNCTOR]]);
for (const text of options.router) {
  const [, name, ws, raw, path, command] = /^([^=]+)=(\d+):(\d*):([^:]*):(.+)$/.exec(text) ?? [];
  if (name === undefined) {
    console.error(`✗ ${text} is no router\n  write NAME=WSPORT:RAWPORT:PATH:COMMAND; RAWPORT is 0 where it speaks no RawSocket`);
    process.exit(2);
  }
  const tcp = Number(raw) > 0 ? { raw: `tcp://127.0.0.1:${raw}` } : {};
  routers.set(name, { name, command: command.split(" "), ws: `ws://127.0.0.1:${ws}${path}`, ...tcp });
}
const names = options.only?.split(",") ?? [...routers.keys()];
const workloads = options.workloads?.split(",") ?? Object.keys(WORKLOADS);
const results = new Map(names.map((name) => [name, new Map(workloads.map((workload) => [workload, []]))]));

for (let round = 0; round < Number(options.rounds); round++) {
  for (const workload of workloads) {
    // Who goes first changes, so that nobody always runs on a machine that has just rested.
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) {
      const figures = await measure(options.load, routers.get(name), workload, options.secs);
      if (figures !== undefined) results.get(name).get(workload).push(figures);
    }
  }
}
report();

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
      const cells = row.map((value, i) => (names[i] === reference ? format(value) : `${format(value)} | ${format(value / base)}`));
      console.log(`| ${workload} | ${cells.join(" | ")} |`);
    }
  }
  if (options.json !== undefined)
    writeFileSync(options.json, JSON.stringify([...results].map(([name, byWorkload]) => [name, [...byWorkload]])));
}
