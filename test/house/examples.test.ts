// Every example is a workspace that runs, on what was built.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { files, root } from "./files.ts";

const examples = files.filter((file) => /^examples\/[^/]+\/package\.json$/.test(file)).map((file) => file.split("/")[1] ?? "");

test.each(examples)("examples/%s passes its own tests", (example) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--test"], { cwd: join(root, "examples", example), encoding: "utf8" });
  expect(`${stdout}${stderr}`).toMatch(/^# pass [1-9]/m);
  expect(`${status} ${stdout}`).toMatch(/^0 [\s\S]*^# fail 0$/m);
});

test("there are some", () => {
  expect(examples).not.toEqual([]);
});
