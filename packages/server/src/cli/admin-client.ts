/**
 * The way of the command line to a running server's administration: its control socket, which lies in its state directory, or
 * the realm `junctor` at a URL, with the usual credentials.
 */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { ADMIN_REALM, type AdminCalls, type AdminProcedureUri, PROCEDURES } from "@junctor/admin-api";
import { ApplicationError, JoinError, type Session, Uri } from "@junctor/client";
import { DialError } from "@junctor/transport-node";
import { controlSocketIn } from "../admin/state-directory.ts";
import { STATE } from "../config/paths.ts";
import { Exit, UserError, whyUnreadable } from "../user-error.ts";
import { type ClientOptions, connectOptionsOf, withConnection } from "./session.ts";
import { parseSeconds } from "./values.ts";

export interface AdminOptions extends ClientOptions {
  /** The configuration of the server, which says where its state directory is. */
  readonly config?: string;
  readonly state?: string;
  /** `--url` and `--realm` were given, not left as they are. */
  readonly given: ReadonlySet<string>;
}

/** Calls procedures of the administration. */
export class AdminClient {
  readonly session: Session;
  readonly signal: AbortSignal;

  constructor(session: Session, signal: AbortSignal) {
    this.session = session;
    this.signal = signal;
  }

  /** @throws {UserError | ApplicationError} */
  async call<U extends AdminProcedureUri>(uri: U, kwargs: AdminCalls[U]["takes"]): Promise<AdminCalls[U]["gives"]> {
    const given = Object.fromEntries(Object.entries(kwargs).filter(([, value]) => value !== undefined));
    try {
      return (await this.session.call(uri, [], given, { signal: this.signal })).value as AdminCalls[U]["gives"];
    } catch (error) {
      throw explained(error, uri);
    }
  }
}

/** @throws {UserError} no server is there, or it does not let this user in */
export async function withAdmin(options: AdminOptions, work: (admin: AdminClient) => Promise<unknown>): Promise<void> {
  if (options.given.has("url")) {
    const realm = options.given.has("realm") ? options.realm : ADMIN_REALM;
    await withConnection(await connectOptionsOf({ ...options, realm }), (session, signal) => work(new AdminClient(session, signal))).catch(
      (error: unknown) => {
        throw error instanceof JoinError ? notLetIn(error, options.url) : error;
      },
    );
    return;
  }
  const { directory, start } = await stateOf(options);
  const path = controlSocketIn(directory);
  const user = {
    method: "control",
    attempt: () => ({ authid: userName(), respond: () => Promise.reject(new TypeError("nobody is challenged here")) }),
  };
  const timeout = options.timeout === undefined ? {} : { timeout: parseSeconds(options.timeout) };
  const connection = { url: `unix:${path}`, realm: ADMIN_REALM, auth: [user], agent: "junctor CLI", ...timeout };
  await withConnection(connection, (session, signal) => work(new AdminClient(session, signal))).catch((error: unknown) => {
    throw error instanceof DialError ? notThere(error, directory, start) : error;
  });
}

/** Where the state directory is, and which command starts a server with it. */
async function stateOf({ state, config }: AdminOptions): Promise<{ readonly directory: string; readonly start: string }> {
  if (state !== undefined) return { directory: resolve(state), start: "junctor start -c config.yaml" };
  if (config === undefined) return { directory: resolve(STATE), start: "junctor start -c config.yaml" };
  return { directory: resolve(dirname(config), (await stateIn(config)) ?? STATE), start: `junctor start -c ${config}` };
}

/** What a file says of its state directory, whatever else is wrong with it: the server runs with what it was. */
async function stateIn(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError(`cannot read ${file}: ${whyUnreadable(error)}`, {
      remedy: "name the server's configuration with -c FILE",
      exitCode: Exit.usage,
    });
  }
  const { isMap, parseDocument } = await import("yaml");
  const { contents } = parseDocument(text, { prettyErrors: false });
  const state = isMap(contents) ? contents.get("state") : undefined;
  return typeof state === "string" && state !== "" ? state : undefined;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? "?"}`; // one without an entry, as in a container
  }
}

function notThere(error: DialError, directory: string, start: string): UserError {
  const where = join(directory, "control.sock");
  switch (error.code) {
    case "ENOENT":
    case "ECONNREFUSED":
      return new UserError(`no server runs here: ${error.code === "ENOENT" ? `there is no ${where}` : `nobody answers on ${where}`}`, {
        remedy: `start one with ${start}; or say where it is: -c FILE, --state DIR, or --url URL`,
        exitCode: Exit.connect,
      });
    case "EACCES":
    case "EPERM":
      return new UserError(`this user may not open ${where}`, {
        remedy:
          "run the command as the user of the server, for example with sudo -u; or log in as an admin: --url URL --authid NAME --key FILE",
        exitCode: Exit.auth,
      });
    default:
      return new UserError(error.message, { exitCode: error.code === "TIMEOUT" ? Exit.timeout : Exit.connect });
  }
}

function notLetIn(error: JoinError, url: string): UserError {
  return new UserError(`${url} does not let you administer it: ${error.message}`, {
    remedy:
      "log in as somebody whom admin.auth of its configuration lets in: --authid NAME with --key, --ticket-file, --secret-file or --password-file",
    exitCode: Exit.auth,
  });
}

function explained(error: unknown, uri: AdminProcedureUri): unknown {
  if (!(error instanceof ApplicationError)) return error;
  const [text] = error.args;
  if (error.is(Uri.notAuthorized))
    return new UserError(`this is for the role ${PROCEDURES[uri]}: ${typeof text === "string" ? text : error.message}`, {
      remedy: `log in with that role, or run the command where the server runs, as its user`,
      exitCode: Exit.auth,
    });
  if (error.is(Uri.noSuchProcedure))
    return new UserError(`this server has no ${uri}`, {
      remedy: "it may be older than this command line: junctor status tells its version",
    });
  const { remedy } = error.kwargs;
  if (typeof text === "string") return new UserError(text, typeof remedy === "string" ? { remedy } : {});
  return error;
}
