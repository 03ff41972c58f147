/** Who the command line joins as: the methods of authentication that its options give. */
import type { AuthMethod } from "@junctor/client";
import { readPrivateKey, readSecret } from "../auth/key-file.ts";
import { Exit, UserError } from "../user-error.ts";
import type { ClientOptions } from "./session.ts";

/** Secrets come from files, never from the command line, where everybody on the machine could read them. */
export async function credentialsOf({ authid, key, ticketFile, secretFile, passwordFile }: ClientOptions): Promise<AuthMethod[]> {
  const secretOf = (file: string) => readSecret(file === "-" ? undefined : file);
  const named = (option: string): string => {
    if (authid === undefined) throw new UserError(`${option} needs a name`, { remedy: "give it with --authid NAME", exitCode: Exit.usage });
    return authid;
  };
  const auth: AuthMethod[] = [];
  if (key !== undefined) {
    const { cryptosign } = await import("@junctor/client/auth/cryptosign");
    auth.push(cryptosign({ privateKey: readPrivateKey(key), ...(authid !== undefined && { authid }) }));
  }
  if (passwordFile !== undefined) {
    const { scram } = await import("@junctor/client/auth/scram");
    auth.push(scram({ authid: named("--password-file"), password: secretOf(passwordFile) }));
  }
  if (secretFile !== undefined) {
    const { wampcra } = await import("@junctor/client/auth/wampcra");
    auth.push(wampcra({ authid: named("--secret-file"), secret: secretOf(secretFile) }));
  }
  if (ticketFile !== undefined) {
    const { ticket } = await import("@junctor/client/auth/ticket");
    auth.push(ticket({ authid: named("--ticket-file"), ticket: secretOf(ticketFile) }));
  }
  return auth;
}
