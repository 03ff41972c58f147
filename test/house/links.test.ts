// Documentation that points somewhere points to something that is there.
import { existsSync } from "node:fs";
import { join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { files, pages, read, root } from "./files.ts";
import { anchorsOf, linksOf } from "./markdown.ts";

describe.each(pages)("%s", (page) => {
  test("has no broken link to a file or a heading of ours", () => {
    const broken = linksOf(read(page)).filter(({ target }) => {
      if (/^[a-z]+:/.test(target)) return false;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : normalize(join(page, "..", path)).replace(/\/$/, "");
      if (file !== "." && !files.some((each) => each === file || each.startsWith(`${file}/`))) return true;
      if (anchor === undefined) return false;
      return file.endsWith(".ts") ? !/^L\d+$/.test(anchor) : !anchorsOf(read(file)).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  test("names only files that are there", () => {
    const named = [...read(page).matchAll(/`((?:packages|test|docs|scripts|bench|examples|\.ci)\/[\w./-]+\.\w+)`/g)].map(
      ([, file = ""]) => file,
    );
    expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});

test("every page can be reached from the README", () => {
  const reached = new Set<string>();
  const walk = (page: string) => {
    if (reached.has(page) || !page.endsWith(".md") || !files.includes(page)) return;
    reached.add(page);
    for (const { target } of linksOf(read(page)))
      if (!/^[a-z]+:/.test(target)) walk(normalize(join(page, "..", target.split("#")[0] ?? "")));
  };
  walk("README.md");
  expect(pages.filter((page) => !reached.has(page))).toEqual([]);
});
