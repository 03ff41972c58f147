/** Guests, containers and components in the router's process: services here. */
import { withEnvironment } from "./environment-text.ts";
import type { Item } from "./source.ts";

export type Service = Record<string, unknown>;

/** A program that is started as it is; how it joins is its own matter. @param folder where the configuration was, seen from the new one */
export function guestOf(item: Item, folder: string): Service | undefined {
  const executable = item.text("executable");
  const args = item.texts("arguments").map(withEnvironment);
  if (executable === undefined) return undefined;
  const options = item.item("options");
  const workdir = options?.text("workdir");
  const watched = options?.item("watch");
  const [out, err] = [options?.take("stdout"), options?.take("stderr")];
  options?.lose("a service has nothing on its standard input", "stdin");
  watched?.ignore("a service that is watched is restarted", "action", "timeout");
  const directories = watched?.texts("directories") ?? [];
  return {
    command: [withEnvironment(executable), ...args],
    cwd: workdir === undefined ? folder : join(folder, workdir),
    ...environmentOf(options),
    ...(directories.length > 0 && { watch: directories.map((each) => join(folder, each)) }),
    ...((out === "drop" || out === "close") && (err === "drop" || err === "close") && { log: { write: false } }),
  };
}

/** The program beside the configuration that runs a class. */
export const RUNNER = "crossbar_component.py";

/** A component class: a Python program runs it. @param login what it joins with; `undefined`: it logs in by itself */
export function classOf(
  item: Item,
  worker: Item | undefined,
  login: { readonly realm: string; readonly role: string } | undefined,
  folder: string,
): Service | undefined {
  const name = item.text("classname");
  if (name === undefined) return undefined;
  const extra = item.take("extra");
  item.ignore("it joins by what its environment holds", "transport", "realm", "role", "auth");
  item.item("transport")?.dismiss();
  item.item("auth")?.dismiss();
  item.lose("components do not see each other here", "references");
  return {
    command: ["python3", RUNNER, name, ...(extra === undefined || extra === null ? [] : [JSON.stringify(extra)])],
    ...environmentOf(worker, folder),
    ...login,
  };
}

function environmentOf(options: Item | undefined, folder = ""): Service {
  if (options === undefined) return {};
  const env = options.item("env");
  const vars = env?.item("vars");
  const inherit = env?.take("inherit");
  const paths = options.texts("pythonpath");
  const variables = {
    ...(paths.length > 0 && { PYTHONPATH: paths.map((each) => join(folder, each)).join(":") }),
    ...Object.fromEntries((vars?.keys() ?? []).map((key) => [key, withEnvironment(String(vars?.take(key)))])),
  };
  return {
    ...(Object.keys(variables).length > 0 && { env: variables }),
    ...((inherit === false || Array.isArray(inherit)) && { inheritEnv: inherit }),
  };
}

/** Texts, since neither is a path of this machine's that has to be there. */
function join(folder: string, path: string): string {
  if (path.startsWith("/") || path.startsWith("$") || folder === "." || folder === "") return path;
  return `${folder}/${path.replace(/^\.\//, "")}`;
}
