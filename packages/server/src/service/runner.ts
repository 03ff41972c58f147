/**
 * The program that a service with a `module` runs as: it joins with the ticket in its environment, and hands the session to the
 * module's default export.
 */
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { ticket } from "@junctor/client/auth/ticket";
import { live } from "./component.ts";
import type { Component } from "./program.ts";

const stopping = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopping.abort());

try {
  const [file = ""] = process.argv.slice(2);
  const component = await load(file);
  const { JUNCTOR_URL: url = "", JUNCTOR_REALM: realm = "", JUNCTOR_SERVICE: name = "", JUNCTOR_INSTANCE: instance } = process.env;
  const login = { authid: process.env["JUNCTOR_AUTHID"] ?? "", ticket: process.env["JUNCTOR_TICKET"] ?? "" };
  delete process.env["JUNCTOR_TICKET"]; // what the module starts is not to join as it
  await live(
    component,
    { url, realm, auth: [ticket(login)], agent: `Junctor service ${name}` },
    { signal: stopping.signal, service: { name, instance: Number(instance) } },
  );
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}

async function load(file: string): Promise<Component> {
  const { default: component }: { default?: unknown } = await import(isAbsolute(file) ? pathToFileURL(file).href : file);
  if (typeof component === "function") return (session, context) => component(session, context);
  process.stderr.write(`${file} has no function as its default export: export default async (session, { signal, service }) => { … }\n`);
  process.exit(1);
}
