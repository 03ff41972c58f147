/** `services`: programs that run beside the router and are started, watched and stopped by it, in the file's words. */
import { availableParallelism } from "node:os";
import { z } from "zod";
import type { Program, Readiness } from "../service/program.ts";
import type { RestartPolicy } from "../service/restart-policy.ts";
import { isRecord } from "./auth-schema.ts";
import { count, duration, procedure, size } from "./scalars.ts";

const RESTART = { when: "always", delay: "500ms", longestDelay: "30s", attempts: 5, window: "1m" } as const;
const when = z.enum(["always", "on-failure", "never"]);

const restartTerms = z
  .strictObject({
    when: when
      .default(RESTART.when)
      .describe("After which ends: any, those with another exit code than 0 or by a signal (on-failure), or none."),
    delay: duration.prefault(RESTART.delay).describe("Before the first restart; doubled for each further one, and a bit of chance in it."),
    longestDelay: duration.prefault(RESTART.longestDelay).describe("What doubling ends at."),
    attempts: z
      .union([count, z.literal("unlimited")])
      .meta({ title: "number or `unlimited`" })
      .default(RESTART.attempts)
      .describe("Restarts within `window` after which it is given up: it has failed, which is an alarm, until somebody starts it."),
    window: duration.prefault(RESTART.window).describe("See `attempts`. Who has run so long begins anew."),
  })
  .transform(
    ({ when, delay, longestDelay, attempts, window }): RestartPolicy => ({
      when,
      delayMs: delay,
      longestDelayMs: longestDelay,
      attempts: attempts === "unlimited" ? Number.POSITIVE_INFINITY : attempts,
      windowMs: window,
    }),
  );
// Of several forms, the one that is a mapping stands first: its mistakes are told as such.
const restart = z.union([restartTerms, when.transform((word): RestartPolicy => ({ ...restartTerms.parse({}), when: word }))]);

const readyWhen = z.enum(["joined", "started"]);
const ready = z.union([
  z
    .strictObject({
      registered: z.array(procedure).min(1).optional().describe("Its session has registered these procedures."),
      line: z.string().min(1).optional().describe("It has printed a line with this text, or one that matches `/a regular expression/`."),
      port: z.int().min(1).max(65535).meta({ title: "number" }).optional().describe("This TCP port of this machine accepts connections."),
    })
    .transform((value, context): Readiness => {
      const { registered, line, port } = value;
      if (Object.values(value).filter((each) => each !== undefined).length !== 1)
        context.addIssue({ code: "custom", message: "ready is one of registered, line and port" });
      if (registered !== undefined) return { kind: "registered", procedures: registered };
      if (port !== undefined) return { kind: "port", port };
      const pattern = linePattern(line ?? "");
      if (pattern === undefined) context.addIssue({ code: "custom", path: ["line"], message: `${line} is no regular expression` });
      return { kind: "line", pattern: pattern ?? "" };
    }),
  readyWhen.transform((kind): Readiness => ({ kind })),
]);

/** What stands between slashes is a regular expression. */
function linePattern(text: string): string | RegExp | undefined {
  const [, source, flags] = /^\/(.+)\/([imsu]*)$/.exec(text) ?? [];
  if (source === undefined) return text;
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
}

const service = z
  .strictObject({
    command: z
      .union([z.array(z.string()).min(1), z.string().min(1)])
      .meta({ title: "list of texts, or text" })
      .optional()
      .describe("Program and arguments as a list; or a text for `/bin/sh`."),
    module: z
      .string()
      .min(1)
      .optional()
      .describe(
        "In place of `command`: a JavaScript module (TypeScript from Node.js 22.18 on), run in a process of its own. Its default export is called with a session that has joined, `async (session, { signal, service }) => …`.",
      ),
    cwd: z.string().min(1).optional().describe("Directory that it is started in. Default: that of the file."),
    env: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
      .meta({ title: "map of texts" })
      .prefault({})
      .describe("Environment variables, besides those that the server was started with and those of its log-in."),
    inheritEnv: z
      .union([z.boolean(), z.array(z.string().min(1))])
      .meta({ title: "true, false or list of texts" })
      .default(true)
      .describe("Whether it gets the environment that the server was started with; or which variables of it."),
    user: z.string().min(1).optional().describe("User that it runs as, by name or number. Only where the server runs as root."),
    group: z.string().min(1).optional().describe("Group that it runs as. Default: that of the user."),
    realm: z.string().min(1).optional().describe("Realm that it may join with the ticket in its environment."),
    role: z.string().min(1).optional().describe("Role that it joins as, whatever the ways into the realm are."),
    after: z
      .array(z.string())
      .prefault([])
      .describe("Services of which an instance has to be ready before it is started; when the server stops, they stop after it."),
    ready: ready
      .optional()
      .describe(
        "When it counts as ready: at once (started), when it has joined with its ticket (joined), or as below. Default: joined where it has a realm, else started.",
      ),
    readyTimeout: duration.prefault("30s").describe("One that is not ready by then is stopped, and has failed."),
    instances: z
      .union([count, z.literal("cores")])
      .meta({ title: "number or `cores`" })
      .default(1)
      .describe("How many processes run of it; `cores`: one for each core. Each one knows its number, from 1, as `JUNCTOR_INSTANCE`."),
    restart: restart
      .prefault(RESTART.when)
      .describe("What happens when it ends without having been asked to: `always`, `on-failure`, `never`, or as below."),
    stopSignal: z
      .enum(["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL"])
      .default("SIGTERM")
      .describe("Signal that asks it, and all that it has started, to end."),
    stopGrace: duration.prefault("10s").describe("How long after that it is ended by SIGKILL."),
    memoryLimit: size.optional().describe("Resident memory of the process and its descendants above which it is restarted. Linux only."),
    watch: z
      .array(z.string().min(1))
      .prefault([])
      .describe(
        "For development: directories, files, and patterns such as `src/**/*.py`; it is restarted when something there changes. Hidden files, node_modules and __pycache__ do not count.",
      ),
    log: z
      .strictObject({
        write: z.boolean().default(true).describe("Whether what it prints goes to the server's log, line by line."),
        keep: count.default(500).describe("How many of its last lines `junctor services logs` can show."),
        rate: size.prefault("1MiB").describe("What it may print in a second. One that prints more waits until its output is taken."),
      })
      .prefault({})
      .describe("What becomes of what it prints."),
    listens: z
      .boolean()
      .default(false)
      .describe(
        "Whether each of its instances serves HTTP on a UNIX socket of its own, for a `proxy` under `web`: its path is in the environment as `JUNCTOR_LISTEN`. It is ready when it accepts connections there.",
      ),
    enabled: z.boolean().default(true).describe("Whether it is started with the server; otherwise by `junctor services start`."),
  })
  .superRefine((value, context) => {
    const issue = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if ((value.command === undefined) === (value.module === undefined))
      context.addIssue({ code: "custom", message: "a service needs either a command or a module" });
    if (value.realm === undefined && value.role !== undefined) issue("role", "a role needs a realm: the one that the service joins");
    if (value.realm !== undefined && value.role === undefined)
      issue("realm", "a service that joins a realm needs a role: one of the realm's");
    if (value.realm !== undefined) return;
    if (value.module !== undefined) issue("module", "a module is handed a session: give realm and role");
    if (value.ready?.kind === "joined" || value.ready?.kind === "registered")
      issue("ready", "a service without realm and role does not join: use started, line or port");
  });

export const servicesSchema = z.record(z.string(), service).superRefine(
  (services, context) => {
    if (!isRecord(services)) return;
    const message = "the name of a service consists of letters, digits, - and _";
    for (const name of Object.keys(services)) if (!/^[\w-]+$/.test(name)) context.addIssue({ code: "custom", path: [name], message });
  },
  { when: () => true },
);

export type ServiceFileConfig = z.output<typeof service>;

/** What holds for a service that says nothing; it runs nothing either. */
export function serviceDefaults(): ServiceFileConfig {
  return service.parse({ command: ["true"] });
}

/** As the manager takes it. @param runner the program that runs modules */
export function programOf(name: string, config: ServiceFileConfig, runner: string): Program {
  const { command, module, realm, role, cwd = process.cwd(), env, inheritEnv: inherits, user, group, stopSignal, log } = config;
  const words =
    module !== undefined ? [process.execPath, runner, module] : typeof command === "string" ? ["/bin/sh", "-c", command] : (command ?? []);
  return {
    name,
    launch: { kind: "process", command: () => words, cwd, inherits, env, user, group, stopSignal },
    login: realm === undefined || role === undefined ? undefined : { realm, role },
    after: config.after,
    ...(config.listens && { listens: true }),
    ready: config.ready ?? { kind: config.listens ? "listens" : realm === undefined ? "started" : "joined" },
    readyTimeoutMs: config.readyTimeout,
    instances: config.instances === "cores" ? availableParallelism() : config.instances,
    restart: config.restart,
    stopGraceMs: config.stopGrace,
    memoryLimit: config.memoryLimit,
    watch: config.watch,
    output: { isLogged: log.write, keep: log.keep, bytesPerSecond: log.rate },
  };
}
