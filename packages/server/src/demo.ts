/** What `junctor dev` shows: a topic that ticks and a procedure that adds, by an ordinary client inside the process. */
import { ApplicationError, connect, type Session, Uri } from "@junctor/client";
import type { Router } from "@junctor/router";

export async function startDemo(router: Router, realm: string): Promise<Session> {
  const session = await connect({ dial: router.dial(true), realm, agent: "junctor demo" });
  await session.register("demo.add", ({ args }) => {
    if (args.length === 0 || !args.every((value) => typeof value === "number"))
      throw new ApplicationError(Uri.invalidArgument, ["demo.add adds numbers"]);
    return args.reduce((sum, value) => sum + value, 0);
  });
  const timer = setInterval(() => void session.publish("demo.clock", [new Date().toISOString()]).catch(() => {}), 1_000);
  timer.unref();
  void session.closed.then(() => clearInterval(timer));
  return session;
}
