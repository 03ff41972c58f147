import type { Answer, Command } from "../../peer.ts";

type Values = readonly unknown[];
type Dict = Readonly<Record<string, unknown>>;
interface Message {
  readonly args: Values;
  readonly kwargs: Dict;
}

export class CallError extends Error {
  readonly uri: string;
  readonly args: Values;
  readonly kwargs: Dict;
  constructor(uri: string, args?: Values, kwargs?: Dict);
}

export interface Invoked extends Message {
  /** Absent where no progressive results are asked for. */
  readonly progress?: ((args: Values, kwargs: Dict) => unknown) | undefined;
  /** Resolves when the caller has cancelled; never where the client does not tell. */
  readonly interrupted: Promise<unknown>;
  /** After the first, where the client reads calls in pieces. */
  readonly chunks?: AsyncIterable<Message>;
}

export interface Followed extends Message {
  readonly procedure: string;
  readonly mode?: "kill" | "killnowait";
  readonly chunks?: readonly Message[];
  readonly onProgress: (message: Message) => void;
}

/** A session of the client under test. */
export interface Client {
  register(procedure: string, handler: (args: Values, kwargs: Dict) => Message): Promise<unknown>;
  call(procedure: string, args: Values, kwargs: Dict): Promise<Message>;
  subscribe(topic: string, handler: (args: Values, kwargs: Dict) => void): Promise<unknown>;
  publish(topic: string, args: Values, kwargs: Dict): Promise<unknown>;
  offer(procedure: string, handler: (invoked: Invoked) => Promise<Message>): Promise<unknown>;
  follow(call: Followed): { readonly result: Promise<Message>; readonly cancel: () => void };
  leave(): Promise<unknown>;
}

export function executor<Options>(connect: (options: Options) => Promise<Client>): (command: Command) => Promise<Answer>;
