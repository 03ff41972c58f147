/**
 * Testaments: events that a session leaves with the router, to be published when it is gone, however it went.
 *
 * There is no session resume, so a session is detached and destroyed at once; the two scopes still are two lists, and the
 * detached one comes first (PS-TEST-04).
 *
 * Spec: requirements 5.10; AMB-88, AMB-90, AMB-93.
 */
import {
  isDict,
  MessageType,
  NO_OPTIONS,
  Payload,
  ProtocolError,
  type Publish,
  type PublishOptions,
  publishOptions,
  Uri,
} from "@junctor/protocol";
import type { Decision } from "../access/role.ts";
import { longestList } from "../broker/event-filter.ts";
import type { LocalCall } from "../dealer/local-call.ts";
import { type Refusal, refusal } from "../error.ts";
import type { Realm } from "../realm.ts";
import type { Session } from "../session.ts";
import { invalidArgument, isAbsent, provide } from "./meta-procedure.ts";

type Scope = "detached" | "destroyed";
/** In the order they were added (PS-TEST-03). */
type Will = Readonly<Record<Scope, Publish[]>>;

export class Testaments {
  readonly #realm: Realm;
  readonly #wills = new Map<Session, Will>();

  constructor(realm: Realm) {
    this.#realm = realm;
  }

  provide(): void {
    this.#realm.dealer.provide("wamp.session.add_testament", (call) => this.#add(call));
    provide(this.#realm.dealer, {
      "wamp.session.flush_testaments": (caller, _, { scope }) => {
        const which = scopeOf(scope);
        if (which === undefined) return invalidArgument(SCOPE);
        this.#wills.get(caller)?.[which].splice(0);
        return [];
      },
    });
  }

  /** Publishes what the session left, in its name, and then goes on. To be called when nothing else of it is left. */
  execute(session: Session, goOn: () => void): void {
    const will = this.#wills.get(session);
    if (will === undefined) {
      goOn();
      return;
    }
    this.#wills.delete(session);
    const testaments = session.leavesSilently ? [] : [...will.detached, ...will.destroyed]; // [META-S-07]
    const publishFrom = (next: number): void => {
      const testament = testaments[next];
      if (testament === undefined) {
        goOn();
        return;
      }
      // [AMB-88] What it may do now counts, not what it might when it wrote this.
      session.decide("publish", testament.topic, "exact", (decision) => {
        this.#publish(session, testament, decision);
        publishFrom(next + 1);
      });
    };
    publishFrom(0);
  }

  #publish(session: Session, testament: Publish, { allow, disclose }: Decision): void {
    const { broker, counters } = this.#realm;
    const refused = allow ? broker.publish(session, testament, disclose) : DENIED;
    if (refused !== undefined) counters.publicationsRefused++; // [AMB-17]
  }

  #add(call: LocalCall): void {
    const { caller, payload } = call;
    const given = this.#read(caller, payload.args ?? [], payload.kwargs ?? {});
    if ("error" in given) {
      call.fail(given);
      return;
    }
    const { scope, testament } = given;
    const exceeded = this.#exceeded(caller, payload.end - payload.start, testament.options);
    if (exceeded !== undefined) {
      call.fail(exceeded);
      return;
    }
    caller.authorize("publish", testament.topic, "exact", (decision) => {
      const refused = !decision.allow
        ? refusal(Uri.notAuthorized, `the role ${caller.authrole} may not publish ${testament.topic}`)
        : decision.disclose === "deny" && testament.options.disclose_me === true
          ? refusal(Uri.discloseMeDisallowed)
          : undefined;
      if (refused !== undefined) call.fail(refused);
      else if (!call.isEnded) {
        this.#will(caller)[scope].push(testament);
        call.result();
      }
    });
  }

  /** [PS-TEST-01] */
  #read(
    caller: Session,
    [topic, args, kwargs]: readonly unknown[],
    { publish_options, scope }: Readonly<Record<string, unknown>>,
  ): Refusal | { readonly scope: Scope; readonly testament: Publish } {
    const which = scopeOf(scope);
    if (which === undefined) return invalidArgument(SCOPE);
    if (typeof topic !== "string") return invalidArgument("a topic, a list of arguments, a dict of keyword arguments");
    if (!Array.isArray(args)) return invalidArgument("a list of arguments after the topic");
    if (!isDict(kwargs)) return invalidArgument("a dict of keyword arguments after the arguments");
    const problem = caller.problemOf(topic, "exact", "publish");
    if (problem !== undefined) return problem;
    if (!isAbsent(publish_options) && !isDict(publish_options)) return invalidArgument("publish_options: a dict, as PUBLISH has it");
    let options: PublishOptions = NO_OPTIONS;
    try {
      if (isDict(publish_options)) options = withoutAcknowledge(publishOptions(publish_options));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return refusal(Uri.invalidArgument, error.message);
    }
    return { scope: which, testament: { type: MessageType.Publish, request: 0, options, topic, payload: Payload.of(args, kwargs) } };
  }

  #exceeded(caller: Session, size: number, options: PublishOptions): Refusal | undefined {
    const { limits } = caller;
    const will = this.#wills.get(caller);
    const count = will === undefined ? 0 : will.detached.length + will.destroyed.length;
    if (count >= limits.testaments) return caller.overLimit("testaments");
    if (size > limits.testamentSize) return caller.overLimit("testamentSize");
    return longestList(options) > limits.listLength ? caller.overLimit("listLength") : undefined;
  }

  #will(session: Session): Will {
    let will = this.#wills.get(session);
    if (will === undefined) {
      will = { detached: [], destroyed: [] };
      this.#wills.set(session, will);
    }
    return will;
  }
}

const SCOPE = 'scope: "destroyed", which is the default, or "detached"';
const DENIED = refusal(Uri.notAuthorized);

function scopeOf(scope: unknown): Scope | undefined {
  if (isAbsent(scope)) return "destroyed";
  return scope === "detached" || scope === "destroyed" ? scope : undefined;
}

/** Nobody is left to be told (PS-TEST-05). */
function withoutAcknowledge({ acknowledge: _, ...options }: PublishOptions): PublishOptions {
  return Object.keys(options).length === 0 ? NO_OPTIONS : options;
}
