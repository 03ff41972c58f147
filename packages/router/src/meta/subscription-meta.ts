/** `wamp.subscription.*` (requirements 6.3): what the broker tells of its subscriptions. */
import { Uri } from "@junctor/protocol";
import type { Subscription } from "../broker/broker.ts";
import type { Realm } from "../realm.ts";
import type { PatternKind } from "./pattern-meta.ts";

export function subscriptionKind(realm: Realm): PatternKind<Subscription> {
  return {
    name: "subscription",
    joined: "on_subscribe",
    left: "on_unsubscribe",
    members: "subscribers",
    remove: "remove_subscriber",
    noSuch: Uri.noSuchSubscription,
    // Whoever publishes may ask whether anybody listens.
    actions: ["subscribe", "publish"],
    uri: ({ topic }) => topic,
    details: ({ id, created, topic, match }) => ({ id, created: new Date(created).toISOString(), uri: topic, match }),
    memberIds: ({ subscribers }) => subscribers.map(({ id }) => id),
    isMember: (session, { id }) => session.subscriptions.has(id),
    all: (match) => realm.broker.subscriptions(match),
    byId: (id) => realm.broker.subscription(id),
    find: (uri, match) => realm.broker.find(uri, match),
    matching: (uri) => {
      const ids = realm.broker.matching(uri);
      return ids.length === 0 ? null : ids; // [AMB-95] never an empty list
    },
    revoke: ({ id }, session, reason) => realm.broker.revoke(id, session, reason),
  };
}
