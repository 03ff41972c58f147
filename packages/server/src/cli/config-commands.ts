/** The commands about a configuration: what each takes. What they do is in files of their own. */
import type { Command } from "commander";
import type { ClientOptions } from "./session.ts";

type Declare = (name: string, description: string, ...examples: string[]) => Command;

/** @returns those that have commands below them */
export function addConfigCommands(command: Declare, globals: () => ClientOptions): readonly Command[] {
  const config = command(
    "config",
    "say what is wrong with a configuration, what it means, and what one may say",
    "config check -c config.yaml",
    "config explain limits.helloTimeout",
  );
  const onFile = (name: string, description: string) =>
    config.command(name).description(description).option("-c, --config <FILE>", "configuration, YAML or JSON; default: config.yaml here");
  onFile("check", "all mistakes at once, each with its place, and what is hardly meant")
    .option("--strict", "what is hardly meant is a mistake, too")
    .option("--i-know-this-is-open", "listeners that everybody may do everything at are meant")
    .action(async (options: import("./config.ts").CheckFlags) => (await import("./config.ts")).check({ ...globals(), ...options }));
  onFile("show", "what it says, with the files that it includes, without secrets")
    .option("--resolved", "with all defaults, and where each value comes from")
    .action(async (options: { config?: string; resolved?: boolean }) => (await import("./config.ts")).show({ ...globals(), ...options }));
  onFile("explain", "what a key means, which values it takes, and what the file says there")
    .argument("<path>", "for example limits.helloTimeout or realms.app.auth[0]")
    .action(async (path: string, options: { config?: string }) =>
      (await import("./config.ts")).explain(path, { ...globals(), ...options }),
    );
  config
    .command("defaults")
    .description("all defaults, one a line")
    .argument("[path]", "only those below it")
    .action(async (path: string | undefined) => (await import("./config.ts")).defaults(path, globals()));
  config
    .command("schema")
    .description("the JSON Schema, for editors")
    .action(async () => (await import("./config.ts")).schema());

  command("init", "write a configuration to start from, with keys of its own", "init", "init /etc/junctor")
    .argument("[dir]", "where to; default: here")
    .action(async (directory: string | undefined) => (await import("./init.ts")).init(directory, globals()));
  const imports = command(
    "import",
    "make a configuration from one of another router",
    "import crossbar .crossbar/config.json -o config.yaml",
    "import crossbar config.json",
  );
  imports
    .command("crossbar")
    .description("from a Crossbar.io node's; tells what has no equivalent")
    .argument("<file>", "its config.json or config.yaml")
    .option("-o, --output <FILE>", "where to write it, not over what is there; default: standard output")
    .action(async (file: string, options: { output?: string }) =>
      (await import("./import.ts")).importCrossbar(file, { ...globals(), ...options }),
    );
  return [config, imports];
}
