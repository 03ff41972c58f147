/** As much of Markdown as the tests of the documentation need: fenced blocks, links, and the anchors of headings. */

export interface Block {
  /** First word after the fence; empty where there is none. */
  readonly language: string;
  /** The other words. */
  readonly flags: readonly string[];
  readonly code: string;
  /** Of the first line of code, from 1. */
  readonly line: number;
}

export function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; info: string[]; line: number; code: string[] } | undefined;
  for (const [i, line] of text.split("\n").entries()) {
    const [, fence, info = ""] = /^\s*(`{3,})(.*)$/.exec(line) ?? [];
    if (open === undefined) {
      if (fence !== undefined) open = { fence, info: info.trim().split(/\s+/), line: i + 2, code: [] };
    } else if (fence === open.fence) {
      const [language = "", ...flags] = open.info;
      blocks.push({ language, flags, code: open.code.join("\n"), line: open.line });
      open = undefined;
    } else open.code.push(line);
  }
  if (open !== undefined) throw new Error(`the block that opens at line ${open.line - 1} has no end`);
  return blocks;
}

/** Targets of links and images outside of code, with their lines. */
export function linksOf(text: string): { target: string; line: number }[] {
  return withoutCode(text)
    .split("\n")
    .flatMap((line, i) => [...line.matchAll(/\]\(\s*<?([^)\s>]+)/g)].map(([, target = ""]) => ({ target, line: i + 1 })));
}

/** What `#…` may point to in a page, as GitHub makes it from the headings. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of withoutCode(text, false).matchAll(/^#{1,6}\s+(.*)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-");
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Rows of all tables as their cells, without heads and rules. */
export function rowsOf(text: string): string[][] {
  const lines = text.split("\n");
  return lines.flatMap((line, i) => {
    if (!line.startsWith("|") || /^\|[\s:|-]+\|$/.test(line) || /^\|[\s:|-]+\|$/.test(lines[i + 1] ?? "")) return [];
    return [
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    ];
  });
}

function withoutCode(text: string, withoutSpans = true): string {
  let isCode = false;
  const lines = text.split("\n").map((line) => {
    if (/^\s*`{3,}/.test(line)) {
      isCode = !isCode;
      return "";
    }
    return isCode ? "" : line;
  });
  return withoutSpans ? lines.join("\n").replace(/`[^`\n]*`/g, "") : lines.join("\n");
}
