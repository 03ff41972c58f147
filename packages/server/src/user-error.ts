/** Something that the user can mend: printed as cause and remedy, never with a stack trace. */

/** Exit codes of the command line. */
export const Exit = { ok: 0, failed: 1, usage: 2, connect: 3, auth: 4, timeout: 5 } as const;

export class UserError extends Error {
  override readonly name: string = "UserError";
  /** What to do next. */
  readonly remedy: string | undefined;
  readonly exitCode: number;

  constructor(message: string, options: { remedy?: string; exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.remedy = options.remedy;
    this.exitCode = options.exitCode ?? Exit.failed;
  }
}

/** The system says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === "ENOENT";
}

/** A command has said all that there is to say, and ends with this code. */
export class ExitWith extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** Why a file or directory cannot be read, in words. */
export function whyUnreadable(error: unknown): string {
  const code = codeOf(error);
  const texts: Readonly<Record<string, string>> = {
    ENOENT: "it does not exist",
    EACCES: "this user may not read it",
    EISDIR: "it is a directory",
    ENOTDIR: "a part of its path is no directory",
  };
  return texts[code ?? ""] ?? code ?? String(error);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
