/**
 * Errors are values with four parts: a stable code, what went wrong and where (with got and expected in the
 * message), and the next step. Scripts read the code, people read the message and the hint.
 */

/** Every code a caller can meet, with the command line's exit code for it. */
export const errorCodes = {
  bad_input: { exit: 1, means: "the data given cannot be used as it is" },
  wrong_use: { exit: 2, means: "the call or command does not make sense" },
  not_found: { exit: 3, means: "a file, folder, model or name does not exist" },
  check_failed: { exit: 4, means: "a check was asked for and said no" },
  corrupt_file: { exit: 1, means: "a file is damaged, hostile or does not fit its configuration" },
  unsupported: { exit: 1, means: "known, but not something this version does" },
  too_long: { exit: 1, means: "a text does not fit the limit that applies to it" },
  busy: { exit: 1, means: "too much waits already: later there is room again" },
  out_of_memory: { exit: 1, means: "more memory is needed than there is" },
  interrupted: { exit: 130, means: "stopped on request" },
  storage_failed: { exit: 1, means: "the database, or the disk it is on, does not take or give what it should" },
  engine_failed: { exit: 1, means: "the compute engine reported an error" },
  internal: { exit: 1, means: "a bug in this program" },
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorParts {
  /** File, tensor, key, row: the place, when there is one. */
  where?: string;
  /** The next step for the person who reads this. */
  hint?: string;
  cause?: unknown;
}

/** The one error type of this package. `message` starts with `where` when it is known. */
export class ZerothError extends Error {
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, what: string, parts: ErrorParts = {}) {
    super(
      parts.where ? `${parts.where}: ${what}` : what,
      parts.cause === undefined ? undefined : { cause: parts.cause },
    );
    this.name = "ZerothError";
    this.code = code;
    this.where = parts.where;
    this.hint = parts.hint;
  }
}

/** Throw a {@link ZerothError}; typed `never` so that it can end an expression. */
export function fail(code: ErrorCode, what: string, parts?: ErrorParts): never {
  throw new ZerothError(code, what, parts);
}

/** Throw `interrupted` when the signal has fired; called between steps, never inside one. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new ZerothError("interrupted", "stopped on request", { cause: signal.reason });
  }
}
