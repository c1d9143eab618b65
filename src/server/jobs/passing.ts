/** Errors that a later attempt may not meet: the machine's, and not those of what was asked. */
import { type ErrorCode, ZerothError } from "../../errors.ts";

const passing: ReadonlySet<ErrorCode> = new Set([
  ...(["busy", "interrupted", "engine_failed", "storage_failed", "out_of_memory"] as const),
]);

export const passes = (error: unknown): boolean => error instanceof ZerothError && passing.has(error.code);
