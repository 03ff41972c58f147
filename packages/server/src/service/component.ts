/** The life of a component: joined, at work, asked to end, gone. The same in the server's process and in one of its own. */
import type { ConnectOptions } from "@junctor/client";
import { connect, Uri } from "@junctor/client";
import type { Component, ComponentContext } from "./program.ts";

/**
 * Joins and hands the session to the component; then waits until the component has left the session, or is to end and what
 * it returned is settled.
 *
 * @throws {Error} it could not join, it failed, or its session ended without its doing
 */
export async function live(component: Component, options: ConnectOptions, context: ComponentContext): Promise<void> {
  const { signal } = context;
  const session = await connect(options);
  if (signal.aborted) return void (await session.leave());
  const stopped = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  const closed = session.closed.then(({ reason, message }) => {
    if (reason !== Uri.goodbyeAndOut && !signal.aborted)
      throw new Error(`the session has ended: ${reason}${message === undefined ? "" : `, ${message}`}`);
  });
  try {
    await Promise.race([Promise.all([component(session, context), stopped]), closed]);
  } finally {
    await session.leave();
  }
}
