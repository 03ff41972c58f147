// Autobahn|JS (npm `autobahn`) as a peer.
import autobahn from "autobahn";
import { CallError, serve } from "./line.mjs";

const { JSONSerializer, MsgpackSerializer, CBORSerializer } = autobahn.serializer;
const SERIALIZERS = { json: JSONSerializer, msgpack: MsgpackSerializer, cbor: CBORSerializer };

serve(
  ({ transport, serializer, url, host, port, path, realm }) =>
    new Promise((resolve, reject) => {
      const serializers = [new SERIALIZERS[serializer]()];
      const rawSocket = { type: "rawsocket", ...(transport.startsWith("unix") ? { path } : { host, port }) };
      const connection = new autobahn.Connection({
        realm,
        transports: [transport.startsWith("websocket") ? { type: "websocket", url, serializers } : rawSocket],
        max_retries: 0,
        on_user_error: () => {}, // errors that procedures throw on purpose
      });
      let left = () => {};
      connection.onclose = (reason, details) => {
        reject(new Error(`${reason}: ${details.reason} ${details.message}`));
        left();
        return true;
      };
      connection.onopen = (session) =>
        resolve({
          register: (procedure, handler) =>
            session.register(procedure, (args, kwargs) => {
              try {
                const result = handler(args, kwargs);
                return new autobahn.Result(result.args, result.kwargs);
              } catch (error) {
                throw new autobahn.Error(error.uri, error.args, error.kwargs);
              }
            }),
          call: (procedure, args, kwargs) => session.call(procedure, args, kwargs).then(resultOf, rejectCall),
          subscribe: (topic, handler) => session.subscribe(topic, handler),
          publish: (topic, args, kwargs) => session.publish(topic, args, kwargs, { acknowledge: true }),
          leave: () =>
            new Promise((done) => {
              left = done;
              connection.close();
            }),
        });
      connection.open();
    }),
);

// A result without keyword arguments and with at most one argument is that argument, or null.
function resultOf(result) {
  if (result instanceof autobahn.Result) return result;
  return { args: result === null ? [] : [result], kwargs: {} };
}

function rejectCall({ error, args, kwargs }) {
  throw new CallError(error, args, kwargs);
}
