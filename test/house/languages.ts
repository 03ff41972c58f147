/** Runs the programs that the documentation shows in other languages than our own, where their runtimes are there. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { DevRouter } from "./dev-router.ts";
import { root } from "./files.ts";

export interface Language {
  readonly name: string;
  /** What is missing, and how to get it; `undefined` where the programs can be run. */
  readonly missing: string | undefined;
  /** @returns what the program prints, again and again until it has ended */
  run(code: string, folder: string): AsyncIterable<string>;
}

const PYTHON = join(root, ".cache/interop/python/bin/python");
const GO_MODULE = join(root, "test/interop/peers/go");
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

const python: Language = {
  name: "Python",
  missing: existsSync(PYTHON) ? undefined : "Autobahn|Python is not installed; get it with: bash .ci/install interop_peers",
  async *run(code, folder) {
    const file = write(folder, "program.py", code);
    yield await output(PYTHON, ["-W", "ignore", file]);
  },
};

const go: Language = {
  name: "Go",
  missing: existsSync(join(root, ".cache/interop/go/nexus"))
    ? undefined
    : "nexus is not installed; get Go 1.25 or newer, then: bash .ci/install interop_peers",
  async *run(code, folder) {
    const file = write(folder, "main.go", code);
    yield await output("go", ["run", file], { cwd: GO_MODULE, env: { ...process.env, CGO_ENABLED: "0" } });
  },
};

const browser: Language = {
  name: "a browser",
  missing: CHROMIUM === undefined ? "Chromium is not installed; get it with: bash .ci/install chromium" : undefined,
  async *run(code, folder) {
    write(folder, "index.html", code);
    const router = await DevRouter.start("--static", folder);
    const started = await chromium.launch({ executablePath: CHROMIUM ?? "", args: ["--no-sandbox", "--disable-background-networking"] });
    try {
      const page = await started.newPage();
      await page.goto(`http://${router.address}/`);
      // biome-ignore lint/performance/useDomNodeTextContent: what is seen, and not the script
      for (;;) yield await page.locator("body").innerText();
    } finally {
      await started.close();
      await router.stop();
    }
  },
};

/** By the word behind the fence. */
export const LANGUAGES: Readonly<Record<string, Language>> = { python, go, html: browser };

function write(folder: string, name: string, code: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), code);
  return join(folder, name);
}

async function output(command: string, args: readonly string[], options: object = {}): Promise<string> {
  return (await promisify(execFile)(command, args, { timeout: 120_000, ...options })).stdout.toString();
}
