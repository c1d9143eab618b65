/** How long work ends, for whoever decides whether to try again. */
import { ZerothError } from "../../errors.ts";

export const exits = {
  done: 0,
  failed: 1,
  /** Wrong use or configuration: trying again will not help. */
  use: 2,
  /** An input is missing or has changed. */
  input: 3,
  /** Some partitions failed, the others are done (--keep-going). */
  skipped: 4,
  /** The network, a lock, a full disk: trying again later may help. */
  temporary: 75,
  interrupted: 130,
  terminated: 143,
} as const;

const passing = new Set([
  ...["ENOSPC", "EDQUOT", "EBUSY", "EAGAIN", "EMFILE", "ENFILE", "EIO"],
  ...["ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EPIPE", "ENETUNREACH", "EHOSTUNREACH", "EAI_AGAIN", "ENOTFOUND"],
  ...["UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_SOCKET"],
]);

/** Whether the system or the network said something that may pass, here or in what this error was made of. */
function passes(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > 8) return false;
  const { code } = error as NodeJS.ErrnoException;
  return (code !== undefined && passing.has(code)) || passes(error.cause, depth + 1);
}

export function exitOf(error: unknown): number {
  const known = error instanceof ZerothError ? error : undefined;
  if (known?.code === "interrupted") return exits.interrupted;
  if (known?.code === "busy" || known?.code === "storage_failed" || passes(error)) return exits.temporary;
  if (known?.code === "wrong_use") return exits.use;
  if (known?.code === "not_found") return exits.input;
  return exits.failed;
}
