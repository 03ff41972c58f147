/** What is told of services. */

export const SERVICE_STATES = ["stopped", "waiting", "starting", "ready", "stopping", "backing_off", "failed"] as const;

export type ServiceState = (typeof SERVICE_STATES)[number];

export interface ServiceInstance {
  readonly instance: number;
  readonly state: ServiceState;
  /** Why it is in this state, where there is something to say. */
  readonly reason?: string;
  /** When it came into it. */
  readonly since: number;
  /** Absent where it has no process of its own, or none now. */
  readonly pid?: number;
  /** Starts after the first. */
  readonly restarts: number;
  /** That it has joined with its ticket. */
  readonly sessions: number;
}

export interface ServiceInfo {
  readonly service: string;
  readonly instances: readonly ServiceInstance[];
  /** Services that it starts after. */
  readonly after: readonly string[];
  readonly realm?: string;
  readonly role?: string;
}

/** A line that a service has printed. */
export interface ServiceLine {
  /** Counts on from line to line of a service. */
  readonly sequence: number;
  readonly time: number;
  readonly instance: number;
  readonly stream: "stdout" | "stderr";
  readonly line: string;
}

export interface ServiceLogRequest {
  readonly service: string;
  /** The lines after this one. Default: the last ones. */
  readonly after?: number;
  /** So many at most, the last ones. Default 100. */
  readonly limit?: number;
  /** How long to wait for one, in ms, where there is none. Default: not at all. */
  readonly wait?: number;
}

/** An instance has come into another state. A type, which is a record of values to who publishes it. */
export type ServiceChange = {
  readonly service: string;
  readonly instance: number;
  readonly state: ServiceState;
  readonly reason: string;
};
