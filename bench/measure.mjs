/** How the hot-path benchmarks measure: batches long enough for the clock, several of them, the best and the median told. */

const BATCH_MS = 50;
const BATCHES = 15;

/**
 * Prints the time of one `operation`. It gets the number of times it is to do its work, so that no call is measured with it,
 * and returns something that depends on the work, so that none of it is optimised away.
 */
export function measure(name, operation) {
  let count = 1;
  let ms = 0;
  // Grows until a batch is long enough; the compiler has done its work by then.
  for (; ms < BATCH_MS; count *= 2) ms = time(operation, count);
  const times = Array.from({ length: BATCHES }, () => (time(operation, count) * 1e6) / count);
  return report(name, times);
}

/**
 * The same for operations that take turns of the event loop, by the processor time that the process takes, threads included.
 * `operation` does its work at least so many times, and returns how many.
 */
export async function measureTurns(name, operation) {
  let count = 1;
  let us = 0;
  for (; us < 2e3 * BATCH_MS; count *= 2) [us] = await processorTime(operation, count);
  const times = [];
  for (let i = 0; i < BATCHES; i++) {
    const [taken, done] = await processorTime(operation, count);
    times.push((taken * 1e3) / done);
  }
  return report(name, times);
}

/** @returns the best, in ns: of a machine that does other things as well it is the figure that repeats */
function report(name, times) {
  const sorted = times.sort((a, b) => a - b);
  const [best, middle] = [sorted[0], sorted[sorted.length >> 1]];
  console.log(`${name.padEnd(72)} ${format(best)} ns, median ${format(middle)}`);
  return best;
}

function time(operation, count) {
  const start = performance.now();
  sink += Number(operation(count) === undefined);
  return performance.now() - start;
}

async function processorTime(operation, count) {
  const start = process.cpuUsage();
  const done = await operation(count);
  const { user, system } = process.cpuUsage(start);
  return [user + system, done];
}

/** Read by nobody; written so that results count as used. */
export let sink = 0;

function format(ns) {
  return (ns >= 100 ? ns.toFixed(0) : ns.toPrecision(3)).padStart(8);
}
