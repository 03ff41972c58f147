// scripts/bootstrap.mjs on a small clone of nothing, with an npm and a compiler that note what they are asked: what is done
// is not done again, what has changed is, and what fails says so.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { root } from "./files.ts";

let clone: string;

function write(file: string, text: string): void {
  mkdirSync(dirname(join(clone, file)), { recursive: true });
  writeFileSync(join(clone, file), text);
}

/** Where a stand-in notes what it was asked. */
const NOTE = (name: string) =>
  `require("node:fs").appendFileSync(process.env.NOTES, ${JSON.stringify(`${name} `)} + process.argv.slice(2).join(" ") + "\\n");`;
const WRITE = `const write = (file, text) => { const fs = require("node:fs"); fs.mkdirSync(require("node:path").dirname(file), { recursive: true }); fs.writeFileSync(file, text); };`;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "junctor-bootstrap-"));
  onTestFinished(() => rmSync(clone, { recursive: true }));
  write("package.json", "{}");
  write("package-lock.json", "{}");
  write("packages/one/package.json", "{}");
  write("packages/one/tsconfig.json", "{}");
  write("packages/one/src/index.ts", "export {};");
  write("packages/client/package.json", "{}");
  write("examples/first/package.json", "{}");
  write("cache/kept", "");
  mkdirSync(join(clone, "scripts"));
  copyFileSync(join(root, "scripts/bootstrap.mjs"), join(clone, "scripts/bootstrap.mjs"));
  write("scripts/prune.mjs", "");
  write("scripts/schema.mjs", "");
  write(
    "scripts/bundle.mjs",
    `import { mkdirSync, writeFileSync } from "node:fs";\nmkdirSync("packages/client/dist/browser", { recursive: true });\nwriteFileSync("packages/client/dist/browser/junctor-client.min.js", "");\n`,
  );
  write(
    "tsc.cjs",
    `${NOTE("tsc")}\n${WRITE}\nif (require("node:fs").readFileSync("packages/one/src/index.ts", "utf8").includes("wrong")) { console.log("index.ts(1,1): error"); process.exit(2); }\nwrite("packages/one/dist/index.js", "");\n`,
  );
  write(
    "bin/npm",
    `#!${process.execPath}\nif (process.argv[2] === "config") { console.log(process.env.CACHE); process.exit(); }\n${NOTE("npm")}\n${WRITE}\nif (process.env.OFFLINE) { console.error("npm error code EAI_AGAIN"); process.exit(1); }\nrequire("node:fs").rmSync("node_modules", { recursive: true, force: true });\nwrite("node_modules/typescript/bin/tsc", require("node:fs").readFileSync("tsc.cjs", "utf8"));\n`,
  );
  chmodSync(join(clone, "bin/npm"), 0o755);
});

function bootstrap(env: Record<string, string> = {}): { status: number | null; done: string[]; output: string } {
  const notes = join(clone, "notes");
  rmSync(notes, { force: true });
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["-e", 'import("./scripts/bootstrap.mjs").then(({ bootstrap }) => bootstrap())'],
    {
      cwd: clone,
      encoding: "utf8",
      env: {
        ...process.env,
        PATH: `${join(clone, "bin")}${delimiter}${process.env["PATH"]}`,
        NOTES: notes,
        CACHE: join(clone, "cache"),
        ...env,
      },
    },
  );
  const done = existsSync(notes) ? readFileSync(notes, "utf8").trimEnd().split("\n") : [];
  return { status, done: done.map((line) => line.split(" ").slice(0, 2).join(" ")), output: `${stdout}${stderr}` };
}

const BOTH = ["npm ci", "tsc -b"];

test("a fresh clone is installed and built, without install scripts; a second time nothing is done and nothing said", () => {
  expect(bootstrap()).toMatchObject({ status: 0, done: BOTH });
  expect(bootstrap()).toEqual({ status: 0, done: [], output: "" });
});

test("what has changed decides what is done again", () => {
  bootstrap();
  write("packages/one/src/index.ts", "export const x = 1;");
  expect(bootstrap().done).toEqual(["tsc -b"]);
  write("packages/one/src/index.test.ts", "a test is not built");
  expect(bootstrap().done).toEqual([]);
  write("package-lock.json", "{ }");
  expect(bootstrap().done).toEqual(BOTH);
  write("examples/first/package.json", "{ }");
  expect(bootstrap().done).toEqual(BOTH);
});

test("what was removed is made again", () => {
  bootstrap();
  rmSync(join(clone, "packages/one/dist"), { recursive: true });
  expect(bootstrap().done).toEqual(["tsc -b"]);
  rmSync(join(clone, "node_modules"), { recursive: true });
  expect(bootstrap().done).toEqual(BOTH);
});

test("a build that fails says so, and is tried again", () => {
  write("packages/one/src/index.ts", "wrong");
  const failed = bootstrap();
  expect(failed).toMatchObject({ status: 1, done: BOTH });
  expect(failed.output).toContain("index.ts(1,1): error");
  expect(failed.output).toMatch(/✗ building failed: .*exit code 2\n {2}the errors above are in the sources/);
  expect(bootstrap()).toMatchObject({ status: 1, done: ["tsc -b"] });
  write("packages/one/src/index.ts", "right");
  expect(bootstrap()).toMatchObject({ status: 0, done: ["tsc -b"] });
});

test("without a network npm's own words are followed by what to do, and nothing is built", () => {
  const failed = bootstrap({ OFFLINE: "1" });
  expect(failed).toMatchObject({ status: 1, done: ["npm ci"] });
  expect(failed.output).toMatch(
    /npm error code EAI_AGAIN\n✗ installing dependencies failed: npm ended with exit code 1\n {2}.*the network/,
  );
  expect(bootstrap()).toMatchObject({ status: 0, done: BOTH });
});

test("a cache that npm cannot write to is replaced by one in the clone", () => {
  // A directory below a file can be made by nobody, root included.
  const unwritable = bootstrap({ CACHE: join(clone, "package.json", "cache") });
  expect(unwritable).toMatchObject({ status: 0, done: BOTH });
  expect(unwritable.output).toContain("cannot be written to; using .cache/npm");
});
