/**
 * From a file to a configuration, or to all of its errors at once, each with its place, what is there, and what is
 * expected.
 */
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import type { Principal } from "../auth/principal.ts";
import { usersSchema } from "../auth/users.ts";
import { UserError } from "../user-error.ts";
import { inconsistencies, rolesMissingIn } from "./consistency.ts";
import { ConfigDocument, type Place, placeText, readText } from "./document.ts";
import { type Finding, findingsOf, type Path, pathText } from "./finding.ts";
import { anchorPaths } from "./paths.ts";
import type { Environment } from "./reference-text.ts";
import { type Config, configSchema } from "./schema.ts";

export interface ConfigProblem extends Place {
  /** `file:line:column` */
  readonly place: string;
  /** `realms.app.auth[0].role` */
  readonly path: string;
  readonly message: string;
  /** What to do about it, where the message does not say so. */
  readonly remedy?: string | undefined;
  /** Of a warning: the rule that it comes from. */
  readonly lint?: string | undefined;
}

/** All problems of one file, and of those that it includes. */
export class ConfigError extends UserError {
  readonly problems: readonly ConfigProblem[];
  /** Private, so that nothing that prints or logs the error shows what is in the file: secrets are (AUTH-10). */
  readonly #document: ConfigDocument | undefined;

  constructor(file: string, problems: readonly ConfigProblem[], document?: ConfigDocument) {
    const lines = problems.map((problem) => `  ${problem.place}  ${problem.path === "" ? "" : `${problem.path}: `}${problem.message}`);
    const remedies = [...new Set(problems.flatMap(({ remedy }) => remedy ?? []))];
    super(`${file} has ${problems.length === 1 ? "an error" : `${problems.length} errors`}:\n${lines.join("\n")}`, {
      exitCode: 1,
      ...(remedies.length > 0 && { remedy: remedies.join("\n") }),
    });
    this.problems = problems;
    this.#document = document;
  }

  /** What the file holds, as far as it could be read. */
  get document(): ConfigDocument | undefined {
    return this.#document;
  }
}

export function problemAt(
  document: ConfigDocument,
  { path, message, remedy, lint }: Finding,
  place = document.placeOf(path),
): ConfigProblem {
  return { ...place, place: placeText(place), path: pathText(path), message: document.redacted(message), remedy, lint };
}

/** A configuration, and where what it says stands. */
export interface LoadedConfig {
  readonly config: Config;
  readonly document: ConfigDocument;
}

/** @throws {UserError} the file cannot be read, or has errors */
export function loadConfig(file: string): Config {
  return readConfig(file).config;
}

/** @throws {UserError} the file cannot be read, or has errors */
export function readConfig(file: string): LoadedConfig {
  return parseWithPlaces(readText(file, "name a configuration with -c FILE, or try the router without one: junctor dev"), file);
}

/** @throws {ConfigError} */
export function parseConfig(text: string, file: string, environment?: Environment): Config {
  return parseWithPlaces(text, file, environment).config;
}

function parseWithPlaces(text: string, file: string, environment: Environment = process.env): LoadedConfig {
  const document = new ConfigDocument(text, file, { environment, mayInclude: true, anchor: anchorPaths });
  const config = validated(document, configSchema, (data) => inconsistencies(data, document.files));
  return { config: { ...config, state: resolve(dirname(resolve(file)), config.state) }, document };
}

/**
 * Users from a file of their own.
 *
 * @throws {UserError} the file cannot be read, or has errors
 */
export function loadUsers(file: string, roles: readonly string[]): readonly Principal[] {
  const text = readText(file, "check the path under realms.*.users or realms.*.auth[*].users");
  return validated(new ConfigDocument(text, file), usersSchema, (data) => rolesMissingIn(data, roles));
}

/**
 * @param check tells what the schema does not
 * @throws {ConfigError}
 */
function validated<T>(document: ConfigDocument, schema: z.ZodType<T>, check: (data: unknown) => Finding[]): T {
  const [file = "?"] = document.files;
  let problems = document.problems.map((finding) => problemAt(document, finding, finding.place));
  if (problems.length === 0) {
    const result = parsed(document, schema);
    const findings = check(document.data);
    if (result.success && findings.length === 0) return result.data;
    // What stands in a record of users may be a secret, and errors are logged (AUTH-10).
    const root: z.ZodType = schema;
    const isSecret = (path: Path) => root === usersSchema || path.includes("users");
    for (const issue of result.error?.issues ?? []) findings.push(...findingsOf(issue, document.written, root, isSecret));
    problems = findings.map((finding) => problemAt(document, finding));
  }
  throw new ConfigError(file, problems.sort(document.order), document);
}

function parsed<T>(document: ConfigDocument, schema: z.ZodType<T>): z.ZodSafeParseResult<T> {
  const result = schema.safeParse(document.data);
  if (result.success) return result;
  const read = result.error.issues.filter(
    (issue) =>
      issue.code === "invalid_type" &&
      document.readAs(
        issue.path.filter((part) => typeof part !== "symbol"),
        issue.expected,
      ),
  );
  return read.length === 0 ? result : schema.safeParse(document.data);
}
