/**
 * The schema of the configuration as JSON Schema, for editors, and what it says of single paths. The build writes it to
 * config.schema.json, which the package brings along.
 */
import { z } from "zod";
import { valueAt } from "./document.ts";
import type { Path } from "./finding.ts";
import { configSchema } from "./schema.ts";

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** With defaulted keys as what they are to whoever writes the file: optional. */
export function toJson(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: "input" });
}

/** What config.schema.json holds. */
export function publishedSchema(): string {
  const { $schema, $defs, ...schema } = z.toJSONSchema(configSchema, { io: "input", reused: "ref" });
  const published = {
    $schema,
    title: "Configuration of junctor",
    ...withReferences(schema),
    $defs: { ...mapped($defs ?? {}), reference: REFERENCE },
  };
  return `${JSON.stringify(published, undefined, 2)}\n`;
}

const REFERENCE = {
  type: "string",
  pattern: "\\$\\{(env|file):[^}]+\\}",
  description: "What a variable of the environment, or a file, holds: ${env:NAME}, ${file:PATH}",
};

const UNITS: Readonly<Record<string, string>> = {
  duration: "^\\d+(\\.\\d+)? ?(ms|s|m|h|d)$",
  size: "^\\d+(\\.\\d+)? ?(B|kB|KiB|MB|MiB|GB|GiB)$",
};

/** A number, truth value or word of a list may also be written as a reference, which to JSON Schema is a text. Titles are ours. */
function withReferences(schema: JsonSchema): JsonSchema {
  const { title, description, default: standard, ...type } = schema;
  const unit = UNITS[title ?? ""];
  const isLeaf =
    unit !== undefined ||
    (schema.const === undefined &&
      (LEAVES.has(schema.type) || schema.enum !== undefined || (schema.type === "string" && schema.pattern !== undefined)));
  if (isLeaf) {
    const own: JsonSchema = unit === undefined ? type : { type: "string", pattern: unit };
    return {
      ...(description !== undefined && { description }),
      ...(standard !== undefined && { default: standard }),
      anyOf: [own, { $ref: "#/$defs/reference" }],
    };
  }
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]) => {
      if (key === "title") return [];
      if (key === "properties" && isSchema(value)) return [[key, mapped(value as Readonly<Record<string, unknown>>)]];
      if (SUBSCHEMAS.has(key) && Array.isArray(value))
        return [[key, value.map((inner: unknown) => (isSchema(inner) ? withReferences(inner) : inner))]];
      return [[key, SUBSCHEMAS.has(key) && isSchema(value) ? withReferences(value) : value]];
    }),
  );
}

function mapped(schemas: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schemas).map(([name, inner]) => [name, isSchema(inner) ? withReferences(inner) : inner]));
}

const SUBSCHEMAS: ReadonlySet<string> = new Set(["items", "additionalProperties", "anyOf", "oneOf", "allOf"]);
const LEAVES: ReadonlySet<unknown> = new Set(["number", "integer", "boolean"]);

/** All that may stand at a path: several forms where the schema leaves a choice. What stands above it in `data` narrows that. */
export function schemasAt(path: Path, data: unknown, root: JsonSchema = toJson(configSchema)): JsonSchema[] {
  let schemas = formsOf(root);
  let value = data;
  for (const part of path) {
    schemas = fitting(schemas, value).flatMap((schema) => {
      const inner = typeof part === "number" ? schema.items : (schema.properties?.[part] ?? schema.additionalProperties);
      return isSchema(inner) ? formsOf(inner) : [];
    });
    value = valueAt(value, [part]);
  }
  return fitting(schemas, value);
}

/** A schema with what it says of all its forms written at each. */
function formsOf(schema: JsonSchema): JsonSchema[] {
  const forms = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].filter(isSchema);
  if (forms.length === 0) return [schema];
  const { anyOf: _any, oneOf: _one, ...about } = schema;
  return forms.flatMap((form) => formsOf({ ...about, ...form }));
}

/** Those whose constants (`method: ticket`) and kind are what stands there. */
function fitting(schemas: readonly JsonSchema[], value: unknown): JsonSchema[] {
  const found = schemas.filter((schema) => {
    if (value === undefined) return true;
    if (schema.type === "object") {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
      return Object.entries(schema.properties ?? {}).every(([key, inner]) => {
        const there = Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
        return !isSchema(inner) || inner.const === undefined || there === undefined || there === inner.const;
      });
    }
    return schema.type !== "array" || Array.isArray(value);
  });
  return found.length === 0 ? [...schemas] : found;
}

export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
