/** Paths as people write them, `realms.app.auth[0].role` or `realms["com.app"]`, and what stands at them. */
import type { Path } from "./finding.ts";

/** @returns what is wrong, as text, where it is no path */
export function parsePath(text: string): Path | string {
  const path: (string | number)[] = [];
  let rest = text;
  while (rest !== "") {
    const [whole, dotted, index, quoted] = /^(?:\.?([^.[\]"]+)|\[(\d+|\*|)\]|\[("(?:[^"\\]|\\.)*")\])/.exec(rest) ?? [];
    if (whole === undefined)
      return `${JSON.stringify(rest)} is no part of a path; paths look like this: realms.app.auth[0].role, realms["com.app"]`;
    if (dotted !== undefined) path.push(dotted);
    else if (quoted !== undefined) path.push(String(JSON.parse(quoted)));
    else path.push(/^\d+$/.test(index ?? "") ? Number(index) : 0); // [] and [*] are any item
    rest = rest.slice(whole.length);
  }
  return path;
}
