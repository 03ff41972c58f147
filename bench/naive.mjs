/**
 * What one writes in an afternoon: `ws`, JSON.parse, JSON.stringify and one send per message. For comparison; calls, events
 * and sessions only.
 *
 *     PORT=9103 node bench/naive.mjs
 */
import { WebSocketServer } from "ws";

const registrations = new Map();
const subscribers = new Map();
const pending = new Map();
let lastSession = 0;
let lastInvocation = 0;

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.env.PORT),
  perMessageDeflate: false,
  handleProtocols: ([first]) => first,
});
server.on("connection", (socket) => {
  const send = (message) => socket.send(JSON.stringify(message));
  socket.on("error", () => {});
  socket.on("close", () => {
    for (const sockets of subscribers.values()) sockets.delete(socket);
  });
  socket.on("message", (data) => {
    const message = JSON.parse(data.toString());
    switch (message[0]) {
      case 1:
        send([2, ++lastSession, { roles: { broker: {}, dealer: {} } }]);
        break;
      case 6:
        send([6, {}, "wamp.close.goodbye_and_out"]);
        break;
      case 16: {
        const [, , , topic, ...payload] = message;
        for (const receiver of subscribers.get(topic) ?? [])
          if (receiver !== socket) receiver.send(JSON.stringify([36, 1, 1234567890, {}, ...payload]));
        break;
      }
      case 32: {
        const [, request, , topic] = message;
        if (!subscribers.has(topic)) subscribers.set(topic, new Set());
        subscribers.get(topic).add(socket);
        send([33, request, 1]);
        break;
      }
      case 48: {
        const [, request, , procedure, ...payload] = message;
        pending.set(++lastInvocation, { send, request });
        registrations.get(procedure)([68, lastInvocation, 1, {}, ...payload]);
        break;
      }
      case 64: {
        const [, request, , procedure] = message;
        registrations.set(procedure, send);
        send([65, request, 1]);
        break;
      }
      case 70: {
        const [, invocation, , ...payload] = message;
        const call = pending.get(invocation);
        pending.delete(invocation);
        call.send([50, call.request, {}, ...payload]);
      }
    }
  });
});
