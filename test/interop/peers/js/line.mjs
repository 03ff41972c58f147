// The line protocol of ../README.md, for peers written in JavaScript.
import { createInterface } from "node:readline";

/** What a peer rejects a call with that was answered by an ERROR. */
export class CallError extends Error {
  constructor(uri, args, kwargs) {
    super(uri);
    Object.assign(this, { uri, args: args ?? [], kwargs: kwargs ?? {} });
  }
}

/** Carries out commands from standard input until it ends. */
export function serve(connect) {
  const execute = executor(connect);
  createInterface({ input: process.stdin })
    .on("line", async (line) => {
      const { id, ...command } = JSON.parse(line);
      let answer;
      try {
        answer = await execute(command);
      } catch (error) {
        answer = { failure: String(error?.stack ?? error) };
      }
      process.stdout.write(`${JSON.stringify({ id, ...answer })}\n`);
    })
    .on("close", () => process.exit(0));
}

/**
 * @param connect opens a session of the client: an object with `register(procedure, handler)`, `call(procedure, args,
 *   kwargs)`, `subscribe(topic, handler)`, `publish(topic, args, kwargs)` and `leave()`, all of which return promises; for calls
 *   that last, `offer(procedure, handler)` and `follow(call)`; where it has logged
 *   in, also `welcome`, with `authid`, `authrole` and `authmethod`
 * @returns a function that carries out one command
 */
export function executor(connect) {
  const sessions = new Map();
  return async ({ do: name, session, ...command }) => {
    if (name === "connect") {
      const client = await connect(command);
      sessions.set(session, { client, heard: [], waiting: undefined });
      return command.auth === undefined ? undefined : { welcome: client.welcome };
    }
    return COMMANDS[name](sessions.get(session), command);
  };
}

const COMMANDS = {
  async register(session, { procedures }) {
    const register = ({ procedure, answer }) =>
      session.client.register(procedure, (args, kwargs) => {
        hear(session, procedure, args, kwargs);
        const out = decodeMessage(answer);
        if (answer.error !== undefined) throw new CallError(answer.error, out.args, out.kwargs);
        return out;
      });
    await Promise.all(procedures.map(register));
  },
  async subscribe(session, { topics }) {
    await Promise.all(topics.map((topic) => session.client.subscribe(topic, (args, kwargs) => hear(session, topic, args, kwargs))));
  },
  // All at once, as an application would: no call waits for the answer to another one.
  async call({ client }, { calls }) {
    const call = async ({ procedure, ...message }) => {
      const { args, kwargs } = decodeMessage(message);
      try {
        return encodeMessage(await client.call(procedure, args, kwargs));
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        return { error: error.uri, ...encodeMessage(error) };
      }
    };
    return { results: await Promise.all(calls.map(call)) };
  },
  async publish({ client }, { events }) {
    for (const { topic, ...message } of events) {
      const { args, kwargs } = decodeMessage(message);
      await client.publish(topic, args, kwargs);
    }
  },
  // Procedures that take their time.
  async offer(session, { procedures }) {
    const offer = ({ procedure, count, waits }) =>
      session.client.offer(procedure, async ({ args, kwargs, progress, interrupted, chunks = [] }) => {
        hear(session, procedure, args, kwargs);
        for await (const chunk of chunks) hear(session, procedure, chunk.args, chunk.kwargs);
        for (let i = 0; progress !== undefined && i < count; i++) await progress([i], {});
        if (!waits) return { args: ["done"], kwargs: {} };
        await interrupted;
        hear(session, procedure, ["interrupted"], {});
        throw new CallError("interop.interrupted");
      });
    await Promise.all(procedures.map(offer));
  },
  async follow(session, { procedure, mode, chunks, ...message }) {
    const { args, kwargs } = decodeMessage(message);
    const progress = [];
    const { result, cancel } = session.client.follow({
      procedure,
      args,
      kwargs,
      mode,
      chunks: chunks?.map(decodeMessage),
      onProgress: (message) => progress.push(encodeMessage(message)),
    });
    session.cancel = cancel;
    try {
      return { results: [encodeMessage(await result)], progress };
    } catch (error) {
      return { results: [{ error: error instanceof CallError ? error.uri : "cancelled", args: [], kwargs: {} }], progress };
    }
  },
  cancel: ({ cancel }) => cancel(),
  take: (session, { count }) =>
    new Promise((resolve) => {
      session.waiting = { count, resolve };
      settle(session);
    }),
  leave: ({ client }) => client.leave(),
};

function hear(session, uri, args, kwargs) {
  session.heard.push({ uri, ...encodeMessage({ args, kwargs }) });
  settle(session);
}

function settle(session) {
  if (session.waiting === undefined || session.heard.length < session.waiting.count) return;
  const { resolve } = session.waiting;
  session.waiting = undefined;
  resolve({ heard: session.heard });
  session.heard = [];
}

function decodeMessage({ args = [], kwargs = {} }) {
  return { args: decode(args), kwargs: decode(kwargs) };
}

function encodeMessage({ args, kwargs }) {
  return { args: encode(args ?? []), kwargs: encode(kwargs ?? {}) };
}

function decode(value) {
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value !== "object" || value === null) return value;
  if ("$bytes" in value) return Uint8Array.from(Buffer.from(value.$bytes, "base64"));
  if ("$int" in value) return BigInt(value.$int);
  if ("$float" in value) return value.$float;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decode(item)]));
}

// JavaScript has one type for both: a whole number is told as an integer as long as it is exact.
function encode(value) {
  if (Array.isArray(value)) return value.map(encode);
  if (typeof value === "number") return Number.isSafeInteger(value) ? value : { $float: value };
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : { $int: String(value) };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (value === undefined) return { $other: "undefined" };
  if (typeof value !== "object" || value === null) return value;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return { $other: value.constructor.name };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, encode(item)]));
}
