/** `junctor register`: answers a procedure with its own arguments, a fixed reply or a command's output, until Ctrl-C. */
import { type ChildProcess, spawn } from "node:child_process";
import { ApplicationError, type Invocation, type InvocationHandler, Result } from "@junctor/client";
import { Exit, UserError } from "../user-error.ts";
import { clock, jsonText, note, oneLine, payloadText, style } from "./print.ts";
import { type ClientOptions, untilStopped } from "./session.ts";
import { parseJson, parseValue } from "./values.ts";

export async function register(
  procedure: string,
  options: ClientOptions & { echo?: boolean; reply?: string; exec?: string; invoke: string },
): Promise<void> {
  const handler = handlerOf(options);
  const { invoke } = options;
  if (invoke !== "single" && invoke !== "roundrobin" && invoke !== "random" && invoke !== "first" && invoke !== "last") {
    throw new UserError(`there is no invocation policy ${invoke}`, {
      remedy: "choose --invoke single, roundrobin, random, first or last",
      exitCode: Exit.usage,
    });
  }
  await untilStopped(options, async (session, signal) => {
    const answer: InvocationHandler = (invocation) => {
      const { args, kwargs } = invocation;
      note(`${clock(process.stderr)} ${oneLine(invocation.procedure)} ${oneLine(payloadText(args, kwargs))}`);
      return handler(invocation);
    };
    await session.register(procedure, answer, { invoke, signal });
    note(style("dim", `registered ${oneLine(procedure)}; Ctrl-C ends`, process.stderr));
  });
}

function handlerOf(options: { echo?: boolean; reply?: string; exec?: string }): InvocationHandler {
  const given = [options.echo, options.reply, options.exec].filter((option) => option !== undefined);
  if (given.length !== 1) {
    throw new UserError("register needs one way to answer", {
      remedy: "give one of --echo, --reply JSON and --exec CMD",
      exitCode: Exit.usage,
    });
  }
  const { exec } = options;
  if (exec !== undefined) {
    // The second Ctrl-C waits for nothing.
    process.once("exit", () => {
      for (const child of running) endGroup(child);
    });
    return (invocation) => run(exec, invocation);
  }
  if (options.reply === undefined) return ({ args, kwargs }) => new Result(args, kwargs);
  const reply = parseJson(options.reply, "--reply");
  return () => reply;
}

/** What a caller is answered where the command of `--exec` failed. Args: how, and the end of its error output. */
export const CommandError = { failed: "junctor.error.command_failed" } as const;

/** Commands of `--exec`. */
const running = new Set<ChildProcess>();

/**
 * The command reads `{"args": […], "kwargs": {…}}` and prints the result, as JSON or as text. A failure is the call's error.
 * It has a process group of its own: what ends it ends all that it has started, too.
 */
function run(command: string, { args, kwargs, signal }: Invocation): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, { shell: true, detached: HAS_GROUPS, stdio: ["pipe", "pipe", "pipe"] });
    const stop = () => endGroup(child);
    signal.addEventListener("abort", stop, { once: true });
    running.add(child);
    let output = "";
    let complaint = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-2_000);
    });
    child.stdin.on("error", () => {}); // a command need not read its input
    child.stdin.end(jsonText({ args, kwargs }));
    child.on("error", (error) => reject(new ApplicationError(CommandError.failed, [error.message])));
    child.on("close", (code, killedBy) => {
      signal.removeEventListener("abort", stop);
      running.delete(child);
      if (code === 0) resolve(output.trim() === "" ? undefined : parseValue(output.trimEnd()));
      else {
        const how = code === null ? `by ${killedBy}` : `with exit code ${code}`;
        reject(new ApplicationError(CommandError.failed, [`the command ended ${how}`, complaint.trim()]));
      }
    });
  });
}

function endGroup(child: ChildProcess): void {
  if (!HAS_GROUPS || child.pid === undefined) {
    child.kill();
    return;
  }
  try {
    process.kill(-child.pid, "SIGTERM");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error; // all of it has ended by itself
  }
}

const HAS_GROUPS = process.platform !== "win32";
