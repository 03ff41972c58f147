/** `wamp.registration.*` (requirements 6.2): what the dealer tells of its registrations. The router's own are none (AMB-95). */
import { Uri } from "@junctor/protocol";
import type { Registration } from "../dealer/registration.ts";
import type { Realm } from "../realm.ts";
import type { PatternKind } from "./pattern-meta.ts";

export function registrationKind(realm: Realm): PatternKind<Registration> {
  return {
    name: "registration",
    joined: "on_register",
    left: "on_unregister",
    members: "callees",
    remove: "remove_callee",
    noSuch: Uri.noSuchRegistration,
    actions: ["call", "register"],
    uri: ({ procedure }) => procedure,
    details: ({ id, created, procedure, match, invoke }) => ({
      id,
      created: new Date(created).toISOString(), // [META-R-02]
      uri: procedure,
      match,
      invoke,
    }),
    memberIds: ({ callees }) => callees.map(({ session }) => session.id),
    isMember: (session, { id }) => session.registrations.has(id),
    all: (match) => realm.dealer.registrations(match),
    byId: (id) => realm.dealer.registration(id),
    find: (uri, match) => realm.dealer.find(uri, match),
    matching: (uri) => realm.dealer.best(uri)?.id ?? null,
    revoke: ({ id }, session, reason) => realm.dealer.revoke(id, session, reason),
  };
}
