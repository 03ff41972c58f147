/**
 * Who may log in. There, a transport says so, and the realm follows from what the client asks for; here, a realm does, for all
 * listeners. What one transport asks for and another does not is not let through by the latter.
 */
import { withEnvironment } from "./environment-text.ts";
import type { Item } from "./source.ts";

/** A way in, before it is known for which realms it is. */
export interface Way {
  readonly method: string;
  /** Of `anonymous`. */
  readonly role?: string;
  readonly authenticator?: Readonly<Record<string, string>>;
  readonly users?: readonly User[];
  readonly maxAge?: string;
  /** The only one that it leads to. */
  readonly realm?: string | undefined;
  readonly item: Item | undefined;
}

export interface User {
  readonly authid: string;
  readonly realm: string | undefined;
  readonly role: string;
  readonly credential: Readonly<Record<string, unknown>>;
}

/** The ways into a transport. @param cookie whether its browsers may come back by cookie */
export function waysOf(transport: Item, cookie: { readonly maxAge: string } | undefined): Way[] {
  const auth = transport.item("auth");
  if (auth === undefined) return [{ method: "anonymous", role: "anonymous", item: undefined }];
  return auth.named().flatMap(([method, item]): Way[] => {
    const kind = item.text("type") ?? "static";
    if (kind === "function") {
      item.dismiss();
      item.tell("lost", "a Python function that knows who may log in: make it a procedure, and name it as authenticator");
      return [];
    }
    switch (method) {
      case "anonymous":
        return anonymous(kind, item);
      case "ticket":
      case "wampcra":
      case "scram":
      case "cryptosign":
        return kind === "dynamic"
          ? [{ method, authenticator: authenticatorOf(item), item }]
          : [{ method, users: usersOf(method, item), item }];
      case "cookie":
        if (cookie === undefined) item.tell("lost", "there is no cookie beside it that could be kept");
        return cookie === undefined ? [] : [{ method, maxAge: cookie.maxAge, item }];
      case "tls":
        item.dismiss();
        item.tell("lost", "certificates are told apart by their subject here, not by SHA-1: write rules for the method tls");
        return [];
      default:
        item.dismiss();
        item.tell("lost", `there is no method ${method}`);
        return [];
    }
  });
}

function anonymous(kind: string, item: Item): Way[] {
  if (kind !== "static") {
    item.dismiss();
    item.tell("lost", "whoever comes without a log-in has one role here, and no procedure is asked");
    return [];
  }
  item.lose("whoever comes without a log-in has an authid of the router's choice", "authid");
  return [{ method: "anonymous", role: item.text("role") ?? "anonymous", realm: item.text("realm"), item }];
}

function authenticatorOf(item: Item): Readonly<Record<string, string>> {
  const authenticator = item.text("authenticator") ?? "";
  const realm = item.text("authenticator-realm");
  const role = item.text("default-role");
  item.ignore("the procedure is called by the router itself", "authenticator-role", "expose_controller");
  return { authenticator, ...(realm !== undefined && { authenticatorRealm: realm }), ...(role !== undefined && { defaultRole: role }) };
}

function usersOf(method: string, item: Item): User[] {
  item.lose("trust roots are written in another way here: see trustRoots of the method cryptosign", "trustroots");
  return item.entries(method === "wampcra" ? "users" : "principals").flatMap(([authid, principal]): User[] => {
    const [realm, role] = [principal.text("realm"), principal.text("role") ?? "anonymous"];
    const credential = CREDENTIALS[method]?.(principal);
    if (credential === undefined) {
      principal.tell("lost", "there is no credential that could be kept");
      return [];
    }
    return [{ authid, realm, role, credential }];
  });
}

const CREDENTIALS: Readonly<Record<string, (principal: Item) => Readonly<Record<string, unknown>> | undefined>> = {
  ticket: (principal) => {
    const ticket = principal.text("ticket");
    return ticket === undefined ? undefined : { ticket: withEnvironment(ticket) };
  },
  wampcra: (principal) => {
    const secret = principal.text("secret");
    const [salt, iterations, keylen] = [principal.text("salt"), principal.number("iterations"), principal.number("keylen")];
    if (secret === undefined) return undefined;
    const key = withEnvironment(secret);
    return { wampcra: salt === undefined ? key : { key, salt, iterations: iterations ?? 1_000, keylen: keylen ?? 32 } };
  },
  scram: (principal) => {
    const kdf = principal.text("kdf") === "argon2id-13" ? "argon2id13" : principal.text("kdf");
    const [salt, iterations, memory] = [base64(principal.text("salt")), principal.number("iterations"), principal.number("memory")];
    const [storedKey, serverKey] = [base64(principal.text("stored-key")), base64(principal.text("server-key"))];
    if (salt === undefined || iterations === undefined || storedKey === undefined || serverKey === undefined) return undefined;
    return { scram: { kdf, salt, iterations, ...(kdf === "argon2id13" && { memory }), storedKey, serverKey } };
  },
  cryptosign: (principal) => {
    const keys = principal.texts("authorized_keys");
    return keys.length === 0 ? undefined : { cryptosign: keys.length === 1 ? keys[0] : keys };
  },
};

/** There in hexadecimal, here in Base64. */
function base64(hex: string | undefined): string | undefined {
  if (hex === undefined || !/^([0-9a-fA-F]{2})+$/.test(hex)) return hex;
  return Buffer.from(hex, "hex").toString("base64");
}
