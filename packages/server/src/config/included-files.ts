/** The files that an entry of `include` names: one, or all that fit a pattern with `*` and `?`, in the order of their names. */
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** @returns none where a pattern fits no file; a name without pattern is returned whether there is such a file or not */
export function filesNamed(entry: string, directory: string): string[] {
  if (!isPattern(entry)) return [resolve(directory, entry)];
  let found = [entry.startsWith("/") ? "/" : resolve(directory)];
  for (const component of entry.split("/")) {
    if (component === "" || component === ".") continue;
    found = found.flatMap((place) => (isPattern(component) ? entriesOf(place, component) : [join(place, component)]));
  }
  return found;
}

function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

/** Files whose names start with a dot are meant only where the pattern does. */
function entriesOf(directory: string, pattern: string): string[] {
  const expression = new RegExp(
    `^${pattern
      .replace(/[\\^$+.()|[\]{}]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`, // linear: names are short
  );
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return []; // nothing fits there
  }
  return names
    .filter((name) => expression.test(name) && (pattern.startsWith(".") || !name.startsWith(".")))
    .sort()
    .map((name) => join(directory, name));
}
