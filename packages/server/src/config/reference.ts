/**
 * docs/reference/config.md, from the schema: every key with its type, default and meaning. What the schema calls a title is
 * how a type is called here. `npm run docs` writes the page.
 */
import { usersSchema } from "../auth/users.ts";
import { isSchema, type JsonSchema as Schema, toJson } from "./json-schema.ts";
import { configSchema } from "./schema.ts";

/** @throws {TypeError} a key of the schema has no description */
export function configReference(): string {
  const lines = [HEAD];
  section(lines, 2, "Top level", toJson(configSchema));
  lines.push(USERS);
  section(lines, 2, "users.*", entries(toJson(usersSchema)));
  return `${lines.join("\n").trimEnd()}\n`;
}

/** A heading, a table of the keys, and then the sections of those that have keys themselves. */
function section(lines: string[], depth: number, path: string, schema: Schema): void {
  lines.push(`${"#".repeat(depth)} ${path === "Top level" ? path : `\`${path}\``}`, "");
  if (path !== "Top level" && schema.description !== undefined) lines.push(schema.description, "");
  lines.push("| Key | Type | Default | Meaning |", "| --- | --- | --- | --- |");
  const inner: [string, Schema][] = [];
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    if (typeof value === "boolean") continue;
    if (value.description === undefined) throw new TypeError(`the schema describes ${path} ${key} with no word`);
    const isRequired = schema.required?.includes(key) === true;
    lines.push(`| \`${key}\` | ${typeOf(value)} | ${isRequired ? "required" : defaultOf(value)} | ${cell(value.description ?? "")} |`);
    const below = path === "Top level" ? key : `${path}.${key}`;
    inner.push(...(schemasWithin(below, value) as [string, Schema][]));
  }
  lines.push("");
  for (const [name, value] of inner) section(lines, Math.min(4, depth + 1), name, value);
}

/** The objects that are written under a key: itself, the items of a list, the entries of a record, or some of several forms. */
function schemasWithin(path: string, schema: Schema): readonly (readonly [string, Schema])[] {
  if (schema.title !== undefined) return [];
  if (schema.properties !== undefined) return [[path, schema]];
  if (isSchema(schema.items)) return schemasWithin(`${path}[]`, schema.items);
  if (schema.additionalProperties !== undefined && isSchema(schema.additionalProperties))
    return schemasWithin(`${path}.*`, entries(schema));
  if (schema.oneOf !== undefined) return [[path, merged(schema.oneOf.filter(isSchema))]];
  return (schema.anyOf ?? []).filter(isSchema).flatMap((form) => schemasWithin(path, form));
}

/** Several forms that a `method` tells apart, as one: what only some of them have says so. */
function merged(forms: readonly Schema[]): Schema {
  const methodOf = ({ properties }: Schema) => {
    const method = properties?.["method"];
    return isSchema(method) ? `\`${String(method.const)}\`` : "?";
  };
  const properties: Record<string, Schema> = {
    method: { title: forms.map(methodOf).join(", "), description: forms.map((form) => `${methodOf(form)}: ${form.description}`).join(" ") },
  };
  for (const form of forms) {
    for (const [key, value] of Object.entries(form.properties ?? {})) {
      if (key === "method" || !isSchema(value)) continue;
      const having = forms.filter((each) => each.properties?.[key] !== undefined);
      const isRequired = having.every(({ required }) => required?.includes(key));
      const where = having.length < forms.length - 1 ? `For ${having.map(methodOf).join(", ")}${isRequired ? ", required" : ""}. ` : "";
      properties[key] = { ...value, description: `${where}${value.description}` };
    }
  }
  return { properties, required: ["method"] };
}

/** How a type is called here. */
export function typeOf(schema: Schema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.properties !== undefined) return "map";
  if (isSchema(schema.items)) return `list of ${plural(typeOf(schema.items))}`;
  const forms = (schema.oneOf ?? schema.anyOf ?? []).filter(isSchema);
  if (forms.length > 0) return [...new Set(forms.map(typeOf))].join(" or ");
  if (schema.type === "object") return isSchema(schema.additionalProperties) ? `map of ${plural(typeOf(entries(schema)))}` : "map";
  const names: Record<string, string> = { string: "text", boolean: "true or false", integer: "number", number: "number" };
  return names[String(schema.type)] ?? "anything";
}

function plural(type: string): string {
  return type.startsWith("`") ? type : type.replace(/^(map|list|number|duration|size|URI pattern)\b/, "$1s").replace(/^text$/, "texts");
}

function defaultOf({ default: value }: Schema): string {
  if (value === undefined) return "";
  return typeof value === "object" && Object.keys(value as object).length === 0 ? "empty" : `\`${String(value)}\``;
}

/** What the entries of a record are. */
function entries(schema: Schema): Schema {
  return isSchema(schema.additionalProperties) ? schema.additionalProperties : {};
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

const HEAD = `# Configuration

<!-- Generated from packages/server/src/config/schema.ts by \`npm run docs\`; a test fails where the two differ. -->

\`junctor start -c FILE\` reads one file, YAML or JSON. Unknown keys are errors. All errors of a file are told at once, each with
file, line and column, what is there, and what was expected; a file with errors takes no effect. Paths in a file are relative to
the directory that the file lies in.

\`\`\`yaml
version: 1
listen:
  - { type: web, port: 8080 }
realms:
  app:
    auth: [{ method: anonymous, role: visitor }]
    roles:
      visitor: { allow: { call: ["com.app.api.*"], subscribe: ["com.app.news"] } }
limits: { queueHard: 4MiB, slowConsumer: drop_oldest }
\`\`\`

- A **duration** is a number with its unit: \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`.
- A **size** is a number with its unit: \`B\`, \`kB\`, \`KiB\`, \`MB\`, \`MiB\`, \`GB\` or \`GiB\`.
- A **URI pattern** is a URI (\`com.app.add\`), one that ends in \`.*\` and stands for all that begin so (\`com.app.*\`), \`*\` alone for
  all, or one with \`*\` in place of a component (\`com.*.state\`, or \`com..state\`). \`{authid}\`, \`{authrole}\` and \`{session}\` stand
  for those of the session that asks.
- **Secrets** do not stand in the file: in any text, \`\${env:NAME}\` stands for a variable of the environment, and \`\${file:PATH}\` for
  the contents of a file, without the line break at their end. A number or truth value may be written so, too: \`port: \${env:PORT}\`.
  What they stand for is never shown. \`$\${env:NAME}\` is that text itself.
- **Included files** (\`include\`) are files of the same form: \`realms/app.yaml\` with a section \`realms\`, for example. \`*\` and \`?\` stand for
  any part of a file's name; where no file fits, none is read.
- In paths, \`[]\` is each item of a list and \`*\` each entry of a map whose keys are names of your own.
`;

const USERS = `## Users

\`users\` is a map, or the name of a file that holds one, from authids to what these users join with.
`;
