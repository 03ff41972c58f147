// Autobahn|JS (npm `autobahn`) as a peer.
import autobahn from "autobahn";
import { keyPairOf } from "./ed25519.mjs";
import { CallError, serve } from "./line.mjs";

const { JSONSerializer, MsgpackSerializer, CBORSerializer } = autobahn.serializer;
const SERIALIZERS = { json: JSONSerializer, msgpack: MsgpackSerializer, cbor: CBORSerializer };

serve(
  ({ transport, serializer, url, host, port, path, realm, auth }) =>
    new Promise((resolve, reject) => {
      const serializers = [new SERIALIZERS[serializer]()];
      const rawSocket = { type: "rawsocket", ...(transport.startsWith("unix") ? { path } : { host, port }) };
      const connection = new autobahn.Connection({
        realm,
        transports: [transport.startsWith("websocket") ? { type: "websocket", url, serializers } : rawSocket],
        max_retries: 0,
        ...(auth === undefined ? {} : credentials(auth)),
        on_user_error: () => {}, // errors that procedures throw on purpose
      });
      let left = () => {};
      connection.onclose = (reason, details) => {
        reject(new Error(`${reason}: ${details.reason} ${details.message}`));
        left();
        return true;
      };
      connection.onopen = (session, { authid, authrole, authmethod }) =>
        resolve({
          welcome: { authid, authrole, authmethod },
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
          // It is not interrupted.
          offer: (procedure, handler) =>
            session.register(procedure, (args, kwargs, { progress }) =>
              handler({ args, kwargs, progress: progress ?? undefined, interrupted: NEVER }).then(
                (result) => new autobahn.Result(result.args, result.kwargs),
              ),
            ),
          follow({ procedure, args, kwargs, mode, onProgress }) {
            const call = session.call(procedure, args, kwargs, { receive_progress: true });
            const result = new Promise((resolve, reject) => call.then(resolve, reject, (part) => onProgress(resultOf(part))));
            return { result: result.then(resultOf, rejectCall), cancel: () => call.cancel({ mode }) };
          },
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

function credentials({ method, authid, secret }) {
  if (method === "ticket") return { authmethods: [method], authid, onchallenge: () => secret };
  if (method === "cryptosign") {
    const { public_key, sign_challenge } = autobahn.auth_cryptosign;
    const key = keyPairOf(secret); // its own loader wants a browser's localStorage
    return {
      authmethods: [method],
      authid,
      authextra: { pubkey: public_key(key) },
      onchallenge: (_session, _method, extra) => sign_challenge(key, extra),
    };
  }
  return {
    authmethods: [method],
    authid,
    onchallenge: (_session, _method, { challenge, salt, iterations, keylen }) =>
      autobahn.auth_cra.sign(salt === undefined ? secret : autobahn.auth_cra.derive_key(secret, salt, iterations, keylen), challenge),
  };
}

const NEVER = new Promise(() => {});

// A result without keyword arguments and with at most one argument is that argument, or null.
function resultOf(result) {
  if (result instanceof autobahn.Result) return result;
  return { args: result === null ? [] : [result], kwargs: {} };
}

function rejectCall({ error, args, kwargs }) {
  throw new CallError(error, args, kwargs);
}
