// Removes from the packages' dist what was built of sources that are gone: the compiler leaves it, and npm would pack it.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const packages = fileURLToPath(new URL("../packages", import.meta.url));
for (const name of readdirSync(packages)) {
  const dist = join(packages, name, "dist");
  if (!existsSync(dist)) continue;
  for (const file of readdirSync(dist, { recursive: true })) {
    const [, module] = /^(?!browser[/\\])(.+?)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(file) ?? [];
    if (module !== undefined && !existsSync(join(packages, name, "src", `${module}.ts`))) rmSync(join(dist, file));
  }
}
