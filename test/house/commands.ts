/**
 * Performs the commands that the documentation shows, as far as a test can: those of the command line for real, against a
 * router; of those that set things up or run for ever, whether what they name is there. An unknown one is an error: teach
 * it here, or leave it out of the page.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CLI, printed, stopped } from "./dev-router.ts";
import { files, read, root } from "./files.ts";

export interface Command {
  readonly text: string;
  /** The lines below it that say what it prints. */
  readonly expected: string;
}

export function commandsOf(code: string): Command[] {
  const commands: { text: string; expected: string }[] = [];
  for (const line of code.split("\n")) {
    const last = commands.at(-1);
    if (/^# → /.test(line) && last !== undefined) last.expected += `${line}\n`;
    else {
      const text = line.replace(/(^|\s)#\s.*$/, "").trim();
      if (text !== "") commands.push({ text, expected: "" });
    }
  }
  return commands;
}

export class Commands implements AsyncDisposable {
  readonly #url: string;
  readonly #state: string;
  readonly #running: ChildProcess[] = [];
  /** Where files are made, and looked at. */
  readonly #folder = mkdtempSync(join(tmpdir(), "junctor-commands-"));

  /** Of the router that the commands talk to: where it listens, and what is administered by its control socket. */
  constructor({ url, state }: { readonly url: string; readonly state: string }) {
    this.#url = url;
    this.#state = state;
  }

  /** @returns what it printed */
  async perform(text: string): Promise<string> {
    const words = wordsOf(text);
    const [program, first, second] = words;
    switch (program === "npx" ? `npx ${first}` : program) {
      case "npx junctor":
        return this.#junctor(words.slice(2));
      case "npx vitest":
        assert(second === "run" && pathsOf(words.slice(3)).every((path) => files.some((file) => file.startsWith(path))), text);
        return "";
      case "npx biome":
        return "";
      case "npm":
        return npm(text, words);
      case "node":
      case "bash":
        assert(first !== undefined && (existsSync(join(root, first)) || first.startsWith("--")), text);
        return "";
      case "cd":
        assert(first !== undefined && existsSync(join(root, first)), text);
        return "";
      default:
        throw new Error(`nobody has taught this test how to check: ${text}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map(stopped));
    rmSync(this.#folder, { recursive: true });
  }

  async #junctor(words: readonly string[]): Promise<string> {
    const [verb = "", ...args] = words;
    const runsForEver = verb === "dev" || verb === "start";
    if (runsForEver) {
      const { stdout } = await run([verb, "--help"]);
      for (const option of args.filter((arg) => arg.startsWith("-"))) assert(stdout.includes(option), `junctor ${verb} ${option}`);
      return "";
    }
    if (verb === "init" || verb === "config") return (await run([verb, ...args], this.#folder)).stdout;
    const own = args.includes("--url") ? [] : ADMINISTER.has(verb) ? ["--state", this.#state] : ["--url", this.#url];
    if (args.at(-1) !== "&") return (await run([verb, ...args, ...own])).stdout;
    const child = spawn(process.execPath, [CLI, verb, ...args.slice(0, -1), ...own], { stdio: ["ignore", "pipe", "pipe"], cwd: root });
    this.#running.push(child);
    await printed(child, /(registered|subscribed)/);
    return "";
  }
}

/** What talks to a server's control socket. */
const ADMINISTER = new Set(["status", "sessions", "subs", "procs", "realms", "closed", "slow", "alarms", "health", "top", "trace", "log"]);

const run = (args: readonly string[], cwd: string = root) => promisify(execFile)(process.execPath, [CLI, ...args], { cwd });

/** Ours are there to be installed, others are locked; scripts exist. */
function npm(text: string, [, verb = "", ...args]: readonly string[]): string {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  if (verb === "install" || verb === "ci") {
    for (const name of args.filter((arg) => !arg.startsWith("-"))) assert(existsSync(join(root, "node_modules", name)), text);
  } else assert(scripts[verb === "run" ? (args[0] ?? "") : verb] !== undefined, text);
  return "";
}

/** As a shell would split them, as far as the pages need it: words, and quotes of both kinds. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|"([^"]*)"|(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(
    ([word, single, double]) => single ?? double ?? word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"),
  );
}

/** The words before the first option. */
function pathsOf(words: readonly string[]): readonly string[] {
  const option = words.findIndex((word) => word.startsWith("-"));
  return option < 0 ? words : words.slice(0, option);
}

function assert(holds: boolean, text: string): void {
  if (!holds) throw new Error(`what this names is not there: ${text}`);
}
