#!/usr/bin/env node
/** The command line. Each command is loaded when it is used, so that none pays for the others. */
import { Command, CommanderError } from "commander";
import { Exit, ExitWith } from "../user-error.ts";
import { addAdminCommands } from "./admin-commands.ts";
import { addConfigCommands } from "./config-commands.ts";
import type { ClientOptions } from "./session.ts";
import { collect } from "./values.ts";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

/** @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  if (major < 20 || (major === 20 && minor < 19)) {
    process.stderr.write(
      `✗ Node.js ${process.versions.node} is too old for junctor\n  install Node.js 20.19 or newer: https://nodejs.org\n`,
    );
    return Exit.failed;
  }
  process.stdout.on("error", endWithout);
  process.stderr.on("error", () => {}); // nobody is left to be told, and the work goes on
  const program = createProgram();
  try {
    await program.parseAsync(argv[0] === "--version" ? ["version"] : argv, { from: "user" });
    return Exit.ok;
  } catch (error) {
    if (error instanceof ExitWith) return error.exitCode;
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
    return report(error, program.opts<ClientOptions>());
  }
}

function createProgram(): Command {
  const program = new Command("junctor")
    .description("WAMP router, server and command line")
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError("(junctor --help shows the commands)")
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "✗ ")) })
    .option("--url <URL>", "router: ws://, wss://, tcp://, tls:// or unix:", "ws://127.0.0.1:8080/ws")
    .option("--realm <NAME>", "realm to join", "dev")
    .option("--ser <NAME>", "serializer: json, msgpack or cbor", "json")
    .option("--timeout <SECONDS>", "wait so long for answers; 0 waits for ever", "10")
    .option("--json", "print JSON")
    .option("--authid <NAME>", "who to join as")
    .option("--key <FILE>", "join by cryptosign, with the private key in a file")
    .option("--ticket-file <FILE>", "join by ticket; - reads it from standard input")
    .option("--secret-file <FILE>", "join by WAMP-CRA")
    .option("--password-file <FILE>", "join by WAMP-SCRAM");
  const command = (name: string, description: string, ...examples: string[]) =>
    program
      .command(name)
      .description(description)
      .exitOverride()
      .showSuggestionAfterError()
      .showHelpAfterError(`(junctor ${name} --help shows what it takes)`)
      .addHelpText("after", `\nExamples:\n${examples.map((example) => `  $ junctor ${example}`).join("\n")}`);
  const globals = () => program.opts<ClientOptions>();

  command("dev", "start a router to try things out, for this machine only", "dev", "dev --port 8090 --static public")
    .option("--port <N>", "port for WebSocket and the web page; 0 takes any", "8080")
    .option("--raw-port <N>", "port for RawSocket")
    .option("--unix <PATH>", "UNIX socket for RawSocket")
    .option("--static <DIR>", "serve the files of a directory at /")
    .option("--verbose", "log sessions as they come and go")
    .action(async (options: Omit<import("./dev.ts").DevOptions, "realm">) =>
      (await import("./dev.ts")).dev({ ...options, realm: globals().realm }),
    );

  command("start", "start the server as its configuration says", "start -c config.yaml", "start --config /etc/junctor/config.json")
    .option("-c, --config <FILE>", "configuration, YAML or JSON; default: config.yaml here")
    .option("--i-know-this-is-open", "start although everybody may do everything from other machines")
    .action(async (options: import("./start.ts").StartOptions) => (await import("./start.ts")).start(options));

  command("call", "call a procedure and print its result", "call demo.add 2 3", `call com.app.find -k 'name="Ada"' --json`)
    .argument("<procedure>")
    .argument("[args...]", "JSON where it is JSON, text otherwise; behind -- where it starts with -")
    .option("-k, --kwarg <NAME=VALUE>", "keyword argument; may be given several times", collect, [])
    .option("--progress", "print progressive results as they come")
    .action(async (procedure: string, args: string[], options: { kwarg: string[]; progress?: boolean }) =>
      (await import("./call.ts")).call(procedure, args, { ...globals(), ...options }),
    );

  command("pub", "publish an event", "pub com.app.news Hello", `pub com.app.state '{"door": "open"}' -k room=3`)
    .argument("<topic>")
    .argument("[args...]", "JSON where it is JSON, text otherwise; behind -- where it starts with -")
    .option("-k, --kwarg <NAME=VALUE>", "keyword argument; may be given several times", collect, [])
    .action(async (topic: string, args: string[], options: { kwarg: string[] }) =>
      (await import("./pub.ts")).pub(topic, args, { ...globals(), ...options }),
    );

  command("sub", "print events, one a line, until Ctrl-C", "sub demo.clock", "sub com.app. --match prefix --json")
    .argument("<topic>")
    .option("--match <POLICY>", "exact, prefix or wildcard", "exact")
    .option("--count <N>", "end after so many events")
    .action(async (topic: string, options: { match: string; count?: string }) =>
      (await import("./sub.ts")).sub(topic, { ...globals(), ...options }),
    );

  command("register", "answer a procedure until Ctrl-C", "register com.app.echo --echo", "register com.app.date --exec date")
    .argument("<procedure>")
    .option("--echo", "answer with the arguments of the call")
    .option("--reply <JSON>", "answer with a fixed value")
    .option("--exec <CMD>", "answer with what a command prints; it reads the arguments as JSON")
    .option("--invoke <POLICY>", "single, roundrobin, random, first or last", "single")
    .action(async (procedure: string, options: { echo?: boolean; reply?: string; exec?: string; invoke: string }) =>
      (await import("./register.ts")).register(procedure, { ...globals(), ...options }),
    );

  const keys = command("keys", "make keys, and entries for a users file", "keys ed25519 > alice.key", "keys hash --scram < password.txt");
  keys
    .command("ed25519")
    .description("a key for cryptosign: the private one to standard output")
    .action(async () => (await import("./keys.ts")).ed25519(globals()));
  keys
    .command("public")
    .description("the public key of a private one")
    .argument("<file>")
    .action(async (file: string) => (await import("./keys.ts")).publicKey(file));
  keys
    .command("token")
    .description("256 random bits, for a ticket")
    .action(async () => (await import("./keys.ts")).token());
  keys
    .command("hash")
    .description("what a users file stores of a secret, which is the first line of standard input")
    .option("--ticket", "for the method ticket")
    .option("--cra", "for wampcra, salted")
    .option("--scram", "for wamp-scram")
    .option("--argon2id", "with --scram: Argon2id in place of PBKDF2")
    .option("--autobahn", "with --scram: for the method scram of Autobahn's clients, by Argon2id")
    .option("--file <FILE>", "read the secret from a file")
    .action(async (options: import("./keys.ts").HashOptions) => (await import("./keys.ts")).hash(options));
  keys
    .command("tls-self")
    .description("a TLS certificate that vouches for itself, and its key: for tests and machines of one's own")
    .option("--cert <FILE>", "where the certificate is written", "cert.pem")
    .option("--key <FILE>", "where its key is written, for this user only", "key.pem")
    .option("--host <NAME>", "host name or address that it is for; may be given several times", collect, [])
    .option("--days <N>", "how long it is valid", "365")
    .action(async (options: import("./keys.ts").TlsOptions) => (await import("./keys.ts")).tlsSelf(options));

  const auth = command(
    "auth",
    "say what a configuration says of who may come in and do what, and where",
    "auth explain -c config.yaml --realm app --role user call com.app.x",
    `auth explain -c config.yaml --realm app hello '{"authmethods": ["ticket"], "authid": "joe"}'`,
  );
  auth
    .command("explain")
    .description("what becomes of a HELLO, or of an action, and which line of the file decides; --realm is that of the file")
    .argument("<what>", "hello, call, register, publish or subscribe")
    .argument("[about]", "HELLO's details as JSON; or a URI")
    .option("-c, --config <FILE>", "configuration, YAML or JSON")
    .option("--role <NAME>", "whose action it is")
    .option("--match <POLICY>", "of a SUBSCRIBE or REGISTER: exact, prefix or wildcard", "exact")
    .action(async (what: string, about: string | undefined, options: Omit<import("./auth-explain.ts").ExplainOptions, "realm">) =>
      (await import("./auth-explain.ts")).explainAuth(what, about, { ...globals(), ...options }),
    );
  const administration = addAdminCommands(program, command);
  const configuration = addConfigCommands(command, globals);
  for (const subcommand of [keys, auth, ...configuration, ...administration].flatMap(({ commands }) => commands))
    subcommand
      .exitOverride()
      .showSuggestionAfterError()
      .showHelpAfterError(`(junctor ${subcommand.parent?.name()} --help shows what it takes)`);

  command("version", "print the version", "version", "version --json").action(async () => {
    const { VERSION } = await import("../version.ts");
    process.stdout.write(
      globals().json === true
        ? `${JSON.stringify({ junctor: VERSION, node: process.versions.node })}\n`
        : `junctor ${VERSION} (Node.js ${process.versions.node})\n`,
    );
  });
  return program;
}

/** Whoever read the output has seen enough: `junctor sub demo.clock | head -1`. Or there is no room for it. */
function endWithout(error: Error & { code?: string }): void {
  if (error.code === "EPIPE") process.exit(Exit.ok);
  process.stderr.write(`✗ cannot write the output: ${error.code === "ENOSPC" ? "the disk is full" : error.message}\n`);
  process.exit(Exit.failed);
}

/** Cause and remedy of what the user can mend; only a bug of ours shows a stack. */
async function report(error: unknown, options: Partial<ClientOptions>): Promise<number> {
  const { explain } = await import("./explain.ts");
  const { printable, jsonText } = await import("./print.ts");
  const problem = explain(error, options);
  if (problem === undefined) {
    process.stderr.write(`✗ this is a bug in junctor, please report it:\n${error instanceof Error ? error.stack : String(error)}\n`);
    return Exit.failed;
  }
  if (options.json === true) process.stderr.write(`${jsonText({ error: problem.message, remedy: problem.remedy })}\n`);
  else
    process.stderr.write(
      `✗ ${printable(problem.message)}\n${problem.remedy === undefined ? "" : `${printable(problem.remedy).replace(/^/gm, "  ")}\n`}`,
    );
  return problem.exitCode;
}

process.exitCode = await main(process.argv.slice(2));
