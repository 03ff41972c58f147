/** The command: runs the suite against a router by URL and prints one row for each requirement. */
import { parseArgs } from "node:util";
import { SERIALIZER_NAMES } from "../story-router.ts";
import { chapters } from "./index.ts";

import { announcedIn, type Configured, Context, check, type Outcome, type Requirement } from "./requirement.ts";
import { urlTarget } from "./target.ts";

const USAGE = `npm run conformance -- --url URL [options]

Asks of a router, requirement by requirement, what WAMP demands of it. Not for a router that others use:
one of the tests ends all sessions of the realm.

  --url URL              ws:, wss:, ws+unix:, tcp:, tls: or unix:, as ws://127.0.0.1:8080/ws
  --realm NAME           default realm1; it must let anonymous clients in and let them do everything
  --serializer NAME      ${SERIALIZER_NAMES.join(", ")}; default json
  --timeout MS           how long to wait for a message, default 2000
  --only ID[,ID…]        requirements whose ids begin so
  --json                 prints one JSON document instead
  --list                 prints the requirements as JSON, and asks nobody

What the router is configured with, beyond what clients can ask for; without it some rows are "not configured":
  --other-realm NAME     a second realm
  --history PREFIX       topics that have a history: PREFIX followed by ps_hist_01 and so on
  --forbidden PREFIX     URIs that the clients may use for nothing
  --trusted PREFIX=LEVEL URIs for which calls and publications have this trust level

The table of docs/reference/features.md is made by: npm run features`;

interface Row extends Pick<Requirement, "id" | "level" | "title">, Outcome {
  readonly chapter: string;
}

class UserError extends Error {}

async function main(): Promise<void> {
  const { values } = parsed();
  if (values.list) {
    console.log(JSON.stringify(chapters));
    return;
  }
  const { url, json, only, ...rest } = options(values);
  const target = urlTarget(url, rest);
  const welcome = await welcomeOf(target, url);
  const announced = announcedIn(welcome);
  const run = `r${Date.now().toString(36)}`;
  const rows: Row[] = [];
  for (const { title: chapter, requirements } of chapters) {
    const chosen = requirements.filter(({ id }) => only.length === 0 || only.some((start) => id.startsWith(start)));
    if (chosen.length > 0 && !json) console.log(`\n${chapter}`);
    for (const requirement of chosen) {
      const { id, level, title } = requirement;
      const row = { chapter, id, level, title, ...(await check(requirement, target, announced, run)) };
      rows.push(row);
      if (!json)
        console.log(
          `  ${id.padEnd(15)} ${row.status.padEnd(14)} ${title}${row.reason === undefined ? "" : `\n${" ".repeat(33)}${row.reason}`}`,
        );
    }
  }
  if (json) console.log(JSON.stringify({ url, agent: welcome["agent"], announced: [...announced].sort(), rows }, null, 1));
  else console.log(`\n${summary(rows)}`);
  process.exitCode = rows.some(({ status }) => status === "fail") ? 1 : 0;
}

function options(values: ReturnType<typeof parsed>["values"]) {
  const { url, realm = "realm1", serializer = "json", timeout = "2000", only = "", json = false } = values;
  if (url === undefined) throw new UserError(USAGE);
  const name = SERIALIZER_NAMES.find((one) => one === serializer);
  if (name === undefined) throw new UserError(`--serializer must be one of ${SERIALIZER_NAMES.join(", ")}, not ${serializer}`);
  const patienceMs = Number(timeout);
  if (!(patienceMs > 0)) throw new UserError(`--timeout must be a number of milliseconds, not ${timeout}`);
  const configured: Configured = {
    ...(values["other-realm"] === undefined ? {} : { otherRealm: values["other-realm"] }),
    ...(values.history === undefined ? {} : { history: values.history }),
    ...(values.forbidden === undefined ? {} : { forbidden: values.forbidden }),
    ...(values.trusted === undefined ? {} : { trusted: trusted(values.trusted) }),
  };
  return { url, realm, serializer: name, patienceMs, configured, json, only: only.split(",").filter((id) => id !== "") };
}

function parsed() {
  try {
    return parseArgs({
      options: {
        url: { type: "string" },
        realm: { type: "string" },
        serializer: { type: "string" },
        timeout: { type: "string" },
        only: { type: "string" },
        json: { type: "boolean" },
        list: { type: "boolean" },
        "other-realm": { type: "string" },
        history: { type: "string" },
        forbidden: { type: "string" },
        trusted: { type: "string" },
      },
    });
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
}

function trusted(text: string): NonNullable<Configured["trusted"]> {
  const [prefix = "", level = ""] = text.split("=");
  if (prefix === "" || !/^\d+$/.test(level)) throw new UserError(`--trusted must be PREFIX=LEVEL, not ${text}`);
  return { prefix, level: Number(level) };
}

async function welcomeOf(target: ReturnType<typeof urlTarget>, url: string) {
  await using context = new Context(target, "conformance");
  try {
    return (await context.join()).welcome;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new UserError(`${url}, realm ${target.realm}: ${error.message}`);
  }
}

function summary(rows: readonly Row[]): string {
  const count = (status: Outcome["status"]) => rows.filter((row) => row.status === status).length;
  const counts = (["pass", "fail", "not announced", "not configured"] as const).map((status) => `${count(status)} ${status}`);
  return `${rows.length} requirements: ${counts.join(", ")}`;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
