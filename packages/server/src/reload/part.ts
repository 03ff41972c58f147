/**
 * What makes a reload all or nothing: each part of the server makes ready for another configuration, which may fail, and only
 * once all have done so it is put into force, which cannot. A start is the same, from an empty configuration.
 */

/** A part of the server that outlives configurations. */
export interface Part<Config> {
  /**
   * Does all that may fail: reads files, binds ports, opens stores. Nobody notices anything of it.
   *
   * @throws {UserError | ListenError} it cannot be; nothing is left over then
   */
  prepare(config: Config): Prepared | Promise<Prepared>;
}

/** Something that is ready to be put into force, or given up. One of the two is called, once. */
export interface Prepared {
  /** Counts the sessions that `commit` would end. */
  foresee(toll: Toll): void;
  /** Cannot fail. */
  commit(toll: Toll): void;
  discard(): void | Promise<void>;
}

/** What a configuration costs sessions. */
export class Toll {
  readonly #sessions = new Map<string, number>();
  /** Ended without their session, because its role does not cover them any more. */
  subscriptions = 0;
  registrations = 0;

  /** @param reason of GOODBYE */
  ended(reason: string, sessions: number): void {
    if (sessions > 0) this.#sessions.set(reason, (this.#sessions.get(reason) ?? 0) + sessions);
  }

  /** Sessions by the reason of their GOODBYE. */
  get sessions(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#sessions);
  }
}

export const NOTHING: Prepared = { foresee: () => {}, commit: () => {}, discard: () => {} };

/** Several as one, put into force in their order. */
export function together(all: readonly Prepared[]): Prepared {
  return {
    foresee: (toll) => {
      for (const one of all) one.foresee(toll);
    },
    commit: (toll) => {
      for (const one of all) one.commit(toll);
    },
    discard: async () => {
      await Promise.all(all.map((one) => one.discard()));
    },
  };
}

/** Prepares one after another; if one fails, those before it are given up. */
export async function prepareAll(steps: Iterable<() => Prepared | Promise<Prepared>>): Promise<Prepared> {
  const prepared: Prepared[] = [];
  try {
    for (const step of steps) prepared.push(await step());
  } catch (error) {
    await together(prepared).discard();
    throw error;
  }
  return together(prepared);
}
