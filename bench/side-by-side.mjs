/**
 * One router under one load: started on core 0, driven from core 1 by the load generator, which tells what it saw and what the
 * router's process took.
 */
import { execFile, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** By name: the transport, and the arguments of the load generator. */
export const WORKLOADS = {
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

export const JUNCTOR = {
  name: "junctor",
  command: ["node", "packages/server/dist/cli/main.js", "start", "--config", "bench/router.yaml"],
  ws: "ws://127.0.0.1:9100/ws",
  raw: "tcp://127.0.0.1:9101",
  unix: "unix:/tmp/junctor-bench.sock",
};

/**
 * @param router its `command`, perhaps `cwd` and `env`, and its URL by transport
 * @returns what the load generator printed; `undefined` where the router lacks the transport, or failed, which is told
 */
export async function measure(load, router, workload, secs) {
  const [transport, args] = WORKLOADS[workload];
  const url = router[transport];
  if (url === undefined) return undefined;
  const [command, ...rest] = router.command;
  const child = spawn("taskset", ["-c", "0", command, ...rest], {
    cwd: router.cwd ?? root,
    env: { ...process.env, ...router.env },
    stdio: ["ignore", "ignore", router.isTalkative ? "ignore" : "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    await listening(Number(new URL(router.ws).port), child);
    const loadArgs = ["-c", "1", load, "--url", url, "--pid", `${routing(child.pid)}`, "--secs", `${secs}`, ...args.split(" ")];
    return JSON.parse(await output("taskset", loadArgs));
  } catch (error) {
    console.error(`${router.name}, ${workload}: ${error.message}`);
    return undefined;
  } finally {
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(kill);
  }
}

function output(command, args) {
  return new Promise((resolve, reject) =>
    execFile(command, args, { timeout: 90_000 }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(stderr.trim().slice(0, 200) || error.message)),
    ),
  );
}

export async function listening(port, child) {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    if (child.exitCode !== null) throw new Error(`ended with exit code ${child.exitCode} at start`);
    const isUp = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isUp) return new Promise((resolve) => setTimeout(resolve, 400));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`does not listen on port ${port}`);
}

/** Of a router that is several processes the one that routes is the one with the most memory. */
function routing(pid) {
  return tree(pid).reduce((most, one) => (resident(one) > resident(most) ? one : most));
}

function tree(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean),
  );
  return [pid, ...children.flatMap((child) => tree(Number(child)))];
}

function resident(pid) {
  return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
}

export function median(values) {
  const sorted = values.filter((value) => typeof value === "number").sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function format(value) {
  return Number.isNaN(value) ? "–" : value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
