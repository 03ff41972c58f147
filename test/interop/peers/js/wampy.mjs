// wampy (npm `wampy`) as a peer. It needs a WebSocket of somebody else's on Node.js; its README names `ws`.
import { Wampy } from "wampy";
import { CborSerializer } from "wampy/CborSerializer.js";
import { JsonSerializer } from "wampy/JsonSerializer.js";
import { MsgpackSerializer } from "wampy/MsgpackSerializer.js";
import ws from "ws";
import { CallError, serve } from "./line.mjs";

const SERIALIZERS = { json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer };

serve(async ({ serializer, url, realm }) => {
  const wampy = new Wampy(url, { realm, ws, serializer: new SERIALIZERS[serializer](), autoReconnect: false });
  await wampy.connect();
  return {
    register: (procedure, handler) =>
      wampy.register(procedure, ({ argsList, argsDict }) => {
        try {
          return payload(handler(argsList, argsDict));
        } catch (error) {
          throw { error: error.uri, argsList: error.args, argsDict: error.kwargs };
        }
      }),
    call: (procedure, args, kwargs) =>
      wampy.call(procedure, payload({ args, kwargs })).then(
        ({ argsList, argsDict }) => ({ args: argsList, kwargs: argsDict }),
        ({ errorUri, argsList, argsDict }) => {
          throw new CallError(errorUri, argsList, argsDict);
        },
      ),
    subscribe: (topic, handler) => wampy.subscribe(topic, ({ argsList, argsDict }) => handler(argsList, argsDict)),
    publish: (topic, args, kwargs) => wampy.publish(topic, payload({ args, kwargs })),
    leave: () => wampy.disconnect(),
  };
});

const payload = ({ args, kwargs }) => ({ argsList: args, argsDict: kwargs });
