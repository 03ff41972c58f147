/**
 * What a subscriber that stops reading costs the others: the latency of events for fifty that read, with and without three that
 * do not, and the memory of the router. Once as configured by default, where the three are disconnected, and once where they
 * stay and their events are dropped.
 *
 *     node bench/stalled.mjs --load DIR/bin/wampload [--rounds 3] [--secs 4]
 */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { format, listening, median, root } from "./side-by-side.mjs";

const { values: options } = parseArgs({
  options: { load: { type: "string" }, rounds: { type: "string", default: "3" }, secs: { type: "string", default: "4" } },
});
if (options.load === undefined) {
  console.error("✗ no load generator\n  give it with --load; bench/README.md says where it comes from");
  process.exit(2);
}
const STALLED = 3;
const directory = mkdtempSync(join(tmpdir(), "junctor-stalled-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

for (const policy of ["disconnect", "drop_oldest"]) {
  const config = join(directory, `${policy}.yaml`);
  writeFileSync(config, `${readFileSync(join(root, "bench/router.yaml"), "utf8")}limits:\n  slowConsumer: ${policy}\n`);
  const results = { without: [], with: [] };
  for (let round = 0; round < Number(options.rounds); round++) {
    results.without.push(await measure(config, 0));
    results.with.push(await measure(config, STALLED));
  }
  const of = (which, key) => median(results[which].map((figures) => figures[key]));
  console.log(
    `${policy}: p99 ${format(of("with", "p99"))} µs with ${STALLED} stalled subscribers, ${format(of("without", "p99"))} without: ` +
      `${format(of("with", "p99") / of("without", "p99"))} times; at most ${format(of("with", "mib"))} MiB, ${format(of("without", "mib"))} without`,
  );
}

async function measure(config, stalled) {
  const child = spawn("taskset", ["-c", "0", "node", "packages/server/dist/cli/main.js", "start", "--config", config], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const sockets = [];
  try {
    await listening(9101, child);
    for (let i = 0; i < stalled; i++) sockets.push(await stall());
    const args = `-c 1 ${options.load} --url ws://127.0.0.1:9100/ws --mode pubsub --subs 50 --window 4 --payload 8192 --secs ${options.secs}`;
    const text = await new Promise((resolve, reject) =>
      execFile("taskset", args.split(" "), { timeout: 90_000 }, (error, stdout, stderr) =>
        error === null ? resolve(stdout) : reject(new Error(stderr)),
      ),
    );
    const [, peak] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
    return { p99: JSON.parse(text).p99_us, mib: Number(peak) / 1024 };
  } finally {
    for (const socket of sockets) socket.destroy();
    child.kill("SIGTERM");
    await ended;
  }
}

/** A RawSocket client that subscribes and then reads nothing more. */
async function stall() {
  const socket = connect(9101, "127.0.0.1");
  socket.on("error", () => {});
  const answer = () => new Promise((resolve) => socket.once("data", resolve));
  const say = (message) => {
    const bytes = Buffer.from(`0000${JSON.stringify(message)}`);
    bytes.writeUInt32BE(bytes.length - 4, 0);
    socket.write(bytes);
  };
  socket.write(Buffer.from([0x7f, 0xf1, 0, 0]));
  await answer();
  say([1, "realm1", { roles: { subscriber: {} } }]);
  await answer();
  say([32, 1, {}, "com.example.bench.topic0"]);
  await answer();
  socket.pause();
  return socket;
}
