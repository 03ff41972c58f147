// The reference pages name exactly what the code names: nothing is missing, nothing is left over.
import { AdminError, EVENTS, PROCEDURES } from "@junctor/admin-api";
import * as client from "@junctor/client";
import { CloseReason, Uri } from "@junctor/protocol";
import { DEFAULT_LIMITS, RouterError } from "@junctor/router";
import { DEFAULT_CONNECTION_LIMITS, RefusalReason } from "@junctor/transport-node";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { CommandError } from "../../packages/server/src/cli/register.ts";
import { configReference } from "../../packages/server/src/config/reference.ts";
import { LIMITS } from "../../packages/server/src/config/schema.ts";
import { LISTENER_REMOVED } from "../../packages/server/src/listeners.ts";
import { type LogEvent, type Logger, logEvent } from "../../packages/server/src/log.ts";
import { Exit } from "../../packages/server/src/user-error.ts";
import { files, read } from "./files.ts";
import { rowsOf } from "./markdown.ts";

const errors = read("docs/reference/errors.md");

/** What the first cells of the tables under a heading name. */
function named(page: string, heading: string): string[] {
  const [, section = ""] = new RegExp(`^## ${heading}\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, "m").exec(page) ?? [];
  return rowsOf(section).map(([first = ""]) => first.replaceAll("`", ""));
}

describe("docs/reference/errors.md", () => {
  const isClose = (uri: string) => uri.startsWith("wamp.close.");

  test("names every error URI", () => {
    const catalogue = [
      Object.values(Uri).filter((uri) => !isClose(uri)),
      Object.values(RouterError),
      client.HANDLER_FAILED,
      CommandError.failed,
      Object.values(AdminError),
    ];
    expect(named(errors, "Error URIs").sort()).toEqual(catalogue.flat().sort());
  });

  test("names every code of a protocol error", () => {
    expect(named(errors, "Protocol errors").sort()).toEqual(membersOf("packages/protocol/src/error.ts", "ProtocolErrorCode").sort());
  });

  test("names every reason for which a session or connection ends", () => {
    const catalogue = [...Object.values(Uri).filter(isClose), LISTENER_REMOVED, ...Object.values(CloseReason)];
    expect(named(errors, "Why a session or connection ended").sort()).toEqual(catalogue.sort());
  });

  test("names every reason for which a connection is refused", () => {
    expect(named(errors, "Why a connection was refused").sort()).toEqual(Object.values(RefusalReason).sort());
  });

  test("names every error that a client's promise is rejected with", () => {
    const exported = Object.keys(client).filter((name) => /^[A-Z].*Error$/.test(name));
    expect(named(errors, "What a promise is rejected with").sort()).toEqual(exported.sort());
  });

  test("names every exit code", () => {
    expect(named(errors, "Exit codes").map(Number)).toEqual(Object.values(Exit));
  });

  test("no URI of an error stands in the sources that no catalogue has", () => {
    const known = new Set<string>([
      ...Object.values(Uri),
      ...Object.values(RouterError),
      client.HANDLER_FAILED,
      CommandError.failed,
      ...Object.values(AdminError),
      LISTENER_REMOVED,
    ]);
    const unknown = files
      .filter((file) => /^packages\/(?!testkit).*\/src\/.*\.ts$/.test(file) && !file.endsWith(".test.ts"))
      .flatMap((file) => [...read(file).matchAll(/"((?:wamp|junctor)\.(?:error|close)\.[\w.]+)"/g)].map(([, uri = ""]) => uri))
      .filter((uri) => !known.has(uri) && uri !== "wamp.error.cancelled"); // [AMB-41] another spelling that peers use
    expect(unknown).toEqual([]);
  });
});

describe("docs/reference/log-events.md", () => {
  const documented = rowsOf(read("docs/reference/log-events.md")).map(([event = "", level = "", fields = ""]) => ({
    event: event.replaceAll("`", ""),
    level: level.split(",")[0] ?? "",
    fields: [...fields.matchAll(/`(\w+)`/g)].map(([, field = ""]) => field),
  }));
  const declared = [
    ...eventsOf("packages/router/src/log.ts", "RouterEvent"),
    ...eventsOf("packages/transport-node/src/listen-options.ts", "TransportEvent"),
    ...eventsOf("packages/server/src/log.ts", "ServerEvent"),
  ];

  test("names every event with all its fields", () => {
    const byName = (a: { event: string }, b: { event: string }) => a.event.localeCompare(b.event);
    expect(documented.map(({ event, fields }) => ({ event, fields })).sort(byName)).toEqual(declared.sort(byName));
  });

  test("names the level at which each event is logged", () => {
    for (const { event, level } of documented) {
      const logged: string[] = [];
      const logger = new Proxy({}, { get: (_, name) => () => logged.push(String(name)) });
      logEvent(logger as Logger, { event } as LogEvent);
      expect({ event, logged }).toEqual({ event, logged: [level] });
    }
  });
});

test("docs/reference/admin-api.md names every procedure and event of the administration, and who may use it", () => {
  const page = read("docs/reference/admin-api.md");
  const rows = (heading: string) => {
    const [, section = ""] = new RegExp(`^## ${heading}\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, "m").exec(page) ?? [];
    return Object.fromEntries(rowsOf(section).map(([uri = "", role = ""]) => [uri.replaceAll("`", ""), role]));
  };
  expect(rows("Procedures")).toEqual(PROCEDURES);
  expect(rows("Events")).toEqual(EVENTS);
});

test("docs/reference/config.md is what `npm run docs` makes of the schema", () => {
  expect(read("docs/reference/config.md")).toBe(configReference());
});

test("every limit of the router and of connections can be configured", () => {
  const configurable = new Set<string>(Object.values(LIMITS).map(([where, , key]) => `${where} ${key}`));
  const limits = [
    ...Object.keys(DEFAULT_LIMITS).map((key) => `router ${key}`),
    ...Object.keys(DEFAULT_CONNECTION_LIMITS).map((key) => `connection ${key}`),
  ];
  expect(limits.filter((limit) => !configurable.has(limit))).toEqual(["connection limitLoopback", "connection slowConsumer"]); // a policy; it has a key of its own
});

/** The members of a union of objects with an `event` that is a string literal, and what else they have. */
function eventsOf(file: string, name: string): { event: string; fields: string[] }[] {
  return unionOf(file, name).map((type) => {
    if (!ts.isTypeLiteralNode(type)) throw new Error(`${name} in ${file}: a member is no object`);
    let event = "?";
    const fields: string[] = [];
    for (const member of type.members) {
      if (!ts.isPropertySignature(member) || !ts.isIdentifier(member.name)) throw new Error(`${name} in ${file}: a member is no property`);
      const { text } = member.name;
      if (text !== "event") fields.push(text);
      else if (member.type && ts.isLiteralTypeNode(member.type) && ts.isStringLiteral(member.type.literal))
        event = member.type.literal.text;
    }
    return { event, fields };
  });
}

/** The members of a union of string literals. */
function membersOf(file: string, name: string): string[] {
  return unionOf(file, name).map((type) => (ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal) ? type.literal.text : "?"));
}

function unionOf(file: string, name: string): readonly ts.TypeNode[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest);
  const found = source.statements.find((node) => ts.isTypeAliasDeclaration(node) && node.name.text === name);
  if (found === undefined || !ts.isTypeAliasDeclaration(found) || !ts.isUnionTypeNode(found.type))
    throw new Error(`${file} has no union ${name}`);
  return found.type.types;
}
