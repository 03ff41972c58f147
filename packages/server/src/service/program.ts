/** What a service is to its manager, wherever it comes from: the configuration, a web service that needs processes, or an embedder. */
import type { Session } from "@junctor/client";
import type { ServiceSpec } from "./supervisor.ts";

export interface Program extends ServiceSpec {
  readonly launch: Launch;
  /** It is given a ticket for it. */
  readonly login: { readonly realm: string; readonly role: string } | undefined;
  readonly ready: Readiness;
  /** Each instance gets a path for a UNIX socket that it is to listen on, as `JUNCTOR_LISTEN` and to its command. */
  readonly listens?: boolean;
  /** Bytes of it and its descendants above which it is restarted. */
  readonly memoryLimit: number | undefined;
  /** Directories, files and patterns; it is restarted when something there changes. */
  readonly watch: readonly string[];
  readonly output: OutputTerms;
}

export interface OutputTerms {
  /** Whether lines go to the server's log. */
  readonly isLogged: boolean;
  /** How many of the last lines are kept. */
  readonly keep: number;
  readonly bytesPerSecond: number;
}

export type Launch =
  | {
      readonly kind: "process";
      /** Program and arguments. */
      readonly command: (context: InstanceContext) => readonly string[];
      readonly cwd: string;
      /** Whether it gets the environment that the server was started with, or which variables of it. */
      readonly inherits: boolean | readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly user: string | undefined;
      readonly group: string | undefined;
      readonly stopSignal: NodeJS.Signals;
    }
  | { readonly kind: "component"; readonly component: Component };

export interface InstanceContext {
  readonly instance: number;
  /** Where it is to listen, for programs that do. */
  readonly socket: string;
}

/** When an instance counts as ready. */
export type Readiness =
  | { readonly kind: "started" }
  /** It has joined with its ticket. */
  | { readonly kind: "joined" }
  /** Its session has registered all of them. */
  | { readonly kind: "registered"; readonly procedures: readonly string[] }
  /** It has printed a line with this in it. */
  | { readonly kind: "line"; readonly pattern: string | RegExp }
  /** Somebody accepts connections there. */
  | { readonly kind: "port"; readonly port: number }
  /** The same for the socket that it is to listen on. */
  | { readonly kind: "listens" };

/**
 * A service that runs in the server's own process, as a module's default export does in one of its own. It lives as long as its
 * session; when it is to end, `signal` is aborted, and it may take until what it returned is settled.
 */
export type Component = (session: Session, context: ComponentContext) => unknown;

export interface ComponentContext {
  readonly signal: AbortSignal;
  readonly service: { readonly name: string; readonly instance: number };
}
