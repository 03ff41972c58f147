/** `junctor import crossbar`: a configuration of a Crossbar.io node as one of ours, and what of it is not there any more. */
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { Document, isScalar, visit } from "yaml";
import { ConfigDocument, placeText, readText } from "../config/document.ts";
import { pathText } from "../config/finding.ts";
import { ConfigError, parseConfig, problemAt } from "../config/load.ts";
import { openListeners } from "../config/open-listener.ts";
import { parsePath } from "../config/written-path.ts";
import { RUNNER } from "../import/crossbar/components.ts";
import { convertCrossbar } from "../import/crossbar/convert.ts";
import { RUNNER_PROGRAM } from "../import/crossbar/runner.ts";
import type { Severity } from "../import/crossbar/source.ts";
import { UserError, whyUnreadable } from "../user-error.ts";
import { jsonText, line, note, printable, style } from "./print.ts";

export interface ImportOptions {
  readonly output?: string;
  readonly json?: boolean;
}

interface Told {
  readonly severity: Severity;
  readonly place: string;
  readonly path: string;
  readonly message: string;
}

export interface Imported {
  readonly text: string;
  readonly told: readonly Told[];
  readonly needsRunner: boolean;
}

export function importCrossbar(file: string, { output, json }: ImportOptions): void {
  const { text, told, needsRunner } = imported(file, output ?? "config.yaml");
  if (json === true) line(jsonText({ config: text, told }));
  else if (output === undefined) process.stdout.write(text);
  if (output !== undefined) {
    const folder = dirname(output);
    const files: readonly (readonly [string, string])[] = [
      [output, text],
      ...(needsRunner ? [[join(folder, RUNNER), RUNNER_PROGRAM] as const] : []),
    ];
    const there = files.find(([name, content]) => existsSync(name) && !(name.endsWith(RUNNER) && readText(name, "") === content));
    if (there !== undefined)
      throw new UserError(`${there[0]} is there already, and is not overwritten`, { remedy: "name another file with -o" });
    try {
      for (const [name, content] of files) writeFileSync(name, content, { mode: 0o600 });
    } catch (error) {
      throw new UserError(`cannot write to ${folder}: ${whyUnreadable(error)}`, { remedy: "name another file with -o" });
    }
    if (json !== true) line(`${style("green", "✓")} wrote ${printable(files.map(([name]) => name).join(" and "))}`);
  }
  if (json === true) return;
  for (const severity of ["lost", "changed", "ignored"] as const) {
    const those = told.filter((each) => each.severity === severity);
    if (those.length === 0) continue;
    note("");
    note(`${HEADS[severity]}:`);
    for (const { place, path, message } of those) note(printable(`  ${place}  ${path}\n    ${message}`));
  }
  if (needsRunner && output === undefined) note(`\n${RUNNER}, which runs components, is written with -o FILE`);
}

const HEADS: Readonly<Record<Severity, string>> = {
  lost: "What has no equivalent, and is not there any more",
  changed: "What is there in another way: look whether it is what you want",
  ignored: "What makes no difference",
};

/** @param output where the new configuration will be */
export function imported(file: string, output: string): Imported {
  const document = new ConfigDocument(readText(file, "name the config.json of a Crossbar.io node"), file, { environment: {} });
  if (document.problems.length > 0)
    throw new ConfigError(
      file,
      document.problems.map((problem) => problemAt(document, problem, problem.place)),
      document,
    );
  if (!looksLikeCrossbar(document.written))
    throw new UserError(`${file} is no configuration of a Crossbar.io node: it has no workers`, {
      remedy: "it is .crossbar/config.json in the directory of the node",
    });
  const folder = relative(dirname(resolve(output)), dirname(resolve(file))) || ".";
  const { config, remarks, needsRunner } = convertCrossbar(document.written, folder);
  const told: Told[] = remarks.map(({ path, severity, message }) => ({
    severity,
    place: placeText(document.placeOf(path)),
    path: pathText(path),
    message,
  }));
  const { text, added } = usable(config, output);
  return { text, told: [...told, ...added], needsRunner };
}

function looksLikeCrossbar(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("workers" in value || "controller" in value);
}

/** What the result may not say goes: an entry at a time, and told. */
function usable(config: Readonly<Record<string, unknown>>, output: string): { readonly text: string; readonly added: readonly Told[] } {
  const left = structuredClone(config) as Record<string, unknown>;
  const added: Told[] = [];
  const tell = (severity: Severity, path: string, message: string) => added.push({ severity, place: output, path, message });
  for (;;) {
    const text = written(left);
    try {
      const parsed = parseConfig(text, output, new Proxy({}, ANY_VARIABLE));
      const open = openListeners(parsed);
      if (open.length === 0) return { text, added };
      for (const { path } of open) {
        const listener = (left["listen"] as Record<string, unknown>[])[Number(path[1])];
        if (listener === undefined) continue;
        tell(
          "changed",
          pathText(path),
          `it was ${String(listener["host"])}: whoever comes may do everything, so this machine only may, until that is not so`,
        );
        listener["host"] = "127.0.0.1";
      }
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const removed = error.problems.some((problem) => {
        const path = parsePath(problem.path);
        if (typeof path === "string" || !removeEntry(left, path)) return false;
        tell("lost", problem.path, problem.message);
        return true;
      });
      if (!removed) {
        for (const { path, message } of error.problems) tell("lost", path, `this has to be mended: ${message}`);
        return { text, added };
      }
    }
  }
}

/** Takes an entry of a list or mapping of things that stand for themselves out. */
function removeEntry(config: Record<string, unknown>, [section, name, ...rest]: readonly (string | number)[]): boolean {
  const entries = config[String(section)];
  if (name === undefined || typeof entries !== "object" || entries === null) return false;
  if (section === "listen" && Array.isArray(entries)) {
    if (entries.length < 2) return false;
    entries.splice(Number(name), 1);
    return true;
  }
  if (section !== "web" && section !== "services" && section !== "limits") {
    const inner: unknown = (entries as Record<string, unknown>)[name];
    return section === "realms" && rest.length > 1 && removeDeep(inner, rest);
  }
  delete (entries as Record<string, unknown>)[name];
  if (Object.keys(entries).length === 0) delete config[section];
  return true;
}

function removeDeep(value: unknown, [key, ...rest]: readonly (string | number)[]): boolean {
  if (typeof value !== "object" || value === null || key === undefined) return false;
  const inner: unknown = (value as Record<string | number, unknown>)[key];
  if (rest.length > 0) return removeDeep(inner, rest);
  if (Array.isArray(value)) value.splice(Number(key), 1);
  else delete (value as Record<string | number, unknown>)[key];
  return true;
}

/** What the environment will hold is not known: a number does for all. */
const ANY_VARIABLE: ProxyHandler<Record<string, string>> = {
  get: () => "1",
  has: () => true,
  getOwnPropertyDescriptor: () => ({ value: "1", configurable: true, enumerable: true }),
};

function written(config: Readonly<Record<string, unknown>>): string {
  const document = new Document(config);
  visit(document, {
    Seq: (_, seq) => {
      if (seq.items.every((item) => isScalar(item))) seq.flow = true;
    },
  });
  return `${HEAD}${document.toString({ lineWidth: 0, flowCollectionPadding: false })}`;
}

const HEAD = `# yaml-language-server: $schema=./node_modules/junctor/config.schema.json
# Made from the configuration of a Crossbar.io node by: junctor import crossbar
`;
