// What every source file keeps to (CONTRIBUTING.md), as far as neither compiler nor linter says it.
import ts from "typescript";
import { expect, test } from "vitest";
import { files, read } from "./files.ts";

const sources = files.filter((file) => /\.(ts|mjs|js)$/.test(file));
const typed = sources.filter((file) => file.endsWith(".ts"));

/** Lines. Longer ones may have a reason; it stands here. */
const LONG = 600;
const MAY_BE_LONG: Readonly<Record<string, string>> = {
  "packages/transport-node/src/connection.test.ts": "all of it is about one connection whose peer reads by a valve, which it shares",
};

test("no TODO without its issue", () => {
  expect(linesWith(sources, /\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))/)).toEqual([]);
});

test("no any, and no comment that silences the compiler", () => {
  const wrong = typed.flatMap((file) => {
    const found: string[] = [];
    const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest);
    const visit = (node: ts.Node): void => {
      if (node.kind === ts.SyntaxKind.AnyKeyword)
        found.push(`${file}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`);
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
  expect(wrong).toEqual([]);
  expect(linesWith(sources, /@ts-(ignore|nocheck|expect-error(?!\s+\w))/)).toEqual([]);
});

test("every escape from the linter says why", () => {
  expect(linesWith(sources, /biome-ignore(?!.*: \S+ \S+)/)).toEqual([]);
});

test("a file is about one thing: its name is a noun of the field, its first lines say what it is", () => {
  expect(sources.filter((file) => /(^|[/-])(utils?|helpers?|common|misc|shared)([./-]|$)/.test(file))).toEqual([]);
  const silent = files
    .filter((file) => /^(packages\/[^/]+\/src|scripts|bench)\/.*\.(ts|mjs)$/.test(file) && !file.endsWith(".test.ts"))
    .filter((file) => !/^(#!.*\n)?(\/\/|\/\*)/.test(read(file)));
  expect(silent).toEqual([]);
});

test("a file that is longer than most has a reason", () => {
  const long = sources.filter((file) => file.startsWith("packages/") && read(file).split("\n").length > LONG);
  expect(long.filter((file) => MAY_BE_LONG[file] === undefined)).toEqual([]);
  expect(Object.keys(MAY_BE_LONG).filter((file) => !long.includes(file))).toEqual([]);
});

test("every source file is checked by a compiler: it is in a package, or in tsconfig.test.json", () => {
  const roots = /^(packages\/[^/]+\/src|test)\/|^vitest\.config\.ts$/;
  expect(typed.filter((file) => !roots.test(file))).toEqual([]);
});

function linesWith(where: readonly string[], pattern: RegExp): string[] {
  return where
    .filter((file) => !file.startsWith("test/house/"))
    .flatMap((file) =>
      read(file)
        .split("\n")
        .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
    );
}
