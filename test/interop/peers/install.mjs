// Installs what the peers need and the workspace does not have: other people's WAMP clients, in the versions that the
// lock files beside them say. Run by .ci/install; a second run does nothing. No dependencies.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const cache = join(here, "../../../.cache/interop");

/** What starts a program of a runtime, what it is made of, how it is made, and where that is noted. */
const RUNTIMES = {
  "node.js": {
    program: (name) => [process.execPath, ...WEBSOCKET, join(here, "js", `${name}.mjs`)],
    inputs: ["js/package.json", "js/package-lock.json"],
    folder: join(here, "js/node_modules"),
    make: () => run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], join(here, "js")),
  },
  python: {
    program: (name) => [join(cache, "python/bin/python"), join(here, "python", `${name}.py`)],
    inputs: ["python/requirements.txt"],
    folder: join(cache, "python"),
    make: () => {
      run("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or newer is needed')"]);
      run("python3", ["-m", "venv", "--clear", join(cache, "python")]);
      run(join(cache, "python/bin/python"), ["-m", "pip", "install", "--quiet", "--no-deps", "-r", join(here, "python/requirements.txt")]);
    },
  },
  crossbar: {
    program: (name) => [join(cache, "crossbar/bin", name)],
    inputs: ["crossbar/requirements.txt"],
    folder: join(cache, "crossbar"),
    make: () => {
      run("python3", ["-m", "venv", "--clear", join(cache, "crossbar")]);
      const options = ["--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check"];
      run(join(cache, "crossbar/bin/python"), ["-m", "pip", "install", ...options, "-r", join(here, "crossbar/requirements.txt")]);
    },
  },
  go: {
    program: (name) => [join(cache, "go", name)],
    inputs: ["go/go.mod", "go/go.sum", "go/line/line.go", "go/nexus/main.go", "go/service/main.go", "go/xconn/main.go"],
    folder: join(cache, "go"),
    make: () =>
      run("go", ["build", "-o", `${join(cache, "go")}/`, "./nexus", "./service", "./xconn"], join(here, "go"), { CGO_ENABLED: "0" }),
  },
};

// Autobahn|JS takes the platform's WebSocket, which Node.js 20 has behind a flag.
const WEBSOCKET = Number.parseInt(process.versions.node, 10) < 22 ? ["--experimental-websocket", "--no-warnings"] : [];

/** The command that starts a peer; undefined where its runtime is not installed in the version asked for. */
export function commandOf(runtime, program) {
  return isInstalled(RUNTIMES[runtime]) ? RUNTIMES[runtime].program(program) : undefined;
}

function isInstalled({ folder, inputs }) {
  const stamp = join(folder, STAMP);
  return existsSync(stamp) && readFileSync(stamp, "utf8") === digestOf(inputs);
}

function install() {
  for (const [name, runtime] of Object.entries(RUNTIMES)) {
    if (isInstalled(runtime)) continue;
    console.log(`interop: installing the peers for ${name} …`);
    rmSync(join(runtime.folder, STAMP), { force: true });
    mkdirSync(runtime.folder, { recursive: true });
    runtime.make();
    writeFileSync(join(runtime.folder, STAMP), digestOf(runtime.inputs));
  }
}

function digestOf(inputs) {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(`${input}\n`).update(readFileSync(join(here, input)));
  return hash.digest("hex");
}

function run(command, args, cwd = here, env = {}) {
  const { status, error } = spawnSync(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "inherit", "inherit"] });
  if (error === undefined && status === 0) return;
  console.error(`✗ interop: ${command} ${args.join(" ")} failed: ${error?.message ?? `exit code ${status}`}`);
  process.exit(1);
}

const STAMP = ".junctor-installed";

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) install();
