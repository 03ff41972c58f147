/**
 * The supervisor: which instances of which services are to run, in which order they start and stop, and how many processes may
 * be started in a second. Sans-IO: it is told what happened, and answers with what to do; time is an argument.
 */
import type { ServiceChange } from "@junctor/admin-api";
import { type Ending, Instance, type InstanceObserver, type Order, type Terms } from "./instance.ts";

export interface ServiceSpec extends Terms {
  readonly name: string;
  /** How many are to run. */
  readonly instances: number;
  /** Services that have to be ready before it is started. They end after it, when everything ends. */
  readonly after: readonly string[];
}

export type Effect =
  | { readonly kind: Order; readonly service: string; readonly instance: number }
  | ({ readonly kind: "changed" } & ServiceChange);

interface Service {
  spec: ServiceSpec;
  /** It is to run, as far as anybody has said. */
  isWanted: boolean;
  /** By number; those beyond `spec.instances` go away. */
  readonly instances: Map<number, Instance>;
  /** Still to be restarted, one after another, each when the one before is ready. */
  renewing: { readonly numbers: number[]; readonly reason: string } | undefined;
}

export class Supervisor {
  readonly #services = new Map<string, Service>();
  readonly #observer: InstanceObserver;
  #effects: Effect[] = [];
  #nextSpawn = Number.NEGATIVE_INFINITY;
  #isSpawnAwaited = false;
  #isClosing = false;

  /** @param random in [0, 1), for the jitter of restarts */
  constructor(random: () => number) {
    this.#observer = {
      random,
      order: ({ service, number }, kind) => void this.#effects.push({ kind, service, instance: number }),
      changed: ({ service, number, state, reason }) => {
        this.#effects.push({ kind: "changed", service, instance: number, state, reason });
      },
    };
  }

  /** Adds a service, or changes one: what runs of it is restarted, an instance at a time; what does not is started. */
  put(spec: ServiceSpec, isWanted: boolean, now: number): readonly Effect[] {
    const known = this.#services.get(spec.name);
    const service: Service = known ?? { spec, isWanted, instances: new Map(), renewing: undefined };
    this.#services.set(spec.name, service);
    const present = known === undefined ? [] : this.#present(known).filter(({ number }) => number <= spec.instances);
    if (service.spec.instances === 0) service.isWanted = isWanted; // it was going away
    service.spec = spec;
    const numbers = present.filter(({ isRunning }) => isRunning).map(({ number }) => number);
    service.renewing = service.isWanted ? { numbers, reason: "its configuration has changed" } : undefined;
    for (let number = 1; number <= spec.instances; number++) {
      const instance = service.instances.get(number) ?? new Instance(spec.name, number, this.#observer);
      service.instances.set(number, instance);
      if (service.isWanted && !numbers.includes(number)) instance.start(now);
    }
    for (const instance of service.instances.values()) if (instance.number > spec.instances) instance.stop(now);
    return this.#settle(now);
  }

  /** Stops a service, and forgets it when it has stopped. */
  remove(name: string, now: number): readonly Effect[] {
    const service = this.#services.get(name);
    if (service !== undefined) {
      service.spec = { ...service.spec, instances: 0 };
      service.isWanted = false;
      service.renewing = undefined;
      for (const instance of service.instances.values()) instance.stop(now);
    }
    return this.#settle(now);
  }

  start(name: string, now: number): readonly Effect[] {
    const service = this.#services.get(name);
    if (service !== undefined && !this.#isClosing) {
      service.isWanted = true;
      for (const instance of this.#present(service)) instance.start(now);
    }
    return this.#settle(now);
  }

  stop(name: string, now: number): readonly Effect[] {
    const service = this.#services.get(name);
    if (service !== undefined) {
      service.isWanted = false;
      service.renewing = undefined;
      for (const instance of service.instances.values()) instance.stop(now);
    }
    return this.#settle(now);
  }

  /** Restarts what runs, an instance at a time, and starts what does not. */
  restart(name: string, reason: string, now: number): readonly Effect[] {
    const service = this.#services.get(name);
    if (service !== undefined && !this.#isClosing) {
      service.isWanted = true;
      const present = this.#present(service);
      service.renewing = { numbers: present.filter(({ isRunning }) => isRunning).map(({ number }) => number), reason };
      for (const instance of present) if (!instance.isRunning) instance.start(now);
    }
    return this.#settle(now);
  }

  /** Everything ends, services after those that need them. */
  close(now: number): readonly Effect[] {
    this.#isClosing = true;
    for (const service of this.#services.values()) {
      service.isWanted = false;
      service.renewing = undefined;
      for (const instance of service.instances.values()) {
        if (!instance.isRunning && instance.state !== "failed") instance.stop(now);
        // What is on its way to come back stays away.
        if (instance.state === "stopping") instance.stop(now);
      }
    }
    return this.#settle(now);
  }

  ready(name: string, number: number, now: number): readonly Effect[] {
    this.#instance(name, number)?.ready(now);
    return this.#settle(now);
  }

  exited(name: string, number: number, ending: Ending, hasRemnants: boolean, now: number): readonly Effect[] {
    this.#instance(name, number)?.exited(ending, hasRemnants, now);
    return this.#settle(now);
  }

  vanished(name: string, number: number, now: number): readonly Effect[] {
    this.#instance(name, number)?.vanished(now);
    return this.#settle(now);
  }

  condemn(name: string, number: number, reason: string, now: number): readonly Effect[] {
    this.#instance(name, number)?.condemn(now, reason);
    return this.#settle(now);
  }

  /** When `wake` is to be called. */
  get deadline(): number {
    let deadline = this.#isSpawnAwaited ? this.#nextSpawn : Number.POSITIVE_INFINITY;
    for (const { instances } of this.#services.values())
      for (const instance of instances.values()) deadline = Math.min(deadline, instance.deadline);
    return deadline;
  }

  wake(now: number): readonly Effect[] {
    for (const { instances } of this.#services.values())
      for (const instance of instances.values()) if (instance.deadline <= now) instance.expired(now);
    return this.#settle(now);
  }

  get specs(): ServiceSpec[] {
    return [...this.#services.values()].map(({ spec }) => spec);
  }

  instancesOf(name: string): readonly Instance[] {
    return [...(this.#services.get(name)?.instances.values() ?? [])].sort((a, b) => a.number - b.number);
  }

  /** One of its instances is ready. */
  isReady(name: string): boolean {
    return this.instancesOf(name).some(({ state }) => state === "ready");
  }

  /** Nothing is running. */
  get isIdle(): boolean {
    return [...this.#services.values()].every(isAtRest);
  }

  #present({ spec, instances }: Service): Instance[] {
    return [...instances.values()].filter(({ number }) => number <= spec.instances);
  }

  #instance(name: string, number: number): Instance | undefined {
    return this.#services.get(name)?.instances.get(number);
  }

  /** Does what has become possible. */
  #settle(now: number): readonly Effect[] {
    if (this.#isClosing) this.#stopInOrder(now);
    for (const service of this.#services.values()) renew(service, now);
    this.#spawn(now);
    this.#forget();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #stopInOrder(now: number): void {
    const services = [...this.#services.values()];
    for (const service of services) {
      const isNeeded = services.some((other) => other.spec.after.includes(service.spec.name) && !isAtRest(other));
      if (isNeeded) continue;
      for (const instance of service.instances.values()) if (instance.isRunning) instance.stop(now);
    }
  }

  /**
   * A process takes the router some milliseconds to start: a service that ends again and again, or a hundred instances at
   * once, are not to take its time. Whoever waits longest comes first.
   */
  #spawn(now: number): void {
    const able: { readonly instance: Instance; readonly spec: ServiceSpec }[] = [];
    for (const { spec, instances } of this.#services.values()) {
      for (const instance of instances.values()) {
        if (instance.state !== "waiting") continue;
        const missing = spec.after.find((name) => !this.isReady(name));
        instance.reason = missing === undefined ? "" : this.#waitReason(missing);
        if (missing === undefined) able.push({ instance, spec });
      }
    }
    if (able.length > 0 && now >= this.#nextSpawn) {
      able.sort((a, b) => a.instance.since - b.instance.since);
      const first = able.shift();
      first?.instance.admit(first.spec, now);
      this.#nextSpawn = now + SPAWN_GAP_MS;
    }
    this.#isSpawnAwaited = able.length > 0;
  }

  #waitReason(name: string): string {
    const instances = this.instancesOf(name);
    if (instances.length === 0) return `waits for ${name}, which there is not`;
    const hasFailed = instances.every(({ state }) => state === "failed");
    return `waits for ${name}${hasFailed ? ", which has failed" : ""}`;
  }

  #forget(): void {
    for (const [name, { spec, instances }] of this.#services) {
      for (const [number, { state }] of instances) if (number > spec.instances && state === "stopped") instances.delete(number);
      if (spec.instances === 0 && instances.size === 0) this.#services.delete(name);
    }
  }
}

/** The next one, when the one before has come back. One that does not come back ends it: the others go on as they are. */
function renew(service: Service, now: number): void {
  const { renewing, instances } = service;
  if (renewing === undefined) return;
  const states = [...instances.values()].map(({ state }) => state);
  if (states.includes("failed")) service.renewing = undefined;
  else if (!states.some((state) => state === "waiting" || state === "starting" || state === "stopping" || state === "backing_off")) {
    const number = renewing.numbers.shift();
    if (number === undefined) service.renewing = undefined;
    else instances.get(number)?.restart(now, renewing.reason);
  }
}

function isAtRest({ instances }: Service): boolean {
  return [...instances.values()].every(({ isRunning }) => !isRunning);
}

/** At most twenty processes in a second. */
const SPAWN_GAP_MS = 50;
