/** What went wrong for a client, as cause, remedy and exit code. */
import {
  ApplicationError,
  JoinError,
  ProtocolError,
  SerializationError,
  SessionClosedError,
  TimeoutError,
  TransportError,
  Uri,
} from "@junctor/client";
import { DialError } from "@junctor/transport-node";
import { Exit, UserError } from "../user-error.ts";
import { jsonText, printable } from "./print.ts";
import type { ClientOptions } from "./session.ts";

/** Any error as one that can be printed: cause, remedy and exit code. `undefined` for a bug of ours. */
export function explain(error: unknown, options?: Partial<ClientOptions>): UserError | undefined {
  if (error instanceof UserError) return error;
  if (error instanceof DialError)
    return new UserError(error.message, {
      remedy: dialRemedy(error),
      exitCode: error.code === "TIMEOUT" ? Exit.timeout : error.code === "URL" ? Exit.usage : Exit.connect,
    });
  if (error instanceof JoinError) return new UserError(error.message, { remedy: joinRemedy(error, options), exitCode: Exit.auth });
  if (error instanceof TimeoutError)
    return new UserError(error.message, { remedy: "wait longer with --timeout SECONDS", exitCode: Exit.timeout });
  if (error instanceof ApplicationError)
    return new UserError(applicationText(error), {
      remedy: applicationRemedy(error),
      exitCode: error.is(Uri.notAuthorized) ? Exit.auth : error.is(Uri.timeout) ? Exit.timeout : Exit.failed,
    });
  if (error instanceof SerializationError)
    return new UserError(error.message, {
      remedy: "another serializer may have one: --ser json, msgpack or cbor",
      exitCode: Exit.failed,
    });
  if (error instanceof ProtocolError)
    return new UserError(`the router broke the protocol: ${error.message}`, {
      remedy: "check that --url leads to a WAMP router",
      exitCode: Exit.connect,
    });
  if (error instanceof SessionClosedError)
    return new UserError(error.message, { remedy: "run the command again when the router is back", exitCode: Exit.connect });
  if (error instanceof TransportError)
    return new UserError(error.message, { remedy: "check that --url leads to a WAMP router", exitCode: Exit.connect });
  return undefined;
}

function dialRemedy(error: DialError): string {
  switch (error.code) {
    case "ECONNREFUSED":
    case "ENOENT":
      return "start a router with junctor dev, or name another with --url";
    case "URL":
      return "for example --url ws://127.0.0.1:8080/ws or --url tcp://127.0.0.1:8081";
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return "trust it: NODE_EXTRA_CA_CERTS=certificate.pem junctor …";
    default:
      return "check --url: scheme, host, port and path";
  }
}

function joinRemedy(error: JoinError, options: Partial<ClientOptions> | undefined): string {
  if (error.reason === Uri.noSuchRealm)
    return `name another realm than ${options?.realm ?? "this"} with --realm, or add it to the router's configuration`;
  return "ask the router's operator which authentication the realm takes";
}

/** Its URI, and all that came with it. */
function applicationText({ message, args, kwargs }: ApplicationError): string {
  const more = typeof args[0] === "string" ? args.slice(1) : args;
  const named = Object.entries(kwargs).map(([name, value]) => `${name}=${jsonText(value)}`);
  return printable([message, ...more.map((value) => (typeof value === "string" ? value : jsonText(value))), ...named].join(" "));
}

function applicationRemedy(error: ApplicationError): string {
  switch (error.uri) {
    case Uri.noSuchProcedure:
      return "start the program that registers it, or try one that is there: junctor call demo.add 2 3 (with junctor dev)";
    case Uri.procedureAlreadyExists:
      return "end the other session, or register it under another name";
    case Uri.notAuthorized:
      return "ask the router's operator to allow it for your role";
    default:
      return "the words above are the other side's";
  }
}
