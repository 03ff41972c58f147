/** The commands below `junctor services`: what each takes. */
import type { Command } from "commander";
import type { AdminOptions } from "./admin-client.ts";
import type { Declare } from "./admin-commands.ts";

/**
 * @param found gives a command the options that say which server is meant
 * @param all adds the options of all commands to its own
 */
export function addServiceCommands(
  command: Declare,
  found: (declared: Command) => Command,
  all: <T extends object>(own: T) => T & AdminOptions,
): Command {
  const services = command(
    "services",
    "list the services, start, stop and restart them, show what they print",
    "services ls",
    "services logs accounts -f",
  );
  found(services.command("ls", { isDefault: true }))
    .description("all of them, with their instances")
    .action(async (own: object) => (await import("./services.ts")).listServices(all(own)));
  for (const [action, description] of [
    ["start", "have one run, as if it had never failed"],
    ["stop", "ask one to end"],
    ["restart", "restart one, an instance after the other"],
  ] as const)
    found(services.command(action))
      .description(description)
      .argument("<service>")
      .action(async (service: string, own: object) => (await import("./services.ts")).changeService(action, service, all(own)));
  found(services.command("logs"))
    .description("what one has printed")
    .argument("<service>")
    .option("--lines <N>", "so many of the last lines", "100")
    .option("-f, --follow", "and what it prints from now on, until Ctrl-C")
    .action(async (service: string, own: { lines: string; follow?: boolean }) =>
      (await import("./services.ts")).showOutput(service, all(own)),
    );
  return services;
}
