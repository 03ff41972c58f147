/** The client's half of the command line: joining as the global options say, and what went wrong as exit codes. */
import {
  ApplicationError,
  type AuthMethod,
  connect,
  JoinError,
  type Session,
  SessionClosedError,
  TimeoutError,
  TransportError,
  Uri,
} from "@junctor/client";
import { DialError, ListenError, nodeSerializers } from "@junctor/transport-node";
import { readPrivateKey, readSecret } from "../auth/key-file.ts";
import { Exit, UserError } from "../user-error.ts";
import { printable } from "./print.ts";

export interface ClientOptions {
  readonly url: string;
  readonly realm: string;
  readonly ser: string;
  readonly json?: boolean;
  readonly timeout?: string;
  readonly authid?: string;
  readonly key?: string;
  readonly ticketFile?: string;
  readonly secretFile?: string;
  readonly passwordFile?: string;
}

export async function join(options: ClientOptions): Promise<Session> {
  const serializer = nodeSerializers.find(({ name }) => name === options.ser);
  if (serializer === undefined) {
    throw new UserError(`there is no serializer ${options.ser}`, {
      remedy: `choose one of ${nodeSerializers.map(({ name }) => name).join(", ")}`,
      exitCode: Exit.usage,
    });
  }
  return connect({
    url: options.url,
    realm: options.realm,
    serializers: [serializer],
    agent: "junctor CLI",
    timeout: timeoutOf(options),
    ...(await authOf(options)),
  });
}

/** Secrets come from files, never from the command line, where everybody on the machine could read them. */
async function authOf({ authid, key, ticketFile, secretFile, passwordFile }: ClientOptions): Promise<{ auth?: AuthMethod[] }> {
  const secretOf = (file: string) => readSecret(file === "-" ? undefined : file);
  const named = (option: string): string => {
    if (authid === undefined) throw new UserError(`${option} needs a name`, { remedy: "give it with --authid NAME", exitCode: Exit.usage });
    return authid;
  };
  const auth: AuthMethod[] = [];
  if (key !== undefined) {
    const { cryptosign } = await import("@junctor/client/auth/cryptosign");
    auth.push(
      cryptosign({
        privateKey: readPrivateKey(key),
        ...(authid !== undefined && { authid }),
      }),
    );
  }
  if (passwordFile !== undefined) {
    const { scram } = await import("@junctor/client/auth/scram");
    auth.push(scram({ authid: named("--password-file"), password: secretOf(passwordFile) }));
  }
  if (secretFile !== undefined) {
    const { wampcra } = await import("@junctor/client/auth/wampcra");
    auth.push(wampcra({ authid: named("--secret-file"), secret: secretOf(secretFile) }));
  }
  if (ticketFile !== undefined) {
    const { ticket } = await import("@junctor/client/auth/ticket");
    auth.push(ticket({ authid: named("--ticket-file"), ticket: secretOf(ticketFile) }));
  }
  return auth.length === 0 ? {} : { auth };
}

export function timeoutOf(options: ClientOptions): number {
  const seconds = options.timeout === undefined ? 10 : Number(options.timeout);
  if (!(seconds >= 0))
    throw new UserError(`${options.timeout} is no number of seconds`, {
      remedy: "for example --timeout 2.5; 0 waits for ever",
      exitCode: Exit.usage,
    });
  return seconds * 1_000;
}

/** Joins, works, leaves. Interrupted by Ctrl-C, it leaves as well and the process ends with exit code 0. */
export async function withSession<T>(
  options: ClientOptions,
  work: (session: Session, interrupted: Promise<void>) => Promise<T>,
): Promise<T> {
  const interrupted = new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  const session = await join(options);
  try {
    return await work(session, interrupted);
  } finally {
    await session.leave();
  }
}

/** For commands that go on until somebody stops them. @throws {UserError} when the router ends the session instead */
export async function untilInterrupted(session: Session, interrupted: Promise<void>): Promise<void> {
  const ended = await Promise.race([interrupted, session.closed]);
  if (ended === undefined) return;
  throw new UserError(`the session has ended: ${ended.reason}${ended.message === undefined ? "" : `, ${ended.message}`}`, {
    exitCode: Exit.connect,
    remedy: "start the command again when the router is back",
  });
}

/** Any error as one that can be printed: cause, remedy and exit code. `undefined` for a bug of ours. */
export function explain(error: unknown, options?: Partial<ClientOptions>): UserError | undefined {
  if (error instanceof UserError) return error;
  if (error instanceof ListenError)
    return new UserError(error.message, {
      remedy: error.code === "EADDRINUSE" ? "for example: junctor dev --port 8090" : "see junctor dev --help",
      exitCode: Exit.failed,
    });
  if (error instanceof DialError)
    return new UserError(error.message, {
      remedy: dialRemedy(error),
      exitCode: error.code === "TIMEOUT" ? Exit.timeout : error.code === "URL" ? Exit.usage : Exit.connect,
    });
  if (error instanceof JoinError) return new UserError(error.message, { remedy: joinRemedy(error, options), exitCode: Exit.auth });
  if (error instanceof TimeoutError)
    return new UserError(error.message, { remedy: "wait longer with --timeout SECONDS", exitCode: Exit.timeout });
  if (error instanceof ApplicationError)
    return new UserError(applicationText(error), {
      remedy: applicationRemedy(error),
      exitCode: error.is(Uri.notAuthorized) ? Exit.auth : Exit.failed,
    });
  if (error instanceof TransportError || error instanceof SessionClosedError)
    return new UserError(error.message, { exitCode: Exit.connect });
  return undefined;
}

function dialRemedy(error: DialError): string {
  switch (error.code) {
    case "ECONNREFUSED":
    case "ENOENT":
      return "start a router with junctor dev, or name another with --url";
    case "URL":
      return "for example --url ws://127.0.0.1:8080/ws or --url tcp://127.0.0.1:8081";
    default:
      return "check --url: scheme, host, port and path";
  }
}

function joinRemedy(error: JoinError, options: Partial<ClientOptions> | undefined): string {
  if (error.reason === Uri.noSuchRealm)
    return `name another realm than ${options?.realm ?? "this"} with --realm, or add it to the router's configuration`;
  return "ask the router's operator which authentication the realm takes";
}

function applicationText(error: ApplicationError): string {
  const kwargs = Object.keys(error.kwargs).length > 0 ? ` ${JSON.stringify(error.kwargs)}` : "";
  return printable(`${error.message}${kwargs}`);
}

function applicationRemedy(error: ApplicationError): string {
  switch (error.uri) {
    case Uri.noSuchProcedure:
      return "start the program that registers it, or try one that is there: junctor call demo.add 2 3 (with junctor dev)";
    case Uri.procedureAlreadyExists:
      return "end the other session, or register it under another name";
    case Uri.notAuthorized:
      return "ask the router's operator to allow it for your role";
    default:
      return "the words above are the other side's";
  }
}
