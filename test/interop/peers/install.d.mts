export type Runtime = "node.js" | "python" | "go" | "crossbar";

/** The command that starts a peer; undefined where its runtime is not installed in the version asked for. */
export function commandOf(runtime: Runtime, program: string): readonly [string, ...string[]] | undefined;
