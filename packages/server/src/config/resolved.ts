/** A configuration as it is meant: with defaults, with where each value comes from, and without the secrets. */
import { Pair, Scalar, YAMLMap, YAMLSeq } from "yaml";
import { isRecord } from "./auth-schema.ts";
import { type ConfigDocument, placeText } from "./document.ts";
import type { Path } from "./finding.ts";
import { isSchema, type JsonSchema, schemasAt, toJson } from "./json-schema.ts";
import { isReference } from "./reference-text.ts";
import { configSchema } from "./schema.ts";

export interface ResolvedValue {
  readonly path: Path;
  readonly value: unknown;
  /** `config.yaml:3:1`, with the reference that stands there, or `default`. */
  readonly from: string;
}

/** What stands in place of a secret. */
export const MASK = "••••";

/** Every value that is no mapping or list, in the order of the schema and the file. @param withDefaults those that nobody wrote, too */
export function resolvedValues(document: ConfigDocument, withDefaults: boolean): ResolvedValue[] {
  const root = toJson(configSchema);
  const found: ResolvedValue[] = [];
  const walk = (path: Path, written: unknown, isDefault: boolean) => {
    const schemas = schemasAt(path, document.written, root);
    const properties = withDefaults ? defaultsOf(schemas, written) : {};
    if (isRecord(written)) {
      const entries = [...Object.entries(written), ...Object.entries(properties)];
      if (entries.length === 0) found.push({ path, value: written, from: origin(document, path, isDefault) });
      for (const [key, inner] of entries)
        walk([...path, Array.isArray(written) ? Number(key) : key], inner, isDefault || !Object.hasOwn(written, key));
    } else found.push({ path, value: isSecret(schemas, written) ? MASK : written, from: origin(document, path, isDefault) });
  };
  walk([], document.written, false);
  return found;
}

/** What a mapping does not say and what then holds. */
function defaultsOf(schemas: readonly JsonSchema[], written: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(written) || Array.isArray(written)) return {};
  const missing: [string, unknown][] = [];
  for (const { properties } of schemas)
    for (const [key, inner] of Object.entries(properties ?? {}))
      if (isSchema(inner) && inner.default !== undefined && !Object.hasOwn(written, key)) missing.push([key, inner.default]);
  return Object.fromEntries(missing);
}

function origin(document: ConfigDocument, path: Path, isDefault: boolean): string {
  return isDefault ? "default" : placeText(document.placeOf(path));
}

/** References are shown as they are written; what a schema says is only ever written, never shown, is not. */
function isSecret(schemas: readonly JsonSchema[], written: unknown): boolean {
  return typeof written === "string" && !isReference(written) && schemas.some(({ writeOnly }) => writeOnly === true);
}

/** As YAML, each value with a comment that says where it comes from. */
export function asYaml(values: readonly ResolvedValue[], withOrigin: boolean): YAMLMap {
  const root = new YAMLMap();
  for (const { path, value, from } of values) {
    const scalar = Array.isArray(value) ? new YAMLSeq() : isRecord(value) ? new YAMLMap() : new Scalar(value);
    if (withOrigin) scalar.comment = ` ${from}`;
    let at: YAMLMap | YAMLSeq = root;
    for (const [i, part] of path.entries()) {
      const isLast = i === path.length - 1;
      const existing: unknown = at.get(part, true);
      const next = isLast
        ? scalar
        : existing instanceof YAMLMap || existing instanceof YAMLSeq
          ? existing
          : typeof path[i + 1] === "number"
            ? new YAMLSeq()
            : new YAMLMap();
      if (next !== existing) {
        if (at instanceof YAMLSeq) at.items.push(next);
        else at.items.push(new Pair(new Scalar(part), next));
      }
      if (next instanceof YAMLMap || next instanceof YAMLSeq) at = next;
    }
  }
  return root;
}

export interface DefaultValue {
  readonly path: string;
  readonly value: unknown;
}

/** All defaults, by paths in which `[]` is any item and `*` any name. */
export function allDefaults(): DefaultValue[] {
  const found: DefaultValue[] = [];
  const walk = (path: string, schema: JsonSchema) => {
    for (const [key, inner] of Object.entries(schema.properties ?? {})) {
      if (!isSchema(inner)) continue;
      const at = path === "" ? key : `${path}.${key}`;
      const isSection = isRecord(inner.default) && Object.keys(inner.default).length === 0 && inner.items === undefined;
      if (inner.default !== undefined && !isSection) found.push({ path: at, value: inner.default });
      within(at, inner);
    }
  };
  const within = (at: string, schema: JsonSchema) => {
    walk(at, schema);
    if (isSchema(schema.items)) within(`${at}[]`, schema.items);
    if (isSchema(schema.additionalProperties)) within(`${at}.*`, schema.additionalProperties);
    for (const form of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) if (isSchema(form)) within(at, form);
  };
  walk("", toJson(configSchema));
  return found.filter(({ path }, i) => found.findIndex((other) => other.path === path) === i);
}
