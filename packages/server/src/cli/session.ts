/** The client's half of the command line: joining as the global options say, until the work is done or somebody stops it. */
import { constants } from "node:os";
import { type ConnectOptions, connect, type Session } from "@junctor/client";
import { nodeSerializers } from "@junctor/transport-node";
import { Exit, UserError } from "../user-error.ts";
import { credentialsOf } from "./credentials.ts";
import { parseSeconds } from "./values.ts";

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

/** Ctrl-C, or SIGTERM, while the command waited for something. */
class Interrupted extends UserError {
  constructor(signal: "SIGINT" | "SIGTERM") {
    super("interrupted", { exitCode: 128 + constants.signals[signal] });
  }
}

/** Joins, works, leaves. Interrupted, it gives up what it waits for; the second signal ends the process. */
export async function withSession(
  options: ClientOptions,
  work: (session: Session, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  return withConnection(await connectOptionsOf(options), work);
}

/** The same, by what `connect` takes. */
export async function withConnection(
  connectOptions: ConnectOptions,
  work: (session: Session, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const interruption = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interruption.abort(new Interrupted(signal)));
  const session = await connect({ ...connectOptions, signal: interruption.signal });
  try {
    await work(session, interruption.signal);
  } finally {
    await session.leave();
  }
}

export async function connectOptionsOf(options: ClientOptions): Promise<ConnectOptions> {
  const { url, realm, ser, timeout } = options;
  const serializer = nodeSerializers.find(({ name }) => name === ser);
  if (serializer === undefined) {
    throw new UserError(`there is no serializer ${ser}`, {
      remedy: `choose one of ${nodeSerializers.map(({ name }) => name).join(", ")}`,
      exitCode: Exit.usage,
    });
  }
  const auth = await credentialsOf(options);
  return {
    url,
    realm,
    serializers: [serializer],
    agent: "junctor CLI",
    ...(timeout !== undefined && { timeout: parseSeconds(timeout) }),
    ...(auth.length > 0 && { auth }),
  };
}

/**
 * For commands that go on until somebody stops them, which is their regular end.
 *
 * @throws {UserError} when the router ends the session instead
 */
export async function untilStopped(
  options: ClientOptions,
  begin: (session: Session, signal: AbortSignal, stop: () => void) => Promise<unknown>,
): Promise<void> {
  let stop: () => void = () => {};
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
  });
  try {
    await withSession(options, async (session, signal) => {
      signal.addEventListener("abort", stop);
      await begin(session, signal, stop);
      const ended = await Promise.race([stopped, session.closed]);
      if (ended === undefined) return;
      throw new UserError(`the session has ended: ${ended.reason}${ended.message === undefined ? "" : `, ${ended.message}`}`, {
        exitCode: Exit.connect,
        remedy: "start the command again when the router is back",
      });
    });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
}
