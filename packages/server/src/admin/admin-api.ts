/**
 * The procedures of the administration, one table: what each takes, and who answers it. Who may call which stands in the
 * contract, `@junctor/admin-api`; the roles of the realm are made of that (`admin-realm.ts`), so that a call gets here only if the
 * router's own `authorize` has let it.
 *
 * A part of the server that has something to administer gives its procedures to `provide`, before or after the start.
 */
import { ADMIN_REALM, type AdminCalls, AdminError, type AdminEvents, type AdminProcedureUri, PROCEDURES } from "@junctor/admin-api";
import { ApplicationError, connect, type Invocation, type Session } from "@junctor/client";
import { Uri } from "@junctor/protocol";
import type { Router } from "@junctor/router";
import type { z } from "zod";
import type { LogEvent } from "../log.ts";
import { UserError } from "../user-error.ts";

type Takes<U extends AdminProcedureUri> = AdminCalls[U]["takes"];
type Gives<U extends AdminProcedureUri> = AdminCalls[U]["gives"];

/** Who calls. */
export interface AdminCaller {
  readonly session: number;
  readonly authid: string;
  readonly authrole: string;
  /** Absent on the control socket. */
  readonly address?: string;
}

/** @throws {UserError | ApplicationError} it cannot be done; anything else that is thrown is a bug */
export type AdminHandler<U extends AdminProcedureUri> = (takes: Takes<U>, caller: AdminCaller) => Gives<U> | Promise<Gives<U>>;

interface Entry {
  readonly uri: AdminProcedureUri;
  readonly answer: (kwargs: unknown, caller: AdminCaller) => unknown;
}

export class AdminApi {
  readonly #router: Router;
  readonly #log: (event: LogEvent) => void;
  readonly #entries = new Map<AdminProcedureUri, Entry>();
  #session: Session | undefined = undefined;

  constructor(router: Router, log: (event: LogEvent) => void) {
    this.#router = router;
    this.#log = log;
  }

  /**
   * @param takes checks the keyword arguments; unknown ones are to be errors (`z.strictObject`)
   * @throws {TypeError} it is provided already
   */
  provide<U extends AdminProcedureUri>(uri: U, takes: z.ZodType<Takes<U>>, handler: AdminHandler<U>): void {
    if (this.#entries.has(uri)) throw new TypeError(`${uri} is provided already`);
    const entry: Entry = { uri, answer: (kwargs, caller) => handler(checked(uri, takes, kwargs), caller) };
    this.#entries.set(uri, entry);
    if (this.#session !== undefined) void this.#register(this.#session, entry).catch(() => {}); // the server ends
  }

  /** Those that are provided. */
  get provided(): readonly AdminProcedureUri[] {
    return [...this.#entries.keys()];
  }

  /** Publishes an event to those who may know, or to some of them. */
  publish<U extends keyof AdminEvents>(topic: U, details: AdminEvents[U], to: { readonly eligible?: readonly number[] } = {}): void {
    if (this.#session?.isOpen === true) void this.#session.publish(topic, [], { ...details }, to).catch(() => {}); // nobody waits for it
  }

  /** Lets all that is provided be called. */
  async open(): Promise<void> {
    const session = await connect({ dial: this.#router.dial(true), realm: ADMIN_REALM, agent: "Junctor", timeout: 0 });
    this.#session = session;
    await Promise.all([...this.#entries.values()].map((entry) => this.#register(session, entry)));
  }

  async #register(session: Session, entry: Entry): Promise<void> {
    await session.register(entry.uri, (invocation) => this.#answer(entry, invocation), { discloseCaller: true });
  }

  async #answer({ uri, answer }: Entry, { kwargs, details }: Invocation): Promise<unknown> {
    const caller = this.#caller(details);
    // What only looks is not worth a line.
    const record = (message: string | undefined) => {
      if (PROCEDURES[uri] === "viewer") return;
      const { session, authid, authrole, address } = caller;
      this.#log({ event: "admin.action", procedure: uri, session, authid, authrole, address, message });
    };
    try {
      const given = await answer(kwargs, caller);
      record(undefined);
      return given;
    } catch (error) {
      record(error instanceof Error ? error.message : String(error));
      if (!(error instanceof UserError)) throw error;
      throw new ApplicationError(AdminError.operationFailed, [error.message], error.remedy === undefined ? {} : { remedy: error.remedy });
    }
  }

  #caller({ caller = 0, caller_authid = "", caller_authrole = "" }: Invocation["details"]): AdminCaller {
    const address = this.#router.realm(ADMIN_REALM)?.sessions.get(caller)?.origin.address;
    return { session: caller, authid: caller_authid, authrole: caller_authrole, ...(address !== undefined && { address }) };
  }
}

function checked<T>(uri: string, takes: z.ZodType<T>, kwargs: unknown): T {
  const result = takes.safeParse(kwargs);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`));
  throw new ApplicationError(Uri.invalidArgument, [`${uri}: ${problems.join("; ")}`]);
}
