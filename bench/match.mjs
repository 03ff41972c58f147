/**
 * Match: topic → the subscriptions whose patterns match it, among 10⁵ prefix and 10⁵ wildcard patterns. From the cache, and
 * when the topic is new to it. Hot path 2 of 4.
 *
 * `few`: one pattern of each kind matches. `many`: as many as can, which are all prefixes of the topic and, of the wildcards, one
 * in a hundred: every choice of components that are left open.
 */
import { PatternIndex } from "../packages/router/dist/pattern/pattern-index.js";
import { measure } from "./measure.mjs";

const PATTERNS = 100_000;
const COMPONENTS = ["com", "example", "house", "floor", "room", "wall", "lamp", "colour", "red", "value"];

for (const matching of ["few", "many"]) {
  const index = new PatternIndex();
  const add = (uri, match) => index.set(uri, match, { uri });
  if (matching === "few") {
    add("com.example.house.", "prefix");
    add(`${COMPONENTS.map((name, i) => (i === 4 ? "" : name)).join(".")}.`, "wildcard");
  } else {
    const stem = `${COMPONENTS.join(".")}.`;
    for (let length = 1; length <= stem.length; length++) add(stem.slice(0, length), "prefix");
    for (let open = 0; open < 1 << COMPONENTS.length; open++)
      add(`${COMPONENTS.map((name, i) => ((open >> i) & 1 ? "" : name)).join(".")}.`, "wildcard");
  }
  // The others differ from it in one component or more.
  for (let i = 0; i < PATTERNS; i++) {
    const names = COMPONENTS.with(2 + (i % 8), `n${i}`);
    add(`${names.slice(0, 4 + (i % 7)).join(".")}.${i}`, "prefix");
    add(`${names.map((name, at) => (at === i % 3 ? "" : name)).join(".")}.${i}`, "wildcard");
  }
  const topic = (n) => `${COMPONENTS.join(".")}.${n}`;
  console.log(`of ${PATTERNS} prefixes and ${PATTERNS} wildcards ${matching} match a topic: ${index.matching(topic("x")).length}`);
  measure("  from the cache", (count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += index.matching("com.example.house.floor.room.wall.lamp.colour.red.value.x").length;
    return sum;
  });
  let next = 0;
  measure("  a topic that is new", (count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += index.matching(topic(`t${++next}`)).length;
    return sum;
  });
}
