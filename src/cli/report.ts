/** Errors as people and scripts read them. */
import { type ErrorCode, errorCodes, ZerothError } from "../errors.ts";
import { fitted } from "./output.ts";

/**
 * The error that came first. `await using` wraps what its block threw when closing throws too, which is what a program
 * does that could not be opened: the wrapper's `suppressed` is the block's own error.
 */
export function firstError(error: unknown): unknown {
  let first = error;
  // By its name: Node 20 has no such class, compilers write one of their own.
  while (first instanceof Error && first.name === "SuppressedError" && "suppressed" in first) first = first.suppressed;
  return first;
}

const permissions =
  "check its permissions; ZEROTH_HOME names another place for what is kept, HF_HOME one for what is downloaded";

const systemErrors: Readonly<Record<string, { readonly code?: ErrorCode; readonly hint?: string }>> = {
  ENOENT: { code: "not_found" },
  ENOTDIR: { code: "not_found" },
  EACCES: { hint: permissions },
  EPERM: { hint: permissions },
  EROFS: { hint: permissions },
  ENOSPC: { hint: "free some space on the disk and try again" },
  EDQUOT: { hint: "your share of the disk is used up: free some space and try again" },
  EMFILE: { hint: "too many files are open: raise the limit (ulimit -n)" },
  ENOMEM: { code: "out_of_memory" },
};

/** An error that the system gave and nobody explained: what was done to which file, and the next step. */
function fromSystem(error: unknown): ZerothError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code: name, syscall, path }: NodeJS.ErrnoException = error;
  if (name === undefined || syscall === undefined) return undefined;
  const { code = "bad_input", hint } = systemErrors[name] ?? {};
  return new ZerothError(code, code === "not_found" ? "no such file or folder" : `${syscall} failed (${name})`, {
    cause: error,
    ...(path === undefined ? {} : { where: path }),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The error as one of ours; undefined for a bug. */
export function asKnown(error: unknown): ZerothError | undefined {
  const first = firstError(error);
  return first instanceof ZerothError ? first : fromSystem(first);
}

/** Run; when Ctrl-C stops it, say how to go on. */
export async function withHint<T>(hint: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const known = asKnown(error);
    if (known?.code !== "interrupted") throw error;
    throw new ZerothError("interrupted", known.message, { hint, cause: known });
  }
}

/** Print an error on stderr; gives the exit code. */
export function reportError(
  error: unknown,
  { json = false, debug = false }: { json?: boolean; debug?: boolean },
): number {
  const first = firstError(error);
  const known = asKnown(first);
  const code = known?.code ?? "internal";
  const message = known?.message ?? (first instanceof Error ? first.message : String(first));
  if (debug && first instanceof Error) {
    process.stderr.write(`${first.stack}\n`);
    if (first.cause instanceof Error) process.stderr.write(`caused by ${first.cause.stack}\n`);
  }
  if (json) {
    const body = { code, message, ...(known?.hint ? { hint: known.hint } : {}) };
    process.stderr.write(`${JSON.stringify({ error: body })}\n`);
  } else if (code !== "interrupted") {
    const hint = known?.hint ? `  → ${known.hint}\n` : "";
    process.stderr.write(fitted(`error: ${message}\n${hint}`, process.stderr));
    if (!known && !debug) process.stderr.write("  → this is a bug; --debug shows where\n");
  } else if (known?.hint) process.stderr.write(`${known.hint}\n`);
  return errorCodes[code].exit;
}

/** What a failing row becomes in the output. */
export function errorRow(error: ZerothError, id: unknown): object {
  const body = { code: error.code, message: error.message, ...(error.hint ? { hint: error.hint } : {}) };
  return { ...(id === undefined ? {} : { id }), error: body };
}
