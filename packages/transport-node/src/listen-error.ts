/** Why listening failed, in words that name the remedy. */

/** Listening failed; the message names cause and remedy. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code: string;
  /** The path of a UNIX socket, or `host:port`. */
  readonly where: string;

  constructor(code: string, message: string, where: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
    this.where = where;
  }
}

export function listenError(error: unknown, where: string): ListenError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "UNKNOWN";
  const texts: Record<string, string> = {
    EADDRINUSE: `${where} is in use by another process; stop it or choose another port or path`,
    EACCES: `no permission to listen on ${where}; choose a port above 1023, or a path that this user may write`,
    EADDRNOTAVAIL: `${where} is no address of this machine; 127.0.0.1 is this machine only, 0.0.0.0 all its addresses`,
    ENOENT: `the directory of ${where} does not exist; create it first`,
    EEXIST: `${where} exists and is no socket; choose another path`,
    ENAMETOOLONG: `${where} is longer than the path of a UNIX socket may be; choose a shorter one`,
    ENOTFOUND: `the host of ${where} is not known`,
  };
  return new ListenError(
    code,
    texts[code] ?? `cannot listen on ${where}: ${error instanceof Error ? error.message : String(error)}`,
    where,
    error,
  );
}
