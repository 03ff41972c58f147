/** What crosses the router beside a payload: only keys that are defined, and nothing that a peer claims of itself (AMB-16, T29). */
import { type Call, type InvocationDetails, NO_OPTIONS, type ResultDetails } from "@junctor/protocol";
import type { Disclosure } from "../access/role.ts";
import { defined } from "../broker/broker.ts";
import type { Session } from "../session.ts";
import type { Callee } from "./registration.ts";

export function invocationDetails(
  caller: Session,
  { options, procedure }: Pick<Call, "options" | "procedure">,
  callee: Callee,
  disclose: Disclosure,
  receivesProgress: boolean,
  trustlevel: number | undefined,
  timeout: number | undefined,
): InvocationDetails {
  const { ppt_scheme, ppt_serializer, ppt_cipher, ppt_keyid, enc_algo, enc_key, enc_serializer } = options;
  // [RPC-CID-02, RPC-CID-05, AMB-66]
  const isDisclosed = disclose === "force" || options.disclose_me === true || (callee.discloseCaller && disclose !== "deny");
  return defined({
    procedure: callee.registration.match === "exact" ? undefined : procedure, // [RPC-PAT-07]
    receive_progress: receivesProgress ? true : undefined,
    timeout,
    caller: isDisclosed ? caller.id : undefined,
    caller_authid: isDisclosed ? caller.authid : undefined,
    caller_authrole: isDisclosed ? caller.authrole : undefined,
    trustlevel,
    ppt_scheme,
    ppt_serializer,
    ppt_cipher,
    ppt_keyid,
    enc_algo,
    enc_key,
    enc_serializer,
  });
}

/** Of RESULT from YIELD's options, and of ERROR from the callee's. */
export function resultDetails(options: ResultDetails): ResultDetails {
  if (options === NO_OPTIONS) return options;
  const { progress, ppt_scheme, ppt_serializer, ppt_cipher, ppt_keyid, enc_algo, enc_key, enc_serializer } = options;
  // A stream of progressive results shares one record.
  if (ppt_scheme === undefined && enc_algo === undefined) return progress === true ? PROGRESS : NO_OPTIONS;
  return defined({
    progress: progress === true ? true : undefined,
    ppt_scheme,
    ppt_serializer,
    ppt_cipher,
    ppt_keyid,
    enc_algo,
    enc_key,
    enc_serializer,
  });
}

const PROGRESS: ResultDetails = Object.freeze({ progress: true });
