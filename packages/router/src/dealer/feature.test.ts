import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ANNOUNCED, CONFIGURABLE } from "../feature.ts";

test("what the dealer announces is what tests by its name prove, and no more (FEAT-01)", () => {
  const files = readdirSync(new URL(".", import.meta.url)).filter((file) => file.endsWith(".test.ts"));
  const sources = files.map((file) => readFileSync(new URL(file, import.meta.url), "utf8"));
  const named = sources.flatMap((source) => [...source.matchAll(/^test(?:Both)?\(\s*"([a-z_]+): /gm)].map(([, flag]) => flag));
  // The meta API has its proof in ../feature.test.ts.
  const announced = [...ANNOUNCED.dealer.filter((flag) => !flag.endsWith("_meta_api")), ...Object.keys(CONFIGURABLE.dealer)];
  expect([...new Set(named)].sort()).toEqual(announced.sort());
});
