/**
 * `tls`: the client's certificate says who it is. The listener has verified it before; here its names become an authid and
 * a role, by the first rule that fits.
 *
 * Spec: requirements SEC-03, AUTH-07.
 */
import type { ClientCertificate } from "@junctor/router";
import { type AuthMethod, denied, granted, UNSUITABLE } from "./method.ts";

export interface CertificateRule {
  /** What the certificate has to say: parts of its subject (`O`, `OU`, …), or `SAN` for one of its alternative names. */
  readonly when: Readonly<Record<string, string>>;
  readonly role: string;
  /** `{CN}`, `{DNS}`, `{email}`, `{URI}`, `{fingerprint}` and other parts of the subject stand for what the certificate says. */
  readonly authid: string;
}

export function tls(rules: readonly CertificateRule[]): AuthMethod<ClientCertificate> {
  return {
    method: "tls",
    find: ({ origin }) => origin.tls?.certificate ?? UNSUITABLE,
    begin: (_request, certificate) => {
      const grant = certificate && grantedBy(rules, certificate);
      return grant === undefined ? denied() : granted({ authid: grant.authid, roles: [grant.role], authprovider: "tls" });
    },
  };
}

/** What the first rule that fits a certificate makes of it. */
export function grantedBy(
  rules: readonly CertificateRule[],
  certificate: ClientCertificate,
): { readonly authid: string; readonly role: string } | undefined {
  const rule = rules.find(({ when }) => fits(certificate, when));
  const authid = rule && filled(rule.authid, certificate);
  return rule === undefined || authid === undefined ? undefined : { authid, role: rule.role };
}

function fits({ subject, alternativeNames }: ClientCertificate, when: Readonly<Record<string, string>>): boolean {
  return Object.entries(when).every(([name, value]) =>
    name === "SAN" ? alternativeNames.includes(value) : Object.hasOwn(subject, name) && subject[name] === value,
  );
}

/** @returns `undefined` where the certificate lacks what a placeholder stands for */
function filled(template: string, certificate: ClientCertificate): string | undefined {
  let isWhole = true;
  const text = template.replace(/\{(\w+)\}/g, (_placeholder, name: string) => {
    const value = named(name, certificate);
    isWhole &&= value !== undefined && value !== "";
    return value ?? "";
  });
  return isWhole && text !== "" ? text : undefined;
}

function named(name: string, { subject, alternativeNames, fingerprint }: ClientCertificate): string | undefined {
  if (name === "fingerprint") return fingerprint;
  if (Object.hasOwn(subject, name)) return subject[name];
  return alternativeNames.find((alternative) => alternative.startsWith(`${name}:`))?.slice(name.length + 1);
}
