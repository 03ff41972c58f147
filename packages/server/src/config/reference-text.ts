/**
 * Secrets and what differs from machine to machine, in place of being written into the file: `${env:NAME}` stands for a variable
 * of the environment, `${file:PATH}` for the contents of a file, without the line break at their end. `$${env:NAME}` is that text
 * itself.
 */
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { closest } from "../closest.ts";
import { whyUnreadable } from "../user-error.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Substituted {
  readonly text: string;
  /** What the references stand for; none of it may be shown. */
  readonly values: readonly string[];
  /** Files that were read. */
  readonly files: readonly string[];
  /** What is wrong with the references. */
  readonly problems: readonly string[];
}

/** @param directory what the paths are relative to. @returns `undefined` where the text has no reference */
export function substitute(text: string, directory: string, environment: Environment): Substituted | undefined {
  if (!text.includes("${")) return undefined;
  const values: string[] = [];
  const files: string[] = [];
  const problems: string[] = [];
  let isChanged = false;
  const substituted = text.replace(REFERENCE, (whole: string, quote: string, kind: string, name: string) => {
    const found = KINDS.find((known) => known === kind);
    if (found === undefined) {
      const meant = kind.length < 3 ? undefined : closest(kind, KINDS);
      if (meant !== undefined && quote === "") problems.push(`\${${kind}:…} stands for nothing; did you mean \${${meant}:${name}}?`);
      return whole;
    }
    isChanged = true;
    if (quote !== "") return whole.slice(1);
    const value = found === "env" ? variable(name, environment) : contents(name, directory, files);
    if ("problem" in value) problems.push(value.problem);
    else values.push(value.text);
    return "text" in value ? value.text : whole;
  });
  return isChanged || problems.length > 0 ? { text: substituted, values, files, problems } : undefined;
}

/** Whether a text is one reference and nothing else: what it stands for may be meant as a number. */
export function isReference(text: string): boolean {
  return /^\$\{(env|file):[^}]*\}$/.test(text.trim());
}

const KINDS = ["env", "file"];
const REFERENCE = /(\$?)\$\{([A-Za-z]+):([^}]*)\}/g;

type Value = { readonly text: string } | { readonly problem: string };

function variable(name: string, environment: Environment): Value {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return { problem: `${JSON.stringify(name)} is no name of a variable of the environment` };
  const text = Object.hasOwn(environment, name) ? environment[name] : undefined;
  if (text !== undefined) return { text };
  const meant = closest(name, Object.keys(environment));
  const hint = meant === undefined ? "." : `; did you mean ${meant}?`;
  return { problem: `the environment has no ${name}${hint} Set it where the server is started: ${name}=… junctor start` };
}

function contents(name: string, directory: string, files: string[]): Value {
  if (name.trim() === "") return { problem: "expected the path of a file behind file:" };
  const file = resolve(directory, name.trim());
  files.push(file);
  try {
    const bytes = readFileSync(file);
    if (!isUtf8(bytes)) return { problem: `${file} is no text in UTF-8` };
    return { text: bytes.toString().replace(/\r?\n$/, "") };
  } catch (error) {
    return { problem: `cannot read ${file}: ${whyUnreadable(error)}` };
  }
}
