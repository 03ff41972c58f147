// wampy (npm `wampy`) as a peer. It needs a WebSocket of somebody else's on Node.js; its README names `ws`.
import { Wampy } from "wampy";
import { CborSerializer } from "wampy/CborSerializer.js";
import { sign as signWithKey } from "wampy/cryptosign.js";
import { JsonSerializer } from "wampy/JsonSerializer.js";
import { MsgpackSerializer } from "wampy/MsgpackSerializer.js";
import { sign as signWithSecret } from "wampy/wampcra.js";
import ws from "ws";
import { keyPairOf } from "./ed25519.mjs";
import { CallError, serve } from "./line.mjs";

const SERIALIZERS = { json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer };

serve(async ({ serializer, url, realm, auth }) => {
  const login = auth === undefined ? {} : credentials(auth);
  const wampy = new Wampy(url, { realm, ws, serializer: new SERIALIZERS[serializer](), autoReconnect: false, ...login });
  const welcome = await wampy.connect();
  return {
    welcome: { authid: welcome.authid, authrole: welcome.authrole, authmethod: welcome.authmethod },
    register: (procedure, handler) =>
      wampy.register(procedure, ({ argsList, argsDict }) => {
        try {
          return payload(handler(argsList, argsDict));
        } catch (error) {
          throw { error: error.uri, argsList: error.args, argsDict: error.kwargs };
        }
      }),
    call: (procedure, args, kwargs) => wampy.call(procedure, payload({ args, kwargs })).then(message, rejectCall),
    // It neither sends progressive results as others ask for them, nor is it interrupted.
    offer: (procedure, handler) =>
      wampy.register(procedure, async ({ argsList, argsDict }) =>
        payload(await handler({ args: argsList ?? [], kwargs: argsDict ?? {}, interrupted: NEVER })),
      ),
    follow({ procedure, args, kwargs, mode, onProgress }) {
      const result = wampy.call(procedure, payload({ args, kwargs }), { progress_callback: (part) => onProgress(message(part)) });
      const { reqId } = wampy.getOpStatus();
      return { result: result.then(message, rejectCall), cancel: () => wampy.cancel(reqId, { mode }) };
    },
    subscribe: (topic, handler) => wampy.subscribe(topic, ({ argsList, argsDict }) => handler(argsList, argsDict)),
    publish: (topic, args, kwargs) => wampy.publish(topic, payload({ args, kwargs })),
    leave: () => wampy.disconnect(),
  };
});

// As its README says: a plugin for each method, picked by what the router asks for.
const SIGNERS = { ticket: (secret) => () => secret, wampcra: signWithSecret, cryptosign: signWithKey };

function credentials({ method, authid, secret }) {
  const authextra = method === "cryptosign" ? { pubkey: Buffer.from(keyPairOf(secret).publicKey).toString("hex") } : {};
  return { authid, authmethods: [method], authextra, authPlugins: { [method]: SIGNERS[method](secret) }, authMode: "auto" };
}

const NEVER = new Promise(() => {});
const message = ({ argsList, argsDict }) => ({ args: argsList, kwargs: argsDict });

function rejectCall({ errorUri, argsList, argsDict }) {
  throw new CallError(errorUri, argsList, argsDict);
}

const payload = ({ args, kwargs }) => ({ argsList: args, argsDict: kwargs });
