/** `junctor.subscriptions.*` and `junctor.procedures.*`: what is subscribed and registered, in all realms. */
import { ADMIN_REALM, AdminError, type PatternFilter, type ProcedureInfo, type SubscriptionInfo } from "@junctor/admin-api";
import { ApplicationError } from "@junctor/client";
import { isUri, Uri } from "@junctor/protocol";
import type { Realm, Router } from "@junctor/router";
import { z } from "zod";
import type { AdminApi } from "./admin-api.ts";

const id = z.int().positive();
const filter = z.strictObject({
  realm: z.string().exactOptional(),
  prefix: z.string().exactOptional(),
  order: z.enum(["members", "traffic"]).exactOptional(),
  limit: z.int().min(1).max(100_000).exactOptional(),
});
const removal = z.strictObject({
  registration: id,
  session: id.exactOptional(),
  reason: z
    .string()
    .refine((text) => isUri(text), "a reason is a URI")
    .exactOptional(),
});

type Registration = NonNullable<ReturnType<Realm["dealer"]["registration"]>>;
type Subscription = NonNullable<ReturnType<Realm["broker"]["subscription"]>>;

export function providePatterns(api: AdminApi, router: Router): void {
  api.provide("junctor.subscriptions.list", filter, (wanted) => {
    const all = list(
      router,
      wanted,
      ({ broker }) => broker.subscriptions(),
      ({ topic }) => topic,
      subscriptionInfo,
    );
    all.sort(wanted.order === "traffic" ? (a, b) => b.events - a.events : (a, b) => b.subscribers - a.subscribers);
    return { subscriptions: all.slice(0, wanted.limit ?? MOST), total: all.length };
  });
  api.provide("junctor.subscriptions.get", z.strictObject({ subscription: id }), ({ subscription }) => {
    const [realm, found] = find(
      router,
      ({ broker }) => broker.subscription(subscription),
      Uri.noSuchSubscription,
      `subscription ${subscription}`,
    );
    return { ...subscriptionInfo(found, realm), sessions: found.subscribers.slice(0, MOST).map(({ id }) => id) };
  });
  api.provide("junctor.procedures.list", filter, (wanted) => {
    const all = list(
      router,
      wanted,
      ({ dealer }) => dealer.registrations(),
      ({ procedure }) => procedure,
      procedureInfo,
    );
    all.sort(wanted.order === "traffic" ? (a, b) => b.calls - a.calls : (a, b) => b.callees - a.callees);
    return { procedures: all.slice(0, wanted.limit ?? MOST), total: all.length };
  });
  api.provide("junctor.procedures.get", z.strictObject({ registration: id }), ({ registration }) => {
    const [realm, found] = findRegistration(router, registration);
    return { ...procedureInfo(found, realm), sessions: found.callees.slice(0, MOST).map(({ session }) => session.id) };
  });
  api.provide("junctor.procedures.unregister", removal, ({ registration, session, reason }) => {
    const [realm, found] = findRegistration(router, registration);
    const own = found.callees.filter((callee) => !callee.session.isTrusted).map((callee) => callee.session);
    const concerned = own.filter(({ id }) => session === undefined || id === session);
    if (concerned.length === 0)
      throw new ApplicationError(AdminError.notFound, [
        session === undefined ? `${found.procedure} is the server's own` : `the session ${session} has not registered ${found.procedure}`,
      ]);
    for (const callee of concerned) realm.dealer.revoke(registration, callee, reason);
    return { removed: concerned.length };
  });
}

function list<T, Info>(
  router: Router,
  { realm: only, prefix = "" }: PatternFilter,
  all: (realm: Realm) => Iterable<T>,
  uriOf: (object: T) => string,
  infoOf: (object: T, realm: Realm) => Info,
): Info[] {
  if (only !== undefined && router.realm(only) === undefined) throw new ApplicationError(Uri.noSuchRealm, [`there is no realm ${only}`]);
  const found: Info[] = [];
  for (const realm of router.realms) {
    if (only === undefined ? realm.name === ADMIN_REALM : realm.name !== only) continue;
    for (const object of all(realm)) if (uriOf(object).startsWith(prefix)) found.push(infoOf(object, realm));
  }
  return found;
}

/** Ids are the whole router's (AMB-27). */
function find<T>(router: Router, lookUp: (realm: Realm) => T | undefined, error: string, what: string): readonly [Realm, T] {
  for (const realm of router.realms) {
    const found = lookUp(realm);
    if (found !== undefined) return [realm, found];
  }
  throw new ApplicationError(error, [`there is no ${what}`]);
}

function findRegistration(router: Router, id: number): readonly [Realm, Registration] {
  return find(router, ({ dealer }) => dealer.registration(id), Uri.noSuchRegistration, `registration ${id}`);
}

function subscriptionInfo({ id, topic, match, created, subscribers, log, events }: Subscription, { name }: Realm): SubscriptionInfo {
  return {
    subscription: id,
    realm: name,
    topic,
    match,
    createdAt: created,
    subscribers: subscribers.length,
    events,
    hasHistory: log !== undefined,
  };
}

function procedureInfo({ id, procedure, match, invoke, created, callees, calls }: Registration, { name }: Realm): ProcedureInfo {
  return { registration: id, realm: name, procedure, match, invoke, createdAt: created, callees: callees.length, calls };
}

/** What is told at once where nobody says how much. */
const MOST = 1_000;
