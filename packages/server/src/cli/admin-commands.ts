/** The commands that administer a running server: what each takes. What they do is in files of their own. */
import type { Command } from "commander";
import type { AdminOptions } from "./admin-client.ts";
import { addServiceCommands } from "./service-commands.ts";
import type { ClientOptions } from "./session.ts";

export type Declare = (name: string, description: string, ...examples: string[]) => Command;

/** @returns those that have commands below them */
export function addAdminCommands(program: Command, command: Declare): readonly Command[] {
  const found = (declared: Command) =>
    declared
      .option("-c, --config <FILE>", "the server's configuration, which says where its state directory is")
      .option("--state <DIR>", "the server's state directory; or --url, --realm and credentials (default: .junctor)");
  /** Their own options, those of all commands, and which of these somebody has given. */
  const all = <T extends object>(own: T): T & AdminOptions => {
    const given = new Set(["url", "realm"].filter((name) => program.getOptionValueSource(name) === "cli"));
    return { ...program.opts<ClientOptions>(), ...own, given };
  };

  found(command("status", "say what server runs here, and how it is", "status", "status -c /etc/junctor/config.yaml --json")).action(
    async (own: object) => (await import("./status.ts")).status(all(own)),
  );

  found(
    command(
      "reload",
      "have a running server read its configuration again: all of it or nothing",
      "reload -c config.yaml --dry-run",
      "reload -c config.yaml",
    ),
  )
    .option("--from <FILE>", "another configuration than that of the server's start")
    .option("--dry-run", "say what would be different, and change nothing")
    .action(async (own: object) => (await import("./reload.ts")).reload(all(own)));
  found(
    command("drain", "empty a running server over a while, and end it", "drain -c config.yaml --over 2m", "drain -c config.yaml --wait"),
  )
    .option("--over <DURATION>", "how long its sessions are sent away for (default: 30s)")
    .option("--wait", "wait until it has ended")
    .action(async (own: object) => (await import("./drain.ts")).drain(all(own)));
  found(command("undrain", "take a drain back, until it is over", "undrain -c config.yaml", "undrain --state .junctor --json")).action(
    async (own: object) => (await import("./drain.ts")).undrain(all(own)),
  );

  const sessions = command(
    "sessions",
    "list sessions, show one, end one",
    "sessions ls --order queued --limit 10",
    "sessions kill 3141592653589793 --message 'maintenance'",
  );
  found(sessions.command("ls", { isDefault: true }))
    .description("sessions of all realms, or of some")
    .option("--realm-name <NAME>", "of this realm only")
    .option("--user <AUTHID>", "of this authid only")
    .option("--role <NAME>", "of this role only")
    .option("--order <BY>", "opened, received, bytesIn, bytesOut or queued: the largest first", "opened")
    .option("--limit <N>", "so many at most", "100")
    .action(async (own: Omit<import("./sessions.ts").ListOptions, keyof AdminOptions>) =>
      (await import("./sessions.ts")).listSessions(all(own)),
    );
  found(sessions.command("show"))
    .description("all that is known of one")
    .argument("<session>")
    .action(async (session: string, own: object) => (await import("./sessions.ts")).showSession(session, all(own)));
  found(sessions.command("kill"))
    .description("end one, with GOODBYE")
    .argument("<session>")
    .option("--reason <URI>", "what it is told", "wamp.close.killed")
    .option("--message <TEXT>", "what its user is told")
    .action(async (session: string, own: { reason: string; message?: string }) =>
      (await import("./sessions.ts")).killSession(session, all(own)),
    );

  const services = addServiceCommands(command, found, all);

  const subs = command("subs", "list subscriptions, show one", "subs ls --prefix com.app. --realm-name app", "subs show 12 --json");
  patternList(found(subs.command("ls", { isDefault: true })).description("subscriptions, those with the most subscribers first")).action(
    async (own: Omit<import("./patterns.ts").PatternOptions, keyof AdminOptions>) =>
      (await import("./patterns.ts")).listSubscriptions(all(own)),
  );
  found(subs.command("show"))
    .description("one, and who has it")
    .argument("<subscription>")
    .action(async (id: string, own: object) => (await import("./patterns.ts")).showSubscription(id, all(own)));

  const procs = command(
    "procs",
    "list registered procedures, show one, take one away",
    "procs ls --prefix com.app.",
    "procs unregister 7 --session 3141592653589793",
  );
  patternList(found(procs.command("ls", { isDefault: true })).description("registrations, those with the most callees first")).action(
    async (own: Omit<import("./patterns.ts").PatternOptions, keyof AdminOptions>) =>
      (await import("./patterns.ts")).listProcedures(all(own)),
  );
  found(procs.command("show"))
    .description("one, and who answers it")
    .argument("<registration>")
    .action(async (id: string, own: object) => (await import("./patterns.ts")).showProcedure(id, all(own)));
  found(procs.command("unregister"))
    .description("take it away from its callees")
    .argument("<registration>")
    .option("--session <ID>", "from this one only")
    .option("--reason <URI>", "what they are told")
    .action(async (id: string, own: { session?: string; reason?: string }) => (await import("./patterns.ts")).unregister(id, all(own)));

  const realms = command("realms", "list realms and what goes on in them", "realms", "realms ls --json");
  found(realms.command("ls", { isDefault: true }))
    .description("all of them")
    .action(async (own: object) => (await import("./status.ts")).realms(all(own)));

  found(command("alarms", "say what somebody should look after", "alarms", "alarms --history --json"))
    .option("--history", "also those that are over")
    .action(async (own: { history?: boolean }) => (await import("./alarms.ts")).alarms(all(own)));

  found(
    command(
      "closed",
      "say which sessions have ended lately, and why",
      "closed --reason transport.slow_consumer",
      "closed --user ada --limit 20 --json",
    ),
  )
    .option("--realm-name <NAME>", "of this realm only")
    .option("--user <AUTHID>", "of this authid only")
    .option("--reason <TEXT>", "whose reason begins with this")
    .option("--limit <N>", "so many at most", "50")
    .action(async (own: Omit<import("./closed.ts").ClosedOptions, keyof AdminOptions>) => (await import("./closed.ts")).closed(all(own)));

  found(command("slow", "say for whom most waits, and because of which subscription", "slow", "slow --limit 5 --json"))
    .option("--limit <N>", "so many at most", "20")
    .action(async (own: { limit: string }) => (await import("./closed.ts")).slow(all(own)));

  found(
    command(
      "trace",
      "tell which messages pass, of one URI or one session, until Ctrl-C or the limits",
      "trace com.app.add --count 20",
      "trace com.app. --match prefix --payload --json",
    ),
  )
    .argument("<uri|session>")
    .option("--match <POLICY>", "how the URI matches: exact or prefix", "exact")
    .option("--realm-name <NAME>", "in this realm only")
    .option("--count <N>", "end after so many messages", "100")
    .option("--duration <SECONDS>", "end after so long", "60")
    .option("--payload", "tell arguments, too; for admins")
    .action(async (what: string, own: Omit<import("./trace.ts").TraceOptions, keyof AdminOptions>) =>
      (await import("./trace.ts")).trace(what, all(own)),
    );

  found(command("top", "show what most goes on with, again and again", "top", "top --once --json"))
    .option("--every <SECONDS>", "between two looks", "2")
    .option("--rows <N>", "of each table", "10")
    .option("--once", "look once, and end")
    .action(async (own: Omit<import("./top.ts").TopOptions, keyof AdminOptions>) => (await import("./top.ts")).top(all(own)));

  const log = command("log", "change what is logged, for a while", "log level app debug --for 600", "log level warn");
  found(log.command("level"))
    .description("say which levels hold for a while, or set one")
    .argument("[realm]", "of this realm; all, where it is left out")
    .argument("[level]", "trace, debug, info, warn, error or silent")
    .option("--for <SECONDS>", "for so long", "3600")
    .action(async (realm: string | undefined, level: string | undefined, own: { for: string }) =>
      (await import("./log-level.ts")).logLevel(realm, level, all(own)),
    );

  found(
    command(
      "check",
      "look at one thing, for monitoring: connection, auth, call, cert, alarms or sessions",
      "check call demo.add 2 3 --warn 50 --crit 500",
      "check cert --url wss://example.com/ws --format prom",
    ),
  )
    .argument("<what>")
    .argument("[args...]", "of call: a procedure and its arguments; of cert: a file or a URL")
    .option("--warn <N>", "from where on it is a warning: milliseconds, days or a number")
    .option("--crit <N>", "from where on it is critical")
    .option("--format <NAME>", "nagios, prom or json (default: nagios)")
    .addHelpText("after", "\nIts exit codes are those of monitoring: 0 ok, 1 warning, 2 critical, 3 unknown; 2 also for wrong usage.")
    .action(async (what: string, args: string[], own: { warn?: string; crit?: string; format?: string }) =>
      (await import("./check.ts")).check(what, args, all(own)),
    );

  found(command("doctor", "look at what a server needs here, and say what to mend", "doctor -c config.yaml", "doctor --json")).action(
    async (own: object) => (await import("./doctor.ts")).doctor(all(own)),
  );

  found(
    command("health", "say whether the server that runs here takes sessions", "health", "health -c /etc/junctor/config.yaml --json"),
  ).action(async (own: object) => (await import("./health.ts")).health(all(own)));

  command(
    "bench",
    "measure calls or events through a router, at a rate that waits for nobody",
    "bench call --rate 2000 --duration 5",
    "bench pub --subscribers 10 --json > old.json",
  )
    .argument("<what>", "call or pub")
    .option("--rate <N>", "a second", "1000")
    .option("--duration <SECONDS>", "for so long", "5")
    .option("--size <BYTES>", "of the payload", "16")
    .option("--subscribers <N>", "of pub: sessions that hear each event", "1")
    .option("--compare <FILE>", "a result of --json, to compare with")
    .action(async (what: string, own: Omit<import("./bench.ts").BenchOptions, keyof ClientOptions>) =>
      (await import("./bench.ts")).bench(what, all(own)),
    );

  return [sessions, services, subs, procs, realms, log];
}

function patternList(command: Command): Command {
  return command
    .option("--realm-name <NAME>", "of this realm only")
    .option("--prefix <TEXT>", "with URIs that begin with this")
    .option("--limit <N>", "so many at most", "100");
}
