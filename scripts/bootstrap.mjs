// Sets a fresh clone up, and costs next to nothing where that is done: dependencies are installed when the lock file
// has changed, packages are built when a source has. No dependencies of its own; runs on any Node.js that knows modules.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19))
  fail(`Node.js ${process.versions.node} is too old`, "install Node.js 20.19 or newer: https://nodejs.org");

export function bootstrap() {
  process.chdir(root);
  step(
    "node_modules/.junctor-installed",
    installInputs,
    "installing dependencies",
    "npm",
    () => ["ci", "--ignore-scripts", "--no-audit", "--no-fund", ...NETWORK, ...ownCache()],
    "npm has said why above; where it is the network, check it and npm's registry, then run the command again",
  );
  step(
    "node_modules/.junctor-built",
    buildInputs,
    "building",
    process.execPath,
    () => ["node_modules/typescript/bin/tsc", "-b"],
    "the errors above are in the sources: mend them, then run the command again",
    [["scripts/prune.mjs"], ["scripts/bundle.mjs"], ["scripts/schema.mjs"]],
  );
}

// Runs a command unless the stamp says that it ran for the same inputs.
function step(stamp, inputs, doing, command, args, remedy, more = []) {
  const digest = digestOf(inputs());
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  console.log(`junctor: ${doing} …`);
  run(command, args(), doing, remedy);
  for (const script of more) run(process.execPath, script, doing, remedy);
  writeFileSync(stamp, digestOf(inputs()));
}

function run(command, args, doing, remedy) {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"], shell: process.platform === "win32" });
  if (error !== undefined) fail(`${doing} failed: ${error.message}`, remedy);
  if (status !== 0) fail(`${doing} failed: ${command} ended with exit code ${status}`, remedy);
}

// What npm has fetched before it need not ask for again; and without a network it says so in seconds instead of minutes.
const NETWORK = ["--prefer-offline", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=5000"];

// npm cannot work without a cache that it may write to; where the user's is none, it gets one in the clone.
function ownCache() {
  const { stdout } = spawnSync("npm", ["config", "get", "cache"], { encoding: "utf8", shell: process.platform === "win32" });
  const cache = (stdout ?? "").trim();
  const trial = join(cache, `.junctor-${process.pid}`);
  try {
    mkdirSync(trial, { recursive: true });
    rmSync(trial, { recursive: true });
    return [];
  } catch {
    console.log(`junctor: npm's cache ${cache} cannot be written to; using .cache/npm`);
    return ["--cache", ".cache/npm"];
  }
}

function installInputs() {
  const workspaces = ["packages", "examples"].flatMap((folder) => workspacesIn(folder).map((name) => join(folder, name, "package.json")));
  return ["package.json", "package-lock.json", ...workspaces];
}

function buildInputs() {
  const files = [
    "tsconfig.base.json",
    "tsconfig.json",
    "scripts/prune.mjs",
    "scripts/bundle.mjs",
    "scripts/schema.mjs",
    "package-lock.json",
  ];
  const built = ["packages/client/dist/browser/junctor-client.min.js", "packages/server/config.schema.json"];
  for (const name of workspacesIn("packages")) {
    const folder = join("packages", name);
    for (const file of readdirSync(folder)) if (/^tsconfig.*\.json$/.test(file)) files.push(join(folder, file));
    if (existsSync(join(folder, "src"))) files.push(...sources(join(folder, "src")));
    if (existsSync(join(folder, "tsconfig.json"))) built.push(join(folder, "dist", "index.js"));
  }
  // A build that somebody removed is to be made again.
  return [...files, ...built.map((file) => `${file} ${existsSync(file)}`)];
}

function workspacesIn(folder) {
  return existsSync(folder) ? readdirSync(folder).filter((name) => existsSync(join(folder, name, "package.json"))) : [];
}

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.test\.ts$/.test(entry.name) ? [] : [path];
  });
}

function digestOf(files) {
  const hash = createHash("sha256").update(process.versions.node);
  for (const file of files) {
    hash.update(`${file}\n`);
    if (existsSync(file) && statSync(file).isFile()) hash.update(readFileSync(file));
  }
  return hash.digest("hex");
}

function fail(cause, remedy) {
  console.error(`✗ ${cause}\n  ${remedy}`);
  process.exit(1);
}
