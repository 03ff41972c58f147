/** Our own client as a peer, in the test's process. */
import { ApplicationError, Chunk, connect, Result, Uri } from "@junctor/client";
import { JsonSerializer } from "@junctor/protocol";
import { CborSerializer } from "@junctor/protocol/serializer/cbor";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import { TEST_CERTIFICATE } from "@junctor/testkit";
import type { Endpoint, Peer } from "./peer.ts";
import { CallError, executor } from "./peers/js/line.mjs";

const SERIALIZERS: Record<string, () => JsonSerializer | MsgpackSerializer | CborSerializer> = {
  json: () => new JsonSerializer(),
  msgpack: () => new MsgpackSerializer(),
  cbor: () => new CborSerializer(),
};

export function junctorPeer(): Peer {
  const execute = executor(async ({ transport, serializer, url, host, port, path, realm }: Endpoint) => {
    const urls: Record<string, string> = {
      websocket: url,
      "websocket-tls": url,
      rawsocket: `tcp://${host}:${port}`,
      "rawsocket-tls": `tls://${host}:${port}`,
      "unix-rawsocket": `unix:${path}`,
      "unix-websocket": `ws+unix:${path}:/ws`,
    };
    const make = SERIALIZERS[serializer];
    const session = await connect({
      url: urls[transport] ?? url,
      realm,
      serializers: make === undefined ? [] : [make()],
      tls: { ca: TEST_CERTIFICATE },
    });
    return {
      register: (procedure, handler) =>
        session.register(procedure, ({ args, kwargs }) => {
          try {
            const out = handler(args, kwargs);
            return new Result(out.args, out.kwargs);
          } catch (error) {
            throw error instanceof CallError ? new ApplicationError(error.uri, error.args, error.kwargs) : error;
          }
        }),
      call: (procedure, args, kwargs) =>
        session.call(procedure, args, kwargs).catch((error: unknown) => {
          throw error instanceof ApplicationError ? new CallError(error.uri, error.args, error.kwargs) : error;
        }),
      offer: (procedure, handler) =>
        session.register(procedure, async ({ args, kwargs, progress, signal, chunks }) => {
          const interrupted = new Promise((resolve) => signal.addEventListener("abort", resolve));
          try {
            const out = await handler({ args, kwargs, progress, interrupted, chunks });
            return new Result(out.args, out.kwargs);
          } catch (error) {
            throw error instanceof CallError ? new ApplicationError(error.uri, error.args, error.kwargs) : error;
          }
        }),
      follow({ procedure, args, kwargs, mode = "killnowait", chunks, onProgress }) {
        const abort = new AbortController();
        const options = {
          signal: abort.signal,
          cancelMode: mode,
          onProgress,
          ...(chunks === undefined ? {} : { chunks: chunks.map(({ args, kwargs }) => new Chunk(args, kwargs)) }),
        };
        const result = session.call(procedure, args, kwargs, options).catch((error: unknown) => {
          throw error instanceof ApplicationError ? new CallError(error.uri, error.args, error.kwargs) : error;
        });
        return { result, cancel: () => abort.abort(new CallError(Uri.canceled)) };
      },
      subscribe: (topic, handler) => session.subscribe(topic, ({ args, kwargs }) => handler(args, kwargs)),
      publish: (topic, args, kwargs) => session.publish(topic, args, kwargs, { acknowledge: true }),
      leave: () => session.leave(),
    };
  });
  return { execute, [Symbol.asyncDispose]: async () => {} };
}
