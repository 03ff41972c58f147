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
  const times = Array.from({ length: BATCHES }, () => (time(operation, count) * 1e6) / count).sort((a, b) => a - b);
  const [best, middle] = [times[0], times[times.length >> 1]];
  console.log(`${name.padEnd(56)} ${format(best)} ns, median ${format(middle)}`);
}

function time(operation, count) {
  const start = performance.now();
  sink += Number(operation(count) === undefined);
  return performance.now() - start;
}

/** Read by nobody; written so that results count as used. */
export let sink = 0;

function format(ns) {
  return (ns >= 100 ? ns.toFixed(0) : ns.toPrecision(3)).padStart(8);
}
